// SPDX-License-Identifier: GPL-2.0-only

//! State that a module has once, from its initialisation to its exit.
//!
//! Callbacks that come from outside (a file is opened, a driver is probed) have no path to what
//! the module set up, so it has to be in a `static`. [`Global`] is empty until the module's
//! initialisation fills it and empty again after its exit; in between, [`Global::get`] hands out
//! references.

use core::{
    ptr::NonNull,
    sync::atomic::{
        AtomicPtr,
        Ordering, //
    }, //
};
use kernel::{
    prelude::*,
    sync::{
        rcu,
        Arc,
        ArcBorrow, //
    }, //
};

/// A `static` place for an `Arc<T>`.
///
/// # Invariants
///
/// The pointer is null, or comes from [`Arc::into_raw`] and owns that reference; the reference is
/// only dropped one RCU grace period after the pointer was set to null.
pub struct Global<T: Send + Sync + 'static>(AtomicPtr<T>);

impl<T: Send + Sync + 'static> Global<T> {
    /// Returns an empty place.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self(AtomicPtr::new(core::ptr::null_mut()))
    }

    /// Fills the place until the result is dropped.
    ///
    /// # Errors
    ///
    /// `EBUSY` if it is filled already.
    pub fn install(&'static self, value: Arc<T>) -> Result<Installed<T>> {
        let raw = Arc::into_raw(value);
        // INVARIANT: On success the place owns the reference that `into_raw` gave up.
        let result = self.0.compare_exchange(
            core::ptr::null_mut(),
            raw.cast_mut(),
            Ordering::Release,
            Ordering::Relaxed,
        );
        if result.is_err() {
            // SAFETY: `raw` comes from `into_raw` just above and was not stored.
            drop(unsafe { Arc::from_raw(raw) });
            return Err(EBUSY);
        }
        Ok(Installed(self))
    }

    /// Returns what is in the place.
    ///
    /// # Errors
    ///
    /// `ENODEV` before the module's initialisation has filled it, and after its exit.
    pub fn get(&self) -> Result<Arc<T>> {
        let _rcu = rcu::read_lock();
        let raw = NonNull::new(self.0.load(Ordering::Acquire)).ok_or(ENODEV)?;
        // SAFETY:
        // - `raw` comes from `into_raw`.
        // - The reference that the place owns, or owned when it was read, is not dropped before
        //   this RCU read-side critical section ends.
        let borrowed = unsafe { ArcBorrow::from_raw(raw.as_ptr()) };
        Ok(borrowed.into())
    }
}

/// Empties a [`Global`] when it is dropped.
#[must_use = "the place is emptied at once when this is unused"]
pub struct Installed<T: Send + Sync + 'static>(&'static Global<T>);

impl<T: Send + Sync + 'static> Drop for Installed<T> {
    fn drop(&mut self) {
        let raw = self.0 .0.swap(core::ptr::null_mut(), Ordering::AcqRel);
        // Whoever has read the pointer must have taken a reference before ours goes.
        rcu::synchronize_rcu();
        if !raw.is_null() {
            // SAFETY: By the type invariant of `Global` the reference is ours now.
            drop(unsafe { Arc::from_raw(raw) });
        }
    }
}
