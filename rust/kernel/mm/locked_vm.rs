// SPDX-License-Identifier: GPL-2.0-only

//! Charging pinned memory to the process that gave it (`VmLck`, `RLIMIT_MEMLOCK`).
//!
//! Memory that a device may reach cannot be swapped, so it counts against the limit of the process
//! it was taken from. An [`Account`] knows whom to charge. What is charged while a request is under
//! way is a [`Charge`], which gives everything back when it is dropped; a request that succeeds
//! [keeps](Charge::keep) it, and whoever undoes the request later gives the pages back.
//!
//! The capability `CAP_IPC_LOCK` is looked at once, when the account is opened: a process that was
//! allowed to exceed its limit stays allowed for this account.
//!
//! Lock order: takes the `mmap_lock` of the charged address space for writing, so the caller must
//! not hold it.
//!
//! C counterpart: `vfio_lock_acct()` and `vfio_change_dma_owner()` in
//! [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c), over
//! `__account_locked_vm()`.

use crate::{
    bindings,
    capability::{
        capable,
        Cap, //
    },
    mm::live::has_users, //
};
use kernel::{
    error::to_result,
    mm::Mm,
    prelude::*,
    sync::aref::ARef,
    task::Task, //
};

/// Whom to charge: an address space, and the process whose limit counts.
pub struct Account {
    mm: ARef<Mm>,
    task: ARef<Task>,
    may_exceed: bool,
}

impl Account {
    /// Opens an account of the current process.
    ///
    /// The limit that counts is the one of the thread group leader. Fails with `ENODEV` for a
    /// kernel thread, which has no memory of its own.
    pub fn of_current() -> Result<Self> {
        let current = kernel::current!();
        let mm: &Mm = current.mm().ok_or(ENODEV)?;
        Ok(Self {
            mm: mm.into(),
            task: current.group_leader().into(),
            may_exceed: capable(Cap::IpcLock),
        })
    }

    /// Returns whether [`Account::of_current`] would open the same account again.
    pub fn is_of_current(&self) -> bool {
        let current = kernel::current!();
        self.is_current_mm()
            && self.task.as_ptr() == current.group_leader().as_ptr()
            && self.may_exceed == capable(Cap::IpcLock)
    }

    /// Returns whether the account charges the address space of the current process.
    pub fn is_current_mm(&self) -> bool {
        kernel::current!()
            .mm()
            .is_some_and(|mm| mm.as_raw() == self.mm.as_raw())
    }

    /// Returns whether the address space charged has ended.
    pub fn has_ended(&self) -> bool {
        !has_users(&self.mm)
    }

    /// Returns the address space charged, which may have ended.
    pub(crate) fn mm(&self) -> &Mm {
        &self.mm
    }

    /// Charges `pages` pages.
    ///
    /// Fails with `ENOMEM` over the limit, with `EINTR` when the caller is being killed and with
    /// `ESRCH` when the address space is gone.
    fn charge(&self, pages: u64) -> Result {
        if pages == 0 {
            return Ok(());
        }
        let lock = WriteLocked::killable(&self.mm)?.ok_or(ESRCH)?;
        lock.account(&self.task, pages, true, self.may_exceed)
    }

    /// Gives `pages` pages back.
    ///
    /// An address space that is gone has nothing to give them back to, and that is no error.
    pub fn uncharge(&self, pages: u64) {
        if pages == 0 {
            return;
        }
        if let Some(lock) = WriteLocked::new(&self.mm) {
            // Giving back cannot fail: only growth is compared with the limit.
            let _ = lock.account(&self.task, pages, false, true);
        }
    }
}

/// What a request has charged so far.
///
/// # Invariants
///
/// `pages` is what was charged to the account through this value and not given back.
#[must_use = "a charge that is dropped is given back"]
pub struct Charge<'a> {
    account: &'a Account,
    pages: u64,
}

