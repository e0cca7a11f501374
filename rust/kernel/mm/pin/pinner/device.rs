// SPDX-License-Identifier: GPL-2.0-only

//! Memory of devices, which has no pages that could be pinned.
//!
//! C counterpart: `follow_fault_pfn()` in
//! [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

use super::Pinner;
use crate::{
    bindings,
    mm::pin::{
        PinnedRun,
        RunKind, //
    },
    sched::check_killed, //
};
use core::ptr::NonNull;
use kernel::{
    error::to_result,
    page::PAGE_SHIFT,
    prelude::*, //
};

impl Pinner<'_> {
    /// Finds memory of a device at the current address; fails with `error` if there is none.
    ///
    /// # Safety
    ///
    /// The caller must hold the `mmap_lock` for reading. It may be given up and taken again.
    pub(super) unsafe fn device_memory(&self, error: Error) -> Result<PinnedRun> {
        // SAFETY: The address space is alive and locked.
        let vaddr =
            unsafe { bindings::vfio_helper_untagged_addr_remote(self.mm.as_raw(), self.vaddr) };
        loop {
            // SAFETY: The address space is alive and locked.
            let vma = unsafe { bindings::vma_lookup(self.mm.as_raw(), vaddr) };
            let vma = NonNull::new(vma).ok_or(error)?;
            // SAFETY: A memory area that was just found stays while the lock is held.
            let flags = unsafe { vma.as_ref().__bindgen_anon_2.vm_flags };
            if flags & bindings::VM_PFNMAP == 0 {
                return Err(error);
            }
            // SAFETY: As above, and `vaddr` lies in the area.
            match unsafe { self.follow(vma, vaddr) }? {
                Some((first, pages)) => return self.device_run(first, pages),
                // The lock was given up, so the area may be another one now.
                None => check_killed()?,
            }
        }
    }

    /// Makes a run of `pages` frames from `first`, which a table entry of a device area names.
    fn device_run(&self, first: usize, pages: usize) -> Result<PinnedRun> {
        // SAFETY: Any number may be asked about, and a page structure is only read if there is one.
        let reserved = unsafe {
            !bindings::vfio_helper_pfn_valid(first)
                || bindings::vfio_helper_page_reserved(bindings::vfio_helper_pfn_to_page(first))
        };
        // Ordinary memory that somebody put into such an area could be freed at any time.
        if !reserved {
            return Err(EFAULT);
        }
        let pages = u32::try_from(pages.min(self.left).min(self.limit)).unwrap_or(u32::MAX);
        // INVARIANT: The frames exist, as they are in a page table; there is at least one.
        Ok(self.run(first, pages.max(1), RunKind::Device))
    }

    /// Reads the table entry for `vaddr`, after faulting it in if it must: first frame and count.
    ///
    /// Returns [`None`] if the lock was given up meanwhile.
    ///
    /// # Safety
    ///
    /// The `mmap_lock` must be held for reading, and `vma` be an area that contains `vaddr`.
    unsafe fn follow(
        &self,
        vma: NonNull<bindings::vm_area_struct>,
        vaddr: usize,
    ) -> Result<Option<(usize, usize)>> {
        let mut args = bindings::follow_pfnmap_args {
            vma: vma.as_ptr(),
            address: vaddr,
            ..Default::default()
        };
        // SAFETY: The caller promises that the area contains the address and is locked.
        if unsafe { bindings::follow_pfnmap_start(&mut args) } != 0 {
            // SAFETY: As above.
            if unsafe { self.fault_in(vaddr) }? {
                return Ok(None);
            }
            // SAFETY: The lock was not given up, so the area is the same.
            to_result(unsafe { bindings::follow_pfnmap_start(&mut args) })?;
        }
        let (pfn, mask, writable) = (args.pfn, args.addr_mask, args.writable);
        // SAFETY: The look-up was started with these arguments and succeeded.
        unsafe { bindings::follow_pfnmap_end(&mut args) };
        if self.write && !writable {
            return Err(EFAULT);
        }
        // The entry covers the frames up to the next multiple of its size.
        let last = pfn | (!mask >> PAGE_SHIFT);
        Ok(Some((pfn, (last - pfn).saturating_add(1))))
    }

    /// Faults the page at `vaddr` in; returns whether the lock was given up meanwhile.
    ///
    /// # Safety
    ///
    /// The `mmap_lock` must be held for reading.
    unsafe fn fault_in(&self, vaddr: usize) -> Result<bool> {
        let write = if self.write {
            bindings::fault_flag_FAULT_FLAG_WRITE
        } else {
            0
        };
        let mut unlocked = false;
        // SAFETY: The address space is alive, and the caller holds its lock, which is held again
        // when this returns.
        let result = to_result(unsafe {
            bindings::fixup_user_fault(
                self.mm.as_raw(),
                vaddr,
                bindings::fault_flag_FAULT_FLAG_REMOTE | write,
                &mut unlocked,
            )
        });
        if unlocked {
            return Ok(true);
        }
        result.map(|()| false)
    }
}
