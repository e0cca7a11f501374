// SPDX-License-Identifier: GPL-2.0-only

//! Numbers of things, in the order of the things' keys.
//!
//! A container can have tens of thousands of mappings, each found by two keys. Two search trees
//! would cost more memory than the mappings themselves, and much of the time of mapping a single
//! page would go into keeping them in shape. So keys and numbers stand in blocks of up to
//! [`ITEMS`], in order, and the blocks in a list: a B-tree of two levels. Finding a place is two
//! binary searches through memory that lies side by side, and making one moves at most 504 bytes.
//!
//! A thing may cover a range that begins at its key. Each block knows the highest end of these
//! ranges, or a higher number, so that a search for ranges that may overlap passes over most.
//!
//! A block is split with memory that was brought before, see [`Sorted::needs`]; so nothing here
//! waits for memory, and nothing fails.

use super::{
    block::{
        Block,
        ITEMS, //
    },
    item::Item, //
};
use core::cell::Cell;
use kernel::prelude::*;

/// A block with fewer things than this is joined with the one behind it, if they fit in one.
const FEW: usize = ITEMS / 4;

/// Returns how many of the first of `count` things are as `test` says, which is not so of any
/// behind the first of which it is not so.
///
/// As `slice::partition_point`, of which there is one here for each kind of slice, and which takes
/// twice as long for small ones.
fn partition(count: usize, test: impl Fn(usize) -> bool) -> usize {
    let (mut first, mut left) = (0, count);
    while left > 0 {
        let half = left / 2;
        // OVERFLOW: Both are within the slice.
        let middle = first + half;
        if test(middle) {
            first = middle + 1;
            left -= half + 1;
        } else {
            left = half;
        }
    }
    first
}

/// Memory for a [`Sorted`].
pub(crate) struct Spare {
    items: KVec<Item>,
    blocks: KVVec<Block>,
}

/// Things in the order of their keys.
///
/// # Invariants
///
/// No block is empty, except the only one.
pub(crate) struct Sorted {
    blocks: KVVec<Block>,
    /// Room for the things of another block.
    spare: Option<KVec<Item>>,
    /// The place that the last search found, or behind the last insertion, or of the last removal.
    ///
    /// Who adds things in order, removes them in order, or adds and removes the same one in turn
    /// needs it next, or the one behind.
    recent: Cell<Place>,
}

/// A place between or on things: block, and place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(usize, usize);

impl Sorted {
    /// Returns a list of nothing.
    pub(crate) fn new() -> Self {
        Self {
            blocks: KVVec::new(),
            spare: None,
            recent: Cell::new(Place(0, 0)),
        }
    }

    /// Returns what memory is needed before one more thing can be inserted: how many blocks there
    /// have to be places for, or [`None`] if nothing is needed.
    pub(crate) fn needs(&self) -> Option<usize> {
        let fits = self.spare.is_some() && self.blocks.len() < self.blocks.capacity();
        if fits {
            None
        } else {
            Some(self.blocks.len().saturating_add(1))
        }
    }

    /// Takes memory in, and gives back what is not used.
    pub(crate) fn add(&mut self, spare: Spare) -> Spare {
        let Spare {
            mut items,
            mut blocks,
        } = spare;
        if blocks.capacity() > self.blocks.capacity() {
            core::mem::swap(&mut self.blocks, &mut blocks);
            for old in blocks.drain_all() {
                // There is more room than before.
                let _ = self.blocks.push_within_capacity(old);
            }
        }
        if self.spare.is_none() {
            self.spare = Some(core::mem::replace(&mut items, KVec::new()));
        }
        Spare { items, blocks }
    }

    /// Returns what is at a place.
    pub(crate) fn get(&self, at: Place) -> Option<Item> {
        self.blocks.get(at.0)?.items().get(at.1).copied()
    }

    /// Returns the place behind `at`; there may be nothing there.
    pub(crate) fn behind(&self, at: Place) -> Place {
        let next = Place(at.0, at.1.saturating_add(1));
        match self.blocks.get(at.0) {
            Some(block) if next.1 < block.items().len() => next,
            _ => Place(at.0.saturating_add(1), 0),
        }
    }

