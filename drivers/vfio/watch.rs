// SPDX-License-Identifier: GPL-2.0-only

//! Watching the PCI bus for what changes a group.
//!
//! A device that comes or goes is a change of its group's members, and one that is bound or unbound may
//! change whether the group is viable. Programs are told, see [`GroupEvents`]; and a device that comes
//! into the isolation unit of a group that is in use is taken from the host before any driver can have
//! it, and given back before it goes.
//!
//! Lock order: the list of callbacks, and possibly the lock of the device, → [`Watcher::leaving`];
//! → `Groups`.

use kernel::{
    device,
    prelude::*,
    sync::{
        new_mutex,
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::{
    device::as_id,
    iommu,
    pci::{
        BusEvent,
        BusWatch,
        BusWatcher, //
    }, //
};
use vfio_uapi::GroupEvents;

use crate::subsystem::Subsystem;

/// Starts to watch, as long as the result lives.
pub(crate) fn start(core: Arc<Subsystem>) -> Result<Pin<KBox<BusWatch<Watcher>>>> {
    let leaving = KBox::pin_init(new_mutex!(KVec::new(), "Watcher::leaving"), GFP_KERNEL)?;
    BusWatch::new(Watcher { core, leaving })
}

/// Passes on what happens on the bus.
pub(crate) struct Watcher {
    core: Arc<Subsystem>,

    leaving: Pin<KBox<Mutex<KVec<Leaving>>>>,
}

/// A device that is being taken away.
struct Leaving {
    /// What tells it apart.
    id: usize,
    /// The group that it is in until then.
    group: iommu::Group,
}

impl BusWatcher for Watcher {
    fn happened(&self, dev: &device::Device, event: BusEvent) {
        let groups = self.core.groups();
        let group = match event {
            BusEvent::Left => self.forget(dev),
            _ => iommu::Group::of(dev),
        };
        let Some(group) = group else {
            return;
        };
        match event {
            BusEvent::Added => groups.joined(&group),
            BusEvent::Leaving => {
                groups.leaving(&group);
                self.remember(dev, group);
            }
            BusEvent::Left => groups.changed(&group, GroupEvents::all()),
            BusEvent::Bound(_) | BusEvent::Unbound => {
                groups.changed(&group, GroupEvents::VIABILITY)
            }
        }
    }
}

impl Watcher {
    /// A device is about to leave its group.
    fn remember(&self, dev: &device::Device, group: iommu::Group) {
        // Should memory be short, the change shows with the next one.
        let id = as_id(dev);
        let _ = self.leaving.lock().push(Leaving { id, group }, GFP_KERNEL);
    }

    /// Returns the group that the device has left.
    fn forget(&self, dev: &device::Device) -> Option<iommu::Group> {
        let mut leaving = self.leaving.lock();
        let at = leaving.iter().position(|there| there.id == as_id(dev))?;
        leaving.remove(at).ok().map(|left| left.group)
    }
}
