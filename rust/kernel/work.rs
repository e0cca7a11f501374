// SPDX-License-Identifier: GPL-2.0-only

//! Work for later, owned by whoever has it done.
//!
//! The work items of the `kernel` crate keep their data alive by reference counts, so the last
//! reference may be dropped by a worker, at any time, even when the module is being unloaded. A
//! [`Deferred`] belongs to one owner instead, and dropping it waits for the worker.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)

use crate::bindings;
use kernel::{
    container_of,
    prelude::*,
    types::Opaque, //
};

/// What a [`Deferred`] does.
pub trait Job: Send + Sync {
    /// Does it. Called from a worker that may sleep, by one at a time.
    ///
    /// Must not take a lock under which the [`Deferred`] is flushed or dropped.
    fn run(&self);
}

/// Work that can be asked for at any time and is done soon.
#[pin_data(PinnedDrop)]
pub struct Deferred<J: Job> {
    #[pin]
    raw: Opaque<bindings::work_struct>,
    job: J,
}

// SAFETY: A work item may be queued, flushed and cancelled from any thread.
unsafe impl<J: Job> Send for Deferred<J> {}
// SAFETY: As above; and the job is shared between threads, which it allows.
unsafe impl<J: Job> Sync for Deferred<J> {}

impl<J: Job> Deferred<J> {
    /// Returns work that nobody has asked for yet.
    pub fn new(job: J) -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY: The slot is valid for writes and stays where it is.
            raw <- Opaque::ffi_init(|slot| unsafe {
                bindings::vfio_helper_init_work(slot, Some(Self::run))
            }),
            job,
        })
    }

    /// Asks for the work. May be called from any context.
    ///
    /// If it is under way already, it is done once more.
    pub fn ask(&self) {
        // SAFETY: The work was initialised; the queue is the system's and lives for ever.
        unsafe {
            bindings::queue_work_on(
                // CAST: A small constant.
                bindings::wq_misc_consts_WORK_CPU_UNBOUND as c_int,
                bindings::system_dfl_long_wq,
                self.raw.get(),
            )
        };
    }

    /// Waits until the work is done that was asked for before.
    pub fn flush(&self) {
        // SAFETY: The work was initialised.
        unsafe { bindings::flush_work(self.raw.get()) };
    }

    /// Returns the job.
    pub fn job(&self) -> &J {
        &self.job
    }

    /// A worker has come.
    ///
    /// # Safety
    ///
    /// Only for the kernel, as the function of a work item that [`Deferred::new`] initialised.
    unsafe extern "C" fn run(raw: *mut bindings::work_struct) {
        // SAFETY: The work item is the `raw` of a `Deferred<J>`, whose drop waits for this call.
        let this = unsafe { &*container_of!(Opaque::cast_from(raw), Self, raw) };
        this.job.run();
    }
}

#[pinned_drop]
impl<J: Job> PinnedDrop for Deferred<J> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: The work was initialised. Nobody can ask for it any more, as that takes a
        // reference to this value.
        unsafe { bindings::cancel_work_sync(self.raw.get()) };
    }
}
