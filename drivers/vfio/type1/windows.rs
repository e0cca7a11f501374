// SPDX-License-Identifier: GPL-2.0-only

//! The usable addresses as windows, which is how POWER describes what devices reach.
//!
//! A program that tells a guest about DMA can so ask the same question on every machine.

use super::iommu::Iommu;
use kernel::prelude::*;
use vfio_uapi::{
    vfio_dma_window,
    DmaWindowFlags, //
};

impl Iommu {
    /// Returns each range of usable addresses as a window with the smallest pages there are.
    ///
    /// Fails with `ENOMEM`.
    pub(crate) fn windows(&self) -> Result<KVec<vfio_dma_window>> {
        let state = self.state.lock();
        let page_shift = state.page_sizes.smallest().trailing_zeros();
        let mut windows = KVec::with_capacity(state.usable.len(), GFP_KERNEL)?;
        for (slot, range) in (0..).zip(&state.usable) {
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
}
