// SPDX-License-Identifier: GPL-2.0-only

//! One thing of a [`Sorted`](super::sorted::Sorted) list: a number and the key that it is found by.

/// A key and a number, in 12 bytes. Things with the same key are in the order of their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Item {
    // In this order the halves are loaded as one on most machines.
    low: u32,
    high: u32,
    id: u32,
}

impl Item {
    /// Joins a key with a number.
    pub(crate) fn new(key: u64, id: u32) -> Self {
        Self {
            // CAST: The two halves of the key.
            low: key as u32,
            high: (key >> 32) as u32,
            id,
        }
    }

    /// Returns the number.
    pub(crate) fn id(self) -> u32 {
        self.id
    }

    /// Returns the key.
    pub(super) fn key(self) -> u64 {
        u64::from(self.high) << 32 | u64::from(self.low)
    }

    /// Returns something that has the same order.
    pub(super) fn rank(self) -> (u64, u32) {
        (self.key(), self.id)
    }

    /// Returns whether this one is at most `rank`.
    pub(super) fn is_at_most(self, rank: (u64, u32)) -> bool {
        let (key, id) = self.rank();
        key < rank.0 || key == rank.0 && id <= rank.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_small_and_in_the_order_of_its_key() {
        assert_eq!(size_of::<Item>(), 12);
        let items = [(0, 7), (5, 1), (5, 2), (1 << 32, 0), (u64::MAX, 0)];
        let items = items.map(|(key, id)| Item::new(key, id));
        assert!(items
            .windows(2)
            .all(|w| w[0].rank() < w[1].rank() && w[0].is_at_most(w[1].rank())));
    }
}
