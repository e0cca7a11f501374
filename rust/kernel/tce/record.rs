// SPDX-License-Identifier: GPL-2.0-only

//! What an entry of a table was made from.
//!
//! Beside each table the platform keeps a second one of the same size, for whoever fills the first:
//! 64 bits for each entry, big-endian like the entry itself. KVM, which may be given a table to
//! serve its guest, writes the user address there of memory that is registered, and reads it when
//! the entry goes. So do we; for memory that was pinned for this one entry, the highest bit is set,
//! which no user address has.
//!
//! This file knows nothing of the kernel, so that its tests run anywhere.

/// The mark of an entry with a pin of its own.
const PINNED: u64 = 1 << 63;

/// What an entry was made from. Addresses are those of the process, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record {
    /// Nothing: the entry lets nobody through.
    Empty,
    /// Memory that is registered and counts its entries.
    Registered(u64),
    /// A page that was pinned for this entry.
    Pinned(u64),
}

impl Record {
    /// Reads what is in memory.
    pub(super) fn decode(raw: u64) -> Self {
        match u64::from_be(raw) {
            0 => Self::Empty,
            value if value & PINNED != 0 => Self::Pinned(value & !PINNED),
            value => Self::Registered(value),
        }
    }

    /// Returns what is to be written to memory.
    pub(super) fn encode(self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Registered(address) => address.to_be(),
            Self::Pinned(address) => (address | PINNED).to_be(),
        }
    }

    /// Returns the user address.
    pub(super) fn address(self) -> Option<u64> {
        match self {
            Self::Empty => None,
            Self::Registered(address) | Self::Pinned(address) => Some(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for record in [
            Record::Empty,
            Record::Registered(0x10000),
            Record::Registered(!PINNED),
            Record::Pinned(0),
            Record::Pinned(0x7fff_0000_0000),
        ] {
            assert_eq!(Record::decode(record.encode()), record);
        }
    }

    #[test]
    fn registered_memory_is_as_kvm_writes_it() {
        let raw = u64::from_ne_bytes([0, 0, 0x7f, 0xff, 0x12, 0x34, 0, 0]);
        assert_eq!(Record::decode(raw), Record::Registered(0x7fff_1234_0000));
        assert_eq!(Record::Registered(0x7fff_1234_0000).encode(), raw);
        assert_eq!(Record::decode(0), Record::Empty);
    }

    #[test]
    fn addresses() {
        assert_eq!(Record::Empty.address(), None);
        assert_eq!(Record::Pinned(5).address(), Some(5));
        assert_eq!(Record::Registered(5).address(), Some(5));
    }
}
