// SPDX-License-Identifier: GPL-2.0-only

//! The table of one window.
//!
//! Entries are changed many at once, which does not tell what was there: [`Table::put`] gives a
//! hypervisor a list of up to 512, [`Table::set`] is for contiguous memory and has the platform write
//! the table, and [`Table::clear`] empties them. [`Table::exchange`] is for one entry, which always has
//! either its old or its new meaning for a device.
//!
//! C header: `struct iommu_table` in
//! [`arch/powerpc/include/asm/iommu.h`](srctree/arch/powerpc/include/asm/iommu.h)

use super::{
    record::Record,
    window::{
        Entries,
        PageShift,
        Window, //
    }, //
};
use crate::{
    bindings,
    iommu::Access, //
};
use core::{
    cell::UnsafeCell,
    ptr::NonNull, //
};
use kernel::prelude::*;

/// The most entries that are changed at once: what one hypercall takes.
pub(super) const BATCH: u64 = 512;

/// The bits of an entry that say what devices may do.
const TCE_READ: u64 = 1;
const TCE_WRITE: u64 = 2;

/// A list of entries, at an address as a hypervisor takes it.
#[repr(C, align(4096))]
#[derive(pin_init::Zeroable)]
pub(super) struct List(pub(super) [u64; BATCH as usize]);

/// Where what an entry was made from is noted, in 64 bits as of [`Record`]; KVM may read and write it at
/// the same time.
///
/// # Invariants
///
/// Others access it by single reads and writes of 64 bits.
#[repr(transparent)]
pub(super) struct Place(UnsafeCell<u64>);

impl Place {
    /// Returns what is noted. `READ_ONCE` of C: modules cannot inline the kernel's atomic operations,
    /// and this is asked for each entry that is mapped.
    pub(super) fn get(&self) -> u64 {
        // SAFETY: A reference is valid and aligned, and the memory may be changed by others, by the
        // type invariant with single writes, which a volatile read of a word sees whole.
        unsafe { self.0.get().read_volatile() }
    }

    /// Notes something: `WRITE_ONCE` of C.
    pub(super) fn set(&self, raw: u64) {
        // SAFETY: As in `get`; a volatile write of a word is a single write.
        unsafe { self.0.get().write_volatile(raw) }
    }
}

/// How empty entries of a table are filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filling {
    /// By lists, with any memory: [`Table::put`].
    Lists,
    /// By stretches of contiguous memory: [`Table::set`].
    Stretches,
    /// One by one: [`Table::exchange`].
    Single,
}

/// What an entry lets devices reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tce {
    /// The physical address of the page, in bytes.
    pub(super) physical: u64,
    /// Whether devices may write it.
    pub(super) may_write: bool,
}

/// The table of one window.
///
/// # Invariants
///
/// - The pointer is a live table, on which this value has a reference, with the platform's calls and
///   a user view. Its entries are those of `window`.
/// - The memory behind an entry that is not empty is pinned.
pub struct Table {
    raw: NonNull<vfio_bindings::iommu_table>,
    window: Window,
}

// SAFETY: A table may be used from any thread. Its entries change under the lock of its owner, or by
// KVM, one by one.
unsafe impl Send for Table {}
// SAFETY: As above.
unsafe impl Sync for Table {}

impl Table {
    /// Takes over a table.
    ///
    /// Fails with `ENOMEM` if there was no memory for the user view, and with `EINVAL` for a window
    /// that makes no sense; the table is given back then.
    ///
    /// # Safety
    ///
    /// The table is live and empty, and one reference to it is the caller's, who gives it up.
    pub(super) unsafe fn from_raw(raw: NonNull<vfio_bindings::iommu_table>) -> Result<Self> {
        // SAFETY: The table is live. These fields do not change.
        let table = unsafe { raw.as_ref() };
        // CAST: `c_ulong` has at most 64 bits.
        let window = PageShift::new(table.it_page_shift as u64)
            .and_then(|shift| Window::new(shift, table.it_offset as u64, table.it_size as u64));
        let missing = table.it_userspace.is_null() || table.it_ops.is_null();
        match window {
            // INVARIANT: As was checked, and the caller promises. No entry lets anybody through.
            Some(window) if !missing => Ok(Self { raw, window }),
            _ => {
                // SAFETY: The reference is ours, and the table not used any more.
                unsafe { bindings::iommu_tce_table_put(raw.as_ptr()) };
                Err(if missing { ENOMEM } else { EINVAL })
            }
        }
    }

