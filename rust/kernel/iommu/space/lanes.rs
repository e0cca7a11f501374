// SPDX-License-Identifier: GPL-2.0-only

//! How many mappings were made by each lane, and how many more may be.
//!
//! A *lane* is one of several ways by which the mappings of an address space are made, see
//! [`Lane`](super::Lane). Each mapping carries the number of its lane. What was made by none has the
//! number [`LaneId::NONE`], which is neither counted nor limited.
//!
//! This file knows nothing of the kernel and is tested on the host.

use kernel::prelude::*;

/// How many lanes there can be at a time.
const MOST: usize = u8::MAX as usize;

/// The number of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LaneId(u8);

impl LaneId {
    /// What has no lane.
    pub(crate) const NONE: Self = Self(0);

    /// Returns where the lane is in the list, if this is one.
    fn place(self) -> Option<usize> {
        usize::from(self.0).checked_sub(1)
    }
}

/// A lane, as it is counted.
#[derive(Clone, Copy, Debug)]
struct Count {
    mappings: usize,
    limit: usize,
}

/// Memory for the list of lanes.
pub(crate) struct LaneRoom(KVec<Option<Count>>);

impl LaneRoom {
    /// Gets it. Fails with `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
        KVec::with_capacity(MOST, GFP_KERNEL_ACCOUNT)
            .map(Self)
            .map_err(|_| ENOMEM)
    }
}

/// All lanes, by number.
pub(crate) struct Lanes(KVec<Option<Count>>);

impl Lanes {
    /// Returns a list of none, which needs no memory.
    pub(crate) fn new() -> Self {
        Self(KVec::new())
    }

    /// Makes a lane for at most `limit` mappings at a time; [`None`] if there are too many lanes.
    ///
    /// Puts memory that it does not need back into `room`, to be dropped outside of any lock.
    pub(crate) fn open(&mut self, limit: usize, room: &mut LaneRoom) -> Option<LaneId> {
        if self.0.capacity() == 0 {
            core::mem::swap(&mut self.0, &mut room.0);
        }
        let count = Some(Count { mappings: 0, limit });
        let place = match self.0.iter().position(Option::is_none) {
            Some(free) => {
                *self.0.get_mut(free)? = count;
                free
            }
            None => {
                let place = self.0.len();
                self.0.push_within_capacity(count).ok()?;
                place
            }
        };
        u8::try_from(place.checked_add(1)?).ok().map(LaneId)
    }

    /// Forgets a lane. While it has mappings, which does not happen, its number is not given again.
    pub(crate) fn close(&mut self, lane: LaneId) {
        let slot = lane.place().and_then(|place| self.0.get_mut(place));
        if let Some(slot) = slot {
            if slot.is_some_and(|count| count.mappings == 0) {
                *slot = None;
            }
        }
    }

    /// Returns whether there is any.
    pub(crate) fn are_any(&self) -> bool {
        self.0.iter().any(Option::is_some)
    }

    /// Returns how many mappings a lane has, and how many more it may have.
    pub(crate) fn count(&self, lane: LaneId) -> (usize, usize) {
        match lane.place() {
            None => (0, usize::MAX),
            Some(place) => match self.0.get(place) {
                Some(Some(count)) => (count.mappings, count.limit.saturating_sub(count.mappings)),
                _ => (0, 0),
            },
        }
    }

    /// Returns whether a lane may have one more mapping.
    pub(crate) fn have_room(&self, lane: LaneId) -> bool {
        lane == LaneId::NONE || self.count(lane).1 != 0
    }

    /// Counts one more mapping.
    pub(crate) fn enter(&mut self, lane: LaneId) {
        self.change(lane, |mappings| mappings.saturating_add(1));
    }

    /// Counts one mapping less.
    pub(crate) fn leave(&mut self, lane: LaneId) {
        self.change(lane, |mappings| mappings.saturating_sub(1));
    }

    fn change(&mut self, lane: LaneId, change: impl FnOnce(usize) -> usize) {
        let Some(place) = lane.place() else {
            return;
        };
        if let Some(Some(count)) = self.0.get_mut(place) {
            count.mappings = change(count.mappings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(lanes: &mut Lanes, limit: usize) -> Option<LaneId> {
        lanes.open(limit, &mut LaneRoom::new().unwrap())
    }

    #[test]
    fn what_has_no_lane_is_not_limited() {
        let mut lanes = Lanes::new();
        lanes.enter(LaneId::NONE);
        assert!(lanes.have_room(LaneId::NONE));
        assert!(!lanes.are_any());
        lanes.close(LaneId::NONE);
    }

    #[test]
    fn each_lane_has_its_own_limit() {
        let mut lanes = Lanes::new();
        let two = open(&mut lanes, 2).unwrap();
        let one = open(&mut lanes, 1).unwrap();
        assert_ne!(two, one);
        lanes.enter(one);
        lanes.enter(two);
        assert!(!lanes.have_room(one));
        assert_eq!(lanes.count(two), (1, 1));
        lanes.leave(one);
        assert!(lanes.have_room(one));
        assert_eq!(lanes.count(two), (1, 1));
    }

    #[test]
    fn numbers_are_used_again_but_not_while_something_has_them() {
        let mut lanes = Lanes::new();
        let (first, second) = (open(&mut lanes, 1).unwrap(), open(&mut lanes, 1).unwrap());
        lanes.enter(first);
        lanes.close(first);
        lanes.close(second);
        assert_eq!(open(&mut lanes, 1), Some(second));
        lanes.close(second);
        assert!(lanes.are_any());
        lanes.leave(first);
        lanes.close(first);
        assert!(!lanes.are_any());
        assert_eq!(open(&mut lanes, 1), Some(first));
    }

    #[test]
    fn there_are_as_many_as_numbers() {
        let mut lanes = Lanes::new();
        let all: Vec<_> = core::iter::from_fn(|| open(&mut lanes, 1)).collect();
        assert_eq!(all.len(), MOST);
        assert!(all.iter().all(|lane| *lane != LaneId::NONE));
        lanes.close(all[7]);
        assert_eq!(open(&mut lanes, 1), Some(all[7]));
        assert_eq!(open(&mut lanes, 1), None);
    }
}
