// SPDX-License-Identifier: GPL-2.0-only

//! Whether a page is still where it was found.
//!
//! The page tables alone do not tell. A page that is pinned can be missing from them for a moment
//! while the kernel tries in vain to migrate it, or for longer if it belongs to a file and was
//! only unmapped to make room. Two facts help:
//!
//! - Whoever removes a page from the tables for a moment, or from its file for good, holds the
//!   lock of its folio. With that lock taken, what is seen is no intermediate state.
//! - A page of a file is where its file says, whether it is in the tables or not.
//!
//! Nothing here brings a page in: that would give new memory to a program that has just given some
//! up.
//!
//! Lock order: `mmap_lock`, then the lock of a folio.
//!
//! C header: [`include/linux/mm.h`](srctree/include/linux/mm.h)

use core::ptr::NonNull;

use crate::{
    bindings,
    mm::{
        live::ReadLocked,
        locked_vm::Account, //
    },
    sched::cond_resched, //
};
use kernel::{
    mm::{
        virt::{
            flags,
            VmaRef, //
        },
        Mm, //
    },
    page::PAGE_SHIFT,
    prelude::*, //
};

/// How many pages are looked up at once: a bit for each.
// CAST: A small constant.
const BATCH: usize = u64::BITS as usize;

/// Memory, and where in an address space it should be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) vaddr: usize,
    pub(crate) frame: usize,
    pub(crate) pages: usize,
    /// Whether it is memory of a device, which has no pages.
    pub(crate) is_device: bool,
}

/// Room for looking pages up.
pub(crate) struct Finder {
    pages: KVec<*mut bindings::page>,
}

impl Finder {
    /// Gets the room. Fails with `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            pages: KVec::from_elem(core::ptr::null_mut(), BATCH, GFP_KERNEL)?,
        })
    }

    /// Calls `absent` with address and number of the pages that are not where they should be, and
    /// whether there are no addresses any more.
    ///
    /// Stops when the address space has ended. It is not kept from that: see [`ReadLocked`].
    ///
    /// # Safety
    ///
    /// Unless they are of a device, the frames of all pieces are pinned until this returns.
    pub(crate) unsafe fn find_absent(
        &mut self,
        mm: &Mm,
        pieces: &[Piece],
        mut absent: impl FnMut(usize, usize, bool),
    ) {
        for piece in pieces {
            let mut done = 0;
            while done < piece.pages {
                let part = Piece {
                    vaddr: piece.vaddr.saturating_add(done << PAGE_SHIFT),
                    frame: piece.frame.saturating_add(done),
                    pages: (piece.pages - done).min(BATCH),
                    is_device: piece.is_device,
                };
                let Some(lock) = ReadLocked::new(mm) else {
                    return;
                };
                // SAFETY: The caller promises what is required.
                let (gone, unmapped) = unsafe { self.check_part(&lock, part) };
                drop(lock);
                for (bits, unmapped) in [(gone & !unmapped, false), (gone & unmapped, true)] {
                    for_stretches(bits, |index, count| {
                        let at = part.vaddr.saturating_add(index << PAGE_SHIFT);
                        absent(at, count, unmapped);
                    });
                }
                done += part.pages;
                cond_resched();
            }
        }
    }

    /// Checks at most [`BATCH`] pages. Returns two sets of bits, one for each page: it is not
    /// there any more; and, there is not even an address.
    ///
    /// # Safety
    ///
    /// As for [`Finder::find_absent`].
    unsafe fn check_part(&mut self, lock: &ReadLocked<'_>, part: Piece) -> (u64, u64) {
        let (mut gone, mut unmapped) = (0u64, 0u64);
        let mut index = 0;
        while index < part.pages {
            let at = part.vaddr.saturating_add(index << PAGE_SHIFT);
            let seen = if part.is_device {
                0
            } else {
                self.look_up(lock, at, part.pages - index)
            };
            for offset in 0..seen.max(1) {
                let place = index + offset;
                let frame = part.frame.saturating_add(place);
                if offset < seen && self.frame(offset) == Some(frame) {
                    continue;
                }
                let at = part.vaddr.saturating_add(place << PAGE_SHIFT);
                let there = match lock.vma_lookup(at) {
                    None => {
                        unmapped |= 1 << place;
                        false
                    }
                    Some(vma) if part.is_device => is_device_area(vma),
                    // SAFETY: The frame is pinned, as the caller promises.
                    Some(vma) => unsafe { self.is_there(lock, vma, at, frame) },
                };
                gone |= u64::from(!there) << place;
            }
            self.put_back(seen);
            index += seen.max(1);
        }
        (gone, unmapped)
    }

    /// Looks up what pages are at `vaddr` and behind, without bringing any in; returns how many
    /// are in the buffer, with a reference to each.
    fn look_up(&mut self, lock: &ReadLocked<'_>, vaddr: usize, count: usize) -> usize {
        // The access is not ours, and no reason to look away; nor is it a reason to fault.
        let flags = bindings::FOLL_NOFAULT | bindings::FOLL_FORCE;
        // SAFETY:
        // - The `mmap_lock` of the address space is held for reading, so its areas and tables stay.
        // - The buffer has room for `count` pointers.
        let found = unsafe {
            bindings::pin_user_pages_remote(
                lock.as_raw(),
                vaddr,
                count.min(self.pages.len()),
                flags,
                self.pages.as_mut_ptr(),
                core::ptr::null_mut(),
            )
        };
        usize::try_from(found).unwrap_or(0).min(self.pages.len())
    }

    /// Returns the number of the frame of a page in the buffer.
    fn frame(&self, index: usize) -> Option<usize> {
        let page = *self.pages.get(index)?;
        // SAFETY: The page was looked up and is referenced.
        Some(unsafe { bindings::vfio_helper_page_to_pfn(page) })
    }

    /// Gives up the references to the first `count` pages of the buffer.
    fn put_back(&mut self, count: usize) {
        if count != 0 {
            // SAFETY: One pin on each of them was taken by `look_up`.
            unsafe { bindings::unpin_user_pages(self.pages.as_mut_ptr(), count) };
        }
    }

    /// Returns whether `frame`, which was not seen in the page tables, belongs at `vaddr`.
    ///
    /// # Safety
    ///
    /// The frame is pinned, and the `mmap_lock` of `mm` is held for reading; `vma` is the area
    /// that contains `vaddr`.
    unsafe fn is_there(
        &self,
        lock: &ReadLocked<'_>,
        vma: &VmaRef,
        vaddr: usize,
        frame: usize,
    ) -> bool {
        // SAFETY:
        // - The frame has a page structure, as it was found through one, and a pinned page stays a
        //   part of its folio.
        // - The lock of a folio may be waited for with `mmap_lock` held.
        unsafe {
            let page = bindings::vfio_helper_pfn_to_page(frame);
            let folio = bindings::vfio_helper_page_folio(page);
            bindings::vfio_helper_folio_lock(folio);
            let there = if bindings::vfio_helper_folio_test_anon(folio) {
                is_mapped_at(lock, vaddr, page)
            } else {
                file_offset(folio, page, vma)
                    == Some(bindings::vfio_helper_linear_page_index(vma.as_ptr(), vaddr))
            };
            bindings::vfio_helper_folio_unlock(folio);
            there
        }
    }
}

