// SPDX-License-Identifier: GPL-2.0-only

//! Filling entries: a batch, and again.
//!
//! A batch is what a hypervisor takes with one call: at most 512 entries. The memory for it is looked up
//! first, then it is [filled](super::fill).
//!
//! C counterpart: `tce_iommu_build()` and `tce_iommu_build_v2()` in
//! [`drivers/vfio/vfio_iommu_spapr_tce.c`](srctree/drivers/vfio/vfio_iommu_spapr_tce.c)

use super::{
    fill::{
        gather,
        Batch, //
    },
    pins::Pins,
    record::Record,
    space::{
        region_of,
        table_of,
        Inner,
        Space, //
    },
    table::BATCH,
    window::Entries, //
};
use crate::{
    iommu::Access,
    sched::{
        check_killed,
        cond_resched, //
    }, //
};
use kernel::{
    mm::MmWithUser,
    prelude::*, //
};

impl Space {
    /// Fills `entries` of window `number` with registered memory from `vaddr` on, which is a multiple
    /// of the window's page size.
    ///
    /// # Errors
    ///
    /// `EINVAL` for memory that is not registered, `EFAULT` for such that the process has given up,
    /// `EPERM` if the memory has smaller pages than the window, `ENXIO` if it is just being
    /// unregistered or there is no such window, `ENOMEM`, `EIO`, `EINTR` when the caller is being
    /// killed. Then all the entries are empty that were reached.
    pub fn map_registered(
        &self,
        number: usize,
        entries: Entries,
        vaddr: u64,
        access: Access,
    ) -> Result {
        let mut rest = entries;
        let mut at = vaddr;
        while rest.count() != 0 {
            let (batch, behind) = rest.split(BATCH);
            let result = check_killed()
                .and_then(|()| self.inner.lock().map_registered(number, batch, at, access))
                .map_err(|error| (0, error));
            let bytes = self.clear_failed(number, (entries, rest), result)?;
            rest = behind;
            at = at.saturating_add(bytes);
            cond_resched();
        }
        Ok(())
    }

    /// Fills `entries` of window `number` with memory of the current process from `vaddr` on, which is
    /// a multiple of the window's page size, after pinning it.
    ///
    /// Returns whether the range has to be [checked](Space::check), because something has happened
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// `EFAULT` for memory that is not there or may not be written or pinned, `EPERM` if it has
    /// smaller pages than the window, `ENXIO` if there is no such window, `ENOMEM`, `EIO`, `EINTR`
    /// when the caller is being killed. Then all the entries are empty that were reached.
    pub fn map_pinned(
        &self,
        mm: &MmWithUser,
        number: usize,
        entries: Entries,
        vaddr: u64,
        access: Access,
    ) -> Result<bool> {
        let mut rest = entries;
        let mut at = vaddr;
        let mut disturbed = false;
        while rest.count() != 0 {
            let (batch, behind) = rest.split(BATCH);
            let result = check_killed()
                .map_err(|error| (0, error))
                .and_then(|()| self.map_pinned_batch(mm, number, batch, at, access));
            let (bytes, event) = self.clear_failed(number, (entries, rest), result)?;
            disturbed |= event;
            rest = behind;
            at = at.saturating_add(bytes);
            cond_resched();
        }
        Ok(disturbed)
    }

    /// Fills at most [`BATCH`] entries; returns how many bytes, and whether something has happened to
    /// the process's memory meanwhile.
    ///
    /// An error comes with the number of entries that it would have done before.
    fn map_pinned_batch(
        &self,
        mm: &MmWithUser,
        number: usize,
        batch: Entries,
        vaddr: u64,
        access: Access,
    ) -> Result<(u64, bool), (u64, Error)> {
        let (shift, events) = {
            let inner = self.inner.lock();
            let table = inner.table(number).ok_or((0, ENXIO))?;
            (table.window().shift(), inner.events)
        };
        // CAST: Addresses of users fit, and so does a batch.
        let (from, count) = (vaddr as usize, batch.count() as usize);
        let mut pins = Pins::new(mm, (from, shift), count, access.may_write())?;
        let last = pins.address(count).ok_or((0, EFAULT))?.saturating_sub(1);
        let mut inner = self.inner.lock();
        let (low, high) = inner.pinned.unwrap_or((from, last));
        inner.pinned = Some((low.min(from), high.max(last)));
        let mut rest = batch;
        while rest.count() != 0 {
            // OVERFLOW: What is left is a part of the batch.
            let done = batch.count() - rest.count();
            let made = inner.map_pins(number, rest, (&mut pins, done as usize), access);
            (_, rest) = rest.split(made.map_err(|error| (done, error))?);
        }
        // OVERFLOW: The memory exists.
        let bytes = batch.count() << shift.get();
        Ok((bytes, inner.events != events))
    }

