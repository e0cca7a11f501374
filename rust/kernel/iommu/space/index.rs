// SPDX-License-Identifier: GPL-2.0-only

//! All mappings of an address space, found by I/O address and by the owner's address.
//!
//! I/O addresses of mappings never overlap; the owners' addresses may, because the same memory can
//! be mapped twice and two owners can use the same address.
//!
//! The mappings stand in blocks of a page each and keep their places; two [`Sorted`] lists of
//! their numbers find them. Memory for more of them is brought by the caller, who gets it before
//! taking the lock under which an index lives.

use super::{
    entry::{
        Entry,
        Phase, //
    },
    item::Item,
    lanes::LaneId,
    sorted::{
        Place,
        Sorted,
        Spare, //
    },
};
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

/// A place for a mapping.
enum Slot {
    Used(Entry),
    /// Free, with the number of the next free one.
    Free(Id),
}

/// The number of places in a block.
const PLACES: usize = PAGE_SIZE / size_of::<Slot>();

/// The number of a mapping.
pub(super) type Id = u32;

/// No number.
const NIL: Id = Id::MAX;

/// What memory an [`Index`] needs before one more mapping can be inserted.
pub(super) struct Need {
    blocks: Option<usize>,
    by_iova: Option<usize>,
    by_vaddr: Option<usize>,
}

/// Memory for more mappings.
pub(super) struct Room {
    block: Option<(KVec<Slot>, KVVec<KVec<Slot>>)>,
    by_iova: Option<Spare>,
    by_vaddr: Option<Spare>,
}

impl Room {
    /// Gets what is needed. Fails with `ENOMEM`.
    pub(super) fn new(need: &Need) -> Result<Self> {
        let block = match need.blocks {
            None => None,
            Some(blocks) => {
                // A list that is too short is replaced by one with twice the room.
                let wanted = blocks.checked_mul(2).ok_or(ENOMEM)?.max(4);
                Some((
                    KVec::with_capacity(PLACES, GFP_KERNEL_ACCOUNT)?,
                    KVVec::with_capacity(wanted, GFP_KERNEL_ACCOUNT)?,
                ))
            }
        };
        Ok(Self {
            block,
            by_iova: need.by_iova.map(Spare::new).transpose()?,
            by_vaddr: need.by_vaddr.map(Spare::new).transpose()?,
        })
    }
}

/// The places.
struct Slots {
    blocks: KVVec<KVec<Slot>>,
    free: Id,
}

impl Slots {
    fn get(&self, id: Id) -> Option<&Slot> {
        // CAST: `u32` fits in `usize`.
        let (block, place) = (id as usize / PLACES, id as usize % PLACES);
        self.blocks.get(block)?.get(place)
    }

    fn get_mut(&mut self, id: Id) -> Option<&mut Slot> {
        // CAST: `u32` fits in `usize`.
        let (block, place) = (id as usize / PLACES, id as usize % PLACES);
        self.blocks.get_mut(block)?.get_mut(place)
    }

    fn entry(&self, id: Id) -> Option<&Entry> {
        match self.get(id)? {
            Slot::Used(entry) => Some(entry),
            Slot::Free(_) => None,
        }
    }

    /// Returns the owner's address of the last byte of a mapping.
    fn end(&self, id: Id) -> u64 {
        // CAST: `usize` has at most 64 bits.
        self.entry(id).map_or(0, |entry| entry.last_vaddr() as u64)
    }

    /// Adds a block of free places; gives back the memory that is not used.
    ///
    /// Fails with `ENOMEM` when there are more mappings than can be numbered.
    fn add(&mut self, mut block: KVec<Slot>, mut blocks: KVVec<KVec<Slot>>) -> Result<impl Sized> {
        if self.blocks.len() == self.blocks.capacity() {
            if blocks.capacity() <= self.blocks.len() {
                // Others were faster, and the list is too short again.
                return Ok((Some(block), blocks));
            }
            core::mem::swap(&mut self.blocks, &mut blocks);
            for old in blocks.drain_all() {
                // There is more room than before.
                let _ = self.blocks.push_within_capacity(old);
            }
        }
        let base = self.blocks.len().checked_mul(PLACES).ok_or(ENOMEM)?;
        let end = base.checked_add(PLACES).ok_or(ENOMEM)?;
        let (base, end) = (Id::try_from(base)?, Id::try_from(end).map_err(|_| ENOMEM)?);
        // Each place leads to the next one, the last to what was free before.
        for id in base..end {
            // OVERFLOW: It is less than `end`.
            let next = if id + 1 == end { self.free } else { id + 1 };
            let _ = block.push_within_capacity(Slot::Free(next));
        }
        self.free = base;
        let _ = self.blocks.push_within_capacity(block);
        Ok((None, blocks))
    }
}

