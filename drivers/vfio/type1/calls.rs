// SPDX-License-Identifier: GPL-2.0-only

//! The arguments of the calls that map and unmap, read from user memory.
//!
//! A program makes them on its container, or on a [descriptor for DMA](super::part). Both read the
//! arguments here, once, and say what has become of them, also to whoever traces.
//!
//! C counterpart: `vfio_iommu_type1_map_dma()` and `vfio_iommu_type1_unmap_dma()` in
//! [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

use super::{
    dirty::{
        read_bitmap,
        UserBitmap,
        BITMAP, //
    },
    request::MapRequest,
    trace, //
};
use core::mem::offset_of;
use kernel::prelude::*;
use kernel_ext::uaccess::UserArg;
use vfio_uapi::{
    vfio_iommu_type1_dma_map,
    vfio_iommu_type1_dma_unmap,
    DmaMapFlags,
    DmaUnmapFlags, //
};

/// Bytes of the fixed part of `struct vfio_iommu_type1_dma_unmap`.
const UNMAP_HEAD: usize = offset_of!(vfio_iommu_type1_dma_unmap, data);

/// Reads the argument of `VFIO_IOMMU_MAP_DMA`.
///
/// Fails with `EFAULT`, with `EINVAL` for a short argument and unknown flags, and as
/// [`MapRequest::parse`] says.
pub(crate) fn read_map(arg: UserArg) -> Result<MapRequest> {
    let raw: vfio_iommu_type1_dma_map = arg.read()?;
    // CAST: 32 bits fit.
    if (raw.argsz as usize) < size_of::<vfio_iommu_type1_dma_map>() {
        return Err(EINVAL);
    }
    let flags = DmaMapFlags::from_bits(raw.flags).ok_or(EINVAL)?;
    Ok(MapRequest::parse(
        (raw.vaddr, raw.iova, raw.size),
        (
            flags.contains(DmaMapFlags::READ),
            flags.contains(DmaMapFlags::WRITE),
            flags.contains(DmaMapFlags::VADDR),
        ),
    )?)
}

/// Tells whoever traces what became of a request to map; returns that.
pub(crate) fn mapped(request: &MapRequest, result: Result) -> Result {
    trace::vfio_type1_map(|fire| {
        // CAST: `usize` has at most 64 bits.
        let (size, vaddr) = (request.size as u64, request.vaddr as u64);
        fire(request.iova.first(), size, vaddr, trace::errno(&result));
    });
    result
}

/// What `VFIO_IOMMU_UNMAP_DMA` asks for.
pub(crate) enum UnmapAction {
    /// To unmap.
    Plain,
    /// To unmap, and to say first which pages the devices may have written.
    Marking(UserBitmap),
    /// To note that the user addresses are about to change.
    InvalidateVaddr,
}

impl UnmapAction {
    /// Returns the bitmap to be written, if there is one.
    pub(crate) fn bitmap(&self) -> Option<&UserBitmap> {
        match self {
            Self::Marking(bitmap) => Some(bitmap),
            Self::Plain | Self::InvalidateVaddr => None,
        }
    }
}

/// The argument of `VFIO_IOMMU_UNMAP_DMA`.
pub(crate) struct UnmapCall {
    arg: UserArg,
    raw: vfio_iommu_type1_dma_unmap,
    pub(crate) action: UnmapAction,
    all: bool,
}

impl UnmapCall {
    /// Reads it.
    ///
    /// Fails with `EFAULT`, and with `EINVAL` for a short argument, unknown flags, flags that do not
    /// go together and a bitmap that makes no sense.
    pub(crate) fn read(arg: UserArg) -> Result<Self> {
        let raw: vfio_iommu_type1_dma_unmap = arg.read_head(UNMAP_HEAD)?;
        // CAST: 32 bits fit.
        let room = (raw.argsz as usize).checked_sub(UNMAP_HEAD).ok_or(EINVAL)?;
        let flags = DmaUnmapFlags::from_bits(raw.flags).ok_or(EINVAL)?;
        let action = if flags.contains(DmaUnmapFlags::GET_DIRTY_BITMAP) {
            if flags != DmaUnmapFlags::GET_DIRTY_BITMAP || room < BITMAP {
                return Err(EINVAL);
            }
            UnmapAction::Marking(read_bitmap(arg.at(UNMAP_HEAD), raw.size)?)
        } else if flags.contains(DmaUnmapFlags::VADDR) {
            UnmapAction::InvalidateVaddr
        } else {
            UnmapAction::Plain
        };
        Ok(Self {
            arg,
            raw,
            action,
            all: flags.contains(DmaUnmapFlags::ALL),
        })
    }

    /// Returns which mappings are meant: address, size, and whether all of them.
    pub(crate) fn which(&self) -> (u64, u64, bool) {
        (self.raw.iova, self.raw.size, self.all)
    }

    /// Tells whoever traces what became of it; returns that.
    pub(crate) fn unmapped(&self, result: Result<u64>) -> Result<u64> {
        trace::vfio_type1_unmap(|fire| {
            let (iova, size, _) = self.which();
            fire(iova, size, result.unwrap_or(0), trace::errno(&result));
        });
        result
    }

    /// Answers with the number of bytes that were meant. Fails with `EFAULT`.
    pub(crate) fn answer(mut self, bytes: u64) -> Result {
        self.raw.size = bytes;
        self.arg.write_head(&self.raw, UNMAP_HEAD)
    }
}
