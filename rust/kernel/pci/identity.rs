// SPDX-License-Identifier: GPL-2.0-only

//! What identifies a PCI device, whoever drives it.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use super::Address;
use crate::{
    bindings,
    device::{
        as_raw,
        pci_kind,
        PciKind, //
    }, //
};
use kernel::device::Device;

/// Where a PCI device is, and what it says that it is.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// Its place.
    pub address: Address,
    /// The number of the vendor.
    pub vendor: u16,
    /// The vendor's number for it.
    pub device: u16,
    /// Class, subclass and programming interface, eight bits each.
    pub class: u32,
}

impl Identity {
    /// Returns what identifies `dev`, or [`None`] if it is on another bus.
    pub fn of(dev: &Device) -> Option<Self> {
        if pci_kind(dev) == PciKind::NotPci {
            return None;
        }
        // SAFETY: Devices of the PCI bus are the field `dev` of a `struct pci_dev`, valid as long as
        // they are.
        let pdev = unsafe { kernel::container_of!(as_raw(dev), bindings::pci_dev, dev) };
        // SAFETY: The device is valid; it keeps its bus, and the fields are set when it is found.
        unsafe {
            Some(Self {
                address: Address::of(pdev),
                vendor: (*pdev).vendor,
                device: (*pdev).device,
                class: (*pdev).class,
            })
        }
    }
}
