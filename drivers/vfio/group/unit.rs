// SPDX-License-Identifier: GPL-2.0-only

//! What is owned together: how far around a group its isolation unit reaches.
//!
//! An IOMMU group is the smallest set of devices that the IOMMU can tell apart, if everything works
//! as it says. Some do not believe that: functions of one slot may have back doors to each other,
//! devices on one bus may see each other's cycles. A [`Level`] says how much an administrator wants to
//! be owned by one program; it only makes the set larger.
//!
//! This file knows nothing of the kernel, so that its tests run anywhere.

use super::dma_place::Way;

/// A place on a PCI bus.
pub(crate) trait Location: Copy + PartialEq {
    /// Returns whether both are on the same bus.
    fn shares_bus(self, other: Self) -> bool;

    /// Returns whether both are functions in the same slot of the same bus.
    fn shares_slot(self, other: Self) -> bool;
}

/// How far the unit of a group reaches; `A` is the address of a bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level<A> {
    /// It is the group.
    Group,
    /// It has all functions in the slots of its devices.
    Slot,
    /// It has all devices on the buses of its devices.
    Bus,
    /// It has all devices below one bridge.
    Bridge(A),
}

impl<A: Location> Level<A> {
    /// Returns whether a group whose devices are at `own` can have a unit of this level: below a
    /// bridge, it must be itself.
    pub(crate) fn suits<'a>(self, own: impl IntoIterator<Item = Way<'a, A>>) -> bool
    where
        A: 'a,
    {
        match self {
            Self::Group | Self::Slot | Self::Bus => true,
            Self::Bridge(bridge) => own.into_iter().all(|way| way.bridges.contains(&bridge)),
        }
    }

    /// Returns whether the unit of a group with a device at `own` has the device at `other`.
    pub(crate) fn reaches(self, own: Way<'_, A>, other: Way<'_, A>) -> bool {
        match self {
            Self::Group => false,
            Self::Slot => own.device.shares_slot(other.device),
            Self::Bus => own.device.shares_bus(other.device),
            Self::Bridge(bridge) => other.bridges.contains(&bridge),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bus, slot and function.
    type At = (u8, u8, u8);

    impl Location for At {
        fn shares_bus(self, other: Self) -> bool {
            self.0 == other.0
        }

        fn shares_slot(self, other: Self) -> bool {
            (self.0, self.1) == (other.0, other.1)
        }
    }

    const ROOT_PORT: At = (0, 1, 0);
    const SWITCH: At = (1, 0, 0);

    fn way(bridges: &[At], device: At) -> Way<'_, At> {
        Way {
            host: (0, 0, 0),
            bridges,
            device,
        }
    }

    #[test]
    fn a_slot_has_its_functions() {
        let (own, sibling, other) = ((3, 1, 0), (3, 1, 7), (3, 2, 0));
        assert!(Level::Slot.reaches(way(&[], own), way(&[], sibling)));
        assert!(!Level::Slot.reaches(way(&[], own), way(&[], other)));
        assert!(Level::Bus.reaches(way(&[], own), way(&[], other)));
        assert!(!Level::Bus.reaches(way(&[], own), way(&[], (4, 1, 0))));
    }

    #[test]
    fn a_bridge_has_what_is_below_it() {
        let level = Level::Bridge(ROOT_PORT);
        let own = [way(&[ROOT_PORT, SWITCH], (2, 0, 0))];
        assert!(level.suits(own));
        assert!(level.reaches(own[0], way(&[ROOT_PORT], (1, 1, 0))));
        assert!(!level.reaches(own[0], way(&[], (0, 2, 0))));
        assert!(!level.suits([own[0], way(&[], (0, 2, 0))]));
    }

    fn places() -> impl Strategy<Value = At> {
        (0u8..4, 0u8..4, 0u8..4)
    }

    proptest! {
        /// Each level reaches at least what the one before it reaches, and its own device.
        #[test]
        fn levels_grow(own in places(), other in places()) {
            let (own, other) = (way(&[], own), way(&[], other));
            prop_assert!(!Level::Group.reaches(own, other));
            prop_assert!(Level::Slot.reaches(own, own));
            prop_assert!(!Level::Slot.reaches(own, other) || Level::Bus.reaches(own, other));
        }

        /// Who is in whose unit does not depend on who asks, below a slot or bus.
        #[test]
        fn both_ways(one in places(), two in places()) {
            let (one, two) = (way(&[], one), way(&[], two));
            for level in [Level::Slot, Level::Bus] {
                prop_assert_eq!(level.reaches(one, two), level.reaches(two, one));
            }
        }
    }
}
