// SPDX-License-Identifier: GPL-2.0-only

//! Memory that a process has registered, so that entries can be made from it.
//!
//! Registering pins and charges the memory once; making an entry is then a matter of looking up an
//! address, which KVM does for its guests as well. The list of what is registered belongs to the
//! process. A container that registers what another one of the process has shares it.
//!
//! What the process gives up stays pinned until it is unregistered, but no entry is made from it any
//! more: the pages are *stale*.
//!
//! C header: `mm_iommu_*` in
//! [`arch/powerpc/include/asm/mmu_context.h`](srctree/arch/powerpc/include/asm/mmu_context.h)

use super::window::PageShift;
use crate::bindings;
use core::{
    cell::Cell,
    ptr::NonNull, //
};
use kernel::{
    bitmap::BitmapVec,
    error::to_result,
    mm::{
        Mm,
        MmWithUser, //
    },
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    sync::{
        aref::ARef,
        rcu, //
    }, //
};

/// One registered range.
///
/// # Invariants
///
/// `raw` is memory that is registered for `mm`, `pages` pages from `vaddr` on, and one use of it
/// belongs to this value.
pub(super) struct Region {
    mm: ARef<Mm>,
    raw: NonNull<bindings::mm_iommu_table_group_mem_t>,
    vaddr: usize,
    pages: usize,
    /// The pages that the process has given up.
    stale: BitmapVec,
    /// Whether there are any: mostly there are none.
    any_stale: bool,
    /// How many entries were made from it, less those that were emptied. KVM may have replaced some
    /// of them since, so if it is 0 there are none of ours, else there may be. Changes with the
    /// space locked.
    made: Cell<u64>,
}

// SAFETY: Registered memory may be used and given back from any thread.
unsafe impl Send for Region {}

impl Region {
    /// Registers `pages` pages from `vaddr` on, of the current process, whose address space `mm` is.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `mm` is another's or the range overlaps with what is registered and is not the
    /// same, `ENOMEM` beyond `RLIMIT_MEMLOCK` or for lack of memory, `EFAULT`.
    pub(super) fn new(mm: &MmWithUser, vaddr: usize, pages: usize) -> Result<Self> {
        let current = kernel::current!();
        if current.mm().map(|mm| mm.as_raw()) != Some(mm.as_raw()) {
            return Err(EINVAL);
        }
        let stale = BitmapVec::new(pages, GFP_KERNEL_ACCOUNT)?;
        // SAFETY: The address space is live.
        let mut raw = unsafe { bindings::mm_iommu_get(mm.as_raw(), vaddr, pages) };
        if raw.is_null() {
            // SAFETY: The address space is live and the current process's, as was checked. The
            // result goes to a place that is valid for it.
            let result = unsafe { bindings::mm_iommu_new(mm.as_raw(), vaddr, pages, &mut raw) };
            match c_int::try_from(result)? {
                0 => {}
                // So many pages of the last batch are there, and others not.
                1.. => return Err(EFAULT),
                error => to_result(error)?,
            }
        }
        // INVARIANT: Both calls give a use of that range.
        Ok(Self {
            mm: ARef::from(&**mm),
            raw: NonNull::new(raw).ok_or(ENOMEM)?,
            vaddr,
            pages,
            stale,
            any_stale: false,
            made: Cell::new(0),
        })
    }

    /// Returns the first address and the number of pages.
    pub(super) fn range(&self) -> (usize, usize) {
        (self.vaddr, self.pages)
    }

    /// Returns the last address, which still belongs to it.
    pub(super) fn last(&self) -> usize {
        // OVERFLOW: Registered memory is memory of a process, which ends before the last address.
        self.vaddr + (self.pages * PAGE_SIZE - 1)
    }

    /// Returns whether any address is in `range.0..=range.1`.
    pub(super) fn overlaps(&self, range: (usize, usize)) -> bool {
        self.vaddr <= range.1 && range.0 <= self.last()
    }

