// SPDX-License-Identifier: GPL-2.0-only

//! The ioctls of an open PCI device.
//!
//! This is the door: what comes from user space is checked here and turned into calls of the parts
//! that do the work, and their answers into the structs of the ABI.
//!
//! C counterpart: `vfio_pci_core_ioctl` in
//! [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c)

use core::mem::offset_of;
use kernel::prelude::*;
use kernel_ext::uaccess::UserArg;
use vfio::{
    info_cap::CapChain,
    irq_set::IrqSet, //
};
use vfio_uapi::{
    ioctl as cmd,
    vfio_device_info,
    vfio_irq_info,
    vfio_region_info,
    AtomicCompFlags,
    DeviceInfoFlags,
    RegionInfoFlags,
    Restrictions,
    VFIO_DEVICE_INFO_CAP_PCI_ATOMIC_COMP, //
};

use crate::{
    device::OpenPci,
    hot_reset,
    irq::INDEXES,
    region::{
        self,
        Region, //
    },
    reset, //
};

/// Handles one ioctl.
///
/// # Errors
///
/// `ENOTTY` for a number that PCI devices do not have, those of the ioctl.
pub(crate) fn dispatch(open: &OpenPci, number: u32, arg: UserArg) -> Result<isize> {
    match number {
        cmd::DEVICE_GET_INFO => get_info(open, arg).map(|()| 0),
        cmd::DEVICE_GET_REGION_INFO => get_region_info(open, arg).map(|()| 0),
        cmd::DEVICE_GET_IRQ_INFO => get_irq_info(open, arg).map(|()| 0),
        cmd::DEVICE_SET_IRQS => set_irqs(open, arg),
        cmd::DEVICE_IOEVENTFD => {
            let done = open.ioeventfds.handle(&open.bars, &open.gate, arg);
            done.map(|()| 0)
        }
        cmd::DEVICE_GET_PCI_HOT_RESET_INFO => hot_reset::info(open, arg).map(|()| 0),
        cmd::DEVICE_PCI_HOT_RESET => hot_reset::reset(open, arg).map(|()| 0),
        cmd::DEVICE_RESET => reset::reset_function(&open.clean, &open.gate, &open.irqs).map(|()| 0),
        _ => Err(ENOTTY),
    }
}

/// Returns what an ioctl that only PCI devices have is a use of.
pub(crate) fn uses(number: u32) -> Restrictions {
    match number {
        cmd::DEVICE_PCI_HOT_RESET => Restrictions::RESET,
        cmd::DEVICE_IOEVENTFD => Restrictions::IOEVENTFD,
        _ => Restrictions::empty(),
    }
}

/// Handles `VFIO_DEVICE_GET_INFO`.
///
/// # Errors
///
/// `EFAULT`; `EINVAL` if `argsz` does not reach `num_irqs`; `ENOMEM`.
fn get_info(open: &OpenPci, arg: UserArg) -> Result {
    const MIN: usize = offset_of!(vfio_device_info, cap_offset);

    let mut info: vfio_device_info = arg.read_head(MIN)?;
    let argsz = usize::try_from(info.argsz)?;
    if argsz < MIN {
        return Err(EINVAL);
    }
    let head = argsz.min(size_of::<vfio_device_info>());
    let mut flags = DeviceInfoFlags::PCI;
    if open.clean.resets {
        flags |= DeviceInfoFlags::RESET;
    }
    info.num_regions = region::count(open);
    info.num_irqs = INDEXES;
    let caps = info_caps(open)?;
    if !caps.is_empty() {
        flags |= DeviceInfoFlags::CAPS;
        if let Some(at) = put_caps(caps, arg, size_of::<vfio_device_info>(), &mut info.argsz)? {
            info.cap_offset = at;
        }
    }
    info.flags = flags.bits();
    arg.write_head(&info, head)
}

/// Collects the optional facts about the device.
fn info_caps(open: &OpenPci) -> Result<CapChain> {
    let mut caps = CapChain::new();
    let widths = open.pdev.atomic_completer();
    let mut flags = AtomicCompFlags::empty();
    flags.set(AtomicCompFlags::COMP32, widths.bits32);
    flags.set(AtomicCompFlags::COMP64, widths.bits64);
    flags.set(AtomicCompFlags::COMP128, widths.bits128);
    if !flags.is_empty() {
        let id = u16::try_from(VFIO_DEVICE_INFO_CAP_PCI_ATOMIC_COMP)?;
        // The struct behind the header is the flags and a reserved word.
        caps.add(id, 1, &[flags.bits(), 0])?;
    }
    Ok(caps)
}

/// Writes `caps` behind a struct of `size` bytes if there is room, and returns where.
///
/// If not, the caller learns through `argsz` how much room they need.
fn put_caps(caps: CapChain, arg: UserArg, size: usize, argsz: &mut u32) -> Result<Option<u32>> {
    let need = size.checked_add(caps.len()).ok_or(EINVAL)?;
    let need = u32::try_from(need)?;
    if *argsz < need {
        *argsz = need;
        return Ok(None);
    }
    let at = u32::try_from(size)?;
    caps.write_to(arg, at)?;
    Ok(Some(at))
}

/// Handles `VFIO_DEVICE_GET_REGION_INFO`.
///
/// # Errors
///
/// `EFAULT`; `EINVAL` if `argsz` does not reach the end of the struct or there is no such region;
/// `ENOMEM`.
fn get_region_info(open: &OpenPci, arg: UserArg) -> Result {
    let mut info: vfio_region_info = arg.read()?;
    if usize::try_from(info.argsz)? < size_of::<vfio_region_info>() {
        return Err(EINVAL);
    }
    let region = Region::new(info.index)?;
    let found = region::info(open, region)?;
    let mut flags = found.flags;
    info.offset = region::offset_of(info.index);
    info.size = found.size;
    if !found.caps.is_empty() {
        flags |= RegionInfoFlags::CAPS;
        let size = size_of::<vfio_region_info>();
        info.cap_offset = put_caps(found.caps, arg, size, &mut info.argsz)?.unwrap_or(0);
    }
    info.flags = flags.bits();
    arg.write(&info)
}

/// Handles `VFIO_DEVICE_GET_IRQ_INFO`.
///
/// # Errors
///
/// `EFAULT`; `EINVAL` if `argsz` does not reach the end of the struct or there is no such index.
fn get_irq_info(open: &OpenPci, arg: UserArg) -> Result {
    let mut info: vfio_irq_info = arg.read()?;
    if usize::try_from(info.argsz)? < size_of::<vfio_irq_info>() {
        return Err(EINVAL);
    }
    let (flags, count) = open.irqs.info(info.index)?;
    info.flags = flags.bits();
    info.count = count;
    arg.write(&info)
}

/// Handles `VFIO_DEVICE_SET_IRQS`.
///
/// Returns 0, or the number of vectors that could have been had.
///
/// # Errors
///
/// Those of [`IrqSet::parse`] and [`Irqs::set`](crate::irq::Irqs::set).
fn set_irqs(open: &OpenPci, arg: UserArg) -> Result<isize> {
    let set = IrqSet::parse(arg, INDEXES, |index| open.irqs.count(index))?;
    open.irqs.set(&set)
}
