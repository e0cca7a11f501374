// SPDX-License-Identifier: GPL-2.0-only

//! `VFIO_IOMMU_FEATURE`: what a container can do beyond Linux.

use kernel::prelude::*;
use kernel_ext::uaccess::UserArg;

use super::Container;
use crate::feature::FeatureRequest;

impl Container {
    /// Answers `VFIO_IOMMU_FEATURE`. All features are the backend's.
    ///
    /// # Errors
    ///
    /// `EINVAL` without a backend, those of [`FeatureRequest::parse`], `ENOTTY` for an unknown
    /// feature, and those of the feature.
    pub(super) fn feature(&self, arg: UserArg) -> Result {
        let backend = self.backend().ok_or(EINVAL)?;
        backend.instance.feature(&FeatureRequest::parse(arg)?)
    }
}
