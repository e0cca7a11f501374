// SPDX-License-Identifier: GPL-2.0-only

//! IOMMU domains: one set of I/O page tables and the groups that translate through it.
//!
//! A [`Domain`] owns both, so that dropping it first detaches every group and then frees the
//! tables: no device is left that could walk them.
//!
//! What a domain maps is not decided here. Only [`AddressSpace`](super::AddressSpace) calls the
//! map and unmap functions, because only it knows that the memory behind a translation stays
//! pinned.
//!
//! C header: [`include/linux/iommu.h`](srctree/include/linux/iommu.h).

use super::Group;
use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    types::Opaque, //
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
    fn prot(self) -> c_int {
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
/// - `raw` is a live paging domain that only this value refers to.
/// - `groups` are exactly the groups that are attached to it.
pub struct Domain {
    raw: NonNull<bindings::iommu_domain>,
    groups: KVec<Group>,
    coherent: bool,
}

// SAFETY: A domain is not tied to a thread.
unsafe impl Send for Domain {}
// SAFETY: What can be done through a shared reference from outside this module is reading fields
// that never change after allocation.
unsafe impl Sync for Domain {}

impl Domain {
    /// Allocates a domain that suits the devices of `group` and attaches the group.
    ///
    /// Fails with `ENODEV` if the group has no device, with `ENOMEM`, or as the IOMMU driver says
    /// (`EBUSY` and `EINVAL` are usual when it cannot attach).
    pub fn new(group: &Group) -> Result<Self> {
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
        // INVARIANT: The domain is fresh, so nobody else refers to it and no group is attached.
        let mut domain = Self {
            raw,
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
        to_result(unsafe { bindings::iommu_attach_group(self.raw.as_ptr(), group.as_raw()) })?;
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
        unsafe { bindings::iommu_detach_group(self.raw.as_ptr(), group.as_raw()) };
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
        let geometry = &self.get().geometry;
        (geometry.aperture_start, geometry.aperture_end)
    }

    /// Returns the page sizes in use: bit `n` stands for `1 << n` bytes.
    pub fn page_sizes(&self) -> u64 {
        // CAST: `usize` has at most 64 bits.
        self.get().pgsize_bitmap as u64
    }

    /// Makes all DMA through this domain snoop the caches, if the hardware can.
    pub fn enforce_coherency(&mut self) {
        // SAFETY: `ops` of a live domain is a valid table that never changes.
        if let Some(enforce) = unsafe { (*self.get().ops).enforce_cache_coherency } {
            // SAFETY: The domain is live, and the function is its own.
            self.coherent = unsafe { enforce(self.raw.as_ptr()) };
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
        // SAFETY: The domain is live and exclusively ours.
        let result = to_result(unsafe { bindings::iommu_get_msi_cookie(self.raw.as_ptr(), base) });
        match result {
            // The kernel was built without that machinery, so nothing needs it.
            Err(e) if e == ENODEV => Ok(()),
            other => other,
        }
    }

    /// Returns whether a group of `other` can be moved here without changing how its DMA behaves.
    pub(super) fn is_compatible(&self, other: &Self) -> bool {
        self.get().ops == other.get().ops && self.coherent == other.coherent
    }

    fn get(&self) -> &bindings::iommu_domain {
        // SAFETY: The domain is live by the type invariant. The fields that this file reads are set
        // when it is allocated and attached, which takes an exclusive reference.
        unsafe { self.raw.as_ref() }
    }

    /// Translates `len` bytes from `iova` to physical memory from `phys`, or nothing at all.
    ///
    /// # Safety
    ///
    /// - The frames must not be given to another owner before this translation is removed and
    ///   flushed.
    /// - No other thread changes translations in this range.
    pub(super) unsafe fn map(&self, iova: u64, phys: u64, len: usize, access: Access) -> Result {
        let iova = usize::try_from(iova)?;
        // SAFETY: The domain is live. The caller promises the rest.
        to_result(unsafe {
            bindings::iommu_map(
                self.raw.as_ptr(),
                iova,
                phys,
                len,
                access.prot(),
                bindings::GFP_KERNEL_ACCOUNT,
            )
        })
    }

    /// Returns whether `iova` is translated.
    pub(super) fn translates(&self, iova: u64) -> bool {
        // SAFETY: The domain is live; looking an address up has no other requirement.
        unsafe { bindings::iommu_iova_to_phys(self.raw.as_ptr(), iova) != 0 }
    }

    /// Starts to remove translations.
    pub(super) fn unmapping(&self, run: impl FnOnce(&mut Gather<'_>)) {
        let raw = Opaque::uninit();
        // SAFETY: The pointer is valid for writes. `raw` is not moved until it goes out of scope.
        unsafe { bindings::vfio_helper_iommu_iotlb_gather_init(raw.get()) };
        let mut gather = Gather {
            domain: self,
            raw: &raw,
        };
        run(&mut gather);
        gather.flush();
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        for group in &self.groups {
            // SAFETY: Domain and group are live, and the group is attached by the type invariant.
            unsafe { bindings::iommu_detach_group(self.raw.as_ptr(), group.as_raw()) };
        }
        // SAFETY: No group is attached any more and nobody else refers to the domain.
        unsafe { bindings::iommu_domain_free(self.raw.as_ptr()) };
    }
}

/// Translations that are gone from the page tables, but not yet from the hardware's caches.
///
/// # Invariants
///
/// `raw` was initialised and stays where it is.
pub(super) struct Gather<'a> {
    domain: &'a Domain,
    raw: &'a Opaque<bindings::iommu_iotlb_gather>,
}

impl Gather<'_> {
    /// Removes the translations of `len` bytes from `iova`; returns how many bytes had one.
    ///
    /// Stops at the first address without translation. The range must not split what one call of
    /// [`Domain::map`] made.
    ///
    /// # Safety
    ///
    /// No other thread changes translations in this range.
    pub(super) unsafe fn unmap(&mut self, iova: u64, len: usize) -> usize {
        // CAST: The range was mapped before, so the address fits.
        let iova = iova as usize;
        // SAFETY: The domain is live, `raw` is initialised, and the caller promises the rest.
        unsafe { bindings::iommu_unmap_fast(self.domain.raw.as_ptr(), iova, len, self.raw.get()) }
    }

    /// Waits until no device can use a removed translation any more.
    pub(super) fn flush(&mut self) {
        // SAFETY: The domain is live, and `raw` is initialised and belongs to it.
        unsafe { bindings::vfio_helper_iommu_iotlb_sync(self.domain.raw.as_ptr(), self.raw.get()) }
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