/// Returns whether the page tables have `page` at `vaddr`.
fn is_mapped_at(lock: &ReadLocked<'_>, vaddr: usize, page: *mut bindings::page) -> bool {
    let mut seen = core::ptr::null_mut();
    // SAFETY: The address space is locked, so its areas and tables stay; there is room for one
    // pointer.
    let found = unsafe {
        bindings::pin_user_pages_remote(
            lock.as_raw(),
            vaddr,
            1,
            bindings::FOLL_NOFAULT | bindings::FOLL_FORCE,
            &mut seen,
            core::ptr::null_mut(),
        )
    };
    if found != 1 {
        return false;
    }
    // SAFETY: The pin was just taken.
    unsafe { bindings::unpin_user_page(seen) };
    seen == page
}

/// Returns the offset in pages of `page` in the file that `vma` shows, or [`None`] if it does not
/// belong to that file.
///
/// # Safety
///
/// `page` is pinned and in `folio`; `vma` is locked.
unsafe fn file_offset(
    folio: *mut bindings::folio,
    page: *mut bindings::page,
    vma: &VmaRef,
) -> Option<usize> {
    // SAFETY: The area is live; the file of an area is referenced by it, and has a mapping.
    let mapping = unsafe { (*vma.as_ptr()).vm_file.as_ref() }.map(|file| file.f_mapping)?;
    // SAFETY: The folio is pinned.
    if mapping.is_null() || unsafe { bindings::folio_mapping(folio) } != mapping {
        return None;
    }
    // SAFETY: The folio is pinned, and the page is a part of it.
    Some(unsafe { bindings::vfio_helper_page_pgoff(folio, page) })
}

/// Calls `each` with start and length of every stretch of set bits.
fn for_stretches(bits: u64, mut each: impl FnMut(usize, usize)) {
    let mut left = bits;
    while left != 0 {
        let index = left.trailing_zeros();
        let count = (left >> index).trailing_ones();
        // CAST: At most 64.
        each(index as usize, count as usize);
        // Everything up to and with the stretch.
        let done = u64::MAX
            .checked_shl(index.saturating_add(count))
            .unwrap_or_default();
        left &= done;
    }
}

/// Returns whether an area shows memory of a device.
fn is_device_area(vma: &VmaRef) -> bool {
    vma.flags() & flags::PFNMAP != 0
}

/// Waits until nobody is in the middle of removing pages from the files that are mapped at
/// `range.0..=range.1` of the address space of `account`.
///
/// Whoever punches a hole into a file first unmaps the pages everywhere, and then removes them,
/// with the lock of the inode held all along.
pub fn wait_for_files(account: &Account, range: (usize, usize)) {
    let mut at = range.0;
    loop {
        let (file, next) = {
            let Some(lock) = ReadLocked::new(account.mm()) else {
                return;
            };
            let Some(vma) = lock.find_vma(at).filter(|vma| vma.start() <= range.1) else {
                return;
            };
            let shared = vma.flags() & flags::MAYSHARE != 0;
            // SAFETY: The area is locked; a file of it is referenced by it.
            let file = unsafe { NonNull::new((*vma.as_ptr()).vm_file) }.filter(|_| shared);
            // SAFETY: As above.
            let file = file.map(|file| unsafe { bindings::vfio_helper_get_file(file.as_ptr()) });
            (file, vma.end())
        };
        if let Some(file) = file {
            // SAFETY: The reference to the file is ours and put once, and a file has an inode. No
            // lock is held that anybody with the lock of an inode could wait for.
            unsafe {
                let inode = (*file).f_inode;
                bindings::vfio_helper_inode_lock_shared(inode);
                bindings::vfio_helper_inode_unlock_shared(inode);
                bindings::fput(file);
            }
        }
        if next > range.1 {
            return;
        }
        at = next;
        cond_resched();
    }
}
