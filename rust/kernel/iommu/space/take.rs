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
    lane::Lane,
    lanes::LaneId,
    withdraw::{
        lose,
        withdraw_runs, //
    },
    Inner,
    Users, //
};
use crate::iommu::Domain;
use kernel::{
    prelude::*,
    sync::MutexGuard, //
};

/// How many mappings share a flush.
pub(super) const BATCH: usize = 512;

/// What to do with a range that cuts a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Refuse it.
    Refuse,
    /// Take mappings that start in it as a whole, and stop before one that starts below it.
    Stop,
    /// Take mappings that lie in it as a whole, and no other.
    Inside,
    /// Take mappings that start in it as a whole, and no other.
    Starting,
}

impl Cut {
    /// Returns what to do with the rest of a range, of which mappings have been taken already.
    ///
    /// A mapping across an end of it has been made by another thread since, and stays.
    #[must_use]
    pub fn later(self) -> Self {
        match self {
            Self::Refuse | Self::Inside => Self::Inside,
            Self::Stop | Self::Starting => Self::Starting,
        }
    }
}

/// A mapping that is being taken down, and all that it consisted of.
pub(super) struct Leaving {
    pub(super) id: Id,
    pub(super) first: u64,
    last: u64,
    owner: u16,
    runs: Runs,
}

impl Leaving {
    /// Returns the length in bytes; all 2^64 addresses make 0.
    fn len(&self) -> u64 {
        (self.last - self.first).wrapping_add(1)
    }

    /// Returns what is behind this mapping in `range`, if anything.
    fn behind(&self, range: (u64, u64)) -> Option<(u64, u64)> {
        behind(self.last, range)
    }
}

/// Returns the part of `range` behind `last`, which is not below it, if there is one.
pub(super) fn behind(last: u64, range: (u64, u64)) -> Option<(u64, u64)> {
    let next = last.checked_add(1).filter(|next| *next <= range.1)?;
    Some((next, range.1))
}

impl Users<'_> {
    /// Takes down the mappings in `range.0..=range.1`; returns how many bytes that were, where all
    /// 2^64 addresses make 0.
    ///
    /// With `lane` those that were made by it and lie in the range; `cut` is one that refuses, or
    /// [`Cut::Inside`].
    ///
    /// Calls `freed` with owners and the numbers of pages that were charged to them. Waits for
    /// threads that work on a mapping there. Fails with `EINVAL` for a range that `cut` refuses,
    /// and with `EPERM` if it refuses and there is a mapping that was not made by `lane`; then
    /// nothing has changed.
    pub fn unmap(
        &self,
        range: (u64, u64),
        cut: Cut,
        lane: Option<&Lane>,
        mut freed: impl FnMut(u16, u64),
    ) -> Result<u64> {
        let only = Lane::only(lane);
        let first = self.space.lock_ready(range).leave_first(range, cut, only)?;
        let Some(mut first) = first else {
            return Ok(0);
        };
        let (bytes, rest) = (first.len(), first.behind(range));
        self.take_down(core::slice::from_mut(&mut first), &mut freed);
        match rest {
            Some(rest) => {
                let more = self.unmap_rest(rest, (cut.later(), only), &mut freed);
                Ok(bytes.wrapping_add(more))
            }
            None => Ok(bytes),
        }
    }

    /// Takes down the mappings in the rest of a range, many at a time; returns how many bytes.
    fn unmap_rest(
        &self,
        range: (u64, u64),
        which: (Cut, Option<LaneId>),
        freed: &mut impl FnMut(u16, u64),
    ) -> u64 {
        let mut bytes = 0u64;
        let mut rest = Some(range);
        // Without memory they go one by one.
        let mut list = KVec::with_capacity(BATCH, GFP_KERNEL).unwrap_or_default();
        let mut one = None;
        while let Some(range) = rest {
            let inner = self.space.lock_ready(range);
            let batch = leave_some(inner, range, which, (&mut list, &mut one));
            // Never back: what others map where something has just gone is not what was meant.
            rest = batch.last().and_then(|leaving| leaving.behind(range));
            bytes = batch
                .iter()
                .map(Leaving::len)
                .fold(bytes, u64::wrapping_add);
            self.take_down(batch, freed);
        }
        bytes
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
    }
    freed(owner, pages);
}

/// Begins to take down mappings in `range`, all of which are ready: as many as `list` has room
/// for, or `one`. Returns them; if there is none, none is left.
pub(super) fn leave_some<'a>(
    mut inner: MutexGuard<'_, Inner>,
    range: (u64, u64),
    (cut, only): (Cut, Option<LaneId>),
    (list, one): (&'a mut KVec<Leaving>, &'a mut Option<Leaving>),
) -> &'a mut [Leaving] {
    list.clear();
    // What is leaving is still in the index, so each one begins behind the one before.
    let mut rest = Some(range);
    while let Some(range) = rest {
        // Nothing is refused any more.
        let Ok(Some(leaving)) = inner.leave_first(range, cut, only) else {
            break;
        };
        rest = leaving.behind(range);
        if list.capacity() == 0 {
            return core::slice::from_mut(one.insert(leaving));
        }
        // There is room.
        let _ = list.push_within_capacity(leaving);
        if list.len() == list.capacity() {
            break;
        }
    }
    list
}

impl super::AddressSpace {
    /// Forgets mappings that were taken down.
    pub(super) fn forget(&self, batch: &[Leaving]) {
        if batch.is_empty() {
            return;
        }
        let mut inner = self.inner.lock();
        for leaving in batch.iter() {
            inner.remove(leaving.id);
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
    /// Returns whether the range cuts a mapping, of which the first in it has these addresses.
    fn cuts(&self, range: (u64, u64), first: (u64, u64)) -> bool {
        // Most ranges are exactly one mapping.
        let at_end = || self.index.overlap(range.1, range.1);
        first.0 < range.0
            || first.1 > range.1
            || first.1 < range.1 && at_end().is_some_and(|(_, entry)| entry.last > range.1)
    }

    /// Returns the first mapping in `range` that `cut` lets through, of those made by `only` if that
    /// is a lane.
    ///
    /// Fails as [`Users::unmap`].
    pub(super) fn first_in(
        &self,
        range: (u64, u64),
        cut: Cut,
        only: Option<LaneId>,
    ) -> Result<Option<Id>> {
        if let Some(lane) = only {
            return self.first_of(lane, range, cut);
        }
        let Some((id, entry)) = self.index.overlap(range.0, range.1) else {
            return Ok(None);
        };
        let (first, last) = (entry.first, entry.last);
        if (first, last) == range {
            return Ok(Some(id));
        }
        match cut {
            Cut::Refuse if self.cuts(range, (first, last)) => Err(EINVAL),
            Cut::Stop if first < range.0 => Ok(None),
            Cut::Inside | Cut::Starting if first < range.0 => {
                // What is there does not start below it.
                behind(last, range).map_or(Ok(None), |rest| self.first_in(rest, cut, None))
            }
            Cut::Inside if last > range.1 => Ok(None),
            _ => Ok(Some(id)),
        }
    }

    /// Begins to take down the first mapping in `range` that `cut` lets through, all of which are
    /// ready.
    ///
    /// Fails as [`Users::unmap`].
    fn leave_first(
        &mut self,
        range: (u64, u64),
        cut: Cut,
        only: Option<LaneId>,
    ) -> Result<Option<Leaving>> {
        let id = self.first_in(range, cut, only)?;
        Ok(id.and_then(|id| self.leave(id)))
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
