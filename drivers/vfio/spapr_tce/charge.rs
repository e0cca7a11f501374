// SPDX-License-Identifier: GPL-2.0-only

//! What a container is paid for beside registered memory: its tables, and in the first flavour its
//! window.
//!
//! C counterpart: the calls of `account_locked_vm()` in
//! [`drivers/vfio/vfio_iommu_spapr_tce.c`](srctree/drivers/vfio/vfio_iommu_spapr_tce.c)

use kernel::{
    page::PAGE_SHIFT,
    prelude::*,
    sync::Arc, //
};
use kernel_ext::mm::locked_vm::{
    Account,
    Charge, //
};

/// Pages that are charged until this value is dropped.
pub(crate) struct Locked {
    account: Arc<Account>,
    pages: u64,
}

impl Locked {
    /// Charges the whole pages in `bytes`.
    ///
    /// Fails with `ENOMEM` over the limit, with `EINTR` when the caller is being killed.
    pub(crate) fn new(account: &Arc<Account>, bytes: u64) -> Result<Self> {
        let pages = bytes >> PAGE_SHIFT;
        let mut charge = Charge::new(account);
        charge.add(pages)?;
        charge.keep();
        Ok(Self {
            account: account.clone(),
            pages,
        })
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        self.account.uncharge(self.pages);
    }
}
