// SPDX-License-Identifier: GPL-2.0-only

//! `VFIO_IOMMU_MAP_DMA` and `VFIO_IOMMU_UNMAP_DMA`, decoded.
//!
//! Programs that map page by page call these all the time, so small requests have a short way, which takes
//! the lock of the space alone. It tells no errors of its own: what it does not take goes the long way.
//!
//! C counterpart: the cases of these names in `tce_iommu_ioctl()` in
//! [`drivers/vfio/vfio_iommu_spapr_tce.c`](srctree/drivers/vfio/vfio_iommu_spapr_tce.c)

use super::{
    container::{
        Container,
        Flavour,
        State,
        Use, //
    },
    ioctl::checked, //
};
use core::mem::offset_of;
use kernel::prelude::*;
use kernel_ext::{
    iommu::Access,
    uaccess::UserArg, //
};
use vfio_uapi::{
    vfio_iommu_type1_dma_map,
    vfio_iommu_type1_dma_unmap,
    DmaMapFlags, //
};

/// Bytes of the fixed part of `struct vfio_iommu_type1_dma_unmap`.
const UNMAP_HEAD: usize = offset_of!(vfio_iommu_type1_dma_unmap, data);

/// Returns what devices may do with memory that is mapped with these flags; [`None`] if that is nothing, or
/// there is a flag beyond those.
fn access(flags: u32) -> Option<Access> {
    let (read, write) = (DmaMapFlags::READ.bits(), DmaMapFlags::WRITE.bits());
    if flags == read | write {
        Some(Access::ReadWrite)
    } else if flags == read {
        Some(Access::Read)
    } else if flags == write {
        Some(Access::Write)
    } else {
        None
    }
}

impl Container {
    /// Answers `VFIO_IOMMU_MAP_DMA`.
    pub(super) fn map_dma(&self, arg: UserArg) -> Result {
        let raw: Result<vfio_iommu_type1_dma_map> = arg.read();
        if let Some(done) = self.map_small(&raw) {
            return done;
        }
        let mut state = self.enter()?;
        if matches!(state.usable, Use::Disabled) {
            return Err(EPERM);
        }
        let flags = DmaMapFlags::READ | DmaMapFlags::WRITE;
        let size = size_of::<vfio_iommu_type1_dma_map>();
        let raw = checked(raw, size, |raw| (raw.argsz, raw.flags), flags.bits())?;
        self.settle_default_window(&mut state)?;
        self.admit_small(&state);
        let (number, window) = state.find_window(raw.iova).ok_or(ENXIO)?;
        let page = window.shift();
        page.pages(raw.size).ok_or(EINVAL)?;
        page.pages(raw.vaddr).ok_or(EINVAL)?;
        let access = access(raw.flags).ok_or(EINVAL)?;
        let entries = window.entries(raw.iova, raw.size).ok_or(EINVAL)?;
        // Behind the last address there is no memory.
        let wraps = raw.vaddr.checked_add(raw.size).is_none();
        match self.flavour {
            Flavour::V2 if wraps => Err(EINVAL),
            Flavour::V2 => self
                .space
                .map_registered(number, entries, raw.vaddr, access),
            Flavour::V1 if wraps => Err(EFAULT),
            Flavour::V1 => {
                self.map_pinned(&state, (number, entries), (raw.vaddr, raw.size), access)
            }
        }
    }

    /// Maps without the container's lock, if it is as little as [`Space::map_small`] takes; nobody else
    /// needs to be kept out for that.
    ///
    /// [`Space::map_small`]: kernel_ext::tce::Space::map_small
    fn map_small(&self, raw: &Result<vfio_iommu_type1_dma_map>) -> Option<Result> {
        let raw = raw.as_ref().ok()?;
        // CAST: 32 bits fit.
        if (raw.argsz as usize) < size_of::<vfio_iommu_type1_dma_map>() {
            return None;
        }
        let access = access(raw.flags)?;
        raw.vaddr.checked_add(raw.size)?;
        self.space
            .map_small((raw.iova, raw.size), raw.vaddr, access)
    }

    /// Unmaps in the same way; returns whether it did.
    fn unmap_small(&self, raw: &Result<vfio_iommu_type1_dma_unmap>) -> bool {
        let Ok(raw) = raw else {
            return false;
        };
        // CAST: 32 bits fit.
        let known = raw.argsz as usize >= UNMAP_HEAD && raw.flags == 0;
        known && self.space.unmap_small(raw.iova, raw.size)
    }

    /// Lets small requests in, if all that they need is there.
    fn admit_small(&self, state: &State) {
        if self.flavour == Flavour::V2 && !state.groups.is_empty() {
            self.space.admit_small();
        }
    }

    /// Answers `VFIO_IOMMU_UNMAP_DMA`.
    pub(super) fn unmap_dma(&self, arg: UserArg) -> Result {
        let raw: Result<vfio_iommu_type1_dma_unmap> = arg.read_head(UNMAP_HEAD);
        if self.unmap_small(&raw) {
            return Ok(());
        }
        let mut state = self.enter()?;
        if matches!(state.usable, Use::Disabled) {
            return Err(EPERM);
        }
        let raw = checked(raw, UNMAP_HEAD, |raw| (raw.argsz, raw.flags), 0)?;
        self.settle_default_window(&mut state)?;
        let (number, window) = state.find_window(raw.iova).ok_or(ENXIO)?;
        let entries = window.entries(raw.iova, raw.size).ok_or(EINVAL)?;
        self.space.unmap(number, entries);
        Ok(())
    }
}