    /// Returns the number of the page that an address is in.
    #[inline]
    fn page_of(&self, vaddr: usize) -> Option<usize> {
        let page = vaddr.checked_sub(self.vaddr)? >> PAGE_SHIFT;
        (page < self.pages).then_some(page)
    }

    /// Returns the physical address in bytes of the page of `shift` at `vaddr`, a multiple of its
    /// size, for an entry.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it is not all registered, `EFAULT` if the process has given a part of it up,
    /// `EPERM` if the memory behind it is not one page of that size.
    #[inline]
    pub(super) fn frame(&self, vaddr: usize, shift: PageShift) -> Result<u64> {
        let last = vaddr
            .checked_add(usize::try_from(shift.bytes() - 1)?)
            .ok_or(EINVAL)?;
        let (first, last) = match (self.page_of(vaddr), self.page_of(last)) {
            (Some(first), Some(last)) => (first, last),
            _ => return Err(EINVAL),
        };
        let is_stale = || self.stale.next_bit(first).is_some_and(|page| page <= last);
        if self.any_stale && is_stale() {
            return Err(EFAULT);
        }
        let physical = self.look_up(vaddr, shift)?;
        // CAST: Numbers of frames fit.
        let frame = (physical >> PAGE_SHIFT) as usize;
        // SAFETY: Registered memory is pinned, and was found through its page structures.
        let whole = unsafe { bindings::vfio_helper_page_shift_of_pfn(frame) };
        if whole < u32::from(shift.get()) || physical & (shift.bytes() - 1) != 0 {
            return Err(EPERM);
        }
        Ok(physical)
    }

    /// Returns the physical address of `vaddr`, in bytes.
    ///
    /// Fails with `EINVAL` if it is not registered, or not in pages as large as `shift`.
    #[inline]
    fn look_up(&self, vaddr: usize, shift: PageShift) -> Result<u64> {
        let mut physical: c_ulong = 0;
        // SAFETY: The memory is registered by the type invariant; the result goes to a place that is
        // valid for it. An address outside is refused.
        let result = unsafe {
            bindings::mm_iommu_ua_to_hpa(
                self.raw.as_ptr(),
                vaddr,
                shift.get().into(),
                &mut physical,
            )
        };
        if result != 0 {
            return Err(EINVAL);
        }
        // CAST: `c_ulong` has at most 64 bits.
        Ok(physical as u64)
    }

    /// Returns the number of the frame of the page that `vaddr` is in.
    pub(super) fn frame_number(&self, vaddr: usize) -> Option<usize> {
        let page = PageShift::new(PAGE_SHIFT as u64)?;
        let physical = self.look_up(vaddr, page).ok()?;
        // CAST: Numbers of frames fit.
        Some((physical >> PAGE_SHIFT) as usize)
    }

    /// Notes one more entry that is made from it.
    ///
    /// Fails with `ENXIO` if it is just being given back.
    #[inline]
    pub(super) fn count(&self) -> Result {
        // SAFETY: The memory is registered by the type invariant.
        match unsafe { bindings::mm_iommu_mapped_inc(self.raw.as_ptr()) } {
            0 => {
                self.made.set(self.made.get().saturating_add(1));
                Ok(())
            }
            _ => Err(ENXIO),
        }
    }

    /// Notes one entry fewer in our own count. KVM may have made one that was emptied here.
    fn note_less(&self) {
        self.made.set(self.made.get().saturating_sub(1));
    }

    /// Returns whether there may be entries that were made from it through the space it belongs to.
    pub(super) fn may_have_entries(&self) -> bool {
        self.made.get() != 0
    }

    /// Takes back [`Region::count`], for an entry that was not made.
    pub(super) fn uncount(&self) {
        self.note_less();
        // SAFETY: The memory is registered by the type invariant.
        unsafe { bindings::mm_iommu_mapped_dec(self.raw.as_ptr()) };
    }

