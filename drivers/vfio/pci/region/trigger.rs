// SPDX-License-Identifier: GPL-2.0-only

//! What `VFIO_DEVICE_IOEVENTFD` asks for, checked.
//!
//! A [`Trigger`] is one write: where, how wide, and what. It is also the name by which a program
//! takes it away again, so all of it counts, even the bits of the value that are not written.
//!
//! This file knows nothing of the kernel, so that its tests run anywhere. [`super::ioeventfd`]
//! asserts that its constants are those of the header.
//!
//! C counterpart: `vfio_pci_ioctl_ioeventfd` in
//! [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c)

use super::pieces::Piece;

/// Size of the part that every caller passes: `argsz`, `flags`, `offset`, `data`, `fd`.
pub(crate) const MIN_SIZE: usize = 28;

/// The descriptor that stands for none.
const NO_FD: i32 = -1;

/// How wide a write is. The number is that of its bytes, and of its flag in the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// A byte.
    Byte = 1,
    /// Two bytes.
    Word = 2,
    /// Four bytes.
    Long = 4,
    /// Eight bytes.
    Quad = 8,
}

impl Width {
    /// Returns the width that `flags` name, if they name one and nothing else.
    fn from_flags(flags: u32) -> Option<Self> {
        match flags {
            1 => Some(Self::Byte),
            2 => Some(Self::Word),
            4 => Some(Self::Long),
            8 => Some(Self::Quad),
            _ => None,
        }
    }

    /// Returns the number of bytes.
    pub(crate) const fn bytes(self) -> usize {
        self as usize
    }
}

/// One write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trigger {
    /// Where, in the file of the device.
    pub(crate) offset: u64,
    /// How wide.
    pub(crate) width: Width,
    /// What; the low bytes count if it is narrower.
    pub(crate) data: u64,
}

impl Trigger {
    /// Calls `f` with each naturally aligned piece of the write, its offset and, in the low bytes,
    /// its value, if the write goes to `at`.
    ///
    /// That is one piece, unless `at` is not aligned to the width.
    pub(crate) fn each_piece(&self, mut at: usize, mut f: impl FnMut(Piece, usize, u64)) {
        let (mut left, mut value) = (self.width.bytes(), self.data);
        while let Some(piece) = Piece::first(at, left, &(0..0), Width::Quad.bytes()) {
            f(piece, at, value);
            at = at.saturating_add(piece.len());
            left = left.saturating_sub(piece.len());
            // Nothing is left of the value after eight bytes.
            value = match piece {
                Piece::Byte => value >> 8,
                Piece::Word => value >> 16,
                Piece::Long => value >> 32,
                Piece::Quad | Piece::Closed(_) => 0,
            };
        }
    }
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Write whenever this descriptor is rung.
    Assign(Trigger, i32),
    /// Do not write any more.
    Deassign(Trigger),
}

impl Request {
    /// Checks the struct as user space wrote it.
    ///
    /// `None`, for which the errno is `EINVAL`, if `argsz` does not cover [`MIN_SIZE`], `flags` are
    /// not exactly one width, or `fd` is below -1.
    pub(crate) fn parse(argsz: u32, flags: u32, offset: u64, data: u64, fd: i32) -> Option<Self> {
        // CAST: Widening on every architecture that has VFIO.
        if (argsz as usize) < MIN_SIZE {
            return None;
        }
        let trigger = Trigger {
            offset,
            width: Width::from_flags(flags)?,
            data,
        };
        match fd {
            NO_FD => Some(Self::Deassign(trigger)),
            0.. => Some(Self::Assign(trigger, fd)),
            _ => None,
        }
    }

    /// Returns the write that this is about.
    pub(crate) fn trigger(&self) -> Trigger {
        match *self {
            Self::Assign(trigger, _) | Self::Deassign(trigger) => trigger,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trigger(width: Width) -> Trigger {
        Trigger {
            offset: 0x20_0000_0000_0004,
            width,
            data: 0x8877_6655_4433_2211,
        }
    }

    fn parse(argsz: u32, flags: u32, fd: i32) -> Option<Request> {
        let Trigger { offset, data, .. } = trigger(Width::Byte);
        Request::parse(argsz, flags, offset, data, fd)
    }

    #[test]
    fn each_width_has_one_flag() {
        for (flags, width) in [
            (1, Width::Byte),
            (2, Width::Word),
            (4, Width::Long),
            (8, Width::Quad),
        ] {
            let want = trigger(width);
            assert_eq!(parse(28, flags, 3), Some(Request::Assign(want, 3)));
            assert_eq!(parse(28, flags, -1), Some(Request::Deassign(want)));
            assert_eq!(parse(28, flags, -1).unwrap().trigger(), want);
            assert_eq!(width.bytes(), flags as usize);
        }
        for flags in (0..16u32).filter(|flags| !flags.is_power_of_two()) {
            assert_eq!(parse(28, flags, 3), None);
        }
        for bit in 4..32 {
            assert_eq!(parse(28, 4 | 1 << bit, 3), None);
            assert_eq!(parse(28, 1 << bit, 3), None);
        }
    }

    #[test]
    fn the_size_covers_the_descriptor() {
        for argsz in 0..28 {
            assert_eq!(parse(argsz, 4, 3), None);
        }
        assert!(parse(32, 4, 3).is_some());
        assert!(parse(u32::MAX, 4, 3).is_some());
    }

    #[test]
    fn one_negative_descriptor_means_something() {
        for fd in [-2, -3, i32::MIN] {
            assert_eq!(parse(28, 4, fd), None);
        }
        assert!(parse(28, 4, 0).is_some());
        assert!(parse(28, 4, i32::MAX).is_some());
    }

    #[test]
    fn what_is_not_written_still_counts() {
        let mut other = trigger(Width::Byte);
        other.data ^= 1 << 63;
        assert_ne!(other, trigger(Width::Byte));
    }

    /// Returns the bytes that a write leaves in zeroed memory, and the number of its pieces.
    fn written(width: Width, at: usize) -> ([u8; 24], usize) {
        let (mut memory, mut pieces) = ([0; 24], 0);
        trigger(width).each_piece(at, |piece, at, value| {
            assert_eq!(at % piece.len(), 0);
            memory[at..at + piece.len()].copy_from_slice(&value.to_le_bytes()[..piece.len()]);
            pieces += 1;
        });
        (memory, pieces)
    }

    #[test]
    fn pieces_are_the_write() {
        for width in [Width::Byte, Width::Word, Width::Long, Width::Quad] {
            for at in 0..16 {
                let (memory, pieces) = written(width, at);
                let mut want = [0; 24];
                want[at..at + width.bytes()]
                    .copy_from_slice(&trigger(width).data.to_le_bytes()[..width.bytes()]);
                assert_eq!(memory, want);
                assert_eq!(pieces == 1, at % width.bytes() == 0);
            }
        }
    }
}
