// SPDX-License-Identifier: GPL-2.0-only

//! What a group's devices and platform reserve: address ranges, and interrupts that leak.
//!
//! Some I/O addresses never reach the page tables (the interrupt window of a PC) or must keep the
//! translation that firmware gave them. [`Group::reserved_regions`] lists them, so that nobody
//! maps memory there.
//!
//! C counterpart: `iommu_get_group_resv_regions()` in
//! [`drivers/iommu/iommu.c`](srctree/drivers/iommu/iommu.c).

use super::Group;
use crate::bindings;
use kernel::{
    container_of,
    error::to_result,
    prelude::*, //
};

/// Why a range is reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReservedKind {
    /// Firmware wants it mapped one to one, but device assignment may ignore that.
    Relaxable,
    /// The kernel maps its own interrupt messages there.
    SoftwareMsi,
    /// The hardware takes writes there for interrupts.
    HardwareMsi,
    /// Any other reason.
    Other,
}

/// One reserved range of I/O addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservedRegion {
    /// The first address.
    pub start: u64,
    /// The length in bytes, not 0.
    pub length: u64,
    /// The reason.
    pub kind: ReservedKind,
}

/// The reserved ranges of one group, sorted by address.
pub type ReservedRegions = KVec<ReservedRegion>;

impl Group {
    /// Returns the address ranges that must not be mapped for this group.
    ///
    /// Fails with `ENOMEM`.
    pub fn reserved_regions(&self) -> Result<ReservedRegions> {
        let mut head = bindings::list_head::default();
        let list = RegionList::empty(&mut head);
        // SAFETY:
        // - The group is live, as `self` is a reference to it.
        // - `list.head` is an initialised, empty list head.
        to_result(unsafe { bindings::iommu_get_group_resv_regions(self.as_raw(), list.head) })?;
        list.copy()
    }

    /// Returns whether a device of this group can send interrupts only to vectors that were set up
    /// for it.
    ///
    /// Where it cannot, a device can forge the interrupts of any other.
    pub fn has_isolated_msi(&self) -> bool {
        // SAFETY: The group is live, as `self` is a reference to it.
        unsafe { bindings::iommu_group_has_isolated_msi(self.as_raw()) }
    }
}

/// A list of `struct iommu_resv_region` that frees its entries.
///
/// # Invariants
///
/// `head` is the head of a well-formed list whose entries are regions from `kmalloc`, which only
/// this value refers to.
struct RegionList<'a> {
    head: *mut bindings::list_head,
    _head: core::marker::PhantomData<&'a mut bindings::list_head>,
}

impl<'a> RegionList<'a> {
    /// Makes `head`, which stays borrowed and so cannot move, an empty list.
    fn empty(head: &'a mut bindings::list_head) -> Self {
        let head: *mut bindings::list_head = head;
        // SAFETY: `head` comes from an exclusive reference.
        unsafe {
            (*head).next = head;
            (*head).prev = head;
        }
        // INVARIANT: A list that points at itself is well-formed and has no entries.
        Self {
            head,
            _head: core::marker::PhantomData,
        }
    }

    /// Returns the entries as a vector.
    fn copy(&self) -> Result<ReservedRegions> {
        let mut regions = KVec::new();
        // SAFETY: The head is valid by the type invariant.
        let mut at = unsafe { (*self.head).next };
        while at != self.head {
            // SAFETY: Every entry but the head is the `list` field of a live region.
            let region = unsafe { &*container_of!(at, bindings::iommu_resv_region, list) };
            regions.push(region.into(), GFP_KERNEL)?;
            at = region.list.next;
        }
        Ok(regions)
    }
}

impl Drop for RegionList<'_> {
    fn drop(&mut self) {
        // SAFETY: The head is valid by the type invariant.
        let mut at = unsafe { (*self.head).next };
        while at != self.head {
            // SAFETY:
            // - Every entry but the head is the `list` field of a live region from `kmalloc`.
            // - Its link is read before it is freed, and nobody else refers to it.
            unsafe {
                let region = container_of!(at, bindings::iommu_resv_region, list);
                at = (*at).next;
                bindings::kfree(region.cast());
            }
        }
    }
}

impl From<&bindings::iommu_resv_region> for ReservedRegion {
    fn from(region: &bindings::iommu_resv_region) -> Self {
        let kind = match region.type_ {
            bindings::iommu_resv_type_IOMMU_RESV_DIRECT_RELAXABLE => ReservedKind::Relaxable,
            bindings::iommu_resv_type_IOMMU_RESV_SW_MSI => ReservedKind::SoftwareMsi,
            bindings::iommu_resv_type_IOMMU_RESV_MSI => ReservedKind::HardwareMsi,
            _ => ReservedKind::Other,
        };
        Self {
            start: region.start,
            // CAST: `usize` has at most 64 bits.
            length: region.length as u64,
            kind,
        }
    }
}
