// SPDX-License-Identifier: GPL-2.0-only

//! `vfioctl merge` and `vfioctl unmerge`: groups made of several, which programs open as one.
//!
//! They are folders in configfs, which our modules have. A program that knows nothing of it opens
//! `/dev/vfio/NAME`, and has all of them.

use crate::{
    failure::Failure,
    kernel::Kernel,
    machine::{
        configfs,
        mount_of,
        Machine, //
    },
    roots::Roots,
    wanted::{
        self,
        Wanted, //
    }, //
};
use std::{
    io,
    path::{
        Path,
        PathBuf, //
    }, //
};

/// What the command line of `merge` says.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What the new group is to be called: /dev/vfio/NAME is its node
    #[arg(value_parser = parse_name)]
    name: String,

    /// The groups, by number, node or PCI address of a device
    #[arg(value_name = "GROUP|DEVICE", required = true, value_parser = wanted::parse)]
    groups: Vec<Wanted>,
}

/// What the command line of `unmerge` says.
#[derive(clap::Args)]
pub(crate) struct UnmergeArguments {
    /// What the group is called
    #[arg(value_parser = parse_name)]
    name: String,
}

/// Returns a name that no other node in `/dev/vfio` can have.
fn parse_name(text: &str) -> Result<String, String> {
    let is_taken = matches!(text, "vfio" | "devices" | "." | "..") || text.starts_with("noiommu-");
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    match is_taken || is_number || text.contains('/') {
        true => Err(
            "neither a number, nor \"vfio\", \"devices\" or \"noiommu-…\", without \"/\"".into(),
        ),
        false => Ok(text.to_owned()),
    }
}

/// Makes a group, and returns what has been made.
///
/// # Errors
///
/// If the modules do not know it, the name is taken, or the groups cannot be put together.
pub(crate) fn merge(
    roots: &Roots,
    kernel: &dyn Kernel,
    arguments: &Arguments,
) -> Result<String, Failure> {
    let machine = Machine::read(roots)?;
    let mut numbers = Vec::new();
    for &wanted in &arguments.groups {
        let number = machine.find(wanted)?;
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
    let numbers = numbers.join(" ");
    let name = &arguments.name;
    let folder = folder(roots, kernel)?.join(name);
    kernel.make_folder(&folder).map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => Failure::new(format!("there is a group {name} already")),
        _ => Failure::of(format!("group {name} cannot be made"), e),
    })?;
    let undo = |failure| {
        // What cannot be removed stays visible in configfs, and in "vfioctl list".
        let _ = kernel.remove_folder(&folder);
        failure
    };
    write(kernel, &folder.join("members"), &numbers)
        .and_then(|()| write(kernel, &folder.join("enable"), "1"))
        .map_err(undo)?;
    Ok(format!(
        "/dev/vfio/{name} is made of the groups {numbers}\n"
    ))
}

/// Takes a group apart, and returns what has been done.
///
/// # Errors
///
/// If there is none of that name, or a program has it open.
pub(crate) fn unmerge(
    roots: &Roots,
    kernel: &dyn Kernel,
    arguments: &UnmergeArguments,
) -> Result<String, Failure> {
    let name = &arguments.name;
    let folder = folder(roots, kernel)?.join(name);
    if !folder.is_dir() {
        return Err(Failure::new(format!(
            "there is no group {name} that was made of others"
        )));
    }
    write(kernel, &folder.join("enable"), "0")?;
    kernel
        .remove_folder(&folder)
        .map_err(|e| Failure::of(format!("{} cannot be removed", folder.display()), e))?;
    Ok(format!(
        "/dev/vfio/{name} is gone; its groups are as they were\n"
    ))
}

/// Returns the folder that such groups are in. Configfs is mounted if it is not.
fn folder(roots: &Roots, kernel: &dyn Kernel) -> Result<PathBuf, Failure> {
    if mount_of(roots, "configfs").is_none() {
        let place = roots.sys.join("kernel/config");
        // If that fails, the folder is not there.
        let _ = kernel.mount_configfs(&place);
    }
    configfs(roots).ok_or_else(|| {
        Failure::new(
            "the VFIO modules that are loaded make no groups of several: they have no folder \"vfio\" in \
             configfs",
        )
    })
}

fn write(kernel: &dyn Kernel, path: &Path, text: &str) -> Result<(), Failure> {
    kernel.write(path, text).map_err(|e| {
        let what = match e.kind() {
            io::ErrorKind::ResourceBusy => "it, or a group of it, is in use".to_owned(),
            _ => format!(
                "writing {text:?} to {}; the kernel's log says more",
                path.display()
            ),
        };
        Failure::of(what, e)
    })
}

#[cfg(test)]
mod tests;
