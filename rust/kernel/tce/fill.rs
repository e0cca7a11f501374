// SPDX-License-Identifier: GPL-2.0-only

//! Filling the entries of a batch, in the way that the platform does best.
//!
//! The memory is in the space's list. Entries that are in use already are exchanged one by one, so that
//! a device that uses one at that moment reaches either the old page or the new one, but not nothing.

use super::{
    clear::release,
    record::Record,
    space::{
        table_of,
        Inner, //
    },
    table::{
        Filling,
        List,
        Table,
        BATCH, //
    },
    window::Entries, //
};
use crate::iommu::Access;
use kernel::prelude::*;

/// Entries that are filled at once. The memory that they are for is in the space's list.
#[derive(Clone, Copy)]
pub(super) struct Batch {
    pub(super) entries: Entries,
    /// What the first entry is made from; the addresses of the others follow.
    pub(super) record: Record,
    /// Whether the entries are in use.
    pub(super) in_use: bool,
}

impl Batch {
    /// Returns the record for the entry with this index.
    fn record(&self, table: &Table, index: u64) -> Record {
        // OVERFLOW: The caller of the space has made sure that the addresses do not wrap.
        let offset = index << table.window().shift().get();
        match self.record {
            Record::Empty => Record::Empty,
            Record::Registered(at) => Record::Registered(at + offset),
            Record::Pinned(at) => Record::Pinned(at + offset),
        }
    }
}

impl Inner {
    /// Empties the first `done` entries of a batch that failed.
    pub(super) fn clear_made(&mut self, number: usize, batch: Batch, done: u64) {
        let (made, _) = batch.entries.split(done);
        self.clear_all(number, made);
    }

    /// Fills the entries of a batch, for which the memory is in the list, and pinned or counted.
    ///
    /// # Errors
    ///
    /// With how many entries have been filled: `ENOMEM`, `EIO`.
    pub(super) fn fill(
        &mut self,
        number: usize,
        batch: Batch,
        access: Access,
    ) -> Result<(), (u64, Error)> {
        let Self { windows, list, .. } = self;
        let table = table_of(windows, number).ok_or((0, ENXIO))?;
        let filling = if batch.in_use {
            Filling::Single
        } else {
            table.filling(access)
        };
        match filling {
            Filling::Single => return self.exchange(number, batch, access),
            // SAFETY: The memory is ordinary memory and pinned. The records, which are made below, keep
            // it so until the entries are empty. The table is filled by lists.
            Filling::Lists => unsafe { table.put(batch.entries, list, access) },
            Filling::Stretches => {
                // SAFETY: As above.
                unsafe { set_stretches(table, batch.entries, list, access) }
            }
        }
        .map_err(|error| (0, error))?;
        // Such a table is one piece.
        table.note_all(batch.entries, |index| batch.record(table, index));
        Ok(())
    }

    /// Fills the entries of a batch one by one, and lets go of what they were for.
    // Apart, so that what is common does not save registers for it.
    #[inline(never)]
    fn exchange(
        &mut self,
        number: usize,
        batch: Batch,
        access: Access,
    ) -> Result<(), (u64, Error)> {
        let Self {
            windows,
            regions,
            list,
            room,
            mm,
            ..
        } = self;
        let table = table_of(windows, number).ok_or((0, ENXIO))?;
        let mut result = Ok(());
        let mut done: u64 = 0;
        let places = list.0.iter().zip(room.iter_mut());
        for ((index, entry), (physical, place)) in (0..).zip(batch.entries.numbers()).zip(places) {
            let old = table.record(entry);
            // Makes the place for the record first: what follows may fail, too, but takes it back.
            let made = table
                .note(entry, batch.record(table, index))
                .and_then(|()| {
                    // SAFETY: The memory is ordinary memory and pinned; the record that was just made
                    // keeps it so until the entry is empty.
                    let tce = unsafe { table.exchange(entry, *physical, access) };
                    tce.inspect_err(|_| {
                        let _ = table.note(entry, old);
                    })
                });
            match made {
                Ok(tce) => *place = (old, tce),
                Err(error) => {
                    result = Err((done, error));
                    break;
                }
            }
            // OVERFLOW: Not more than a batch.
            done += 1;
        }
        table.kill(batch.entries);
        for (place, _) in room.iter_mut().zip(0..done) {
            let (record, tce) = core::mem::replace(place, (Record::Empty, None));
            release(regions, mm.as_deref(), record, tce);
        }
        result
    }
}

/// Looks up the memory for the first of `among`, as many as go at once: into `list`, where `physical`
/// says what belongs to the entry with an index. Returns the entries, and whether they are in use.
///
/// # Errors
///
/// What `physical` fails with for the first entry; another one ends the batch.
pub(super) fn gather(
    table: &Table,
    among: Entries,
    list: &mut List,
    mut physical: impl FnMut(u64) -> Result<u64>,
) -> Result<(Entries, bool)> {
    let (batch, _) = among.split(BATCH);
    let mut view = table.view(batch).iter();
    let mut first = None;
    let mut count = 0;
    for ((index, entry), place) in (0..).zip(batch.numbers()).zip(list.0.iter_mut()) {
        let in_use = match view.next() {
            Some(place) => place.get() != 0,
            None => table.record(entry) != Record::Empty,
        };
        if *first.get_or_insert(in_use) != in_use {
            break;
        }
        match physical(index) {
            Ok(address) => *place = address,
            Err(error) if index == 0 => return Err(error),
            Err(_) => break,
        }
        // OVERFLOW: Not more than a batch.
        count += 1;
    }
    let (entries, _) = among.split(count);
    Ok((entries, first.unwrap_or(false)))
}

/// Fills entries with the memory in `list`, by stretches of contiguous memory. If that fails, they are
/// empty.
///
/// # Safety
///
/// As for [`Table::put`].
unsafe fn set_stretches(table: &Table, entries: Entries, list: &List, access: Access) -> Result {
    let page = table.window().shift().bytes();
    let mut rest = entries;
    let mut memory = list.0.iter().copied();
    let mut next = memory.next();
    while rest.count() != 0 {
        let Some(first) = next else {
            break;
        };
        let mut count = 1;
        loop {
            next = memory.next();
            // OVERFLOW: Memory does not reach to the end of 64 bits.
            if count == rest.count() || next != Some(first + count * page) {
                break;
            }
            count += 1;
        }
        let (part, behind) = rest.split(count);
        // SAFETY: As the caller promises.
        if let Err(error) = unsafe { table.set(part, first, access) } {
            table.clear(entries);
            return Err(error);
        }
        rest = behind;
    }
    Ok(())
}