    /// Returns the place before `at`, if there is one.
    pub(crate) fn before(&self, at: Place) -> Option<Place> {
        if let Some(place) = at.1.checked_sub(1) {
            return Some(Place(at.0, place));
        }
        let block = at.0.checked_sub(1)?;
        let last = self.blocks.get(block)?.items().len().checked_sub(1)?;
        Some(Place(block, last))
    }

    /// Returns the place of the first thing behind `item` in the order, or where it would be.
    ///
    /// If there is none in the block that `item` belongs to, the place is at the block's end.
    pub(crate) fn above(&self, item: Item) -> Place {
        let rank = item.rank();
        let found = self.guess(rank).unwrap_or_else(|| self.search(rank));
        self.recent.set(found);
        found
    }

    /// Returns what [`Sorted::above`] does if that is the most recent place, or the one behind.
    fn guess(&self, rank: (u64, u32)) -> Option<Place> {
        let at = self.recent.get();
        let items = self.blocks.get(at.0)?.items();
        let begins = match at.1.checked_sub(1) {
            Some(before) => items.get(before)?.is_at_most(rank),
            None => true,
        };
        let next_block = || self.blocks.get(at.0.wrapping_add(1))?.items().first();
        let ends = |place| {
            let item = items.get(place).or_else(next_block);
            item.is_none_or(|item| !item.is_at_most(rank))
        };
        if !begins {
            return None;
        }
        if ends(at.1) {
            // What is smaller than the first thing of a block belongs to the block before.
            return Some(at).filter(|at| at.0 == 0 || at.1 > 0);
        }
        // At the end of a block this is a place that does not exist, but then the next block begins
        // with something that is not above either.
        let next = at.1.saturating_add(1);
        ends(next).then_some(Place(at.0, next))
    }

    /// As [`Sorted::above`], without a guess.
    fn search(&self, rank: (u64, u32)) -> Place {
        let blocks = self.blocks.as_slice();
        let at_most = |item: Option<&Item>| item.is_some_and(|item| item.is_at_most(rank));
        let block = partition(blocks.len(), |at| {
            blocks
                .get(at)
                .is_some_and(|block| at_most(block.items().first()))
        });
        let block = block.saturating_sub(1);
        let place = blocks.get(block).map_or(0, |block| {
            let items = block.items();
            partition(items.len(), |at| at_most(items.get(at)))
        });
        Place(block, place)
    }

    /// Returns the place of the first thing behind `item`; there may be nothing there.
    pub(crate) fn first_above(&self, item: Item) -> Place {
        let at = self.above(item);
        match self.get(at) {
            Some(_) => at,
            None => Place(at.0.saturating_add(1), 0),
        }
    }

    /// Returns the number of a thing with this key, if there is one at the most recent place or the
    /// one before.
    pub(crate) fn recent_with(&self, key: u64) -> Option<u32> {
        let recent = self.recent.get();
        let items = self.blocks.get(recent.0)?.items();
        let has_key = |at: usize| items.get(at).filter(|item: &&Item| item.key() == key);
        let before = recent.1.checked_sub(1).and_then(has_key);
        before.or_else(|| has_key(recent.1)).map(|item| item.id())
    }

    /// Inserts a thing; memory that is needed must have been brought.
    ///
    /// `end` returns the end of the range of a thing.
    pub(crate) fn insert(&mut self, item: Item, end: impl Fn(u32) -> u64) {
        self.insert_at(self.above(item), item, end);
    }

    /// As [`Sorted::insert`], where `at` is the place that [`Sorted::above`] gives for it.
    pub(crate) fn insert_at(&mut self, at: Place, item: Item, end: impl Fn(u32) -> u64) {
        let mut at = at;
        let full = self
            .blocks
            .get(at.0)
            .is_none_or(|block| block.items().len() >= ITEMS);
        if full {
            at = self.split(at, &end);
        }
        if let Some(block) = self.blocks.get_mut(at.0) {
            block.highest = block.highest.max(end(item.id()));
            block.insert(at.1, item);
        }
        self.recent.set(Place(at.0, at.1.saturating_add(1)));
    }

