// SPDX-License-Identifier: GPL-2.0-only

//! All devices that are bound to a VFIO driver.
//!
//! Whether a group is viable depends on all its members, and with a coarser isolation on the members
//! of other groups, too. The list answers for any device whether it is one of ours, without the locks
//! of its group.
//!
//! Lock order: the list is a leaf.

use kernel::{
    device,
    prelude::*,
    sync::{
        new_mutex,
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::device::same_device;

use super::Device;

/// The devices that can be opened.
#[pin_data]
pub(crate) struct Bound {
    #[pin]
    list: Mutex<KVec<Arc<Device>>>,
}

impl Bound {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            list <- new_mutex!(KVec::new(), "Bound::list"),
        })
    }

    /// Adds a device. Fails with `ENOMEM`.
    pub(crate) fn add(&self, device: &Arc<Device>) -> Result {
        Ok(self.list.lock().push(device.clone(), GFP_KERNEL)?)
    }

    /// Undoes [`Bound::add`].
    pub(crate) fn remove(&self, device: &Arc<Device>) {
        let mut list = self.list.lock();
        let at = list.iter().position(|there| Arc::ptr_eq(there, device));
        let removed = at.and_then(|at| list.remove(at).ok());
        drop(list);
        drop(removed);
    }

    /// Returns what VFIO knows of `dev`, if it is bound to a VFIO driver.
    pub(crate) fn get(&self, dev: &device::Device) -> Option<Arc<Device>> {
        let list = self.list.lock();
        let found = list.iter().find(|there| same_device(there.dev(), dev));
        found.cloned()
    }

    /// Returns whether `dev` is bound to a VFIO driver.
    pub(crate) fn has(&self, dev: &device::Device) -> bool {
        let list = self.list.lock();
        list.iter().any(|there| same_device(there.dev(), dev))
    }
}
