// SPDX-License-Identifier: GPL-2.0-only

//! Waking a device for what its user asks of it.
//!
//! An open device may be asleep: its user can allow that between calls. So each call wakes it first
//! and keeps it awake until it is done. Waking may call back into the bus driver, which takes locks
//! of the device there; none of them may be held by whoever wakes.
//!
//! C counterpart: `vfio_device_pm_runtime_get` in
//! [`drivers/vfio/vfio_main.c`](srctree/drivers/vfio/vfio_main.c)

use kernel::{
    device,
    prelude::*, //
};
use kernel_ext::{
    pm::runtime::Awake,
    refuse, //
};

/// Wakes `dev` if it sleeps, and keeps it awake until the result is dropped.
///
/// # Errors
///
/// `EIO` if it cannot be woken.
#[inline]
pub fn wake_for_user(dev: &device::Device) -> Result<Awake<'_>> {
    Awake::resume(dev).map_err(|error| cannot_wake(dev, error))
}

/// Says why a device stays asleep, and returns the errno for it.
#[cold]
fn cannot_wake(dev: &device::Device, error: Error) -> Error {
    refuse!("{}: cannot be woken up: {:?}\n", dev.name(), error);
    EIO
}
