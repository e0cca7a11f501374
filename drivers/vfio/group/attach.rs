// SPDX-License-Identifier: GPL-2.0-only

//! How the groups of an open file go into a container, all or none, and out of it.
//!
//! C counterpart: `vfio_group_ioctl_set_container` and `vfio_group_ioctl_get_status` in
//! [`drivers/vfio/group.c`](srctree/drivers/vfio/group.c)

use kernel::{
    fs::LocalFile,
    prelude::*, //
};
use kernel_ext::{
    iommu,
    refuse, //
};
use vfio_uapi::GroupStatus;

use super::{
    holding::Holding,
    part::{
        Part,
        Stage,
        State, //
    },
    place::Place,
    Group, //
};
use crate::viability;

impl Holding {
    /// Returns `VFIO_GROUP_FLAGS_*`.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the last device of the own group has left.
    pub(super) fn status(&self) -> Result<GroupStatus> {
        let state = self.lock();
        match &state.stage {
            Stage::Gone => Err(ENODEV),
            Stage::Attached(_) => Ok(GroupStatus::VIABLE | GroupStatus::CONTAINER_SET),
            Stage::Captured { by, .. } => {
                let by = by.clone();
                drop(state);
                // It cannot be captured itself.
                by.status()
            }
            Stage::Free if !self.is_whole(&state) => Err(ENODEV),
            Stage::Free => {
                // A client that sees this flag missing gives up, so say why here already.
                let ready = |part: &Part| {
                    viability::check(&part.group).is_ok() && !viability::is_claimed(&part.group)
                };
                match state.parts.iter().all(ready) {
                    true => Ok(GroupStatus::VIABLE),
                    false => Ok(GroupStatus::empty()),
                }
            }
        }
    }

    /// Returns whether no own group has lost its last device.
    fn is_whole(&self, state: &State) -> bool {
        let own = state.parts.iter().filter(|part| part.origin.is_none());
        own.count() == self.opened()
    }

    /// Puts all groups into what `file` is, or none.
    ///
    /// # Errors
    ///
    /// `EINVAL` if they are in a container, `EBUSY` if they are captured, `ENODEV` if the last device
    /// of the own group has left, and those of [`Place::of`] and [`Place::attach`].
    pub(super) fn set_container(&self, file: &LocalFile) -> Result {
        let mut state = self.lock();
        match &state.stage {
            Stage::Free if !self.is_whole(&state) => return Err(ENODEV),
            Stage::Free => {}
            Stage::Attached(_) => {
                refuse!(
                    "group {}: has a container already; VFIO_GROUP_UNSET_CONTAINER first\n",
                    self.home().iommu().id()
                );
                return Err(EINVAL);
            }
            Stage::Captured { .. } => return self.refuse_captured(),
            Stage::Gone => return Err(ENODEV),
        }
        let place = Place::of(file)?;
        for at in 0..state.parts.len() {
            let seated = state.parts.get_mut(at).map(|part| part.sit_down(&place));
            if let Some(Err(error)) = seated {
                state.stand_up(&place);
                return Err(error);
            }
        }
        state.stage = Stage::Attached(place);
        Ok(())
    }

    /// Takes all groups out of the container.
    ///
    /// # Errors
    ///
    /// `EINVAL` if they are in none, `EBUSY` if one of their devices is open or they are captured.
    pub(super) fn unset_container(&self) -> Result {
        let mut state = self.lock();
        match &state.stage {
            Stage::Attached(_) => {}
            Stage::Captured { .. } => return self.refuse_captured(),
            Stage::Free | Stage::Gone => return Err(EINVAL),
        }
        if let Some(part) = state.parts.iter().find(|part| part.claims != 0) {
            refuse!(
                "group {}: {} of its devices are open; close them before the container\n",
                part.group.iommu().id(),
                part.claims
            );
            return Err(EBUSY);
        }
        state.leave_place(Stage::Free);
        Ok(())
    }

    /// A device has come to `newcomer`, which is in the unit of `group`.
    pub(super) fn own_newcomer(&self, group: &Group, newcomer: &iommu::Group) {
        let mut state = self.lock();
        let owned = state.with_seat(group, |place, seat| place.own_newcomer(seat, newcomer));
        if let Some(Err(error)) = owned {
            pr_warn!(
                "group {}: group {} has come into its isolation unit and could not be taken from the host: {error:?}\n",
                group.number(),
                newcomer.id()
            );
        }
    }

    /// The last device of `neighbour`, which may be in the unit of `group`, is about to leave.
    pub(super) fn give_back(&self, group: &Group, neighbour: &iommu::Group) {
        let mut state = self.lock();
        state.with_seat(group, |place, seat| place.give_back(seat, neighbour));
    }
}
