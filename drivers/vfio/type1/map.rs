// SPDX-License-Identifier: GPL-2.0-only

//! Making a mapping: pin a run, pay for it, map it in every domain, and again.
//!
//! There is no code here that undoes anything. The half-made mapping, the walk over the program's
//! memory and the account are values; whichever way the loop ends, dropping them takes the memory
//! out of reach of the devices, unpins it and gives the charge back, in that order.
//!
//! C counterpart: `vfio_pin_map_dma()` in
//! [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

use super::{
    dma::Dma,
    params,
    pin::{
        Budget,
        Runs, //
    },
    request::{
        MapRequest,
        Rights, //
    }, //
};
use kernel::{
    page::PAGE_SHIFT,
    prelude::*,
    sync::Arc, //
};
use kernel_ext::iommu::{
    Access,
    AddressSpace,
    Mapping, //
};

impl From<Rights> for Access {
    fn from(rights: Rights) -> Self {
        match rights {
            Rights::Read => Self::Read,
            Rights::Write => Self::Write,
            Rights::ReadWrite => Self::ReadWrite,
        }
    }
}

/// Pins the memory that `request` names and maps it in all domains of `space`.
///
/// Fails with `EFAULT` for memory that is not there or may not be written or pinned, with `ENOMEM`
/// beyond `RLIMIT_MEMLOCK` or for lack of memory, with `EINTR` when the caller is being killed,
/// and as the IOMMU driver does. Then nothing is left pinned, mapped or charged.
pub(crate) fn pin_and_map(
    space: &Arc<AddressSpace>,
    request: &MapRequest,
    access: Access,
) -> Result<Dma> {
    let current = kernel::current!();
    let mm = current.mm().ok_or(ENODEV)?;
    let pages = request.size >> PAGE_SHIFT;

    // Dropped in reverse order: what is pinned but not mapped, the mapping, the charge.
    // CAST: `usize` has at most 64 bits.
    let mut budget = Budget::new(pages as u64)?;
    let mut mapping = Mapping::new(space.clone(), request.iova.first(), access)?;
    let join = !params::DISABLE_HUGEPAGES.get();
    let mut runs = Runs::new(mm, request.vaddr, pages, access.may_write(), join)?;

    while let Some(run) = runs.next(&mut budget)? {
        mapping.push(run)?;
    }
    Ok(Dma::new(mapping, budget.settle()))
}
