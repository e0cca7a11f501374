// SPDX-License-Identifier: GPL-2.0-only

//! From a program's memory to runs for the page tables, with the bill.
//!
//! [`Runs`] joins what [`Pinner`] finds into runs that are as long as possible, because one large
//! entry in the I/O page tables serves a whole run. Every page is paid for from a [`Budget`]
//! before it is used.
//!
//! A budget first tries to pay for the whole request at once, which takes the `mmap_lock` once
//! instead of once per run, and gives back what was not needed. If the limit does not allow that,
//! it pays as it goes; so whether a request passes depends on its pages only, as on C, which
//! always pays as it goes.
//!
//! C counterpart: `vfio_pin_pages_remote()` in
//! [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

use kernel::{
    mm::MmWithUser,
    prelude::*, //
};
use kernel_ext::{
    mm::{
        locked_vm::{
            memlock_limit,
            LockedVm, //
        },
        pin::{
            BatchSize,
            PinnedRun,
            Pinner, //
        }, //
    },
    refuse, //
};

/// What a request may still pin.
pub(crate) struct Budget {
    account: LockedVm,

    /// Pages that were charged, but not needed yet.
    ahead: u64,
}

impl Budget {
    /// Opens an account of the current process for a request of `pages` pages.
    ///
    /// Fails with `EINTR` when the caller is being killed and with `ENODEV` for a kernel thread.
    pub(crate) fn new(pages: u64) -> Result<Self> {
        let mut account = LockedVm::for_current()?;
        let ahead = match account.charge(pages) {
            Ok(()) => pages,
            // Maybe not all of it counts: let the pages decide one by one.
            Err(e) if e == ENOMEM => 0,
            Err(e) => return Err(e),
        };
        Ok(Self { account, ahead })
    }

    /// Pays for `pages` pages. Fails with `ENOMEM` beyond `RLIMIT_MEMLOCK`.
    fn take(&mut self, pages: u64) -> Result {
        let missing = pages.saturating_sub(self.ahead);
        self.account.charge(missing).inspect_err(|e| {
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

    /// Gives back what was not needed and returns the account.
    pub(crate) fn settle(mut self) -> LockedVm {
        self.account.uncharge(self.ahead);
        self.account
    }
}

/// The runs of a range of the program's memory.
pub(crate) struct Runs<'a> {
    pinner: Pinner<'a>,

    /// What was found behind the last run and did not continue it; it is paid for.
    pending: Option<PinnedRun>,

    join: bool,
}

impl<'a> Runs<'a> {
    /// Starts at `vaddr` for `pages` pages; see [`Pinner::new`].
    pub(crate) fn new(
        mm: &'a MmWithUser,
        vaddr: usize,
        pages: usize,
        write: bool,
        join: bool,
    ) -> Result<Self> {
        let batch = if join {
            BatchSize::Full
        } else {
            BatchSize::Single
        };
        Ok(Self {
            pinner: Pinner::new(mm, vaddr, pages, write, batch)?,
            pending: None,
            join,
        })
    }

    /// Pins and pays for the next run, or returns [`None`] at the end.
    ///
    /// Fails as [`Pinner::next_run`] and [`Budget`] do.
    pub(crate) fn next(&mut self, budget: &mut Budget) -> Result<Option<PinnedRun>> {
        let first = match self.pending.take() {
            Some(run) => Some(run),
            None => self.paid_piece(budget)?,
        };
        let Some(mut run) = first else {
            return Ok(None);
        };
        while self.join {
            let Some(next) = self.paid_piece(budget)? else {
                break;
            };
            if let Err(next) = run.append(next) {
                self.pending = Some(next);
                break;
            }
        }
        Ok(Some(run))
    }

    /// Pins and pays for the next contiguous piece.
    fn paid_piece(&mut self, budget: &mut Budget) -> Result<Option<PinnedRun>> {
        let piece = self.pinner.next_run()?;
        if let Some(run) = &piece {
            budget.take(run.locked_pages())?;
        }
        Ok(piece)
    }
}