/// The mappings.
///
/// # Invariants
///
/// Every used place is in both lists, and `used` is their number.
pub(super) struct Index {
    slots: Slots,
    used: usize,
    by_iova: Sorted,
    by_vaddr: Sorted,
}

impl Index {
    /// Returns an index without mappings.
    pub(super) fn new() -> Self {
        // INVARIANT: There are no places.
        Self {
            slots: Slots {
                blocks: KVVec::new(),
                free: NIL,
            },
            used: 0,
            by_iova: Sorted::new(),
            by_vaddr: Sorted::new(),
        }
    }

    /// Returns the number of mappings.
    pub(super) fn len(&self) -> usize {
        self.used
    }

    /// Returns what is needed before another mapping can be inserted, or [`None`] if nothing is.
    pub(super) fn needs(&self) -> Option<Need> {
        let blocks = (self.slots.free == NIL).then_some(self.slots.blocks.len());
        let (by_iova, by_vaddr) = (self.by_iova.needs(), self.by_vaddr.needs());
        if blocks.is_none() && by_iova.is_none() && by_vaddr.is_none() {
            return None;
        }
        Some(Need {
            blocks,
            by_iova,
            by_vaddr,
        })
    }

    /// Takes memory in; gives back what is not used, to be dropped outside of the lock.
    ///
    /// Fails with `ENOMEM` when there are more mappings than can be numbered.
    pub(super) fn add_room(&mut self, room: Room) -> Result<impl Sized> {
        let by_iova = room.by_iova.map(|spare| self.by_iova.add(spare));
        let by_vaddr = room.by_vaddr.map(|spare| self.by_vaddr.add(spare));
        let block = match room.block {
            Some((block, blocks)) => Some(self.slots.add(block, blocks)?),
            None => None,
        };
        Ok((by_iova, by_vaddr, block))
    }

    /// Returns whether there is much memory and no mapping.
    ///
    /// What a few mappings need stays, so that mapping and unmapping in turn costs nothing here.
    pub(super) fn has_idle_room(&self) -> bool {
        self.used == 0 && self.slots.blocks.len() > 1
    }

    /// Gives up all memory if there is no mapping, to be dropped outside of the lock.
    pub(super) fn take_room(&mut self) -> Option<impl Sized> {
        // INVARIANT: There are no places any more.
        (self.used == 0).then(|| core::mem::replace(self, Self::new()))
    }

    /// Returns a mapping.
    pub(super) fn get(&self, id: Id) -> Option<&Entry> {
        self.slots.entry(id)
    }

    /// Returns a mapping, to be changed. Its addresses must stay what they are.
    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut Entry> {
        match self.slots.get_mut(id)? {
            Slot::Used(entry) => Some(entry),
            Slot::Free(_) => None,
        }
    }

    /// Inserts a mapping at the place that [`Index::vacancy`] returned for its addresses;
    /// [`Index::needs`] must have said that it can.
    pub(super) fn insert(&mut self, entry: Entry, place: Place) -> Option<Id> {
        let id = self.slots.free;
        let slot = self.slots.get_mut(id)?;
        let Slot::Free(next) = *slot else {
            return None;
        };
        // CAST: `usize` has at most 64 bits.
        let (first, vaddr) = (entry.first, entry.vaddr as u64);
        *slot = Slot::Used(entry);
        self.slots.free = next;
        // INVARIANT: The place is in both lists below.
        self.used = self.used.saturating_add(1);
        self.by_iova.insert_at(place, Item::new(first, id), |_| 0);
        let slots = &self.slots;
        self.by_vaddr
            .insert(Item::new(vaddr, id), |id| slots.end(id));
        Some(id)
    }

    /// Removes a mapping that has no runs any more; returns by which way it was made.
    pub(super) fn remove(&mut self, id: Id) -> Option<LaneId> {
        let entry = self.get(id)?;
        // CAST: `usize` has at most 64 bits.
        let (first, vaddr) = (entry.first, entry.vaddr as u64);
        let lane = entry.lane;
        self.by_iova.remove(Item::new(first, id));
        self.by_vaddr.remove(Item::new(vaddr, id));
        let free = self.slots.free;
        if let Some(slot) = self.slots.get_mut(id) {
            *slot = Slot::Free(free);
            self.slots.free = id;
            // INVARIANT: The place is in no list any more.
            self.used = self.used.saturating_sub(1);
        }
        Some(lane)
    }

