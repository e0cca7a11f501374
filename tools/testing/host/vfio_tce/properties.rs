// SPDX-License-Identifier: GPL-2.0-only

//! Properties of DMA windows that hold for any input, extremes included.

use super::window::{
    Entries,
    PageShift,
    Window,
    Windows, //
};
use proptest::prelude::*;

/// Numbers with a liking for both ends.
fn edge() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), 0..64u64, (u64::MAX - 64)..=u64::MAX]
}

fn shift() -> impl Strategy<Value = PageShift> {
    (12..=34u64).prop_map(|shift| PageShift::new(shift).unwrap())
}

/// Any window: small ones and huge ones, at the start, the end, and elsewhere.
fn window() -> impl Strategy<Value = Window> {
    (shift(), edge(), edge()).prop_map(|(shift, first, count)| {
        let pages = u64::MAX >> shift.get();
        let first = first.min(pages - first % 64).min(pages);
        let count = (count % (pages - first + 1)).max(1);
        Window::new(shift, first, count).unwrap()
    })
}

/// A window, and an address that is likely to be close to one of its ends.
fn window_and_range() -> impl Strategy<Value = (Window, u64, u64)> {
    (
        window(),
        -4..4i64,
        any::<bool>(),
        any::<bool>(),
        edge(),
        0..6u64,
    )
        .prop_map(|(window, pages, from_end, aligned, size, few)| {
            let page = window.shift().bytes();
            let end = if from_end {
                window.last()
            } else {
                window.start()
            };
            let address = (end & !(page - 1)).wrapping_add((pages as u64).wrapping_mul(page));
            let size = if aligned { few * page } else { size };
            (window, address, size)
        })
}

/// What the entries are, counted in 128 bits, where nothing wraps.
fn right_entries(window: Window, address: u64, size: u64) -> Option<(u128, u128)> {
    let page = u128::from(window.shift().bytes());
    let (address, size) = (u128::from(address), u128::from(size));
    let (start, end) = (u128::from(window.start()), u128::from(window.last()) + 1);
    let inside = start <= address && address < end && address + size <= end;
    (inside && address % page == 0 && size % page == 0).then_some((address / page, size / page))
}

fn wide(entries: Entries) -> (u128, u128) {
    (entries.first().into(), entries.count().into())
}

proptest! {
    /// A range is refused exactly when a byte of it is outside, or it is not aligned.
    #[test]
    fn entries_are_exact((window, address, size) in window_and_range()) {
        let entries = window.entries(address, size);
        prop_assert_eq!(entries.map(wide), right_entries(window, address, size));
    }

    /// The same for addresses from anywhere.
    #[test]
    fn entries_of_anything(window in window(), address in edge(), size in edge()) {
        let entries = window.entries(address, size);
        prop_assert_eq!(entries.map(wide), right_entries(window, address, size));
    }

    /// No entry outside of its window can be had, however it is cut.
    #[test]
    fn entries_stay_inside((window, address, size) in window_and_range(), cut in edge()) {
        let (all_first, all_count) = wide(window.all());
        if let Some(entries) = window.entries(address, size) {
            let (head, rest) = entries.split(cut);
            for part in [entries, head, rest] {
                let (first, count) = wide(part);
                prop_assert!(all_first <= first && first + count <= all_first + all_count);
                prop_assert_eq!(part.numbers(), part.first()..part.first() + part.count());
            }
            prop_assert_eq!(head.count() + rest.count(), entries.count());
            prop_assert_eq!(head.first() + head.count(), rest.first());
            prop_assert!(head.count() <= cut);
        }
    }

    /// An entry, and a range of entries, is the window's exactly if it lies in it.
    #[test]
    fn whose_entries((window, address, size) in window_and_range(), other in self::window()) {
        let (first, count) = wide(window.all());
        let number = address >> window.shift().get();
        let inside = first <= number.into() && u128::from(number) < first + count;
        prop_assert_eq!(window.entry(number).map(wide), inside.then_some((number.into(), 1)));
        if let Some(entries) = other.entries(address, size) {
            let (from, len) = wide(entries);
            let held = first <= from && from + len <= first + count;
            prop_assert_eq!(window.holds(entries), held);
        }
        prop_assert!(window.holds(window.all()));
    }

    /// A window is refused exactly when it is empty or reaches behind 64 bits.
    #[test]
    fn windows_are_exact(shift in shift(), first in edge(), count in edge()) {
        let end = (u128::from(first) + u128::from(count)) << shift.get();
        let window = Window::new(shift, first, count);
        prop_assert_eq!(window.is_some(), count > 0 && end <= 1 << 64);
        if let Some(window) = window {
            prop_assert_eq!(u128::from(window.start()), u128::from(first) << shift.get());
            prop_assert_eq!(u128::from(window.last()) + 1, end);
            prop_assert_eq!(wide(window.all()), (first.into(), count.into()));
        }
    }

    /// Each address belongs to one window at most, and is found there.
    #[test]
    fn an_address_has_one_window(a in window(), b in window(), address in edge()) {
        let mut windows = Windows::none();
        prop_assert!(windows.insert(0, a, 0).is_ok());
        let both = windows.insert(1, b, 1).is_ok();
        prop_assert_eq!(both, a.last() < b.start() || b.last() < a.start());
        let found = windows.find(address).map(|(number, _, _)| number);
        prop_assert!(!(both && a.contains(address) && b.contains(address)));
        let right = match (a.contains(address), both && b.contains(address)) {
            (true, _) => Some(0),
            (false, true) => Some(1),
            (false, false) => None,
        };
        prop_assert_eq!(found, right);
    }
}
