// SPDX-License-Identifier: GPL-2.0-only

//! A device, and the way to it.

use crate::{
    address,
    failure::Failure,
    roots::{
        hex,
        link_name,
        names,
        text,
        Roots, //
    }, //
};
use std::{
    fs,
    path::Path, //
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

/// Where a hierarchy of PCI buses begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HostBridge {
    pub(crate) domain: u32,
    /// The bus behind it.
    pub(crate) bus: u8,
}

/// A device that is PCI, or in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Device {
    /// Its name in sysfs; that of a PCI device is its address.
    pub(crate) name: String,
    /// What it is, if it is PCI.
    pub(crate) function: Option<Function>,
    /// Where its buses begin, if it is PCI.
    pub(crate) host_bridge: Option<HostBridge>,
    /// The bridges from there down to it.
    pub(crate) bridges: Vec<Address>,
    pub(crate) driver: Option<String>,
    /// Its name among the devices of VFIO, "vfio0", if it is bound to a VFIO driver.
    pub(crate) vfio: Option<String>,
    pub(crate) group: Option<u32>,
    /// The IOMMU that translates for it, "dmar0".
    pub(crate) iommu: Option<String>,
}

impl Device {
    /// Reads a PCI device; [`None`] if it is no longer there.
    pub(super) fn read_pci(roots: &Roots, name: &str) -> Result<Option<Self>, Failure> {
        let Some(address) = address::parse(name) else {
            return Ok(None);
        };
        let Ok(place) = fs::canonicalize(roots.pci_device(name)) else {
            return Ok(None);
        };
        let function = match function(&place, address) {
            Ok(function) => function,
            // It may have gone right now.
            Err(_) if !place.exists() => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let (host_bridge, bridges) = way(&place, address);
        Ok(Some(Self {
            function: Some(function),
            host_bridge,
            bridges,
            group: link_name(&place.join("iommu_group")).and_then(|number| number.parse().ok()),
            ..Self::common(&place, name)
        }))
    }

    /// Reads a member of a group that is not PCI.
    pub(super) fn read_other(roots: &Roots, group: u32, name: &str) -> Self {
        let link = roots
            .sys
            .join(format!("kernel/iommu_groups/{group}/devices"))
            .join(name);
        Self {
            group: Some(group),
            ..Self::common(&link, name)
        }
    }

    fn common(place: &Path, name: &str) -> Self {
        // In this order: the link goes before the entry when a device is unbound.
        let vfio = names(&place.join("vfio-dev")).into_iter().next();
        Self {
            name: name.to_owned(),
            function: None,
            host_bridge: None,
            bridges: Vec::new(),
            driver: link_name(&place.join("driver")),
            vfio,
            group: None,
            iommu: link_name(&place.join("iommu")),
        }
    }

    pub(crate) fn address(&self) -> Option<Address> {
        self.function.as_ref().map(|function| function.address)
    }

    /// Returns whether the host has to drive it for anything behind it to work.
    pub(crate) fn is_bridge(&self) -> bool {
        self.function
            .as_ref()
            .is_some_and(|function| function.buses.is_some())
    }

    /// Returns whether a VFIO driver is about to take it or to let go of it: its link is there before
    /// the entry among VFIO's devices, and goes before it.
    pub(crate) fn is_changing(&self) -> bool {
        match (&self.driver, &self.vfio) {
            (Some(driver), None) => driver.contains("vfio"),
            (None, Some(_)) => true,
            (Some(_), Some(_)) | (None, None) => false,
        }
    }

    /// What devices are sorted by: PCI first, by address.
    pub(super) fn order(&self) -> (bool, Option<Address>, String) {
        let address = self.address();
        (address.is_none(), address, self.name.clone())
    }
}

impl HostBridge {
    /// Returns the host bridge whose folder is called `name`, "pci0000:00".
    fn parse(name: &str) -> Option<Self> {
        let (domain, bus) = name.strip_prefix("pci")?.split_once(':')?;
        Some(Self {
            domain: u32::from_str_radix(domain, 16).ok()?,
            bus: u8::from_str_radix(bus, 16).ok()?,
        })
    }

    /// Returns what it is called, "0000:00".
    pub(crate) fn text(self) -> String {
        format!("{:04x}:{:02x}", self.domain, self.bus)
    }
}

/// Returns how to get to a device at its place in sysfs: .../pci0000:00/BRIDGE/BRIDGE/DEVICE. There
/// may be a host bridge behind a device of another.
fn way(place: &Path, own: Address) -> (Option<HostBridge>, Vec<Address>) {
    let mut host_bridge = None;
    let mut bridges = Vec::new();
    for part in place {
        let part = part.to_string_lossy();
        if let Some(found) = HostBridge::parse(&part) {
            host_bridge = Some(found);
            bridges.clear();
        } else if let Some(address) = address::parse(&part).filter(|&address| address != own) {
            bridges.push(address);
        }
    }
    (host_bridge, bridges)
}

fn function(place: &Path, address: Address) -> Result<Function, Failure> {
    let bus = |name: &str| text(&place.join(name)).ok()?.parse().ok();
    let first = bus("secondary_bus_number");
    Ok(Function {
        address,
        vendor: hex(&place.join("vendor"))?,
        device: hex(&place.join("device"))?,
        class: hex(&place.join("class"))?,
        buses: first.zip(bus("subordinate_bus_number")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_bridges() {
        let bridge = |name| HostBridge::parse(name).map(|bridge| (bridge.domain, bridge.bus));
        assert_eq!(bridge("pci0000:00"), Some((0, 0)));
        assert_eq!(bridge("pci10000:80"), Some((0x10000, 0x80)));
        assert_eq!(bridge("pci_bus"), None);
        assert_eq!(bridge("0000:00:12.0"), None);
    }

    #[test]
    fn ways_begin_at_the_nearest_host_bridge() {
        let at = |text| address::parse(text).unwrap();
        let own = at("10000:e1:00.0");
        let place = "/sys/devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/10000:e1:00.0";
        let (host, bridges) = way(Path::new(place), own);
        assert_eq!(host, HostBridge::parse("pci10000:e0"));
        assert_eq!(bridges, [at("10000:e0:06.0")]);
    }
}
