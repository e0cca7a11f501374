// SPDX-License-Identifier: GPL-2.0-only

//! Devices that are opened by their own nodes, apart from the group.
//!
//! A program gets at a device either through its group or through the device's node, and the two must
//! not meet: who has the group would not know of those who have a device. So a group cannot be opened
//! while one of its devices is open by its node, and the other way round. An [`Apart`] stands for such
//! a device.
//!
//! What keeps devices of one group with different owners from each other is IOMMUFD, which gives the
//! DMA of a group to one context only.
//!
//! C counterpart: `vfio_device_block_group` in [`drivers/vfio/group.c`](srctree/drivers/vfio/group.c)

use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::refuse;

use super::{
    Group,
    GroupState, //
};

/// Keeps a group from being opened.
///
/// # Invariants
///
/// The group is in [`GroupState::Apart`], and this value is counted there.
pub(crate) struct Apart(Arc<Group>);

impl Apart {
    /// Lets the caller open a device of `group` by its node.
    ///
    /// # Errors
    ///
    /// `EBUSY` if the group is open, `ENODEV` if it is gone; `EOPNOTSUPP` if its isolation unit is
    /// larger than the group, or it has options of its own.
    pub(crate) fn new(group: &Arc<Group>) -> Result<Self> {
        let mut state = group.state.lock();
        group.refuse_larger_unit()?;
        group.refuse_options()?;
        let devices = match &*state {
            GroupState::Closed => 0,
            GroupState::Apart(devices) => *devices,
            GroupState::Reserved => return group.refuse_reserved(),
            GroupState::Held(_) => {
                refuse!(
                    "group {}: is open, so its devices cannot be opened by their own nodes\n",
                    group.iommu.id()
                );
                return Err(EBUSY);
            }
            GroupState::Gone => return Err(ENODEV),
        };
        *state = GroupState::Apart(devices.checked_add(1).ok_or(EMFILE)?);
        // INVARIANT: Counted just above; only dropping the last one leaves the state.
        Ok(Self(group.clone()))
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        match &*state {
            GroupState::Apart(devices) if *devices > 1 => *state = GroupState::Apart(devices - 1),
            GroupState::Apart(_) => *state = GroupState::Closed,
            // Not while this exists.
            _ => {}
        }
    }
}
