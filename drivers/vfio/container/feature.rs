// SPDX-License-Identifier: GPL-2.0-only

//! `VFIO_IOMMU_FEATURE`: what a container can do beyond Linux.
//!
//! The core knows the features that every backend has: the windows of addresses that devices can
//! use, and which groups share a translation; and it makes descriptors for DMA. All others are the backend's own.

use kernel::{
    prelude::*,
    sync::ArcBorrow, //
};
use kernel_ext::uaccess::UserArg;
use vfio_uapi::{
    vfio_dma_window,
    vfio_iommu_domain,
    vfio_iommu_feature_domains,
    vfio_iommu_feature_windows,
    FeatureFlags,
    VFIO_IOMMU_FEATURE_DMA_FD,
    VFIO_IOMMU_FEATURE_DOMAINS,
    VFIO_IOMMU_FEATURE_WINDOWS, //
};

use super::Container;
use crate::feature::FeatureRequest;

impl Container {
    /// Answers `VFIO_IOMMU_FEATURE`; returns 0, or a new descriptor.
    ///
    /// # Errors
    ///
    /// `EINVAL` without a backend, those of [`FeatureRequest::parse`], `ENOTTY` for an unknown
    /// feature, and those of the feature.
    pub(super) fn feature(this: ArcBorrow<'_, Self>, arg: UserArg) -> Result<isize> {
        let backend = this.backend().ok_or(EINVAL)?;
        let request = FeatureRequest::parse(arg)?;
        match request.index {
            VFIO_IOMMU_FEATURE_WINDOWS => {
                if request.check(FeatureFlags::GET, size_of::<vfio_iommu_feature_windows>())? {
                    answer_windows(&request, &backend.instance.windows()?)?;
                }
            }
            VFIO_IOMMU_FEATURE_DOMAINS => {
                if request.check(FeatureFlags::GET, size_of::<vfio_iommu_feature_domains>())? {
                    answer_domains(&request, &backend.instance.domains()?)?;
                }
            }
            VFIO_IOMMU_FEATURE_DMA_FD => return Self::dma_fd(this, &request),
            _ => backend.instance.feature(&request)?,
        }
        Ok(0)
    }

    /// Returns the windows of addresses that devices can use: none before there is a backend.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EOPNOTSUPP` if the devices of the container have no IOMMU.
    pub(crate) fn windows(&self) -> Result<KVec<vfio_dma_window>> {
        match self.backend() {
            Some(backend) => backend.instance.windows(),
            None => Ok(KVec::new()),
        }
    }
}

/// Writes the answer of `VFIO_IOMMU_FEATURE_WINDOWS`.
pub(super) fn answer_windows(request: &FeatureRequest, windows: &[vfio_dma_window]) -> Result {
    let fixed = vfio_iommu_feature_windows {
        count: u32::try_from(windows.len())?,
        // CAST: A small constant.
        entry_size: size_of::<vfio_dma_window>() as u32,
        ..Default::default()
    };
    request.write_list(&fixed, windows.iter().copied())
}

fn answer_domains(request: &FeatureRequest, domains: &[vfio_iommu_domain]) -> Result {
    let fixed = vfio_iommu_feature_domains {
        count: u32::try_from(domains.len())?,
        // CAST: A small constant.
        entry_size: size_of::<vfio_iommu_domain>() as u32,
        ..Default::default()
    };
    request.write_list(&fixed, domains.iter().copied())
}
