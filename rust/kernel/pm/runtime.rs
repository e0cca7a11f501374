// SPDX-License-Identifier: GPL-2.0-only

//! Runtime power management: a device sleeps while nobody uses it.
//!
//! The kernel counts users. [`RuntimeRef`] is one of them: the device is awake while it exists;
//! [`Awake`] is the same for the length of a call.
//! A driver is born with one use that the driver core took for it; [`Idle`] gives that one up, so
//! that the device sleeps between real uses, and takes it back when the driver lets go. [`LentUse`]
//! does the same with a use that somebody goes on to have, for as long as they do not need it.
//!
//! C header: [`include/linux/pm_runtime.h`](srctree/include/linux/pm_runtime.h)

use crate::bindings;
#[cfg(not(CONFIG_PM))]
use kernel::error::to_result;
use kernel::{
    device::Device,
    prelude::*,
    sync::aref::ARef, //
};

/// Returns the C device behind `dev`.
fn raw(dev: &Device) -> *mut bindings::device {
    // CAST: `Device` is a transparent wrapper of `struct device`.
    core::ptr::from_ref(dev)
        .cast::<bindings::device>()
        .cast_mut()
}

/// Takes one use of a device and wakes it: `pm_runtime_resume_and_get` of C, without the detour through a C
/// function, as this is done for each access to a device.
///
/// # Errors
///
/// Those of [`RuntimeRef::resume`]; the use is given back then.
///
/// # Safety
///
/// The device is live, and the caller may sleep.
#[inline]
unsafe fn take_use(dev: *mut bindings::device) -> Result {
    #[cfg(CONFIG_PM)]
    {
        // SAFETY: As the caller promises. CAST: A small constant.
        let result = unsafe { bindings::__pm_runtime_resume(dev, bindings::RPM_GET_PUT as c_int) };
        if result >= 0 {
            return Ok(());
        }
        // SAFETY: The device is live; the use was taken just above.
        unsafe { bindings::vfio_helper_pm_runtime_put_noidle(dev) };
        Err(Error::from_errno(result))
    }
    #[cfg(not(CONFIG_PM))]
    // SAFETY: As the caller promises.
    to_result(unsafe { bindings::vfio_helper_pm_runtime_resume_and_get(dev) })
}

/// Gives back one use of a device: `pm_runtime_put` of C.
///
/// # Safety
///
/// The device is live, and one use of it is the caller's, who gives it up.
#[inline]
unsafe fn give_use(dev: *mut bindings::device) {
    #[cfg(CONFIG_PM)]
    {
        // CAST: Small constants.
        let flags = (bindings::RPM_GET_PUT | bindings::RPM_ASYNC) as c_int;
        // SAFETY: As the caller promises. What it returns does not matter: the device may be in use.
        unsafe { bindings::__pm_runtime_idle(dev, flags) };
    }
    #[cfg(not(CONFIG_PM))]
    // SAFETY: As the caller promises.
    unsafe {
        bindings::vfio_helper_pm_runtime_put(dev)
    };
}

/// Keeps a device awake.
///
/// # Invariants
///
/// This value owns one use of the device, taken when it was made.
#[must_use = "the device may fall asleep as soon as this is dropped"]
pub struct RuntimeRef(ARef<Device>);

impl RuntimeRef {
    /// Wakes the device if it sleeps and keeps it awake.
    ///
    /// May sleep while the device wakes up.
    ///
    /// # Errors
    ///
    /// What the bus or the device's driver reported, or `EACCES` where runtime power management is
    /// switched off for a device that is not awake.
    pub fn resume(dev: &Device) -> Result<Self> {
        // SAFETY: `dev` is a live device by its own invariant; the call sleeps, which every caller
        // outside atomic context may do.
        unsafe { take_use(raw(dev)) }?;
        // INVARIANT: The successful call took one use, and gives back what it took on failure.
        Ok(Self(dev.into()))
    }
}

