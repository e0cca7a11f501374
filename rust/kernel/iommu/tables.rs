// SPDX-License-Identifier: GPL-2.0-only

//! I/O page tables: translating addresses, and taking translations back.
//!
//! Only [`AddressSpace`](super::AddressSpace) calls the functions here, because only it knows that
//! the memory behind a translation stays pinned.
//!
//! Several threads may change translations of the same tables at once, as long as their ranges do
//! not overlap: the IOMMU drivers install tables with compare-and-swap, and free one only if the
//! range unmapped covers it whole.
//!
//! C header: [`include/linux/iommu.h`](srctree/include/linux/iommu.h).

use super::Access;
use crate::{
    bindings,
    mm::pin::{
        PinnedRun,
        RunKind, //
    },
};
use core::ptr::NonNull;
use kernel::{
    error::to_result,
    page::PAGE_SIZE,
    prelude::*,
    types::Opaque, //
};

/// The most bytes that an entry of a list for [`Tables::map_runs`] may have.
pub(super) const LIST_ENTRY_MAX: u64 = 1 << 31;

/// Whether a call may wait for memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sleep {
    /// It may, and the memory is charged to the caller's cgroup.
    Allowed,
    /// It may not.
    Forbidden,
}

/// One set of I/O page tables, freed when this is dropped.
///
/// # Invariants
///
/// `raw` is a live paging domain. When this value is dropped, no device is attached to it.
pub(super) struct Tables {
    raw: NonNull<bindings::iommu_domain>,

    /// The largest page to be used.
    max_page: Option<MaxPage>,
}

/// The largest page of page tables: a power of two, no less than a page of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPage(u64);

impl MaxPage {
    /// Returns a limit of so many bytes, or [`None`] if that is none.
    pub fn new(bytes: u64) -> Option<Self> {
        (bytes.is_power_of_two() && bytes >= PAGE_SIZE as u64).then_some(Self(bytes))
    }

    /// Returns the limit in bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }

    /// Returns how many of the `len` bytes at `iova` go into one page at most.
    fn piece(self, iova: u64, len: u64) -> u64 {
        // OVERFLOW: The remainder is less than the limit.
        len.min(self.0 - iova % self.0)
    }
}

// SAFETY: Page tables are not tied to a thread.
unsafe impl Send for Tables {}
// SAFETY: Changing translations of disjoint ranges from several threads is allowed, and that they
// are disjoint is a safety requirement of the functions that change them. All else only reads.
unsafe impl Sync for Tables {}

impl Tables {
    /// Takes over a fresh domain.
    ///
    /// # Safety
    ///
    /// `raw` is a live paging domain that nobody else frees, and before this value is dropped,
    /// every device that was attached to it is detached again.
    pub(super) unsafe fn new(
        raw: NonNull<bindings::iommu_domain>,
        max_page: Option<MaxPage>,
    ) -> Self {
        // INVARIANT: By the requirements of this function.
        Self { raw, max_page }
    }

    /// Returns the largest page to be used, if that is limited.
    pub(super) fn max_page(&self) -> Option<MaxPage> {
        self.max_page
    }

    /// Returns the domain.
    pub(super) fn as_raw(&self) -> *mut bindings::iommu_domain {
        self.raw.as_ptr()
    }

    /// Returns the domain's fields that never change after it was attached.
    pub(super) fn get(&self) -> &bindings::iommu_domain {
        // SAFETY: The domain is live by the type invariant. The fields that are read are set when
        // it is allocated and attached.
        unsafe { self.raw.as_ref() }
    }

    /// Returns the page sizes in use: bit `n` stands for `1 << n` bytes.
    pub(super) fn page_sizes(&self) -> u64 {
        // CAST: `usize` has at most 64 bits.
        self.get().pgsize_bitmap as u64
    }

    /// Translates `len` bytes from `iova` to physical memory from `phys`, or nothing at all.
    ///
    /// # Safety
    ///
    /// - The frames must not be given to another owner before this translation is removed and
    ///   flushed.
    /// - No other thread changes translations in this range.
    /// - If sleeping is not allowed here, `sleep` says so.
    pub(super) unsafe fn map(
        &self,
        iova: u64,
        (phys, len): (u64, u64),
        access: Access,
        sleep: Sleep,
    ) -> Result {
        let Some(max_page) = self.max_page else {
            // SAFETY: The caller promises what is required.
            return unsafe { self.map_piece(iova, (phys, len), access, sleep) };
        };
        let mut done = 0;
        while done < len {
            // OVERFLOW: Both ranges are valid, so they do not wrap, and `done` is less than `len`.
            let (at, from) = (iova + done, phys + done);
            let piece = max_page.piece(at, len - done);
            // SAFETY: The caller promises what is required.
            let mapped = unsafe { self.map_piece(at, (from, piece), access, sleep) };
            mapped.inspect_err(|_| {
                if done != 0 {
                    // SAFETY: The caller promises that nobody else changes this range.
                    self.unmapping(|gather| unsafe { gather.take(iova, done) });
                }
            })?;
            done += piece;
        }
        Ok(())
    }

