// SPDX-License-Identifier: GPL-2.0-only

//! The windows of one container, and what devices reach through them.
//!
//! A [`Space`] keeps the one promise that all of VFIO rests on: no page frame gets a new owner while
//! a device can still reach it. It has the only way to fill an entry, with memory that is pinned, and
//! lets go of that only after the entry is empty and the hardware has forgotten it.
//!
//! Each window has a record of which user address an entry was made from, so that memory can be taken
//! from the devices by its address when its process gives it up.
//!
//! # Who may do what at the same time
//!
//! The caller keeps apart what programs ask for, except for [small](super::small) requests. `inner` is a
//! short mutex around windows and registered memory. **Whoever holds it neither waits for memory nor touches that of a program**,
//! because a callback of the memory manager takes it while the kernel reclaims memory or holds locks
//! of a program's memory.
//!
//! Lock order: the `mmap_lock` of a program, then `inner`.
//!
//! C counterpart: `tables` and `prereg_list` of `struct tce_container` in
//! [`drivers/vfio/vfio_iommu_spapr_tce.c`](srctree/drivers/vfio/vfio_iommu_spapr_tce.c)

use super::{
    memory::Region,
    record::Record,
    table::{
        List,
        Table,
        Tce,
        BATCH, //
    },
    window::{
        Entries,
        Windows,
        WINDOWS, //
    }, //
};
use crate::mm::locked_vm::Account;
use kernel::{
    mm::{
        Mm,
        MmWithUser, //
    },
    new_mutex,
    prelude::*,
    sync::{
        aref::ARef,
        Arc,
        Mutex, //
    }, //
};

/// The windows of one container and the memory behind them, which is of one process.
#[pin_data(PinnedDrop)]
pub struct Space {
    #[pin]
    pub(super) inner: Mutex<Inner>,
}

/// What the lock protects.
pub(super) struct Inner {
    pub(super) windows: Windows<Arc<Table>>,

    /// Whether small requests are let in.
    pub(super) small: bool,

    /// What is registered, by address; no two overlap.
    pub(super) regions: KVec<Region>,

    /// The first and the last user address of which something is or was pinned for single entries.
    pub(super) pinned: Option<(usize, usize)>,

    /// Counts what happens to the memory of the process, to notice that something did.
    pub(super) events: u64,

    /// Room for the memory that a batch of entries is to be for.
    pub(super) list: KBox<List>,

    /// Room for what a batch of entries was made from, and has let devices reach.
    pub(super) room: KVec<(Record, Option<Tce>)>,

    /// Whose memory it is, once it is known.
    pub(super) mm: Option<ARef<Mm>>,
}

/// How much there is of what, to be looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Registered ranges.
    pub regions: usize,
    /// Pages in these.
    pub registered: usize,
    /// Pages in these that the process has given up.
    pub stale: usize,
}

