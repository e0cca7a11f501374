// SPDX-License-Identifier: GPL-2.0-only

//! Event file descriptors.
//!
//! [`EventFdCtx`] is the kernel's end of a descriptor that user space made with `eventfd(2)`. VFIO
//! signals one to say that an interrupt fired, that a device failed, or that the host wants a
//! device back.
//!
//! C header: [`include/linux/eventfd.h`](srctree/include/linux/eventfd.h)

mod waker;

pub use waker::{
    Listen,
    Wake,
    Waker, //
};

use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    error::from_err_ptr,
    prelude::*, //
};

/// A counted reference to the context behind an event file descriptor.
///
/// The context outlives the descriptor: signalling one whose descriptor is closed has no effect.
///
/// # Invariants
///
/// `0` points to a live `struct eventfd_ctx` and this value owns one of its references.
pub struct EventFdCtx(NonNull<bindings::eventfd_ctx>);

// SAFETY: The context is reference counted with atomics and may be released from any task.
unsafe impl Send for EventFdCtx {}

// SAFETY: Signalling takes the context's own lock, so shared use from several threads is sound.
unsafe impl Sync for EventFdCtx {}

impl EventFdCtx {
    /// Looks up the event file descriptor `fd` in the calling task.
    ///
    /// # Errors
    ///
    /// `EBADF` if `fd` is not open, `EINVAL` if it is not an event file descriptor.
    pub fn from_fd(fd: i32) -> Result<Self> {
        // SAFETY: The call takes any integer and looks it up in the calling task's table.
        let ctx = from_err_ptr(unsafe { bindings::eventfd_ctx_fdget(fd) })?;
        // INVARIANT: `eventfd_ctx_fdget` returned a context with a reference for the caller.
        NonNull::new(ctx).map(Self).ok_or(EINVAL)
    }

    /// Adds one to the counter and wakes whoever waits on it.
    ///
    /// May be called from any context, hard interrupts included.
    #[inline]
    pub fn signal(&self) {
        // SAFETY: `self.0` is a live context by the type invariant; the call takes only the
        // context's interrupt-safe lock.
        unsafe { bindings::eventfd_signal_mask(self.as_raw(), 0) };
    }

    /// Returns the raw context, which also serves as the identity of the descriptor.
    #[inline]
    pub(crate) fn as_raw(&self) -> *mut bindings::eventfd_ctx {
        self.0.as_ptr()
    }
}

impl Drop for EventFdCtx {
    fn drop(&mut self) {
        // SAFETY: The reference belongs to this value by the type invariant, and nothing uses the
        // pointer after this.
        unsafe { bindings::eventfd_ctx_put(self.as_raw()) };
    }
}
