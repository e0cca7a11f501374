// SPDX-License-Identifier: GPL-2.0-only

//! Resetting PCI functions.
//!
//! There are two ways to reset one function. [`Device::try_reset_function`] takes the device's
//! lock, saves the registers, resets, and restores them. [`Device::lock_for_reset`] gives a
//! [`ResetLock`] whose reset leaves the kernel's save area alone, for a caller that wants to
//! restore an older state afterwards.
//!
//! Lock order: the lock of the upstream bridge, then the device's. Both are only ever *tried*, as
//! the driver core holds a device's lock while it waits in our `remove` for users to go away.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use super::Device;
use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    error::to_result,
    prelude::*,
    time::{
        delay::fsleep,
        Delta, //
    },
};

/// Time between two attempts to take the locks, in milliseconds.
const RETRY_MS: i64 = 5;

/// The devices that reset together when one of them has no reset of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetScope {
    /// Only the device itself: it is on a root bus, or a virtual function.
    Device,
    /// The devices in one hot-pluggable slot, named by its address.
    Slot(usize),
    /// All devices of one bus, named by its address.
    Bus(usize),
}

impl Device {
    /// Returns the set of devices that a reset beyond this function would reset.
    pub fn reset_scope(&self) -> ResetScope {
        let pdev = self.as_raw();
        // SAFETY: The device is valid, and its bus and slot stay while it exists.
        let (bus, slot) = unsafe { ((*pdev).bus, (*pdev).slot) };
        if self.is_on_root_bus() || self.is_virtual_function() {
            ResetScope::Device
        // SAFETY: The call accepts null and any slot of a live device.
        } else if unsafe { bindings::pci_probe_reset_slot(slot) } == 0 {
            ResetScope::Slot(slot.addr())
        } else {
            ResetScope::Bus(bus.addr())
        }
    }

    /// Returns whether the device is one of several functions.
    ///
    /// A function that is alone may be reset through the bridge above it (`pci_parent_bus_reset`),
    /// which then must be locked. One of several never is, and all of them can be reset at once.
    fn has_siblings(&self) -> bool {
        // SAFETY: The device is valid; the bit is set before it is bound, and stays.
        self.is_virtual_function() || unsafe { (*self.as_raw()).multifunction() } != 0
    }

    /// Resets this function alone, and restores its registers.
    ///
    /// # Errors
    ///
    /// `EAGAIN` if the device or its bridge is locked by somebody else, `ENOTTY` if the device
    /// has no such reset, others from the reset itself.
    pub fn try_reset_function(&self) -> Result {
        // SAFETY: The device is valid, and bound to us while `self` exists.
        to_result(unsafe { bindings::pci_try_reset_function(self.as_raw()) })
    }

    /// Locks the device for a reset, and its upstream bridge if that could take part, trying for
    /// `patience_ms`.
    ///
    /// `None` if one of them stayed locked. While the device is being unbound, it does.
    pub fn lock_for_reset(&self, patience_ms: u32) -> Option<ResetLock<'_>> {
        let mut left = i64::from(patience_ms) / RETRY_MS;
        loop {
            if let Some(lock) = ResetLock::try_new(self) {
                return Some(lock);
            }
            if left == 0 {
                return None;
            }
            left -= 1;
            fsleep(Delta::from_millis(RETRY_MS));
        }
    }
}

/// One locked PCI device.
///
/// # Invariants
///
/// `pci_dev_trylock` succeeded for the device, which is valid.
struct Locked(NonNull<bindings::pci_dev>);

impl Locked {
    /// # Safety
    ///
    /// `pdev` is valid, and remains so while the result exists.
    unsafe fn try_new(pdev: NonNull<bindings::pci_dev>) -> Option<Self> {
        // SAFETY: `pdev` is valid by the requirements of this function.
        let locked = unsafe { bindings::pci_dev_trylock(pdev.as_ptr()) } != 0;
        // INVARIANT: See above. (Made only then: dropping one that is not true would take the lock
        // from its holder.)
        locked.then(|| Self(pdev))
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // SAFETY: By the type invariant this value holds the lock.
        unsafe { bindings::pci_dev_unlock(self.0.as_ptr()) };
    }
}

/// A device that is locked for a reset, together with its upstream bridge if that could take part.
// The device's lock was taken last, so it comes first.
pub struct ResetLock<'a> {
    _device: Locked,
    _bridge: Option<Locked>,
    pdev: &'a Device,
}

impl<'a> ResetLock<'a> {
    fn try_new(pdev: &'a Device) -> Option<Self> {
        let bridge = if pdev.has_siblings() {
            None
        } else {
            // SAFETY: The device is valid.
            NonNull::new(unsafe { bindings::vfio_helper_pci_upstream_bridge(pdev.as_raw()) })
        };
        let bridge = match bridge {
            // SAFETY: The bridge is the device's ancestor, which the device keeps alive, and the
            // lock does not outlive `pdev`.
            Some(bridge) => Some(unsafe { Locked::try_new(bridge) }?),
            None => None,
        };
        // SAFETY: The device is valid while `pdev` exists.
        let device = unsafe { Locked::try_new(NonNull::new(pdev.as_raw())?) }?;
        Some(Self {
            _device: device,
            _bridge: bridge,
            pdev,
        })
    }

    /// Resets the function, without saving or restoring its registers.
    ///
    /// # Errors
    ///
    /// `ENOTTY` if the device has no such reset, others from the reset itself.
    pub fn reset(&self) -> Result {
        // SAFETY: The device is valid and `self` proves that it is locked.
        to_result(unsafe { bindings::__pci_reset_function_locked(self.pdev.as_raw()) })
    }
}
