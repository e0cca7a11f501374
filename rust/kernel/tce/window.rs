// SPDX-License-Identifier: GPL-2.0-only

//! DMA windows: which entries of which table a range of bus addresses stands for.
//!
//! A device of a POWER machine reaches memory through *windows*, parts of its address space. A window
//! is a table of *translation control entries* (TCEs), one for each page of the window; the size of
//! these pages is the window's own. Entries are numbered from bus address 0 on, so the first one of a
//! window that begins elsewhere is not 0.
//!
//! [`Window::entries`] is the only way to an [`Entries`]: who has one need not ask again whether an
//! entry lies in its table.
//!
//! This file knows nothing of the kernel, so that its tests run anywhere.
//!
//! C counterpart: `tce_iommu_find_table` and `iommu_tce_check_ioba` in
//! [`drivers/vfio/vfio_iommu_spapr_tce.c`](srctree/drivers/vfio/vfio_iommu_spapr_tce.c) and
//! [`arch/powerpc/kernel/iommu.c`](srctree/arch/powerpc/kernel/iommu.c).

use core::ops::Range;

/// How many windows a group can have at once.
pub const WINDOWS: usize = 2;

/// The size of a window's pages, as a power of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageShift(u8);

impl PageShift {
    /// Returns the size of 2^`shift` bytes, if a table can have it: 4 KiB to 16 GiB.
    pub fn new(shift: u64) -> Option<Self> {
        let shift = u8::try_from(shift).ok()?;
        (12..=34).contains(&shift).then_some(Self(shift))
    }

    /// Returns the power.
    pub fn get(self) -> u8 {
        self.0
    }

    /// Returns the size in bytes.
    pub fn bytes(self) -> u64 {
        1 << self.0
    }

    /// Returns how many pages `bytes` are; `None` if they are no whole number of them.
    pub fn pages(self, bytes: u64) -> Option<u64> {
        let pages = bytes >> self.0;
        (pages << self.0 == bytes).then_some(pages)
    }
}

/// Entries of one table, one after the other; there may be none.
///
/// # Invariants
///
/// They are entries of the window that they were made by, and `first + count` does not wrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entries {
    first: u64,
    count: u64,
}

impl Entries {
    /// Returns the number of the first one.
    pub fn first(self) -> u64 {
        self.first
    }

    /// Returns how many there are.
    pub fn count(self) -> u64 {
        self.count
    }

    /// Returns their numbers.
    pub fn numbers(self) -> Range<u64> {
        // OVERFLOW: By the type invariant.
        self.first..self.first + self.count
    }

    /// Cuts off the first `count`, or all if there are not as many; returns them and the rest.
    pub fn split(self, count: u64) -> (Self, Self) {
        let count = count.min(self.count);
        // INVARIANT: Both are parts of `self`.
        // OVERFLOW: `count` is at most `self.count`.
        let head = Self {
            first: self.first,
            count,
        };
        let rest = Self {
            first: self.first + count,
            count: self.count - count,
        };
        (head, rest)
    }
}

/// Where a table is in the devices' address space.
///
/// # Invariants
///
/// There is at least one entry, and the last page ends at or before the end of 64 bits of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    shift: PageShift,
    first: u64,
    count: u64,
}

impl Window {
    /// Returns the window of `count` pages whose first one is entry `first`; `None` if it has none or
    /// its addresses have more than 64 bits.
    pub fn new(shift: PageShift, first: u64, count: u64) -> Option<Self> {
        let last = first.checked_add(count.checked_sub(1)?)?;
        // INVARIANT: The last page begins at an address of 64 bits, and so ends at one.
        (last <= u64::MAX >> shift.get()).then_some(Self {
            shift,
            first,
            count,
        })
    }

    /// Returns the size of its pages.
    pub fn shift(self) -> PageShift {
        self.shift
    }

    /// Returns the lowest address.
    pub fn start(self) -> u64 {
        self.first << self.shift.get()
    }

