// SPDX-License-Identifier: GPL-2.0-only

//! A place for one event file descriptor that user space signals and the kernel acts upon.
//!
//! Where an interrupt goes from the device to user space through an eventfd, a *virqfd* is the way
//! back: the unmask eventfd of INTx, and the eventfds that write to a register. A [`Virqfd`] holds
//! at most one listener. It becomes free again when user space takes the descriptor back, or closes
//! it; either way nobody has to tell the other.
//!
//! The owner keeps it inside its own lock, which [`Wake::run`] must not take.
//!
//! C counterpart: [`drivers/vfio/virqfd.c`](srctree/drivers/vfio/virqfd.c)

use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::eventfd::{
    Listen,
    Wake,
    Waker, //
};

/// Room for one listener.
#[derive(Default)]
pub struct Virqfd {
    waker: Option<Waker>,
}

impl Virqfd {
    /// Returns an empty place.
    pub const fn new() -> Self {
        Self { waker: None }
    }

    /// Makes `target` listen on the event file descriptor `fd` of the calling task.
    ///
    /// # Errors
    ///
    /// `EBADF` if `fd` is not open, `EINVAL` if it is not an eventfd, `EBUSY` if the place is taken
    /// by a listener whose eventfd is still open, `ENOMEM`. The first that applies, in this order.
    pub fn enable(&mut self, fd: i32, target: Arc<dyn Wake>) -> Result {
        let listen = Listen::from_fd(fd)?;
        if self.waker.as_ref().is_some_and(|waker| !waker.is_closed()) {
            return Err(EBUSY);
        }
        // The old one, whose eventfd is gone, leaves before the new one comes.
        self.waker = None;
        self.waker = Some(listen.attach(target)?);
        Ok(())
    }

    /// Stops listening, and waits until the target is not running any more.
    pub fn disable(&mut self) {
        self.waker = None;
    }

    /// Waits until a [`Wake::run`] that is due has returned.
    pub fn flush(&self) {
        if let Some(waker) = &self.waker {
            waker.flush();
        }
    }
}
