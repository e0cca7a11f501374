// SPDX-License-Identifier: GPL-2.0-only

//! Small requests: those of a program that maps page by page, as the network drivers of a guest do.
//!
//! What they cost is mostly the way to the entry. So a request for one batch of entries at most takes one
//! lock, the space's, and does everything with it held. Whatever else it takes, another lock or an error
//! that has to be told in the right order, is left to the caller's longer way: the answer is [`None`]
//! then, and nothing was done.
//!
//! Most of them are for one entry, which goes without a list and without looking for the end of anything.

use super::{
    clear::let_go,
    record::Record,
    space::{
        region_of,
        table_of,
        Inner,
        Space, //
    },
    table::{
        permissions,
        Filling,
        Place,
        Table,
        BATCH, //
    },
    window::Entries, //
};
use crate::{
    bindings,
    iommu::Access, //
};
use kernel::prelude::*;

impl Space {
    /// Lets small requests in, until [`Space::clear_window`] is called: the caller has found that the
    /// owner may map registered memory, and what it asks for needs no preparation.
    pub fn admit_small(&self) {
        self.inner.lock().small = true;
    }

    /// Maps registered memory from `vaddr` on at the `size` bytes of bus addresses from `start` on, if
    /// that is a small request of the owner. The user addresses do not wrap.
    ///
    /// Fails as [`Space::map_registered`] does.
    pub fn map_small(
        &self,
        (start, size): (u64, u64),
        vaddr: u64,
        access: Access,
    ) -> Option<Result> {
        let mut inner = self.inner.lock();
        let (number, entries) = inner.small(start, size, vaddr)?;
        if let Some(done) = inner.map_one(number, entries, vaddr, access) {
            return Some(done);
        }
        let done = inner.map_registered(number, entries, vaddr, access);
        Some(done.map(|_| ()))
    }

    /// Empties the entries for the `size` bytes of bus addresses from `start` on, if that is a small
    /// request of the owner; returns whether it was.
    pub fn unmap_small(&self, start: u64, size: u64) -> bool {
        let mut inner = self.inner.lock();
        let Some((number, entries)) = inner.small(start, size, 0) else {
            return false;
        };
        if !inner.clear_one(number, entries) {
            inner.clear_all(number, entries);
        }
        true
    }
}

impl Inner {
    /// Returns the window and the entries that a small request of the current process is for, if it is
    /// one; `vaddr` is a user address that has to be a multiple of the window's page size.
    fn small(&self, start: u64, size: u64, vaddr: u64) -> Option<(usize, Entries)> {
        let current = kernel::current!();
        let (owner, current) = (self.mm.as_ref()?, current.mm()?);
        if !self.small || owner.as_raw() != current.as_raw() {
            return None;
        }
        let (number, window, _) = self.windows.find(start)?;
        window.shift().pages(vaddr)?;
        let entries = window.entries(start, size)?;
        (entries.count() <= BATCH).then_some((number, entries))
    }

    /// Fills `entries` with registered memory, if that is one that is not in use and can be filled at once.
    fn map_one(
        &self,
        number: usize,
        entries: Entries,
        vaddr: u64,
        access: Access,
    ) -> Option<Result> {
        let table = table_of(&self.windows, number)?;
        let place = table.single(entries)?;
        if place.get() != 0 || vaddr == 0 {
            return None;
        }
        let at = usize::try_from(vaddr).ok()?;
        let region = region_of(&self.regions, at)?;
        let physical = match region.frame(at, table.window().shift()) {
            Ok(physical) => physical,
            Err(error) => return Some(Err(error)),
        };
        if let Err(error) = region.count() {
            return Some(Err(error));
        }
        // SAFETY: The memory is ordinary memory and registered, which keeps it pinned; it is counted, and
        // the record, which is made next, keeps it so until the entry is empty.
        let made = unsafe { table.set_one(entries, physical, access) };
        match made {
            Some(Ok(())) => place.set(Record::Registered(vaddr).encode()),
            Some(Err(_)) | None => region.uncount(),
        }
        made
    }

    /// Empties `entries`, if that is one that was made from memory that is registered here, or empty;
    /// returns whether it was.
    fn clear_one(&self, number: usize, entries: Entries) -> bool {
        let table = table_of(&self.windows, number);
        let Some((table, place)) = table.and_then(|t| Some((t, t.single(entries)?))) else {
            return false;
        };
        match Record::decode(place.get()) {
            Record::Empty => {}
            Record::Pinned(_) => return false,
            Record::Registered(at) => {
                table.clear(entries);
                place.set(Record::Empty.encode());
                // CAST: User addresses fit.
                let_go(&self.regions, self.mm.as_deref(), at as usize);
            }
        }
        true
    }
}

impl Table {
    /// Returns where the record of `entries` is, if that is one, of a table that is one piece.
    fn single(&self, entries: Entries) -> Option<&Place> {
        match self.view(entries) {
            [place] => Some(place),
            _ => None,
        }
    }

    /// Fills one entry with the memory at `physical`, if the platform can do that without looking what is
    /// in it; otherwise returns [`None`].
    ///
    /// Fails with `ENOMEM` and `EIO` if the hypervisor refuses; then it is empty.
    ///
    /// # Safety
    ///
    /// As for [`Table::put`], but for the way of filling.
    unsafe fn set_one(&self, entry: Entries, physical: u64, access: Access) -> Option<Result> {
        if entry.count() != 1 || !self.window().holds(entry) {
            return None;
        }
        match self.filling(access) {
            Filling::Single => None,
            // SAFETY: As the caller promises.
            Filling::Stretches => Some(unsafe { self.set(entry, physical, access) }),
            Filling::Lists => {
                // SAFETY: The table is live, and a hypervisor's; the entry is the table's. What it
                // lets devices reach is as the caller promises.
                let result = unsafe {
                    bindings::vfio_helper_plpar_tce_put(
                        self.table().it_index,
                        self.bus_address(entry),
                        // CAST: `c_ulong` has 64 bits here.
                        (physical | permissions(access)) as c_ulong,
                    )
                };
                Some(self.refused(entry, result))
            }
        }
    }
}
