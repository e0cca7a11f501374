// SPDX-License-Identifier: GPL-2.0-only

//! Finding out whether the process still has the memory that devices reach.
//!
//! Many events of the memory manager do not say what became of a page: it may have been discarded, or
//! only moved out of the way for a moment. So the addresses are looked up again, and where the page is
//! not there any more, it is taken from the devices.

use super::{
    record::Record,
    space::{
        next_run,
        overlaps,
        Inner,
        Space, //
    },
    table::Table,
    window::{
        Entries,
        WINDOWS, //
    }, //
};
use crate::{
    bindings,
    mm::{
        locked_vm::Account,
        resident::{
            Finder,
            Piece, //
        }, //
    },
    sched::cond_resched, //
};
use kernel::{
    page::{
        PAGE_MASK,
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*, //
};

/// How many pieces are looked up at once.
const PIECES: usize = 256;

/// Pieces of memory that devices reach, none of which is freed meanwhile.
///
/// # Invariants
///
/// A reference to the folio of each piece belongs to this value.
struct Pieces(KVec<Piece>);

impl Pieces {
    /// Adds the memory of an entry, unless that is what was added last; returns whether there was
    /// room.
    ///
    /// # Safety
    ///
    /// The frames are pinned, and one folio's.
    unsafe fn add(&mut self, piece: Piece) -> bool {
        let same = |last: &Piece| (last.vaddr, last.frame) == (piece.vaddr, piece.frame);
        if self.0.last().is_some_and(same) {
            return true;
        }
        let added = self.0.push_within_capacity(piece).is_ok();
        if added {
            // INVARIANT: The reference is taken here.
            // SAFETY: The frame is pinned, so its page exists.
            unsafe {
                bindings::vfio_helper_get_page(bindings::vfio_helper_pfn_to_page(piece.frame));
            }
        }
        added
    }

    /// Gives up the references.
    fn clear(&mut self) {
        for piece in &self.0 {
            // SAFETY: The reference is ours by the type invariant, and not used afterwards.
            unsafe {
                bindings::vfio_helper_put_page(bindings::vfio_helper_pfn_to_page(piece.frame));
            }
        }
        // INVARIANT: There is no piece left.
        self.0.clear();
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Where the walk over all windows is: the window, and what is left of it.
struct Cursor {
    number: usize,
    rest: Option<Entries>,
}

impl Cursor {
    fn next_window(&mut self) {
        self.number += 1;
        self.rest = None;
    }
}

impl Space {
    /// Takes from the devices what they reach of the memory at `range.0..=range.1` of the process that
    /// `account` charges, and what is not there any more. Returns whether there was any.
    ///
    /// Takes the `mmap_lock` of the process. Fails with `ENOMEM`; then nothing is known.
    pub fn check(&self, account: &Account, range: (usize, usize)) -> Result<bool> {
        let mut finder = Finder::new()?;
        let mut pieces = Pieces(KVec::with_capacity(PIECES, GFP_KERNEL)?);
        let mut at = Cursor {
            number: 0,
            rest: None,
        };
        let mut any = false;
        loop {
            self.inner.lock().collect(&mut at, range, &mut pieces);
            if pieces.0.is_empty() {
                return Ok(any);
            }
            // SAFETY: References keep the folios of all pieces what they are.
            unsafe {
                finder.find_absent(account.mm(), &pieces.0, |first, count, _| {
                    for piece in &pieces.0 {
                        if let Some(absent) = common(piece, (first, count)) {
                            any |= self.inner.lock().take_piece(absent);
                        }
                    }
                });
            }
            pieces.clear();
            cond_resched();
        }
    }
}

/// Returns the part of `piece` that is at the `count` pages from `first` on.
fn common(piece: &Piece, (first, count): (usize, usize)) -> Option<Piece> {
    let end = |vaddr: usize, pages: usize| vaddr.saturating_add(pages.saturating_mul(PAGE_SIZE));
    let low = piece.vaddr.max(first);
    let high = end(piece.vaddr, piece.pages).min(end(first, count));
    let pages = high.checked_sub(low)? >> PAGE_SHIFT;
    (pages != 0).then_some(Piece {
        vaddr: low,
        // OVERFLOW: The part begins in the piece.
        frame: piece.frame + ((low - piece.vaddr) >> PAGE_SHIFT),
        pages,
        is_device: false,
    })
}

impl Inner {
    /// Collects pages of the process at `range.0..=range.1` that devices reach, from where the walk
    /// stands on, as many as there is room for.
    fn collect(&self, at: &mut Cursor, range: (usize, usize), pieces: &mut Pieces) {
        while at.number < WINDOWS {
            let Some(table) = self.table(at.number) else {
                at.next_window();
                continue;
            };
            let window = table.window();
            let page = window.shift().bytes();
            let wanted = move |_, record: Record| {
                let vaddr = record.address();
                vaddr.is_some_and(|vaddr| overlaps(vaddr, page, range))
            };
            let among = at.rest.unwrap_or(window.all());
            let Some((run, behind)) = next_run(table, among, wanted) else {
                at.next_window();
                continue;
            };
            let taken = run
                .numbers()
                .take_while(|&entry| self.collect_entry(table, entry, pieces))
                .count();
            // CAST: Widening.
            if (taken as u64) < run.count() {
                // The others come the next time.
                let passed = among.count() - behind.count() - run.count();
                let (_, rest) = among.split(passed.saturating_add(taken as u64));
                at.rest = Some(rest);
                return;
            }
            at.rest = Some(behind);
        }
    }

    /// Collects the memory of one entry; returns whether there was room.
    fn collect_entry(&self, table: &Table, entry: u64, pieces: &mut Pieces) -> bool {
        let record = table.record(entry);
        let Some(at) = record.address() else {
            return true;
        };
        // CAST: User addresses and numbers of frames fit.
        let vaddr = at as usize & PAGE_MASK;
        let frame = match record {
            Record::Registered(_) => self.region(vaddr).and_then(|r| r.frame_number(vaddr)),
            _ => table
                .get(entry)
                .map(|tce| (tce.physical >> PAGE_SHIFT) as usize),
        };
        let Some(frame) = frame else {
            // KVM's, from what is registered elsewhere: that container looks after it.
            return true;
        };
        let bytes = table.window().shift().bytes();
        // SAFETY: The entry is in use, so its memory is pinned; it is one page, however large.
        unsafe {
            pieces.add(Piece {
                vaddr,
                frame,
                pages: ((bytes >> PAGE_SHIFT) as usize).max(1),
                is_device: false,
            })
        }
    }

    /// Takes memory from the devices that is not at its address any more.
    fn take_piece(&mut self, piece: Piece) -> bool {
        let len = piece.pages.saturating_mul(PAGE_SIZE);
        let range = (
            piece.vaddr,
            piece.vaddr.saturating_add(len.saturating_sub(1)),
        );
        // The address may have got other memory meanwhile, and that another entry.
        let mut registered = false;
        for region in &mut self.regions {
            if region.frame_number(piece.vaddr) == Some(piece.frame) {
                region.mark_stale(range);
                registered = true;
            }
        }
        self.clear_where(|table, entry, record| {
            let page = table.window().shift().bytes();
            let Some(at) = record.address().filter(|&at| overlaps(at, page, range)) else {
                return false;
            };
            match record {
                Record::Registered(_) => registered,
                // CAST: User addresses and numbers of frames fit.
                _ => table.get(entry).is_some_and(|tce| {
                    let offset =
                        (at as usize >> PAGE_SHIFT).wrapping_sub(piece.vaddr >> PAGE_SHIFT);
                    (tce.physical >> PAGE_SHIFT) as usize == piece.frame.wrapping_add(offset)
                }),
            }
        })
    }
}
