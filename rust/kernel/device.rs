// SPDX-License-Identifier: GPL-2.0-only

//! Questions about devices that belong to somebody else.
//!
//! An IOMMU group can have devices of any bus, bound to any driver. To tell a user why a group
//! cannot be used, VFIO must name them.
//!
//! C header: [`include/linux/device.h`](srctree/include/linux/device.h)

use crate::bindings;
use kernel::{
    device::Device,
    fmt,
    prelude::*, //
};

/// Returns the C device.
pub(crate) fn as_raw(dev: &Device) -> *mut bindings::device {
    // CAST: `Device` is a transparent wrapper of `struct device`.
    core::ptr::from_ref(dev)
        .cast::<bindings::device>()
        .cast_mut()
}

/// Returns a number that no other device has as long as this one is there.
pub fn as_id(dev: &Device) -> usize {
    core::ptr::from_ref(dev).addr()
}

/// Returns whether both are the same device.
pub fn same_device(a: &Device, b: &Device) -> bool {
    core::ptr::eq(a, b)
}

/// What a device is to the PCI bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PciKind {
    /// It is not on that bus.
    NotPci,
    /// It has functions of its own.
    Endpoint,
    /// It leads to other devices: a root port, a port of a switch, or a CardBus bridge.
    Bridge,
}

/// Returns what `dev` is to the PCI bus.
pub fn pci_kind(dev: &Device) -> PciKind {
    let raw = as_raw(dev);
    // SAFETY: The device is valid; its bus was set before it was added and does not change.
    let bus = unsafe { (*raw).bus };
    if !core::ptr::eq(bus, &raw const bindings::pci_bus_type) {
        return PciKind::NotPci;
    }
    // SAFETY: Devices of this bus are the field `dev` of a `struct pci_dev`, valid as long as they
    // are.
    let pdev = unsafe { kernel::container_of!(raw, bindings::pci_dev, dev) };
    // SAFETY: As above; the field is set when the device is found and does not change.
    match unsafe { (*pdev).hdr_type } {
        1 | 2 => PciKind::Bridge,
        _ => PciKind::Endpoint,
    }
}

/// A copy of the name of a driver, cut off after 48 bytes.
#[derive(Clone, Copy)]
pub struct DriverName {
    bytes: [u8; 48],
    len: usize,
    leaves_dma: bool,
}

impl DriverName {
    pub(crate) fn new(name: &CStr) -> Self {
        let mut bytes = [0; 48];
        let mut len = 0;
        for (to, from) in bytes.iter_mut().zip(name.to_bytes()) {
            *to = *from;
            len += 1;
        }
        Self {
            bytes,
            len,
            leaves_dma: false,
        }
    }

    /// Returns whether the driver leaves it to others who owns the DMA of its devices.
    pub fn leaves_dma(&self) -> bool {
        self.leaves_dma
    }

    /// Returns the name.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl fmt::Display for DriverName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.as_bytes().utf8_chunks() {
            f.write_str(chunk.valid())?;
        }
        Ok(())
    }
}

/// The driver of a device, as far as it can be told at the moment.
#[derive(Clone, Copy)]
pub enum Driver {
    /// The device has no driver.
    None,
    /// The device is being bound or unbound, or a driver is otherwise busy with it.
    Changing,
    /// The device is bound to the driver of this name.
    Bound(DriverName),
}

/// Returns the driver of `dev`.
///
/// This does not wait, so it may be called with the mutex of an IOMMU group held, which nests
/// inside the locks of devices.
pub fn driver_of(dev: &Device) -> Driver {
    let raw = as_raw(dev);
    // SAFETY: The device is valid, and its mutex was initialised with it.
    if unsafe { bindings::mutex_trylock(&raw mut (*raw).mutex) } == 0 {
        return Driver::Changing;
    }
    // SAFETY: The device is valid. A driver is bound and unbound with the device's mutex held,
    // which we hold.
    let driver = unsafe { (*raw).driver };
    let answer = if driver.is_null() {
        Driver::None
    } else {
        // SAFETY: A driver is only unregistered after it was unbound from all devices, so it and
        // its name, a C string, are valid while we hold the mutex.
        let mut name = DriverName::new(unsafe { CStr::from_char_ptr((*driver).name) });
        if pci_kind(dev) != PciKind::NotPci {
            // SAFETY: As above; a driver of a PCI device is the field `driver` of a `struct pci_driver`.
            name.leaves_dma = unsafe {
                let driver = kernel::container_of!(driver, bindings::pci_driver, driver);
                (*driver).driver_managed_dma
            };
        }
        Driver::Bound(name)
    };
    // SAFETY: The mutex was taken above by this thread.
    unsafe { bindings::mutex_unlock(&raw mut (*raw).mutex) };
    answer
}
