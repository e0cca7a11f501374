// SPDX-License-Identifier: GPL-2.0-only

//! Who may map and unmap by a descriptor for DMA: everybody who has it, or only one process.

use kernel::prelude::*;
use kernel_ext::{
    mm::locked_vm::Account,
    new_rwsem,
    sync::{
        ReadGuard,
        RwSemaphore, //
    }, //
};

/// The only one who may map and unmap, if there is one.
///
/// Lock order: its lock is held while somebody maps or unmaps, and before those of the address space.
#[pin_data]
pub(super) struct Only {
    #[pin]
    account: RwSemaphore<Option<Account>>,
}

impl Only {
    /// Lets everybody.
    pub(super) fn everybody() -> impl PinInit<Self> {
        pin_init!(Self {
            account <- new_rwsem!(None, "type1::Only::account"),
        })
    }

    /// Returns whether there is one.
    pub(super) fn is_set(&self) -> bool {
        self.account.read().is_some()
    }

    /// Checks that the current process may map and unmap, which stays so while the result lives.
    ///
    /// Fails with `EPERM` if it may not.
    pub(super) fn enter(&self) -> Result<impl Sized + '_> {
        let account: ReadGuard<'_, _> = self.account.read();
        check(&account)?;
        Ok(account)
    }

    /// Makes the current process the only one, or lets everybody.
    ///
    /// Fails with `EPERM` if somebody else is the only one, and with `EBUSY` unless `is_free` when
    /// nobody maps.
    pub(super) fn set(&self, strict: bool, is_free: impl FnOnce() -> bool) -> Result {
        let account = match strict {
            true => Some(Account::of_current()?),
            false => None,
        };
        let before = {
            let mut only = self.account.write();
            check(&only)?;
            if !is_free() {
                return Err(EBUSY);
            }
            core::mem::replace(&mut *only, account)
        };
        drop(before);
        Ok(())
    }
}

/// Fails with `EPERM` if there is an only one, who is not the current process.
fn check(only: &Option<Account>) -> Result {
    match only {
        Some(account) if !account.is_current_mm() => Err(EPERM),
        _ => Ok(()),
    }
}
