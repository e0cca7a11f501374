// SPDX-License-Identifier: GPL-2.0-only

//! The fixed part of `struct vfio_irq_set`, checked.
//!
//! No kernel types here, so that the rules can be tested on the host. `super` copies the struct
//! from user memory, and asserts that the constants are those of the header.
//!
//! C counterpart: [`drivers/vfio/vfio_main.c`](srctree/drivers/vfio/vfio_main.c),
//! `vfio_set_irqs_validate_and_prepare`.

/// Size of the fixed part: `argsz`, `flags`, `index`, `start`, `count`.
pub(crate) const HEADER_SIZE: usize = 20;

/// `VFIO_IRQ_SET_DATA_NONE`.
pub(crate) const DATA_NONE: u32 = 1 << 0;
/// `VFIO_IRQ_SET_DATA_BOOL`.
pub(crate) const DATA_BOOL: u32 = 1 << 1;
/// `VFIO_IRQ_SET_DATA_EVENTFD`.
pub(crate) const DATA_EVENTFD: u32 = 1 << 2;
/// `VFIO_IRQ_SET_ACTION_MASK`.
pub(crate) const ACTION_MASK: u32 = 1 << 3;
/// `VFIO_IRQ_SET_ACTION_UNMASK`.
pub(crate) const ACTION_UNMASK: u32 = 1 << 4;
/// `VFIO_IRQ_SET_ACTION_TRIGGER`.
pub(crate) const ACTION_TRIGGER: u32 = 1 << 5;

/// All bits that choose a data type.
const DATA: u32 = DATA_NONE | DATA_BOOL | DATA_EVENTFD;
/// All bits that choose an action.
const ACTIONS: u32 = ACTION_MASK | ACTION_UNMASK | ACTION_TRIGGER;

/// What to do with the interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Stop delivering.
    Mask,
    /// Deliver again.
    Unmask,
    /// Set where to deliver to, or deliver now for a test.
    Trigger,
}

/// What follows the fixed part for each interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    /// Nothing.
    None,
    /// A byte, not zero for yes.
    Bool,
    /// A descriptor, `i32`.
    Eventfd,
}

impl Payload {
    /// Returns the bytes that follow for each interrupt.
    const fn unit(self) -> usize {
        match self {
            Self::None => 0,
            Self::Bool => size_of::<u8>(),
            Self::Eventfd => size_of::<i32>(),
        }
    }
}

/// Why a header is refused; the errno is `EINVAL` for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// `argsz` does not cover the fixed part.
    Truncated,
    /// No such index.
    Index,
    /// `start + count` does not fit, by C's margin of one.
    Overflow,
    /// A bit that means nothing.
    Flags,
    /// The index has no interrupt `start`, or none at the end of the range.
    Range,
    /// No data type or several.
    DataType,
    /// `argsz` does not cover the data.
    DataTruncated,
}

/// The fixed part as user space wrote it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) argsz: u32,
    pub(crate) flags: u32,
    pub(crate) index: u32,
    pub(crate) start: u32,
    pub(crate) count: u32,
}

/// What a valid header asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    /// `None` if the flags name no action or several, which is the device's to refuse.
    pub(crate) action: Option<Action>,
    pub(crate) payload: Payload,
    /// Bytes of payload behind the fixed part, at most `count * 4`.
    pub(crate) bytes: usize,
}

impl Header {
    /// Checks the header against the number of indexes and the number of interrupts at `index`.
    ///
    /// # Errors
    ///
    /// The first rule that does not hold, in C's order.
    pub(crate) fn check(&self, indexes: u32, available: u32) -> Result<Checked, Refusal> {
        // CAST: Widening on every architecture that has VFIO.
        let argsz = self.argsz as usize;
        let room = argsz.checked_sub(HEADER_SIZE).ok_or(Refusal::Truncated)?;
        if self.index >= indexes {
            return Err(Refusal::Index);
        }
        let end = self
            .start
            .checked_add(self.count)
            .filter(|&end| end < u32::MAX)
            .ok_or(Refusal::Overflow)?;
        if self.flags & !(DATA | ACTIONS) != 0 {
            return Err(Refusal::Flags);
        }
        if self.start >= available || end > available {
            return Err(Refusal::Range);
        }
        let payload = match self.flags & DATA {
            DATA_NONE => Payload::None,
            DATA_BOOL => Payload::Bool,
            DATA_EVENTFD => Payload::Eventfd,
            _ => return Err(Refusal::DataType),
        };
        // CAST: As above.
        let bytes = (self.count as usize)
            .checked_mul(payload.unit())
            .filter(|&bytes| bytes <= room)
            .ok_or(Refusal::DataTruncated)?;
        Ok(Checked {
            action: self.action(),
            payload,
            bytes,
        })
    }

