// SPDX-License-Identifier: GPL-2.0-only

//! The eventfds by which the host itself speaks to user space: ERR and REQ.
//!
//! [`Notify`] holds one of them. It has a spinlock of its own instead of `igate`, because the host
//! rings while it holds the device's lock, and `igate` may wait for a reset that needs that lock.
//!
//! Locks: the spinlock is innermost, and not held while the eventfd is signalled.
//!
//! C counterpart: [`drivers/vfio/pci/vfio_pci_intrs.c`](srctree/drivers/vfio/pci/vfio_pci_intrs.c),
//! `vfio_pci_set_ctx_trigger_single`.

use kernel::{
    new_spinlock,
    prelude::*,
    sync::{
        Arc,
        SpinLock, //
    }, //
};
use kernel_ext::eventfd::EventFdCtx;
use vfio::irq_set::{
    IrqData,
    IrqSet, //
};

/// Room for one eventfd to ring.
#[pin_data]
pub(super) struct Notify {
    #[pin]
    trigger: SpinLock<Option<Arc<EventFdCtx>>>,
}

impl Notify {
    /// Returns an initialiser for one without an eventfd.
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            trigger <- new_spinlock!(None, "Notify::trigger"),
        })
    }

    /// Handles TRIGGER.
    ///
    /// # Errors
    ///
    /// `EINVAL` if data is missing, the descriptor is below -1, or there is no eventfd where DATA_NONE
    /// wants one; `EBADF` or `EINVAL` if the descriptor is not an eventfd; `ENOMEM`.
    pub(super) fn set(&self, set: &IrqSet) -> Result {
        if set.start != 0 || set.count > 1 {
            return Err(EINVAL);
        }
        match &set.data {
            IrqData::None if self.trigger().is_none() => return Err(EINVAL),
            IrqData::None if set.count == 0 => self.replace(None),
            IrqData::None => {
                self.ring();
            }
            IrqData::Bools(bools) => {
                if *bools.first().ok_or(EINVAL)? {
                    self.ring();
                }
            }
            IrqData::Fds(fds) => match *fds.first().ok_or(EINVAL)? {
                -1 => self.replace(None),
                fd @ 0.. => {
                    let trigger = EventFdCtx::from_fd(fd)?;
                    self.replace(Some(Arc::new(trigger, GFP_KERNEL_ACCOUNT)?));
                }
                _ => return Err(EINVAL),
            },
        }
        Ok(())
    }

    /// Signals the eventfd; returns whether there is one.
    pub(super) fn ring(&self) -> bool {
        let trigger = self.trigger();
        if let Some(trigger) = &trigger {
            trigger.signal();
        }
        trigger.is_some()
    }

    /// Returns a reference that needs no lock.
    fn trigger(&self) -> Option<Arc<EventFdCtx>> {
        self.trigger.lock().clone()
    }

    /// Puts another eventfd in place. The old one is released without the lock.
    fn replace(&self, new: Option<Arc<EventFdCtx>>) {
        let old = core::mem::replace(&mut *self.trigger.lock(), new);
        drop(old);
    }
}
