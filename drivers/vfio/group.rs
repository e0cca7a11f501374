// SPDX-License-Identifier: GPL-2.0-only

//! Groups: the unit of ownership, and `/dev/vfio/$GROUP`.
//!
//! A [`Group`] exists while at least one device of its IOMMU group is bound to a VFIO driver. Its
//! state says who has it, see [`GroupState`]; what a program can do with a group that it has open is
//! the business of a [`Holding`]. When the last device leaves, the group is gone for good: a file that
//! is still open answers `ENODEV`, and devices that are bound later get a new [`Group`] with the same
//! number.
//!
//! Lock order: `Subsystem::groups`, then one at a time [`GroupState`] and that of a [`Holding`], then
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
mod unit;

use kernel::{
    prelude::*,
    sync::{
        new_mutex,
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::{
    iommu,
    refuse, //
};

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
    entrance::Kind,
    holding::Holding,
    isolation::Policy, //
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

/// Who has a group.
enum GroupState {
    /// Nobody. Left by opening the group, or a device by its own node.
    Closed,
    /// Programs have devices of the group open by their own nodes, so many of them. Left by closing
    /// the last.
    Apart(usize),
    /// It is part of a synthetic group, which nobody has open. Left by opening that or by taking it
    /// apart.
    Reserved,
    /// A program has the group open. Left by closing it.
    Held(Arc<Holding>),
    /// The last device has left. There is no way out.
    Gone,
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

    /// Lets `holding` have the group, which was opened by the path of its own or of a synthetic group.
    ///
    /// # Errors
    ///
    /// `EBUSY` if somebody else has it, `ENODEV` if the last device has left.
    fn take(&self, holding: &Arc<Holding>, kind: Kind) -> Result {
        let mut state = self.state.lock();
        match &*state {
            GroupState::Closed => {}
            GroupState::Reserved if kind == Kind::Synthetic => {}
            GroupState::Reserved => return self.refuse_reserved(),
            GroupState::Held(_) => {
                refuse!(
                    "group {}: is open already; only one program at a time may have it\n",
                    self.iommu.id()
                );
                return Err(EBUSY);
            }
            GroupState::Apart(devices) => {
                refuse!(
                    "group {}: {} of its devices are open by their own nodes; close them first\n",
                    self.iommu.id(),
                    devices
                );
                return Err(EBUSY);
            }
            GroupState::Gone => return Err(ENODEV),
        }
        *state = GroupState::Held(holding.clone());
        self.held_by.open();
        Ok(())
    }

    /// Undoes [`Group::take`].
    fn leave(&self, kind: Kind) {
        let mut state = self.state.lock();
        self.held_by.close();
        if let GroupState::Held(_) = &*state {
            let next = match kind {
                Kind::Plain => GroupState::Closed,
                Kind::Synthetic => GroupState::Reserved,
            };
            // The last reference may be this one, and dropping it takes other locks.
            let held = core::mem::replace(&mut *state, next);
            drop(state);
            drop(held);
        }
    }

    /// Reserves the group for a synthetic one.
    ///
    /// # Errors
    ///
    /// `EBUSY` if somebody has it, `ENODEV` if the last device has left.
    fn reserve(&self) -> Result {
        let mut state = self.state.lock();
        match &*state {
            GroupState::Closed => {}
            GroupState::Reserved => return self.refuse_reserved(),
            GroupState::Held(_) | GroupState::Apart(_) => {
                refuse!(
                    "group {}: is open, or one of its devices is; close it before it becomes part of another\n",
                    self.iommu.id()
                );
                return Err(EBUSY);
            }
            GroupState::Gone => return Err(ENODEV),
        }
        *state = GroupState::Reserved;
        Ok(())
    }

    /// Undoes [`Group::reserve`].
    fn free(&self) {
        let mut state = self.state.lock();
        if let GroupState::Reserved = &*state {
            *state = GroupState::Closed;
        }
    }

    fn refuse_reserved<T>(&self) -> Result<T> {
        refuse!(
            "group {}: is part of a group that was made in configfs; open that\n",
            self.iommu.id()
        );
        Err(EBUSY)
    }

    /// The group, which is among the parts of `holding` now, is its from here on.
    fn hand_to(&self, holding: &Arc<Holding>) {
        let mut state = self.state.lock();
        let was = match &*state {
            GroupState::Held(_) => {
                core::mem::replace(&mut *state, GroupState::Held(holding.clone()))
            }
            _ => {
                // The last device has left meanwhile, and did not find it there.
                drop(state);
                holding.lose(self);
                return;
            }
        };
        drop(state);
        drop(was);
    }

    /// The last device has left: takes the group from whoever has it.
    fn retire(&self) {
        let was = core::mem::replace(&mut *self.state.lock(), GroupState::Gone);
        if let GroupState::Held(holding) = was {
            holding.lose(self);
        }
    }
}