    /// Passes `result` on; if it is an error, which says how many of `rest` were filled before it, empties
    /// those and what of `all` is not in `rest`.
    fn clear_failed<T>(
        &self,
        number: usize,
        (all, rest): (Entries, Entries),
        result: Result<T, (u64, Error)>,
    ) -> Result<T> {
        result.map_err(|(done, error)| {
            let before = all.count().saturating_sub(rest.count());
            let (reached, _) = all.split(before.saturating_add(done));
            self.unmap(number, reached);
            error
        })
    }
}

impl Inner {
    /// Fills `entries`, at most a batch, with registered memory; returns of how many bytes.
    ///
    /// Fails as [`Space::map_registered`] does; then those are empty that were reached.
    pub(super) fn map_registered(
        &mut self,
        number: usize,
        entries: Entries,
        vaddr: u64,
        access: Access,
    ) -> Result<u64> {
        let mut rest = entries;
        let mut bytes: u64 = 0;
        while rest.count() != 0 {
            let at = vaddr.saturating_add(bytes);
            let made = self.map_registered_batch(number, rest, at, access);
            let (done, more) = made.inspect_err(|_| {
                // OVERFLOW: What is left is a part.
                let (reached, _) = entries.split(entries.count() - rest.count());
                self.clear_all(number, reached);
            })?;
            (_, rest) = rest.split(done);
            bytes = bytes.saturating_add(more);
        }
        Ok(bytes)
    }

    /// Fills the first of `among` with registered memory, as many as go at once; returns how many,
    /// and of how many bytes.
    fn map_registered_batch(
        &mut self,
        number: usize,
        among: Entries,
        vaddr: u64,
        access: Access,
    ) -> Result<(u64, u64)> {
        // An address of zero stands for nothing in the user view.
        if vaddr == 0 {
            return Err(EINVAL);
        }
        let Self {
            windows,
            regions,
            list,
            ..
        } = self;
        let table = table_of(windows, number).ok_or(ENXIO)?;
        let shift = table.window().shift();
        let (entries, in_use) = gather(table, among, list, |index| {
            // OVERFLOW: The addresses do not wrap.
            let at = usize::try_from(vaddr + (index << shift.get()))?;
            let region = region_of(regions, at).ok_or(EINVAL)?;
            let physical = region.frame(at, shift)?;
            region.count()?;
            Ok(physical)
        })?;
        let batch = Batch {
            entries,
            record: Record::Registered(vaddr),
            in_use,
        };
        let count = entries.count();
        self.fill(number, batch, access).map_err(|(done, error)| {
            for index in done..count {
                let at = vaddr + (index << shift.get());
                // CAST: User addresses fit.
                if let Some(region) = self.region(at as usize) {
                    region.uncount();
                }
            }
            self.clear_made(number, batch, done);
            error
        })?;
        Ok((count, count << shift.get()))
    }

    /// Fills the first of `among` with pinned pages from the given index on, as many as go at once;
    /// returns how many.
    fn map_pins(
        &mut self,
        number: usize,
        among: Entries,
        (pins, first): (&mut Pins, usize),
        access: Access,
    ) -> Result<u64> {
        let Self { windows, list, .. } = self;
        let table = table_of(windows, number).ok_or(ENXIO)?;
        let (entries, in_use) = gather(table, among, list, |index| {
            let index = first.checked_add(usize::try_from(index)?).ok_or(EFAULT)?;
            pins.physical(index).ok_or(EFAULT)
        })?;
        // CAST: `usize` has at most 64 bits.
        let vaddr = pins.address(first).ok_or(EFAULT)? as u64;
        let batch = Batch {
            entries,
            record: Record::Pinned(vaddr),
            in_use,
        };
        let made = self.fill(number, batch, access);
        let done = match made {
            Ok(()) => entries.count(),
            Err((done, _)) => done,
        };
        pins.take(usize::try_from(done)?);
        made.map_err(|(done, error)| {
            self.clear_made(number, batch, done);
            error
        })?;
        Ok(done)
    }
}
