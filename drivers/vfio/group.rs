// SPDX-License-Identifier: GPL-2.0-only

//! Groups: the unit of ownership, and `/dev/vfio/$GROUP`.
//!
//! A [`Group`] exists while at least one device of its IOMMU group is bound to a VFIO driver. Its
//! state says who has it, see [`GroupState`]; what a program can do with a group that it has open is
//! the business of a [holding](holding::Holding). When the last device leaves, the group is gone for
//! good: a file that is still open answers `ENODEV`, and devices that are bound later get a new
//! [`Group`] with the same number.
//!
//! Lock order: `Subsystem::groups`, then one at a time [`GroupState`] and that of a holding, then
//! `Container::state`; the list of devices and the policy are leaves.
//!
//! C counterpart: [`drivers/vfio/group.c`](srctree/drivers/vfio/group.c)

mod apart;
mod attach;
mod attributes;
mod capture;
mod changes;
mod claim;
mod composition;
mod dma_place;
mod dma_window;
mod entrance;
mod feature;
mod file;
mod files;
mod holding;
mod isolation;
mod isolation_feature;
mod member;
mod members;
mod options;
mod part;
mod place;
mod show;
mod state;
mod unit;

use kernel::{
    prelude::*,
    sync::{
        new_mutex,
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::iommu;

use crate::{
    device::{
        Bound,
        Device,
        DeviceRef, //
    },
    holder::HeldBy,
    iommu_driver::{
        Backing,
        GroupOptions, //
    },
    ownership::Ownership,
    subsystem::Subsystem, //
};

use self::{
    changes::Stamp,
    isolation::Policy,
    state::GroupState, //
};

pub use self::files::GroupFiles;

pub(crate) use self::{
    apart::Apart,
    attributes::ATTRIBUTES,
    claim::Claim,
    entrance::Entrance,
    file::GroupFile,
    member::{
        Groups,
        Member, //
    }, //
};

/// An IOMMU group with at least one device that is bound to a VFIO driver.
#[pin_data]
pub(crate) struct Group {
    iommu: iommu::Group,
    backing: Backing,

    #[pin]
    state: Mutex<GroupState>,

    /// Who has the group open, for people who ask.
    #[pin]
    held_by: HeldBy,

    /// The devices that can be opened.
    #[pin]
    devices: Mutex<KVec<Arc<Device>>>,

    /// Where all groups are known.
    core: Arc<Subsystem>,

    /// What an administrator wants of the group.
    #[pin]
    policy: Mutex<Policy>,

    /// How the IOMMU is to be used for it.
    #[pin]
    options: Mutex<GroupOptions>,

    /// The last change of members, viability or policy.
    stamp: Stamp,
}

impl Group {
    fn new(iommu: iommu::Group, backing: Backing, core: Arc<Subsystem>) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                iommu,
                backing,
                state <- new_mutex!(GroupState::Closed, "Group::state"),
                held_by <- HeldBy::nobody(),
                devices <- new_mutex!(KVec::new(), "Group::devices"),
                core,
                policy <- new_mutex!(Policy::default(), "Group::policy"),
                options <- new_mutex!(GroupOptions::default(), "Group::options"),
                stamp: Stamp::now(),
            }),
            GFP_KERNEL,
        )
    }

    /// Returns the IOMMU group.
    pub(crate) fn iommu(&self) -> &iommu::Group {
        &self.iommu
    }

    /// Returns the number of the group.
    pub(crate) fn number(&self) -> u32 {
        self.iommu.number()
    }

    /// Returns the devices of all groups that are bound to a VFIO driver.
    pub(crate) fn bound(&self) -> &Bound {
        self.core.bound()
    }

    /// Returns which container owns which IOMMU group.
    pub(crate) fn ownership(&self) -> &Ownership {
        self.core.ownership()
    }

    /// Returns what stands between the devices of the group and memory.
    pub(crate) fn backing(&self) -> Backing {
        self.backing
    }

    /// Returns whether the IOMMU keeps the DMA of all devices that can be opened coherent with the
    /// caches.
    pub(crate) fn is_coherent(&self) -> bool {
        let devices = self.devices.lock();
        devices.iter().all(|device| device.is_coherent())
    }

    /// Makes `device` one that can be opened.
    pub(crate) fn add_device(&self, device: &Arc<Device>) -> Result {
        self.bound().add(device)?;
        let added = self.devices.lock().push(device.clone(), GFP_KERNEL);
        if added.is_err() {
            self.bound().remove(device);
        }
        Ok(added?)
    }

    /// Undoes [`Group::add_device`].
    pub(crate) fn remove_device(&self, device: &Arc<Device>) {
        self.bound().remove(device);
        let mut devices = self.devices.lock();
        let at = devices.iter().position(|d| Arc::ptr_eq(d, device));
        let removed = at.and_then(|at| devices.remove(at).ok());
        drop(devices);
        drop(removed);
    }

    /// Returns the devices that can be opened. They cannot be unregistered meanwhile.
    pub(crate) fn devices(&self) -> Result<KVec<DeviceRef>> {
        let devices = self.devices.lock();
        let mut list = KVec::with_capacity(devices.len(), GFP_KERNEL)?;
        for device in devices.iter().filter_map(DeviceRef::get) {
            list.push(device, GFP_KERNEL)?;
        }
        Ok(list)
    }
}
