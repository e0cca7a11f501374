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

use crate::{
    bindings,
    sched::{
        check_killed,
        cond_resched, //
    }, //
};
use core::ptr::NonNull;
use kernel::{
    error::to_result,
    mm::MmWithUser,
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*, //
};

/// The number of pages looked up at once: one page full of pointers.
const BATCH: usize = PAGE_SIZE / size_of::<*mut bindings::page>();

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

/// How many pages to look up at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchSize {
    /// As many as fit.
    Full,
    /// One by one, so that no two are ever found to be contiguous.
    Single,
}

/// A walk over a program's memory that pins as it goes.
///
/// Dropping it unpins what was looked up but not handed out.
///
/// # Invariants
///
/// - `pages[next..filled]` are pages on which one pin each belongs to this value.
/// - `next <= filled <= pages.len()`.
pub struct Pinner<'a> {
    mm: &'a MmWithUser,
    vaddr: usize,
    left: usize,
    write: bool,

    pages: KVec<*mut bindings::page>,
    next: usize,
    filled: usize,
}

/// What a look-up found.
enum Found {
    /// Pages, now in the buffer.
    Pages,
    /// A run that is not backed by pages.
    Run(PinnedRun),
}

impl<'a> Pinner<'a> {
    /// Starts a walk over `pages` pages of `mm` from `vaddr`, which is aligned to pages.
    ///
    /// With `write`, the memory must be writable. Fails with `ENOMEM`.
    pub fn new(
        mm: &'a MmWithUser,
        vaddr: usize,
        pages: usize,
        write: bool,
        batch: BatchSize,
    ) -> Result<Self> {
        let single = || KVec::from_elem(core::ptr::null_mut(), 1, GFP_KERNEL);
        let buffer = match batch {
            BatchSize::Single => single()?,
            BatchSize::Full => {
                KVec::from_elem(core::ptr::null_mut(), BATCH, GFP_KERNEL).or_else(|_| single())?
            }
        };
        // INVARIANT: The buffer holds no page yet.
        Ok(Self {
            mm,
            vaddr,
            left: pages,
            write,
            pages: buffer,
            next: 0,
            filled: 0,
        })
    }

    /// Pins the next stretch of memory and returns it, or [`None`] at the end of the range.
    ///
    /// What it returns is contiguous, but what follows may continue it: see
    /// [`PinnedRun::append`].
    ///
    /// Fails with `EFAULT` if there is no memory, or none that may be written or pinned, with
    /// `ENOMEM`, and with `EINTR` when the caller is being killed.
    pub fn next_run(&mut self) -> Result<Option<PinnedRun>> {
        if self.next == self.filled {
            if self.left == 0 {
                return Ok(None);
            }
            cond_resched();
            check_killed()?;
            if let Found::Run(run) = self.look_up()? {
                // CAST: `u32` fits in `usize`.
                self.advance(run.pages as usize);
                return Ok(Some(run));
            }
        }
        Ok(self.take_run())
    }

    /// Turns the first pages of the buffer, as far as they are contiguous, into a run.
    fn take_run(&mut self) -> Option<PinnedRun> {
        let rest = self.pages.get_mut(self.next..self.filled)?;
        let page = *rest.first()?;
        // SAFETY: `rest` are pages that are pinned, by the type invariant.
        let (first, count, reserved) = unsafe {
            (
                bindings::vfio_helper_page_to_pfn(page),
                bindings::vfio_helper_num_pages_contiguous(rest.as_mut_ptr(), rest.len()),
                bindings::vfio_helper_page_reserved(page),
            )
        };
        let count = count.clamp(1, rest.len());
        // INVARIANT: The pins of these pages leave the buffer and become those of the run.
        self.next += count;
        self.advance(count);
        Some(PinnedRun {
            first,
            // CAST: At most `BATCH`.
            pages: count as u32,
            kind: if reserved {
                RunKind::Reserved
            } else {
                RunKind::Memory
            },
            write: self.write,
        })
    }

    /// Moves on by `pages`, which were found in the rest of the range.
    fn advance(&mut self, pages: usize) {
        self.left = self.left.saturating_sub(pages);
        // Behind the last page of the address space this wraps, and then it is not used.
        self.vaddr = self.vaddr.wrapping_add(pages << PAGE_SHIFT);
    }

    /// Looks up the next pages; the buffer must be empty.
    fn look_up(&mut self) -> Result<Found> {
        let flags = if self.write { bindings::FOLL_WRITE } else { 0 } | bindings::FOLL_LONGTERM;
        let count = self.left.min(self.pages.len());
        let _lock = self.mm.mmap_read_lock();
        // SAFETY:
        // - The address space is alive and its `mmap_lock` is held for reading.
        // - The buffer has room for `count` pointers.
        let found = unsafe {
            bindings::pin_user_pages_remote(
                self.mm.as_raw(),
                self.vaddr,
                count,
                flags,
                self.pages.as_mut_ptr(),
                core::ptr::null_mut(),
            )
        };
        match usize::try_from(found) {
            Ok(found) if found > 0 => {
                // INVARIANT: These pages were just pinned for us.
                self.next = 0;
                self.filled = found.min(self.pages.len());
                Ok(Found::Pages)
            }
            _ => {
                // CAST: An errno is small.
                let error = match found {
                    0 => EFAULT,
                    errno => Error::from_errno(errno as c_int),
                };
                // SAFETY: The `mmap_lock` is held for reading.
                unsafe { self.device_memory(error) }.map(Found::Run)
            }
        }
    }

    /// Finds memory of a device at the current address; fails with `error` if there is none.
    ///
    /// # Safety
    ///
    /// The caller must hold the `mmap_lock` for reading. It may be given up and taken again.
    unsafe fn device_memory(&self, error: Error) -> Result<PinnedRun> {
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
        let pages = u32::try_from(pages.min(self.left)).unwrap_or(u32::MAX);
        // INVARIANT: The frames exist, as they are in a page table; there is at least one.
        Ok(PinnedRun {
            first,
            pages: pages.max(1),
            kind: RunKind::Device,
            write: self.write,
        })
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

impl Drop for Pinner<'_> {
    fn drop(&mut self) {
        if let Some(rest) = self.pages.get_mut(self.next..self.filled) {
            // SAFETY: One pin on each of these pages belongs to this value, which ends here. They
            // were not handed out, so nobody wrote to them through these pins.
            unsafe { bindings::unpin_user_pages(rest.as_mut_ptr(), rest.len()) };
        }
    }
}
