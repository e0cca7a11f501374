// SPDX-License-Identifier: GPL-2.0-only

//! The groups that an open file has, and what becomes of them: the state of a [`Holding`].

use kernel::{
    prelude::*,
    sync::Arc, //
};

use super::{
    holding::Holding,
    place::{
        Place,
        Seat, //
    },
    Group, //
};

/// What the lock of a holding protects.
pub(super) struct State {
    pub(super) stage: Stage,

    /// The groups. Empty while captured, and once the last device of the own group has left.
    pub(super) parts: KVec<Part>,
}

/// What becomes of the groups of a holding.
pub(super) enum Stage {
    /// They are in no container. Left by giving them one, or by being captured.
    Free,
    /// They are in a container. Left by taking them out, or by closing the file.
    Attached(Place),
    /// They are part of another holding. Left when that lets them go.
    Captured {
        by: Arc<Holding>,
        /// Whether the file was closed meanwhile.
        closed: bool,
    },
    /// The last device of the own group has left. There is no way out.
    Gone,
}

/// A group of a holding.
pub(super) struct Part {
    pub(super) group: Arc<Group>,

    /// What it has in the container, while there is one.
    pub(super) seat: Option<Seat>,

    /// The number of [`Claim`](super::Claim)s: devices of the group that are open, or being opened.
    pub(super) claims: usize,

    /// Where it was captured from; [`None`] for the own group.
    pub(super) origin: Option<Arc<Holding>>,
}

impl State {
    /// Returns the groups. Fails with `ENOMEM`.
    pub(super) fn groups(&self) -> Result<KVec<Arc<Group>>> {
        let mut groups = KVec::with_capacity(self.parts.len(), GFP_KERNEL)?;
        for part in &self.parts {
            groups.push(part.group.clone(), GFP_KERNEL)?;
        }
        Ok(groups)
    }

    /// Returns the part that `group` is.
    pub(super) fn part(&mut self, group: &Group) -> Option<&mut Part> {
        self.parts.iter_mut().find(|part| part.is(group))
    }

    /// Calls `f` with the container and what `group` has there, if it is in one.
    pub(super) fn with_seat<R>(
        &mut self,
        group: &Group,
        f: impl FnOnce(&Place, &mut Seat) -> R,
    ) -> Option<R> {
        let Stage::Attached(place) = &self.stage else {
            return None;
        };
        let part = self.parts.iter_mut().find(|part| part.is(group))?;
        part.seat.as_mut().map(|seat| f(place, seat))
    }

    /// Takes the part that `group` is out of the holding, and of the container.
    pub(super) fn remove(&mut self, group: &Group) -> Option<Part> {
        let at = self.parts.iter().position(|part| part.is(group))?;
        let mut part = self.parts.remove(at).ok()?;
        if let Stage::Attached(place) = &self.stage {
            part.stand_up(place);
        }
        Some(part)
    }

    /// Takes all parts out of `place`.
    pub(super) fn stand_up(&mut self, place: &Place) {
        for part in self.parts.iter_mut().rev() {
            part.stand_up(place);
        }
    }

    /// Takes all parts out of the container, if they are in one, and goes on to `next`.
    pub(super) fn leave_place(&mut self, next: Stage) {
        if let Stage::Attached(place) = core::mem::replace(&mut self.stage, next) {
            self.stand_up(&place);
        }
    }
}

impl Part {
    /// Returns the part that `group` is in a holding that was opened with it.
    pub(super) fn own(group: &Arc<Group>) -> Self {
        Self {
            group: group.clone(),
            seat: None,
            claims: 0,
            origin: None,
        }
    }

    /// Returns whether it is `group`.
    pub(super) fn is(&self, group: &Group) -> bool {
        core::ptr::eq(&*self.group, group)
    }

    /// Goes into `place`.
    ///
    /// # Errors
    ///
    /// Those of [`Place::attach`].
    pub(super) fn sit_down(&mut self, place: &Place) -> Result {
        self.seat = Some(place.attach(&self.group)?);
        Ok(())
    }

    /// Goes out of `place`, if it is there.
    pub(super) fn stand_up(&mut self, place: &Place) {
        if let Some(seat) = self.seat.take() {
            place.detach(&self.group, seat);
        }
    }
}
