// SPDX-License-Identifier: GPL-2.0-only

//! Making a mapping: pin a run, pay for it, map it in every domain, and again.
//!
//! There is no code here that undoes anything. The half-made mapping, the walk over the program's
//! memory and the charge are values; whichever way the loop ends, dropping them takes the memory
//! out of reach of the devices, unpins it and gives the charge back, in that order.
//!
//! C counterpart: `vfio_dma_do_map()` and `vfio_pin_map_dma()` in
//! [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

use super::{
    budget::Budget,
    iommu::Iommu,
    iova,
    owner::Owner,
    params,
    request::{
        MapAction,
        MapRequest,
        Rights, //
    }, //
};
use kernel::{
    page::PAGE_SHIFT,
    prelude::*,
    sync::{
        atomic::Relaxed,
        Arc, //
    }, //
};
use kernel_ext::{
    iommu::{
        Access,
        Lane,
        Users, //
    },
    mm::{
        locked_vm::Charge,
        pin::{
            BatchSize,
            Pinner, //
        },
        untagged, //
    }, //
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

impl Iommu {
    /// Does what a parsed `MAP_DMA` asks for.
    ///
    /// Fails with `EPERM` if only another process may map, and as [`Iommu::map_by`].
    pub(crate) fn map(&self, request: &MapRequest) -> Result {
        self.tie.check_caller()?;
        self.map_by(None, request)
    }

    /// As above, by a lane of the address space if one is given; the caller may map.
    ///
    /// Fails as `map_new` and `update_vaddr`.
    pub(crate) fn map_by(&self, lane: Option<&Lane>, request: &MapRequest) -> Result {
        if request.action == MapAction::UpdateVaddr {
            // From here on the charge of the mapping is not changed by anybody else.
            self.tie.settle();
        }
        let (owner, check) = match self.map_once(lane, request) {
            // What the program has given up may still be charged to it.
            Err(e) if e == ENOMEM && self.tie.settle() => self.map_once(lane, request)?,
            other => other?,
        };
        if check {
            // CAST: `usize` has at most 64 bits. OVERFLOW: The request does not wrap.
            let first = untagged(request.vaddr);
            let last = first.saturating_add(request.size - 1);
            self.tie.check(&owner, (first, last));
            if request.action != MapAction::UpdateVaddr {
                // The program must not see a mapping of what it has given up meanwhile.
                self.tie.settle();
            }
        }
        Ok(())
    }

    /// Maps, and returns whose memory it is and whether it has to be looked at again.
    fn map_once(&self, lane: Option<&Lane>, request: &MapRequest) -> Result<(Arc<Owner>, bool)> {
        let users = self.space.users();
        request.check_alignment(self.page())?;
        match request.action {
            MapAction::UpdateVaddr => self.update_vaddr(&users, request),
            MapAction::New(rights) => self.map_new(&users, lane, request, rights),
        }
    }

    /// Makes a mapping.
    ///
    /// Fails with `EEXIST` over another one, `ENOSPC` beyond their number, `EINVAL` outside the
    /// usable addresses, with `EFAULT` for memory that is not there or may not be written or
    /// pinned, with `ENOMEM` beyond `RLIMIT_MEMLOCK` or for lack of memory, with `EINTR` when the
    /// caller is being killed, and as the IOMMU driver does. Then nothing is left pinned, mapped
    /// or charged.
    fn map_new(
        &self,
        users: &Users<'_>,
        lane: Option<&Lane>,
        request: &MapRequest,
        rights: Rights,
    ) -> Result<(Arc<Owner>, bool)> {
        let current = kernel::current!();
        let mm = current.mm().ok_or(ENODEV)?;
        let owner = self.tie.owner()?;
        let access = Access::from(rights);
        let pages = request.size >> PAGE_SHIFT;
        let join = !params::DISABLE_HUGEPAGES.get();

        // Dropped in reverse order: what is pinned but not mapped, the mapping, the charge.
        let mut budget = Budget::new(&owner.account);
        let mut mapping = users.make(
            (request.iova.first(), request.iova.last()),
            (untagged(request.vaddr), owner.id),
            (access, join),
            (lane, self.entry_limit),
        )?;
        if !iova::allows(&self.state.lock().usable, request.iova) {
            return Err(EINVAL);
        }
        // CAST: `usize` has at most 64 bits.
        budget.open(pages as u64)?;
        let batch = if join {
            BatchSize::Full
        } else {
            BatchSize::Single
        };
        let mut pinner = Pinner::new(mm, request.vaddr, pages, access.may_write(), batch)?;
        while let Some(run) = pinner.next_run()? {
            budget.take(run.locked_pages())?;
            mapping.push(run)?;
        }
        self.check_trackable(mapping.bytes())?;
        let check = mapping.finish()?;
        self.tie.note_charged(budget.settle());
        Ok((owner, check))
    }

    /// Fails with `EINVAL` if dirty pages are tracked and a mapping is too large for a bitmap.
    fn check_trackable(&self, bytes: u64) -> Result {
        if self.tracking.load(Relaxed) && bytes > self.largest_trackable() {
            return Err(EINVAL);
        }
        Ok(())
    }

    /// Notes that the memory behind a mapping is now the current process's, and charges it.
    ///
    /// Fails with `ENOENT` if nothing is mapped there, with `EINVAL` if the range is not exactly
    /// one mapping or its address was not invalidated, with `ENOMEM` beyond `RLIMIT_MEMLOCK`, and
    /// with `EINTR` when the caller is being killed. Then nothing changes.
    fn update_vaddr(&self, users: &Users<'_>, request: &MapRequest) -> Result<(Arc<Owner>, bool)> {
        let range = (request.iova.first(), request.iova.last());
        let held = users.hold_invalid(range)?;
        let owner = self.tie.owner()?;
        let (pages, before) = held.charge();
        let moves = !self.tie.is_current_mm(before);
        let mut charge = Charge::new(&owner.account);
        charge.add(if moves { pages } else { 0 })?;
        held.set_vaddr(untagged(request.vaddr), owner.id)?;
        charge.keep();
        if moves {
            self.tie.note_charged(pages);
            self.tie.uncharge(before, pages);
        }
        // The program may have put other memory there.
        Ok((owner, true))
    }
}
