// SPDX-License-Identifier: GPL-2.0-only

//! Arithmetic on I/O virtual addresses: inclusive ranges and the list of usable ones.
//!
//! An [`IovaRange`] names its first and its *last* byte, so that the topmost byte of a 64-bit
//! address space can be part of a range and no sum ever has to be `last + 1`.
//!
//! A container publishes which addresses a program may map. The list starts as the intersection of
//! the apertures of all its domains, from which the reserved regions of all its groups are cut
//! out. [`clip`] and [`exclude`] are those two steps; [`cut_off`] tells which usable addresses a
//! new aperture would take away, so that live mappings there can veto it.
//!
//! This file knows nothing of the kernel: it allocates nothing and is tested on the host. Callers
//! pass a function that stores each resulting range.
//!
//! C counterpart: `vfio_iommu_aper_conflict()`, `vfio_iommu_aper_resize()` and
//! `vfio_iommu_resv_exclude()` in [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

/// A non-empty range of I/O virtual addresses, both ends included.
///
/// # Invariants
///
/// `first <= last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IovaRange {
    first: u64,
    last: u64,
}

impl IovaRange {
    /// Every address there is.
    pub(crate) const ALL: Self = Self {
        first: 0,
        last: u64::MAX,
    };

    /// Returns the range from `first` to `last`, or [`None`] if that is empty.
    pub(crate) fn new(first: u64, last: u64) -> Option<Self> {
        // INVARIANT: The comparison is the invariant.
        (first <= last).then_some(Self { first, last })
    }

    /// Returns the range of `len` bytes from `first`, or [`None`] if it is empty or wraps around.
    pub(crate) fn from_len(first: u64, len: u64) -> Option<Self> {
        let last = first.checked_add(len.checked_sub(1)?)?;
        // INVARIANT: `last` is `first` plus something, without wrapping.
        Some(Self { first, last })
    }

    /// Returns the lowest address.
    pub(crate) fn first(self) -> u64 {
        self.first
    }

    /// Returns the highest address, which still belongs to the range.
    pub(crate) fn last(self) -> u64 {
        self.last
    }

    /// Returns the addresses in both ranges.
    pub(crate) fn intersect(self, other: Self) -> Option<Self> {
        Self::new(self.first.max(other.first), self.last.min(other.last))
    }

    /// Returns whether the ranges share an address.
    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// Returns whether every address of `inner` is in this range.
    pub(crate) fn contains(self, inner: Self) -> bool {
        self.first <= inner.first && inner.last <= self.last
    }

    /// Returns the part of this range below `first`.
    pub(crate) fn below(self, first: u64) -> Option<Self> {
        Self::new(self.first, self.last.min(first.checked_sub(1)?))
    }

    /// Returns the part of this range above `last`.
    pub(crate) fn above(self, last: u64) -> Option<Self> {
        Self::new(self.first.max(last.checked_add(1)?), self.last)
    }
}

/// Returns the span from the lowest to the highest usable address of a sorted list.
pub(crate) fn span(usable: &[IovaRange]) -> Option<IovaRange> {
    IovaRange::new(usable.first()?.first, usable.last()?.last)
}

/// What a new aperture would do to the addresses that are usable so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aperture {
    /// It has no address in common with them.
    Disjoint,
    /// It keeps some; these two ends, where there are any, stop being usable.
    Cuts {
        /// The addresses lost at the low end.
        below: Option<IovaRange>,
        /// The addresses lost at the high end.
        above: Option<IovaRange>,
    },
}

/// Compares a new aperture with the sorted list of addresses that are usable so far.
///
/// An empty list means that nothing has been decided yet, so nothing can be lost.
pub(crate) fn cut_off(usable: &[IovaRange], aperture: IovaRange) -> Aperture {
    match span(usable) {
        None => Aperture::Cuts {
            below: None,
            above: None,
        },
        Some(span) if !span.overlaps(aperture) => Aperture::Disjoint,
        Some(span) => Aperture::Cuts {
            below: span.below(aperture.first),
            above: span.above(aperture.last),
        },
    }
}

/// Passes to `store` the addresses of the sorted list that lie in `aperture`, in order.
///
/// An empty list means that nothing has been decided yet: then the aperture itself is the result.
/// Fails only as `store` does.
pub(crate) fn clip<E>(
    usable: &[IovaRange],
    aperture: IovaRange,
    mut store: impl FnMut(IovaRange) -> Result<(), E>,
) -> Result<(), E> {
    if usable.is_empty() {
        return store(aperture);
    }
    usable
        .iter()
        .filter_map(|range| range.intersect(aperture))
        .try_for_each(store)
}

/// Passes to `store` the addresses of the sorted list that are not in `hole`, in order.
///
/// Fails only as `store` does.
pub(crate) fn exclude<E>(
    usable: &[IovaRange],
    hole: IovaRange,
    mut store: impl FnMut(IovaRange) -> Result<(), E>,
) -> Result<(), E> {
    usable
        .iter()
        .flat_map(|range| [range.below(hole.first), range.above(hole.last)])
        .flatten()
        .try_for_each(&mut store)
}

