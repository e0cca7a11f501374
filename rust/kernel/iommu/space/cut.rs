// SPDX-License-Identifier: GPL-2.0-only

//! Which translations go when a part of contiguous memory is taken from the devices.
//!
//! Page tables translate contiguous memory with entries as large as its alignment allows, and an
//! entry goes as a whole. Which sizes were used cannot be asked. So to take away a part, one has
//! to begin and end where an entry may, at the latest, begin and end: at the ends of the largest
//! block around the cut that one entry could translate. What lies in the block and is not meant is
//! translated again afterwards, in smaller entries.
//!
//! This file knows nothing of the kernel and is tested on the host.

/// Contiguous memory at contiguous I/O addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contiguous {
    /// The first I/O address.
    pub(crate) iova: u64,
    /// The physical address behind it.
    pub(crate) phys: u64,
    /// Bytes, not 0. Neither range wraps.
    pub(crate) len: u64,
}

impl Contiguous {
    /// Returns the range to take away, as offsets `(from, to)`, so that the bytes from offset
    /// `from` to before `to` go and no entry is cut.
    ///
    /// Bit `n` of `sizes` says that entries of `1 << n` bytes exist.
    pub(crate) fn widen(self, (from, to): (u64, u64), sizes: u64) -> (u64, u64) {
        let (mut first, mut end) = (from, to);
        for shift in 0..u64::BITS {
            let size = 1u64 << shift;
            if sizes & size == 0 {
                continue;
            }
            if let Some((start, _)) = self.entry_across(from, size) {
                first = first.min(start);
            }
            if let Some((_, stop)) = self.entry_across(to, size) {
                end = end.max(stop);
            }
        }
        (first, end)
    }

    /// Returns the entry of `size` bytes, as offsets `(start, end)`, that has bytes on both sides
    /// of the offset `at`, if one is possible.
    fn entry_across(self, at: u64, size: u64) -> Option<(u64, u64)> {
        let mask = size - 1;
        if (self.iova ^ self.phys) & mask != 0 || at == 0 || at >= self.len {
            return None;
        }
        // OVERFLOW: `at` is inside the block, which does not wrap.
        let place = (self.iova + at) & mask;
        if place == 0 {
            return None;
        }
        let start = at.checked_sub(place)?;
        let end = start.checked_add(size)?;
        (end <= self.len).then_some((start, end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const X86: u64 = 1 << 12 | 1 << 21 | 1 << 30;

    #[test]
    fn small_pages_are_taken_as_they_are() {
        let block = Contiguous {
            iova: 0x1000,
            phys: 0x5000,
            len: 0x10000,
        };
        assert_eq!(block.widen((0x1000, 0x2000), X86), (0x1000, 0x2000));
        // The same memory at an address that fits no large entry.
        let block = Contiguous {
            iova: 0x20_1000,
            phys: 0x40_0000,
            len: 0x40_0000,
        };
        assert_eq!(block.widen((0x1000, 0x2000), X86), (0x1000, 0x2000));
    }

    #[test]
    fn a_large_entry_goes_whole() {
        let block = Contiguous {
            iova: 0x20_0000,
            phys: 0x60_0000,
            len: 0x60_0000,
        };
        assert_eq!(block.widen((0x1000, 0x2000), X86), (0, 0x20_0000));
        assert_eq!(block.widen((0, 0x20_0000), X86), (0, 0x20_0000));
        assert_eq!(block.widen((0x1f_f000, 0x20_1000), X86), (0, 0x40_0000));
        assert_eq!(block.widen((0, 0x60_0000), X86), (0, 0x60_0000));
        assert_eq!(
            block.widen((0x5f_f000, 0x60_0000), X86),
            (0x40_0000, 0x60_0000)
        );
    }

    /// Builds the entries as an IOMMU driver does: always the largest that fits.
    fn entries(block: Contiguous, sizes: u64) -> Vec<(u64, u64)> {
        let mut out = Vec::new();
        let mut at = 0;
        while at < block.len {
            let size = (0..64)
                .rev()
                .map(|n| 1u64 << n)
                .find(|size| {
                    sizes & size != 0
                        && (block.iova + at) % size == 0
                        && (block.phys + at) % size == 0
                        && block.len - at >= *size
                })
                .unwrap();
            out.push((at, at + size));
            at += size;
        }
        out
    }

    #[test]
    fn no_entry_is_ever_cut() {
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = move |below: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed >> 20) % below
        };
        for round in 0..4000 {
            // Pages of one byte; every power of two, or only some.
            let sizes = if round % 2 == 0 { 0x7f } else { 0b10_1001 };
            let block = Contiguous {
                iova: random(128),
                phys: random(128),
                len: 1 + random(200),
            };
            let from = random(block.len);
            let to = from + 1 + random(block.len - from);
            let (first, end) = block.widen((from, to), sizes);
            assert!(first <= from && to <= end && end <= block.len);
            for (start, stop) in entries(block, sizes) {
                let inside = first <= start && stop <= end;
                let outside = stop <= first || end <= start;
                assert!(inside || outside, "{block:?} {from}..{to}: {start}..{stop}");
            }
        }
    }
}
