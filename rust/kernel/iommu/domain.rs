// SPDX-License-Identifier: GPL-2.0-only

//! IOMMU domains: one set of I/O page tables and the groups that translate through it.
//!
//! A [`Domain`] owns both, so that dropping it first detaches every group and then frees the
//! tables: no device is left that could walk them.
//!
//! What a domain maps is not decided here: see [`AddressSpace`](super::AddressSpace).
//!
//! C header: [`include/linux/iommu.h`](srctree/include/linux/iommu.h).

use super::{
    tables::{
        MaxPage,
        Tables, //
    },
    Group, //
};
use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    sync::Arc, //
};

/// What devices may do with mapped memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read it.
    Read,
    /// Write it.
    Write,
    /// Both.
    ReadWrite,
}

impl Access {
    /// Returns whether devices may write.
    pub fn may_write(self) -> bool {
        !matches!(self, Self::Read)
    }

    /// Returns whether devices may read.
    pub fn may_read(self) -> bool {
        !matches!(self, Self::Write)
    }

    /// Returns the `IOMMU_*` bits; translations are always cache coherent.
    pub(super) fn prot(self) -> c_int {
        let bits = match self {
            Self::Read => bindings::IOMMU_READ,
            Self::Write => bindings::IOMMU_WRITE,
            Self::ReadWrite => bindings::IOMMU_READ | bindings::IOMMU_WRITE,
        };
        // CAST: Three bits.
        (bits | bindings::IOMMU_CACHE) as c_int
    }
}

/// A paging domain and the groups attached to it.
///
/// # Invariants
///
/// `groups` are exactly the groups that are attached to the domain of `tables`. Only this value
/// attaches groups to it.
pub struct Domain {
    tables: Arc<Tables>,
    groups: KVec<Group>,
    coherent: bool,
}

impl Domain {
    /// Allocates a domain that suits the devices of `group`, with pages of at most `max_page`, and
    /// attaches the group.
    ///
    /// Fails with `ENODEV` if the group has no device, with `ENOMEM`, or as the IOMMU driver says
    /// (`EBUSY` and `EINVAL` are usual when it cannot attach).
    pub fn new(group: &Group, max_page: Option<MaxPage>) -> Result<Self> {
        let mut found: *mut bindings::iommu_domain = core::ptr::null_mut();
        // SAFETY:
        // - The group is live.
        // - `alloc_for_device` expects a pointer to a pointer to a domain, which `found` is, and
        //   it is only called before this returns.
        unsafe {
            bindings::iommu_group_for_each_dev(
                group.as_raw(),
                (&raw mut found).cast(),
                Some(alloc_for_device),
            )
        };
        let raw = NonNull::new(from_err_ptr(found)?).ok_or(ENODEV)?;
        // SAFETY: The domain is fresh and nobody else's. Devices are attached to it only by
        // `Domain`, which detaches them before it drops the tables.
        let tables = unsafe { Tables::new(raw, max_page) };
        // INVARIANT: No group is attached yet.
        let mut domain = Self {
            tables: Arc::new(tables, GFP_KERNEL)?,
            groups: KVec::new(),
            coherent: false,
        };
        domain.attach(group)?;
        Ok(domain)
    }

    /// Attaches every device of `group`. Errors are those of the IOMMU driver and `ENOMEM`.
    pub(super) fn attach(&mut self, group: &Group) -> Result {
        self.groups.reserve(1, GFP_KERNEL)?;
        // SAFETY: Domain and group are live by the type invariants.
        to_result(unsafe { bindings::iommu_attach_group(self.tables.as_raw(), group.as_raw()) })?;
        // INVARIANT: The group was just attached. The room was reserved, so this cannot fail.
        let _ = self.groups.push_within_capacity(group.clone());
        Ok(())
    }

    /// Detaches `group` and returns whether it was attached.
    pub(super) fn detach(&mut self, group: &Group) -> bool {
        let Some(at) = self.groups.iter().position(|g| g == group) else {
            return false;
        };
        // SAFETY: Domain and group are live, and the group is attached by the type invariant.
        unsafe { bindings::iommu_detach_group(self.tables.as_raw(), group.as_raw()) };
        // INVARIANT: The group was just detached.
        let _ = self.groups.remove(at);
        true
    }

    /// Returns the groups attached.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Returns the first and the last I/O address that can be translated.
    pub fn aperture(&self) -> (u64, u64) {
        let geometry = &self.tables.get().geometry;
        (geometry.aperture_start, geometry.aperture_end)
    }

    /// Returns the page sizes in use: bit `n` stands for `1 << n` bytes.
    pub fn page_sizes(&self) -> u64 {
        self.tables.page_sizes()
    }

    /// Makes all DMA through this domain snoop the caches, if the hardware can.
    pub fn enforce_coherency(&mut self) {
        // SAFETY: `ops` of a live domain is a valid table that never changes.
        if let Some(enforce) = unsafe { (*self.tables.get().ops).enforce_cache_coherency } {
            // SAFETY: The domain is live, and the function is its own.
            self.coherent = unsafe { enforce(self.tables.as_raw()) };
        }
    }

    /// Returns whether [`Domain::enforce_coherency`] was called and worked.
    pub fn is_coherent(&self) -> bool {
        self.coherent
    }

    /// Lets the kernel map the interrupt doorbell of the group at `base`, where one is needed.
    ///
    /// Fails with `EBUSY` if that was done before and with `ENOMEM`.
    pub fn set_msi_window(&mut self, base: u64) -> Result {
        let raw = self.tables.as_raw();
        // SAFETY: The domain is live and exclusively ours.
        let result = to_result(unsafe { bindings::vfio_helper_iommu_get_msi_cookie(raw, base) });
        match result {
            // The kernel was built without that machinery, so nothing needs it.
            Err(e) if e == ENODEV => Ok(()),
            other => other,
        }
    }

    /// Returns whether a group of `other` can be moved here without changing how its DMA behaves.
    pub(super) fn is_compatible(&self, other: &Self) -> bool {
        self.tables.get().ops == other.tables.get().ops
            && self.coherent == other.coherent
            && self.tables.max_page() == other.tables.max_page()
    }

    /// Returns the page tables, to be changed also while the domain is not at hand.
    pub(super) fn tables(&self) -> &Arc<Tables> {
        &self.tables
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        for group in &self.groups {
            // SAFETY: Domain and group are live, and the group is attached by the type invariant.
            unsafe { bindings::iommu_detach_group(self.tables.as_raw(), group.as_raw()) };
        }
        // No group is attached any more, as `Tables` requires. Whoever else refers to the tables
        // only delays that they are freed.
    }
}

/// Allocates a domain for the first device of a group and ends the walk.
///
/// # Safety
///
/// `dev` must be a live device and `data` point to a pointer to a domain.
unsafe extern "C" fn alloc_for_device(dev: *mut bindings::device, data: *mut c_void) -> c_int {
    // SAFETY: The caller promises that `dev` is live.
    let domain = unsafe { bindings::iommu_paging_domain_alloc_flags(dev, 0) };
    // SAFETY: The caller promises that `data` points to a pointer to a domain.
    unsafe { *data.cast::<*mut bindings::iommu_domain>() = domain };
    1
}
