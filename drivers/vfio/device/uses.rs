// SPDX-License-Identifier: GPL-2.0-only

//! Who uses a device, so that unregistering it can wait until nobody does.
//!
//! Lock order: the lock of [`Uses`] is a leaf.
//!
//! C counterpart: `vfio_device_try_get_registration` in
//! [`drivers/vfio/vfio_main.c`](srctree/drivers/vfio/vfio_main.c)

use kernel::{
    prelude::*,
    sync::{
        new_mutex,
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::sync::{
    Event,
    Waited, //
};

/// Who uses a device. It outlives the device, so that the last user can let go of that first.
#[pin_data]
pub(super) struct Uses {
    #[pin]
    users: Mutex<Users>,

    /// Happens when the device has been unregistered and nobody uses it any more.
    #[pin]
    unused: Event,
}

/// What the lock of [`Uses`] protects.
struct Users {
    /// The number of [`Use`]s.
    count: usize,

    /// Whether the device has been unregistered, so that there will be no new ones.
    leaving: bool,
}

impl Uses {
    pub(super) fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                users <- new_mutex!(Users { count: 0, leaving: false }, "Uses::users"),
                unused <- Event::new(),
            }),
            GFP_KERNEL,
        )
    }

    /// Takes a use, unless the device is leaving.
    pub(super) fn take(self: &Arc<Self>) -> Option<Use> {
        let mut users = self.users.lock();
        if users.leaving {
            return None;
        }
        users.count = users.count.checked_add(1)?;
        drop(users);
        Some(Use(self.clone()))
    }

    /// Lets nobody in any more.
    pub(super) fn close(&self) {
        let mut users = self.users.lock();
        users.leaving = true;
        if users.count == 0 {
            self.unused.happen();
        }
    }

    /// Waits at most `ms` milliseconds until the device is closed and unused.
    pub(super) fn wait(&self, ms: u32) -> Waited {
        self.unused.wait(ms)
    }

    /// The same, unless a signal comes first.
    pub(super) fn wait_interruptible(&self, ms: u32) -> Waited {
        self.unused.wait_interruptible(ms)
    }
}

/// One use, given back when it is dropped.
pub(super) struct Use(Arc<Uses>);

impl Use {
    /// Takes another use, also while the device is leaving.
    ///
    /// Returns `None` if there are too many.
    pub(super) fn again(&self) -> Option<Self> {
        let mut users = self.0.users.lock();
        users.count = users.count.checked_add(1)?;
        drop(users);
        Some(Self(self.0.clone()))
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        let mut users = self.0.users.lock();
        users.count = users.count.saturating_sub(1);
        if users.leaving && users.count == 0 {
            self.0.unused.happen();
        }
    }
}
