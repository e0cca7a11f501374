// SPDX-License-Identifier: GPL-2.0-only

//! Which programs have groups and devices open.
//!
//! VFIO has no list of them for everybody, but each program's open files are in procfs. Only root
//! sees those of other users.

use super::Machine;
use crate::roots::{
    link_name,
    names,
    text,
    Roots, //
};
use std::{
    collections::BTreeSet,
    fs,
    io,
    path::Path, //
};

/// Something that is open.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Held {
    /// `/dev/vfio/NAME`: a group, or one made of several.
    Node(String),
    /// A device; [`None`] where the kernel does not say which.
    Device(Option<String>),
}

/// A program that has something open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) pid: u32,
    pub(crate) command: String,
    pub(crate) held: BTreeSet<Held>,
}

/// All that could be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holders {
    /// In order of their numbers.
    pub(crate) holders: Vec<Holder>,
    /// How many programs could not be looked into.
    pub(crate) hidden: usize,
}

impl Holders {
    /// Looks through all programs.
    pub(crate) fn read(roots: &Roots, machine: &Machine) -> Self {
        let mut all = Self::default();
        // What this program has open it was started with; who started it is shown.
        let own = link_name(&roots.proc.join("self"));
        for name in names(&roots.proc) {
            let Ok(pid) = name.parse() else { continue };
            if own.as_ref() == Some(&name) {
                continue;
            }
            let folder = roots.proc.join(&name);
            match held(roots, &folder, machine) {
                Ok(held) if held.is_empty() => {}
                Ok(held) => all.holders.push(Holder {
                    pid,
                    command: text(&folder.join("comm")).unwrap_or_default(),
                    held,
                }),
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => all.hidden += 1,
                // It has ended.
                Err(_) => {}
            }
        }
        all.holders.sort_by_key(|holder| holder.pid);
        all
    }

    /// Returns who has the group or a device of it, and which of that.
    pub(crate) fn of_group(&self, machine: &Machine, group: u32) -> Vec<Holder> {
        let node = machine.groups.get(&group);
        let node = node.and_then(|group| group.class_name.as_ref());
        let is_its = |held: &Held| match held {
            Held::Node(name) => Some(name) == node,
            Held::Device(Some(name)) => machine
                .device(name)
                .is_some_and(|device| device.group == Some(group)),
            Held::Device(None) => false,
        };
        let part = |holder: &Holder| {
            let held: BTreeSet<Held> = holder
                .held
                .iter()
                .filter(|&held| is_its(held))
                .cloned()
                .collect();
            (!held.is_empty()).then(|| Holder {
                held,
                ..holder.clone()
            })
        };
        self.holders.iter().filter_map(part).collect()
    }
}

impl Holder {
    /// Returns what it has open, as text.
    pub(crate) fn files(&self) -> Vec<String> {
        let text = |held: &Held| match held {
            Held::Node(name) => format!("/dev/vfio/{name}"),
            Held::Device(Some(name)) => name.clone(),
            Held::Device(None) => "a device".to_owned(),
        };
        self.held.iter().map(text).collect()
    }
}

/// Returns what the program with that folder has open.
fn held(roots: &Roots, program: &Path, machine: &Machine) -> io::Result<BTreeSet<Held>> {
    let mut all = BTreeSet::new();
    for entry in fs::read_dir(program.join("fd"))? {
        let entry = entry?;
        let Ok(target) = fs::read_link(entry.path()) else {
            continue;
        };
        let target = target.to_string_lossy();
        if target == "anon_inode:[vfio-device]" {
            let info = program.join("fdinfo").join(entry.file_name());
            all.insert(Held::Device(device_of(&info)));
        } else if let Ok(node) = Path::new(&*target).strip_prefix(roots.dev.join("vfio")) {
            all.extend(node.to_str().and_then(|node| of_node(machine, node)));
        }
    }
    Ok(all)
}

/// Returns what a file below `/dev/vfio` is.
fn of_node(machine: &Machine, node: &str) -> Option<Held> {
    if let Some(name) = node.strip_prefix("devices/") {
        let is_it = |device: &&super::Device| device.vfio.as_deref() == Some(name);
        let device = machine.devices.iter().find(is_it);
        return Some(Held::Device(device.map(|device| device.name.clone())));
    }
    // That is the file of a container.
    (node != "vfio").then(|| Held::Node(node.to_owned()))
}

/// Returns the device of an open file, which later kernels tell.
fn device_of(info: &Path) -> Option<String> {
    let info = fs::read_to_string(info).ok()?;
    let find = |line: &str| line.strip_prefix("vfio-device-syspath:").map(str::to_owned);
    let path = info.lines().find_map(find)?;
    Some(path.trim().rsplit('/').next()?.to_owned())
}
