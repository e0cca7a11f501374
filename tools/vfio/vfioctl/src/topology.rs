// SPDX-License-Identifier: GPL-2.0-only

//! The devices of a group, and the bridges that lead to them, as sysfs has them.

use crate::{
    address,
    failure::Failure, //
};
use std::{
    fs,
    path::{
        Path,
        PathBuf, //
    }, //
};
use vfio_user::Address;

/// A PCI function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) address: Address,
    pub(crate) vendor: u16,
    pub(crate) device: u16,
    /// Class, subclass and programming interface.
    pub(crate) class: u32,
    /// For a bridge the first and the last bus behind it.
    pub(crate) buses: Option<(u8, u8)>,
}

/// A device of a group, with the bridges from the host bridge down to it.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) function: Function,
    pub(crate) bridges: Vec<Function>,
    /// The bus behind the host bridge.
    pub(crate) root_bus: u8,
}

/// Returns the number of the group of a device.
pub(crate) fn group_of(device: Address) -> Result<u32, Failure> {
    let name = address::text(device);
    let link = Path::new("/sys/bus/pci/devices")
        .join(&name)
        .join("iommu_group");
    let target = fs::read_link(&link)
        .map_err(|e| Failure::of(format!("{name} is not there, or has no IOMMU group"), e))?;
    let number = target
        .file_name()
        .and_then(|name| name.to_str()?.parse().ok());
    number.ok_or_else(|| Failure::new(format!("{}: not the name of a group", target.display())))
}

/// Returns the devices of a group, bridges left out, in order of their addresses.
pub(crate) fn members(group: u32) -> Result<Vec<Member>, Failure> {
    let folder = PathBuf::from(format!("/sys/kernel/iommu_groups/{group}/devices"));
    let names = fs::read_dir(&folder)
        .map_err(|e| Failure::of(format!("there is no IOMMU group {group}"), e))?;
    let mut members = Vec::new();
    for name in names {
        let name = name.map_err(|e| Failure::of(format!("group {group}"), e))?;
        let place = fs::canonicalize(name.path())
            .map_err(|e| Failure::of(format!("{}", name.path().display()), e))?;
        members.push(member(&place)?);
    }
    members.retain(|member| member.function.buses.is_none());
    members.sort_by_key(|member| member.function.address);
    Ok(members)
}

/// Reads a device at its place in sysfs: .../pci0000:00/BRIDGE/BRIDGE/DEVICE.
fn member(place: &Path) -> Result<Member, Failure> {
    let mut bridges = Vec::new();
    let mut root_bus = None;
    let mut so_far = PathBuf::new();
    for part in place {
        so_far.push(part);
        let part = part.to_string_lossy();
        if let Some(bus) = root_bus_of(&part) {
            root_bus = Some(bus);
        } else if let (Some(_), Some(address)) = (root_bus, address::parse(&part)) {
            bridges.push(function(&so_far, address)?);
        }
    }
    match (root_bus, bridges.pop()) {
        (Some(root_bus), Some(function)) => Ok(Member {
            function,
            bridges,
            root_bus,
        }),
        _ => Err(Failure::new(format!(
            "{} is no PCI device",
            place.display()
        ))),
    }
}

/// Returns the bus that a folder "pci0000:00" is about.
fn root_bus_of(name: &str) -> Option<u8> {
    let (_, bus) = name.strip_prefix("pci")?.split_once(':')?;
    u8::from_str_radix(bus, 16).ok()
}

fn function(folder: &Path, address: Address) -> Result<Function, Failure> {
    let buses = ["secondary_bus_number", "subordinate_bus_number"].map(|name| {
        fs::read_to_string(folder.join(name))
            .ok()?
            .trim()
            .parse()
            .ok()
    });
    Ok(Function {
        address,
        vendor: hex(folder, "vendor")?,
        device: hex(folder, "device")?,
        class: hex(folder, "class")?,
        buses: match buses {
            [Some(first), Some(last)] => Some((first, last)),
            _ => None,
        },
    })
}

/// Reads a file with a number, "0x8086".
fn hex<T: TryFrom<u32>>(folder: &Path, name: &str) -> Result<T, Failure> {
    let path = folder.join(name);
    let text =
        fs::read_to_string(&path).map_err(|e| Failure::of(format!("{}", path.display()), e))?;
    let digits = text.trim().trim_start_matches("0x");
    let number = u32::from_str_radix(digits, 16).ok();
    number
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| Failure::new(format!("{}: not a number", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_buses() {
        assert_eq!(root_bus_of("pci0000:00"), Some(0));
        assert_eq!(root_bus_of("pci0001:80"), Some(0x80));
        assert_eq!(root_bus_of("pci_bus"), None);
        assert_eq!(root_bus_of("0000:00:12.0"), None);
    }
}
