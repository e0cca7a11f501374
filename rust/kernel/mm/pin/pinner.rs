// SPDX-License-Identifier: GPL-2.0-only

//! The walk over a program's memory that pins as it goes.
//!
//! Pages are looked up a batch at a time, without a lock if they are present, and handed out as
//! contiguous pieces. What has no pages is looked up in the page tables instead, one entry at a
//! time, however large that is.
//!
//! Lock order: takes the `mmap_lock` of the program's address space for reading.
//!
//! C counterpart: `vaddr_get_pfns()` and `follow_fault_pfn()` in
//! [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

use super::{
    PinnedRun,
    RunKind, //
};
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
    prelude::*,
    types::NotThreadSafe, //
};

/// The most pages looked up at once.
const BATCH: usize = 8192;

/// The most pages looked up at once if there is not memory for more.
const SMALL_BATCH: usize = PAGE_SIZE / size_of::<*mut bindings::page>();

/// The most pages looked up at once without any more memory.
const SMALL_BUFFER: usize = 4;

/// How many pages to look up at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchSize {
    /// As many as fit.
    Full,
    /// One by one, so that no two are ever found to be contiguous.
    Single,
}

/// A walk over the current process's memory that pins as it goes.
///
/// Dropping it unpins what was looked up but not handed out.
///
/// # Invariants
///
/// - `pages[next..filled]` are pages on which one pin each belongs to this value.
/// - `next <= filled`, and `filled` is at most the length of `pages`.
/// - `mm` is the address space of the current process.
pub struct Pinner<'a> {
    mm: &'a MmWithUser,
    vaddr: usize,
    left: usize,
    write: bool,

    /// The most pages that a run may have when it is found.
    limit: usize,

    pages: Buffer,
    next: usize,
    filled: usize,

    _not_send: NotThreadSafe,
}

/// Room for the pages of a look-up.
enum Buffer {
    /// A few, which is enough for a small request, and until it is known what is there.
    Small([*mut bindings::page; SMALL_BUFFER]),
    /// Many.
    Large(KVVec<*mut bindings::page>),
}

impl Buffer {
    fn as_slice(&self) -> &[*mut bindings::page] {
        match self {
            Self::Small(pages) => pages,
            Self::Large(pages) => pages,
        }
    }

    fn as_mut_slice(&mut self) -> &mut [*mut bindings::page] {
        match self {
            Self::Small(pages) => pages,
            Self::Large(pages) => pages,
        }
    }
}

/// What a look-up found.
enum Found {
    /// Pages, now in the buffer.
    Pages,
    /// A run that needs no buffer.
    Run(PinnedRun),
}

