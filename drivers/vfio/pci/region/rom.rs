// SPDX-License-Identifier: GPL-2.0-only

//! The expansion ROM of an open device: code of the device for the firmware to run.
//!
//! It is behind a BAR of its own, or, without one, in memory, where the firmware left a copy. The
//! region is as long as the BAR is or would be; the image is often shorter.
//!
//! C counterpart: the parts about `VFIO_PCI_ROM_REGION_INDEX` in
//! [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c) and
//! [`drivers/vfio/pci/vfio_pci_rdwr.c`](srctree/drivers/vfio/pci/vfio_pci_rdwr.c)

use kernel::{
    prelude::*,
    uaccess::UserSliceWriter, //
};
use kernel_ext::pci::{
    Device,
    Rom, //
};
use vfio_uapi::RegionInfoFlags;

use super::{
    access::{
        clamp,
        Access,
        Target, //
    },
    Info, //
};
use crate::memory::MemoryGate;

/// The widest access, in bytes. Some devices answer longer ones with bus errors.
const WIDEST: usize = 4;

/// Describes the ROM, whose image has to be found valid first.
pub(super) fn info(pdev: &Device, gate: &MemoryGate) -> Info {
    let resource = pdev.rom_resource();
    let size = if resource.start != 0 {
        let _forced = gate.force();
        Rom::map(pdev).map(|_| resource.len)
    } else {
        shadow_size(pdev)
    };
    match size {
        Some(size) => Info::new(size, RegionInfoFlags::READ),
        None => Info::new(0, RegionInfoFlags::empty()),
    }
}

/// Returns the size that a BAR for the firmware's copy of the ROM would have.
fn shadow_size(pdev: &Device) -> Option<u64> {
    let len = Rom::shadow_len(pdev)?.checked_next_power_of_two()?;
    u64::try_from(len).ok()
}

/// Reads up to `count` bytes at `pos` in the ROM's region; what is behind its image reads as ones.
///
/// # Errors
///
/// `EINVAL` if there is no ROM or `pos` is behind its end, `ENOMEM` if no valid image can be
/// mapped, `EIO` if memory decoding is off or the device sleeps, `EFAULT`.
pub(crate) fn read(
    pdev: &Device,
    gate: &MemoryGate,
    to: &mut UserSliceWriter,
    count: usize,
    pos: u64,
) -> Result<usize> {
    let resource = pdev.rom_resource();
    let len = if resource.start != 0 {
        resource.len
    } else {
        shadow_size(pdev).ok_or(EINVAL)?
    };
    let (at, count) = clamp(pos, count, len)?;
    let rom = Rom::map(pdev).ok_or(ENOMEM)?;
    Access {
        closed: rom.image_len()..usize::try_from(len)?,
        target: Target::Rom(&rom),
        gate: resource.is_memory.then_some(gate),
        at,
        count,
        widest: WIDEST,
    }
    .read(to)
}
