// SPDX-License-Identifier: GPL-2.0-only

//! Which parts of a BAR a DMA-BUF is made of, checked.
//!
//! A program names them as offset and length in the BAR. They may overlap and come in any order, but
//! each consists of whole pages of the BAR.
//!
//! This file knows nothing of the kernel, so that its tests run anywhere.
//!
//! C counterpart: `validate_dmabuf_input` and `vfio_pci_core_fill_phys_vec` in
//! [`drivers/vfio/pci/vfio_pci_dmabuf.c`](srctree/drivers/vfio/pci/vfio_pci_dmabuf.c)

/// Lengths from here on are more than the DMA mapping code can take (`DMA_IOVA_USE_SWIOTLB`).
const TOO_LONG: u64 = 1 << 63;

/// A part of a BAR, or of physical memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    /// Where it begins.
    pub(crate) at: u64,
    /// Its length.
    pub(crate) len: u64,
}

/// What is wrong with ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadRange {
    /// Not whole pages, none, not in the BAR, or too many of them.
    Invalid,
    /// The address of its end is no number of 64 bits.
    Overflow,
}

/// Returns the length of all `ranges`, which must consist of whole pages of `page` bytes.
pub(crate) fn total(ranges: impl Iterator<Item = Range>, page: u64) -> Result<u64, BadRange> {
    let mut total = 0u64;
    for range in ranges {
        if range.len == 0 || (range.at | range.len) % page != 0 {
            return Err(BadRange::Invalid);
        }
        total = total.checked_add(range.len).ok_or(BadRange::Invalid)?;
    }
    if total & TOO_LONG != 0 {
        return Err(BadRange::Invalid);
    }
    Ok(total)
}

/// Returns where in physical memory a `range` of `bar` is.
pub(crate) fn place(range: Range, bar: Range) -> Result<Range, BadRange> {
    let at = bar.at.checked_add(range.at).ok_or(BadRange::Overflow)?;
    let end = at.checked_add(range.len).ok_or(BadRange::Overflow)?;
    let last = bar.at.checked_add(bar.len).ok_or(BadRange::Overflow)?;
    if end > last {
        return Err(BadRange::Invalid);
    }
    Ok(Range { at, len: range.len })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: u64 = 4096;

    fn range(at: u64, len: u64) -> Range {
        Range { at, len }
    }

    fn total_of(ranges: &[Range]) -> Result<u64, BadRange> {
        total(ranges.iter().copied(), PAGE)
    }

    #[test]
    fn lengths_add_up() {
        assert_eq!(total_of(&[range(0, PAGE)]), Ok(PAGE));
        let two = [range(2 * PAGE, 3 * PAGE), range(0, PAGE)];
        assert_eq!(total_of(&two), Ok(4 * PAGE));
    }

    #[test]
    fn only_whole_pages() {
        for bad in [
            range(0, 0),
            range(0, 1),
            range(1, PAGE),
            range(PAGE, PAGE + 8),
            range(u64::MAX, PAGE),
        ] {
            assert_eq!(total_of(&[range(0, PAGE), bad]), Err(BadRange::Invalid));
        }
    }

    #[test]
    fn lengths_stay_below_the_limit() {
        let half = range(0, 1 << 62);
        assert_eq!(total_of(&[half]), Ok(1 << 62));
        assert_eq!(total_of(&[half, half]), Err(BadRange::Invalid));
        assert_eq!(total_of(&[half; 4]), Err(BadRange::Invalid));
        assert_eq!(total_of(&[half; 5]), Err(BadRange::Invalid));
    }

    #[test]
    fn places_end_with_the_bar() {
        let bar = range(0xfe00_0000, 4 * PAGE);
        assert_eq!(place(range(0, 4 * PAGE), bar), Ok(bar));
        let last = range(3 * PAGE, PAGE);
        assert_eq!(place(last, bar), Ok(range(0xfe00_3000, PAGE)));
        let across = range(3 * PAGE, 2 * PAGE);
        assert_eq!(place(across, bar), Err(BadRange::Invalid));
        assert_eq!(place(range(4 * PAGE, PAGE), bar), Err(BadRange::Invalid));
        let far = range(0u64.wrapping_sub(PAGE), PAGE);
        assert_eq!(place(far, bar), Err(BadRange::Overflow));
        let wraps = range(0u64.wrapping_sub(0xfe00_0000 + PAGE), PAGE);
        assert_eq!(place(wraps, bar), Err(BadRange::Overflow));
    }

    #[test]
    fn the_top_of_memory_is_a_place() {
        let bar = range(u64::MAX - 2 * PAGE + 1 - PAGE, 2 * PAGE);
        assert_eq!(
            place(range(PAGE, PAGE), bar).map(|place| place.len),
            Ok(PAGE)
        );
    }
}
