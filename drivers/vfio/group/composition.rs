// SPDX-License-Identifier: GPL-2.0-only

//! `VFIO_GROUP_FEATURE_COMPOSITION`: which IOMMU groups an open group is made of.

use kernel::prelude::*;
use vfio_uapi::{
    vfio_group_feature_composition,
    VFIO_COMPOSITION_CAPTURING,
    VFIO_COMPOSITION_PLAIN,
    VFIO_COMPOSITION_SYNTHETIC, //
};

use super::{
    entrance::Kind,
    holding::Holding,
    part::Stage, //
};
use crate::feature::FeatureRequest;

impl Holding {
    /// Answers with the numbers of the groups.
    ///
    /// # Errors
    ///
    /// `EBUSY` if they are captured, `ENODEV` if the last device of the own group has left, `ENOMEM`,
    /// and those of [`FeatureRequest::write_list`].
    pub(super) fn get_composition(&self, request: &FeatureRequest) -> Result {
        if let Stage::Captured { .. } = self.lock().stage {
            return self.refuse_captured();
        }
        let groups = self.groups()?;
        let fixed = vfio_group_feature_composition {
            count: u32::try_from(groups.len())?,
            kind: match (self.kind(), groups.len()) {
                (Kind::Synthetic, _) => VFIO_COMPOSITION_SYNTHETIC,
                (Kind::Plain, 0 | 1) => VFIO_COMPOSITION_PLAIN,
                (Kind::Plain, _) => VFIO_COMPOSITION_CAPTURING,
            },
            ..Default::default()
        };
        request.write_list(&fixed, groups.iter().map(|group| group.number()))
    }
}
