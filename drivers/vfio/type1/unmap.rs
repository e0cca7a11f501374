// SPDX-License-Identifier: GPL-2.0-only

//! Unmapping: what a range means, and what becomes of the mappings in it.
//!
//! The two flavours of type1 differ only in how they treat a range that does not match what was
//! mapped. Version 2 refuses a range that cuts a mapping at either end. Version 1 never refuses:
//! it takes a mapping as a whole if the range covers its first byte, and stops before one that
//! starts below the range; so it may remove more than was asked for, or nothing.
//!
//! C counterpart: `vfio_dma_do_unmap()` in
//! [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

use super::{
    dirty::UserBitmap,
    iommu::{
        Flavour,
        Iommu, //
    },
    iova::IovaRange,
    request::UnmapTarget, //
};
use kernel::{
    prelude::*,
    sync::atomic::Relaxed, //
};
use kernel_ext::iommu::{
    Cut,
    Lane,
    Users, //
};

impl Iommu {
    /// Returns what to do with `target` if it cuts a mapping.
    fn cut(&self, target: UnmapTarget) -> Cut {
        match (self.flavour, target) {
            (Flavour::V2, UnmapTarget::Range(_)) => Cut::Refuse,
            (Flavour::V1, _) | (Flavour::V2, UnmapTarget::All) => Cut::Stop,
        }
    }

    /// Unmaps what `iova`, `size` and `all` of an `UNMAP_DMA` name; returns how many bytes.
    ///
    /// With `dirty`, reports first which pages the devices may have written. Fails with `EPERM` if
    /// only another process may unmap, with `EINVAL` or `EOVERFLOW` for a range that makes no
    /// sense or cuts a mapping, and with `EFAULT` if the bitmap cannot be written.
    pub(crate) fn unmap(
        &self,
        (iova, size, all): (u64, u64, bool),
        dirty: Option<&UserBitmap>,
    ) -> Result<u64> {
        self.tie.check_caller()?;
        let users = self.space.users();
        let target = UnmapTarget::parse(iova, size, all, self.page())?;
        self.unmap_in(&users, target.range(), (self.cut(target), None), dirty)
    }

    /// Unmaps the mappings in `range`, or those that were made by a lane; returns how many bytes.
    ///
    /// With `dirty`, reports first which pages the devices may have written. Fails as
    /// [`Users::unmap`], with `EINVAL` if the bitmap is not what is tracked, and with `EFAULT` if it
    /// cannot be written.
    pub(crate) fn unmap_in(
        &self,
        users: &Users<'_>,
        range: IovaRange,
        (cut, lane): (Cut, Option<&Lane>),
        dirty: Option<&UserBitmap>,
    ) -> Result<u64> {
        let page = self.page();
        if dirty.is_some_and(|bitmap| !self.tracking.load(Relaxed) || bitmap.page_size != page) {
            return Err(EINVAL);
        }
        let freed = |owner, pages| self.tie.uncharge(owner, pages);
        let bytes = match dirty {
            Some(bitmap) => self.unmap_marking(users, range, (cut, lane), bitmap),
            None => users.unmap((range.first(), range.last()), cut, lane, freed),
        }?;
        // What the worker has already taken in hand is given back before this returns, too.
        if self.tie.is_pending() {
            users.wait_settled();
        }
        Ok(bytes)
    }

    /// Unmaps the mappings in `range` one by one, each after it was marked as dirty.
    fn unmap_marking(
        &self,
        users: &Users<'_>,
        range: IovaRange,
        (cut, lane): (Cut, Option<&Lane>),
        bitmap: &UserBitmap,
    ) -> Result<u64> {
        let mut bytes = 0u64;
        let mut cut = cut;
        let mut rest = Some(range);
        while let Some(part) = rest {
            let Some(held) = users.hold_first((part.first(), part.last()), cut, lane)? else {
                break;
            };
            let (first, last) = held.range();
            let dma = IovaRange::new(first, last).ok_or(EINVAL)?;
            bitmap.mark(range, dma)?;
            // All 2^64 addresses make 0, as on C.
            bytes = bytes.wrapping_add((last - first).wrapping_add(1));
            held.unmap(|owner, pages| self.tie.uncharge(owner, pages));
            // What others map meanwhile, across an end or behind us, is not what was asked for.
            cut = cut.later();
            rest = range.above(last);
        }
        Ok(bytes)
    }

    /// Notes that the user addresses of a range are about to change; returns how many bytes.
    pub(crate) fn invalidate_vaddr(&self, (iova, size, all): (u64, u64, bool)) -> Result<u64> {
        self.tie.check_caller()?;
        let users = self.space.users();
        let target = UnmapTarget::parse(iova, size, all, self.page())?;
        let range = target.range();
        users.invalidate_vaddr((range.first(), range.last()), self.cut(target))
    }
}