    /// Returns where the table is in the devices' address space.
    pub fn window(&self) -> Window {
        self.window
    }

    pub(super) fn as_raw(&self) -> *mut vfio_bindings::iommu_table {
        self.raw.as_ptr()
    }

    pub(super) fn table(&self) -> &vfio_bindings::iommu_table {
        // SAFETY: The table is live by the type invariant; the fields that are read through this
        // reference do not change.
        unsafe { self.raw.as_ref() }
    }

    fn ops(&self) -> &vfio_bindings::iommu_table_ops {
        // SAFETY: By the type invariant the table has calls, which are constant.
        unsafe { &*self.table().it_ops }
    }

    /// Returns the number of levels below the first.
    fn levels(&self) -> u64 {
        // CAST: `c_ulong` has at most 64 bits.
        self.table().it_indirect_levels as u64
    }

    /// Returns the number of levels, 1 for a table that is one piece.
    pub fn level_count(&self) -> u32 {
        u32::try_from(self.levels())
            .unwrap_or(u32::MAX)
            .saturating_add(1)
    }

    /// Returns how empty entries are filled.
    ///
    /// Where parts of a table are made when they are first needed, that may fail, which
    /// [`Table::set`] cannot tell.
    pub(super) fn filling(&self, access: Access) -> Filling {
        // SAFETY: The call only looks at what the firmware can do.
        let has_lists = unsafe { bindings::vfio_helper_has_put_tce_indirect() };
        if self.levels() != 0 {
            Filling::Single
        } else if has_lists {
            Filling::Lists
        } else if access.may_read() && self.ops().set.is_some() {
            Filling::Stretches
        } else {
            Filling::Single
        }
    }

    /// Returns where the record of an entry is; [`None`] if `entry` is not in the table or that part
    /// of it does not exist, which `make` would change if there is memory.
    fn record_at(&self, entry: u64, make: bool) -> Option<&Place> {
        self.window.entry(entry)?;
        let place = if self.levels() == 0 {
            let index = usize::try_from(entry.checked_sub(self.window.all().first())?).ok()?;
            // SAFETY: The user view has a place for each entry of the table, and this is one.
            unsafe { self.table().it_userspace.add(index) }
        } else {
            let find = self.ops().useraddrptr?;
            // SAFETY: The table is live by the type invariant and has a user view; the entry is
            // one of it.
            unsafe { find(self.as_raw(), c_long::try_from(entry).ok()?, make) }
        };
        if place.is_null() {
            return None;
        }
        // SAFETY: The place is one of the user view, aligned, and lives as long as the table.
        // INVARIANT: Others who access it are KVM, which does so by single reads and writes.
        Some(unsafe { &*place.cast::<Place>() })
    }

    /// Returns what an entry was made from.
    pub(super) fn record(&self, entry: u64) -> Record {
        let place = self.record_at(entry, false);
        place.map_or(Record::Empty, |place| Record::decode(place.get()))
    }

    /// Notes what an entry was made from. Fails with `ENOMEM`, but not if it was noted before.
    pub(super) fn note(&self, entry: u64, record: Record) -> Result {
        let place = self.record_at(entry, true).ok_or(ENOMEM)?;
        place.set(record.encode());
        Ok(())
    }

    /// Notes what `entries` were made from, of a table that is one piece: what `record` returns for the
    /// index of each.
    pub(super) fn note_all(&self, entries: Entries, record: impl Fn(u64) -> Record) {
        for (index, place) in (0..).zip(self.view(entries)) {
            place.set(record(index).encode());
        }
    }

    /// Notes that an entry is empty.
    pub(super) fn forget(&self, entry: u64) {
        if let Some(place) = self.record_at(entry, false) {
            place.set(Record::Empty.encode());
        }
    }

    /// Returns how many of the first `entries` are known to be empty, at most all of them. The next one
    /// need not be in use.
    ///
    /// Most entries of most tables are empty, so this does not look at them one by one: a view that is
    /// one piece is looked through as such, and parts that do not exist are skipped.
    pub(super) fn count_empty(&self, entries: Entries) -> u64 {
        if self.levels() == 0 {
            let view = self.view(entries);
            let empty = view.iter().take_while(|place| place.get() == 0);
            // CAST: Widening.
            return empty.count() as u64;
        }
        // CAST: `c_ulong` has at most 64 bits.
        let level = self.table().it_level_size as u64;
        if level == 0 || self.record_at(entries.first(), false).is_some() {
            return 0;
        }
        let index = entries.first().saturating_sub(self.window.all().first());
        // Up to the next multiple of the size of a part.
        (level - index % level).min(entries.count())
    }

