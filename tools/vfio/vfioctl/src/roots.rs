// SPDX-License-Identifier: GPL-2.0-only

//! Where the kernel's file systems are, and how their small files are read.
//!
//! All that the tool knows comes from below these folders, so that a test can give it a machine that
//! is not there.

use crate::failure::Failure;
use std::{
    fs,
    io,
    path::{
        Path,
        PathBuf, //
    }, //
};

/// The folders.
#[derive(Clone, Debug)]
pub(crate) struct Roots {
    /// sysfs.
    pub(crate) sys: PathBuf,
    /// procfs.
    pub(crate) proc: PathBuf,
    /// The nodes of devices.
    pub(crate) dev: PathBuf,
}

impl Roots {
    /// Returns those of this machine.
    pub(crate) fn host() -> Self {
        Self::below(Path::new("/"))
    }

    /// Returns those of the machine whose root folder is `root`.
    pub(crate) fn below(root: &Path) -> Self {
        Self {
            sys: root.join("sys"),
            proc: root.join("proc"),
            dev: root.join("dev"),
        }
    }

    /// Returns the folder of a PCI device, which is a link.
    pub(crate) fn pci_device(&self, name: &str) -> PathBuf {
        self.sys.join("bus/pci/devices").join(name)
    }

    /// Returns the folder of a PCI driver.
    pub(crate) fn pci_driver(&self, name: &str) -> PathBuf {
        self.sys.join("bus/pci/drivers").join(name)
    }

    /// Returns the folder of VFIO's groups.
    pub(crate) fn vfio_class(&self) -> PathBuf {
        self.sys.join("class/vfio")
    }

    /// Returns the folder of a module: there if it is loaded, or built in and has parameters.
    pub(crate) fn module(&self, name: &str) -> PathBuf {
        self.sys.join("module").join(name)
    }

    /// Returns the value of a parameter of a module; [`None`] if the module has none of that name.
    pub(crate) fn parameter(&self, module: &str, name: &str) -> Option<String> {
        text(&self.module(module).join("parameters").join(name)).ok()
    }

    /// Returns whether a parameter is on; [`None`] if there is none of that name.
    pub(crate) fn switch(&self, module: &str, name: &str) -> Option<bool> {
        self.parameter(module, name)
            .map(|value| matches!(value.as_str(), "Y" | "y" | "1"))
    }
}

/// Returns what is in a file, without the space around it.
///
/// # Errors
///
/// Those of reading it.
pub(crate) fn text(path: &Path) -> io::Result<String> {
    Ok(fs::read_to_string(path)?.trim().to_owned())
}

/// Returns the last part of what a link leads to; [`None`] without a link.
pub(crate) fn link_name(path: &Path) -> Option<String> {
    let target = fs::read_link(path).ok()?;
    Some(target.file_name()?.to_str()?.to_owned())
}

/// Reads a file with a number, "0x8086".
///
/// # Errors
///
/// If it cannot be read, or is no such number.
pub(crate) fn hex<T: TryFrom<u32>>(path: &Path) -> Result<T, Failure> {
    let text = text(path).map_err(|e| Failure::of(path.display().to_string(), e))?;
    let number = u32::from_str_radix(text.trim_start_matches("0x"), 16).ok();
    number
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| Failure::new(format!("{}: not a number", path.display())))
}

/// Returns the names in a folder, sorted; none if there is no such folder.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}
