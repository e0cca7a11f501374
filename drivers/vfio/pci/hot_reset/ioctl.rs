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
    pci::{
        Affected,
        HotReset, //
    },
    refuse,
    uaccess::UserArg, //
};
use vfio::{
    device::{
        DeviceId,
        Owned,
        Way, //
    },
    group::GroupFiles, //
};
use vfio_uapi::{
    vfio_pci_dependent_device,
    vfio_pci_hot_reset,
    vfio_pci_hot_reset_info,
    HotResetInfoFlags,
    VFIO_PCI_DEVID_NOT_OWNED,
    VFIO_PCI_DEVID_OWNED, //
};

use super::{
    header::{
        self,
        Proof, //
    },
    reset_together, //
};
use crate::device::OpenPci;

const _: () = {
    assert!(header::HEADER_SIZE == offset_of!(vfio_pci_hot_reset_info, devices));
    assert!(header::HEADER_SIZE == offset_of!(vfio_pci_hot_reset, group_fds));
    assert!(header::ENTRY_SIZE == size_of::<vfio_pci_dependent_device>());
};

/// The number of a device that does not belong to the caller's context, as the field has it.
// CAST: The header writes it as -1, and the field is unsigned.
const NOT_OWNED: u32 = VFIO_PCI_DEVID_NOT_OWNED as u32;

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
    let (devices, flags) = match open.way {
        Way::Group => (list(&reset, count, &group_id)?, HotResetInfoFlags::empty()),
        Way::Node => list_ids(open, &reset, count)?,
    };
    let mut to = arg.at(header::HEADER_SIZE);
    for device in &devices {
        to.write(device)?;
        to = to.at(header::ENTRY_SIZE);
    }
    info.count = u32::try_from(devices.len())?;
    info.flags = flags.bits();
    arg.write(&info)
}

/// Lists the functions that `reset` hits, at most `most`, each with what `id` returns for it.
///
/// # Errors
///
/// `ENOMEM`; `EAGAIN` if there are more; those of `id`.
fn list(
    reset: &HotReset<'_>,
    most: usize,
    id: &dyn Fn(&Affected<'_>) -> Result<u32>,
) -> Result<KVec<vfio_pci_dependent_device>> {
    let mut devices = KVec::with_capacity(most, GFP_KERNEL)?;
    reset.try_for_each(&mut |function| {
        if devices.len() >= most {
            return Err(EAGAIN);
        }
        let id = id(function)?;
        let at = function.address();
        // CAST: PCI segments have 16 bits; Linux gives larger numbers to made-up ones (VMD).
        let segment = at.domain as u16;
        let device = vfio_pci_dependent_device::new(id, segment, at.bus, at.devfn);
        Ok(devices.push(device, GFP_KERNEL)?)
    })?;
    Ok(devices)
}

/// Returns the number of the group of `function`.
///
/// # Errors
///
/// `EPERM` if it has none.
fn group_id(function: &Affected<'_>) -> Result<u32> {
    let group = Group::of(function.device()).ok_or_else(|| {
        refuse!(
            "{}: would be hit by a hot reset, but has no IOMMU group and so belongs to nobody; \
             use VFIO_DEVICE_RESET\n",
            function.device().name()
        );
        EPERM
    })?;
    Ok(group.number())
}

/// Lists the functions that `reset` hits, at most `most`, each with what it is to the caller's context
/// of IOMMUFD; also returns whether all are the caller's.
///
/// # Errors
///
/// `ENOMEM`; `EAGAIN` if there are more.
fn list_ids(
    open: &OpenPci,
    reset: &HotReset<'_>,
    most: usize,
) -> Result<(KVec<vfio_pci_dependent_device>, HotResetInfoFlags)> {
    let set = open.set.lock();
    let devices = list(reset, most, &|function| {
        Ok(match set.device_id(function.device(), open.pdev.device()) {
            DeviceId::Bound(id) => id,
            DeviceId::Owned => VFIO_PCI_DEVID_OWNED,
            DeviceId::Stranger => NOT_OWNED,
        })
    })?;
    let all = devices.iter().all(|device| device.id() != NOT_OWNED);
    let owned = match all {
        true => HotResetInfoFlags::DEV_ID_OWNED,
        false => HotResetInfoFlags::empty(),
    };
    Ok((devices, HotResetInfoFlags::DEV_ID | owned))
}

/// Handles `VFIO_DEVICE_PCI_HOT_RESET`.
///
/// # Errors
///
/// `EFAULT`; `EINVAL` if `argsz` does not reach the end of `count`, a flag is set, no group is given by
/// a caller that got at the device through one, or any by another; `ENODEV` if there is no such reset;
/// `EINVAL` for more groups than devices; `EBADF` and `EINVAL` for a descriptor that is not an open
/// group; those of [`reset_together`]; `ENOMEM`.
pub(crate) fn reset(open: &OpenPci, arg: UserArg) -> Result {
    let request: vfio_pci_hot_reset = arg.read()?;
    let by_node = open.way == Way::Node;
    let proof =
        header::proof(request.argsz, request.flags, request.count, by_node).ok_or(EINVAL)?;
    let reset = open.pdev.hot_reset().ok_or_else(|| {
        refuse!(
            "{}: has no slot or bus that could be reset; use VFIO_DEVICE_RESET\n",
            open.pdev.name()
        );
        ENODEV
    })?;
    let owned = match proof {
        Proof::Context => Owned::ContextOf(open.pdev.device()),
        Proof::Groups(count) => {
            let groups = arg.at(header::HEADER_SIZE);
            Owned::Groups(read_groups(open, &reset, groups, count)?)
        }
    };
    reset_together(open, &reset, &owned)
}

/// Reads the descriptors of `count` groups at `arg`.
///
/// # Errors
///
/// `EINVAL` for more groups than `reset` hits devices; `EFAULT`; those of [`GroupFiles::add`].
fn read_groups(
    open: &OpenPci,
    reset: &HotReset<'_>,
    mut arg: UserArg,
    count: usize,
) -> Result<GroupFiles> {
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
