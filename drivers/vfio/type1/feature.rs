// SPDX-License-Identifier: GPL-2.0-only

//! `VFIO_IOMMU_FEATURE`: what a container can do beyond Linux.
//!
//! Two features are this backend's, both about the [tie](super::tie) between mappings and their
//! owners.

use super::iommu::Iommu;
use kernel::prelude::*;
use kernel_ext::{
    eventfd::EventFdCtx,
    iommu::{
        Reason,
        Stale, //
    },
    uaccess::UserArg, //
};
use vfio::feature::{
    FeatureOp,
    FeatureRequest, //
};
use vfio_uapi::{
    vfio_iommu_feature_mm_bind,
    vfio_iommu_feature_mm_stale,
    vfio_iommu_mm_stale,
    FeatureFlags,
    MmBind,
    VFIO_IOMMU_FEATURE_MM_BIND,
    VFIO_IOMMU_FEATURE_MM_STALE,
    VFIO_MM_STALE_DISCARD,
    VFIO_MM_STALE_EXIT,
    VFIO_MM_STALE_REMAP,
    VFIO_MM_STALE_UNMAP, //
};

/// Bytes of what says how mappings are tied.
const BIND: usize = size_of::<vfio_iommu_feature_mm_bind>();

/// Bytes in front of the list of stale ranges.
const STALE: usize = size_of::<vfio_iommu_feature_mm_stale>();

impl Iommu {
    /// Handles a feature that only this backend has.
    ///
    /// Fails with `ENOTTY` for an unknown one, with `EINVAL` for a short argument and a direction
    /// that the feature lacks, and as the feature does.
    pub(crate) fn feature(&self, request: &FeatureRequest) -> Result {
        let both = FeatureFlags::GET.union(FeatureFlags::SET);
        match request.index {
            VFIO_IOMMU_FEATURE_MM_BIND => match (request.check(both, BIND)?, request.op) {
                (false, _) => Ok(()),
                (true, FeatureOp::Set) => self.set_mm_bind(request.data),
                (true, _) => self.get_mm_bind(request.data),
            },
            VFIO_IOMMU_FEATURE_MM_STALE => match request.check(FeatureFlags::GET, STALE)? {
                false => Ok(()),
                true => self.get_mm_stale(request),
            },
            _ => Err(ENOTTY),
        }
    }

    fn get_mm_bind(&self, data: UserArg) -> Result {
        data.write(&vfio_iommu_feature_mm_bind {
            mode: self.tie.mode().bits(),
            eventfd: if self.tie.has_bell() { 0 } else { -1 },
        })
    }

    /// Sets how mappings are tied.
    ///
    /// Fails with `EPERM` if only another process may map, and with `EBUSY` while something is
    /// mapped.
    fn set_mm_bind(&self, data: UserArg) -> Result {
        self.tie.check_caller()?;
        let raw: vfio_iommu_feature_mm_bind = data.read()?;
        let mode = MmBind::from_bits(raw.mode).ok_or(EINVAL)?;
        let bell = match raw.eventfd {
            -1 => None,
            fd => Some(EventFdCtx::from_fd(fd)?),
        };
        self.tie.bind(mode, bell)
    }

    /// Lists what was taken from the devices.
    ///
    /// Fails with `ENOSPC` if there is not room for all of it, and says how much it takes.
    fn get_mm_stale(&self, request: &FeatureRequest) -> Result {
        let room = request.list_room::<vfio_iommu_feature_mm_stale, vfio_iommu_mm_stale>();
        self.tie.settle();
        let mut list = KVec::new();
        loop {
            let count = self.space.count_stale();
            if count > room {
                return request.refuse_list::<_, vfio_iommu_mm_stale>(&stale_head(count)?, count);
            }
            list.reserve(count, GFP_KERNEL)?;
            if self.space.list_stale(&mut list) {
                break;
            }
            // There have come more; look again.
        }
        request.write_list(&stale_head(list.len())?, list.iter().map(stale_entry))?;
        self.space.note_told(&list);
        Ok(())
    }
}

fn stale_head(count: usize) -> Result<vfio_iommu_feature_mm_stale> {
    Ok(vfio_iommu_feature_mm_stale {
        count: u32::try_from(count).map_err(|_| ENOMEM)?,
        // CAST: A small constant.
        entry_size: size_of::<vfio_iommu_mm_stale>() as u32,
        ..Default::default()
    })
}

fn stale_entry(stale: &Stale) -> vfio_iommu_mm_stale {
    vfio_iommu_mm_stale {
        iova: stale.first,
        size: stale.len,
        reason: match stale.reason {
            Reason::Unmap => VFIO_MM_STALE_UNMAP,
            Reason::Discard => VFIO_MM_STALE_DISCARD,
            Reason::Remap => VFIO_MM_STALE_REMAP,
            Reason::Exit => VFIO_MM_STALE_EXIT,
        },
        reserved: 0,
    }
}