/// Returns whether a mapping of `wanted` may be made.
///
/// It has to lie inside *one* usable range. An empty list allows everything: it means that no
/// IOMMU has said yet what it can do.
pub(crate) fn allows(usable: &[IovaRange], wanted: IovaRange) -> bool {
    usable.is_empty() || usable.iter().any(|range| range.contains(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: u64, last: u64) -> IovaRange {
        IovaRange::new(first, last).unwrap()
    }

    fn clipped(usable: &[IovaRange], aperture: IovaRange) -> Vec<IovaRange> {
        let mut out = Vec::new();
        clip(usable, aperture, |r| -> Result<(), ()> {
            out.push(r);
            Ok(())
        })
        .unwrap();
        out
    }

    fn excluded(usable: &[IovaRange], hole: IovaRange) -> Vec<IovaRange> {
        let mut out = Vec::new();
        exclude(usable, hole, |r| -> Result<(), ()> {
            out.push(r);
            Ok(())
        })
        .unwrap();
        out
    }

    #[test]
    fn the_last_byte_belongs_to_the_range() {
        let top = IovaRange::from_len(u64::MAX - 0xfff, 0x1000).unwrap();
        assert_eq!(top.last(), u64::MAX);
        assert_eq!(IovaRange::from_len(u64::MAX, 2), None);
        assert_eq!(IovaRange::from_len(5, 0), None);
        assert_eq!(top.above(u64::MAX), None);
        assert_eq!(IovaRange::ALL.below(0), None);
    }

    #[test]
    fn the_interrupt_window_splits_the_intel_aperture() {
        let usable = clipped(&[], range(0, 0xffff_ffff_ffff));
        let usable = excluded(&usable, range(0xfee0_0000, 0xfeef_ffff));
        assert_eq!(
            usable,
            [range(0, 0xfedf_ffff), range(0xfef0_0000, 0xffff_ffff_ffff)]
        );
        assert!(allows(&usable, range(0xfed0_0000, 0xfedf_ffff)));
        assert!(!allows(&usable, range(0xfedf_f000, 0xfef0_0fff)));
        assert!(!allows(&usable, range(0xfee0_0000, 0xfee0_0fff)));
        assert!(!allows(
            &usable,
            range(0x1_0000_0000_0000, 0x1_0000_0000_0fff)
        ));
    }

    #[test]
    fn a_smaller_aperture_reports_what_it_takes_away() {
        let usable = [range(0x1000, 0x4fff), range(0x8000, 0x9fff)];
        assert_eq!(
            cut_off(&usable, range(0x3000, 0x8fff)),
            Aperture::Cuts {
                below: Some(range(0x1000, 0x2fff)),
                above: Some(range(0x9000, 0x9fff)),
            }
        );
        assert_eq!(cut_off(&usable, range(0xa000, 0xffff)), Aperture::Disjoint);
        assert_eq!(cut_off(&usable, range(0, 0xfff)), Aperture::Disjoint);
        assert_eq!(
            cut_off(&usable, IovaRange::ALL),
            Aperture::Cuts {
                below: None,
                above: None
            }
        );
        assert_eq!(
            clipped(&usable, range(0x3000, 0x8fff)),
            [range(0x3000, 0x4fff), range(0x8000, 0x8fff)]
        );
    }

    #[test]
    fn errors_of_the_store_stop_the_walk() {
        let usable = [range(0, 9), range(20, 29)];
        let mut seen = 0;
        let result = exclude(&usable, range(4, 5), |_| {
            seen += 1;
            if seen == 2 {
                Err("full")
            } else {
                Ok(())
            }
        });
        assert_eq!(result, Err("full"));
        assert_eq!(seen, 2);
    }

    /// A small generator (xorshift), so that the property tests need no crate.
    struct Random(u64);

    impl Random {
        fn next(&mut self, below: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % below
        }

        fn range(&mut self, below: u64) -> IovaRange {
            let (a, b) = (self.next(below), self.next(below));
            range(a.min(b), a.max(b))
        }
    }

    #[test]
    fn every_step_agrees_with_a_plain_set_of_addresses() {
        const TOP: u64 = 64;
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for _ in 0..2000 {
            let mut list = vec![random.range(TOP)];
            let mut set: Vec<bool> = (0..TOP).map(|a| list[0].contains(range(a, a))).collect();
            for _ in 0..random.next(6) {
                let hole = random.range(TOP);
                list = excluded(&list, hole);
                (hole.first()..=hole.last()).for_each(|a| set[a as usize] = false);
            }
            let aperture = random.range(TOP);
            if !list.is_empty() {
                let cut = cut_off(&list, aperture);
                list = clipped(&list, aperture);
                if cut == Aperture::Disjoint {
                    assert!(list.is_empty());
                }
                for (a, usable) in set.iter_mut().enumerate() {
                    *usable &= aperture.contains(range(a as u64, a as u64));
                }
            }
            for (a, usable) in set.iter().enumerate() {
                let one = range(a as u64, a as u64);
                assert_eq!(list.iter().any(|r| r.contains(one)), *usable);
            }
            assert!(list.windows(2).all(|w| w[0].last() < w[1].first()));
            for _ in 0..8 {
                let wanted = random.range(TOP);
                let all = (wanted.first()..=wanted.last()).all(|a| set[a as usize]);
                if !list.is_empty() {
                    // Neighbouring ranges never touch without a gap unless a hole was cut between
                    // them, so "all usable" and "inside one range" are the same.
                    assert_eq!(allows(&list, wanted), all);
                }
            }
        }
    }

    #[test]
    fn overlap_containment_and_intersection_agree() {
        let mut random = Random(7);
        for _ in 0..5000 {
            let (a, b) = (random.range(40), random.range(40));
            let both: Vec<u64> = (0..40)
                .filter(|x| a.contains(range(*x, *x)) && b.contains(range(*x, *x)))
                .collect();
            assert_eq!(a.overlaps(b), !both.is_empty());
            assert_eq!(
                a.intersect(b).map(|r| (r.first(), r.last())),
                both.first().map(|f| (*f, *both.last().unwrap()))
            );
            assert_eq!(a.contains(b), a.intersect(b) == Some(b));
        }
    }
}
