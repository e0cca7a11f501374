// SPDX-License-Identifier: GPL-2.0-only

//! IOMMU groups.
//!
//! A group is the smallest set of devices that the IOMMU can tell apart from all others. Whoever
//! owns one device of a group can reach the rest, so rights are given for whole groups.
//!
//! C header: [`include/linux/iommu.h`](srctree/include/linux/iommu.h).

use crate::{
    bindings,
    device::as_raw, //
};
use core::ptr::NonNull;
use kernel::{
    device::Device,
    error::to_result,
    prelude::*, //
};

/// A counted reference to an IOMMU group. Two handles are equal if they mean the same group.
///
/// # Invariants
///
/// The pointer is a live group on which this value holds a reference.
#[derive(PartialEq, Eq)]
pub struct Group(pub(super) NonNull<bindings::iommu_group>);

// SAFETY: A group may be used from any thread; it has its own mutex and reference count.
unsafe impl Send for Group {}
// SAFETY: As above.
unsafe impl Sync for Group {}

impl Group {
    /// Returns the group that `dev` is in, or `None` if no IOMMU stands between it and memory.
    pub fn of(dev: &Device) -> Option<Self> {
        // SAFETY: The device is valid by its type.
        let group = unsafe { bindings::iommu_group_get(as_raw(dev)) };
        // INVARIANT: The call took a reference, unless it returned null.
        NonNull::new(group).map(Self)
    }

    /// Returns the C group.
    pub(crate) fn as_raw(&self) -> *mut bindings::iommu_group {
        self.0.as_ptr()
    }

    /// Returns the number of the group, which names it in sysfs and `/dev/vfio`.
    pub fn id(&self) -> i32 {
        // SAFETY: The group is live by the type invariant.
        unsafe { bindings::iommu_group_id(self.as_raw()) }
    }

    /// Returns the number of the group as the layouts of user space have it.
    pub fn number(&self) -> u32 {
        // CAST: Numbers of groups are not negative.
        self.id() as u32
    }

    /// Returns whether a [`DmaOwner`](super::DmaOwner) or an owner elsewhere has the group, or a
    /// driver of the host uses one of its devices.
    ///
    /// The answer may be outdated when it arrives. Waits for the group's mutex.
    pub fn is_dma_owner_claimed(&self) -> bool {
        // SAFETY: The group is live by the type invariant.
        unsafe { bindings::iommu_group_dma_owner_claimed(self.as_raw()) }
    }

    /// Calls `body` for each device of the group, until it fails.
    ///
    /// The group's mutex is held meanwhile: no device joins or leaves, and `body` must neither use
    /// functions that take the mutex nor wait for the lock of a device, which the driver core takes
    /// first.
    ///
    /// # Errors
    ///
    /// The error that `body` returned.
    pub fn for_each_device(&self, mut body: &mut dyn FnMut(&Device) -> Result) -> Result {
        // SAFETY: The group is live by the type invariant. `visit` gets the address of `body`, as
        // it requires, which is exclusively its own during the call.
        to_result(unsafe {
            bindings::iommu_group_for_each_dev(self.as_raw(), (&raw mut body).cast(), Some(visit))
        })
    }
}

impl Clone for Group {
    fn clone(&self) -> Self {
        // SAFETY: The group is live by the type invariant.
        unsafe { bindings::iommu_group_ref_get(self.as_raw()) };
        // INVARIANT: The reference was just taken.
        Self(self.0)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // SAFETY: The reference is ours by the type invariant and not used afterwards.
        unsafe { bindings::iommu_group_put(self.as_raw()) }
    }
}

/// What [`Group::for_each_device`] passes on.
type Visitor<'a> = &'a mut dyn FnMut(&Device) -> Result;

/// # Safety
///
/// `dev` is a valid device during the call, and `body` points to a [`Visitor`] that nobody else
/// uses.
unsafe extern "C" fn visit(dev: *mut bindings::device, body: *mut c_void) -> c_int {
    // SAFETY: By the requirements of this function.
    let (dev, body) = unsafe { (Device::from_raw(dev), &mut *body.cast::<Visitor<'_>>()) };
    match body(dev) {
        Ok(()) => 0,
        Err(error) => error.to_errno(),
    }
}

/// Returns whether the IOMMU can make what `dev` does coherent with the caches of the processors,
/// whatever the device asks for.
pub fn is_cache_coherent(dev: &Device) -> bool {
    // SAFETY: The device is valid by its type.
    unsafe {
        bindings::device_iommu_capable(as_raw(dev), bindings::iommu_cap_IOMMU_CAP_CACHE_COHERENCY)
    }
}

/// Returns whether the IOMMU will make what `dev` does coherent with the caches even where the
/// device asks for the opposite, as it may for each access.
pub fn enforces_cache_coherency(dev: &Device) -> bool {
    let capability = bindings::iommu_cap_IOMMU_CAP_ENFORCE_CACHE_COHERENCY;
    // SAFETY: The device is valid by its type.
    unsafe { bindings::device_iommu_capable(as_raw(dev), capability) }
}
