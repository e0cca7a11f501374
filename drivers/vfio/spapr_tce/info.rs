// SPDX-License-Identifier: GPL-2.0-only

//! `VFIO_IOMMU_SPAPR_TCE_GET_INFO`: what windows there can be.
//!
//! C counterpart: the case of that name in `tce_iommu_ioctl()` in
//! [`drivers/vfio/vfio_iommu_spapr_tce.c`](srctree/drivers/vfio/vfio_iommu_spapr_tce.c)

use super::{
    container::{
        Container,
        Flavour, //
    },
    ioctl::checked, //
};
use core::mem::offset_of;
use kernel::prelude::*;
use kernel_ext::uaccess::UserArg;
use vfio_uapi::{
    vfio_iommu_spapr_tce_ddw_info,
    vfio_iommu_spapr_tce_info,
    VFIO_IOMMU_SPAPR_INFO_DDW, //
};

/// Bytes that every caller provides: up to and with the window below 4 GiB.
const HEAD: usize = offset_of!(vfio_iommu_spapr_tce_info, ddw);

/// Bytes of the whole structure.
const SIZE: usize = size_of::<vfio_iommu_spapr_tce_info>();

impl Container {
    /// Answers `VFIO_IOMMU_SPAPR_TCE_GET_INFO`.
    ///
    /// # Errors
    ///
    /// `EPERM` if the container is another process's, `ENXIO` without a group, `EFAULT`, `EINVAL` for
    /// a buffer shorter than the fixed part.
    pub(super) fn get_info(&self, arg: UserArg) -> Result {
        let raw: Result<vfio_iommu_spapr_tce_info> = arg.read_head(HEAD);
        let abilities = self.enter()?.groups.last().ok_or(ENXIO)?.abilities();
        let mut info = checked(raw, HEAD, |raw| (raw.argsz, 0), 0)?;
        info.dma32_window_start = abilities.start;
        info.dma32_window_size = abilities.size;
        info.flags = 0;
        info.ddw = vfio_iommu_spapr_tce_ddw_info::default();
        if self.flavour == Flavour::V2 && abilities.dynamic_windows != 0 {
            info.flags = VFIO_IOMMU_SPAPR_INFO_DDW;
            info.ddw.pgsizes = abilities.page_sizes;
            info.ddw.max_dynamic_windows_supported = abilities.dynamic_windows;
            info.ddw.levels = abilities.levels;
        }
        // CAST: 32 bits fit.
        let room = if info.argsz as usize >= SIZE {
            SIZE
        } else {
            HEAD
        };
        arg.write_head(&info, room)
    }
}