impl<'a> Charge<'a> {
    /// Returns a charge of nothing.
    pub fn new(account: &'a Account) -> Self {
        // INVARIANT: Nothing has been charged yet.
        Self { account, pages: 0 }
    }

    /// Charges `pages` more.
    ///
    /// Fails with `ENOMEM` over the limit, with `EINTR` when the caller is being killed and with
    /// `ESRCH` when the process to be charged is gone.
    pub fn add(&mut self, pages: u64) -> Result {
        let total = self.pages.checked_add(pages).ok_or(ENOMEM)?;
        self.account.charge(pages)?;
        // INVARIANT: They were just charged.
        self.pages = total;
        Ok(())
    }

    /// Gives `pages` back, or all if fewer are charged.
    pub fn give_back(&mut self, pages: u64) {
        let pages = pages.min(self.pages);
        // INVARIANT: They are given back below. OVERFLOW: There are at least as many.
        self.pages -= pages;
        self.account.uncharge(pages);
    }

    /// Returns how many pages are charged.
    pub fn pages(&self) -> u64 {
        self.pages
    }

    /// Leaves the charge in the account; somebody else gives it back.
    pub fn keep(mut self) {
        // INVARIANT: What is in the account is no longer this value's.
        self.pages = 0;
    }
}

impl Drop for Charge<'_> {
    fn drop(&mut self) {
        self.give_back(self.pages);
    }
}

/// Returns the `RLIMIT_MEMLOCK` of the current process, in bytes.
pub fn memlock_limit() -> u64 {
    // SAFETY: This reads a limit of the current task's signal state, which lives while it runs.
    // `RLIMIT_MEMLOCK` is a valid index.
    let bytes = unsafe { bindings::vfio_helper_rlimit(bindings::RLIMIT_MEMLOCK) };
    // CAST: `c_ulong` has at most 64 bits.
    bytes as u64
}

/// Proof that the `mmap_lock` of an address space that has not ended is held for writing.
struct WriteLocked<'a> {
    mm: &'a Mm,
    _not_send: kernel::types::NotThreadSafe,
}

impl<'a> WriteLocked<'a> {
    /// Takes the lock, unless the address space has ended; fails with `EINTR` when the caller is
    /// being killed.
    fn killable(mm: &'a Mm) -> Result<Option<Self>> {
        // SAFETY: The structure exists, as `mm` is a reference.
        to_result(unsafe { bindings::vfio_helper_mmap_write_lock_killable(mm.as_raw()) })?;
        Ok(Self::taken(mm))
    }

    /// Takes the lock, however long that takes, unless the address space has ended.
    fn new(mm: &'a Mm) -> Option<Self> {
        if !has_users(mm) {
            return None;
        }
        // SAFETY: The structure exists, as `mm` is a reference.
        unsafe { bindings::vfio_helper_mmap_write_lock(mm.as_raw()) };
        Self::taken(mm)
    }

    /// The lock was just taken; gives it up again if the address space has ended.
    fn taken(mm: &'a Mm) -> Option<Self> {
        let lock = Self {
            mm,
            _not_send: kernel::types::NotThreadSafe,
        };
        has_users(mm).then_some(lock)
    }

    /// Adds `pages` to the charge or takes them from it.
    fn account(&self, task: &Task, pages: u64, add: bool, may_exceed: bool) -> Result {
        let pages = usize::try_from(pages).map_err(|_| ENOMEM)?;
        // SAFETY:
        // - The `mmap_lock` of `self.mm` is held for writing, by the type's meaning.
        // - `task` is a reference, so the task structure exists.
        to_result(unsafe {
            bindings::__account_locked_vm(self.mm.as_raw(), pages, add, task.as_ptr(), may_exceed)
        })
    }
}

impl Drop for WriteLocked<'_> {
    fn drop(&mut self) {
        // SAFETY: The lock was taken when this value was made, on this thread.
        unsafe { bindings::vfio_helper_mmap_write_unlock(self.mm.as_raw()) }
    }
}
