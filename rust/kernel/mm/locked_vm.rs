// SPDX-License-Identifier: GPL-2.0-only

//! Charging pinned memory to the process that gave it (`VmLck`, `RLIMIT_MEMLOCK`).
//!
//! Memory that a device may reach cannot be swapped, so it counts against the limit of the process
//! it was taken from. A [`LockedVm`] is one such account: it knows whom it charges and how much,
//! and gives everything back when it is dropped, no matter by whom.
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
    }, //
};
use kernel::{
    error::to_result,
    mm::{
        Mm,
        MmWithUser, //
    },
    prelude::*,
    sync::aref::ARef,
    task::Task, //
};

/// Pages charged to the `locked_vm` of one address space.
///
/// # Invariants
///
/// `pages` is what `mm` has been charged through this value and not been given back.
pub struct LockedVm {
    mm: ARef<Mm>,
    task: ARef<Task>,
    may_exceed: bool,
    pages: u64,
}

impl LockedVm {
    /// Opens an account, with nothing in it, for the current process.
    ///
    /// The limit that counts is the one of the thread group leader. Fails with `ENODEV` for a
    /// kernel thread, which has no memory of its own.
    pub fn for_current() -> Result<Self> {
        let current = kernel::current!();
        let mm: &Mm = current.mm().ok_or(ENODEV)?;
        // INVARIANT: Nothing has been charged yet.
        Ok(Self {
            mm: mm.into(),
            task: current.group_leader().into(),
            may_exceed: capable(Cap::IpcLock),
            pages: 0,
        })
    }

    /// Returns the number of pages charged, in units of the CPU's page size.
    pub fn pages(&self) -> u64 {
        self.pages
    }

    /// Returns whether this account charges the current process.
    pub fn is_current(&self) -> bool {
        kernel::current!()
            .mm()
            .is_some_and(|mm| mm.as_raw() == self.mm.as_raw())
    }

    /// Charges `pages` more.
    ///
    /// Fails with `ENOMEM` over the limit, with `EINTR` when the caller is being killed and with
    /// `ESRCH` when the process to be charged is gone.
    pub fn charge(&mut self, pages: u64) -> Result {
        if pages == 0 {
            return Ok(());
        }
        let total = self.pages.checked_add(pages).ok_or(ENOMEM)?;
        let mm = self.mm.mmget_not_zero().ok_or(ESRCH)?;
        let lock = WriteLocked::killable(&mm)?;
        lock.account(&self.task, pages, true, self.may_exceed)?;
        // INVARIANT: They were just charged.
        self.pages = total;
        Ok(())
    }

    /// Gives `pages` back, or all if fewer are charged.
    ///
    /// A process that is gone has nothing to give them back to, and that is no error.
    pub fn uncharge(&mut self, pages: u64) {
        let pages = pages.min(self.pages);
        if pages == 0 {
            return;
        }
        // INVARIANT: They are given back below, or with the address space that is gone already.
        // OVERFLOW: `pages` was just limited to `self.pages`.
        self.pages -= pages;
        if let Some(mm) = self.mm.mmget_not_zero() {
            let lock = WriteLocked::new(&mm);
            // Giving back cannot fail: only growth is compared with the limit.
            let _ = lock.account(&self.task, pages, false, true);
        }
    }

    /// Moves the whole charge to the current process.
    ///
    /// Nothing changes on failure, which is as for [`LockedVm::charge`].
    pub fn move_to_current(&mut self) -> Result {
        if self.is_current() {
            return Ok(());
        }
        let mut fresh = Self::for_current()?;
        fresh.charge(self.pages)?;
        // Dropping the old account gives its pages back.
        *self = fresh;
        Ok(())
    }
}

impl Drop for LockedVm {
    fn drop(&mut self) {
        self.uncharge(self.pages);
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

/// Proof that the `mmap_lock` of an address space is held for writing.
struct WriteLocked<'a> {
    mm: &'a MmWithUser,
    _not_send: kernel::types::NotThreadSafe,
}

impl<'a> WriteLocked<'a> {
    /// Takes the lock; fails with `EINTR` when the caller is being killed.
    fn killable(mm: &'a MmWithUser) -> Result<Self> {
        // SAFETY: `mm` is a live address space, as it is a reference to `MmWithUser`.
        to_result(unsafe { bindings::vfio_helper_mmap_write_lock_killable(mm.as_raw()) })?;
        Ok(Self {
            mm,
            _not_send: kernel::types::NotThreadSafe,
        })
    }

    /// Takes the lock, however long that takes.
    fn new(mm: &'a MmWithUser) -> Self {
        // SAFETY: `mm` is a live address space, as it is a reference to `MmWithUser`.
        unsafe { bindings::vfio_helper_mmap_write_lock(mm.as_raw()) };
        Self {
            mm,
            _not_send: kernel::types::NotThreadSafe,
        }
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
