// SPDX-License-Identifier: GPL-2.0-only

//! Running code when user space signals an event file descriptor.
//!
//! A [`Waker`] sits in the wait queue of an eventfd. When the eventfd is written to, it takes the
//! count and calls its target's [`Wake::wake`] right there; if that asks for more, a worker calls
//! [`Wake::run`]. When the last descriptor of the eventfd is closed, the waker leaves the queue by
//! itself and [`Waker::is_closed`] says so. Dropping it leaves the queue, if that has not happened,
//! and waits for the worker.
//!
//! Locks: the eventfd's queue lock, with interrupts off, is held around `wake`. So a target may
//! take interrupt-safe spinlocks, but must not hold one of them while it signals any eventfd.
//!
//! C header: [`include/linux/eventfd.h`](srctree/include/linux/eventfd.h)

use super::EventFdCtx;
use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    container_of,
    error::from_err_ptr,
    fs::LocalFile,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        ArcBorrow, //
    },
    types::Opaque,
    workqueue::{
        self,
        impl_has_work,
        new_work,
        Work,
        WorkItem, //
    },
};

/// `EPOLLIN`: the counter is not zero.
const EPOLLIN: u32 = 0x1;

/// `EPOLLHUP`: the last descriptor is being closed.
const EPOLLHUP: u32 = 0x10;

/// What a [`Waker`] calls.
pub trait Wake: Send + Sync + 'static {
    /// Handles one or more signals; returns whether [`run`](Self::run) shall follow.
    ///
    /// Called with the eventfd's queue lock held and interrupts off: must not sleep, and must not
    /// signal an eventfd, which could be the same one.
    fn wake(&self) -> bool;

    /// Does the part that [`wake`](Self::wake) may not.
    ///
    /// Called from a worker that may sleep. Must not take a lock under which a [`Waker`] of this
    /// target is dropped or flushed.
    fn run(&self);
}

/// An event file descriptor to listen on, looked up and not yet listened to.
///
/// Two steps, so that a caller can look at the descriptor first and decide then.
pub struct Listen {
    file: ARef<LocalFile>,
    ctx: EventFdCtx,
}

impl Listen {
    /// Looks up the event file descriptor `fd` in the calling task.
    ///
    /// # Errors
    ///
    /// `EBADF` if `fd` is not open, `EINVAL` if it is not an event file descriptor.
    pub fn from_fd(fd: i32) -> Result<Self> {
        // CAST: The table is indexed by the same bits; a negative number is beyond its end.
        let file = LocalFile::fget(fd as u32)?;
        // SAFETY: `file` is a live file, of which we hold a reference.
        let ctx = from_err_ptr(unsafe { bindings::eventfd_ctx_fileget(file.as_ptr()) })?;
        // INVARIANT: The call returned a context with a reference for the caller.
        let ctx = NonNull::new(ctx).map(EventFdCtx).ok_or(EINVAL)?;
        Ok(Self { file, ctx })
    }

    /// Starts to listen. A signal that is already there counts.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn attach(self, target: Arc<dyn Wake>) -> Result<Waker> {
        let hook = Arc::pin_init(Hook::new(self.ctx, target), GFP_KERNEL_ACCOUNT)?;
        let mut request = PollRequest {
            table: bindings::poll_table_struct {
                _qproc: Some(join_queue),
                _key: !0,
            },
            entry: hook.entry.get(),
        };
        // SAFETY:
        // - The file is live and is an eventfd, whose `poll` calls `_qproc` once, with the queue
        //   of the context that `hook.ctx` is a reference to, and keeps nothing of the table.
        // - `_qproc` finds its `PollRequest` around the table.
        let events =
            unsafe { bindings::vfio_helper_vfs_poll(self.file.as_ptr(), &raw mut request.table) };
        // INVARIANT: The hook is in the queue now. Should it have left already, that is the one
        // way out that the type knows.
        let waker = Waker(hook);
        if events & EPOLLIN != 0 {
            Hook::fire(waker.0.as_arc_borrow());
        }
        Ok(waker)
    }
}

/// Calls a target whenever an event file descriptor is signalled.
///
/// # Invariants
///
/// The hook was put into the wait queue of its `ctx`, and has left it since only if `closed` is
/// set.
#[must_use = "dropping it stops listening"]
pub struct Waker(Arc<Hook>);

impl Waker {
    /// Returns whether the last descriptor was closed, after which nothing happens any more.
    pub fn is_closed(&self) -> bool {
        self.0.closed.load(Relaxed)
    }

    /// Waits until a [`Wake::run`] that is due has returned.
    pub fn flush(&self) {
        let hook: *const Hook = &*self.0;
        // SAFETY: The pointer is valid and so is the work in it, which `Hook::new` initialised.
        unsafe { bindings::flush_work(Work::raw_get(&raw const (*hook).work)) };
    }
}

