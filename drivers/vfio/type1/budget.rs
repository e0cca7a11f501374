// SPDX-License-Identifier: GPL-2.0-only

//! Paying for what a request pins.
//!
//! A budget first tries to pay for the whole request at once, which takes the `mmap_lock` once
//! instead of once per run, and gives back what was not needed. If the limit does not allow that,
//! it pays as it goes; so whether a request passes depends on its pages only, as on C, which
//! always pays as it goes.
//!
//! C counterpart: `vfio_lock_acct()` in
//! [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

use kernel::prelude::*;
use kernel_ext::{
    mm::locked_vm::{
        memlock_limit,
        Account,
        Charge, //
    },
    refuse, //
};

/// What a request may still pin.
pub(crate) struct Budget<'a> {
    charge: Charge<'a>,

    /// Pages that were charged, but not needed yet.
    ahead: u64,
}

impl<'a> Budget<'a> {
    /// Returns a budget from which nothing can be taken yet.
    pub(crate) fn new(account: &'a Account) -> Self {
        Self {
            charge: Charge::new(account),
            ahead: 0,
        }
    }

    /// Pays for a request of `pages` pages, if that is possible.
    ///
    /// Fails with `EINTR` when the caller is being killed.
    pub(crate) fn open(&mut self, pages: u64) -> Result {
        match self.charge.add(pages) {
            Ok(()) => self.ahead = pages,
            // Maybe not all of it counts: let the pages decide one by one.
            Err(e) if e == ENOMEM => {}
            Err(e) => return Err(e),
        }
        Ok(())
    }

    /// Pays for `pages` pages. Fails with `ENOMEM` beyond `RLIMIT_MEMLOCK`.
    pub(crate) fn take(&mut self, pages: u64) -> Result {
        let missing = pages.saturating_sub(self.ahead);
        self.charge.add(missing).inspect_err(|e| {
            if *e == ENOMEM {
                refuse!(
                    "RLIMIT_MEMLOCK ({} bytes) exceeded; raise it (ulimit -l) to map more memory\n",
                    memlock_limit()
                );
            }
        })?;
        self.ahead = self.ahead.saturating_sub(pages);
        Ok(())
    }

    /// Gives back what was not needed; returns how many pages were, which stay charged.
    pub(crate) fn settle(mut self) -> u64 {
        self.charge.give_back(self.ahead);
        let pages = self.charge.pages();
        self.charge.keep();
        pages
    }
}
