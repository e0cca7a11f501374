// SPDX-License-Identifier: GPL-2.0-only

//! The right to let the devices of a group reach memory.
//!
//! Either the drivers of the host use a group's devices, with the kernel's own mappings, or one
//! owner does, with its own. The IOMMU core keeps the two apart: a group cannot be claimed while a
//! driver that does DMA is bound to one of its devices, and no such driver can be bound while it is
//! claimed.
//!
//! C header: [`include/linux/iommu.h`](srctree/include/linux/iommu.h).

use super::Group;
use crate::bindings;
use kernel::{
    error::to_result,
    prelude::*, //
};

/// Keeps a group away from the drivers of the host.
///
/// While this exists, the group's devices cannot reach any memory except what the owner maps in a
/// domain that it attaches.
///
/// # Invariants
///
/// The group is claimed, with the address of `_cookie`, by this value.
pub struct DmaOwner {
    group: Group,
    /// The IOMMU core tells owners apart by an address.
    _cookie: KBox<u8>,
}

impl DmaOwner {
    /// Claims a group.
    ///
    /// Waits for the group's mutex.
    ///
    /// # Errors
    ///
    /// `EPERM` if a device of the group is bound to a driver of the host that uses DMA, or if the
    /// group has an owner; `EBUSY` if it is attached to a domain other than the kernel's own;
    /// `ENOMEM`.
    pub fn claim(group: &Group) -> Result<Self> {
        let mut cookie = KBox::new(0u8, GFP_KERNEL)?;
        let address: *mut u8 = &raw mut *cookie;
        // SAFETY: The group is live. The owner is only compared with others; its address is unique
        // as long as the claim, as the allocation lives as long.
        to_result(unsafe {
            bindings::iommu_group_claim_dma_owner(group.as_raw(), address.cast())
        })?;
        // INVARIANT: The group was just claimed. Moving the box does not move the byte.
        Ok(Self {
            group: group.clone(),
            _cookie: cookie,
        })
    }

    /// Returns the group.
    pub fn group(&self) -> &Group {
        &self.group
    }
}

impl Drop for DmaOwner {
    fn drop(&mut self) {
        // SAFETY: The group is live, and claimed by this value by the type invariant.
        unsafe { bindings::iommu_group_release_dma_owner(self.group.as_raw()) };
    }
}
