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
use kernel_ext::{
    iommufd::BoundDevice,
    kvm::Vm, //
};

use super::{
    holding::Holding,
    part::Stage,
    Group, //
};
use crate::viability;

/// Keeps a group in its container.
///
/// # Invariants
///
/// The group is part of the holding, which is attached, and this value is counted there.
pub(crate) struct Claim {
    holding: Arc<Holding>,
    group: Arc<Group>,
}

impl Claim {
    /// Claims the container that `holding` is in, so that a device of its `group` may be opened.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it is in no container, `ENODEV` if the group is not its any more, and those of
    /// [`viability::check`].
    pub(super) fn new(holding: &Arc<Holding>, group: Arc<Group>) -> Result<Self> {
        let mut state = holding.lock();
        let Stage::Attached(_) = &state.stage else {
            return Err(EINVAL);
        };
        for part in &state.parts {
            viability::check(&part.group)?;
        }
        let part = state.part(&group).ok_or(ENODEV)?;
        part.claims = part.claims.checked_add(1).ok_or(EMFILE)?;
        drop(state);
        // INVARIANT: Counted just above; a group with claims stays part, and attached.
        Ok(Self {
            holding: holding.clone(),
            group,
        })
    }

    /// Lets a device of the group reach what is mapped, before it is opened. With IOMMUFD it does so
    /// as long as the result exists.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the container has no backend yet, `EPERM` if the caller may not have a device
    /// without an IOMMU, and those of IOMMUFD.
    pub(crate) fn admit(&self, dev: &device::Device) -> Result<Option<Arc<BoundDevice>>> {
        match &self.holding.lock().stage {
            Stage::Attached(place) => place.admit(dev, &self.group),
            // A group with claims stays attached.
            _ => Err(EINVAL),
        }
    }

    /// Takes a reference to the virtual machine that the group was given to.
    pub(crate) fn vm(&self) -> Option<Vm> {
        self.holding.vm().get()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(part) = self.holding.lock().part(&self.group) {
            part.claims = part.claims.saturating_sub(1);
        }
    }
}
