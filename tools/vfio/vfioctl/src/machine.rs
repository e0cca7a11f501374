// SPDX-License-Identifier: GPL-2.0-only

//! The devices and groups of a machine, as they are at one moment.
//!
//! All of it is read from sysfs, so it is the same with the C modules, with ours and without VFIO.

mod class;
mod device;
mod group;
mod holders;
mod viability;

pub(crate) use class::name as class_name;
pub(crate) use device::{
    Device,
    Function,
    HostBridge, //
};
pub(crate) use group::{
    configfs,
    mount_of,
    Group,
    Synthetic, //
};
pub(crate) use holders::{
    Held,
    Holder,
    Holders, //
};
pub(crate) use viability::{
    Blocker,
    Reason,
    Viability, //
};

use crate::{
    address,
    failure::Failure,
    roots::{
        names,
        Roots, //
    },
    wanted::Wanted, //
};
use std::collections::BTreeMap;
use vfio_user::Address;

/// What there is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Machine {
    /// All PCI devices, then what else is in a group; in order of addresses and names.
    pub(crate) devices: Vec<Device>,
    /// The groups, by number.
    pub(crate) groups: BTreeMap<u32, Group>,
    /// Groups that somebody made of several, by name.
    pub(crate) synthetic: Vec<Synthetic>,
    /// Which modules are there.
    pub(crate) modules: Modules,
}

/// Which VFIO is loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Modules {
    /// None.
    #[default]
    None,
    /// The kernel's own: members without a driver do not block.
    C,
    /// Ours, with its parameter `strict_viability`.
    Rust { strict: bool },
}

impl Machine {
    /// Reads what there is now.
    ///
    /// # Errors
    ///
    /// If sysfs says something that cannot be understood. What goes away meanwhile is left out.
    pub(crate) fn read(roots: &Roots) -> Result<Self, Failure> {
        let mut devices = Vec::new();
        for name in names(&roots.sys.join("bus/pci/devices")) {
            devices.extend(Device::read_pci(roots, &name)?);
        }
        let mut groups = BTreeMap::new();
        for name in names(&roots.sys.join("kernel/iommu_groups")) {
            let Ok(number) = name.parse() else { continue };
            let group = Group::read(roots, number);
            for member in &group.members {
                if !devices.iter().any(|device| device.name == *member) {
                    devices.push(Device::read_other(roots, number, member));
                }
            }
            groups.insert(number, group);
        }
        devices.sort_by_key(Device::order);
        Ok(Self {
            devices,
            groups,
            synthetic: Synthetic::read_all(roots),
            modules: Modules::read(roots),
        })
    }

    /// Returns a device by its name.
    pub(crate) fn device(&self, name: &str) -> Option<&Device> {
        self.devices.iter().find(|device| device.name == name)
    }

    /// Returns a PCI device.
    pub(crate) fn at(&self, address: Address) -> Option<&Device> {
        let is_it = |device: &&Device| device.address() == Some(address);
        self.devices.iter().find(is_it)
    }

    /// Returns the devices of a group, bridges too.
    pub(crate) fn members(&self, group: u32) -> impl Iterator<Item = &Device> {
        let is_in = move |device: &&Device| device.group == Some(group);
        self.devices.iter().filter(is_in)
    }

    /// Returns a group.
    ///
    /// # Errors
    ///
    /// If there is none of that number.
    pub(crate) fn group(&self, number: u32) -> Result<&Group, Failure> {
        let group = self.groups.get(&number);
        group.ok_or_else(|| Failure::new(format!("there is no IOMMU group {number}")))
    }

    /// Returns the number of the group that somebody has named.
    ///
    /// # Errors
    ///
    /// If there is no such group or device, or the device has no group.
    pub(crate) fn find(&self, wanted: Wanted) -> Result<u32, Failure> {
        match wanted {
            Wanted::Number(number) => self.group(number).map(|group| group.number),
            Wanted::Device(address) => {
                let name = address::text(address);
                let device = self.at(address);
                let device = device
                    .ok_or_else(|| Failure::new(format!("the device {name} is not there")))?;
                device.group.ok_or_else(|| {
                    Failure::new(format!(
                        "{name} has no IOMMU group; \"vfioctl doctor\" says what that takes"
                    ))
                })
            }
        }
    }

    /// Returns the groups that were named, each once, in order; all of them if none was.
    ///
    /// # Errors
    ///
    /// As for [`find`](Self::find).
    pub(crate) fn choose(&self, wanted: &[Wanted]) -> Result<Vec<&Group>, Failure> {
        if wanted.is_empty() {
            return Ok(self.groups.values().collect());
        }
        let mut numbers = wanted
            .iter()
            .map(|&wanted| self.find(wanted))
            .collect::<Result<Vec<u32>, Failure>>()?;
        numbers.sort_unstable();
        numbers.dedup();
        numbers
            .into_iter()
            .map(|number| self.group(number))
            .collect()
    }
}

impl Modules {
    fn read(roots: &Roots) -> Self {
        match roots.switch("vfio", "strict_viability") {
            Some(strict) => Self::Rust { strict },
            None if roots.module("vfio").exists() => Self::C,
            None => Self::None,
        }
    }

    /// Returns whether a member without a driver keeps its group from being handed out.
    pub(crate) fn strict(self) -> bool {
        matches!(self, Self::Rust { strict: true })
    }
}

#[cfg(test)]
mod tests;
