// SPDX-License-Identifier: GPL-2.0-only

//! An open group that takes another into its own.
//!
//! A program that has several groups open can let one of them speak for all: into the container and
//! out of it, for their devices, and as the proof of what it owns. What the others had goes over to
//! the captor, and comes back when that lets them go or is closed.
//!
//! A group that is captured cannot capture, and one that has captured cannot be captured: so there is
//! one captor, whose state says where all are, and no ring of captors.
//!
//! The locks of two holdings are never held at once. A group on its way from one to the other is part
//! of neither, and should its last device leave just then, [`Group::hand_to`] notices.

use kernel::{
    fs::LocalFile,
    prelude::*,
    sync::Arc, //
};
use kernel_ext::{
    fs::from_file,
    refuse, //
};
use vfio_uapi::{
    vfio_group_feature_capture,
    vfio_group_feature_release, //
};

use super::{
    entrance::Kind,
    holding::Holding,
    part::{
        Part,
        Stage, //
    },
    GroupFile, //
};
use crate::feature::FeatureRequest;

impl Holding {
    /// Handles `VFIO_GROUP_FEATURE_CAPTURE`.
    ///
    /// # Errors
    ///
    /// Those that the header says.
    pub(super) fn capture(self: &Arc<Self>, request: &FeatureRequest) -> Result {
        let data: vfio_group_feature_capture = request.data.read()?;
        if data.flags != 0 {
            return Err(EINVAL);
        }
        let file = LocalFile::fget(u32::try_from(data.group_fd).map_err(|_| EBADF)?)?;
        let other = from_file::<GroupFile>(&file).ok_or(EINVAL)?;
        let other = other.holding();
        if Arc::ptr_eq(self, other) {
            return Err(EINVAL);
        }
        if self.home().backing() != other.home().backing() {
            refuse!(
                "groups {} and {}: one has an IOMMU and the other has none; they cannot be one\n",
                self.home().iommu().id(),
                other.home().iommu().id()
            );
            return Err(EOPNOTSUPP);
        }
        let part = other.give_away(self)?;
        let group = part.group.clone();
        match self.add_captured(part) {
            Ok(()) => {
                group.hand_to(self);
                self.recomposed();
                Ok(())
            }
            Err((error, part)) => {
                other.take_back(part);
                Err(error)
            }
        }
    }

    /// Handles `VFIO_GROUP_FEATURE_RELEASE`.
    ///
    /// # Errors
    ///
    /// Those that the header says.
    pub(super) fn release(&self, request: &FeatureRequest) -> Result {
        let data: vfio_group_feature_release = request.data.read()?;
        if data.flags != 0 {
            return Err(EINVAL);
        }
        let mut state = self.lock();
        let meant = |part: &&Part| part.origin.is_some() && part.group.number() == data.group;
        let part = state.parts.iter().find(meant).ok_or(EINVAL)?;
        if part.claims != 0 {
            refuse!(
                "group {}: {} of its devices are open; close them before it is released\n",
                data.group,
                part.claims
            );
            return Err(EBUSY);
        }
        let group = part.group.clone();
        let part = state.remove(&group);
        drop(state);
        let origin = part.as_ref().and_then(|part| part.origin.clone());
        if let (Some(origin), Some(part)) = (origin, part) {
            origin.take_back(part);
        }
        self.recomposed();
        Ok(())
    }

    /// Takes the group out, so that `captor` can have it.
    ///
    /// # Errors
    ///
    /// `EBUSY` if it is in a container; `ELOOP` if it is captured, or has captured others; `ENODEV` if
    /// its last device has left.
    fn give_away(self: &Arc<Self>, captor: &Arc<Self>) -> Result<Part> {
        let mut state = self.lock();
        match &state.stage {
            Stage::Free => {}
            Stage::Attached(_) => {
                refuse!(
                    "group {}: is in a container, so it cannot be captured\n",
                    self.home().iommu().id()
                );
                return Err(EBUSY);
            }
            Stage::Captured { .. } => return Err(ELOOP),
            Stage::Gone => return Err(ENODEV),
        }
        if state.parts.len() > 1 || self.kind() == Kind::Synthetic {
            return Err(ELOOP);
        }
        let mut part = state.parts.pop().ok_or(ENODEV)?;
        part.origin = Some(self.clone());
        state.stage = Stage::Captured {
            by: captor.clone(),
            closed: false,
        };
        Ok(part)
    }

    /// Makes a group that was given away a part of this holding.
    ///
    /// # Errors
    ///
    /// Gives it back, with `ELOOP` if this group is captured, `ENODEV` if its last device has left,
    /// `ENOMEM`, or what keeps it out of the container.
    fn add_captured(&self, mut part: Part) -> Result<(), (Error, Part)> {
        let mut state = self.lock();
        if let Err(error) = state.parts.reserve(1, GFP_KERNEL) {
            return Err((error.into(), part));
        }
        let ready = match &state.stage {
            Stage::Free => Ok(()),
            Stage::Attached(place) => part.sit_down(place),
            Stage::Captured { .. } => Err(ELOOP),
            Stage::Gone => Err(ENODEV),
        };
        if let Err(error) = ready {
            return Err((error, part));
        }
        // The room was reserved, so this cannot fail.
        let _ = state.parts.push_within_capacity(part);
        Ok(())
    }

    /// Gets the own group back.
    pub(super) fn take_back(self: &Arc<Self>, mut part: Part) {
        part.origin = None;
        let group = part.group.clone();
        let mut state = self.lock();
        let stage = core::mem::replace(&mut state.stage, Stage::Free);
        if let Stage::Captured { closed: true, .. } = stage {
            state.stage = Stage::Gone;
            drop(state);
            group.leave(Kind::Plain);
            return;
        }
        // The room is that which it had, so this cannot fail.
        let _ = state.parts.push_within_capacity(part);
        drop(state);
        // The captor may go with this.
        drop(stage);
        group.hand_to(self);
    }
}
