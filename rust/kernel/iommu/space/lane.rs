// SPDX-License-Identifier: GPL-2.0-only

//! A way of its own to make mappings, which takes down no others.
//!
//! The user of an address space may let somebody else map into it who is trusted less. That one gets
//! a [`Lane`]: its mappings are counted and limited apart, and through it nothing can be taken down
//! that was not made through it. Who has the address space itself can take down everything.

use super::{
    entry::Entry,
    index::Id,
    lanes::{
        LaneId,
        LaneRoom, //
    },
    take::Cut,
    AddressSpace,
    Inner, //
};
use kernel::{
    error::code::EMFILE,
    prelude::*,
    sync::Arc, //
};

/// A way to make mappings. Whoever drops it has taken them down before.
pub struct Lane {
    space: Arc<AddressSpace>,
    id: LaneId,
}

impl Lane {
    /// Makes a lane for at most `limit` mappings at a time.
    ///
    /// Fails with `EMFILE` if there are 255 lanes, and with `ENOMEM`.
    pub fn new(space: &Arc<AddressSpace>, limit: usize) -> Result<Self> {
        let mut room = LaneRoom::new()?;
        let id = space.inner.lock().lanes.open(limit, &mut room);
        Ok(Self {
            space: space.clone(),
            id: id.ok_or(EMFILE)?,
        })
    }

    /// Returns how many mappings were made through this lane, those in the making included, and how
    /// many more can be.
    pub fn count(&self) -> (usize, usize) {
        self.space.inner.lock().lanes.count(self.id)
    }

    /// Returns the number that mappings made by `lane` carry.
    pub(super) fn id_of(lane: Option<&Self>) -> LaneId {
        lane.map_or(LaneId::NONE, |lane| lane.id)
    }

    /// Returns the number of mappings that may be taken down by `lane`; [`None`] for all.
    pub(super) fn only(lane: Option<&Self>) -> Option<LaneId> {
        lane.map(|lane| lane.id)
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.space.inner.lock().lanes.close(self.id);
    }
}

impl AddressSpace {
    /// Returns whether there is a lane.
    pub fn has_lanes(&self) -> bool {
        self.inner.lock().lanes.are_any()
    }
}

impl Inner {
    /// Forgets a mapping that has no runs any more.
    pub(super) fn remove(&mut self, id: Id) {
        if let Some(lane) = self.index.remove(id) {
            self.lanes.leave(lane);
        }
    }

    /// Returns the first mapping of `lane` that lies in `range`.
    ///
    /// With [`Cut::Refuse`], fails with `EPERM` if a mapping in `range` is not of this lane, and with
    /// `EINVAL` if one of it is cut.
    pub(super) fn first_of(&self, lane: LaneId, range: (u64, u64), cut: Cut) -> Result<Option<Id>> {
        let is_inside = |entry: &Entry| range.0 <= entry.first && entry.last <= range.1;
        let mut first = None;
        for (id, entry) in self.index.overlaps(range.0, range.1) {
            if entry.lane == lane && is_inside(entry) {
                first = first.or(Some(id));
            } else if cut == Cut::Refuse {
                return Err(if entry.lane == lane { EINVAL } else { EPERM });
            }
            if first.is_some() && cut != Cut::Refuse {
                break;
            }
        }
        Ok(first)
    }
}
