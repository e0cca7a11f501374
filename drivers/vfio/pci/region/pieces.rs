// SPDX-License-Identifier: GPL-2.0-only

//! Cutting an access to a BAR into words that the device sees.
//!
//! A device sees naturally aligned accesses of 1, 2, 4 or 8 bytes. A program may ask for any range,
//! which is cut greedily from its start. A part of the BAR may be closed (the table of MSI-X, or
//! what lies behind the image of a ROM): reads of it give ones, and writes to it are dropped.
//!
//! Where many of the widest words follow each other, a [`Step`] is a block of them: what has to be
//! done before and after a word takes longer than the word.
//!
//! This file knows nothing of the kernel, so that its tests run anywhere.
//!
//! C counterpart: `vfio_pci_core_do_io_rw` in
//! [`drivers/vfio/pci/vfio_pci_rdwr.c`](srctree/drivers/vfio/pci/vfio_pci_rdwr.c)

use core::ops::Range;

/// One piece of an access, which the device sees as such.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A byte.
    Byte,
    /// Two bytes.
    Word,
    /// Four bytes.
    Long,
    /// Eight bytes.
    Quad,
    /// This many bytes of the closed part, at least one.
    Closed(usize),
}

impl Piece {
    /// Returns the first piece of the `count` bytes from `offset` on.
    ///
    /// `closed` is the closed part, `widest` the longest access that the device takes. `None` if
    /// `count` is 0.
    pub(crate) fn first(
        offset: usize,
        count: usize,
        closed: &Range<usize>,
        widest: usize,
    ) -> Option<Self> {
        if count == 0 {
            return None;
        }
        let open = if offset < closed.start {
            count.min(closed.start - offset)
        } else if offset >= closed.end {
            count
        } else {
            return Some(Self::Closed(count.min(closed.end - offset)));
        };
        let fits = |width: usize| open >= width && offset % width == 0 && widest >= width;
        Some(match () {
            () if fits(8) => Self::Quad,
            () if fits(4) => Self::Long,
            () if fits(2) => Self::Word,
            () => Self::Byte,
        })
    }

    /// Returns the number of bytes.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Byte => 1,
            Self::Word => 2,
            Self::Long => 4,
            Self::Quad => 8,
            Self::Closed(len) => len,
        }
    }
}

/// The bytes of a block.
pub(crate) const BLOCK: usize = 64;

/// One step of an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// [`BLOCK`] bytes in pieces of eight.
    Block,
    /// One piece.
    Single(Piece),
}

impl Step {
    /// Returns the first step; the arguments are those of [`Piece::first`].
    pub(crate) fn first(
        offset: usize,
        count: usize,
        closed: &Range<usize>,
        widest: usize,
    ) -> Option<Self> {
        if count >= BLOCK && offset % 8 == 0 && widest >= 8 {
            let is_open = offset >= closed.end || closed.start.saturating_sub(offset) >= BLOCK;
            if is_open {
                return Some(Self::Block);
            }
        }
        Piece::first(offset, count, closed, widest).map(Self::Single)
    }

    /// Returns the number of bytes.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Block => BLOCK,
            Self::Single(piece) => piece.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Range<usize> = 0..0;

    /// Returns all pieces of an access.
    fn cut(offset: usize, count: usize, closed: Range<usize>, widest: usize) -> Vec<Piece> {
        let (mut at, mut left, mut pieces) = (offset, count, Vec::new());
        while let Some(piece) = Piece::first(at, left, &closed, widest) {
            at += piece.len();
            left -= piece.len();
            pieces.push(piece);
        }
        pieces
    }

    #[test]
    fn aligned_accesses_are_one_piece() {
        assert_eq!(cut(0, 8, OPEN, 8), [Piece::Quad]);
        assert_eq!(cut(4, 4, OPEN, 8), [Piece::Long]);
        assert_eq!(cut(6, 2, OPEN, 8), [Piece::Word]);
        assert_eq!(cut(7, 1, OPEN, 8), [Piece::Byte]);
        assert_eq!(cut(7, 0, OPEN, 8), []);
    }

    #[test]
    fn unaligned_accesses_grow_and_shrink() {
        use Piece::{Byte, Long, Quad, Word};
        assert_eq!(cut(1, 16, OPEN, 8), [Byte, Word, Long, Quad, Byte]);
        assert_eq!(cut(4, 12, OPEN, 8), [Long, Quad]);
        assert_eq!(cut(0, 8, OPEN, 4), [Long, Long]);
        assert_eq!(cut(2, 4, OPEN, 8), [Word, Word]);
    }

    #[test]
    fn the_closed_part_is_stepped_over_at_once() {
        use Piece::{Closed, Long, Quad};
        assert_eq!(cut(0, 32, 8..24, 8), [Quad, Closed(16), Quad]);
        assert_eq!(cut(4, 8, 8..24, 8), [Long, Closed(4)]);
        assert_eq!(cut(20, 8, 8..24, 8), [Closed(4), Long]);
    }

    #[test]
    fn pieces_cover_the_range_and_stay_aligned() {
        for offset in 0..24 {
            for count in 0..24 {
                for widest in [4, 8] {
                    let pieces = cut(offset, count, 9..14, widest);
                    let mut at = offset;
                    for piece in pieces {
                        if let Piece::Closed(len) = piece {
                            assert!(at >= 9 && at + len <= 14);
                        } else {
                            assert!(piece.len() <= widest && at % piece.len() == 0);
                            assert!(at + piece.len() <= 9 || at >= 14);
                        }
                        at += piece.len();
                    }
                    assert_eq!(at, offset + count);
                }
            }
        }
    }

    #[test]
    fn a_block_is_eight_pieces_of_eight() {
        for offset in 0..24 {
            for count in 0..100 {
                for closed in [OPEN, 0..8, 8..24, 70..80, 86..88, 100..200] {
                    for widest in [4, 8] {
                        let pieces = cut(offset, count, closed.clone(), widest);
                        let block = pieces.get(..8) == Some(&[Piece::Quad; 8][..]);
                        let want = match pieces.first() {
                            Some(_) if block => Some(Step::Block),
                            first => first.copied().map(Step::Single),
                        };
                        assert_eq!(Step::first(offset, count, &closed, widest), want);
                    }
                }
            }
        }
    }
}
