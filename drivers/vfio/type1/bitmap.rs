// SPDX-License-Identifier: GPL-2.0-only

//! The shape of a dirty bitmap: which words a mapping touches, and with which bits.
//!
//! A program that migrates a guest asks which pages the devices may have written. It gets one bit
//! per page of the range it asked about, in words of 64 bits. Every mapping in the range is
//! written on its own: to a first word that it shares with what lies below its bits are added, and
//! the rest of its last word becomes zero.
//!
//! This file knows nothing of the kernel and is tested on the host.
//!
//! C counterpart: `verify_bitmap_size()` and `update_user_bitmap()` in
//! [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

use super::request::Refusal;

/// Bits in a word.
const WORD_BITS: u64 = 64;

/// Bytes in a word.
pub(crate) const WORD_BYTES: u64 = 8;

/// The most pages that one mapping may have while dirty pages are tracked.
pub(crate) const MAX_PAGES: u64 = i32::MAX as u64;

/// The most bytes that a bitmap may have.
pub(crate) const MAX_BYTES: u64 = bytes(MAX_PAGES);

/// Returns the size in bytes of a bitmap for `pages` pages, in whole words.
pub(crate) const fn bytes(pages: u64) -> u64 {
    // OVERFLOW: A sixty-fourth of anything, times eight, fits.
    pages.div_ceil(WORD_BITS) * WORD_BYTES
}

/// Checks that a bitmap of `size` bytes can hold the pages, of `page_size` bytes, of a range.
///
/// The page size comes from the program and may be anything; its lowest bit counts.
pub(crate) fn check_size(range: u64, page_size: u64, size: u64) -> Result<(), Refusal> {
    let pages = range
        .checked_shr(page_size.trailing_zeros())
        .unwrap_or_default();
    if pages == 0 || size == 0 || size > MAX_BYTES || size < bytes(pages) {
        return Err(Refusal::Invalid);
    }
    Ok(())
}

/// The words of a bitmap that one mapping fills with ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ones {
    /// The number of the first word.
    pub(crate) first_word: u64,
    /// The number of bits of the first word that are not ours.
    skip: u64,
    /// The number of ones.
    count: u64,
}

impl Ones {
    /// Returns the words for `count` pages from number `first` on.
    ///
    /// Both are numbers of pages of a 64-bit address space, so their sum fits.
    pub(crate) fn new(first: u64, count: u64) -> Self {
        Self {
            first_word: first / WORD_BITS,
            skip: first % WORD_BITS,
            count,
        }
    }

    /// Returns the number of words.
    pub(crate) fn words(self) -> u64 {
        self.count.saturating_add(self.skip).div_ceil(WORD_BITS)
    }

    /// Returns which words, counted from the first, are nothing but ones: from, and to before.
    pub(crate) fn full(self) -> (u64, u64) {
        let from = u64::from(self.skip != 0);
        let to = self.count.saturating_add(self.skip) / WORD_BITS;
        (from, to.max(from))
    }

    /// Returns the ones in word `index`, counted from the first.
    pub(crate) fn word(self, index: u64) -> u64 {
        let start = index.saturating_mul(WORD_BITS);
        let end = self.count.saturating_add(self.skip).saturating_sub(start);
        low_bits(end) & !low_bits(self.skip.saturating_sub(start))
    }
}

/// Returns a word whose lowest `count` bits are set, or all of them.
fn low_bits(count: u64) -> u64 {
    match u32::try_from(count) {
        // OVERFLOW: The shifted bit is one of the word's, so there is something to subtract from.
        Ok(count) if u64::from(count) < WORD_BITS => (1 << count) - 1,
        _ => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_header() {
        assert_eq!(MAX_BYTES, 0x1000_0000);
        assert_eq!(bytes(1), 8);
        assert_eq!(bytes(64), 8);
        assert_eq!(bytes(65), 16);
    }

    #[test]
    fn odd_page_sizes_are_refused_without_a_shift_by_64() {
        assert_eq!(check_size(0x4000, 0, 8), Err(Refusal::Invalid));
        assert_eq!(check_size(0x4000, 1 << 63, 8), Err(Refusal::Invalid));
        assert_eq!(check_size(0x4000, 0x1000, 8), Ok(()));
        assert_eq!(check_size(0x4000, 0x1000, 0), Err(Refusal::Invalid));
        assert_eq!(check_size(0x4000, 0x1000, 7), Err(Refusal::Invalid));
        assert_eq!(check_size(65 << 12, 0x1000, 8), Err(Refusal::Invalid));
        assert_eq!(check_size(0x4000, 0x1000, MAX_BYTES), Ok(()));
        assert_eq!(
            check_size(0x4000, 0x1000, MAX_BYTES + 1),
            Err(Refusal::Invalid)
        );
    }

    #[test]
    fn ones_are_where_a_plain_loop_puts_them() {
        for first in 0..200 {
            for count in 1..200 {
                let ones = Ones::new(first, count);
                let mut set = Vec::new();
                for index in 0..ones.words() {
                    let word = ones.word(index);
                    let base = (ones.first_word + index) * 64;
                    set.extend((0..64).filter(|b| word >> b & 1 == 1).map(|b| base + b));
                }
                assert_eq!(set, (first..first + count).collect::<Vec<_>>());
                let (from, to) = ones.full();
                for index in 0..ones.words() {
                    let full = ones.word(index) == u64::MAX;
                    assert_eq!(full, (from..to).contains(&index));
                }
            }
        }
    }
}
