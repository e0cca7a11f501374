// SPDX-License-Identifier: GPL-2.0-only

//! What the host, or a program, does with a device.
//!
//! A disk is found by where it is in sysfs: below its controller, or for NVMe below a subsystem that the
//! controller belongs to. What is made of disks (LUKS, LVM, RAID) is among their `holders`.

use crate::{
    machine::{
        Device,
        Holders,
        Machine, //
    },
    roots::{
        names,
        text,
        Roots, //
    }, //
};
use std::{
    fmt,
    fs,
    path::{
        Path,
        PathBuf, //
    }, //
};

/// A use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Interface { name: String, up: bool },
    Disk { name: String },
    Mounted { name: String, place: String },
    Swap { name: String },
    Open { pid: u32, command: String },
}

impl Use {
    /// Returns whether taking the device away would hurt.
    pub(super) fn is_needed(&self) -> bool {
        match self {
            Self::Mounted { .. } | Self::Swap { .. } | Self::Open { .. } => true,
            Self::Interface { .. } | Self::Disk { .. } => false,
        }
    }
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interface { name, up: true } => {
                write!(f, "network interface {name}, which is up")
            }
            Self::Interface { name, up: false } => write!(f, "network interface {name}"),
            Self::Disk { name } => write!(f, "disk {name}, not mounted"),
            Self::Mounted { name, place } => write!(f, "disk {name} is mounted on {place}"),
            Self::Swap { name } => write!(f, "disk {name} has swap"),
            Self::Open { pid, command } => write!(f, "{pid} ({command}) has it or its group open"),
        }
    }
}

/// Returns the uses of a device.
pub(super) fn of(roots: &Roots, machine: &Machine, holders: &Holders, device: &Device) -> Vec<Use> {
    let Ok(place) = fs::canonicalize(roots.pci_device(&device.name)) else {
        return Vec::new();
    };
    let mut uses = interfaces(roots, &place);
    uses.extend(disks(roots, &place));
    if let (Some(group), Some(_)) = (device.group, &device.vfio) {
        uses.extend(
            holders
                .of_group(machine, group)
                .into_iter()
                .map(|holder| Use::Open {
                    pid: holder.pid,
                    command: holder.command,
                }),
        );
    }
    uses
}

fn interfaces(roots: &Roots, place: &Path) -> Vec<Use> {
    let class = roots.sys.join("class/net");
    names(&class)
        .into_iter()
        .filter(|name| is_below(&class.join(name), place))
        .map(|name| Use::Interface {
            // The flag IFF_UP.
            up: text(&class.join(&name).join("flags"))
                .ok()
                .and_then(|flags| u32::from_str_radix(flags.trim_start_matches("0x"), 16).ok())
                .is_some_and(|flags| flags & 1 != 0),
            name,
        })
        .collect()
}

fn disks(roots: &Roots, place: &Path) -> Vec<Use> {
    let class = roots.sys.join("class/block");
    let subsystems: Vec<PathBuf> = subsystems(roots, place);
    let is_its = |name: &String| {
        let disk = class.join(name);
        let of_subsystem = |subsystem: &PathBuf| is_below(&disk, subsystem);
        is_below(&disk, place) || subsystems.iter().any(of_subsystem)
    };
    let mut uses = Vec::new();
    for name in names(&class).into_iter().filter(is_its) {
        let found = uses_of_disk(roots, &name);
        // A whole disk whose partitions are used is not worth a line of its own.
        let whole = !class.join(&name).join("partition").exists();
        if whole && found.is_empty() {
            uses.push(Use::Disk { name });
        } else {
            uses.extend(found);
        }
    }
    let used: Vec<String> = uses
        .iter()
        .filter_map(|used| match used {
            Use::Mounted { name, .. } | Use::Swap { name } => Some(name.clone()),
            _ => None,
        })
        .collect();
    uses.retain(|each| match each {
        Use::Disk { name } => !used.iter().any(|used| used.starts_with(name.as_str())),
        _ => true,
    });
    uses
}

/// Returns the NVMe subsystems of which a controller is this device.
fn subsystems(roots: &Roots, place: &Path) -> Vec<PathBuf> {
    let class = roots.sys.join("class/nvme-subsystem");
    names(&class)
        .into_iter()
        .filter_map(|name| fs::canonicalize(class.join(name)).ok())
        .filter(|subsystem| {
            let controllers = names(subsystem).into_iter();
            controllers
                .filter(|name| name.starts_with("nvme"))
                .any(|name| is_below(&subsystem.join(name), place))
        })
        .collect()
}

/// Returns the mounts and the swap of a disk or partition, and of what was made of it.
fn uses_of_disk(roots: &Roots, name: &str) -> Vec<Use> {
    let folder = roots.sys.join("class/block").join(name);
    let mut uses = Vec::new();
    for place in mounts(roots, &folder, name) {
        uses.push(Use::Mounted {
            name: name.to_owned(),
            place,
        });
    }
    if has_swap(roots, name) {
        uses.push(Use::Swap {
            name: name.to_owned(),
        });
    }
    for holder in names(&folder.join("holders")) {
        uses.extend(uses_of_disk(roots, &holder));
    }
    uses
}

/// Returns where a disk is mounted: by its number, or by its name for file systems such as btrfs that
/// have numbers of their own.
fn mounts(roots: &Roots, folder: &Path, name: &str) -> Vec<String> {
    let number = text(&folder.join("dev")).unwrap_or_default();
    let node = format!("/dev/{name}");
    let mapped = text(&folder.join("dm/name")).map(|name| format!("/dev/mapper/{name}"));
    let table = text(&roots.proc.join("self/mountinfo")).unwrap_or_default();
    let place = |line: &str| {
        let (before, after) = line.split_once(" - ")?;
        let mut words = before.split(' ').skip(2);
        let its_number = words.next()?;
        let place = words.nth(1)?;
        let source = after.split(' ').nth(1)?;
        let is_it = its_number == number
            || source == node
            || mapped.as_ref().is_ok_and(|mapped| source == mapped);
        is_it.then(|| place.to_owned())
    };
    table.lines().filter_map(place).collect()
}

fn has_swap(roots: &Roots, name: &str) -> bool {
    let table = text(&roots.proc.join("swaps")).unwrap_or_default();
    let node = format!("/dev/{name}");
    table
        .lines()
        .any(|line| line.split_whitespace().next() == Some(node.as_str()))
}

/// Returns whether a link leads to something below `place`.
fn is_below(link: &Path, place: &Path) -> bool {
    fs::canonicalize(link).is_ok_and(|target| target.starts_with(place))
}