impl Drop for RuntimeRef {
    fn drop(&mut self) {
        // SAFETY: The device is live because `self.0` counts as a reference to it, and the use
        // given back here belongs to this value by the type invariant.
        unsafe { give_use(raw(&self.0)) };
    }
}

/// Keeps a device awake that somebody else keeps from going away.
///
/// # Invariants
///
/// This value owns one use of the device, taken when it was made.
#[must_use = "the device may fall asleep as soon as this is dropped"]
pub struct Awake<'a>(&'a Device);

impl<'a> Awake<'a> {
    /// Wakes the device if it sleeps and keeps it awake.
    ///
    /// # Errors
    ///
    /// Those of [`RuntimeRef::resume`].
    #[inline]
    pub fn resume(dev: &'a Device) -> Result<Self> {
        // SAFETY: As in `RuntimeRef::resume`.
        unsafe { take_use(raw(dev)) }?;
        // INVARIANT: The successful call took one use, and gives back what it took on failure.
        Ok(Self(dev))
    }
}

impl Drop for Awake<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: The device is borrowed, so it is live, and the use given back here belongs to this
        // value by the type invariant.
        unsafe { give_use(raw(self.0)) };
    }
}

/// A use of a device that its owner gave up for the time being.
///
/// # Invariants
///
/// One use of the device was given up when this was made.
#[must_use = "the use is taken back as soon as this is dropped"]
pub struct LentUse(ARef<Device>);

impl LentUse {
    /// Gives up one use of `dev`, which belongs to the caller and stays unused until this is dropped.
    ///
    /// The device does not fall asleep by this, but when the next use ends.
    pub fn new(dev: &Device) -> Self {
        // SAFETY: `dev` is a live device. An unbalanced count keeps hardware awake or lets it
        // sleep early; it does not touch memory, and does not go below zero.
        unsafe { bindings::vfio_helper_pm_runtime_put_noidle(raw(dev)) };
        // INVARIANT: Given up just above.
        Self(dev.into())
    }
}

impl Drop for LentUse {
    /// Takes the use back, without waking the device.
    fn drop(&mut self) {
        // SAFETY: The device is live because `self.0` counts as a reference to it; the call only
        // counts, and takes back what was given up by the type invariant.
        unsafe { bindings::vfio_helper_pm_runtime_get_noresume(raw(&self.0)) };
    }
}

/// Lets a bound device sleep while it has no other user.
///
/// # Invariants
///
/// Runtime suspend was allowed for the device, and the use that the driver core took before
/// `probe` was given up if `sleeps` is set.
#[must_use = "the device is kept awake again as soon as this is dropped"]
pub struct Idle {
    dev: ARef<Device>,
    sleeps: bool,
}

impl Idle {
    /// Allows runtime suspend, and, if `sleeps`, gives up the use that belongs to the driver.
    ///
    /// To be made at most once at a time per bound device, by its driver; a second one would give
    /// up a use that is not the driver's, after which the device may sleep too early.
    pub fn new(dev: &Device, sleeps: bool) -> Self {
        // SAFETY: `dev` is a live device.
        unsafe { bindings::pm_runtime_allow(raw(dev)) };
        if sleeps {
            // SAFETY: `dev` is a live device. An unbalanced count keeps hardware awake or lets it
            // sleep early; it does not touch memory.
            unsafe { bindings::vfio_helper_pm_runtime_put(raw(dev)) };
        }
        // INVARIANT: Both were done just above.
        Self {
            dev: dev.into(),
            sleeps,
        }
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        if self.sleeps {
            // SAFETY: `self.dev` is live; this takes back the use given up in `new`.
            unsafe { bindings::vfio_helper_pm_runtime_get_noresume(raw(&self.dev)) };
        }
        // SAFETY: `self.dev` is live; this undoes the permission given in `new`.
        unsafe { bindings::pm_runtime_forbid(raw(&self.dev)) };
    }
}
