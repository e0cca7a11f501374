// SPDX-License-Identifier: GPL-2.0-only

//! Pages that are pinned for one entry each.
//!
//! Containers of the first flavour have no registered memory: making an entry pins a page, and
//! emptying it unpins it. A page of the processor can serve several entries, and has a pin for each.
//!
//! C header: [`include/linux/mm.h`](srctree/include/linux/mm.h)

use super::{
    table::Tce,
    window::PageShift, //
};
use crate::bindings;
use kernel::{
    mm::MmWithUser,
    page::{
        PAGE_MASK,
        PAGE_SHIFT, //
    },
    prelude::*, //
};

/// Pages on which a pin each is to become an entry's, in the order of the entries.
///
/// Dropping it unpins those that have not been [taken](Pins::take).
///
/// # Invariants
///
/// - One pin on each page from `taken` on belongs to this value.
/// - `shift` is the size of the entries' pages, the first of which is at `vaddr`.
pub(super) struct Pins {
    pages: KVec<*mut bindings::page>,
    taken: usize,
    vaddr: usize,
    shift: PageShift,
}

impl Pins {
    /// Pins memory of the current process, whose address space `mm` is, for `count` entries with
    /// pages of `shift` from `vaddr` on.
    ///
    /// # Errors
    ///
    /// `EFAULT` if a page is not there or may not be written or pinned, `EPERM` if the memory behind
    /// an entry is not one page of its size, `EINVAL` if `mm` is another's, `ENOMEM`; each with the
    /// number of entries for which there was memory.
    pub(super) fn new(
        mm: &MmWithUser,
        (vaddr, shift): (usize, PageShift),
        count: usize,
        write: bool,
    ) -> Result<Self, (u64, Error)> {
        let current = kernel::current!();
        if current.mm().map(|mm| mm.as_raw()) != Some(mm.as_raw()) {
            return Err((0, EINVAL));
        }
        // INVARIANT: There is no page yet.
        let mut pins = Self {
            pages: KVec::with_capacity(count, GFP_KERNEL).map_err(|_| (0, ENOMEM))?,
            taken: 0,
            vaddr,
            shift,
        };
        for done in 0..count {
            // CAST: Widening.
            pins.pin_next(write).map_err(|error| (done as u64, error))?;
        }
        Ok(pins)
    }

    /// Pins one more page.
    fn pin_next(&mut self, write: bool) -> Result {
        let flags = bindings::FOLL_LONGTERM | if write { bindings::FOLL_WRITE } else { 0 };
        let at = self.address(self.pages.len()).ok_or(EFAULT)?;
        let mut page = core::ptr::null_mut();
        // SAFETY: There is room for one pointer. The address is checked like any of a user's.
        if unsafe { bindings::pin_user_pages_fast(at & PAGE_MASK, 1, flags, &mut page) } != 1 {
            return Err(EFAULT);
        }
        // INVARIANT: The page was just pinned. There is room for all of them.
        if self.pages.push_within_capacity(page).is_err() {
            // SAFETY: The pin was just taken, and goes nowhere.
            unsafe { unpin(page, false) };
            return Err(ENOMEM);
        }
        // SAFETY: The page is pinned.
        let whole = unsafe {
            bindings::vfio_helper_page_shift_of_pfn(bindings::vfio_helper_page_to_pfn(page))
        };
        if whole < u32::from(self.shift.get()) && usize::from(self.shift.get()) > PAGE_SHIFT {
            return Err(EPERM);
        }
        Ok(())
    }

    /// Returns the user address of an entry.
    pub(super) fn address(&self, index: usize) -> Option<usize> {
        let offset = index.checked_mul(usize::try_from(self.shift.bytes()).ok()?)?;
        self.vaddr.checked_add(offset)
    }

    /// Returns the physical address of an entry's page, in bytes.
    pub(super) fn physical(&self, index: usize) -> Option<u64> {
        let page = *self.pages.get(index)?;
        // SAFETY: The page is pinned, or was when this value was made.
        let frame = unsafe { bindings::vfio_helper_page_to_pfn(page) };
        let offset = self.address(index)? & !PAGE_MASK;
        // CAST: Widening.
        Some((frame << PAGE_SHIFT | offset) as u64)
    }

    /// Leaves the pins on the next `count` pages to their entries.
    pub(super) fn take(&mut self, count: usize) {
        // INVARIANT: They are somebody else's from now on.
        self.taken = self.taken.saturating_add(count).min(self.pages.len());
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        for page in self.pages.iter().skip(self.taken) {
            // SAFETY: The pin is ours by the type invariant, and not used afterwards.
            unsafe { unpin(*page, false) };
        }
    }
}

/// Unpins the page of an entry that was emptied.
///
/// # Safety
///
/// One pin on the page was the entry's, and is not used any more.
pub(super) unsafe fn unpin_entry(tce: Tce) {
    // CAST: Numbers of frames fit.
    let frame = (tce.physical >> PAGE_SHIFT) as usize;
    // SAFETY: The page is pinned, so it exists; the caller promises that the pin can go.
    unsafe { unpin(bindings::vfio_helper_pfn_to_page(frame), tce.may_write) };
}

/// Gives up one pin, after noting that the page was written if `dirty`. Does not wait.
///
/// # Safety
///
/// The caller has a pin on the page, and gives it up.
unsafe fn unpin(page: *mut bindings::page, dirty: bool) {
    // SAFETY: The page is pinned, so it exists, and the pin can go.
    unsafe {
        if dirty {
            bindings::vfio_helper_set_page_dirty(page);
        }
        bindings::unpin_user_page(page);
    }
}
