// SPDX-License-Identifier: GPL-2.0-only

//! The hot reset ioctls.
//!
//! C counterpart: `vfio_pci_ioctl_get_pci_hot_reset_info` and `vfio_pci_ioctl_pci_hot_reset` in
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
use vfio::group::GroupFiles;
use vfio_uapi::{
    vfio_pci_dependent_device,
    vfio_pci_hot_reset,
    vfio_pci_hot_reset_info, //
};

use super::{
    header,
    reset_together, //
};
use crate::device::OpenPci;

const _: () = {
    assert!(header::HEADER_SIZE == offset_of!(vfio_pci_hot_reset_info, devices));
    assert!(header::HEADER_SIZE == offset_of!(vfio_pci_hot_reset, group_fds));
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

/// Handles `VFIO_DEVICE_PCI_HOT_RESET`.
///
/// # Errors
///
/// `EFAULT`; `EINVAL` if `argsz` does not reach the end of `count`, a flag is set, or no group is
/// given; `ENODEV` if there is no such reset; `EINVAL` for more groups than devices; `EBADF` and
/// `EINVAL` for a descriptor that is not an open group; those of [`reset_together`]; `ENOMEM`.
pub(crate) fn reset(open: &OpenPci, arg: UserArg) -> Result {
    let request: vfio_pci_hot_reset = arg.read()?;
    let count = header::groups(request.argsz, request.flags, request.count).ok_or(EINVAL)?;
    let reset = open.pdev.hot_reset().ok_or_else(|| {
        refuse!(
            "{}: has no slot or bus that could be reset; use VFIO_DEVICE_RESET\n",
            open.pdev.name()
        );
        ENODEV
    })?;
    let most = reset.count();
    if count > most {
        refuse!(
            "{}: {} groups given for a hot reset of {} devices; give the group of each once\n",
            open.pdev.name(),
            count,
            most
        );
        return Err(EINVAL);
    }
    let owned = read_groups(open, arg.at(header::HEADER_SIZE), count)?;
    reset_together(open, &reset, &owned)
}

/// Reads the descriptors of `count` groups at `arg`.
///
/// # Errors
///
/// `EFAULT`; those of [`GroupFiles::add`].
fn read_groups(open: &OpenPci, mut arg: UserArg, count: usize) -> Result<GroupFiles> {
    let mut fds = KVec::with_capacity(count, GFP_KERNEL_ACCOUNT)?;
    for _ in 0..count {
        fds.push(arg.read::<i32>()?, GFP_KERNEL_ACCOUNT)?;
        arg = arg.at(size_of::<i32>());
    }
    let mut groups = GroupFiles::with_capacity(count)?;
    for &fd in &fds {
        groups.add(fd).inspect_err(|error| {
            refuse!(
                "{}: descriptor {} cannot be used for a hot reset ({:?}); give the open \
                 /dev/vfio/$GROUP of each device that would be hit\n",
                open.pdev.name(),
                fd,
                error
            );
        })?;
    }
    Ok(groups)
}
