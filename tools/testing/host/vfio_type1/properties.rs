// SPDX-License-Identifier: GPL-2.0-only

//! Properties of address ranges that hold for any input, extremes included.

use super::iova::IovaRange;
use proptest::prelude::*;

/// Numbers with a liking for both ends.
fn edge() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), 0..16u64, (u64::MAX - 16)..=u64::MAX]
}

fn range() -> impl Strategy<Value = IovaRange> {
    (edge(), edge()).prop_map(|(a, b)| IovaRange::new(a.min(b), a.max(b)).unwrap())
}

proptest! {
    /// A length is refused exactly when it is zero or the range would wrap.
    #[test]
    fn from_len_is_exact(first in edge(), len in edge()) {
        match IovaRange::from_len(first, len) {
            Some(made) => {
                prop_assert_eq!(made.first(), first);
                prop_assert_eq!(made.last() - made.first(), len - 1);
            }
            None => prop_assert!(len == 0 || first.checked_add(len - 1).is_none()),
        }
    }

    /// Sharing an address, having an intersection, and each being the other's partner are one thing.
    #[test]
    fn overlap_is_a_common_address(a in range(), b in range()) {
        prop_assert_eq!(a.overlaps(b), b.overlaps(a));
        prop_assert_eq!(a.overlaps(b), a.intersect(b).is_some());
        prop_assert_eq!(a.intersect(b), b.intersect(a));
    }

    /// What two ranges have in common lies in both.
    #[test]
    fn intersection_is_contained(a in range(), b in range()) {
        if let Some(both) = a.intersect(b) {
            prop_assert!(a.contains(both) && b.contains(both));
        }
    }

    /// Cutting a piece out loses exactly that piece.
    #[test]
    fn below_and_above_lose_nothing(whole in range(), at in edge()) {
        let below = whole.below(at);
        let above = whole.above(at);
        if let Some(part) = below {
            prop_assert!(whole.contains(part) && part.last() < at);
        }
        if let Some(part) = above {
            prop_assert!(whole.contains(part) && part.first() > at);
        }
        let point = IovaRange::new(at, at).unwrap();
        prop_assert_eq!(below.is_none(), whole.first() >= at);
        prop_assert_eq!(above.is_none(), whole.last() <= at);
        prop_assert_eq!(whole.contains(point), whole.first() <= at && at <= whole.last());
    }
}
