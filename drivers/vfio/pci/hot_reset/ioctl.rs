// SPDX-License-Identifier: GPL-2.0-only

//! The hot reset ioctls.
//!
//! C counterpart: `vfio_pci_ioctl_get_pci_hot_reset_info` in
//! [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c)

use core::mem::offset_of;
use kernel::{
    error::code::ERANGE,
    prelude::*, //
};
use kernel_ext::{
    iommu::Group,
    pci::HotReset,
    refuse,
    uaccess::UserArg, //
};
use vfio_uapi::{
    vfio_pci_dependent_device,
    vfio_pci_hot_reset_info, //
};

use super::header;
use crate::device::OpenPci;

const _: () = {
    assert!(header::HEADER_SIZE == offset_of!(vfio_pci_hot_reset_info, devices));
    assert!(header::ENTRY_SIZE == size_of::<vfio_pci_dependent_device>());
};

/// Handles `VFIO_DEVICE_GET_PCI_HOT_RESET_INFO`.
///
/// # Errors
///
/// `EFAULT`; `EINVAL` if `argsz` does not reach the end of `count`; `ENODEV` if there is no such
/// reset; `ENOSPC` if there is no room for the list, with `count` filled in; `ENOMEM`; `EPERM` if a
/// function has no IOMMU group; `EAGAIN` if functions were added meanwhile.
pub(crate) fn info(open: &OpenPci, arg: UserArg) -> Result {
    let mut info: vfio_pci_hot_reset_info = arg.read()?;
    let room = header::room(info.argsz).ok_or(EINVAL)?;
    let reset = open.pdev.hot_reset().ok_or(ENODEV)?;
    let count = reset.count();
    info.flags = 0;
    if count == 0 {
        // The device itself has left its bus.
        return Err(ERANGE);
    }
    if count > room {
        info.count = u32::try_from(count)?;
        arg.write(&info)?;
        return Err(ENOSPC);
    }
    let devices = list(&reset, count)?;
    let mut to = arg.at(header::HEADER_SIZE);
    for device in &devices {
        to.write(device)?;
        to = to.at(header::ENTRY_SIZE);
    }
    info.count = u32::try_from(devices.len())?;
    arg.write(&info)
}

/// Lists the functions that `reset` hits, at most `most`.
///
/// # Errors
///
/// `ENOMEM`; `EPERM` if a function has no IOMMU group; `EAGAIN` if there are more.
fn list(reset: &HotReset<'_>, most: usize) -> Result<KVec<vfio_pci_dependent_device>> {
    let mut devices = KVec::with_capacity(most, GFP_KERNEL)?;
    reset.try_for_each(&mut |function| {
        if devices.len() >= most {
            return Err(EAGAIN);
        }
        let group = Group::of(function.device()).ok_or_else(|| {
            refuse!(
                "{}: would be hit by a hot reset, but has no IOMMU group and so belongs to nobody; \
                 use VFIO_DEVICE_RESET\n",
                function.device().name()
            );
            EPERM
        })?;
        let device = vfio_pci_dependent_device::new(
            u32::try_from(group.id())?,
            function.segment(),
            function.bus(),
            function.devfn(),
        );
        Ok(devices.push(device, GFP_KERNEL)?)
    })?;
    Ok(devices)
}