    /// Returns the highest address, which still belongs to it.
    pub fn last(self) -> u64 {
        // OVERFLOW: By the type invariant.
        let last = self.first + (self.count - 1);
        last << self.shift.get() | (self.shift.bytes() - 1)
    }

    /// Returns whether an address belongs to it.
    pub fn contains(self, address: u64) -> bool {
        (self.start()..=self.last()).contains(&address)
    }

    /// Returns the entries for `size` bytes from `address` on.
    ///
    /// `None` if either is no multiple of the size of a page, or a byte of the range lies outside.
    pub fn entries(self, address: u64, size: u64) -> Option<Entries> {
        let first = self.shift.pages(address)?;
        let count = self.shift.pages(size)?;
        // How many entries from `first` on there are.
        let left = self.count.checked_sub(first.checked_sub(self.first)?)?;
        // INVARIANT: They begin in the window and are not more than are left of it.
        (count <= left && left > 0).then_some(Entries { first, count })
    }

    /// Returns one entry by its number; `None` if it is not one of the window.
    pub fn entry(self, number: u64) -> Option<Entries> {
        let index = number.checked_sub(self.first)?;
        // INVARIANT: It was just checked; by the window's invariant numbers have 52 bits at most.
        (index < self.count).then_some(Entries {
            first: number,
            count: 1,
        })
    }

    /// Returns whether all of `entries` are the window's.
    pub fn holds(self, entries: Entries) -> bool {
        let index = entries.first.checked_sub(self.first);
        index.is_some_and(|index| index <= self.count && entries.count <= self.count - index)
    }

    /// Returns all of its entries.
    pub fn all(self) -> Entries {
        // INVARIANT: By that of the window.
        Entries {
            first: self.first,
            count: self.count,
        }
    }
}

/// The windows of a container, each with what the caller keeps for it.
///
/// # Invariants
///
/// No two of them share an address.
#[derive(Debug)]
pub struct Windows<T>([Option<(Window, T)>; WINDOWS]);

impl<T> Windows<T> {
    /// No windows.
    pub const fn none() -> Self {
        Self([const { None }; WINDOWS])
    }

    /// Returns the number of the first free place, which is what the platform calls the window.
    pub fn free(&self) -> Option<usize> {
        self.0.iter().position(Option::is_none)
    }

    /// Returns the number of the window with `address`, and the window.
    pub fn find(&self, address: u64) -> Option<(usize, &Window, &T)> {
        self.iter().find(|(_, window, _)| window.contains(address))
    }

    /// Returns the window in place `number`.
    pub fn get(&self, number: usize) -> Option<(&Window, &T)> {
        let (window, value) = self.0.get(number)?.as_ref()?;
        Some((window, value))
    }

