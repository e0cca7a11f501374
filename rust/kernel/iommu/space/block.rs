// SPDX-License-Identifier: GPL-2.0-only

//! Some things of a [`Sorted`](super::sorted::Sorted) list, side by side and in order.
//!
//! Things are often removed in the order in which they stand. So what is gone from the front of a
//! block leaves a gap there, and the rest stays where it is until the room is needed.

use super::item::Item;
use kernel::prelude::*;

/// The most things in a block, which then has 504 bytes: all but 8 of what the kernel gives out.
pub(crate) const ITEMS: usize = 42;

/// Some of the things.
///
/// # Invariants
///
/// `start` is at most the length of `items`, which is at most [`ITEMS`].
pub(crate) struct Block {
    items: KVec<Item>,
    /// How many of `items`, from the first one, are gone.
    start: usize,
    /// No range of the others ends higher.
    pub(crate) highest: u64,
}

impl Block {
    /// Returns a block of these things, at most [`ITEMS`].
    pub(crate) fn new(items: KVec<Item>, highest: u64) -> Self {
        // INVARIANT: 0 is the least.
        Self {
            items,
            start: 0,
            highest,
        }
    }

    /// Returns the room that the things had.
    pub(crate) fn into_room(self) -> KVec<Item> {
        let mut items = self.items;
        items.clear();
        items
    }

    /// Removes all things but the first `len`.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.items.truncate(self.start.saturating_add(len));
    }

    /// Returns the things.
    pub(crate) fn items(&self) -> &[Item] {
        self.items.get(self.start..).unwrap_or_default()
    }

    /// Inserts a thing; there is room for it.
    pub(crate) fn insert(&mut self, at: usize, item: Item) {
        if let (0, Some(start)) = (at, self.start.checked_sub(1)) {
            if let Some(gone) = self.items.get_mut(start) {
                // INVARIANT: It is less than before.
                self.start = start;
                *gone = item;
            }
            return;
        }
        if self.items.len() >= ITEMS {
            self.close_up();
        }
        let at = self.start.saturating_add(at);
        // At the end nothing has to be moved.
        let _ = if at == self.items.len() {
            self.items.push_within_capacity(item).is_ok()
        } else {
            self.items.insert_within_capacity(at, item).is_ok()
        };
    }

    /// Removes a thing. Who removes things in order, or the last ones, moves nothing.
    pub(crate) fn remove(&mut self, at: usize) {
        let len = self.items().len();
        if at.saturating_add(1) == len {
            self.items.pop();
        } else if at > 0 {
            let _ = self.items.remove(self.start.saturating_add(at));
        } else if len > 0 {
            // INVARIANT: There are things behind `start`.
            self.start = self.start.saturating_add(1);
        }
        if len <= 1 {
            self.items.clear();
            // INVARIANT: There are no things.
            self.start = 0;
            self.highest = 0;
        }
    }

    /// Makes the room of what is gone room for others.
    fn close_up(&mut self) {
        let len = self.items().len();
        // The range is in the list, by the type invariant.
        self.items.copy_within(self.start.., 0);
        self.items.truncate(len);
        // INVARIANT: 0 is the least.
        self.start = 0;
    }
}
