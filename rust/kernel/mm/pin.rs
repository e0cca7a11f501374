// SPDX-License-Identifier: GPL-2.0-only

//! Keeping a program's memory where it is, so that a device can use it.
//!
//! A [`Pinner`] walks a range of a program's memory and turns it into [`PinnedRun`]s: stretches
//! that are contiguous in physical memory. Ordinary memory is pinned for the long term
//! (`FOLL_LONGTERM`): the kernel first moves it out of zones that must stay movable, breaks
//! copy-on-write, and then leaves it alone until the run is dropped, which unpins it and marks it
//! dirty if it may have been written.
//!
//! Memory of another device (a BAR that was mapped with `mmap`) has no page structures. It cannot
//! be pinned and is not: it is no RAM, so nothing of the kernel can ever live there. It is taken as
//! it is at that moment, and faulted in first if it must.
//!
//! Lock order: takes the `mmap_lock` of the program's address space for reading.
//!
//! C counterpart: `vaddr_get_pfns()` and `put_pfn()` in
//! [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

mod pinner;

pub use self::pinner::{
    BatchSize,
    Pinner, //
};

use crate::{
    bindings,
    sched::cond_resched, //
};
use kernel::page::PAGE_SHIFT;

/// The number of pages unpinned before somebody else may run.
const UNPIN_STEP: u32 = 1 << 18;

/// What kind of memory a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunKind {
    /// Ordinary memory, pinned. It counts against the limit of locked memory.
    Memory,
    /// Memory with page structures that the kernel keeps out of its accounts, pinned.
    Reserved,
    /// Memory of a device, not pinned.
    Device,
}

/// Contiguous physical memory that stays where it is while this value lives.
///
/// # Invariants
///
/// - `pages` is not 0, and the frames `first..first + pages` exist.
/// - Unless `kind` is [`RunKind::Device`], one pin on each of these frames belongs to this value.
/// - If `write` is set, the pins were taken for writing.
pub struct PinnedRun {
    first: usize,
    pages: u32,
    kind: RunKind,
    write: bool,
}

impl PinnedRun {
    /// Returns the physical address of the first byte.
    pub fn phys(&self) -> u64 {
        // CAST: `usize` has at most 64 bits. OVERFLOW: The frame exists.
        (self.first as u64) << PAGE_SHIFT
    }

    /// Returns the length in pages.
    pub fn pages(&self) -> u64 {
        self.pages.into()
    }

    /// Returns the length in bytes.
    pub fn bytes(&self) -> u64 {
        // OVERFLOW: 32 bits of pages fit.
        u64::from(self.pages) << PAGE_SHIFT
    }

    /// Returns the kind of memory.
    pub fn kind(&self) -> RunKind {
        self.kind
    }

    /// Returns whether the memory may be written through this run.
    pub fn is_writable(&self) -> bool {
        self.write
    }

    /// Returns the number of pages that count as locked memory.
    pub fn locked_pages(&self) -> u64 {
        match self.kind {
            RunKind::Memory => self.pages(),
            RunKind::Reserved | RunKind::Device => 0,
        }
    }

    /// Takes in `next`, if it continues this run; gives it back if not.
    pub fn append(&mut self, next: Self) -> Result<(), Self> {
        // CAST: `u32` fits in `usize` on every machine with an IOMMU.
        let contiguous = self.first.checked_add(self.pages as usize) == Some(next.first)
            && (self.kind, self.write) == (next.kind, next.write);
        match self.pages.checked_add(next.pages) {
            Some(pages) if contiguous => {
                // INVARIANT: The pins of `next` now belong to this run.
                self.pages = pages;
                core::mem::forget(next);
                Ok(())
            }
            _ => Err(next),
        }
    }
}

impl Drop for PinnedRun {
    fn drop(&mut self) {
        if self.kind == RunKind::Device {
            return;
        }
        let (mut first, mut left) = (self.first, self.pages);
        while left > 0 {
            let step = left.min(UNPIN_STEP);
            // SAFETY:
            // - The frames exist and have page structures, as they were found through them.
            // - One pin on each belongs to this value, which ends here.
            unsafe {
                let page = bindings::vfio_helper_pfn_to_page(first);
                // CAST: `u32` fits in `usize`.
                bindings::unpin_user_page_range_dirty_lock(page, step as usize, self.write);
            }
            // OVERFLOW: Both stay within the run.
            first += step as usize;
            left -= step;
            cond_resched();
        }
    }
}
