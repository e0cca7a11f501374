// SPDX-License-Identifier: GPL-2.0-only

//! A device's claim on the container of its group.
//!
//! Whoever opens a device has to be sure that its DMA goes through the container's IOMMU for as long
//! as the device is open. A [`Claim`] makes sure: it is made before the device is opened and goes
//! after the device was closed, and meanwhile the group cannot be taken out of its container.
//!
//! C counterpart: `vfio_group_use_container` in
//! [`drivers/vfio/container.c`](srctree/drivers/vfio/container.c)

use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::refuse;

use super::{
    Group,
    GroupState, //
};
use crate::viability;

/// Keeps a group in its container.
///
/// # Invariants
///
/// The group is attached, and this value is counted there.
pub(crate) struct Claim(Arc<Group>);

impl Claim {
    /// Claims the container that `group` is in, so that a device of it may be opened.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the group is in no container or that has no backend yet, and those of
    /// [`viability::check`].
    pub(super) fn new(group: &Arc<Group>) -> Result<Self> {
        let mut state = group.state.lock();
        let GroupState::Attached(attached) = &mut *state else {
            return Err(EINVAL);
        };
        viability::check(group)?;
        if !attached.container.has_backend() {
            refuse!(
                "group {}: its container has no IOMMU yet; call VFIO_SET_IOMMU first\n",
                group.iommu.id()
            );
            return Err(EINVAL);
        }
        attached.claims = attached.claims.checked_add(1).ok_or(EMFILE)?;
        // INVARIANT: Counted just above; a group with claims stays attached.
        Ok(Self(group.clone()))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let GroupState::Attached(attached) = &mut *self.0.state.lock() {
            attached.claims = attached.claims.saturating_sub(1);
        }
    }
}
