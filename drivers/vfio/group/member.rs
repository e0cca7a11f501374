// SPDX-License-Identifier: GPL-2.0-only

//! How groups come and go: with their devices.
//!
//! The first device of an IOMMU group that is bound to a VFIO driver makes the group and its node,
//! the last one that leaves takes both away. In between, each device is a [`Member`].
//!
//! Lock order: [`Groups`] → `GroupState`.
//!
//! C counterpart: `vfio_group_find_or_alloc` and `vfio_device_remove_group` in
//! [`drivers/vfio/group.c`](srctree/drivers/vfio/group.c)

use kernel::{
    prelude::*,
    str::CString,
    sync::{
        new_mutex,
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::{
    chrdev::Node,
    debugfs,
    iommu, //
};

use vfio_uapi::GroupEvents;

use super::{
    Entrance,
    Group,
    GroupFile,
    ATTRIBUTES, //
};
use crate::{
    iommu_driver::Backing,
    subsystem::Subsystem,
    LocalModule, //
};

/// All groups with a device.
#[pin_data]
pub(crate) struct Groups {
    #[pin]
    list: Mutex<KVec<Entry>>,
}

/// A group, its node, and the number of its devices.
struct Entry {
    group: Arc<Group>,
    _debug: debugfs::File<Group>,
    _node: Node<GroupFile>,
    members: usize,
}

impl Groups {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            list <- new_mutex!(KVec::new(), "Groups::list"),
        })
    }

    /// Returns the group with this number.
    pub(crate) fn find(&self, number: u32) -> Option<Arc<Group>> {
        let list = self.list.lock();
        let found = list.iter().find(|entry| entry.group.number() == number);
        found.map(|entry| entry.group.clone())
    }

    /// Something has changed about the devices of `iommu`, which concerns all groups whose unit it is
    /// in.
    pub(crate) fn changed(&self, iommu: &iommu::Group, events: GroupEvents) {
        for entry in self.list.lock().iter() {
            if entry.group.concerns(iommu) {
                entry.group.changed(events);
            }
        }
    }

    /// A device is about to leave `iommu`. If it is the last one, groups that own it with their unit
    /// give it back: an IOMMU group without devices must not have an owner.
    pub(crate) fn leaving(&self, iommu: &iommu::Group) {
        let mut devices = 0usize;
        let counted = iommu.for_each_device(&mut |_| {
            devices = devices.saturating_add(1);
            Ok(())
        });
        if counted.is_err() || devices > 1 {
            return;
        }
        for entry in self.list.lock().iter() {
            entry.group.give_back(iommu);
        }
    }

    /// A device has come into `iommu`. Groups that are in a container, and whose unit it is in, must own
    /// it before a driver of the host can.
    pub(crate) fn joined(&self, iommu: &iommu::Group) {
        for entry in self.list.lock().iter() {
            if entry.group.concerns(iommu) {
                entry.group.own_newcomer(iommu);
                entry.group.changed(GroupEvents::all());
            }
        }
    }
}

/// A device's membership in its group.
pub(crate) struct Member {
    core: Arc<Subsystem>,
    group: Arc<Group>,
}

impl Member {
    /// Makes the caller a member of the group that belongs to `iommu`.
    pub(crate) fn join(
        core: &Arc<Subsystem>,
        iommu: iommu::Group,
        backing: Backing,
    ) -> Result<Self> {
        let mut list = core.groups().list.lock();
        let group = match list.iter_mut().find(|entry| *entry.group.iommu() == iommu) {
            Some(entry) => {
                entry.members = entry.members.checked_add(1).ok_or(EOVERFLOW)?;
                entry.group.clone()
            }
            None => {
                list.reserve(1, GFP_KERNEL)?;
                let entry = Entry::new(core, iommu, backing)?;
                let group = entry.group.clone();
                list.push(entry, GFP_KERNEL)?;
                group
            }
        };
        drop(list);
        Ok(Self {
            core: core.clone(),
            group,
        })
    }

    /// Returns the group.
    pub(crate) fn group(&self) -> &Arc<Group> {
        &self.group
    }
}

impl Entry {
    fn new(core: &Arc<Subsystem>, iommu: iommu::Group, backing: Backing) -> Result<Self> {
        let name = match backing {
            Backing::Iommu => CString::try_from_fmt(fmt!("{}", iommu.id()))?,
            Backing::Nothing => CString::try_from_fmt(fmt!("noiommu-{}", iommu.id()))?,
        };
        let group = Group::new(iommu, backing, core.clone())?;
        let debug = core.debug_groups();
        Ok(Self {
            _node: core.new_group_node(
                &name,
                Entrance::plain(group.clone())?,
                Some(&ATTRIBUTES),
            )?,
            _debug: debug.file::<LocalModule, _>(&name, group.clone(), Group::show)?,
            group,
            members: 1,
        })
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut list = self.core.groups().list.lock();
        let Some(at) = list
            .iter()
            .position(|entry| Arc::ptr_eq(&entry.group, &self.group))
        else {
            return;
        };
        let Some(entry) = list.get_mut(at) else {
            return;
        };
        entry.members = entry.members.saturating_sub(1);
        if entry.members != 0 {
            return;
        }
        // Under the list's lock, so that a new node of that name is made only when this is gone.
        let entry = list.remove(at);
        self.group.retire();
        drop(entry);
    }
}
