// SPDX-License-Identifier: GPL-2.0-only

//! The walk over a program's memory that pins as it goes.
//!
//! Pages are looked up a batch at a time, without a lock if they are present, and handed out as
//! contiguous pieces. Huge pages of hugetlbfs are looked up once and pinned by number. What has no
//! pages is looked up in the page tables instead, one entry at a time, however large that is.
//!
//! Lock order: takes the `mmap_lock` of the program's address space for reading.
//!
//! C counterpart: `vaddr_get_pfns()` and `follow_fault_pfn()` in
//! [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

mod device;

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
use kernel::{
    mm::{
        virt::flags,
        MmWithUser, //
    },
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

/// How many pages there must be for a look at whether they are of hugetlbfs.
const WORTH_PROBING: usize = 64;

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

    /// Whether the next page may be one of hugetlbfs.
    probe: bool,
    /// The end of the area of hugetlbfs that was seen last.
    huge_end: usize,
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
            probe: batch == BatchSize::Full && pages >= WORTH_PROBING,
            huge_end: 0,
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
        if self.probe {
            if let Some(run) = self.huge_run()? {
                return Ok(Found::Run(run));
            }
        }
        self.get_buffer();
        let count = self.left.min(self.limit).min(self.pages.as_slice().len());
        match self.pin_fast(count) {
            Ok(found) => {
                // INVARIANT: These pages were just pinned for us.
                self.next = 0;
                self.filled = found;
                // Huge pages may follow.
                self.probe = self.limit > 1 && found > 0 && self.is_huge(found - 1);
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

    /// Pins the rest of a huge page of hugetlbfs, if the next page is in one.
    ///
    /// Such a page is mapped whole or not at all, so what holds for one part of it holds for all:
    /// one look-up is enough, and the other pins are added by number.
    fn huge_run(&mut self) -> Result<Option<PinnedRun>> {
        self.probe = false;
        if !self.is_huge_area() {
            return Ok(None);
        }
        let mut page = core::ptr::null_mut();
        // SAFETY: There is room for one pointer.
        let found =
            unsafe { bindings::pin_user_pages_fast(self.vaddr, 1, self.fast_flags(), &mut page) };
        if found != 1 {
            // Whatever is wrong is found again by the ordinary way.
            return Ok(None);
        }
        // SAFETY: The page was just pinned.
        let (first, rest) = unsafe {
            let folio = bindings::vfio_helper_page_folio(page);
            let index = bindings::vfio_helper_folio_page_idx(folio, page);
            let pages = bindings::vfio_helper_folio_nr_pages(folio);
            let aligned = (self.vaddr >> PAGE_SHIFT) & (pages - 1) == index;
            let whole = bindings::vfio_helper_folio_test_hugetlb(folio) && aligned;
            let rest = if whole { pages - index } else { 1 };
            (bindings::vfio_helper_page_to_pfn(page), rest.min(self.left))
        };
        let pages = u32::try_from(rest).unwrap_or(1);
        // INVARIANT: One pin was taken on the first page; with the others there is one on each.
        let run = self.run(first, pages, RunKind::Memory);
        // SAFETY: The folio is pinned, and each of its pages may be pinned as that one was.
        let added = unsafe {
            let folio = bindings::vfio_helper_page_folio(page);
            pages == 1 || bindings::folio_add_pins(folio, pages - 1) == 0
        };
        if !added {
            // There are as many pins as there can be: only the one that we have is ours.
            core::mem::forget(run);
            return Ok(Some(self.run(first, 1, RunKind::Memory)));
        }
        self.probe = true;
        Ok(Some(run))
    }

    /// Returns whether the next page is in an area of hugetlbfs.
    fn is_huge_area(&mut self) -> bool {
        if self.vaddr < self.huge_end {
            return true;
        }
        let lock = self.mm.mmap_read_lock();
        // SAFETY: The address space is alive and locked.
        let vaddr =
            unsafe { bindings::vfio_helper_untagged_addr_remote(self.mm.as_raw(), self.vaddr) };
        let end = lock
            .vma_lookup(vaddr)
            .filter(|vma| vma.flags() & flags::HUGETLB != 0)
            .map(|vma| vma.end());
        drop(lock);
        self.huge_end = end.unwrap_or(0);
        end.is_some()
    }

    /// Returns whether a page of the buffer belongs to hugetlbfs.
    fn is_huge(&self, index: usize) -> bool {
        self.pages.as_slice().get(index).is_some_and(|page| {
            // SAFETY: The page is pinned.
            unsafe {
                let folio = bindings::vfio_helper_page_folio(*page);
                bindings::vfio_helper_folio_test_hugetlb(folio)
            }
        })
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
                self.probe = self.limit > 1 && self.is_huge(self.filled - 1);
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
