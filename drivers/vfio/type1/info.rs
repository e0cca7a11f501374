// SPDX-License-Identifier: GPL-2.0-only

//! `VFIO_IOMMU_GET_INFO`: page sizes, and a chain of facts for programs that have room for it.
//!
//! The order of the links is part of what programs see: migration, free mappings, usable
//! addresses.
//!
//! C counterpart: `vfio_iommu_type1_get_info()` in
//! [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

use super::{
    bitmap,
    iommu::{
        Iommu,
        State, //
    },
    iova::IovaRange, //
};
use core::mem::offset_of;
use kernel::prelude::*;
use kernel_ext::uaccess::UserArg;
use vfio::info_cap::CapChain;
use vfio_uapi::{
    padded::IommuCapMigrationBody,
    vfio_iommu_type1_info,
    IommuInfoFlags,
    VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
    VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION,
    VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, //
};

/// Bytes that every caller provides: up to and with the page sizes.
const HEAD: usize = offset_of!(vfio_iommu_type1_info, cap_offset);

/// Bytes of the whole struct; the chain follows.
const SIZE: usize = size_of::<vfio_iommu_type1_info>();

impl Iommu {
    /// Answers `VFIO_IOMMU_GET_INFO`, for somebody who can make `available` more mappings and use
    /// addresses `within` a range.
    ///
    /// Fails with `EFAULT`, with `EINVAL` for a buffer shorter than the fixed part, and with
    /// `ENOMEM`. A buffer too short for the chain is no error: `argsz` says what it needs.
    pub(crate) fn get_info(&self, arg: UserArg, available: u32, within: IovaRange) -> Result {
        let mut info: vfio_iommu_type1_info = arg.read_head(HEAD)?;
        // CAST: 32 bits fit.
        let room = info.argsz as usize;
        if room < HEAD {
            return Err(EINVAL);
        }
        let (page_sizes, chain) = {
            let state = self.state.lock();
            (state.page_sizes.bits(), chain(&state, available, within)?)
        };
        info.flags = (IommuInfoFlags::PGSIZES | IommuInfoFlags::CAPS).bits();
        info.iova_pgsizes = page_sizes;

        let needed = SIZE.checked_add(chain.len()).ok_or(ENOMEM)?;
        if room < needed {
            info.argsz = u32::try_from(needed)?;
        } else {
            // CAST: A small constant.
            chain.write_to(arg, SIZE as u32)?;
            info.cap_offset = SIZE as u32;
        }
        arg.write_head(&info, room.min(SIZE))
    }
}

/// Builds the chain.
fn chain(state: &State, available: u32, within: IovaRange) -> Result<CapChain> {
    let mut chain = CapChain::new();
    let migration = IommuCapMigrationBody {
        pgsize_bitmap: state.page_sizes.smallest(),
        max_dirty_bitmap_size: bitmap::MAX_BYTES,
        ..Default::default()
    };
    // CAST: The ids are small constants.
    chain.add(VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION as u16, 1, &migration)?;
    chain.add(VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL as u16, 1, &available)?;
    if state.usable_within(within).next().is_some() {
        chain.add_bytes(
            VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE as u16,
            1,
            &usable_addresses(state, within)?,
        )?;
    }
    Ok(chain)
}

/// Returns what follows the header of the link with the usable addresses.
fn usable_addresses(state: &State, within: IovaRange) -> Result<KVec<u8>> {
    let mut body = KVec::new();
    let count = u32::try_from(state.usable_within(within).count())?;
    body.extend_from_slice(&count.to_ne_bytes(), GFP_KERNEL)?;
    body.extend_from_slice(&0u32.to_ne_bytes(), GFP_KERNEL)?;
    for range in state.usable_within(within) {
        body.extend_from_slice(&range.first().to_ne_bytes(), GFP_KERNEL)?;
        body.extend_from_slice(&range.last().to_ne_bytes(), GFP_KERNEL)?;
    }
    Ok(body)
}
