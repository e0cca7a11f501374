// SPDX-License-Identifier: GPL-2.0-only

//! Waiting for something to end, with a limit.
//!
//! `kernel::sync::Completion` can only be waited on without a limit. [`Event`] is the same thing
//! with limits, for loops that do something about it when waiting takes long.
//!
//! C header: [`include/linux/completion.h`](srctree/include/linux/completion.h)

use crate::bindings;
use kernel::{
    prelude::*,
    time::msecs_to_jiffies,
    types::Opaque, //
};

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// The event has happened.
    Done,
    /// The time is over.
    TimedOut,
    /// A signal came.
    Interrupted,
}

/// Something that happens once.
#[pin_data]
pub struct Event {
    #[pin]
    completion: Opaque<bindings::completion>,
}

// SAFETY: A completion may be used from any thread.
unsafe impl Send for Event {}

// SAFETY: A completion has a lock of its own.
unsafe impl Sync for Event {}

impl Event {
    /// Returns an initialiser for an event that has not happened.
    pub fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            completion <- Opaque::ffi_init(|slot: *mut bindings::completion| {
                // SAFETY: `slot` is valid for writes.
                unsafe { bindings::vfio_helper_init_completion(slot) }
            }),
        })
    }

    /// The event has happened: ends all waits, now and later.
    pub fn happen(&self) {
        // SAFETY: The completion was initialised and is pinned.
        unsafe { bindings::complete_all(self.completion.get()) }
    }

    /// Waits for at most `ms` milliseconds, or until a signal comes.
    pub fn wait_interruptible(&self, ms: u32) -> Waited {
        // SAFETY: The completion was initialised and is pinned.
        let left = unsafe {
            bindings::wait_for_completion_interruptible_timeout(
                self.completion.get(),
                msecs_to_jiffies(ms),
            )
        };
        match left {
            0 => Waited::TimedOut,
            1.. => Waited::Done,
            _ => Waited::Interrupted,
        }
    }

    /// Waits for at most `ms` milliseconds, whatever signals come.
    pub fn wait(&self, ms: u32) -> Waited {
        // SAFETY: The completion was initialised and is pinned.
        let left = unsafe {
            bindings::wait_for_completion_timeout(self.completion.get(), msecs_to_jiffies(ms))
        };
        if left == 0 {
            Waited::TimedOut
        } else {
            Waited::Done
        }
    }
}
