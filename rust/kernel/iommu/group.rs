// SPDX-License-Identifier: GPL-2.0-only

//! IOMMU groups.
//!
//! A group is the smallest set of devices that the IOMMU can tell apart from all others. Whoever
//! owns one device of a group can reach the rest, so rights are given for whole groups.
//!
//! C header: [`include/linux/iommu.h`](srctree/include/linux/iommu.h).

use crate::bindings;
use core::ptr::NonNull;

/// A counted reference to an IOMMU group. Two handles are equal if they mean the same group.
///
/// # Invariants
///
/// The pointer is a live group on which this value holds a reference.
#[derive(PartialEq, Eq)]
pub struct Group(NonNull<bindings::iommu_group>);

// SAFETY: A group may be used from any thread; it has its own mutex and reference count.
unsafe impl Send for Group {}
// SAFETY: As above.
unsafe impl Sync for Group {}

impl Group {
    /// Returns the C group.
    pub(crate) fn as_raw(&self) -> *mut bindings::iommu_group {
        self.0.as_ptr()
    }

    /// Returns the number of the group, which names it in sysfs and `/dev/vfio`.
    pub fn id(&self) -> i32 {
        // SAFETY: The group is live by the type invariant.
        unsafe { bindings::iommu_group_id(self.as_raw()) }
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
