// SPDX-License-Identifier: GPL-2.0-only

//! The regions of an open device: where each one is in the device's file, and what it offers.
//!
//! The file of a device is cut into regions of 2^40 bytes. The first six are the BARs, then come
//! the expansion ROM, configuration space and the legacy VGA ranges; more may follow for kinds of
//! devices that have something of their own.
//!
//! | part | what it does |
//! |---|---|
//! | [`bar`] | reads and writes BARs |
//! | [`rom`] | reads the expansion ROM |
//! | [`vga`] | reads and writes the legacy addresses of VGA cards |
//! | [`igd`] | reads what Intel's graphics has beside its registers |
//! | [`access`] | one read or write, word by word |
//! | [`pieces`] | cuts an access into words (knows nothing of the kernel) |
//! | [`mmap`] | maps BARs into programs |
//! | [`ioeventfd`] | writes to BARs whenever an eventfd is rung |
//! | [`trigger`] | what such a write is (knows nothing of the kernel) |
//!
//! C counterpart: `vfio_pci_rw` and `vfio_pci_ioctl_get_region_info` in
//! [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c)

mod access;
pub(crate) mod bar;
#[cfg(CONFIG_VFIO_PCI_DMABUF)]
pub(crate) mod buffers;
#[cfg(not(CONFIG_VFIO_PCI_DMABUF))]
#[path = "region/no_buffers.rs"]
pub(crate) mod buffers;
pub(crate) mod igd;
pub(crate) mod ioeventfd;
mod mmap;
mod pieces;
#[cfg(CONFIG_VFIO_PCI_DMABUF)]
mod ranges;
pub(crate) mod rom;
mod trigger;
pub(crate) mod vga;

use kernel::prelude::*;
use kernel_ext::pci::BarIndex;
use vfio::info_cap::CapChain;
use vfio_uapi::{
    RegionInfoFlags,
    VFIO_PCI_BAR0_REGION_INDEX,
    VFIO_PCI_CONFIG_REGION_INDEX,
    VFIO_PCI_NUM_REGIONS,
    VFIO_PCI_ROM_REGION_INDEX,
    VFIO_PCI_VGA_REGION_INDEX,
    VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, //
};

use crate::device::OpenPci;

/// How far the number of a region is shifted in the offset of its first byte.
const SHIFT: u32 = 40;

/// The number of regions that every device has. What only some have follows.
const COUNT: u32 = VFIO_PCI_NUM_REGIONS;

/// The number of the first BAR's region; the other BARs follow.
pub(crate) const FIRST_BAR: u32 = VFIO_PCI_BAR0_REGION_INDEX;

/// The number of the ROM's region, which follows the last BAR's.
pub(crate) const ROM: u32 = VFIO_PCI_ROM_REGION_INDEX;

/// Which region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Region {
    /// A BAR.
    Bar(BarIndex),
    /// The expansion ROM.
    Rom,
    /// Configuration space.
    Config,
    /// The legacy addresses of a VGA card; only few devices have it.
    Vga,
    /// This one of those that only a certain kind of devices has, from 0 on.
    Own(u32),
}

/// Returns the number of regions of a device.
pub(crate) fn count(open: &OpenPci) -> u32 {
    // OVERFLOW: Three at most, beside nine.
    COUNT + open.igd.count()
}

impl Region {
    /// Returns the region with this number.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is none.
    pub(crate) fn new(index: u32) -> Result<Self> {
        match index {
            VFIO_PCI_ROM_REGION_INDEX => Ok(Self::Rom),
            VFIO_PCI_CONFIG_REGION_INDEX => Ok(Self::Config),
            VFIO_PCI_VGA_REGION_INDEX => Ok(Self::Vga),
            COUNT.. => Ok(Self::Own(index - COUNT)),
            _ => BarIndex::new(index).map(Self::Bar).ok_or(EINVAL),
        }
    }
}

/// Returns the offset of the first byte of region `index` in the file.
pub(crate) const fn offset_of(index: u32) -> u64 {
    // CAST: Widening.
    (index as u64) << SHIFT
}

/// Cuts an offset in the file into the number of a region and the offset in it.
pub(crate) fn split(pos: u64) -> (u32, u64) {
    // CAST: What is left after the shift has 24 bits.
    ((pos >> SHIFT) as u32, pos & (offset_of(1) - 1))
}

/// What `VFIO_DEVICE_GET_REGION_INFO` tells about a region.
pub(crate) struct Info {
    /// Size in bytes; 0 if the device does not have it.
    pub(crate) size: u64,
    /// What can be done with it.
    pub(crate) flags: RegionInfoFlags,
    /// Optional facts.
    pub(crate) caps: CapChain,
}

impl Info {
    fn new(size: u64, flags: RegionInfoFlags) -> Self {
        Self {
            size,
            flags,
            caps: CapChain::new(),
        }
    }
}

/// Describes a region.
///
/// # Errors
///
/// `ENOMEM`; `EINVAL` for the VGA region of a device that has none, and for one of no device's own.
pub(crate) fn info(open: &OpenPci, region: Region) -> Result<Info> {
    let (pdev, bars) = (&open.pdev, &open.bars);
    let rw = RegionInfoFlags::READ | RegionInfoFlags::WRITE;
    match region {
        Region::Config => Ok(Info::new(pdev.config_size().into(), rw)),
        Region::Rom => Ok(rom::info(pdev, &open.gate)),
        Region::Vga if open.vga.is_none() => Err(EINVAL),
        Region::Vga => Ok(Info::new(vga::SIZE, rw)),
        Region::Own(number) => open.igd.info(number),
        Region::Bar(bar) => {
            let size = pdev.resource(bar).len;
            if size == 0 {
                return Ok(Info::new(0, RegionInfoFlags::empty()));
            }
            let mut info = Info::new(size, rw);
            if bars.can_map(bar) {
                info.flags |= RegionInfoFlags::MMAP;
                if bars.has_msix_table(bar) {
                    let id = u16::try_from(VFIO_REGION_INFO_CAP_MSIX_MAPPABLE)?;
                    info.caps.add_bytes(id, 1, &[])?;
                }
            }
            Ok(info)
        }
    }
}
