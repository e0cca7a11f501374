// SPDX-License-Identifier: GPL-2.0-only

//! What becomes of memory that was taken from the devices: it is unpinned, and the owner is told.
//!
//! A range that was taken stays a part of its mapping, so that nothing else can be mapped there
//! before the owner has unmapped it.

use super::{
    entry::{
        is_taken,
        locked_pages,
        Flags,
        Mark,
        Reason, //
    },
    index::Id,
    AddressSpace,
    Inner,
    Users, //
};
use crate::{
    mm::pin::PinnedRun,
    sched::cond_resched, //
};
use kernel::prelude::*;

/// How many runs are unpinned at once.
const BATCH: usize = 128;

/// A range that devices no longer reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale {
    /// The first I/O address.
    pub first: u64,
    /// Bytes.
    pub len: u64,
    /// Why.
    pub reason: Reason,
}

impl Users<'_> {
    /// Waits for whoever is in the middle of unpinning what was taken from the devices.
    pub fn wait_settled(&self) {
        drop(self.space.settling.lock());
    }

    /// Unpins what was taken from the devices.
    ///
    /// Calls `freed` with owners and the numbers of pages that were charged to them. Does nothing
    /// for lack of memory; then it can be called again.
    pub fn settle(&self, mut freed: impl FnMut(u16, u64)) {
        let _settling = self.space.settling.lock();
        let Ok(mut taken) = KVec::with_capacity(BATCH, GFP_KERNEL) else {
            return;
        };
        loop {
            let owner = {
                let mut inner = self.space.inner.lock();
                let Some((id, owner)) = inner.find_unsettled() else {
                    return;
                };
                inner.collect_taken(id, &mut taken);
                owner
            };
            let pages = locked_pages(&taken);
            // Nothing reaches them any more: they were flushed when they were taken.
            taken.clear();
            freed(owner, pages);
            cond_resched();
        }
    }
}

impl AddressSpace {
    /// Returns whether something was taken from the devices and is still pinned.
    pub fn is_unsettled(&self) -> bool {
        self.inner.lock().unsettled != 0
    }

    /// Returns how many stale ranges the owner was not told of.
    pub fn count_stale(&self) -> usize {
        let mut count = 0usize;
        self.inner.lock().for_untold(|_| {
            count = count.saturating_add(1);
            true
        });
        count
    }

    /// Adds the stale ranges that the owner was not told of to `list`, in order of address.
    ///
    /// Returns `false`, with the list empty, if it has not room for all of them.
    pub fn list_stale(&self, list: &mut KVec<Stale>) -> bool {
        let inner = self.inner.lock();
        let fits = inner.for_untold(|stale| list.push_within_capacity(stale).is_ok());
        if !fits {
            list.clear();
        }
        fits
    }

    /// Notes that the owner was told of these ranges.
    pub fn note_told(&self, list: &[Stale]) {
        let mut inner = self.inner.lock();
        for stale in list {
            inner.note_told(stale);
        }
    }
}

impl Inner {
    /// Returns a mapping that has runs that were taken and are still pinned, and its owner.
    fn find_unsettled(&self) -> Option<(Id, u16)> {
        if self.unsettled == 0 {
            return None;
        }
        self.index
            .overlaps(0, u64::MAX)
            .find(|(_, entry)| entry.flags.has(Flags::UNSETTLED) && entry.is_in_use())
            .map(|(id, entry)| (id, entry.owner))
    }

    /// Moves runs that were taken out of a mapping, as many as fit, and leaves placeholders.
    fn collect_taken(&mut self, id: Id, taken: &mut KVec<PinnedRun>) {
        let Some(entry) = self.index.get_mut(id) else {
            return;
        };
        for run in entry.runs.as_mut_slice() {
            if !is_taken(run) {
                continue;
            }
            if taken.len() == taken.capacity() {
                return;
            }
            let mut placeholder = run.placeholder();
            Mark::of(run).put_on(&mut placeholder);
            // There is room.
            let _ = taken.push_within_capacity(core::mem::replace(run, placeholder));
        }
        entry.flags.clear(Flags::UNSETTLED);
        self.unsettled = self.unsettled.saturating_sub(1);
    }

    /// Calls `each` with every stale range that the owner was not told of, until it returns
    /// `false`; returns whether it never did. Neighbours for the same reason are one range.
    fn for_untold(&self, mut each: impl FnMut(Stale) -> bool) -> bool {
        if self.untold == 0 {
            return true;
        }
        let untold = self
            .index
            .overlaps(0, u64::MAX)
            .filter(|(_, entry)| entry.flags.has(Flags::UNTOLD));
        for (_, entry) in untold {
            let mut at = entry.first;
            let mut open: Option<Stale> = None;
            for run in entry.runs.as_slice() {
                let mark = Mark::of(run);
                let reason = mark.reason().filter(|_| !mark.is_told());
                match (&mut open, reason) {
                    (Some(stale), Some(reason)) if stale.reason == reason => {
                        stale.len = stale.len.saturating_add(run.bytes());
                    }
                    (before, _) => {
                        if before.take().is_some_and(|stale| !each(stale)) {
                            return false;
                        }
                        *before = reason.map(|reason| Stale {
                            first: at,
                            len: run.bytes(),
                            reason,
                        });
                    }
                }
                // Only behind the very last byte can this wrap, and then there are no more runs.
                at = at.wrapping_add(run.bytes());
            }
            if open.is_some_and(|stale| !each(stale)) {
                return false;
            }
        }
        true
    }

    /// Notes that the owner was told of a stale range.
    fn note_told(&mut self, stale: &Stale) {
        let Some((id, _)) = self.index.overlap(stale.first, stale.first) else {
            return;
        };
        let Some(entry) = self.index.get_mut(id) else {
            return;
        };
        // OVERFLOW: The range is a part of a mapping, which does not wrap.
        let last = stale.first + (stale.len - 1);
        let (mut at, mut untold) = (entry.first, false);
        for run in entry.runs.as_mut_slice() {
            let mark = Mark::of(run);
            if mark.reason().is_some() && at >= stale.first && at <= last {
                mark.told().put_on(run);
            } else {
                untold |= mark.reason().is_some() && !mark.is_told();
            }
            // Only behind the very last byte can this wrap, and then there are no more runs.
            at = at.wrapping_add(run.bytes());
        }
        if !untold && entry.flags.has(Flags::UNTOLD) {
            entry.flags.clear(Flags::UNTOLD);
            self.untold = self.untold.saturating_sub(1);
        }
    }
}