    /// Notes that one entry fewer is made from it, whose page is at `vaddr` and may have been
    /// written.
    pub(super) fn let_go(&self, vaddr: usize) {
        self.note_less();
        // SAFETY: The memory is registered by the type invariant.
        unsafe { let_go(self.raw.as_ptr(), vaddr) }
    }

    /// Notes that the process has given up what is in `range.0..=range.1`.
    pub(super) fn mark_stale(&mut self, range: (usize, usize)) {
        if !self.overlaps(range) {
            return;
        }
        let first = range.0.saturating_sub(self.vaddr) >> PAGE_SHIFT;
        // OVERFLOW: The last address is not below the first.
        let last = (range.1.min(self.last()) - self.vaddr) >> PAGE_SHIFT;
        for page in first..=last {
            self.stale.set_bit(page);
        }
        self.any_stale = true;
    }

    /// Returns how many pages are stale.
    pub(super) fn count_stale(&self) -> usize {
        let mut count = 0;
        let mut at = 0;
        while let Some(page) = self.stale.next_bit(at) {
            count += 1;
            at = page + 1;
            if at >= self.pages {
                break;
            }
        }
        count
    }

    /// Gives the memory back.
    ///
    /// Fails with `EBUSY` if entries are made from it, which KVM may have done; then it is as
    /// before. Takes the `mmap_lock`.
    pub(super) fn give_back(self) -> Result<(), (Self, Error)> {
        // SAFETY: The use is ours by the type invariant. If this fails, it still is.
        let result = unsafe { bindings::mm_iommu_put(self.mm.as_raw(), self.raw.as_ptr()) };
        let result = c_int::try_from(result).unwrap_or_default();
        if let Err(error) = to_result(result) {
            return Err((self, error));
        }
        let mut this = core::mem::ManuallyDrop::new(self);
        // SAFETY: These fields are not used any more; the use of the memory, which dropping the
        // whole would give back once more, has gone.
        unsafe {
            core::ptr::drop_in_place(&mut this.mm);
            core::ptr::drop_in_place(&mut this.stale);
        }
        Ok(())
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // What fails here stays pinned and charged until the address space ends; that takes an entry
        // that somebody else has made.
        // SAFETY: The use is ours by the type invariant, and the memory not used afterwards.
        unsafe { bindings::mm_iommu_put(self.mm.as_raw(), self.raw.as_ptr()) };
    }
}

/// Notes that one entry fewer is made from what another container has registered for `mm`, whose page
/// is at `vaddr` and may have been written.
pub(super) fn let_go_elsewhere(mm: &Mm, vaddr: usize) {
    let _rcu = rcu::read_lock();
    // SAFETY: The address space is live. Memory that is not registered any more is unpinned and freed
    // after a grace period, which does not end before the guard is dropped.
    unsafe {
        let raw = bindings::mm_iommu_lookup(mm.as_raw(), vaddr, 1);
        if !raw.is_null() {
            let_go(raw, vaddr);
        }
    }
}

/// Notes that one entry fewer is made from registered memory.
///
/// Only pages that may be written can be registered, so each may have been.
///
/// # Safety
///
/// The memory is registered, and stays pinned until this returns.
unsafe fn let_go(raw: *mut bindings::mm_iommu_table_group_mem_t, vaddr: usize) {
    let mut physical: c_ulong = 0;
    // SAFETY: As the caller promises. The memory was found through its page structures.
    unsafe {
        // CAST: A small constant.
        if bindings::mm_iommu_ua_to_hpa(raw, vaddr, PAGE_SHIFT as u32, &mut physical) == 0 {
            let page = bindings::vfio_helper_pfn_to_page(physical as usize >> PAGE_SHIFT);
            bindings::vfio_helper_set_page_dirty(page);
        }
        bindings::mm_iommu_mapped_dec(raw);
    }
}
