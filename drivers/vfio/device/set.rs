// SPDX-License-Identifier: GPL-2.0-only

//! Devices that are reset together.
//!
//! Resetting a slot or a bus hits every function below it. Devices that share such a fate share a
//! [`DeviceSet`]. They are opened and closed one beside the other, see [`access`](super::access);
//! whoever resets the set waits until nobody does, and keeps everybody out meanwhile, see [`locked`].
//!
//! Lock order: [`SetState`] → the memory gates of all devices of the set, which are only tried; the
//! list of sets is a leaf.
//!
//! C counterpart: `struct vfio_device_set` in
//! [`drivers/vfio/vfio_main.c`](srctree/drivers/vfio/vfio_main.c)

mod locked;
mod owned;

use kernel::{
    prelude::*,
    sync::{
        new_condvar,
        new_mutex,
        Arc,
        CondVar,
        Mutex,
        MutexGuard, //
    }, //
};

use super::Device;

pub use self::locked::{
    AwakeSet,
    HeldSet,
    LockedSet, //
};
pub use self::owned::{
    DeviceId,
    Owned, //
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
pub struct DeviceSet {
    id: SetId,

    #[pin]
    state: Mutex<SetState>,

    /// A device was opened or closed.
    #[pin]
    changed: CondVar,
}

/// What the lock of a set protects; each device keeps its part in a `LockedBy`.
pub(crate) struct SetState {
    /// All devices of the set: from before they can be opened until after their last close.
    ///
    /// Also what makes the state a place of its own: `LockedBy` tells owners apart by their address,
    /// so they cannot be without size.
    members: KVec<Arc<Device>>,

    /// How many of them are just being opened or closed.
    changing: usize,
}

impl SetState {
    /// Counts a device that somebody begins to open or close.
    pub(super) fn change_begins(&mut self) {
        self.changing = self.changing.saturating_add(1);
    }

    /// Undoes [`SetState::change_begins`]; returns whether that was the only one.
    pub(super) fn change_ends(&mut self) -> bool {
        self.changing = self.changing.saturating_sub(1);
        self.changing == 0
    }
}

impl DeviceSet {
    fn new(id: SetId) -> impl PinInit<Self> {
        let state = SetState {
            members: KVec::new(),
            changing: 0,
        };
        pin_init!(Self {
            id,
            state <- new_mutex!(state, "DeviceSet::state"),
            changed <- new_condvar!("DeviceSet::changed"),
        })
    }

    /// Waits for the lock of the set, with nobody opening or closing any of its devices.
    pub fn lock(&self) -> LockedSet<'_> {
        LockedSet::new(self.lock_when(|state| state.changing == 0))
    }

    /// Waits for the lock of the set, at a time when `ready` says yes.
    pub(super) fn lock_when(&self, ready: impl Fn(&SetState) -> bool) -> MutexGuard<'_, SetState> {
        let mut state = self.state.lock();
        while !ready(&state) {
            self.changed.wait(&mut state);
        }
        state
    }

    /// Lets everybody look again who waits for the set.
    pub(super) fn wake(&self) {
        self.changed.notify_all();
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

/// A claim on a set, which exists as long as somebody has one.
pub(crate) struct Membership {
    sets: Arc<Sets>,
    set: Arc<DeviceSet>,
}

impl core::ops::Deref for Membership {
    type Target = Arc<DeviceSet>;

    fn deref(&self) -> &Arc<DeviceSet> {
        &self.set
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.sets.leave(self.set.id);
    }
}

/// A device's place on the list of its set, until it is dropped.
pub(crate) struct Listed(Arc<Device>);

impl Listed {
    /// Puts `device` on the list.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(device: Arc<Device>) -> Result<Self> {
        let mut set = device.set().state.lock();
        set.members.push(device.clone(), GFP_KERNEL)?;
        drop(set);
        Ok(Self(device))
    }
}

impl core::ops::Deref for Listed {
    type Target = Arc<Device>;

    fn deref(&self) -> &Arc<Device> {
        &self.0
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        // The list's reference is not the last one, so the device is not freed in here.
        let mut set = self.0.set().state.lock();
        set.members.retain(|member| !Arc::ptr_eq(member, &self.0));
    }
}
