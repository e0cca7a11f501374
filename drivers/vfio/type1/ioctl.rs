// SPDX-License-Identifier: GPL-2.0-only

//! The calls of a program on its container, decoded.
//!
//! Everything is read from user memory once and checked here; what goes on from here are types
//! whose values make sense.
//!
//! C counterpart: `vfio_iommu_type1_ioctl()` in
//! [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

use super::{
    dirty::{
        read_bitmap,
        UserBitmap,
        BITMAP, //
    },
    iommu::Iommu,
    request::MapRequest,
    trace, //
};
use core::mem::offset_of;
use kernel::{
    prelude::*,
    seq_file::SeqFile, //
};
use kernel_ext::{
    iommu::Group,
    uaccess::UserArg, //
};
use vfio::{
    feature::FeatureRequest,
    iommu_driver::IommuInstance, //
};
use vfio_uapi::{
    ioctl,
    vfio_dma_window,
    vfio_iommu_domain,
    vfio_iommu_type1_dma_map,
    vfio_iommu_type1_dma_unmap,
    DmaMapFlags,
    DmaUnmapFlags,
    VFIO_TYPE1v2_IOMMU as VFIO_TYPE1V2_IOMMU,
    VFIO_DMA_CC_IOMMU,
    VFIO_MM_TIE,
    VFIO_TYPE1_IOMMU,
    VFIO_UNMAP_ALL,
    VFIO_UPDATE_VADDR, //
};

/// Bytes of the fixed part of `struct vfio_iommu_type1_dma_unmap`.
const UNMAP_HEAD: usize = offset_of!(vfio_iommu_type1_dma_unmap, data);

/// Answers `VFIO_CHECK_EXTENSION`, for a container without a backend if `iommu` is [`None`].
pub(crate) fn check_extension(iommu: Option<&Iommu>, extension: u64) -> isize {
    let supported = match u32::try_from(extension) {
        Ok(VFIO_TYPE1_IOMMU | VFIO_TYPE1V2_IOMMU | VFIO_UNMAP_ALL | VFIO_MM_TIE) => true,
        Ok(VFIO_UPDATE_VADDR) => iommu.is_some(),
        Ok(VFIO_DMA_CC_IOMMU) => iommu.is_some_and(Iommu::is_coherent),
        _ => false,
    };
    isize::from(supported)
}

impl IommuInstance for Iommu {
    fn check_extension(&self, extension: u64) -> isize {
        check_extension(Some(self), extension)
    }

    fn ioctl(&self, cmd: u32, arg: UserArg) -> Result<isize> {
        match cmd {
            // CAST: `usize` has at most 64 bits.
            ioctl::CHECK_EXTENSION => Ok(check_extension(Some(self), arg.value() as u64)),
            ioctl::IOMMU_GET_INFO => self.get_info(arg),
            ioctl::IOMMU_MAP_DMA => self.map_dma(arg),
            ioctl::IOMMU_UNMAP_DMA => self.unmap_dma(arg),
            ioctl::IOMMU_DIRTY_PAGES => self.dirty_pages(arg),
            _ => Err(ENOTTY),
        }
    }

    fn attach_group(&self, group: &Group) -> Result {
        self.attach(group)
    }

    fn detach_group(&self, group: &Group) {
        self.detach(group);
    }

    fn feature(&self, request: &FeatureRequest) -> Result {
        Iommu::feature(self, request)
    }

    fn windows(&self) -> Result<KVec<vfio_dma_window>> {
        Iommu::windows(self)
    }

    fn domains(&self) -> Result<KVec<vfio_iommu_domain>> {
        Iommu::domains(self)
    }

    fn show(&self, m: &SeqFile) {
        Iommu::show(self, m);
    }
}

impl Iommu {
    /// Answers `VFIO_IOMMU_MAP_DMA`.
    fn map_dma(&self, arg: UserArg) -> Result<isize> {
        let raw: vfio_iommu_type1_dma_map = arg.read()?;
        // CAST: 32 bits fit.
        if (raw.argsz as usize) < size_of::<vfio_iommu_type1_dma_map>() {
            return Err(EINVAL);
        }
        let flags = DmaMapFlags::from_bits(raw.flags).ok_or(EINVAL)?;
        let request = MapRequest::parse(
            (raw.vaddr, raw.iova, raw.size),
            (
                flags.contains(DmaMapFlags::READ),
                flags.contains(DmaMapFlags::WRITE),
                flags.contains(DmaMapFlags::VADDR),
            ),
        )?;
        let result = self.map(&request);
        trace::vfio_type1_map(|fire| {
            fire(raw.iova, raw.size, raw.vaddr, trace::errno(&result));
        });
        result.map(|()| 0)
    }

    /// Answers `VFIO_IOMMU_UNMAP_DMA`; the size field becomes the number of bytes unmapped.
    fn unmap_dma(&self, arg: UserArg) -> Result<isize> {
        let mut raw: vfio_iommu_type1_dma_unmap = arg.read_head(UNMAP_HEAD)?;
        // CAST: 32 bits fit.
        let room = (raw.argsz as usize).checked_sub(UNMAP_HEAD).ok_or(EINVAL)?;
        let flags = DmaUnmapFlags::from_bits(raw.flags).ok_or(EINVAL)?;
        let all = flags.contains(DmaUnmapFlags::ALL);
        let which = (raw.iova, raw.size, all);

        raw.size = if flags.contains(DmaUnmapFlags::GET_DIRTY_BITMAP) {
            if flags != DmaUnmapFlags::GET_DIRTY_BITMAP || room < BITMAP {
                return Err(EINVAL);
            }
            let bitmap = read_bitmap(arg.at(UNMAP_HEAD), raw.size)?;
            self.unmap_traced(which, Some(&bitmap))?
        } else if flags.contains(DmaUnmapFlags::VADDR) {
            self.invalidate_vaddr(which)?
        } else {
            self.unmap_traced(which, None)?
        };
        arg.write_head(&raw, UNMAP_HEAD)?;
        Ok(0)
    }

    /// Unmaps, and tells whoever traces.
    fn unmap_traced(&self, which: (u64, u64, bool), dirty: Option<&UserBitmap>) -> Result<u64> {
        let result = self.unmap(which, dirty);
        trace::vfio_type1_unmap(|fire| {
            let (iova, size, _) = which;
            fire(iova, size, result.unwrap_or(0), trace::errno(&result));
        });
        result
    }
}
