// SPDX-License-Identifier: GPL-2.0-only

//! Resetting everything in a slot or on a bus.
//!
//! A function that cannot be reset alone may share a reset with its neighbours: the bridge above
//! them resets its bus, or a hotplug controller its slot. [`HotReset`] is that reset. It hits every
//! function below the slot or bus, whoever drives it, so the caller first lists them
//! ([`HotReset::try_for_each`]) and makes sure that nobody is surprised.
//!
//! Lock order: the list of PCI devices (`pci_bus_sem`) is taken inside every lock of VFIO. The locks
//! of devices are only *tried*, see [`reset`](super::reset).
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use super::{
    Address,
    Device, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    device,
    error::to_result,
    prelude::*, //
};

/// A reset that hits more than one function.
///
/// # Invariants
///
/// A slot in `extent` is the slot of `pdev`.
pub struct HotReset<'a> {
    pdev: &'a Device,
    extent: Extent,
}

/// What a [`HotReset`] resets.
#[derive(Clone, Copy)]
enum Extent {
    /// The functions in the slot, and what is below them.
    Slot(NonNull<bindings::pci_slot>),

    /// The functions on the bus of the device, and what is below them.
    Bus,
}

impl Device {
    /// Returns the reset of the device's slot or, failing that, of its bus.
    ///
    /// `None` if the hardware has neither, or a function does not stand it.
    pub fn hot_reset(&self) -> Option<HotReset<'_>> {
        let pdev = self.as_raw();
        // SAFETY: The device is valid, and its bus and slot stay while it exists.
        let (bus, slot) = unsafe { ((*pdev).bus, (*pdev).slot) };
        // SAFETY: The call accepts null and any slot of a live device.
        let slot_resets = unsafe { bindings::pci_probe_reset_slot(slot) } == 0;
        let extent = match NonNull::new(slot).filter(|_| slot_resets) {
            Some(slot) => Extent::Slot(slot),
            // SAFETY: The bus is valid, see above.
            None if unsafe { bindings::pci_probe_reset_bus(bus) } == 0 => Extent::Bus,
            None => return None,
        };
        // INVARIANT: The slot is that of `self`.
        Some(HotReset { pdev: self, extent })
    }
}

impl HotReset<'_> {
    /// Calls `body` for each function that the reset hits, until it fails.
    ///
    /// No PCI device comes or goes meanwhile, so `body` must not wait for one to do so, nor for the
    /// lock of a device.
    ///
    /// # Errors
    ///
    /// The error that `body` returned.
    pub fn try_for_each(&self, body: &mut dyn FnMut(&Affected<'_>) -> Result) -> Result {
        let mut walk = Walk {
            reset: self,
            body,
            result: Ok(()),
        };
        // SAFETY: The device is valid and keeps its bus alive. `visit` gets the address of `walk`,
        // as it requires, which is exclusively its own during the call.
        unsafe {
            bindings::pci_walk_bus(
                (*self.pdev.as_raw()).bus,
                Some(visit),
                (&raw mut walk).cast(),
            )
        };
        walk.result
    }

    /// Returns how many functions the reset hits now.
    pub fn count(&self) -> usize {
        let mut count = 0usize;
        // The body does not fail.
        let _ = self.try_for_each(&mut |_| {
            count = count.saturating_add(1);
            Ok(())
        });
        count
    }

    /// Resets, and restores the registers of every function.
    ///
    /// # Errors
    ///
    /// `EAGAIN` if a function or the bridge is locked by somebody else; `ENOTTY` if the hardware
    /// does not come back or has no such reset any more; others from the reset itself.
    pub fn reset(&self) -> Result {
        // SAFETY: The device is valid, and bound to us while the handle exists. The PCI core takes
        // the locks of all functions before it touches them.
        to_result(unsafe { bindings::pci_reset_bus(self.pdev.as_raw()) })
    }

    /// Returns whether the reset hits `pdev`.
    ///
    /// # Safety
    ///
    /// - `pdev` is valid, and on or below the bus of the reset's device.
    /// - `pci_bus_sem` is held.
    unsafe fn hits(&self, mut pdev: *mut bindings::pci_dev) -> bool {
        let Extent::Slot(slot) = self.extent else {
            return true;
        };
        // SAFETY: The device is valid.
        let top = unsafe { (*self.pdev.as_raw()).bus };
        // Go up to the bus that the slot is on.
        while !pdev.is_null() {
            // SAFETY: `pdev` is valid by the requirements of this function, or because it is a
            // bridge above such a device, which with `pci_bus_sem` held stays.
            let (bus, its_slot) = unsafe { ((*pdev).bus, (*pdev).slot) };
            if core::ptr::eq(bus, top) {
                return core::ptr::eq(its_slot, slot.as_ptr());
            }
            // SAFETY: A device keeps its bus alive.
            pdev = unsafe { (*bus).self_ };
        }
        false
    }
}

/// What [`HotReset::try_for_each`] passes on.
struct Walk<'a> {
    reset: &'a HotReset<'a>,
    body: &'a mut dyn FnMut(&Affected<'_>) -> Result,
    result: Result,
}

/// # Safety
///
/// - `pdev` is a valid device during the call, on or below the bus of the reset's device.
/// - `pci_bus_sem` is held.
/// - `walk` points to a [`Walk`] that nobody else uses.
unsafe extern "C" fn visit(pdev: *mut bindings::pci_dev, walk: *mut c_void) -> c_int {
    // SAFETY: By the requirements of this function.
    let walk = unsafe { &mut *walk.cast::<Walk<'_>>() };
    // SAFETY:
    // - `pdev` is valid and below the bus.
    // - `pci_bus_sem` is held.
    if unsafe { walk.reset.hits(pdev) } {
        // INVARIANT: `pdev` is valid during the call, and the value does not leave it.
        let function = Affected {
            pdev,
            _device: PhantomData,
        };
        walk.result = (walk.body)(&function);
    }
    walk.result.map_or_else(Error::to_errno, |()| 0)
}

/// A function that a [`HotReset`] hits. It may be anybody's.
///
/// # Invariants
///
/// `pdev` is valid during `'a`.
pub struct Affected<'a> {
    pdev: *mut bindings::pci_dev,
    _device: PhantomData<&'a ()>,
}

impl Affected<'_> {
    /// Returns the device as the driver core sees it.
    pub fn device(&self) -> &device::Device {
        // SAFETY: The device is valid by the type invariant.
        unsafe { device::Device::from_raw(&raw mut (*self.pdev).dev) }
    }

    /// Returns where it is.
    pub fn address(&self) -> Address {
        // SAFETY: The device is valid by the type invariant and keeps its bus.
        unsafe { Address::of(self.pdev) }
    }
}
