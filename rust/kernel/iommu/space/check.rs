// SPDX-License-Identifier: GPL-2.0-only

//! Finding out whether an owner still has the memory that it gave.
//!
//! Many events of the memory manager do not say what became of a page: it may have been discarded,
//! or only moved out of the way for a moment. So the addresses are looked up again, and where the
//! page is not there any more, it is taken from the devices.

use super::{
    entry::{
        is_live,
        Flags,
        Reason, //
    },
    index::Id,
    Held,
    Inner,
    Users, //
};
use crate::{
    mm::{
        locked_vm::Account,
        pin::RunKind,
        resident::{
            Finder,
            Piece, //
        }, //
    },
    sched::cond_resched, //
};
use kernel::{
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*, //
};

/// How many pieces are looked up at once, and how many pages at most.
const PIECES: usize = 256;
const PAGES: usize = 4096;

impl Users<'_> {
    /// Takes from the devices what is mapped of `owner`'s memory at `range.0..=range.1` of its
    /// addresses and is not there any more. Returns whether there was such memory.
    ///
    /// `account` is the one of `owner`. Fails with `ENOMEM`; then nothing is known.
    pub fn check(&self, owner: u16, account: &Account, range: (usize, usize)) -> Result<bool> {
        let _settling = self.space.settling.lock();
        let mut finder = Finder::new()?;
        let mut pieces = KVec::with_capacity(PIECES, GFP_KERNEL)?;
        let mut any = false;
        let mut behind = None;
        loop {
            let (held, vaddr) = {
                let mut inner = self.space.inner.lock();
                let Some((id, entry)) = inner.index.next_by_vaddr(range, behind) else {
                    return Ok(any);
                };
                let (vaddr, first, last) = (entry.vaddr, entry.first, entry.last);
                let ours = entry.owner == owner && !entry.flags.has(Flags::VADDR_INVALID);
                // What is being made is checked when it is ready; what is leaving goes anyway.
                if !ours || !entry.is_in_use() {
                    behind = Some((vaddr, id));
                    continue;
                }
                let Some(held) = self.hold(&mut inner, id) else {
                    // Another thread relies on it, for a short time.
                    drop(inner);
                    drop(self.space.lock_ready((first, last)));
                    continue;
                };
                behind = Some((vaddr, id));
                (held, vaddr)
            };
            any |= held.check(account, vaddr, range, (&mut finder, &mut pieces));
        }
    }
}

impl Held<'_> {
    /// Checks the part of one mapping, whose memory is at `vaddr`, that is in `range`.
    fn check(
        &self,
        account: &Account,
        vaddr: usize,
        range: (usize, usize),
        (finder, pieces): (&mut Finder, &mut KVec<Piece>),
    ) -> bool {
        let mut any = false;
        let mut at = range.0.max(vaddr);
        loop {
            let end = self
                .users
                .space
                .inner
                .lock()
                .collect_pieces(self.id, (at, range.1), pieces);
            if pieces.is_empty() && end.is_none() {
                return any;
            }
            // SAFETY: The frames of live runs are pinned, and stay so: nobody takes the mapping
            // down while it is held, and what is taken from the devices meanwhile is unpinned only
            // under the lock that our caller has.
            unsafe {
                finder.find_absent(account.mm(), pieces, |first, pages, unmapped| {
                    let len = pages.saturating_mul(PAGE_SIZE);
                    let last = first.saturating_add(len.saturating_sub(1));
                    let reason = if unmapped {
                        Reason::Unmap
                    } else {
                        Reason::Discard
                    };
                    any |= self.take(vaddr, (first, last), reason);
                });
            }
            match end {
                Some(next) => at = next,
                None => return any,
            }
            cond_resched();
        }
    }

    /// Takes a part, given by the owner's addresses, from the devices.
    fn take(&self, vaddr: usize, (first, last): (usize, usize), reason: Reason) -> bool {
        // CAST: `usize` has at most 64 bits.
        let place = |at: usize| self.range().0.checked_add(at.checked_sub(vaddr)? as u64);
        let (Some(first), Some(last)) = (place(first), place(last)) else {
            return false;
        };
        let mut inner = self.users.space.inner.lock();
        inner.withdraw(self.id, (first, last), reason)
    }
}

impl Inner {
    /// Copies what is live of a mapping at the owner's addresses `range.0..=range.1`, as far as
    /// there is room; returns where to go on, or [`None`] if that was all.
    fn collect_pieces(
        &self,
        id: Id,
        range: (usize, usize),
        pieces: &mut KVec<Piece>,
    ) -> Option<usize> {
        pieces.clear();
        let entry = self.index.get(id)?;
        let mut at = entry.vaddr;
        let mut room = PAGES;
        for run in entry.runs.as_slice() {
            let (start, bytes) = (at, usize::try_from(run.bytes()).ok()?);
            at = at.checked_add(bytes)?;
            if at <= range.0 || !is_live(run) {
                continue;
            }
            if start > range.1 {
                return None;
            }
            let from = range.0.max(start);
            if room == 0 || pieces.len() == pieces.capacity() {
                return Some(from);
            }
            let skip = (from - start) >> PAGE_SHIFT;
            let end = range.1.checked_add(1).unwrap_or(at).min(at);
            let wanted = (end.saturating_sub(from)).div_ceil(PAGE_SIZE);
            let pages = wanted.min(room);
            room = room.saturating_sub(pages);
            let piece = Piece {
                vaddr: from,
                frame: run.frame().checked_add(skip)?,
                pages,
                is_device: run.kind() == RunKind::Device,
            };
            // There is room.
            let _ = pieces.push_within_capacity(piece);
            if pages < wanted {
                return from.checked_add(pages << PAGE_SHIFT);
            }
        }
        None
    }
}
