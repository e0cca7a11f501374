// SPDX-License-Identifier: GPL-2.0-only

//! What an open file of a device is no longer good for.
//!
//! A program can give a device's file to another one that it trusts less. Before it does, it gives up
//! what the other one has no business with, by `VFIO_DEVICE_FEATURE_RESTRICT`. That is kept here, once
//! for each open file, and is looked at before the device hears of a call. The core knows the calls
//! that every device has; for the others the device says what they are a use of, see
//! [`OpenDevice::ioctl_uses`] and its like.
//!
//! There is no counterpart in C, where whoever has the file may do everything.

use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    }, //
};
use kernel_ext::refuse;
use vfio_uapi::{
    ioctl,
    vfio_device_feature_restrict,
    FeatureFlags,
    Restrictions, //
};

use super::{
    Device,
    OpenDevice, //
};
use crate::feature::{
    FeatureOp,
    FeatureRequest, //
};

/// Bytes of the feature's data.
const SIZE: usize = size_of::<vfio_device_feature_restrict>();

/// What an open file is no longer good for; it only ever grows.
pub(super) struct Restricted(Atomic<u32>);

impl Restricted {
    /// Returns that of a fresh file, which is good for everything.
    pub(super) fn nothing() -> Self {
        Self(Atomic::new(0))
    }

    fn mask(&self) -> Restrictions {
        Restrictions::from_bits_truncate(self.0.load(Relaxed))
    }

    fn add(&self, more: Restrictions) {
        let mut before = self.0.load(Relaxed);
        while let Err(now) = self.0.cmpxchg(before, before | more.bits(), Relaxed) {
            before = now;
        }
    }

    /// Checks an ioctl of `open`, which is `device`.
    ///
    /// # Errors
    ///
    /// `EPERM` if the file is not good for it.
    pub(super) fn check_ioctl(&self, device: &Device, open: &dyn OpenDevice, cmd: u32) -> Result {
        self.check(device, || match cmd {
            ioctl::DEVICE_SET_IRQS => Restrictions::IRQ,
            ioctl::DEVICE_RESET => Restrictions::RESET,
            _ => open.ioctl_uses(cmd),
        })
    }

    /// Checks a write at file offset `pos`.
    ///
    /// # Errors
    ///
    /// `EPERM` if the file is not good for it.
    pub(super) fn check_write(&self, device: &Device, open: &dyn OpenDevice, pos: u64) -> Result {
        self.check(device, || open.write_uses(pos))
    }

    /// Checks a new mapping.
    ///
    /// # Errors
    ///
    /// `EPERM` if the file is not good for it.
    pub(super) fn check_mmap(&self, device: &Device) -> Result {
        self.check(device, || Restrictions::MMAP)
    }

    /// Checks that a feature may be read or set as `request` wants.
    ///
    /// # Errors
    ///
    /// `EPERM` if the file is not good for it.
    pub(super) fn check_feature(
        &self,
        device: &Device,
        open: &dyn OpenDevice,
        request: &FeatureRequest,
    ) -> Result {
        self.check(device, || match request.op {
            FeatureOp::Get => open.feature_uses(request.index),
            FeatureOp::Set => Restrictions::FEATURE_SET | open.feature_uses(request.index),
            FeatureOp::None | FeatureOp::Probe { .. } => Restrictions::empty(),
        })
    }

    /// Checks that the file is still good for all that `uses` says.
    // Most files never give anything up, and then one load is all.
    #[inline]
    fn check(&self, device: &Device, uses: impl FnOnce() -> Restrictions) -> Result {
        let mask = self.mask();
        if mask.is_empty() {
            return Ok(());
        }
        refuse_some(device, mask.intersection(uses()))
    }

    /// Handles `VFIO_DEVICE_FEATURE_RESTRICT`.
    ///
    /// # Errors
    ///
    /// Those of [`FeatureRequest::check`]; `EFAULT`; `EINVAL` for an unknown bit, or if the reserved
    /// word is not 0.
    pub(super) fn feature(&self, request: &FeatureRequest) -> Result {
        let both = FeatureFlags::GET | FeatureFlags::SET;
        if !request.check(both, SIZE)? {
            return Ok(());
        }
        if request.op != FeatureOp::Set {
            return request.data.write(&vfio_device_feature_restrict {
                mask: self.mask().bits(),
                reserved: 0,
            });
        }
        let raw: vfio_device_feature_restrict = request.data.read()?;
        let more = Restrictions::from_bits(raw.mask).ok_or(EINVAL)?;
        if raw.reserved != 0 {
            return Err(EINVAL);
        }
        self.add(more);
        Ok(())
    }
}

/// Refuses a call that `denied` stands in the way of, if anything does.
#[cold]
fn refuse_some(device: &Device, denied: Restrictions) -> Result {
    if denied.is_empty() {
        return Ok(());
    }
    refuse!(
        "{}: this descriptor is not good for {} (VFIO_DEVICE_FEATURE_RESTRICT); open the device again\n",
        device.dev().name(),
        name(denied)
    );
    Err(EPERM)
}

/// Returns what the log calls the first of `denied`.
fn name(denied: Restrictions) -> &'static str {
    let names = [
        (Restrictions::CONFIG_WRITE, "writing configuration space"),
        (Restrictions::IRQ, "setting up interrupts"),
        (Restrictions::RESET, "resets"),
        (Restrictions::MMAP, "mapping regions"),
        (Restrictions::IOEVENTFD, "ioeventfds"),
        (Restrictions::FEATURE_SET, "setting features"),
    ];
    let mut found = names.iter().filter(|(bit, _)| denied.contains(*bit));
    found.next().map_or("this", |(_, name)| name)
}
