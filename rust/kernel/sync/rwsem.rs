// SPDX-License-Identifier: GPL-2.0-only

//! A reader-writer semaphore that owns what it protects.
//!
//! Any number of readers or one writer. Waiting sleeps, so it must not be taken in atomic context;
//! holding it while sleeping is fine. VFIO uses it where many short operations must all stand
//! still for a rare one: register accesses while a device is reset, group look-ups while a
//! container changes its backend.
//!
//! C header: [`include/linux/rwsem.h`](srctree/include/linux/rwsem.h)

use crate::bindings;
use core::{
    cell::UnsafeCell,
    marker::PhantomPinned,
    ops::{
        Deref,
        DerefMut, //
    }, //
};
use kernel::{
    prelude::*,
    sync::LockClassKey,
    types::{
        NotThreadSafe,
        Opaque, //
    }, //
};

/// Creates an [`RwSemaphore`](crate::sync::RwSemaphore) initialiser with the given name and a lock
/// class of its own.
#[macro_export]
macro_rules! new_rwsem {
    ($inner:expr, $name:literal $(,)?) => {
        $crate::sync::RwSemaphore::new(
            $inner,
            $crate::private::kernel::c_str!($name),
            $crate::private::kernel::static_lock_class!(),
        )
    };
}

/// A value behind a `struct rw_semaphore`.
#[pin_data]
pub struct RwSemaphore<T: ?Sized> {
    #[pin]
    sem: Opaque<bindings::rw_semaphore>,

    /// The semaphore has a list head inside, so it must stay where it was initialised.
    #[pin]
    _pin: PhantomPinned,

    data: UnsafeCell<T>,
}

// SAFETY: The semaphore may be used from any thread, so the whole may move if the data may.
unsafe impl<T: ?Sized + Send> Send for RwSemaphore<T> {}

// SAFETY: Writers have the data alone, which needs `Send`; readers share it, which needs `Sync`.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwSemaphore<T> {}

impl<T> RwSemaphore<T> {
    /// Returns an initialiser; use [`new_rwsem!`](crate::new_rwsem).
    pub fn new(
        data: T,
        name: &'static CStr,
        key: Pin<&'static LockClassKey>,
    ) -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY:
            // - `slot` is valid for writes while the closure runs.
            // - `name` and `key` are static, so they outlive the semaphore.
            sem <- Opaque::ffi_init(|slot| unsafe {
                bindings::__init_rwsem(slot, name.as_char_ptr(), key.as_ptr())
            }),
            _pin: PhantomPinned,
            data: UnsafeCell::new(data),
        })
    }
}

impl<T: ?Sized> RwSemaphore<T> {
    /// Waits until no writer holds the semaphore and joins the readers.
    pub fn read(&self) -> ReadGuard<'_, T> {
        // SAFETY: `sem` was initialised by the constructor and is pinned.
        unsafe { bindings::down_read(self.sem.get()) };
        ReadGuard::new(self)
    }

    /// Joins the readers if that takes no waiting.
    ///
    /// May be called from any context, hard interrupts included, and the guard be dropped there.
    #[must_use = "if unused, the semaphore is released at once"]
    pub fn try_read(&self) -> Option<ReadGuard<'_, T>> {
        // SAFETY: `sem` was initialised by the constructor and is pinned.
        let taken = unsafe { bindings::down_read_trylock(self.sem.get()) } != 0;
        taken.then(|| ReadGuard::new(self))
    }

    /// Waits until nobody else holds the semaphore and takes it alone.
    pub fn write(&self) -> WriteGuard<'_, T> {
        // SAFETY: `sem` was initialised by the constructor and is pinned.
        unsafe { bindings::down_write(self.sem.get()) };
        WriteGuard::new(self)
    }

    /// Takes the semaphore alone if that takes no waiting.
    #[must_use = "if unused, the semaphore is released at once"]
    pub fn try_write(&self) -> Option<WriteGuard<'_, T>> {
        // SAFETY: `sem` was initialised by the constructor and is pinned.
        let taken = unsafe { bindings::down_write_trylock(self.sem.get()) } != 0;
        taken.then(|| WriteGuard::new(self))
    }
}

/// Proof that the holder is one of the readers of an [`RwSemaphore`].
///
/// # Invariants
///
/// The semaphore is held for reading, on behalf of the thread that made this guard.
#[must_use = "the semaphore is released at once when the guard is unused"]
pub struct ReadGuard<'a, T: ?Sized> {
    lock: &'a RwSemaphore<T>,
    _not_send: NotThreadSafe,
}

// SAFETY: Sharing the guard only shares `&T`.
unsafe impl<T: ?Sized + Sync> Sync for ReadGuard<'_, T> {}

impl<'a, T: ?Sized> ReadGuard<'a, T> {
    // INVARIANT: Callers have just taken `lock` for reading.
    fn new(lock: &'a RwSemaphore<T>) -> Self {
        Self {
            lock,
            _not_send: NotThreadSafe,
        }
    }
}

impl<T: ?Sized> Deref for ReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: The semaphore is held for reading, so nobody holds a unique reference.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T: ?Sized> Drop for ReadGuard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant this thread holds the semaphore for reading.
        unsafe { bindings::up_read(self.lock.sem.get()) };
    }
}

/// Proof that the holder has an [`RwSemaphore`] alone.
///
/// # Invariants
///
/// The semaphore is held for writing, on behalf of the thread that made this guard.
#[must_use = "the semaphore is released at once when the guard is unused"]
pub struct WriteGuard<'a, T: ?Sized> {
    lock: &'a RwSemaphore<T>,
    _not_send: NotThreadSafe,
}

// SAFETY: Sharing the guard only shares `&T`.
unsafe impl<T: ?Sized + Sync> Sync for WriteGuard<'_, T> {}

impl<'a, T: ?Sized> WriteGuard<'a, T> {
    // INVARIANT: Callers have just taken `lock` for writing.
    fn new(lock: &'a RwSemaphore<T>) -> Self {
        Self {
            lock,
            _not_send: NotThreadSafe,
        }
    }

    /// Lets readers in without letting a writer pass.
    pub fn downgrade(self) -> ReadGuard<'a, T> {
        let lock = self.lock;
        core::mem::forget(self);
        // SAFETY: By the type invariant this thread holds the semaphore for writing; `forget`
        // kept it held.
        unsafe { bindings::downgrade_write(lock.sem.get()) };
        ReadGuard::new(lock)
    }
}

impl<T: ?Sized> Deref for WriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: The semaphore is held for writing, so no other reference exists.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T: ?Sized> DerefMut for WriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: The semaphore is held for writing, so no other reference exists.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T: ?Sized> Drop for WriteGuard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant this thread holds the semaphore for writing.
        unsafe { bindings::up_write(self.lock.sem.get()) };
    }
}
