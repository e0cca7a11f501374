// SPDX-License-Identifier: GPL-2.0-only

//! Taking mappings down: out of the page tables, out of the hardware's caches, unpinned, forgotten.
//!
//! Many mappings go together: what a request names is taken out of the page tables first, then one
//! flush makes all of it unreachable, and only then any of it is unpinned.

use super::{
    entry::{
        locked_pages,
        Phase,
        Runs, //
    },
    index::Id,
    withdraw::{
        lose,
        withdraw_runs, //
    },
    Inner,
    Users, //
};
use crate::{
    iommu::Domain,
    sched::cond_resched, //
};
use kernel::prelude::*;

/// How many mappings share a flush.
const BATCH: usize = 512;

/// What to do with a range that cuts a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Refuse it.
    Refuse,
    /// Take mappings that lie in it as a whole, and no other.
    Inside,
    /// Take mappings that start in it as a whole, and stop before one that starts below it.
    Stop,
}

/// A mapping that is being taken down, and all that it consisted of.
pub(super) struct Leaving {
    pub(super) id: Id,
    pub(super) first: u64,
    last: u64,
    owner: u16,
    runs: Runs,
}

impl Users<'_> {
    /// Takes down the mappings in `range.0..=range.1`; returns how many bytes that were, where all
    /// 2^64 addresses make 0.
    ///
    /// Calls `freed` with owners and the numbers of pages that were charged to them. Waits for
    /// threads that work on a mapping there. Fails with `EINVAL` for a range that `cut` refuses
    /// and with `ENOMEM`; then nothing has changed.
    pub fn unmap(
        &self,
        range: (u64, u64),
        cut: Cut,
        mut freed: impl FnMut(u16, u64),
    ) -> Result<u64> {
        let mut bytes = 0u64;
        let mut list = KVec::new();
        let mut rest = Some(range);
        let mut later = false;
        while let Some(range) = rest {
            let mut one = None;
            {
                let mut inner = self.space.lock_ready(range);
                if later && list.capacity() != 0 {
                    inner.leave_many(range, cut, &mut list, &mut bytes);
                } else {
                    one = inner.leave_first(range, cut, later, &mut bytes)?;
                }
            }
            let batch = match &mut one {
                Some(leaving) => core::slice::from_mut(leaving),
                None => list.as_mut_slice(),
            };
            // Never back: what others map where something has just gone is not what was meant.
            let behind = batch.last().and_then(|leaving| leaving.last.checked_add(1));
            rest = behind
                .filter(|behind| *behind <= range.1)
                .map(|behind| (behind, range.1));
            self.take_down(batch, &mut freed);
            list.clear();
            if rest.is_some() && !later {
                // From the second one on they go together; without memory, still one by one.
                let _ = list.reserve(BATCH, GFP_KERNEL);
                later = true;
            }
        }
        Ok(bytes)
    }

    /// Takes down mappings that are in phase `Leaving`.
    pub(super) fn take_down(&self, batch: &mut [Leaving], freed: &mut impl FnMut(u16, u64)) {
        take_down(&self.domains, batch, freed);
        self.space.forget(batch);
    }
}

/// Takes what is leaving out of `domains` and unpins it.
pub(super) fn take_down(
    domains: &[Domain],
    batch: &mut [Leaving],
    freed: &mut impl FnMut(u16, u64),
) {
    let mut clean = true;
    for domain in domains {
        domain.tables().unmapping(|gather| {
            for leaving in batch.iter() {
                // SAFETY: The runs are what was mapped there, and nobody else changes translations
                // of a mapping in phase `Leaving`.
                clean &= unsafe { withdraw_runs(gather, leaving.first, leaving.runs.as_slice()) };
            }
        });
    }
    let (mut owner, mut pages) = (0, 0u64);
    for leaving in batch.iter_mut() {
        if leaving.owner != owner {
            freed(owner, core::mem::take(&mut pages));
            owner = leaving.owner;
        }
        let runs = core::mem::replace(&mut leaving.runs, Runs::Absent);
        pages = pages.saturating_add(locked_pages(runs.as_slice()));
        if clean {
            drop(runs);
        } else {
            lose(leaving.first, runs);
        }
        cond_resched();
    }
    freed(owner, pages);
}

