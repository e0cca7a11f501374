// SPDX-License-Identifier: GPL-2.0-only

//! The way from a host bridge to a device.
//!
//! A guest is shown a tree of buses of its own. To put what holds for several devices in one place of
//! that tree, one has to know which bridges lead to all of them.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use crate::{
    bindings,
    device::{
        as_raw,
        pci_kind,
        PciKind, //
    },
    iommu::Group, //
};
use kernel::{
    device::Device,
    prelude::*, //
};

/// Where a function of a PCI device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The number of the segment, also called domain.
    pub domain: u32,
    /// The number of the bus.
    pub bus: u8,
    /// The numbers of device and function, as five and three bits.
    pub devfn: u8,
}

impl Address {
    /// Returns the address of a device.
    ///
    /// # Safety
    ///
    /// `pdev` is valid.
    pub(super) unsafe fn of(pdev: *mut bindings::pci_dev) -> Self {
        // SAFETY: The device is valid, as the caller promises, and keeps its bus; the fields are set when
        // it is found.
        unsafe { Self::on((*pdev).bus, (*pdev).devfn) }
    }

    /// Returns the address of `devfn` on a bus.
    ///
    /// # Safety
    ///
    /// `bus` is valid.
    unsafe fn on(bus: *mut bindings::pci_bus, devfn: u32) -> Self {
        Self {
            // SAFETY: The bus is valid, as the caller promises.
            // CAST: Numbers of segments are not negative.
            domain: unsafe { bindings::vfio_helper_pci_domain_nr(bus) } as u32,
            // SAFETY: As above; the number changes only when buses are renumbered.
            bus: unsafe { (*bus).number },
            // CAST: It has eight bits.
            devfn: devfn as u8,
        }
    }
}

/// The way from a host bridge to a device.
pub struct Route {
    /// The bus behind the host bridge, as the address of its first function.
    pub host: Address,
    /// The bridges in between, that at the host bridge first.
    pub bridges: KVec<Address>,
    /// The device.
    pub device: Address,
}

/// The ways to the devices of an IOMMU group, bridges left out.
pub struct Routes {
    /// Those to devices on the PCI bus.
    pub pci: KVec<Route>,
    /// The number of devices that are not on that bus.
    pub others: usize,
}

impl Routes {
    /// Returns the ways to no device.
    pub fn none() -> Self {
        Self {
            pci: KVec::new(),
            others: 0,
        }
    }

    /// Adds other ways. Fails with `ENOMEM`.
    pub fn append(&mut self, more: Self) -> Result {
        for route in more.pci {
            self.pci.push(route, GFP_KERNEL)?;
        }
        self.others = self.others.saturating_add(more.others);
        Ok(())
    }

    /// Returns the ways to the devices of `group`. Fails with `ENOMEM`.
    pub fn to(group: &Group) -> Result<Self> {
        let mut routes = Self::none();
        group.for_each_device(&mut |dev| {
            match pci_kind(dev) {
                PciKind::Bridge => {}
                // OVERFLOW: Each of them is in memory.
                PciKind::NotPci => routes.others += 1,
                PciKind::Endpoint => {
                    // SAFETY: The device is on the bus. It has not left it: it leaves its group
                    // before that, which it cannot do meanwhile, as the group's mutex is held.
                    let route = unsafe { Route::to(dev) }?;
                    routes.pci.push(route, GFP_KERNEL)?;
                }
            }
            Ok(())
        })?;
        Ok(routes)
    }
}

impl Route {
    /// Returns the way to `dev`. Fails with `ENOMEM`.
    ///
    /// # Safety
    ///
    /// The device is on the PCI bus and is not taken off it during the call.
    unsafe fn to(dev: &Device) -> Result<Self> {
        // SAFETY: Devices of the PCI bus are the field `dev` of a `struct pci_dev`.
        let pdev = unsafe { kernel::container_of!(as_raw(dev), bindings::pci_dev, dev) };
        // SAFETY: The device is valid.
        let device = unsafe { Address::of(pdev) };
        // SAFETY: The device is valid; the field is set when it is found.
        let mut bus = unsafe { (*pdev).bus };
        let mut bridges = KVec::new();
        // SAFETY: The bus is valid: the first one as above, the others because a bus is taken away
        // after all devices behind it, of which ours is one that is still there.
        while !unsafe { bindings::vfio_helper_pci_is_root_bus(bus) } {
            // SAFETY: As above; the fields are set when the bus is found. Buses of virtual functions
            // have no bridge.
            let (bridge, parent) = unsafe { ((*bus).self_, (*bus).parent) };
            if !bridge.is_null() {
                // SAFETY: The bridge to a bus is there as long as the bus.
                let address = unsafe { Address::of(bridge) };
                bridges.push(address, GFP_KERNEL)?;
            }
            bus = parent;
        }
        bridges.reverse();
        Ok(Self {
            // SAFETY: The bus is valid, as above.
            host: unsafe { Address::on(bus, 0) },
            bridges,
            device,
        })
    }
}