    /// Returns where the records of `entries` are, of a table that is one piece; nothing if they are not
    /// all the table's or it is not. A record of 0 is [`Record::Empty`].
    pub(super) fn view(&self, entries: Entries) -> &[Place] {
        let index = entries.first().checked_sub(self.window.all().first());
        let place = index.and_then(|index| usize::try_from(index).ok());
        let (Some(index), Ok(count)) = (place, usize::try_from(entries.count())) else {
            return &[];
        };
        if self.levels() != 0 || !self.window.holds(entries) {
            return &[];
        }
        // SAFETY: The user view has a place for each entry of the table, and these are some. It is
        // aligned, and lives as long as the table.
        // INVARIANT: Others who access it are KVM, which does so by single reads and writes.
        unsafe {
            let first = self.table().it_userspace.add(index);
            core::slice::from_raw_parts(first.cast(), count)
        }
    }

    /// Returns the bus address of the first of `entries`.
    pub(super) fn bus_address(&self, entries: Entries) -> c_ulong {
        // CAST: Bus addresses fit.
        (entries.first() << self.window.shift().get()) as c_ulong
    }

    /// Turns what the hypervisor says to filling `entries` into a result; if it refuses, empties them.
    pub(super) fn refused(&self, entries: Entries, result: c_long) -> Result {
        if result == 0 {
            return Ok(());
        }
        self.clear(entries);
        // CAST: A small constant.
        if result == bindings::H_NOT_ENOUGH_RESOURCES as c_long {
            Err(ENOMEM)
        } else {
            Err(EIO)
        }
    }

    /// Fills entries with the memory at the physical addresses in `list`, with one hypercall. The list
    /// is of no use any more after that.
    ///
    /// Fails with `EINVAL` if they are not the table's or are too many, with `ENOMEM` and `EIO` if the
    /// hypervisor refuses; then they are empty.
    ///
    /// # Safety
    ///
    /// - The memory is ordinary memory and stays pinned until the entries are empty again.
    /// - [`Table::filling`] says [`Filling::Lists`].
    pub(super) unsafe fn put(&self, entries: Entries, list: &mut List, access: Access) -> Result {
        let count = usize::try_from(entries.count())?;
        let part = list.0.get_mut(..count).ok_or(EINVAL)?;
        if !self.window.holds(entries) {
            return Err(EINVAL);
        }
        for entry in part {
            *entry = (*entry | permissions(access)).to_be();
        }
        // SAFETY: The list is ordinary memory of the kernel and aligned. The table is live, and the
        // firmware has this call, as the caller promises; the entries are the table's.
        let result = unsafe {
            bindings::vfio_helper_plpar_tce_put_indirect(
                self.table().it_index,
                self.bus_address(entries),
                bindings::vfio_helper_virt_to_phys(core::ptr::from_mut(list).cast()) as c_ulong,
                count,
            )
        };
        self.refused(entries, result)
    }

    /// Fills entries with contiguous memory from `physical` on, and tells the hardware.
    ///
    /// Fails with `EINVAL` if they are not the table's or it cannot be done that way, and with
    /// `ENOMEM`; then they are empty.
    ///
    /// # Safety
    ///
    /// As for [`Table::put`].
    pub(super) unsafe fn set(&self, entries: Entries, physical: u64, access: Access) -> Result {
        let set = self.ops().set.ok_or(EINVAL)?;
        if self.filling(access) != Filling::Stretches || !self.window.holds(entries) {
            return Err(EINVAL);
        }
        // SAFETY: The table is live and has these entries; they need no memory. The address is the
        // kernel's own for that memory.
        let result = unsafe {
            set(
                self.as_raw(),
                c_long::try_from(entries.first())?,
                c_long::try_from(entries.count())?,
                // CAST: Addresses of memory fit.
                bindings::vfio_helper_phys_to_virt(physical) as usize,
                direction(access),
                0,
            )
        };
        if result != 0 {
            // The hypervisor has no room; it has taken back what was done.
            return Err(ENOMEM);
        }
        Ok(())
    }

