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
    /// Nothing: the memory that was here has been given back.
    Gone,
}

/// Contiguous physical memory that stays where it is while this value lives.
///
/// There can be hundreds of thousands of these for one mapping, so they are 16 bytes and have room
/// for a mark of whoever holds them.
///
/// # Invariants
///
/// - `pages` is not 0. Unless `kind` is [`RunKind::Gone`], the frames `first..first + pages` exist.
/// - If `kind` is [`RunKind::Memory`] or [`RunKind::Reserved`], one pin on each of these frames
///   belongs to this value.
/// - If `write` is set, the pins were taken for writing.
pub struct PinnedRun {
    first: usize,
    pages: u32,
    kind: RunKind,
    write: bool,
    mark: u8,
}

impl PinnedRun {
    /// Returns a run of nothing that stands for as many pages as this one.
    pub fn placeholder(&self) -> Self {
        // INVARIANT: There are as many pages as in a run, so not 0, and nothing is pinned.
        Self {
            first: 0,
            pages: self.pages,
            kind: RunKind::Gone,
            write: self.write,
            mark: 0,
        }
    }

    /// Returns the number of the first page frame.
    pub fn frame(&self) -> usize {
        self.first
    }

    /// Returns the number of the frame behind the last one.
    pub fn end_frame(&self) -> usize {
        // CAST: `u32` fits in `usize`. OVERFLOW: Of frames that exist, the highest is far away.
        self.first + self.pages as usize
    }

    /// Returns the holder's mark: 0 at first, and whatever the holder made it.
    pub fn mark(&self) -> u8 {
        self.mark
    }

    /// Sets the holder's mark, which means nothing here.
    pub fn set_mark(&mut self, mark: u8) {
        self.mark = mark;
    }

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
            RunKind::Reserved | RunKind::Device | RunKind::Gone => 0,
        }
    }

    /// Divides the run into its first `pages` pages and the rest.
    ///
    /// Gives it back if one of the two would be empty.
    pub fn split(self, pages: u64) -> Result<(Self, Self), Self> {
        let at = match u32::try_from(pages) {
            Ok(at) if at > 0 && at < self.pages => at,
            _ => return Err(self),
        };
        let run = core::mem::ManuallyDrop::new(self);
        let first = match run.kind {
            RunKind::Gone => 0,
            // CAST: `u32` fits in `usize`. OVERFLOW: The frame exists.
            _ => run.first + at as usize,
        };
        let part = |first, pages| Self {
            first,
            pages,
            kind: run.kind,
            write: run.write,
            mark: run.mark,
        };
        // INVARIANT: Neither is empty, and each pin of the whole belongs to exactly one of them.
        // OVERFLOW: `at` is less than the number of pages.
        Ok((part(run.first, at), part(first, run.pages - at)))
    }

    /// Takes in `next`, if it continues this run; gives it back if not.
    pub fn append(&mut self, next: Self) -> Result<(), Self> {
        // CAST: `u32` fits in `usize` on every machine with an IOMMU.
        let contiguous = self.first.checked_add(self.pages as usize) == Some(next.first)
            && (self.kind, self.write, self.mark) == (next.kind, next.write, next.mark);
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
        if matches!(self.kind, RunKind::Device | RunKind::Gone) {
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
