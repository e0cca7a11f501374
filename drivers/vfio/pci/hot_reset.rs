// SPDX-License-Identifier: GPL-2.0-only

//! Resets of a whole slot or bus.
//!
//! Many devices cannot be reset alone, but together with whatever else is in their slot or on their
//! bus. A program first asks what such a reset would hit, see [`info`], and gets hold of the groups
//! of all of it. Then it may ask for the reset, see [`reset`]. Programs that have one of the devices
//! mapped do not notice: the mappings are taken away before and come back as they are touched.
//!
//! Lock order: the device set → the memory gates of its open devices, which are only tried → the
//! PCI core's locks.
//!
//! C counterpart: `vfio_pci_dev_set_hot_reset` in
//! [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c)

mod header;
mod ioctl;

use kernel::prelude::*;
use kernel_ext::{
    pci::{
        HotReset,
        PowerState, //
    },
    refuse, //
};
use vfio::{
    device::{
        HeldDevice,
        LockedSet, //
    },
    group::GroupFiles, //
};

use crate::{
    device::OpenPci,
    memory::Zapped, //
};

pub(crate) use self::ioctl::{
    info,
    reset, //
};

/// Resets all that `reset` hits, if it belongs to the `owned` groups.
///
/// # Errors
///
/// `EINVAL` if a function is not bound to a VFIO driver or belongs to another group; `EBUSY` if a
/// device is just being accessed; `EAGAIN` if somebody else has one locked; `ENOMEM`; others from
/// waking the devices and from the reset itself, such as `ENOTTY`.
fn reset_together(open: &OpenPci, reset: &HotReset<'_>, owned: &GroupFiles) -> Result {
    let set = open.set.lock();
    refuse_outsiders(&set, reset)?;
    let _awake = set.wake()?;
    let mut held = set.hold(owned)?;
    held.power_up();
    reset.reset().inspect_err(|error| {
        refuse!(
            "{}: not reset with its slot or bus: {:?} (EAGAIN: one of the devices is on its way to \
             or from a driver; try again)\n",
            open.pdev.name(),
            error
        );
    })
}

/// Refuses to reset functions that are not in the set, whose users would know nothing of it.
///
/// # Errors
///
/// `EINVAL`.
fn refuse_outsiders(set: &LockedSet<'_>, reset: &HotReset<'_>) -> Result {
    reset.try_for_each(&mut |function| {
        if set.has(function.device()) {
            return Ok(());
        }
        refuse!(
            "{}: would be reset as well, but is not bound to vfio-pci; bind it first\n",
            function.device().name()
        );
        Err(EINVAL)
    })
}

impl HeldDevice for Zapped<'_> {
    fn power_up(&mut self) {
        // A reset wakes a sleeping device by itself, but does not restore the registers that it
        // forgets. If it cannot be woken, the reset fails and says so.
        let _ = self.set_power_state(PowerState::D0);
    }
}
