// SPDX-License-Identifier: GPL-2.0-only

//! `VFIO_GROUP_FEATURE`: what a group can do beyond Linux.

use kernel::prelude::*;
use kernel_ext::{
    pci::{
        Address,
        Route,
        Routes, //
    },
    uaccess::UserArg, //
};
use vfio_uapi::{
    vfio_dma_window,
    vfio_group_feature_dma_window,
    FeatureFlags,
    VFIO_DMA_PLACE_BRIDGE,
    VFIO_DMA_PLACE_DEVICE,
    VFIO_DMA_PLACE_HOST_BRIDGE,
    VFIO_DMA_PLACE_NONE,
    VFIO_GROUP_FEATURE_DMA_WINDOW, //
};

use super::{
    dma_place::{
        DmaPlace,
        Way, //
    },
    Group,
    GroupState,
    Place, //
};
use crate::{
    feature::FeatureRequest,
    iommu_driver::Backing, //
};

impl Group {
    /// Answers `VFIO_GROUP_FEATURE`.
    ///
    /// # Errors
    ///
    /// Those of [`FeatureRequest::parse`], `ENOTTY` for an unknown feature, and those of the feature.
    pub(super) fn feature(&self, arg: UserArg) -> Result {
        let request = FeatureRequest::parse(arg)?;
        match request.index {
            VFIO_GROUP_FEATURE_DMA_WINDOW => {
                let size = size_of::<vfio_group_feature_dma_window>();
                match request.check(FeatureFlags::GET, size)? {
                    true => self.get_dma_window(&request),
                    false => Ok(()),
                }
            }
            _ => Err(ENOTTY),
        }
    }

    /// Answers with the windows of the group, and with the node that they belong to.
    ///
    /// # Errors
    ///
    /// Those of [`Group::windows`] and [`FeatureRequest::write_list`].
    fn get_dma_window(&self, request: &FeatureRequest) -> Result {
        let windows = self.windows()?;
        let routes = Routes::to(&self.iommu)?;
        let (place, address) = place_of(&routes);
        let devices = routes.pci.len().saturating_add(routes.others);
        let fixed = vfio_group_feature_dma_window {
            place,
            devices: u32::try_from(devices)?,
            domain: address.domain,
            bus: address.bus,
            devfn: address.devfn,
            count: u32::try_from(windows.len())?,
            // CAST: A small constant.
            entry_size: size_of::<vfio_dma_window>() as u32,
            ..Default::default()
        };
        request.write_list(&fixed, windows.iter().copied())
    }

    /// Returns the windows of addresses that the devices of the group can use. There are none before
    /// the group is in a container with an IOMMU.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the last device has left, `ENOMEM`; `EOPNOTSUPP` without an IOMMU, and in a
    /// container of IOMMUFD, whose calls tell more.
    fn windows(&self) -> Result<KVec<vfio_dma_window>> {
        let state = self.state.lock();
        match (&*state, self.backing) {
            (GroupState::Gone, _) => Err(ENODEV),
            (_, Backing::Nothing) => Err(EOPNOTSUPP),
            (GroupState::Attached(attached), Backing::Iommu) => match &attached.place {
                Place::Container { container, .. } => container.windows(),
                Place::Iommufd(_) => Err(EOPNOTSUPP),
            },
            (GroupState::Closed | GroupState::Apart(_) | GroupState::Open, Backing::Iommu) => {
                Ok(KVec::new())
            }
        }
    }
}

/// Returns the kind of the node that the windows belong to, and its address.
fn place_of(routes: &Routes) -> (u32, Address) {
    let nowhere = Address {
        domain: 0,
        bus: 0,
        devfn: 0,
    };
    let place = match routes.others {
        0 => DmaPlace::of(routes.pci.iter().map(way)),
        _ => DmaPlace::Nowhere,
    };
    match place {
        DmaPlace::Nowhere => (VFIO_DMA_PLACE_NONE, nowhere),
        DmaPlace::Device(at) => (VFIO_DMA_PLACE_DEVICE, at),
        DmaPlace::Bridge(at) => (VFIO_DMA_PLACE_BRIDGE, at),
        DmaPlace::HostBridge(at) => (VFIO_DMA_PLACE_HOST_BRIDGE, at),
    }
}

fn way(route: &Route) -> Way<'_, Address> {
    Way {
        host: route.host,
        bridges: &route.bridges,
        device: route.device,
    }
}
