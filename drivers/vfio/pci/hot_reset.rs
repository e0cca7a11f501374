// SPDX-License-Identifier: GPL-2.0-only

//! Resets of a whole slot or bus.
//!
//! Many devices cannot be reset alone, but together with whatever else is in their slot or on their
//! bus. A program first asks what such a reset would hit, see [`info`], and gets hold of the groups
//! of all of it. Then it may ask for the reset, see [`reset`]. Programs that have one of the devices
//! mapped do not notice: the mappings are taken away before and come back as they are touched.
//!
//! When the last of the devices that share a slot or bus is closed, and one of them could not be reset
//! alone, all of them are reset together, see [`reset_unused`].
//!
//! Lock order: the device set → the memory gates of its open devices, which are only tried → the
//! PCI core's locks.
//!
//! C counterpart: `vfio_pci_dev_set_hot_reset` and `vfio_pci_dev_set_try_reset` in
//! [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c)

mod header;
mod ioctl;

use kernel::{
    dev_warn,
    prelude::*, //
};
use kernel_ext::{
    pci::{
        Affected,
        Device,
        HotReset,
        PowerState, //
    },
    refuse, //
};
use vfio::device::{
    HeldDevice,
    LockedSet,
    Owned, //
};

use crate::{
    device::OpenPci,
    memory::Zapped, //
};

pub(crate) use self::ioctl::{
    info,
    reset, //
};

/// Resets all that `reset` hits, if it is among what is `owned`.
///
/// # Errors
///
/// `EINVAL` if a function is not bound to a VFIO driver or somebody else's; `EBUSY` if a
/// device is just being accessed; `EAGAIN` if somebody else has one locked; `ENOMEM`; others from
/// waking the devices and from the reset itself, such as `ENOTTY`.
fn reset_together(open: &OpenPci, reset: &HotReset<'_>, owned: &Owned<'_>) -> Result {
    let set = open.set.lock();
    find_outsider(&set, reset, &|function| {
        refuse!(
            "{}: would be reset as well, but is not bound to vfio-pci; bind it first\n",
            function.device().name()
        );
    })?;
    let _awake = set.wake()?;
    let mut held = set.hold(owned)?;
    held.power_up();
    let result = reset.reset();
    drop(held);
    set.hot_reset_ended(result);
    result.inspect_err(|error| {
        refuse!(
            "{}: not reset with its slot or bus: {:?} (EAGAIN: one of the devices is on its way to \
             or from a driver; try again)\n",
            open.pdev.name(),
            error
        );
    })
}

/// Resets all that shares the slot or bus of `pdev`, which was just closed, if that removes traces of
/// a use and disturbs nobody.
pub(crate) fn reset_unused(pdev: &Device, set: &LockedSet<'_>) {
    if set.is_open() || !set.has_traces() {
        return;
    }
    let Some(reset) = pdev.hot_reset() else {
        return;
    };
    if find_outsider(set, &reset, &|_| ()).is_err() {
        return;
    }
    let Ok(_awake) = set.wake() else {
        return;
    };
    match reset.reset() {
        Ok(()) => set.was_reset(),
        Err(error) => dev_warn!(
            pdev.device(),
            "not reset after use with its slot or bus: {:?}\n",
            error
        ),
    }
}

/// Fails if `reset` hits a function that is not in the set, and `tell`s which.
///
/// # Errors
///
/// `EINVAL`.
fn find_outsider(
    set: &LockedSet<'_>,
    reset: &HotReset<'_>,
    tell: &dyn Fn(&Affected<'_>),
) -> Result {
    reset.try_for_each(&mut |function| {
        if set.has(function.device()) {
            return Ok(());
        }
        tell(function);
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
