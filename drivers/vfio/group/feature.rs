// SPDX-License-Identifier: GPL-2.0-only

//! `VFIO_GROUP_FEATURE`: what a group can do beyond Linux.

use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::uaccess::UserArg;
use vfio_uapi::{
    vfio_group_feature_capture,
    vfio_group_feature_composition,
    vfio_group_feature_dma_window,
    vfio_group_feature_event,
    vfio_group_feature_iommu_option,
    vfio_group_feature_isolation,
    vfio_group_feature_members,
    vfio_group_feature_release,
    FeatureFlags,
    VFIO_GROUP_FEATURE_CAPTURE,
    VFIO_GROUP_FEATURE_COMPOSITION,
    VFIO_GROUP_FEATURE_DMA_WINDOW,
    VFIO_GROUP_FEATURE_EVENT,
    VFIO_GROUP_FEATURE_IOMMU_OPTION,
    VFIO_GROUP_FEATURE_ISOLATION,
    VFIO_GROUP_FEATURE_MEMBERS,
    VFIO_GROUP_FEATURE_RELEASE, //
};

use super::holding::Holding;
use crate::feature::FeatureRequest;

/// A feature: what can be done with it, the bytes of its data, and how it is done.
struct Feature {
    can: FeatureFlags,
    size: usize,
    act: fn(&Arc<Holding>, &FeatureRequest) -> Result,
}

impl Feature {
    /// Returns the feature with this number.
    fn find(index: u32) -> Option<Self> {
        let get = FeatureFlags::GET;
        let set = FeatureFlags::SET;
        Some(match index {
            VFIO_GROUP_FEATURE_MEMBERS => Self {
                can: get,
                size: size_of::<vfio_group_feature_members>(),
                act: |holding, request| holding.get_members(request),
            },
            VFIO_GROUP_FEATURE_ISOLATION => Self {
                can: get | set,
                size: size_of::<vfio_group_feature_isolation>(),
                act: |holding, request| holding.isolation(request),
            },
            VFIO_GROUP_FEATURE_CAPTURE => Self {
                can: set,
                size: size_of::<vfio_group_feature_capture>(),
                act: Holding::capture,
            },
            VFIO_GROUP_FEATURE_RELEASE => Self {
                can: set,
                size: size_of::<vfio_group_feature_release>(),
                act: |holding, request| holding.release(request),
            },
            VFIO_GROUP_FEATURE_DMA_WINDOW => Self {
                can: get,
                size: size_of::<vfio_group_feature_dma_window>(),
                act: |holding, request| holding.get_dma_window(request),
            },
            VFIO_GROUP_FEATURE_COMPOSITION => Self {
                can: get,
                size: size_of::<vfio_group_feature_composition>(),
                act: |holding, request| holding.get_composition(request),
            },
            VFIO_GROUP_FEATURE_EVENT => Self {
                can: set,
                size: size_of::<vfio_group_feature_event>(),
                act: |holding, request| holding.set_event(request),
            },
            VFIO_GROUP_FEATURE_IOMMU_OPTION => Self {
                can: get | set,
                size: size_of::<vfio_group_feature_iommu_option>(),
                act: |holding, request| holding.iommu_option(request),
            },
            _ => return None,
        })
    }
}

impl Holding {
    /// Answers `VFIO_GROUP_FEATURE`.
    ///
    /// # Errors
    ///
    /// Those of [`FeatureRequest::parse`], `ENOTTY` for an unknown feature, and those of the feature.
    pub(super) fn feature(self: &Arc<Self>, arg: UserArg) -> Result {
        let request = FeatureRequest::parse(arg)?;
        let feature = Feature::find(request.index).ok_or(ENOTTY)?;
        match request.check(feature.can, feature.size)? {
            true => (feature.act)(self, &request),
            false => Ok(()),
        }
    }
}
