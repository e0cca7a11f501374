// SPDX-License-Identifier: GPL-2.0-only

//! The calls of a program on its container, decoded.
//!
//! Everything is read from user memory once and checked, here or in [`calls`](super::calls); what goes
//! on from here are types whose values make sense.
//!
//! C counterpart: `vfio_iommu_type1_ioctl()` in
//! [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

use super::{
    calls::{
        self,
        UnmapAction,
        UnmapCall, //
    },
    iommu::Iommu,
    iova::IovaRange,
    part::Part, //
};
use kernel::{
    prelude::*,
    seq_file::SeqFile,
    sync::Arc, //
};
use kernel_ext::{
    iommu::Group,
    uaccess::UserArg, //
};
use vfio::{
    feature::FeatureRequest,
    iommu_driver::{
        DmaGrant,
        DmaPart,
        GroupOptions,
        IommuInstance, //
    }, //
};
use vfio_uapi::{
    ioctl,
    vfio_dma_window,
    vfio_iommu_domain,
    VFIO_TYPE1v2_IOMMU as VFIO_TYPE1V2_IOMMU,
    VFIO_DMA_CC_IOMMU,
    VFIO_MM_TIE,
    VFIO_TYPE1_IOMMU,
    VFIO_UNMAP_ALL,
    VFIO_UPDATE_VADDR, //
};

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

/// One container's use of this backend, as the core sees it.
pub(crate) struct Instance(pub(crate) Arc<Iommu>);

impl IommuInstance for Instance {
    fn check_extension(&self, extension: u64) -> isize {
        check_extension(Some(&self.0), extension)
    }

    fn ioctl(&self, cmd: u32, arg: UserArg) -> Result<isize> {
        let iommu = &self.0;
        let done = match cmd {
            ioctl::IOMMU_GET_INFO => iommu.get_info(arg, iommu.available(), IovaRange::ALL),
            ioctl::IOMMU_MAP_DMA => iommu.map_dma(arg),
            ioctl::IOMMU_UNMAP_DMA => iommu.unmap_dma(arg),
            ioctl::IOMMU_DIRTY_PAGES => iommu.dirty_pages(arg),
            _ => Err(ENOTTY),
        };
        done.map(|()| 0)
    }

    fn attach_group(&self, group: &Group, options: &GroupOptions) -> Result {
        self.0.attach(group, options)
    }

    fn detach_group(&self, group: &Group) {
        self.0.detach(group);
    }

    fn feature(&self, request: &FeatureRequest) -> Result {
        self.0.feature(request)
    }

    fn windows(&self) -> Result<KVec<vfio_dma_window>> {
        self.0.windows(IovaRange::ALL)
    }

    fn domains(&self) -> Result<KVec<vfio_iommu_domain>> {
        self.0.domains()
    }

    fn dma_part(&self, grant: &DmaGrant) -> Result<Arc<dyn DmaPart>> {
        let part: Arc<dyn DmaPart> = Part::new(&self.0, grant)?;
        Ok(part)
    }

    fn show(&self, m: &SeqFile) {
        self.0.show(m);
    }
}

impl Iommu {
    /// Answers `VFIO_IOMMU_MAP_DMA`.
    fn map_dma(&self, arg: UserArg) -> Result {
        let request = calls::read_map(arg)?;
        calls::mapped(&request, self.map(&request))
    }

    /// Answers `VFIO_IOMMU_UNMAP_DMA`; the size field becomes the number of bytes unmapped.
    fn unmap_dma(&self, arg: UserArg) -> Result {
        let call = UnmapCall::read(arg)?;
        let bytes = match call.action {
            UnmapAction::InvalidateVaddr => self.invalidate_vaddr(call.which()),
            _ => call.unmapped(self.unmap(call.which(), call.action.bitmap())),
        }?;
        call.answer(bytes)
    }
}
