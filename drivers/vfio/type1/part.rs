// SPDX-License-Identifier: GPL-2.0-only

//! A descriptor for DMA alone: a part of what a container can do, for somebody who is trusted less.
//!
//! A [`Part`] has rights, addresses that it keeps to, and a number of mappings. What is mapped by it
//! goes into a [`Lane`](kernel_ext::iommu::Lane) of the container's address space, so that nothing else
//! can be unmapped by it, and the container, which can unmap everything, makes room in the quota when
//! it does.
//!
//! The core drops it when the last group leaves the container, or when nobody has the descriptor any
//! more, and so ends its mappings.
//!
//! There is no counterpart in C.

mod only;
mod own;

use super::{
    calls::{
        self,
        UnmapAction,
        UnmapCall, //
    },
    dirty::DirtyCall,
    ioctl::check_extension,
    iommu::Iommu,
    iova::IovaRange,
    request::MapAction, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::{
    refuse,
    uaccess::UserArg, //
};
use vfio::{
    feature::{
        FeatureOp,
        FeatureRequest, //
    },
    iommu_driver::{
        DmaGrant,
        DmaPart, //
    }, //
};
use vfio_uapi::{
    ioctl,
    vfio_dma_window,
    vfio_iommu_feature_mm_bind,
    DmaRights,
    FeatureFlags,
    MmBind,
    VFIO_IOMMU_FEATURE_MM_BIND,
    VFIO_UPDATE_VADDR, //
};

use self::{
    only::Only,
    own::Own, //
};

/// What one descriptor for DMA is good for.
#[pin_data]
pub(crate) struct Part {
    rights: DmaRights,
    #[pin]
    only: Only,
    own: Own,
}

impl Part {
    /// Makes a part of `iommu`.
    ///
    /// Fails with `EINVAL` for a range without addresses, with `EPERM` if only another process may
    /// map, with `EMFILE` if there are 255 parts, and with `ENOMEM`.
    pub(crate) fn new(iommu: &Arc<Iommu>, grant: &DmaGrant) -> Result<Arc<Self>> {
        let own = Own::new(iommu, grant)?;
        let rights = grant.rights;
        Arc::pin_init(
            pin_init!(Self {
                rights,
                only <- Only::everybody(),
                own,
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// Fails with `EACCES` without all of `rights`.
    fn check_right(&self, rights: DmaRights) -> Result {
        if self.rights.contains(rights) {
            return Ok(());
        }
        refuse!(
            "this descriptor for DMA has only rights {:#x}, and not {:#x}\n",
            self.rights.bits(),
            rights.bits()
        );
        Err(EACCES)
    }

    /// Answers `VFIO_IOMMU_MAP_DMA`.
    fn map(&self, arg: UserArg) -> Result {
        self.check_right(DmaRights::MAP)?;
        let request = calls::read_map(arg)?;
        if request.action == MapAction::UpdateVaddr {
            return Err(EINVAL);
        }
        self.own.check_range(request.iova)?;
        let _entered = self.only.enter()?;
        let Own { lane, iommu, .. } = &self.own;
        calls::mapped(&request, iommu.map_by(Some(lane), &request))
    }

    /// Answers `VFIO_IOMMU_UNMAP_DMA`.
    fn unmap(&self, arg: UserArg) -> Result {
        self.check_right(DmaRights::UNMAP)?;
        let call = UnmapCall::read(arg)?;
        match call.action {
            UnmapAction::Plain => {}
            UnmapAction::Marking(_) => self.check_right(DmaRights::DIRTY)?,
            UnmapAction::InvalidateVaddr => return Err(EINVAL),
        }
        let _entered = self.only.enter()?;
        let bytes = call.unmapped(self.own.unmap(&call))?;
        call.answer(bytes)
    }

    /// Answers `VFIO_IOMMU_DIRTY_PAGES`, which starts and stops nothing here.
    fn dirty_pages(&self, arg: UserArg) -> Result {
        self.check_right(DmaRights::DIRTY)?;
        let iommu = &self.own.iommu;
        match iommu.read_dirty_pages(arg)? {
            DirtyCall::Start | DirtyCall::Stop => Err(EACCES),
            DirtyCall::Get(raw) => {
                // What wraps or is empty is refused in its own way.
                if let Some(range) = IovaRange::from_len(raw.iova, raw.size) {
                    self.own.check_range(range)?;
                }
                iommu.get_bitmap(&raw)
            }
        }
    }

    /// Answers `VFIO_IOMMU_GET_INFO`, about these addresses alone.
    fn get_info(&self, arg: UserArg) -> Result {
        self.check_right(DmaRights::INFO)?;
        let Own { range, iommu, .. } = &self.own;
        iommu.get_info(arg, self.own.available(), *range)
    }

    fn get_mm_bind(&self, data: UserArg) -> Result {
        // The container's only one does not count here.
        let mut mode = self.own.iommu.tie.mode().difference(MmBind::STRICT);
        mode.set(MmBind::STRICT, self.only.is_set());
        data.write(&vfio_iommu_feature_mm_bind {
            mode: mode.bits(),
            eventfd: -1,
        })
    }

    /// Makes the caller the only one who may map and unmap by this descriptor, or lets everybody.
    ///
    /// Fails with `EFAULT`, with `EINVAL` for what is the container's business, with `EPERM` if
    /// somebody else is the only one, and with `EBUSY` while something is mapped by it.
    fn set_mm_bind(&self, data: UserArg) -> Result {
        let raw: vfio_iommu_feature_mm_bind = data.read()?;
        let mode = MmBind::from_bits(raw.mode).ok_or(EINVAL)?;
        if raw.eventfd != -1 || !MmBind::STRICT.contains(mode) {
            return Err(EINVAL);
        }
        self.only
            .set(mode.contains(MmBind::STRICT), || self.own.is_empty())
    }
}

impl DmaPart for Part {
    fn check_extension(&self, extension: u64) -> isize {
        // That memory moves, only the container can be told.
        if extension == u64::from(VFIO_UPDATE_VADDR) {
            return 0;
        }
        check_extension(Some(&self.own.iommu), extension)
    }

    fn ioctl(&self, cmd: u32, arg: UserArg) -> Result {
        match cmd {
            ioctl::IOMMU_GET_INFO => self.get_info(arg),
            ioctl::IOMMU_MAP_DMA => self.map(arg),
            ioctl::IOMMU_UNMAP_DMA => self.unmap(arg),
            ioctl::IOMMU_DIRTY_PAGES => self.dirty_pages(arg),
            _ => Err(ENOTTY),
        }
    }

    fn feature(&self, request: &FeatureRequest) -> Result {
        const SIZE: usize = size_of::<vfio_iommu_feature_mm_bind>();
        if request.index != VFIO_IOMMU_FEATURE_MM_BIND {
            return Err(ENOTTY);
        }
        if !request.check(FeatureFlags::GET.union(FeatureFlags::SET), SIZE)? {
            return Ok(());
        }
        self.check_right(DmaRights::MAP)?;
        match request.op {
            FeatureOp::Set => self.set_mm_bind(request.data),
            _ => self.get_mm_bind(request.data),
        }
    }

    fn windows(&self) -> Result<KVec<vfio_dma_window>> {
        self.check_right(DmaRights::INFO)?;
        self.own.iommu.windows(self.own.range)
    }
}
