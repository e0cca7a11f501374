// SPDX-License-Identifier: GPL-2.0-only

//! All IOMMU groups with a PCI device.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use crate::{
    bindings,
    iommu::Group, //
};
use core::ptr;
use kernel::{
    device::Device,
    prelude::*, //
};

/// Returns the IOMMU groups that have a PCI device, each once, in no order.
///
/// Groups may come and go meanwhile. Must not be called from a device's `release` callback.
///
/// # Errors
///
/// `ENOMEM`.
pub fn iommu_groups() -> Result<KVec<Group>> {
    let mut groups: KVec<Group> = KVec::new();
    let mut at = Cursor(ptr::null_mut());
    while let Some(dev) = at.next() {
        if let Some(group) = Group::of(dev).filter(|group| !groups.contains(group)) {
            groups.push(group, GFP_KERNEL)?;
        }
    }
    Ok(groups)
}

/// A walk over all PCI devices.
///
/// # Invariants
///
/// The pointer is null, or a device on which this value holds a reference.
struct Cursor(*mut bindings::pci_dev);

impl Cursor {
    /// Goes to the next device.
    fn next(&mut self) -> Option<&Device> {
        // CAST: All bits set.
        let any = bindings::PCI_ANY_ID as u32;
        // SAFETY: The call takes null for the first device, or a device whose reference it gives back.
        // INVARIANT: It returns the next one with a reference, or null.
        self.0 = unsafe { bindings::pci_get_device(any, any, self.0) };
        if self.0.is_null() {
            return None;
        }
        // SAFETY: The device is valid as long as our reference, which this borrow of `self` keeps.
        Some(unsafe { Device::from_raw(&raw mut (*self.0).dev) })
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        // SAFETY: The call takes null, or a device whose reference is ours by the type invariant.
        unsafe { bindings::pci_dev_put(self.0) };
    }
}