    /// Gives one entry a new meaning; returns the old one. The hardware may have kept that until
    /// [`Table::kill`].
    ///
    /// Fails with `EINVAL` if the entry is not the table's or the address not a multiple of its page
    /// size, with `ENOMEM`, and with `EIO` if the hypervisor refuses.
    ///
    /// # Safety
    ///
    /// As for [`Table::put`].
    pub(super) unsafe fn exchange(
        &self,
        entry: u64,
        physical: u64,
        access: Access,
    ) -> Result<Option<Tce>> {
        self.window.entry(entry).ok_or(EINVAL)?;
        let exchange = self.ops().xchg_no_kill.ok_or(EINVAL)?;
        if physical & (self.window.shift().bytes() - 1) != 0 {
            return Err(EINVAL);
        }
        let mut direction = direction(access);
        // CAST: Addresses of memory fit.
        let mut address = physical as c_ulong;
        // SAFETY: The table is live and has this entry; the address is aligned to its pages. Both
        // places are valid for reads and writes.
        let result = unsafe {
            exchange(
                self.as_raw(),
                c_long::try_from(entry)?,
                &mut address,
                &mut direction,
            )
        };
        match result {
            0 => Ok(tce(address as u64, direction)),
            error if error == ENOMEM.to_errno() => Err(ENOMEM),
            _ => Err(EIO),
        }
    }

    /// Returns what an entry lets devices reach.
    pub(super) fn get(&self, entry: u64) -> Option<Tce> {
        self.window.entry(entry)?;
        let get = self.ops().get?;
        // SAFETY: The table is live and has this entry.
        let raw = unsafe { get(self.as_raw(), c_long::try_from(entry).ok()?) };
        // CAST: `c_ulong` has at most 64 bits.
        let raw = raw as u64;
        (raw & (TCE_READ | TCE_WRITE) != 0).then_some(Tce {
            physical: raw & !(TCE_READ | TCE_WRITE),
            may_write: raw & TCE_WRITE != 0,
        })
    }

    /// Empties entries. When this returns, no device reaches memory through them any more.
    pub(super) fn clear(&self, entries: Entries) {
        let (Some(clear), true) = (self.ops().clear, self.window.holds(entries)) else {
            return;
        };
        let (Ok(first), Ok(count)) = (
            c_long::try_from(entries.first()),
            c_long::try_from(entries.count()),
        ) else {
            return;
        };
        // SAFETY: The table is live and has these entries.
        unsafe { clear(self.as_raw(), first, count) };
        self.flush();
    }

    /// Makes the hardware forget what it has kept of entries that were exchanged.
    pub(super) fn kill(&self, entries: Entries) {
        // CAST: Numbers of entries fit.
        let (first, count) = (entries.first() as c_ulong, entries.count() as c_ulong);
        // SAFETY: The table is live and has these entries.
        unsafe { bindings::iommu_tce_kill(self.as_raw(), first, count) };
        self.flush();
    }

    fn flush(&self) {
        // SAFETY: The table is live.
        unsafe { bindings::iommu_flush_tce(self.as_raw()) };
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        // SAFETY: The reference is ours by the type invariant, and not used afterwards.
        unsafe { bindings::iommu_tce_table_put(self.as_raw()) };
    }
}

/// Returns the bits of an entry that say what devices may do.
pub(super) fn permissions(access: Access) -> u64 {
    match access {
        Access::Read => TCE_READ,
        Access::Write => TCE_WRITE,
        Access::ReadWrite => TCE_READ | TCE_WRITE,
    }
}

/// Returns the kernel's name for what devices may do.
fn direction(access: Access) -> bindings::dma_data_direction {
    match access {
        Access::Read => bindings::dma_data_direction::DMA_TO_DEVICE,
        Access::Write => bindings::dma_data_direction::DMA_FROM_DEVICE,
        Access::ReadWrite => bindings::dma_data_direction::DMA_BIDIRECTIONAL,
    }
}

/// Returns what an entry meant that the platform gave an address and a direction for.
fn tce(physical: u64, direction: bindings::dma_data_direction) -> Option<Tce> {
    (direction != bindings::dma_data_direction::DMA_NONE).then_some(Tce {
        physical,
        may_write: direction != bindings::dma_data_direction::DMA_TO_DEVICE,
    })
}
