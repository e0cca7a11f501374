// SPDX-License-Identifier: GPL-2.0-only

//! Devices that are reset together.
//!
//! Resetting a slot or a bus hits every function below it. Devices that share such a fate share a
//! [`DeviceSet`], and opening, closing and resetting them happens under the set's one lock.
//!
//! Lock order: `GroupState` → [`SetState`]; the list of sets is a leaf.
//!
//! C counterpart: `struct vfio_device_set` in
//! [`drivers/vfio/vfio_main.c`](srctree/drivers/vfio/vfio_main.c)

use kernel::{
    prelude::*,
    sync::{
        new_mutex,
        Arc,
        Mutex,
        MutexGuard, //
    }, //
};

/// What is reset as a whole. The numbers only have to be different for different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetId {
    /// A device that can be reset alone.
    Device(usize),
    /// Everything in a hotplug slot.
    Slot(usize),
    /// Everything on a bus.
    Bus(usize),
}

/// The devices that share a [`SetId`].
#[pin_data]
pub(crate) struct DeviceSet {
    id: SetId,

    #[pin]
    state: Mutex<SetState>,
}

/// What the lock of a set protects; each device keeps its part in a `LockedBy`.
pub(crate) struct SetState {
    /// The number of devices of the set that are open. Also what makes the state a place of its
    /// own: `LockedBy` tells owners apart by their address, so they cannot be without size.
    pub(super) open: usize,
}

impl DeviceSet {
    fn new(id: SetId) -> impl PinInit<Self> {
        pin_init!(Self {
            id,
            state <- new_mutex!(SetState { open: 0 }, "DeviceSet::state"),
        })
    }

    /// Takes the lock of the set.
    pub(crate) fn lock(&self) -> MutexGuard<'_, SetState> {
        self.state.lock()
    }

    pub(crate) fn mutex(&self) -> &Mutex<SetState> {
        &self.state
    }
}

/// All sets that have a device.
#[pin_data]
pub(crate) struct Sets {
    #[pin]
    list: Mutex<KVec<Entry>>,
}

/// A set and the number of its devices.
struct Entry {
    set: Arc<DeviceSet>,
    members: usize,
}

impl Sets {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            list <- new_mutex!(KVec::new(), "Sets::list"),
        })
    }

    /// Makes the caller a member of the set `id`, until the result is dropped.
    pub(crate) fn join(this: &Arc<Self>, id: SetId) -> Result<Membership> {
        // Made before the lock is taken, and not used if the set exists.
        let fresh = Arc::pin_init(DeviceSet::new(id), GFP_KERNEL)?;
        let mut list = this.list.lock();
        let set = match list.iter_mut().find(|entry| entry.set.id == id) {
            Some(entry) => {
                entry.members = entry.members.checked_add(1).ok_or(EOVERFLOW)?;
                entry.set.clone()
            }
            None => {
                list.push(
                    Entry {
                        set: fresh.clone(),
                        members: 1,
                    },
                    GFP_KERNEL,
                )?;
                fresh
            }
        };
        Ok(Membership {
            sets: this.clone(),
            set,
        })
    }

    fn leave(&self, id: SetId) {
        let mut list = self.list.lock();
        list.retain(|entry| {
            if entry.set.id == id {
                entry.members = entry.members.saturating_sub(1);
            }
            entry.members != 0
        });
    }
}

/// A device's place in its set.
pub(crate) struct Membership {
    sets: Arc<Sets>,
    set: Arc<DeviceSet>,
}

impl core::ops::Deref for Membership {
    type Target = DeviceSet;

    fn deref(&self) -> &DeviceSet {
        &self.set
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.sets.leave(self.set.id);
    }
}
