// SPDX-License-Identifier: GPL-2.0-only

//! Who has a group, and how it goes from one to the next.
//!
//! A program that opens a group takes it, a synthetic group reserves it, and the last device that
//! leaves retires it; what does not go together fails with `EBUSY` and says why in the log. Devices
//! that are open by their own nodes are counted in [`super::apart`].
//!
//! Lock order: see [`super`]. No [`Holding`] is dropped under the lock of a state, as that may take
//! other locks.
//!
//! C counterpart: `opened_file` and `cdev_device_open_cnt` in
//! [`drivers/vfio/group.c`](srctree/drivers/vfio/group.c)

use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::refuse;

use super::{
    entrance::Kind,
    holding::Holding,
    Group, //
};

/// Who has a group.
pub(super) enum GroupState {
    /// Nobody. Left by opening the group, or a device by its own node.
    Closed,
    /// Programs have devices of the group open by their own nodes, so many of them. Left by closing
    /// the last.
    Apart(usize),
    /// It is part of a synthetic group, which nobody has open. Left by opening that or by taking it
    /// apart.
    Reserved,
    /// A program has the group open. Left by closing it.
    Held(Arc<Holding>),
    /// The last device has left. There is no way out.
    Gone,
}

impl Group {
    /// Lets `holding` have the group, which was opened by the path of its own or of a synthetic group.
    ///
    /// # Errors
    ///
    /// `EBUSY` if somebody else has it, `ENODEV` if the last device has left.
    pub(super) fn take(&self, holding: &Arc<Holding>, kind: Kind) -> Result {
        let mut state = self.state.lock();
        match &*state {
            GroupState::Closed => {}
            GroupState::Reserved if kind == Kind::Synthetic => {}
            GroupState::Reserved => return self.refuse_reserved(),
            GroupState::Held(_) => {
                refuse!(
                    "group {}: is open already; only one program at a time may have it\n",
                    self.iommu.id()
                );
                return Err(EBUSY);
            }
            GroupState::Apart(devices) => {
                refuse!(
                    "group {}: {} of its devices are open by their own nodes; close them first\n",
                    self.iommu.id(),
                    devices
                );
                return Err(EBUSY);
            }
            GroupState::Gone => return Err(ENODEV),
        }
        *state = GroupState::Held(holding.clone());
        self.held_by.open();
        Ok(())
    }

    /// Undoes [`Group::take`].
    pub(super) fn leave(&self, kind: Kind) {
        let mut state = self.state.lock();
        self.held_by.close();
        if let GroupState::Held(_) = &*state {
            let next = match kind {
                Kind::Plain => GroupState::Closed,
                Kind::Synthetic => GroupState::Reserved,
            };
            // The last reference may be this one, and dropping it takes other locks.
            let held = core::mem::replace(&mut *state, next);
            drop(state);
            drop(held);
        }
    }

    /// Reserves the group for a synthetic one.
    ///
    /// # Errors
    ///
    /// `EBUSY` if somebody has it, `ENODEV` if the last device has left.
    pub(super) fn reserve(&self) -> Result {
        let mut state = self.state.lock();
        match &*state {
            GroupState::Closed => {}
            GroupState::Reserved => return self.refuse_reserved(),
            GroupState::Held(_) | GroupState::Apart(_) => {
                refuse!(
                    "group {}: is open, or one of its devices is; close it before it becomes part of another\n",
                    self.iommu.id()
                );
                return Err(EBUSY);
            }
            GroupState::Gone => return Err(ENODEV),
        }
        *state = GroupState::Reserved;
        Ok(())
    }

    /// Undoes [`Group::reserve`].
    pub(super) fn free(&self) {
        let mut state = self.state.lock();
        if let GroupState::Reserved = &*state {
            *state = GroupState::Closed;
        }
    }

    pub(super) fn refuse_reserved<T>(&self) -> Result<T> {
        refuse!(
            "group {}: is part of a group that was made in configfs; open that\n",
            self.iommu.id()
        );
        Err(EBUSY)
    }

    /// The group, which is among the parts of `holding` now, is its from here on.
    pub(super) fn hand_to(&self, holding: &Arc<Holding>) {
        let mut state = self.state.lock();
        let was = match &*state {
            GroupState::Held(_) => {
                core::mem::replace(&mut *state, GroupState::Held(holding.clone()))
            }
            _ => {
                // The last device has left meanwhile, and did not find it there.
                drop(state);
                holding.lose(self);
                return;
            }
        };
        drop(state);
        drop(was);
    }

    /// The last device has left: takes the group from whoever has it.
    pub(super) fn retire(&self) {
        let was = core::mem::replace(&mut *self.state.lock(), GroupState::Gone);
        if let GroupState::Held(holding) = was {
            holding.lose(self);
        }
    }
}
