// SPDX-License-Identifier: GPL-2.0-only

//! An ordered map from disjoint inclusive ranges to values.
//!
//! [`IntervalMap`] keeps values under ranges `first..=last` of `u64` that never overlap. Because
//! they never overlap, a plain red-black tree sorted by `first` answers every question: the range
//! that could contain an address is the last one that starts at or below it.
//!
//! Insertion is in two steps, so that the part that can fail comes before work that is hard to
//! undo: [`IntervalMap::reserve`] gets the memory, [`IntervalMap::insert`] cannot fail for lack of
//! it.
//!
//! C counterpart: `vfio_find_dma()` and `vfio_link_dma()` in
//! [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

use kernel::{
    alloc::Flags,
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNodeReservation, //
    }, //
};

/// A value and the end of its range; the start is the key.
struct Entry<V> {
    last: u64,
    value: V,
}

/// A map from disjoint ranges `first..=last` to values, in order of address.
///
/// # Invariants
///
/// - Every entry has `first <= last`.
/// - No two entries share an address.
/// - `len` is the number of entries.
pub struct IntervalMap<V> {
    tree: RBTree<u64, Entry<V>>,
    len: usize,
}

/// Memory for one entry of an [`IntervalMap`].
#[must_use = "a reservation that is dropped gives its memory back"]
pub struct Reservation<V>(RBTreeNodeReservation<u64, Entry<V>>);

impl<V> IntervalMap<V> {
    /// Returns an empty map.
    pub fn new() -> Self {
        // INVARIANT: Nothing is in it.
        Self {
            tree: RBTree::new(),
            len: 0,
        }
    }

    /// Returns the number of ranges.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there is no range.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Gets the memory for one entry. Fails with `ENOMEM`.
    pub fn reserve(flags: Flags) -> Result<Reservation<V>> {
        Ok(Reservation(RBTreeNodeReservation::new(flags)?))
    }

    /// Inserts `value` under `first..=last`.
    ///
    /// Gives the value back if the range is empty or meets one that is in the map.
    pub fn insert(
        &mut self,
        node: Reservation<V>,
        (first, last): (u64, u64),
        value: V,
    ) -> Result<(), V> {
        if first > last || self.overlap(first, last).is_some() {
            return Err(value);
        }
        // INVARIANT: Both conditions were just checked, and the entry is counted.
        self.tree
            .insert(node.0.into_node(first, Entry { last, value }));
        self.len += 1;
        Ok(())
    }

    /// Returns the first range that shares an address with `first..=last`: `(first, last, value)`.
    pub fn overlap(&self, first: u64, last: u64) -> Option<(u64, u64, &V)> {
        let key = self.overlap_key(first, last)?;
        let entry = self.tree.get(&key)?;
        Some((key, entry.last, &entry.value))
    }

    /// As [`IntervalMap::overlap`], but the value can be changed.
    pub fn overlap_mut(&mut self, first: u64, last: u64) -> Option<(u64, u64, &mut V)> {
        let key = self.overlap_key(first, last)?;
        let entry = self.tree.get_mut(&key)?;
        Some((key, entry.last, &mut entry.value))
    }

    /// Removes the range that starts at `first` and returns its value.
    pub fn remove(&mut self, first: u64) -> Option<V> {
        let entry = self.tree.remove(&first)?;
        // INVARIANT: One entry less. OVERFLOW: it was counted when it was inserted.
        self.len -= 1;
        Some(entry.value)
    }

    /// Removes the first range of all and returns its value.
    pub fn pop_first(&mut self) -> Option<V> {
        let first = *self.tree.cursor_front()?.current().0;
        self.remove(first)
    }

    /// Visits all ranges in order: `(first, last, value)`.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64, &V)> {
        self.tree
            .iter()
            .map(|(first, entry)| (*first, entry.last, &entry.value))
    }

    /// Visits, in order, all ranges that share an address with `first..=last`.
    pub fn overlaps(&self, first: u64, last: u64) -> Overlaps<'_, V> {
        Overlaps {
            map: self,
            rest: (first <= last).then_some(first),
            last,
        }
    }

    /// Returns the start of the first range that shares an address with `first..=last`.
    fn overlap_key(&self, first: u64, last: u64) -> Option<u64> {
        if let Some(cursor) = self.tree.cursor_lower_bound(&first) {
            // Only the range just below can reach up to `first` from below.
            if let Some((key, entry)) = cursor.peek_prev() {
                if entry.last >= first {
                    return Some(*key);
                }
            }
            let (key, _) = cursor.current();
            return (*key <= last).then_some(*key);
        }
        // Every range starts below `first`; only the topmost can reach it.
        let cursor = self.tree.cursor_back()?;
        let (key, entry) = cursor.current();
        (entry.last >= first).then_some(*key)
    }
}

impl<V> Default for IntervalMap<V> {
    fn default() -> Self {
        Self::new()
    }
}

/// An iterator over the ranges of an [`IntervalMap`] that meet a given one.
pub struct Overlaps<'a, V> {
    map: &'a IntervalMap<V>,
    rest: Option<u64>,
    last: u64,
}

impl<'a, V> Iterator for Overlaps<'a, V> {
    type Item = (u64, u64, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.map.overlap(self.rest?, self.last);
        self.rest = found
            .and_then(|(_, last, _)| last.checked_add(1))
            .filter(|next| *next <= self.last);
        found
    }
}
