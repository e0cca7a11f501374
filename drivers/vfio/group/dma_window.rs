// SPDX-License-Identifier: GPL-2.0-only

//! `VFIO_GROUP_FEATURE_DMA_WINDOW`: what a guest is to be told of the DMA of a group.

use kernel::prelude::*;
use kernel_ext::pci::{
    Address,
    Routes, //
};
use vfio_uapi::{
    vfio_dma_window,
    vfio_group_feature_dma_window,
    VFIO_DMA_PLACE_BRIDGE,
    VFIO_DMA_PLACE_DEVICE,
    VFIO_DMA_PLACE_HOST_BRIDGE,
    VFIO_DMA_PLACE_NONE, //
};

use super::{
    dma_place::DmaPlace,
    holding::Holding,
    isolation::way,
    part::Stage,
    place::Place, //
};
use crate::{
    feature::FeatureRequest,
    iommu_driver::Backing, //
};

impl Holding {
    /// Answers with the windows of the group, and with the node that they belong to.
    ///
    /// # Errors
    ///
    /// Those of [`Holding::windows`] and [`FeatureRequest::write_list`].
    pub(super) fn get_dma_window(&self, request: &FeatureRequest) -> Result {
        let windows = self.windows()?;
        let routes = self.routes()?;
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

    /// Returns the ways to all devices of the groups.
    fn routes(&self) -> Result<Routes> {
        let mut all = Routes::none();
        for group in self.groups()? {
            all.append(Routes::to(group.iommu())?)?;
        }
        Ok(all)
    }

    /// Returns the windows of addresses that the devices of the groups can use. There are none before
    /// they are in a container with an IOMMU.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the last device has left, `EBUSY` if they are captured, `ENOMEM`; `EOPNOTSUPP`
    /// without an IOMMU, and in a container of IOMMUFD, whose calls tell more.
    fn windows(&self) -> Result<KVec<vfio_dma_window>> {
        let state = self.lock();
        match (&state.stage, self.home().backing()) {
            (Stage::Gone, _) => Err(ENODEV),
            (Stage::Captured { .. }, _) => self.refuse_captured(),
            (_, Backing::Nothing) => Err(EOPNOTSUPP),
            (Stage::Free, Backing::Iommu) => Ok(KVec::new()),
            (Stage::Attached(Place::Container(container)), Backing::Iommu) => container.windows(),
            (Stage::Attached(Place::Iommufd(_)), Backing::Iommu) => Err(EOPNOTSUPP),
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