impl super::AddressSpace {
    /// Forgets mappings that were taken down.
    pub(super) fn forget(&self, batch: &[Leaving]) {
        if batch.is_empty() {
            return;
        }
        let mut inner = self.inner.lock();
        for leaving in batch.iter() {
            inner.index.remove(leaving.id);
            inner.busy = inner.busy.saturating_sub(1);
        }
        if inner.index.has_idle_room() {
            let room = inner.index.take_room();
            self.wake(inner);
            drop(room);
        } else {
            self.wake(inner);
        }
    }
}

impl Inner {
    /// Returns whether `range` holds one end of a mapping and not the other.
    pub(super) fn is_cut(&self, (first, last): (u64, u64)) -> bool {
        self.index
            .overlap(first, last)
            .is_some_and(|(_, entry)| self.cuts((first, last), (entry.first, entry.last)))
    }

    /// Returns whether the range cuts a mapping, of which the first in it has these addresses.
    fn cuts(&self, range: (u64, u64), first: (u64, u64)) -> bool {
        // Most ranges are exactly one mapping.
        let at_end = || self.index.overlap(range.1, range.1);
        first.0 < range.0
            || first.1 > range.1
            || first.1 < range.1 && at_end().is_some_and(|(_, entry)| entry.last > range.1)
    }

    /// Begins to take down the first mapping in `range`, all of which are ready.
    ///
    /// Adds its length to `bytes`. Fails with `EINVAL` if `cut` refuses the range. With `later`,
    /// this is the rest of a range that was not refused; mappings across an end of it have been
    /// made by others since, and stay.
    pub(super) fn leave_first(
        &mut self,
        range: (u64, u64),
        cut: Cut,
        later: bool,
        bytes: &mut u64,
    ) -> Result<Option<Leaving>> {
        let mut at = range.0;
        loop {
            let Some((id, entry)) = self.index.overlap(at, range.1) else {
                return Ok(None);
            };
            if !later && cut == Cut::Refuse && self.cuts(range, (entry.first, entry.last)) {
                return Err(EINVAL);
            }
            let starts_below = entry.first < range.0;
            let leads_out = cut != Cut::Stop && entry.last > range.1;
            if starts_below && later {
                match entry.last.checked_add(1).filter(|at| *at <= range.1) {
                    Some(next) => at = next,
                    None => return Ok(None),
                }
                continue;
            }
            if starts_below || leads_out {
                return Ok(None);
            }
            *bytes = bytes.wrapping_add(entry.len());
            return Ok(self.leave(id));
        }
    }

    /// Begins to take down mappings in the rest of a range, all of which are ready, as many as
    /// there is room for.
    pub(super) fn leave_many(
        &mut self,
        range: (u64, u64),
        cut: Cut,
        list: &mut KVec<Leaving>,
        bytes: &mut u64,
    ) {
        // What is leaving is still in the index, so each one begins behind the one before.
        let mut at = range.0;
        while list.len() < list.capacity() {
            let Ok(Some(leaving)) = self.leave_first((at, range.1), cut, true, bytes) else {
                return;
            };
            let next = leaving.last.checked_add(1).filter(|next| *next <= range.1);
            // There is room.
            let _ = list.push_within_capacity(leaving);
            match next {
                Some(next) => at = next,
                None => return,
            }
        }
    }

    /// Begins to take one mapping down, which nobody else works on.
    pub(super) fn leave(&mut self, id: Id) -> Option<Leaving> {
        let entry = self.index.get_mut(id)?;
        if entry.phase == Phase::Ready {
            self.busy = self.busy.saturating_add(1);
        }
        entry.phase = Phase::Leaving;
        let runs = core::mem::replace(&mut entry.runs, Runs::Absent);
        let (first, last) = (entry.first, entry.last);
        let (owner, flags) = (entry.owner, entry.flags);
        self.uncount(flags);
        Some(Leaving {
            id,
            first,
            last,
            owner,
            runs,
        })
    }
}