impl Drop for Waker {
    fn drop(&mut self) {
        let mut count = 0;
        // SAFETY: `ctx` is live, and by the type invariant the entry is in its queue or, if closed,
        // points to itself, which makes the removal a no-op. The queue lock is taken, so no
        // callback runs when the call returns, and none will start.
        unsafe {
            bindings::eventfd_ctx_remove_wait_queue(
                self.0.ctx.as_raw(),
                self.0.entry.get(),
                &mut count,
            )
        };
        // Nothing can queue the work any more.
        self.flush();
    }
}

/// What is in the wait queue.
#[pin_data]
struct Hook {
    target: Arc<dyn Wake>,
    ctx: EventFdCtx,

    /// Set when the entry has left the queue because the eventfd was closed.
    closed: Atomic<bool>,

    /// Protected by the queue's lock.
    #[pin]
    entry: Opaque<bindings::wait_queue_entry>,

    #[pin]
    work: Work<Hook>,
}

// SAFETY: `entry` is only used by the wait queue, under its lock. All else is `Send`.
unsafe impl Send for Hook {}

// SAFETY: As above, and all else is `Sync`.
unsafe impl Sync for Hook {}

impl_has_work! {
    impl HasWork<Self> for Hook { self.work }
}

impl Hook {
    /// Returns an initialiser for a hook that is not in a queue yet.
    fn new(ctx: EventFdCtx, target: Arc<dyn Wake>) -> impl PinInit<Self> {
        pin_init!(Self {
            target,
            ctx,
            closed: Atomic::new(false),
            // SAFETY: The closure initialises all of the slot; both pointers of the list entry
            // point to the entry itself, which is what an entry outside of a list looks like.
            entry <- Opaque::ffi_init(|slot: *mut bindings::wait_queue_entry| unsafe {
                let list = &raw mut (*slot).entry;
                slot.write(bindings::wait_queue_entry {
                    flags: 0,
                    private: core::ptr::null_mut(),
                    func: Some(on_wake),
                    entry: bindings::list_head {
                        next: list,
                        prev: list,
                    },
                });
            }),
            work <- new_work!("Waker::work"),
        })
    }

    /// Tells the target about a signal.
    fn fire(this: ArcBorrow<'_, Self>) {
        if this.target.wake() {
            // If it is queued already, one run serves both signals.
            let _ = workqueue::system().enqueue(Arc::from(this));
        }
    }
}

impl WorkItem for Hook {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        this.target.run();
    }
}

/// A poll table that says where to put what.
///
/// The table is the first field, so that their addresses are the same.
#[repr(C)]
struct PollRequest {
    table: bindings::poll_table_struct,
    entry: *mut bindings::wait_queue_entry,
}

/// Puts the entry of a [`PollRequest`] into a wait queue.
///
/// # Safety
///
/// `queue` is a live wait queue, and `table` is the one in a [`PollRequest`] whose entry is not in
/// a queue and stays valid until it is removed from this one.
unsafe extern "C" fn join_queue(
    _file: *mut bindings::file,
    queue: *mut bindings::wait_queue_head_t,
    table: *mut bindings::poll_table_struct,
) {
    // SAFETY: By the requirements of this function.
    unsafe {
        let request = table.cast::<PollRequest>();
        bindings::add_wait_queue(queue, (*request).entry)
    };
}

/// Handles a wake-up of the wait queue.
///
/// # Safety
///
/// `entry` is the one in a live [`Hook`] of an `Arc`, in the queue of its `ctx`, whose lock is held
/// with interrupts off. `key` holds the events.
unsafe extern "C" fn on_wake(
    entry: *mut bindings::wait_queue_entry,
    _mode: c_uint,
    _flags: c_int,
    key: *mut c_void,
) -> c_int {
    let cell = Opaque::cast_from(entry);
    // SAFETY: By the requirements of this function. The `Waker` owns a reference and leaves the
    // queue, under the lock that is held here, before it gives it up.
    let hook = unsafe { ArcBorrow::from_raw(container_of!(cell, Hook, entry)) };
    // CAST: `poll_to_key`, the events are in the low bits of the pointer.
    let events = key as usize as u32;

    if events & EPOLLIN != 0 {
        let mut count = 0;
        // SAFETY: The context is live and its queue lock is held.
        unsafe { bindings::eventfd_ctx_do_read(hook.ctx.as_raw(), &mut count) };
        Hook::fire(hook);
    }
    if events & EPOLLHUP != 0 {
        // SAFETY: The entry is in a list whose lock is held. The walk over it that called this
        // allows for the current entry to leave. The entry points to itself afterwards.
        unsafe { bindings::vfio_helper_list_del_init(&raw mut (*entry).entry) };
        hook.closed.store(true, Relaxed);
    }
    0
}