    /// Makes room at a place in a full block, or the first block; returns where the place is now.
    fn split(&mut self, at: Place, end: &impl Fn(u32) -> u64) -> Place {
        let Some(mut items) = self.spare.take() else {
            return at;
        };
        let Some(block) = self.blocks.get_mut(at.0) else {
            self.insert_block(at.0, items, 0);
            return at;
        };
        // Who adds things in order leaves full blocks behind.
        let half = if at.1 == ITEMS { ITEMS } else { ITEMS / 2 };
        for item in block.items().get(half..).unwrap_or_default() {
            // Both blocks have room for as many.
            let _ = items.push_within_capacity(*item);
        }
        block.truncate(half);
        block.highest = highest(block.items(), end);
        let upper = highest(&items, end);
        self.insert_block(at.0.saturating_add(1), items, upper);
        match at.1.checked_sub(half) {
            // At the very border the lower block is the better one, unless it is full.
            Some(place) if place > 0 || half == ITEMS => Place(at.0.saturating_add(1), place),
            _ => at,
        }
    }

    fn insert_block(&mut self, at: usize, items: KVec<Item>, highest: u64) {
        // There is room.
        let _ = self
            .blocks
            .insert_within_capacity(at, Block::new(items, highest));
    }

    /// Removes a thing.
    pub(crate) fn remove(&mut self, item: Item) {
        let recent = self.recent.get();
        let is_there = |at: &Place| self.get(*at) == Some(item);
        let found = self
            .before(recent)
            .filter(is_there)
            .or_else(|| Some(recent).filter(is_there))
            .or_else(|| self.before(self.search(item.rank())).filter(is_there));
        let Some(at) = found else {
            return;
        };
        self.recent.set(at);
        let Some(block) = self.blocks.get_mut(at.0) else {
            return;
        };
        block.remove(at.1);
        let left = block.items().len();
        if left < FEW && self.blocks.len() > 1 {
            self.shrink(at.0, left);
        }
    }

    /// Gives up a block of which nothing is left, or joins one of which little is left.
    fn shrink(&mut self, block: usize, left: usize) {
        if left > 0 {
            self.join(block);
        } else if let Ok(block) = self.blocks.remove(block) {
            self.spare.get_or_insert(block.into_room());
        }
    }

    /// Joins a block with the one behind it, if they fit well in one.
    fn join(&mut self, lower: usize) {
        let upper = lower.saturating_add(1);
        let len = |block: usize| self.blocks.get(block).map(|block| block.items().len());
        let (Some(below), Some(above)) = (len(lower), len(upper)) else {
            return;
        };
        // Not to the brim, so that the next one does not split it again.
        if below.saturating_add(above) > ITEMS - FEW {
            return;
        }
        let Ok(block) = self.blocks.remove(upper) else {
            return;
        };
        if let Some(target) = self.blocks.get_mut(lower) {
            for item in block.items() {
                // There is room, as was just computed.
                target.insert(target.items().len(), *item);
            }
            target.highest = target.highest.max(block.highest);
        }
        self.spare.get_or_insert(block.into_room());
    }

    /// Returns the place, from `at` on, of the first thing in a block that may have a range that
    /// ends at `end` or above.
    pub(crate) fn skip_below(&self, at: Place, end: u64) -> Place {
        let mut at = at;
        while self
            .blocks
            .get(at.0)
            .is_some_and(|block| block.highest < end)
        {
            at = Place(at.0.saturating_add(1), 0);
        }
        at
    }

    /// Returns the place of the first thing.
    pub(crate) fn first(&self) -> Place {
        Place(0, 0)
    }
}

impl Spare {
    /// Gets memory for one more thing in a list for which [`Sorted::needs`] said `blocks`.
    ///
    /// Fails with `ENOMEM`.
    pub(crate) fn new(blocks: usize) -> Result<Self> {
        let wanted = blocks.checked_mul(2).ok_or(ENOMEM)?;
        Ok(Self {
            items: KVec::with_capacity(ITEMS, GFP_KERNEL_ACCOUNT)?,
            blocks: KVVec::with_capacity(wanted, GFP_KERNEL_ACCOUNT)?,
        })
    }
}