    /// As [`Tables::map`], with pages of any size.
    ///
    /// # Safety
    ///
    /// As there.
    unsafe fn map_piece(
        &self,
        iova: u64,
        (phys, len): (u64, u64),
        access: Access,
        sleep: Sleep,
    ) -> Result {
        let flags = match sleep {
            Sleep::Allowed => bindings::GFP_KERNEL_ACCOUNT,
            Sleep::Forbidden => bindings::GFP_ATOMIC,
        };
        let iova = usize::try_from(iova)?;
        let len = usize::try_from(len)?;
        // SAFETY: The domain is live. The caller promises the rest.
        to_result(unsafe {
            bindings::iommu_map(self.as_raw(), iova, phys, len, access.prot(), flags)
        })
    }

    /// Translates the addresses from `iova` to the memory of `list`, or nothing at all. Each run of it
    /// is in pages of any size.
    ///
    /// # Safety
    ///
    /// As for [`Tables::map`], for all frames of the list.
    pub(super) unsafe fn map_list(&self, iova: u64, list: &RunList<'_>, access: Access) -> Result {
        let iova = usize::try_from(iova)?;
        // SAFETY: The domain is live, and the list is one of as many entries by its invariant. The
        // caller promises the rest.
        let mapped = unsafe {
            bindings::iommu_map_sg(
                self.as_raw(),
                iova,
                list.entries.as_ptr().cast_mut(),
                list.len,
                access.prot(),
                bindings::GFP_KERNEL_ACCOUNT,
            )
        };
        // CAST: An errno is small.
        match usize::try_from(mapped) {
            Ok(_) => Ok(()),
            Err(_) => Err(Error::from_errno(mapped as c_int)),
        }
    }

    /// Returns whether `iova` is translated.
    pub(super) fn translates(&self, iova: u64) -> bool {
        // SAFETY: The domain is live; looking an address up has no other requirement.
        unsafe { bindings::iommu_iova_to_phys(self.as_raw(), iova) != 0 }
    }

    /// Removes translations; when this returns, no device can use them any more.
    pub(super) fn unmapping<R>(&self, run: impl FnOnce(&mut Gather<'_>) -> R) -> R {
        let raw = Opaque::uninit();
        // SAFETY: The pointer is valid for writes. `raw` is not moved until it goes out of scope.
        unsafe { bindings::vfio_helper_iommu_iotlb_gather_init(raw.get()) };
        let mut gather = Gather {
            tables: self,
            raw: &raw,
        };
        let result = run(&mut gather);
        gather.flush();
        result
    }
}

impl Drop for Tables {
    fn drop(&mut self) {
        // SAFETY: No device is attached any more and nobody else refers to the domain, by the type
        // invariant.
        unsafe { bindings::iommu_domain_free(self.as_raw()) };
    }
}

/// Translations that are gone from the page tables, but not yet from the hardware's caches.
///
/// # Invariants
///
/// `raw` was initialised and stays where it is.
pub(super) struct Gather<'a> {
    tables: &'a Tables,
    raw: &'a Opaque<bindings::iommu_iotlb_gather>,
}

