// SPDX-License-Identifier: GPL-2.0-only

//! Whose the devices of a set are.
//!
//! A reset of a whole set must not surprise anybody but the program that asks for it. That shows what it
//! owns in one of two ways: by the open groups of all devices; or, if it got at its device by the node,
//! by the context of IOMMUFD that the device is bound to. Then what else is bound to that context is
//! its own, and what shares a group with that.
//!
//! C counterpart: `vfio_iommufd_get_dev_id` in
//! [`drivers/vfio/iommufd.c`](srctree/drivers/vfio/iommufd.c)

use kernel::device;
use kernel_ext::{
    device::same_device,
    iommufd::BoundDevice, //
};

use super::SetState;
use crate::{
    device::Device,
    group::GroupFiles, //
};

/// What a program owns that asks for a reset.
pub enum Owned<'a> {
    /// The devices of these groups.
    Groups(GroupFiles),
    /// What belongs to the context of IOMMUFD that this device, which is open, is bound to.
    ContextOf(&'a device::Device),
}

/// What a device is to a context of IOMMUFD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceId {
    /// It is bound to the context, which knows it by this number.
    Bound(u32),
    /// It is not, but shares its group with a device that is.
    Owned,
    /// It has nothing to do with the context.
    Stranger,
}

impl Owned<'_> {
    /// Returns whether `member` of the set is among it.
    pub(super) fn has(&self, set: &SetState, member: &Device) -> bool {
        match self {
            Self::Groups(groups) => groups.contains(member.group()),
            Self::ContextOf(dev) => device_id(set, member.dev(), dev) != DeviceId::Stranger,
        }
    }
}

/// Returns what `dev` is to the context that `asker`, an open device of the set, is bound to.
pub(super) fn device_id(set: &SetState, dev: &device::Device, asker: &device::Device) -> DeviceId {
    let find = |dev| {
        set.members
            .iter()
            .find(|member| same_device(member.dev(), dev))
    };
    let context = find(asker).and_then(|asker| asker.bound(set));
    let (Some(member), Some(context)) = (find(dev), context) else {
        return DeviceId::Stranger;
    };
    match member.bound(set) {
        Some(bound) if bound.shares_context(context) => DeviceId::Bound(bound.id()),
        _ if shares_group(member, context) => DeviceId::Owned,
        _ => DeviceId::Stranger,
    }
}

/// Returns whether the group of `member` belongs to the context that `bound` is bound to.
fn shares_group(member: &Device, bound: &BoundDevice) -> bool {
    bound.context_has(member.group().iommu())
}
