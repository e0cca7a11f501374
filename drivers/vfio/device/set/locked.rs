// SPDX-License-Identifier: GPL-2.0-only

//! What a bus driver does with a set while it is locked: a reset of all its devices.
//!
//! A reset of a slot or bus must not surprise anybody. So the bus driver
//!
//! 1. locks the set: no device is opened or closed meanwhile ([`LockedSet`]);
//! 2. makes sure that everything the reset hits is in the set ([`LockedSet::has`]);
//! 3. wakes all devices of the set ([`LockedSet::wake`]);
//! 4. if some are open: sees that they all belong to whoever asks for the reset, and holds off all
//!    access to them ([`LockedSet::hold`]).
//!
//! Each step is undone by dropping what it returned. When the last device of the set was closed, the
//! bus driver may do the same to remove what is left of their use ([`LockedSet::has_traces`]).
//!
//! C counterpart: `vfio_pci_dev_set_hot_reset` and `vfio_pci_dev_set_try_reset` in
//! [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c)

use kernel::{
    device,
    prelude::*,
    sync::MutexGuard, //
};
use kernel_ext::{
    device::same_device,
    pm::runtime::RuntimeRef,
    refuse, //
};

use super::{
    owned::{
        device_id,
        DeviceId,
        Owned, //
    },
    SetState, //
};
use crate::device::{
    Device,
    HeldDevice, //
};

/// A set whose devices nobody else opens, closes or resets.
#[must_use = "the set is unlocked as soon as this is dropped"]
pub struct LockedSet<'a>(MutexGuard<'a, SetState>);

impl<'a> LockedSet<'a> {
    /// Makes one of the lock of a set, none of whose devices is being opened or closed.
    pub(in crate::device) fn new(state: MutexGuard<'a, SetState>) -> Self {
        Self(state)
    }

    /// Returns whether `dev` is bound to a VFIO driver and in the set.
    pub fn has(&self, dev: &device::Device) -> bool {
        let mut members = self.0.members.iter();
        members.any(|member| same_device(member.dev(), dev))
    }

    /// Returns what `dev` is to the context of IOMMUFD that `asker`, an open device of the set, is
    /// bound to.
    pub fn device_id(&self, dev: &device::Device, asker: &device::Device) -> DeviceId {
        device_id(&self.0, dev, asker)
    }

    /// Returns whether any device of the set is open.
    pub fn is_open(&self) -> bool {
        let mut members = self.0.members.iter();
        members.any(|member| member.opened(&self.0).is_some())
    }

    /// Returns whether something of its last use may be left in any device of the set.
    pub fn has_traces(&self) -> bool {
        let mut members = self.0.members.iter();
        members.any(|member| member.ops().has_traces())
    }

    /// Notes that all devices of the set, none of which is open, were reset.
    pub fn was_reset(&self) {
        for member in &self.0.members {
            member.ops().was_reset();
        }
    }

    /// Tells all devices of the set how a reset that a program asked for has ended.
    pub fn hot_reset_ended(&self, result: Result) {
        for member in &self.0.members {
            member.ops().hot_reset_ended(result);
        }
    }

    /// Wakes all devices of the set and keeps them awake.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, and what keeps a device from waking up.
    pub fn wake(&self) -> Result<AwakeSet> {
        let mut awake = KVec::with_capacity(self.0.members.len(), GFP_KERNEL)?;
        for member in &self.0.members {
            let dev = member.dev();
            let reference = RuntimeRef::resume(dev).inspect_err(|error| {
                refuse!(
                    "{}: does not wake up, so nothing is reset together with it: {:?}\n",
                    dev.name(),
                    error
                );
            })?;
            awake.push(reference, GFP_KERNEL)?;
        }
        Ok(AwakeSet(awake))
    }

    /// Holds off all access to the devices of the set, if they are all among what is `owned`.
    ///
    /// # Errors
    ///
    /// `EINVAL` if a device, open or not, is not; `EBUSY` if one is just being
    /// accessed; `ENOMEM`.
    pub fn hold(&self, owned: &Owned<'_>) -> Result<HeldSet<'_>> {
        for member in &self.0.members {
            refuse_stranger(&self.0, member, owned)?;
        }
        let mut held = KVec::with_capacity(self.0.members.len(), GFP_KERNEL)?;
        for member in &self.0.members {
            if let Some(open) = member.opened(&self.0) {
                held.push(open.hold()?, GFP_KERNEL)?;
            }
        }
        Ok(HeldSet(held))
    }
}

/// Refuses to touch a device of the set that is not among what is `owned`.
fn refuse_stranger(set: &SetState, member: &Device, owned: &Owned<'_>) -> Result {
    if owned.has(set, member) {
        return Ok(());
    }
    let name = member.dev().name();
    match owned {
        Owned::Groups(_) => refuse!(
            "{}: would be reset as well; open its group {} and give it to VFIO_DEVICE_PCI_HOT_RESET, too\n",
            name,
            member.group().iommu().id()
        ),
        Owned::ContextOf(_) => refuse!(
            "{name}: would be reset as well; bind it to the same /dev/iommu\n"
        ),
    }
    Err(EINVAL)
}

/// Keeps all devices of a set awake.
#[must_use = "the devices may fall asleep as soon as this is dropped"]
pub struct AwakeSet(#[expect(dead_code, reason = "only dropped")] KVec<RuntimeRef>);

/// A set to whose open devices nobody has access.
#[must_use = "accesses go on as soon as this is dropped"]
pub struct HeldSet<'a>(KVec<KBox<dyn HeldDevice + 'a>>);

impl HeldSet<'_> {
    /// Puts all open devices into their working state, as far as they go.
    pub fn power_up(&mut self) {
        for device in &mut self.0 {
            device.power_up();
        }
    }
}