    /// Changes whose memory a mapping is of, and where it is there; [`Index::needs`] must have
    /// said that one more mapping could be inserted.
    pub(super) fn set_vaddr(&mut self, id: Id, vaddr: usize, owner: u16) {
        let Some(entry) = self.get_mut(id) else {
            return;
        };
        let before = core::mem::replace(&mut entry.vaddr, vaddr);
        entry.owner = owner;
        // CAST: `usize` has at most 64 bits.
        self.by_vaddr.remove(Item::new(before as u64, id));
        let slots = &self.slots;
        self.by_vaddr
            .insert(Item::new(vaddr as u64, id), |id| slots.end(id));
    }

    fn at(&self, place: Place) -> Option<(Id, &Entry)> {
        let id = self.by_iova.get(place)?.id();
        Some((id, self.get(id)?))
    }

    /// Returns the first mapping, in order of I/O address, that has one in `first..=last`, and its
    /// place.
    fn overlap_at(&self, first: u64, last: u64) -> Option<(Place, Id, &Entry)> {
        let above = self.by_iova.above(Item::new(first, NIL));
        let at = |place| self.at(place).map(|(id, entry)| (place, id, entry));
        // The last one that starts at or below may reach up to here.
        let below = self.by_iova.before(above).and_then(at);
        if below.is_some_and(|(_, _, entry)| entry.last >= first) {
            return below;
        }
        at(above)
            .or_else(|| at(self.by_iova.behind(above)))
            .filter(|(_, _, entry)| entry.first <= last)
    }

    /// Returns the first mapping, in order of I/O address, that has one in `first..=last`.
    pub(super) fn overlap(&self, first: u64, last: u64) -> Option<(Id, &Entry)> {
        // One that begins there is the first, and nothing else has to be looked at.
        if let Some(id) = self.by_iova.recent_with(first) {
            return Some((id, self.get(id)?));
        }
        let (_, id, entry) = self.overlap_at(first, last)?;
        Some((id, entry))
    }

    /// Returns where a mapping at `first..=last` would be, or [`None`] if there is one there.
    pub(super) fn vacancy(&self, first: u64, last: u64) -> Option<Place> {
        let above = self.by_iova.above(Item::new(first, NIL));
        let ends = |(_, entry): (Id, &Entry)| entry.last < first;
        let starts = |(_, entry): (Id, &Entry)| entry.first > last;
        let below = self.by_iova.before(above);
        let free_below = below.and_then(|at| self.at(at)).is_none_or(ends);
        let next = match self.by_iova.get(above) {
            Some(_) => above,
            None => self.by_iova.behind(above),
        };
        (free_below && self.at(next).is_none_or(starts)).then_some(above)
    }

    /// Returns the mappings, in order of I/O address, that have one in `first..=last`.
    pub(super) fn overlaps(
        &self,
        first: u64,
        last: u64,
    ) -> impl Iterator<Item = (Id, &Entry)> + '_ {
        let mut place = self.overlap_at(first, last).map(|(place, _, _)| place);
        core::iter::from_fn(move || {
            let found = self.at(place?).filter(|(_, entry)| entry.first <= last)?;
            place = Some(self.by_iova.behind(place?));
            Some(found)
        })
    }

    /// Returns the next mapping behind `behind`, in order of the owner's address, that has memory
    /// in `first..=last` of its owner.
    ///
    /// `behind` is an earlier result: the owner's address, and the number.
    pub(super) fn next_by_vaddr(
        &self,
        (first, last): (usize, usize),
        behind: Option<(usize, Id)>,
    ) -> Option<(Id, &Entry)> {
        // CAST: `usize` has at most 64 bits.
        let mut place = match behind {
            Some((vaddr, id)) => self.by_vaddr.first_above(Item::new(vaddr as u64, id)),
            None => self.by_vaddr.first(),
        };
        loop {
            place = self.by_vaddr.skip_below(place, first as u64);
            let id = self.by_vaddr.get(place)?.id();
            let entry = self.get(id).filter(|entry| entry.vaddr <= last)?;
            if entry.last_vaddr() >= first {
                return Some((id, entry));
            }
            place = self.by_vaddr.behind(place);
        }
    }

    /// Returns whether a mapping with an address in `first..=last` is being made, taken down or
    /// relied on by some thread.
    pub(super) fn is_busy(&self, first: u64, last: u64) -> bool {
        self.overlaps(first, last)
            .any(|(_, entry)| entry.phase != Phase::Ready)
    }
}
