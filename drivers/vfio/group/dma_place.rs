// SPDX-License-Identifier: GPL-2.0-only

//! Where in a guest's device tree the DMA windows of a group belong.
//!
//! The devices of a group share their windows, so a guest must be told of them once: on the node of
//! the device if there is one, else on that of the nearest bridge that all of them are behind.
//!
//! This file knows nothing of the kernel, so that its tests run anywhere.

/// The way to a device, in addresses of type `A`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way<'a, A> {
    /// The host bridge.
    pub(crate) host: A,
    /// The bridges in between, that at the host bridge first.
    pub(crate) bridges: &'a [A],
    /// The device.
    pub(crate) device: A,
}

/// The node that the windows belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DmaPlace<A> {
    /// There is none: no device, or some that no host bridge leads to all of.
    Nowhere,
    /// The one device.
    Device(A),
    /// The nearest bridge that leads to all devices.
    Bridge(A),
    /// The host bridge, as no other bridge leads to all of them.
    HostBridge(A),
}

impl<A: Copy + PartialEq> DmaPlace<A> {
    /// Returns the place for the devices that `ways` lead to.
    pub(crate) fn of<'a>(ways: impl IntoIterator<Item = Way<'a, A>>) -> Self
    where
        A: 'a,
    {
        let mut ways = ways.into_iter().peekable();
        let Some(first) = ways.next() else {
            return Self::Nowhere;
        };
        if ways.peek().is_none() {
            return Self::Device(first.device);
        }
        let mut common = first.bridges;
        for way in ways {
            if way.host != first.host {
                return Self::Nowhere;
            }
            let both = common.iter().zip(way.bridges);
            let shared = both.take_while(|(ours, theirs)| ours == theirs).count();
            common = common.get(..shared).unwrap_or_default();
        }
        match common.last() {
            Some(&bridge) => Self::Bridge(bridge),
            None => Self::HostBridge(first.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: u32 = 100;

    fn way(bridges: &[u32], device: u32) -> Way<'_, u32> {
        Way {
            host: HOST,
            bridges,
            device,
        }
    }

    #[test]
    fn one_device_has_its_own_node() {
        assert_eq!(DmaPlace::of([way(&[], 5)]), DmaPlace::Device(5));
        assert_eq!(DmaPlace::of([way(&[1, 2], 5)]), DmaPlace::Device(5));
    }

    #[test]
    fn no_device_has_none() {
        assert_eq!(DmaPlace::<u32>::of([]), DmaPlace::Nowhere);
    }

    #[test]
    fn the_nearest_bridge_counts() {
        let ways = [way(&[1, 2, 3], 5), way(&[1, 2, 3], 6)];
        assert_eq!(DmaPlace::of(ways), DmaPlace::Bridge(3));
        let ways = [way(&[1, 2, 3], 5), way(&[1, 2, 4], 6), way(&[1, 2], 7)];
        assert_eq!(DmaPlace::of(ways), DmaPlace::Bridge(2));
        // The same bridge below another one is another one.
        let ways = [way(&[1, 2, 3], 5), way(&[1, 4, 3], 6)];
        assert_eq!(DmaPlace::of(ways), DmaPlace::Bridge(1));
    }

    #[test]
    fn without_a_bridge_it_is_the_host_bridge() {
        let ways = [way(&[], 5), way(&[], 6)];
        assert_eq!(DmaPlace::of(ways), DmaPlace::HostBridge(HOST));
        let ways = [way(&[1], 5), way(&[2], 6)];
        assert_eq!(DmaPlace::of(ways), DmaPlace::HostBridge(HOST));
        let ways = [way(&[1], 5), way(&[], 6)];
        assert_eq!(DmaPlace::of(ways), DmaPlace::HostBridge(HOST));
    }

    #[test]
    fn two_host_bridges_have_none() {
        let other = Way {
            host: HOST + 1,
            ..way(&[1], 6)
        };
        assert_eq!(DmaPlace::of([way(&[1], 5), other]), DmaPlace::Nowhere);
    }
}