fn highest(items: &[Item], end: impl Fn(u32) -> u64) -> u64 {
    items
        .iter()
        .fold(0, |highest, item| highest.max(end(item.id())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Things whose number is their place in a list of (start, length).
    struct Things(Vec<(u64, u64)>);

    impl Things {
        fn item(&self, id: u32) -> Item {
            Item::new(self.0[id as usize].0, id)
        }

        fn end(&self, id: u32) -> u64 {
            self.0[id as usize].0 + self.0[id as usize].1
        }
    }

    fn insert(sorted: &mut Sorted, things: &Things, id: u32) {
        if let Some(blocks) = sorted.needs() {
            sorted.add(Spare::new(blocks).unwrap());
        }
        sorted.insert(things.item(id), |id| things.end(id));
    }

    fn all(sorted: &Sorted) -> Vec<(u64, u32)> {
        let mut at = sorted.first();
        std::iter::from_fn(|| {
            let item = sorted.get(at)?;
            at = sorted.behind(at);
            Some(item.rank())
        })
        .collect()
    }

    #[test]
    fn is_in_order_whatever_comes_and_goes() {
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = move |below: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed >> 33) % below
        };
        for round in 0..30 {
            // Few keys make many things with the same one.
            let keys = if round % 2 == 0 { 5000 } else { 20 };
            let things = Things((0..2000).map(|_| (random(keys), random(50))).collect());
            let mut sorted = Sorted::new();
            let mut model = BTreeSet::new();
            for step in 0..6000u32 {
                // First it grows, then it shrinks.
                let id = random(2000) as u32;
                let grow = random(10) < if step < 3000 { 8 } else { 2 };
                let item = things.item(id);
                if grow && model.insert(item.rank()) {
                    insert(&mut sorted, &things, id);
                } else if !grow && model.remove(&item.rank()) {
                    sorted.remove(item);
                }
                if step % 97 == round {
                    assert_eq!(all(&sorted), model.iter().copied().collect::<Vec<_>>());
                    let item = Item::new(random(keys), u32::MAX);
                    let above = model.range(item.rank()..).next().copied();
                    let at = sorted.first_above(item);
                    assert_eq!(sorted.get(at).map(Item::rank), above);
                    let below = model.range(..=item.rank()).next_back().copied();
                    let at = sorted.before(sorted.above(item));
                    assert_eq!(at.and_then(|at| sorted.get(at)).map(Item::rank), below);
                    assert_eq!(sorted.above(item), sorted.search(item.rank()));
                    for block in &sorted.blocks {
                        assert!(!block.items().is_empty() || sorted.blocks.len() == 1);
                        assert!(block.items().len() <= ITEMS);
                        assert!(block.highest >= highest(block.items(), |id| things.end(id)));
                    }
                }
            }
        }
    }

    #[test]
    fn in_order_it_leaves_full_blocks_behind() {
        let things = Things((0..10_000).map(|n| (n, 1)).collect());
        let mut sorted = Sorted::new();
        (0..10_000).for_each(|id| insert(&mut sorted, &things, id));
        assert!(sorted.blocks.len() <= 10_000 / ITEMS + 1);
        (0..10_000).for_each(|id| sorted.remove(things.item(id)));
        assert_eq!(sorted.blocks.len(), 1);
        assert_eq!(sorted.get(sorted.first()), None);
    }

    #[test]
    fn what_ends_below_is_passed_over() {
        let length = |n| if n == 500 { 10_000 } else { 1 };
        let things = Things((0..1000).map(|n| (n, length(n))).collect());
        let mut sorted = Sorted::new();
        (0..1000).for_each(|id| insert(&mut sorted, &things, id));
        let at = sorted.skip_below(sorted.first(), 5000);
        let id = sorted.get(at).unwrap().id();
        assert!(id <= 500 && id > 500 - ITEMS as u32);
        assert_eq!(sorted.get(sorted.skip_below(sorted.first(), 20_000)), None);
    }
}