impl Gather<'_> {
    /// Removes the translations of `len` bytes from `iova`; returns how many bytes had one.
    ///
    /// Stops at the first address without translation. Removes whole entries of the page tables,
    /// so the range must not end inside one; if it begins inside one, nothing is removed.
    ///
    /// # Safety
    ///
    /// No other thread changes translations in this range.
    unsafe fn unmap(&mut self, iova: u64, len: usize) -> usize {
        // CAST: The range was mapped before, so the address fits.
        let iova = iova as usize;
        // SAFETY: The domain is live, `raw` is initialised, and the caller promises the rest.
        unsafe { bindings::iommu_unmap_fast(self.tables.as_raw(), iova, len, self.raw.get()) }
    }

    /// Removes the translations of `len` bytes from `iova`, all of which have one, page by page if
    /// it must. Returns whether none is left.
    ///
    /// # Safety
    ///
    /// As for [`Gather::unmap`].
    pub(super) unsafe fn take(&mut self, iova: u64, len: u64) -> bool {
        let Ok(size) = usize::try_from(len) else {
            return false;
        };
        // SAFETY: The caller promises what is required.
        let done = unsafe { self.unmap(iova, size) };
        if done >= size {
            return true;
        }
        pr_warn!(
            "iommu: unmapping {size:#x} bytes at I/O address {iova:#x} stopped after {done:#x}\n"
        );
        let mut clean = true;
        for offset in (done..size).step_by(PAGE_SIZE) {
            // CAST: `usize` has at most 64 bits. OVERFLOW: The range does not wrap.
            let at = iova + offset as u64;
            if self.tables.translates(at) {
                // SAFETY: The caller promises what is required.
                unsafe { self.unmap(at, PAGE_SIZE) };
                clean &= !self.tables.translates(at);
            }
        }
        clean
    }

    /// Removes whatever is translated in `first..=last`, of which any part may not be.
    ///
    /// # Safety
    ///
    /// As for [`Gather::unmap`].
    pub(super) unsafe fn sweep(&mut self, first: u64, last: u64) {
        let mut at = first;
        loop {
            let len = usize::try_from(last.saturating_sub(at).saturating_add(1));
            // SAFETY: The caller promises what is required.
            let done = unsafe { self.unmap(at, len.unwrap_or(usize::MAX & !(PAGE_SIZE - 1))) };
            // CAST: `usize` has at most 64 bits.
            match at.checked_add(done.max(PAGE_SIZE) as u64) {
                Some(next) if next <= last => at = next,
                _ => break,
            }
        }
    }

    /// Waits until no device can use a removed translation any more.
    fn flush(&mut self) {
        // SAFETY: The domain is live, and `raw` is initialised and belongs to it.
        unsafe { bindings::vfio_helper_iommu_iotlb_sync(self.tables.as_raw(), self.raw.get()) }
    }
}

/// Room for a list of runs that are mapped in one go.
///
/// Mapping many runs at once costs one synchronisation of the hardware instead of one for each,
/// which matters where that is slow: under a hypervisor it is an exit.
pub(super) struct RunListRoom(KVec<bindings::scatterlist>);

impl RunListRoom {
    /// The most runs of a list: one page of entries.
    pub(super) const CAPACITY: usize = PAGE_SIZE / size_of::<bindings::scatterlist>();

    /// Gets the room. Fails with `ENOMEM`.
    pub(super) fn new() -> Result<Self> {
        let empty = bindings::scatterlist::default();
        Ok(Self(KVec::from_elem(empty, Self::CAPACITY, GFP_KERNEL)?))
    }

    /// Lists the first of `runs`, as many as fit; returns [`None`] if that is not at least two.
    ///
    /// The list ends before a run that is contiguous with the one before it.
    pub(super) fn list<'a>(&'a mut self, runs: &'a [PinnedRun]) -> Option<RunList<'a>> {
        let mut behind = None;
        let count = runs
            .iter()
            .take(self.0.len())
            .take_while(|run| {
                // What is apart although it could be joined is meant to stay apart.
                let apart = behind.replace(run.end_frame()) != Some(run.frame());
                apart
                    && matches!(run.kind(), RunKind::Memory | RunKind::Reserved)
                    && run.bytes() <= LIST_ENTRY_MAX
            })
            .count();
        let entries = self.0.get_mut(..count)?;
        if count < 2 {
            return None;
        }
        // CAST: At most `CAPACITY`.
        let len = count as u32;
        // SAFETY: There are that many entries.
        unsafe { bindings::sg_init_table(entries.as_mut_ptr(), len) };
        let mut bytes = 0u64;
        for (entry, run) in entries.iter_mut().zip(runs) {
            // CAST: At most `LIST_ENTRY_MAX`.
            // SAFETY: The entry is part of an initialised list. The frames have page structures, as
            // the run is of pages.
            unsafe {
                let page = bindings::vfio_helper_pfn_to_page(run.frame());
                bindings::vfio_helper_sg_set_page(entry, page, run.bytes() as u32);
            }
            bytes = bytes.saturating_add(run.bytes());
        }
        // INVARIANT: The entries were just made from the runs.
        Some(RunList {
            entries,
            len,
            bytes,
        })
    }
}

/// Runs that are to be mapped one behind the other.
///
/// # Invariants
///
/// `entries` are a list of `len` entries, and together `bytes` bytes.
pub(super) struct RunList<'a> {
    entries: &'a [bindings::scatterlist],
    len: u32,
    bytes: u64,
}

impl RunList<'_> {
    /// Returns the number of runs.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the number of bytes of all runs together.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}
