// SPDX-License-Identifier: GPL-2.0-only

//! What was mapped by a descriptor for DMA, and where it may map more.

use super::super::{
    calls::UnmapCall,
    iommu::Iommu,
    iova::IovaRange,
    request::UnmapTarget, //
};
use kernel::{
    error::code::ERANGE,
    prelude::*,
    sync::Arc, //
};
use kernel_ext::{
    iommu::{
        Cut,
        Lane, //
    },
    refuse, //
};
use vfio::iommu_driver::DmaGrant;

/// The mappings of a part. Dropping it ends them.
pub(super) struct Own {
    pub(super) range: IovaRange,
    pub(super) lane: Lane,
    pub(super) iommu: Arc<Iommu>,
}

impl Own {
    /// Returns none yet.
    ///
    /// Fails with `EINVAL` for a range without addresses, with `EPERM` if only another process may
    /// map, with `EMFILE` if there are 255 parts, and with `ENOMEM`.
    pub(super) fn new(iommu: &Arc<Iommu>, grant: &DmaGrant) -> Result<Self> {
        let range = IovaRange::new(grant.first, grant.last).ok_or(EINVAL)?;
        let limit = usize::try_from(grant.entries).unwrap_or(usize::MAX);
        // While this exists, nobody else becomes the only one who may map.
        let _users = iommu.space.users();
        iommu.tie.check_caller()?;
        Ok(Self {
            range,
            lane: Lane::new(&iommu.space, limit)?,
            iommu: iommu.clone(),
        })
    }

    /// Returns whether there is no mapping.
    pub(super) fn is_empty(&self) -> bool {
        self.lane.count().0 == 0
    }

    /// Returns how many more mappings can be made.
    pub(super) fn available(&self) -> u32 {
        let (_, left) = self.lane.count();
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        self.iommu.available().min(left)
    }

    /// Fails with `ERANGE` unless all of `range` may be used.
    pub(super) fn check_range(&self, range: IovaRange) -> Result {
        if self.range.contains(range) {
            return Ok(());
        }
        refuse!(
            "this descriptor for DMA reaches {:#x} to {:#x}, and not all of {:#x} to {:#x}\n",
            self.range.first(),
            self.range.last(),
            range.first(),
            range.last()
        );
        Err(ERANGE)
    }

    /// Unmaps what `call` means; returns how many bytes.
    ///
    /// Fails with `EINVAL` or `EOVERFLOW` for a range that makes no sense, with `ERANGE` for one that is
    /// not all of this part, and as [`Iommu::unmap_in`].
    pub(super) fn unmap(&self, call: &UnmapCall) -> Result<u64> {
        let users = self.iommu.space.users();
        let (iova, size, all) = call.which();
        let (range, cut) = match UnmapTarget::parse(iova, size, all, self.iommu.page())? {
            UnmapTarget::All => (self.range, Cut::Inside),
            UnmapTarget::Range(range) => (range, Cut::Refuse),
        };
        self.check_range(range)?;
        let which = (cut, Some(&self.lane));
        self.iommu
            .unmap_in(&users, range, which, call.action.bitmap())
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let users = self.iommu.space.users();
        let which = (Cut::Inside, Some(&self.lane));
        // This range is not refused, and nobody waits for the number of bytes.
        let _ = self.iommu.unmap_in(&users, self.range, which, None);
    }
}
