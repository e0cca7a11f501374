// SPDX-License-Identifier: GPL-2.0-only

//! The optional features of an open PCI device, `VFIO_DEVICE_FEATURE`.
//!
//! The door for those: [`FeatureRequest`] has checked the header, here is checked what each feature
//! can do and what comes with it.
//!
//! C counterpart: `vfio_pci_core_ioctl_feature` in
//! [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c)

use kernel::prelude::*;
use kernel_ext::eventfd::EventFdCtx;
use vfio::feature::FeatureRequest;
use vfio_uapi::{
    vfio_device_low_power_entry_with_wakeup,
    FeatureFlags,
    Restrictions,
    VFIO_DEVICE_FEATURE_DMA_BUF,
    VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY,
    VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP,
    VFIO_DEVICE_FEATURE_LOW_POWER_EXIT,
    VFIO_DEVICE_FEATURE_PCI_VF_TOKEN, //
};

#[cfg(CONFIG_VFIO_PCI_DMABUF)]
use crate::region;
use crate::{
    device::OpenPci,
    token::Token, //
};

/// Handles one request.
///
/// # Errors
///
/// `ENOTTY` for a feature that PCI devices do not have, those of the feature.
pub(crate) fn dispatch(open: &OpenPci, request: &FeatureRequest) -> Result<isize> {
    let done = match request.index {
        VFIO_DEVICE_FEATURE_PCI_VF_TOKEN => set_token(open, request),
        VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY => enter_low_power(open, request),
        VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP => await_wakeup(open, request),
        VFIO_DEVICE_FEATURE_LOW_POWER_EXIT => leave_low_power(open, request),
        #[cfg(CONFIG_VFIO_PCI_DMABUF)]
        VFIO_DEVICE_FEATURE_DMA_BUF => return region::buffers::export(open, request),
        _ => Err(ENOTTY),
    };
    done.map(|()| 0)
}

/// Returns what a feature is a use of: a DMA-BUF is a mapping, for another device.
pub(crate) fn uses(index: u32) -> Restrictions {
    match index {
        VFIO_DEVICE_FEATURE_DMA_BUF => Restrictions::MMAP,
        _ => Restrictions::empty(),
    }
}

/// Handles `VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY`.
///
/// # Errors
///
/// `EINVAL` to read it, or if the device is in low power already.
fn enter_low_power(open: &OpenPci, request: &FeatureRequest) -> Result {
    if request.check(FeatureFlags::SET, 0)? {
        open.gate.enter_low_power(None)?;
    }
    Ok(())
}

/// Handles `VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP`.
///
/// # Errors
///
/// As above; `EFAULT`; `EINVAL` for less data than the struct, a negative descriptor, or one that is
/// no eventfd; `EBADF` for one that is not open.
fn await_wakeup(open: &OpenPci, request: &FeatureRequest) -> Result {
    let size = size_of::<vfio_device_low_power_entry_with_wakeup>();
    if !request.check(FeatureFlags::SET, size)? {
        return Ok(());
    }
    let entry: vfio_device_low_power_entry_with_wakeup = request.data.read()?;
    if entry.wakeup_eventfd < 0 {
        return Err(EINVAL);
    }
    let wakeup = EventFdCtx::from_fd(entry.wakeup_eventfd)?;
    open.gate.enter_low_power(Some(wakeup))
}

/// Handles `VFIO_DEVICE_FEATURE_LOW_POWER_EXIT`.
///
/// The device is awake, as in every ioctl, so if somebody waited for that, low power has ended
/// already.
///
/// # Errors
///
/// `EINVAL` to read it.
fn leave_low_power(open: &OpenPci, request: &FeatureRequest) -> Result {
    if request.check(FeatureFlags::SET, 0)? {
        open.gate.exclusive().leave_low_power();
    }
    Ok(())
}

/// Changes the token that the users of a physical function and its virtual functions share.
///
/// It cannot be read, as it may be that of the last user.
///
/// # Errors
///
/// `ENOTTY` if the device is not a physical function; `EINVAL` to read, or with less than 16 bytes;
/// `EFAULT`.
fn set_token(open: &OpenPci, request: &FeatureRequest) -> Result {
    let trust = open.trust.as_ref().ok_or(ENOTTY)?;
    if request.check(FeatureFlags::SET, size_of::<[u8; 16]>())? {
        trust.set(Token(request.data.read()?));
    }
    Ok(())
}
