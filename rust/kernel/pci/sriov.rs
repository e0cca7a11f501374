// SPDX-License-Identifier: GPL-2.0-only

//! Virtual functions (SR-IOV).
//!
//! A physical function can show up as several more devices, its virtual functions, which have
//! DMA, BARs and message interrupts of their own. The administrator asks for them by a write to the
//! physical function's `sriov_numvfs`; its driver hears of it as an [`SriovRequest`] and makes
//! [`VirtualFunctions`], which last until that value is dropped.
//!
//! Lock order: the lock of the physical function, then that for adding and removing PCI devices;
//! inside these, the locks of the virtual functions while they are bound and unbound.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use super::Device;
use crate::bindings;
use core::marker::PhantomData;
use kernel::{
    error::to_result,
    prelude::*,
    types::NotThreadSafe, //
};

/// What the administrator wrote to `sriov_numvfs`.
///
/// # Invariants
///
/// During `'a` this thread holds the lock of `pdev` and that for adding and removing PCI devices.
pub struct SriovRequest<'a> {
    pdev: *mut bindings::pci_dev,
    count: u32,
    _locks: PhantomData<&'a ()>,
    _thread: NotThreadSafe,
}

impl SriovRequest<'_> {
    /// Makes a request for `count` virtual functions of `pdev`.
    ///
    /// # Safety
    ///
    /// This thread holds the two locks that the type names, as long as the value exists.
    pub(super) unsafe fn new(pdev: *mut bindings::pci_dev, count: u32) -> Self {
        // INVARIANT: By the requirements of this function.
        Self {
            pdev,
            count,
            _locks: PhantomData,
            _thread: NotThreadSafe,
        }
    }

    /// Returns how many virtual functions there shall be; 0 for none.
    pub fn count(&self) -> u32 {
        self.count
    }
}

/// The virtual functions of a device; dropping this takes them away.
///
/// That happens in answer to an [`SriovRequest`], or when the driver leaves the device. In the second
/// case the lock for removing PCI devices may not be held, and cannot be taken: somebody may hold it
/// and wait for this thread. All drivers of physical functions share this, and a kernel with lockdep
/// complains of it.
///
/// # Invariants
///
/// SR-IOV is enabled in the device, by this value.
#[must_use = "the virtual functions go as soon as this is dropped"]
pub struct VirtualFunctions(Device);

impl VirtualFunctions {
    /// Makes as many as `request` asks for; drivers are bound to them before this returns.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the request is for another device, or for none, or there are some already;
    /// `ENOMEM` if they have no place in address space, or too few bus numbers are left; `EIO` and
    /// others from the PCI core.
    pub fn new(pdev: &Device, request: &SriovRequest<'_>) -> Result<Self> {
        if !core::ptr::eq(pdev.as_raw(), request.pdev) || request.count == 0 {
            return Err(EINVAL);
        }
        let count = i32::try_from(request.count)?;
        // SAFETY: The device is valid, and bound to us while `pdev` exists. By the type invariant
        // of the request, no other thread enables SR-IOV in it, nor adds or removes devices. The
        // call refuses if SR-IOV is enabled.
        to_result(unsafe { bindings::pci_enable_sriov(pdev.as_raw(), count) })?;
        // INVARIANT: Enabled just above.
        Ok(Self(pdev.clone()))
    }
}

impl Drop for VirtualFunctions {
    /// Waits until the drivers of the virtual functions have let go of them.
    fn drop(&mut self) {
        // SAFETY:
        // - The device is bound to us while the handle exists.
        // - SR-IOV is enabled by this value, so nobody else disables it, and an attempt to enable
        //   it meanwhile is refused by the PCI core.
        // - Without the lock for removing devices, others may remove one of the virtual functions
        //   meanwhile. The PCI core marks a device as removed in one atomic step and changes its
        //   lists under `pci_bus_sem`, so each is removed once.
        unsafe { bindings::pci_disable_sriov(self.0.as_raw()) };
    }
}

impl Device {
    /// Returns a number that tells the physical function of a virtual one from all other devices,
    /// see [`Device::address`]; for other devices the number of the device itself.
    pub fn physical_function(&self) -> usize {
        // SAFETY: The device is valid and keeps its physical function alive.
        unsafe { bindings::vfio_helper_pci_physfn(self.as_raw()) }.addr()
    }
}
