// SPDX-License-Identifier: GPL-2.0-only

//! Being told what becomes of virtual functions.
//!
//! A [`VfWatch`] watches the PCI bus, and passes on to its [`VfWatcher`] what concerns the virtual
//! functions of one device.
//!
//! Lock order: a watcher runs with the list held, and possibly the lock of the virtual function. A
//! [`VfWatch`] is dropped with none of the locks held that its watcher takes.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use super::{
    BusEvent,
    BusWatch,
    BusWatcher,
    Device, //
};
use crate::{
    bindings,
    device::{
        as_raw,
        pci_kind,
        DriverName,
        PciKind, //
    }, //
};
use core::{
    marker::PhantomData,
    ptr, //
};
use kernel::{
    container_of,
    device,
    error::to_result,
    prelude::*, //
};

/// Who is told by a [`VfWatch`].
pub trait VfWatcher: Send + Sync {
    /// A virtual function was found. No driver was looked for yet.
    fn found(&self, vf: &FoundVf<'_>);

    /// A virtual function was bound to a driver that is not the physical function's.
    fn strayed(&self, vf: &device::Device, driver: DriverName);
}

/// A virtual function that has just been found.
///
/// # Invariants
///
/// `dev` is the device of a `struct pci_dev`, and valid during `'a`.
pub struct FoundVf<'a> {
    dev: *mut bindings::device,
    _device: PhantomData<&'a ()>,
}

impl FoundVf<'_> {
    /// Returns the device as the driver core sees it.
    pub fn device(&self) -> &device::Device {
        // SAFETY: The device is valid by the type invariant.
        unsafe { device::Device::from_raw(self.dev) }
    }

    /// Leaves the device to the driver called `driver`, and to no other.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn set_driver_override(&self, driver: &CStr) -> Result {
        let name = driver.to_bytes();
        // SAFETY: The device is valid by the type invariant; the call copies the name, whose length
        // is given.
        to_result(unsafe {
            bindings::__device_set_driver_override(self.dev, driver.as_char_ptr(), name.len())
        })
    }
}

/// Tells a [`VfWatcher`] what becomes of the virtual functions of one device.
pub struct VfWatch<W: VfWatcher> {
    _watch: Pin<KBox<BusWatch<Filter<W>>>>,
}

impl<W: VfWatcher> VfWatch<W> {
    /// Starts to watch the virtual functions of `pf`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, those of the driver core.
    pub fn new(pf: &Device, watcher: W) -> Result<Self> {
        let pf = pf.clone();
        Ok(Self {
            _watch: BusWatch::new(Filter { pf, watcher })?,
        })
    }
}

/// Passes on what concerns the virtual functions of `pf`.
struct Filter<W> {
    pf: Device,
    watcher: W,
}

impl<W: VfWatcher> BusWatcher for Filter<W> {
    fn happened(&self, dev: &device::Device, event: BusEvent) {
        if !self.is_parent_of(dev) {
            return;
        }
        match event {
            BusEvent::Added => {
                // INVARIANT: The device is valid during the call, which the value does not leave.
                self.watcher.found(&FoundVf {
                    dev: as_raw(dev),
                    _device: PhantomData,
                });
            }
            BusEvent::Bound(driver) if driver.id != self.driver_id() => {
                self.watcher.strayed(dev, driver.name);
            }
            BusEvent::Bound(_) | BusEvent::Leaving | BusEvent::Left | BusEvent::Unbound => {}
        }
    }
}

impl<W> Filter<W> {
    /// Returns whether `dev` is a virtual function of the device.
    fn is_parent_of(&self, dev: &device::Device) -> bool {
        if pci_kind(dev) == PciKind::NotPci {
            return false;
        }
        // SAFETY: Devices of the PCI bus are the field `dev` of a `struct pci_dev`, valid as long as
        // they are.
        let vf = unsafe { container_of!(as_raw(dev), bindings::pci_dev, dev) };
        // SAFETY: The device is valid; a virtual function keeps its physical function alive.
        unsafe {
            bindings::vfio_helper_pci_dev_is_virtfn(vf)
                && ptr::eq(bindings::vfio_helper_pci_physfn(vf), self.pf.as_raw())
        }
    }

    /// Returns what tells the driver of the device apart from others.
    fn driver_id(&self) -> usize {
        // SAFETY: The physical function is bound to us while its handle exists, so its driver does not
        // change.
        unsafe { (*self.pf.as_raw()).dev.driver }.addr()
    }
}
