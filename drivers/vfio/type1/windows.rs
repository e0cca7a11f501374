// SPDX-License-Identifier: GPL-2.0-only

//! The usable addresses as windows, which is how POWER describes what devices reach, and the groups by
//! domain.
//!
//! A program that tells a guest about DMA can so ask the same questions on every machine.

use super::{
    iommu::Iommu,
    iova::IovaRange, //
};
use kernel::prelude::*;
use vfio_uapi::{
    vfio_dma_window,
    vfio_iommu_domain,
    DmaWindowFlags, //
};

impl Iommu {
    /// Returns each range of usable addresses `within` one as a window with the smallest pages there
    /// are.
    ///
    /// Fails with `ENOMEM`.
    pub(crate) fn windows(&self, within: IovaRange) -> Result<KVec<vfio_dma_window>> {
        let state = self.state.lock();
        let page_shift = state.page_sizes.smallest().trailing_zeros();
        let mut windows = KVec::with_capacity(state.usable.len(), GFP_KERNEL)?;
        for (slot, range) in (0..).zip(state.usable_within(within)) {
            let window = vfio_dma_window {
                start: range.first(),
                last: range.last(),
                page_shift,
                levels: 0,
                slot,
                flags: DmaWindowFlags::DEFAULT.bits(),
            };
            windows.push(window, GFP_KERNEL)?;
        }
        Ok(windows)
    }

    /// Returns which domain each group is in.
    ///
    /// Waits while a group comes or goes. Fails with `ENOMEM`.
    pub(crate) fn domains(&self) -> Result<KVec<vfio_iommu_domain>> {
        let users = self.space.users();
        let mut groups = KVec::new();
        for (number, domain) in (0..).zip(users.domains()) {
            for group in domain.groups() {
                let entry = vfio_iommu_domain {
                    group: group.number(),
                    domain: number,
                };
                groups.push(entry, GFP_KERNEL)?;
            }
        }
        Ok(groups)
    }
}