    /// Goes through the windows by their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Window, &T)> {
        let numbered = self.0.iter().enumerate();
        numbered.filter_map(|(number, place)| place.as_ref().map(|(w, t)| (number, w, t)))
    }

    /// Puts a window in place `number`; gives `value` back if that is taken, does not exist, or the
    /// window shares an address with another one.
    pub fn insert(&mut self, number: usize, window: Window, value: T) -> Result<(), T> {
        let apart = |other: &Window| window.last() < other.start() || other.last() < window.start();
        if !self.iter().all(|(_, other, _)| apart(other)) {
            return Err(value);
        }
        match self.0.get_mut(number) {
            // INVARIANT: Apart from all others, as was just checked.
            Some(place @ None) => *place = Some((window, value)),
            _ => return Err(value),
        }
        Ok(())
    }

    /// Takes the window in place `number` out.
    pub fn remove(&mut self, number: usize) -> Option<(Window, T)> {
        self.0.get_mut(number)?.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(shift: u64, start: u64, size: u64) -> Window {
        let shift = PageShift::new(shift).unwrap();
        Window::new(shift, start >> shift.get(), size >> shift.get()).unwrap()
    }

    #[test]
    fn sizes_of_pages() {
        assert_eq!(PageShift::new(11), None);
        assert_eq!(PageShift::new(12).unwrap().bytes(), 4096);
        assert_eq!(PageShift::new(34).unwrap().bytes(), 16 << 30);
        for shift in [35, 64, 256 + 16, u64::MAX] {
            assert_eq!(PageShift::new(shift), None);
        }
        let shift = PageShift::new(16).unwrap();
        assert_eq!(shift.pages(0), Some(0));
        assert_eq!(shift.pages(0x30000), Some(3));
        assert_eq!(shift.pages(0x30001), None);
        assert_eq!(shift.pages(u64::MAX), None);
    }

    #[test]
    fn a_window_has_pages_and_64_bits() {
        let shift = PageShift::new(16).unwrap();
        assert_eq!(Window::new(shift, 0, 0), None);
        assert_eq!(Window::new(shift, 1 << 48, 1), None);
        assert_eq!(Window::new(shift, u64::MAX, 2), None);
        let all = Window::new(shift, 0, 1 << 48).unwrap();
        assert_eq!((all.start(), all.last()), (0, u64::MAX));
        let last = Window::new(shift, (1 << 48) - 1, 1).unwrap();
        assert_eq!((last.start(), last.last()), (u64::MAX << 16, u64::MAX));
        assert_eq!(Window::new(shift, (1 << 48) - 1, 2), None);
    }

    #[test]
    fn the_ends_of_a_window() {
        let w = window(16, 0x0800_0000_0000_0000, 0x40_0000);
        let (start, end) = (w.start(), w.start() + 0x40_0000);
        assert_eq!(w.entries(start, 0x40_0000), Some(w.all()));
        assert_eq!(w.entries(start, 0x41_0000), None);
        assert_eq!(w.entries(end - 0x10000, 0x10000).unwrap().count(), 1);
        // One page after the last, as C lets through.
        assert_eq!(w.entries(end - 0x10000, 0x20000), None);
        assert_eq!(w.entries(end, 0), None);
        assert_eq!(w.entries(end, 0x10000), None);
        assert_eq!(w.entries(start - 0x10000, 0x20000), None);
        assert_eq!(w.entries(start, u64::MAX << 16), None);
        assert_eq!(w.entries(start, 0).unwrap().count(), 0);
        assert_eq!(w.entries(start + 1, 0x10000), None);
        assert_eq!(w.entries(start, 0x1000), None);
        assert!(w.contains(end - 1) && !w.contains(end) && !w.contains(start - 1));
    }

    #[test]
    fn cutting_entries() {
        let all = window(12, 0, 0x10000).all();
        let (head, rest) = all.split(5);
        assert_eq!((head.numbers(), rest.numbers()), (0..5, 5..16));
        let (head, rest) = rest.split(100);
        assert_eq!((head.numbers(), rest.numbers()), (5..16, 16..16));
    }

    #[test]
    fn two_places() {
        let (low, high) = (window(12, 0, 1 << 30), window(16, 1 << 59, 1 << 32));
        let mut windows = Windows::none();
        assert_eq!(windows.free(), Some(0));
        assert_eq!(windows.insert(0, low, 'l'), Ok(()));
        assert_eq!(windows.insert(0, high, 'h'), Err('h'));
        assert_eq!(windows.insert(2, high, 'h'), Err('h'));
        assert_eq!(
            windows.insert(1, window(16, 1 << 29, 1 << 30), 'x'),
            Err('x')
        );
        assert_eq!(windows.free(), Some(1));
        assert_eq!(windows.insert(1, high, 'h'), Ok(()));
        assert_eq!(windows.free(), None);
        assert_eq!(windows.get(1), Some((&high, &'h')));
        assert_eq!(windows.get(2), None);
        assert_eq!(windows.find((1 << 30) - 1), Some((0, &low, &'l')));
        assert_eq!(windows.find(1 << 30), None);
        assert_eq!(windows.find((1 << 59) + 77), Some((1, &high, &'h')));
        assert_eq!(windows.remove(0), Some((low, 'l')));
        assert_eq!(windows.remove(0), None);
        assert_eq!(windows.free(), Some(0));
        assert_eq!(windows.find(0), None);
    }
}
