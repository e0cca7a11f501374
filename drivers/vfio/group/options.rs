// SPDX-License-Identifier: GPL-2.0-only

//! `VFIO_GROUP_FEATURE_IOMMU_OPTION`: how the IOMMU is to be used for a group.
//!
//! The options are kept with the group, until its last device leaves VFIO, and take effect when it goes
//! into a container. Whether the backend of the container has them shows then.
//!
//! Lock order: the options are a leaf.

use kernel::prelude::*;
use kernel_ext::{
    iommu::MaxPage,
    refuse, //
};
use vfio_uapi::{
    vfio_group_feature_iommu_option,
    VFIO_IOMMU_OPTION_FORCE_SNOOP,
    VFIO_IOMMU_OPTION_MAX_PAGE, //
};

use super::{
    holding::Holding,
    part::Stage,
    Group, //
};
use crate::{
    feature::{
        FeatureOp,
        FeatureRequest, //
    },
    iommu_driver::GroupOptions, //
};

impl Group {
    /// Returns the options.
    pub(crate) fn options(&self) -> GroupOptions {
        *self.options.lock()
    }

    /// Refuses what has no options.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` if the group has some.
    pub(super) fn refuse_options(&self) -> Result {
        if self.options() == GroupOptions::default() {
            return Ok(());
        }
        refuse!(
            "group {}: IOMMUFD knows nothing of its VFIO_GROUP_FEATURE_IOMMU_OPTION; use a container\n",
            self.iommu.id()
        );
        Err(EOPNOTSUPP)
    }
}

impl Holding {
    /// Reads or sets an option of the own group, the first of several.
    ///
    /// # Errors
    ///
    /// Those that the header says.
    pub(super) fn iommu_option(&self, request: &FeatureRequest) -> Result {
        let mut data: vfio_group_feature_iommu_option = request.data.read()?;
        if data.reserved != 0 {
            return Err(EINVAL);
        }
        if let FeatureOp::Set = request.op {
            return self.set_option(&data);
        }
        let options = self.home().options();
        data.value = match data.id {
            VFIO_IOMMU_OPTION_FORCE_SNOOP => options.force_snoop.into(),
            VFIO_IOMMU_OPTION_MAX_PAGE => options.max_page.map_or(0, MaxPage::bytes),
            _ => return Err(ENOTTY),
        };
        request.data.write(&data)
    }

    /// Sets an option of all own groups.
    fn set_option(&self, data: &vfio_group_feature_iommu_option) -> Result {
        let change = Change::parse(data)?;
        // Held, so that they do not go into a container meanwhile.
        let state = self.lock();
        match &state.stage {
            Stage::Free => {}
            Stage::Gone => return Err(ENODEV),
            Stage::Captured { .. } => return self.refuse_captured(),
            Stage::Attached(_) => return Err(EBUSY),
        }
        for part in state.parts.iter().filter(|part| part.origin.is_none()) {
            change.apply(&mut part.group.options.lock());
        }
        Ok(())
    }
}

/// What is wanted of an option.
enum Change {
    ForceSnoop(bool),
    MaxPage(Option<MaxPage>),
}

impl Change {
    /// Reads what is wanted.
    ///
    /// # Errors
    ///
    /// `ENOTTY` for an unknown option, `EINVAL` for a value that makes no sense.
    fn parse(data: &vfio_group_feature_iommu_option) -> Result<Self> {
        match (data.id, data.value) {
            (VFIO_IOMMU_OPTION_FORCE_SNOOP, 0) => Ok(Self::ForceSnoop(false)),
            (VFIO_IOMMU_OPTION_FORCE_SNOOP, 1) => Ok(Self::ForceSnoop(true)),
            (VFIO_IOMMU_OPTION_MAX_PAGE, 0) => Ok(Self::MaxPage(None)),
            (VFIO_IOMMU_OPTION_MAX_PAGE, bytes) => {
                Ok(Self::MaxPage(Some(MaxPage::new(bytes).ok_or(EINVAL)?)))
            }
            (VFIO_IOMMU_OPTION_FORCE_SNOOP, _) => Err(EINVAL),
            _ => Err(ENOTTY),
        }
    }

    fn apply(&self, options: &mut GroupOptions) {
        match self {
            Self::ForceSnoop(force) => options.force_snoop = *force,
            Self::MaxPage(max_page) => options.max_page = *max_page,
        }
    }
}
