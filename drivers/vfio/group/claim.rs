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
    device,
    prelude::*,
    sync::Arc, //
};
use kernel_ext::iommufd::BoundDevice;

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
    /// `EINVAL` if the group is in no container, and those of [`viability::check`].
    pub(super) fn new(group: &Arc<Group>) -> Result<Self> {
        let mut state = group.state.lock();
        let GroupState::Attached(attached) = &mut *state else {
            return Err(EINVAL);
        };
        viability::check(group)?;
        attached.claims = attached.claims.checked_add(1).ok_or(EMFILE)?;
        // INVARIANT: Counted just above; a group with claims stays attached.
        Ok(Self(group.clone()))
    }

    /// Lets a device of the group reach what is mapped, before it is opened. With IOMMUFD it does so
    /// as long as the result exists.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the container has no backend yet, `EPERM` if the caller may not have a device
    /// without an IOMMU, and those of IOMMUFD.
    pub(crate) fn admit(&self, dev: &device::Device) -> Result<Option<Arc<BoundDevice>>> {
        match &*self.0.state.lock() {
            GroupState::Attached(attached) => attached.admit(dev, self.0.backing),
            // A group with claims stays attached.
            _ => Err(EINVAL),
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let GroupState::Attached(attached) = &mut *self.0.state.lock() {
            attached.claims = attached.claims.saturating_sub(1);
        }
    }
}