    /// Returns the action if the flags name exactly one.
    fn action(&self) -> Option<Action> {
        match self.flags & ACTIONS {
            ACTION_MASK => Some(Action::Mask),
            ACTION_UNMASK => Some(Action::Unmask),
            ACTION_TRIGGER => Some(Action::Trigger),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header that passes: descriptors for interrupts 1 and 2 of 8.
    const GOOD: Header = Header {
        argsz: 28,
        flags: DATA_EVENTFD | ACTION_TRIGGER,
        index: 2,
        start: 1,
        count: 2,
    };

    fn check(header: Header) -> Result<Checked, Refusal> {
        header.check(5, 8)
    }

    #[test]
    fn accepts_each_data_type_and_action() {
        assert_eq!(
            check(GOOD),
            Ok(Checked {
                action: Some(Action::Trigger),
                payload: Payload::Eventfd,
                bytes: 8,
            })
        );
        for (data, payload, bytes) in [
            (DATA_NONE, Payload::None, 0),
            (DATA_BOOL, Payload::Bool, 2),
            (DATA_EVENTFD, Payload::Eventfd, 8),
        ] {
            for (bit, action) in [
                (ACTION_MASK, Action::Mask),
                (ACTION_UNMASK, Action::Unmask),
                (ACTION_TRIGGER, Action::Trigger),
            ] {
                let flags = data | bit;
                let want = Checked {
                    action: Some(action),
                    payload,
                    bytes,
                };
                assert_eq!(check(Header { flags, ..GOOD }), Ok(want));
            }
        }
    }

    #[test]
    fn leaves_a_missing_or_double_action_to_the_device() {
        for actions in [0, ACTION_MASK | ACTION_UNMASK, ACTIONS] {
            let flags = DATA_NONE | actions;
            assert_eq!(check(Header { flags, ..GOOD }).unwrap().action, None);
        }
    }

    #[test]
    fn refuses_short_argsz() {
        for argsz in 0..20 {
            assert_eq!(check(Header { argsz, ..GOOD }), Err(Refusal::Truncated));
        }
        for argsz in 20..28 {
            assert_eq!(check(Header { argsz, ..GOOD }), Err(Refusal::DataTruncated));
        }
        let flags = DATA_NONE | ACTION_MASK;
        let argsz = 20;
        assert!(check(Header {
            argsz,
            flags,
            ..GOOD
        })
        .is_ok());
    }

    #[test]
    fn refuses_ranges_that_leave_the_index() {
        // CVE-2016-9083: each of these once passed a sum that wrapped.
        for (start, count) in [
            (0xffff_ffff, 1),
            (0xffff_ffff, 0),
            (1, 0xffff_ffff),
            (0x8000_0000, 0x8000_0000),
            (0, 0xffff_ffff),
        ] {
            let header = Header {
                start,
                count,
                ..GOOD
            };
            assert_eq!(check(header), Err(Refusal::Overflow), "{start} {count}");
        }
        for (start, count) in [(8, 0), (8, 1), (7, 2), (0, 9), (0, 0x8000_0000)] {
            let header = Header {
                start,
                count,
                ..GOOD
            };
            assert_eq!(check(header), Err(Refusal::Range), "{start} {count}");
        }
        for (start, count) in [(0, 0), (7, 0), (7, 1)] {
            assert!(check(Header {
                start,
                count,
                ..GOOD
            })
            .is_ok());
        }
    }

    #[test]
    fn refuses_an_index_without_interrupts() {
        let header = Header {
            start: 0,
            count: 0,
            ..GOOD
        };
        assert_eq!(header.check(5, 0), Err(Refusal::Range));
        assert_eq!(check(Header { index: 5, ..GOOD }), Err(Refusal::Index));
    }

    #[test]
    fn refuses_bad_flags() {
        for bit in 6..32 {
            let flags = GOOD.flags | 1 << bit;
            assert_eq!(check(Header { flags, ..GOOD }), Err(Refusal::Flags));
        }
        for data in [0, DATA_NONE | DATA_BOOL, DATA_BOOL | DATA_EVENTFD, DATA] {
            let flags = data | ACTION_TRIGGER;
            assert_eq!(check(Header { flags, ..GOOD }), Err(Refusal::DataType));
        }
    }

    #[test]
    fn keeps_the_order_of_the_checks() {
        // Everything is wrong; mending one thing at a time uncovers the next.
        let mut header = Header {
            argsz: 19,
            flags: 1 << 31 | DATA,
            index: 5,
            start: u32::MAX,
            count: 1,
        };
        assert_eq!(check(header), Err(Refusal::Truncated));
        header.argsz = 20;
        assert_eq!(check(header), Err(Refusal::Index));
        header.index = 4;
        assert_eq!(check(header), Err(Refusal::Overflow));
        header.start = 8;
        assert_eq!(check(header), Err(Refusal::Flags));
        header.flags = DATA;
        assert_eq!(check(header), Err(Refusal::Range));
        header.start = 7;
        assert_eq!(check(header), Err(Refusal::DataType));
        header.flags = DATA_EVENTFD;
        assert_eq!(check(header), Err(Refusal::DataTruncated));
        header.argsz = 24;
        assert!(check(header).is_ok());
    }

    #[test]
    fn never_asks_for_more_than_argsz_says() {
        // A plain linear congruential sequence is enough to walk odd corners.
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = || {
            seed = seed
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (seed >> 32) as u32
        };
        for _ in 0..200_000 {
            let header = Header {
                argsz: next() >> (next() % 32),
                flags: next() & 0x3f,
                index: next() % 6,
                start: next() >> (next() % 32),
                count: next() >> (next() % 32),
            };
            let available = next() % 2049;
            if let Ok(checked) = header.check(5, available) {
                assert!(checked.bytes + HEADER_SIZE <= header.argsz as usize);
                assert!(u64::from(header.start) + u64::from(header.count) <= u64::from(available));
            }
        }
    }
}
