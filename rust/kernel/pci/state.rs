// SPDX-License-Identifier: GPL-2.0-only

//! The state of a PCI device: enabled or not, its power state, and snapshots of its registers.
//!
//! [`Enabled`] is the right to use the device's BARs. [`SavedState`] is a copy of the standard
//! configuration registers, taken when the device was clean, to go back to later.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use super::Device;
use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    error::to_result,
    prelude::*, //
};

/// A power state of a PCI function, from working to off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum PowerState {
    /// Working.
    D0 = 0,
    /// Light sleep.
    D1 = 1,
    /// Deeper sleep.
    D2 = 2,
    /// Asleep, with only configuration space answering.
    D3Hot = 3,
    /// Without main power.
    D3Cold = 4,
}

impl Device {
    /// Returns the power state that the kernel believes the device to be in, if it believes anything.
    ///
    /// Without a lock that excludes changes, the answer may be outdated when it arrives.
    pub fn power_state(&self) -> Option<PowerState> {
        // SAFETY: The device is valid; the field is one integer.
        let state = unsafe { (&raw const (*self.as_raw()).current_state).read_volatile() };
        let mut all = [
            PowerState::D0,
            PowerState::D1,
            PowerState::D2,
            PowerState::D3Hot,
            PowerState::D3Cold,
        ]
        .into_iter();
        all.find(|&known| known as i32 == state)
    }

    /// Returns whether the kernel believes the device to be asleep in D3 or deeper.
    ///
    /// Only meaningful under a lock that excludes changes of the power state.
    #[inline]
    pub fn in_d3(&self) -> bool {
        // SAFETY: The device is valid; the field is one integer.
        let state = unsafe { (&raw const (*self.as_raw()).current_state).read_volatile() };
        state >= PowerState::D3Hot as i32
    }

    /// Changes the power state.
    ///
    /// # Errors
    ///
    /// `EIO` and others from the PCI core, if the device does not support or does not reach it.
    pub fn set_power_state(&self, state: PowerState) -> Result {
        // SAFETY: The device is valid, and bound to us while `self` exists.
        to_result(unsafe { bindings::pci_set_power_state(self.as_raw(), state as i32) })
    }

    /// Stops the device from starting transactions on the bus: DMA and message interrupts.
    pub fn clear_master(&self) {
        // SAFETY: The device is valid, and bound to us while `self` exists.
        unsafe { bindings::pci_clear_master(self.as_raw()) };
    }

    /// Enables the device's BARs and wakes it up, until the result is dropped.
    ///
    /// # Errors
    ///
    /// Whatever the PCI core reports.
    pub fn enable(&self) -> Result<Enabled> {
        // SAFETY: The device is valid, and bound to us while `self` exists.
        to_result(unsafe { bindings::pci_enable_device(self.as_raw()) })?;
        // INVARIANT: Enabled just above.
        Ok(Enabled(self.clone()))
    }

    /// Turns the device's own control of its interrupt line on or off (`PCI_COMMAND_INTX_DISABLE`).
    pub fn set_intx(&self, enable: bool) {
        // SAFETY: The device is valid, and bound to us while `self` exists.
        unsafe { bindings::pci_intx(self.as_raw(), enable.into()) };
    }

    /// Copies the configuration registers into the kernel's own save area for this device.
    pub fn save_state(&self) {
        // SAFETY: The device is valid, and bound to us while `self` exists.
        //
        // The result is always zero or says that an area is missing, which `store` reports.
        unsafe { bindings::pci_save_state(self.as_raw()) };
    }

    /// Returns the header of configuration space, dword by dword, as [`save_state`](Self::save_state)
    /// found it last.
    pub fn saved_header(&self) -> [u32; 16] {
        // SAFETY: The device is valid, and the field is an array of integers in it, any value of
        // which will do: a reset from elsewhere saves the same registers again.
        unsafe { (&raw const (*self.as_raw()).saved_config_space).read_volatile() }
    }

    /// Writes the kernel's save area back to the registers, if it holds something.
    pub fn restore_state(&self) {
        // SAFETY: The device is valid, and bound to us while `self` exists.
        unsafe { bindings::pci_restore_state(self.as_raw()) };
    }

    /// Moves the kernel's save area into a value of its own.
    ///
    /// `None` if nothing was saved or memory is short.
    pub fn store_saved_state(&self) -> Option<SavedState> {
        // SAFETY: The device is valid, and bound to us while `self` exists.
        let state = unsafe { bindings::pci_store_saved_state(self.as_raw()) };
        // INVARIANT: The call allocates what it returns and keeps no pointer to it.
        NonNull::new(state).map(SavedState)
    }

    /// Moves `state` into the kernel's save area, where a later restore finds it.
    ///
    /// With `None` the save area is only marked as empty.
    ///
    /// # Errors
    ///
    /// `EINVAL` if a saved capability is not the device's.
    pub fn load_saved_state(&self, state: Option<SavedState>) -> Result {
        let raw = state
            .as_ref()
            .map_or(core::ptr::null_mut(), |state| state.0.as_ptr());
        // SAFETY: The device is valid; `raw` is null or a state made by `store_saved_state`, which
        // the call only reads.
        to_result(unsafe { bindings::pci_load_saved_state(self.as_raw(), raw) })
    }
}

/// An enabled device.
///
/// # Invariants
///
/// One `pci_enable_device` of the device belongs to this value.
#[must_use = "the device is disabled as soon as this is dropped"]
pub struct Enabled(Device);

impl Drop for Enabled {
    fn drop(&mut self) {
        // SAFETY: The device is valid; the call undoes the one that belongs to this value.
        unsafe { bindings::pci_disable_device(self.0.as_raw()) };
    }
}

/// A snapshot of a device's configuration registers.
///
/// # Invariants
///
/// `0` was returned by `pci_store_saved_state` and is owned by this value.
pub struct SavedState(NonNull<bindings::pci_saved_state>);

// SAFETY: The snapshot is plain memory that only this value refers to.
unsafe impl Send for SavedState {}

// SAFETY: There is no way to change it through a shared reference.
unsafe impl Sync for SavedState {}

impl Drop for SavedState {
    fn drop(&mut self) {
        // SAFETY: By the type invariant this is memory from `kzalloc` that belongs to this value.
        unsafe { bindings::kfree(self.0.as_ptr().cast()) };
    }
}