impl Space {
    /// Returns a space without windows. Fails with `ENOMEM`.
    pub fn new() -> Result<Arc<Self>> {
        // CAST: A small constant.
        let room = KVec::from_elem((Record::Empty, None), BATCH as usize, GFP_KERNEL_ACCOUNT)?;
        let list = KBox::init(pin_init::init_zeroed(), GFP_KERNEL_ACCOUNT)?;
        let inner = Inner {
            windows: Windows::none(),
            small: false,
            regions: KVec::new(),
            pinned: None,
            events: 0,
            list,
            room,
            mm: None,
        };
        Arc::pin_init(
            pin_init!(Self {
                inner <- new_mutex!(inner, "tce::Space::inner"),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// Sets whose memory it is: the process's that `account` charges.
    pub fn set_owner(&self, account: &Account) {
        let before = self.inner.lock().mm.replace(account.mm().into());
        drop(before);
    }

    /// Returns whether there is window `number`.
    pub fn has_window(&self, number: usize) -> bool {
        self.inner.lock().windows.get(number).is_some()
    }

    /// Returns the tables of the windows, by number.
    pub fn tables(&self) -> [Option<Arc<Table>>; WINDOWS] {
        let inner = self.inner.lock();
        let mut tables = [const { None }; WINDOWS];
        for (number, _, table) in inner.windows.iter() {
            if let Some(place) = tables.get_mut(number) {
                *place = Some(table.clone());
            }
        }
        tables
    }

    /// Adds window `number`.
    ///
    /// Fails with `EEXIST` if there is one, or it shares an address with another.
    pub fn add_window(&self, number: usize, table: Arc<Table>) -> Result {
        let window = table.window();
        let result = self.inner.lock().windows.insert(number, window, table);
        // What was not added is dropped after the lock.
        result.map_err(|_| EEXIST)
    }

    /// Removes window `number` after emptying it; returns its table.
    pub fn remove_window(&self, number: usize) -> Option<Arc<Table>> {
        self.clear_window(number);
        let (_, table) = self.inner.lock().windows.remove(number)?;
        Some(table)
    }

    /// Registers `pages` pages from `vaddr` on, of the current process, whose address space `mm` is.
    /// Returns whether it has to be [checked](Space::check), because something has happened meanwhile.
    ///
    /// # Errors
    ///
    /// `EBUSY` if it is registered here, `EINVAL` if it overlaps with what is registered, `ENOMEM`
    /// beyond `RLIMIT_MEMLOCK` or for lack of memory, `EFAULT`.
    pub fn register(&self, mm: &MmWithUser, vaddr: usize, pages: usize) -> Result<bool> {
        let (events, len) = {
            let inner = self.inner.lock();
            let mut regions = inner.regions.iter();
            if regions.any(|region| region.range() == (vaddr, pages)) {
                return Err(EBUSY);
            }
            (inner.events, inner.regions.len())
        };
        let region = Region::new(mm, vaddr, pages)?;
        // No memory can be had with the lock held. Nobody else adds one: the caller sees to that.
        let mut room = KVec::with_capacity(len.checked_add(1).ok_or(ENOMEM)?, GFP_KERNEL_ACCOUNT)?;
        let mut inner = self.inner.lock();
        let place = inner.regions.partition_point(|r| r.range().0 < vaddr);
        // There is room for all of them, so none of this fails.
        for there in core::mem::take(&mut inner.regions) {
            let _ = room.push_within_capacity(there);
        }
        let _ = room.insert_within_capacity(place, region);
        inner.regions = room;
        Ok(inner.events != events)
    }

    /// Gives registered memory back, which is named by its first address and its length.
    ///
    /// # Errors
    ///
    /// `ENOENT` if it is not registered here, `EBUSY` if there are entries for it; nothing changes.
    pub fn unregister(&self, vaddr: usize, pages: usize) -> Result {
        let region = {
            let mut inner = self.inner.lock();
            let mut regions = inner.regions.iter();
            let index = regions
                .position(|region| region.range() == (vaddr, pages))
                .ok_or(ENOENT)?;
            let region = inner.regions.get(index).ok_or(ENOENT)?;
            // What only KVM has made keeps the memory from being given back, below.
            if region.may_have_entries() && inner.has_entries((vaddr, region.last())) {
                return Err(EBUSY);
            }
            inner.regions.remove(index).map_err(|_| ENOENT)?
        };
        region.give_back().map_err(|(region, error)| {
            // KVM has made an entry that is not in our windows, or is just making one.
            let mut inner = self.inner.lock();
            let place = inner.regions.partition_point(|r| r.range().0 < vaddr);
            // There is room: nobody else adds or removes one.
            let _ = inner.regions.insert_within_capacity(place, region);
            error
        })
    }

    /// Removes all windows, and gives all registered memory back. What has entries elsewhere stays
    /// pinned until these go.
    pub fn shut(&self) {
        for number in 0..WINDOWS {
            drop(self.remove_window(number));
        }
        let regions = core::mem::take(&mut self.inner.lock().regions);
        drop(regions);
    }

    /// Returns how much there is of what.
    pub fn counts(&self) -> Counts {
        let inner = self.inner.lock();
        let mut counts = Counts::default();
        for region in &inner.regions {
            counts.regions += 1;
            counts.registered = counts.registered.saturating_add(region.range().1);
            counts.stale = counts.stale.saturating_add(region.count_stale());
        }
        counts
    }
}

impl Inner {
    /// Returns the registered memory that an address is in.
    pub(super) fn region(&self, vaddr: usize) -> Option<&Region> {
        region_of(&self.regions, vaddr)
    }

    /// Returns the table of window `number`.
    pub(super) fn table(&self, number: usize) -> Option<&Table> {
        table_of(&self.windows, number)
    }

    /// Returns whether there is an entry for registered memory at `range.0..=range.1`.
    fn has_entries(&self, range: (usize, usize)) -> bool {
        self.windows.iter().any(|(_, window, table)| {
            let page = window.shift().bytes();
            let of_range =
                |_, record| matches!(record, Record::Registered(at) if overlaps(at, page, range));
            next_run(table, window.all(), of_range).is_some()
        })
    }
}

/// Returns the one of `regions` that an address is in.
#[inline]
pub(super) fn region_of(regions: &[Region], vaddr: usize) -> Option<&Region> {
    let behind = regions.partition_point(|region| region.range().0 <= vaddr);
    let region = regions.get(behind.checked_sub(1)?)?;
    (vaddr <= region.last()).then_some(region)
}

/// Returns the table of window `number`.
pub(super) fn table_of(windows: &Windows<Arc<Table>>, number: usize) -> Option<&Table> {
    let (_, table) = windows.get(number)?;
    Some(table)
}

/// Returns whether the page of `size` bytes at the user address `at` has an address of
/// `range.0..=range.1`.
pub(super) fn overlaps(at: u64, size: u64, range: (usize, usize)) -> bool {
    // CAST: `usize` has at most 64 bits.
    let (first, last) = (range.0 as u64, range.1 as u64);
    // OVERFLOW: A page is not empty.
    at <= last && first <= at.saturating_add(size - 1)
}

/// Returns the first entries of `among`, one after the other and at most [`BATCH`], that are as
/// `wanted`, and those behind them.
pub(super) fn next_run(
    table: &Table,
    among: Entries,
    wanted: impl Fn(u64, Record) -> bool,
) -> Option<(Entries, Entries)> {
    let mut rest = among;
    loop {
        (_, rest) = rest.split(table.count_empty(rest));
        if rest.count() == 0 {
            return None;
        }
        if wanted(rest.first(), table.record(rest.first())) {
            break;
        }
        (_, rest) = rest.split(1);
    }
    let like_it = rest
        .numbers()
        // CAST: A small constant.
        .take(BATCH as usize)
        // The first one is.
        .skip(1)
        .take_while(|&entry| wanted(entry, table.record(entry)))
        .count();
    // CAST: Widening. OVERFLOW: Not more than a batch.
    Some(rest.split(1 + like_it as u64))
}

#[pinned_drop]
impl PinnedDrop for Space {
    fn drop(self: Pin<&mut Self>) {
        self.shut();
    }
}
