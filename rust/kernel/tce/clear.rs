// SPDX-License-Identifier: GPL-2.0-only

//! Emptying entries: first the hardware's, then the pins.
//!
//! Entries are emptied as many at once as the platform takes. Only for those with a pin of their own
//! the table is asked before what they let devices reach; for registered memory the record says it.
//!
//! C counterpart: `tce_iommu_clear()` in
//! [`drivers/vfio/vfio_iommu_spapr_tce.c`](srctree/drivers/vfio/vfio_iommu_spapr_tce.c)

use super::{
    memory::{
        self,
        Region, //
    },
    pins,
    record::Record,
    space::{
        next_run,
        overlaps,
        region_of,
        table_of,
        Inner,
        Space, //
    },
    table::{
        Table,
        Tce, //
    },
    window::{
        Entries,
        WINDOWS, //
    }, //
};
use crate::sched::cond_resched;
use kernel::{
    mm::Mm,
    sync::lock::{
        mutex::MutexBackend,
        Guard, //
    }, //
};

impl Space {
    /// Empties entries of window `number`; those that are empty already stay so.
    pub fn unmap(&self, number: usize, entries: Entries) {
        let mut rest = entries;
        while rest.count() != 0 {
            let next = self.inner.lock().clear_first(number, rest, |_, _, _| true);
            rest = match next {
                Some(next) => next,
                None => break,
            };
            if rest.count() != 0 {
                cond_resched();
            }
        }
    }

    /// Empties all of window `number`. Small requests are let in no more, so it stays empty as long as the
    /// caller keeps others out.
    pub fn clear_window(&self, number: usize) {
        let mut inner = self.inner.lock();
        inner.small = false;
        let all = inner.table(number).map(|table| table.window().all());
        drop(inner);
        if let Some(all) = all {
            self.unmap(number, all);
        }
    }

    /// Takes from the devices what they reach of the process's memory at `range.0..=range.1`, which
    /// it gives up. When this returns, they do not any more.
    ///
    /// Returns whether there was anything; [`None`] if that takes waiting and `may_wait` is not set.
    pub fn withdraw(&self, range: (usize, usize), may_wait: bool) -> Option<bool> {
        let mut inner = self.note_event(may_wait)?;
        if !inner.may_reach(range) {
            return Some(false);
        }
        for region in &mut inner.regions {
            region.mark_stale(range);
        }
        Some(inner.clear_addresses(range))
    }

    /// Notes that something happens to memory at `range.0..=range.1`; returns whether devices may
    /// reach it, so that it has to be [checked](Space::check).
    ///
    /// [`None`] if that takes waiting and `may_wait` is not set.
    pub fn disturb(&self, range: (usize, usize), may_wait: bool) -> Option<bool> {
        let inner = self.note_event(may_wait)?;
        Some(inner.may_reach(range))
    }

    /// Locks, and notes that something happens to the process's memory. [`None`] if that takes waiting
    /// and `may_wait` is not set.
    fn note_event(&self, may_wait: bool) -> Option<Guard<'_, Inner, MutexBackend>> {
        let mut inner = if may_wait {
            self.inner.lock()
        } else {
            self.inner.try_lock()?
        };
        inner.events = inner.events.wrapping_add(1);
        Some(inner)
    }
}

impl Inner {
    /// Returns whether memory at `range.0..=range.1` is registered or may be pinned.
    pub(super) fn may_reach(&self, range: (usize, usize)) -> bool {
        let pinned = |(first, last)| first <= range.1 && range.0 <= last;
        self.regions.iter().any(|region| region.overlaps(range)) || self.pinned.is_some_and(pinned)
    }

    /// Empties all entries that were made from memory at `range.0..=range.1`; returns whether there
    /// were any.
    fn clear_addresses(&mut self, range: (usize, usize)) -> bool {
        self.clear_where(|table, _, record| {
            let page = table.window().shift().bytes();
            record.address().is_some_and(|at| overlaps(at, page, range))
        })
    }

    /// Empties entries of window `number`.
    pub(super) fn clear_all(&mut self, number: usize, entries: Entries) {
        let mut rest = entries;
        while rest.count() != 0 {
            match self.clear_first(number, rest, |_, _, _| true) {
                Some(next) => rest = next,
                None => break,
            }
        }
    }

    /// Empties all entries that are as `wanted`; returns whether there were any.
    pub(super) fn clear_where(&mut self, wanted: impl Fn(&Table, u64, Record) -> bool) -> bool {
        let mut any = false;
        for number in 0..WINDOWS {
            let mut rest = self.table(number).map(|table| table.window().all());
            while let Some(among) = rest {
                rest = self.clear_first(number, among, &wanted);
                any |= rest.is_some();
            }
        }
        any
    }

    /// Empties the first entries of `among` that are not empty and whose records are as `wanted`, as
    /// many as go at once; returns what is left behind them, or [`None`] if there are none.
    pub(super) fn clear_first(
        &mut self,
        number: usize,
        among: Entries,
        wanted: impl Fn(&Table, u64, Record) -> bool,
    ) -> Option<Entries> {
        let Self {
            windows,
            regions,
            room,
            mm,
            ..
        } = self;
        let table = table_of(windows, number)?;
        let full = |entry, record| record != Record::Empty && wanted(table, entry, record);
        let (run, rest) = next_run(table, among, full)?;
        for (entry, place) in run.numbers().zip(room.iter_mut()) {
            let record = table.record(entry);
            let tce = match record {
                Record::Pinned(_) => table.get(entry),
                _ => None,
            };
            *place = (record, tce);
        }
        table.clear(run);
        for (entry, (record, tce)) in run.numbers().zip(room.iter()) {
            table.forget(entry);
            release(regions, mm.as_deref(), *record, *tce);
        }
        Some(rest)
    }
}

/// Lets go of what an entry was made from, which no device reaches through it any more.
///
/// `tce` is what it let devices reach, and need not be known for registered memory.
pub(super) fn release(regions: &[Region], mm: Option<&Mm>, record: Record, tce: Option<Tce>) {
    match (record, tce) {
        // SAFETY: The entry had a pin on its page, as its record says, and is empty.
        (Record::Pinned(_), Some(tce)) => unsafe { pins::unpin_entry(tce) },
        // CAST: User addresses fit.
        (Record::Registered(at), _) => let_go(regions, mm, at as usize),
        (Record::Empty | Record::Pinned(_), _) => {}
    }
}

/// Notes that one entry fewer is made from registered memory, which may have been written.
pub(super) fn let_go(regions: &[Region], mm: Option<&Mm>, at: usize) {
    match (region_of(regions, at), mm) {
        (Some(region), _) => region.let_go(at),
        // KVM makes entries from whatever the process has registered.
        (None, Some(mm)) => memory::let_go_elsewhere(mm, at),
        (None, None) => {}
    }
}