impl<'a> Pinner<'a> {
    /// Starts a walk over `pages` pages from `vaddr`, which is aligned to pages.
    ///
    /// With `write`, the memory must be writable. Fails with `EINVAL` if `mm` is not the address
    /// space of the current process.
    pub fn new(
        mm: &'a MmWithUser,
        vaddr: usize,
        pages: usize,
        write: bool,
        batch: BatchSize,
    ) -> Result<Self> {
        let current = kernel::current!();
        if current.mm().map(|mm| mm.as_raw()) != Some(mm.as_raw()) {
            return Err(EINVAL);
        }
        // INVARIANT: The buffer holds no page yet, and the address space was just checked.
        Ok(Self {
            mm,
            vaddr,
            left: pages,
            write,
            limit: match batch {
                BatchSize::Single => 1,
                BatchSize::Full => usize::MAX,
            },
            pages: Buffer::Small([core::ptr::null_mut(); SMALL_BUFFER]),
            next: 0,
            filled: 0,
            _not_send: NotThreadSafe,
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
        let rest = self.pages.as_mut_slice().get_mut(self.next..self.filled)?;
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
        let kind = if reserved {
            RunKind::Reserved
        } else {
            RunKind::Memory
        };
        // CAST: At most `BATCH`.
        Some(self.run(first, count as u32, kind))
    }

    /// Returns a run whose pins are ours to give.
    fn run(&self, first: usize, pages: u32, kind: RunKind) -> PinnedRun {
        PinnedRun {
            first,
            pages,
            kind,
            write: self.write,
            mark: 0,
        }
    }

    /// Moves on by `pages`, which were found in the rest of the range.
    fn advance(&mut self, pages: usize) {
        self.left = self.left.saturating_sub(pages);
        // Behind the last page of the address space this wraps, and then it is not used.
        self.vaddr = self.vaddr.wrapping_add(pages << PAGE_SHIFT);
    }

    /// Looks up the next pages; the buffer must be empty.
    fn look_up(&mut self) -> Result<Found> {
        self.get_buffer();
        let count = self.left.min(self.limit).min(self.pages.as_slice().len());
        match self.pin_fast(count) {
            Ok(found) => {
                // INVARIANT: These pages were just pinned for us.
                self.next = 0;
                self.filled = found;
                Ok(Found::Pages)
            }
            Err(_) => self.look_up_locked(count),
        }
    }

    /// Gets a large buffer, if there is not one yet, it is worth it, and there is memory.
    ///
    /// The buffer must be empty.
    fn get_buffer(&mut self) {
        let wanted = self.left.min(self.limit).min(BATCH);
        if matches!(self.pages, Buffer::Large(_)) || wanted <= SMALL_BUFFER {
            return;
        }
        let buffer = |len| KVVec::from_elem(core::ptr::null_mut(), len, GFP_KERNEL);
        if let Ok(pages) = buffer(wanted).or_else(|_| buffer(wanted.min(SMALL_BATCH))) {
            self.pages = Buffer::Large(pages);
        }
    }

    fn flags(&self) -> u32 {
        let write = if self.write { bindings::FOLL_WRITE } else { 0 };
        write | bindings::FOLL_LONGTERM
    }

    /// Returns the flags for the fast way, which takes only what is there.
    ///
    /// It could bring pages in, but would wait for a handler of `userfaultfd` to do so, for ever
    /// if there is none.
    fn fast_flags(&self) -> u32 {
        self.flags() | bindings::FOLL_NOFAULT
    }

    /// Pins the next `count` pages, or fewer, without the `mmap_lock` if they are present; returns
    /// how many are in the buffer, at least one.
    fn pin_fast(&mut self, count: usize) -> Result<usize> {
        // CAST: At most `BATCH`.
        let count = count.min(self.pages.as_slice().len()) as c_int;
        let (vaddr, flags) = (self.vaddr, self.fast_flags());
        // SAFETY: The buffer has room for `count` pointers.
        let found = unsafe {
            bindings::pin_user_pages_fast(
                vaddr,
                count,
                flags,
                self.pages.as_mut_slice().as_mut_ptr(),
            )
        };
        match usize::try_from(found) {
            Ok(0) => Err(EFAULT),
            Ok(found) => Ok(found),
            Err(_) => Err(Error::from_errno(found)),
        }
    }

    /// Looks up what cannot be had the fast way: what is not there yet, what a protection key of
    /// the caller hides, and memory of devices.
    fn look_up_locked(&mut self, count: usize) -> Result<Found> {
        // Not so many at once, as others wait for the lock meanwhile.
        let count = count.min(SMALL_BATCH);
        let _lock = self.mm.mmap_read_lock();
        // SAFETY:
        // - The address space is alive and its `mmap_lock` is held for reading.
        // - The buffer has room for `count` pointers.
        let found = unsafe {
            bindings::pin_user_pages_remote(
                self.mm.as_raw(),
                self.vaddr,
                count,
                self.flags(),
                self.pages.as_mut_slice().as_mut_ptr(),
                core::ptr::null_mut(),
            )
        };
        match usize::try_from(found) {
            Ok(found) if found > 0 => {
                // INVARIANT: These pages were just pinned for us.
                self.next = 0;
                self.filled = found.min(self.pages.as_slice().len());
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

impl Drop for Pinner<'_> {
    fn drop(&mut self) {
        if let Some(rest) = self.pages.as_mut_slice().get_mut(self.next..self.filled) {
            // SAFETY: One pin on each of these pages belongs to this value, which ends here. They
            // were not handed out, so nobody wrote to them through these pins.
            unsafe { bindings::unpin_user_pages(rest.as_mut_ptr(), rest.len()) };
        }
    }
}
