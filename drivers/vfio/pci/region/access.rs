// SPDX-License-Identifier: GPL-2.0-only

//! One read or write of a program, word by word between its memory and the device.
//!
//! Every region that stands for registers comes down to this: [`Access`] is a range that was
//! checked, with what it goes to, and what of it is closed.
//!
//! User memory is copied while the memory gate is free, one word or one block of words at a time, as
//! the gate is also taken in page faults. The size of a word is known when this is compiled, which spares the kernel
//! looking at what is copied: that takes longer than the access.
//!
//! C counterpart: `vfio_pci_core_do_io_rw` in
//! [`drivers/vfio/pci/vfio_pci_rdwr.c`](srctree/drivers/vfio/pci/vfio_pci_rdwr.c)

use core::ops::Range;
use kernel::{
    prelude::*,
    uaccess::{
        UserSliceReader,
        UserSliceWriter, //
    }, //
};
use kernel_ext::{
    io::IoWord,
    pci::{
        ClaimedBar,
        Rom,
        VgaAccess, //
    },
};

use super::pieces::{
    Piece,
    Step,
    BLOCK, //
};
use crate::memory::MemoryGate;

/// Ones to answer reads of a closed part with.
const ONES: [u8; 64] = [0xff; 64];

/// Checks `pos` against the length of a region and cuts `count` off at its end.
///
/// # Errors
///
/// `EINVAL` if `pos` is behind the end.
pub(super) fn clamp(pos: u64, count: usize, len: u64) -> Result<(usize, usize)> {
    let left = len
        .checked_sub(pos)
        .filter(|&left| left > 0)
        .ok_or(EINVAL)?;
    let count = count.min(usize::try_from(left).unwrap_or(usize::MAX));
    Ok((usize::try_from(pos)?, count))
}

/// What an access goes to.
#[derive(Clone, Copy)]
pub(super) enum Target<'a> {
    /// A BAR.
    Bar(&'a ClaimedBar),
    /// The image of the expansion ROM, which cannot be written.
    Rom(&'a Rom),
    /// One of the ranges of legacy VGA addresses.
    Vga(&'a VgaAccess<'a>),
}

/// One read or write, of a range that was checked.
pub(super) struct Access<'a> {
    pub(super) target: Target<'a>,

    /// The gate, if it guards the target.
    pub(super) gate: Option<&'a MemoryGate>,

    /// Where the range begins in the target, in bytes.
    pub(super) at: usize,
    /// How many bytes it has; the caller made sure that they are inside the target.
    pub(super) count: usize,
    /// The part that reads as ones, and drops what is written.
    pub(super) closed: Range<usize>,
    /// The longest access that the target takes, in bytes.
    pub(super) widest: usize,
}

impl Access<'_> {
    /// Calls `f` with each step and its offset; returns the number of bytes.
    fn each(&self, mut f: impl FnMut(Step, usize) -> Result) -> Result<usize> {
        let (mut at, mut left) = (self.at, self.count);
        while let Some(step) = Step::first(at, left, &self.closed, self.widest) {
            f(step, at)?;
            let len = step.len();
            // Most have one step.
            if len == left {
                break;
            }
            // OVERFLOW: A step is within the range that was checked.
            at += len;
            left -= len;
        }
        Ok(self.count)
    }

    /// Reads the range into the user's memory; returns its length.
    ///
    /// # Errors
    ///
    /// `EIO` if the gate is closed, `EFAULT`; parts may have been copied then, and up to a block of
    /// words read that were not.
    pub(super) fn read(&self, to: &mut UserSliceWriter) -> Result<usize> {
        self.each(|step, at| match step {
            Step::Block => to.write(&self.get_block(at)?),
            Step::Single(Piece::Byte) => to.write(&self.get::<u8>(at)?.to_le_bytes()),
            Step::Single(Piece::Word) => to.write(&self.get::<u16>(at)?.to_le_bytes()),
            Step::Single(Piece::Long) => to.write(&self.get::<u32>(at)?.to_le_bytes()),
            Step::Single(Piece::Quad) => to.write(&self.get::<u64>(at)?.to_le_bytes()),
            Step::Single(Piece::Closed(len)) => ones(to, len),
        })
    }

    /// Writes the range from the user's memory; returns its length.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a ROM, `EIO` if the gate is closed, `EFAULT`; parts may have been written then.
    pub(super) fn write(&self, from: &mut UserSliceReader) -> Result<usize> {
        self.each(|step, at| match step {
            Step::Block => match from.read() {
                Ok(block) => self.put_block(at, block),
                // Nothing was taken. The words before the one that is missing are written.
                Err(_) => (at..)
                    .step_by(8)
                    .take(BLOCK / 8)
                    .try_for_each(|at| self.put(at, u64::from_le_bytes(from.read()?))),
            },
            Step::Single(Piece::Byte) => self.put(at, u8::from_le_bytes(from.read()?)),
            Step::Single(Piece::Word) => self.put(at, u16::from_le_bytes(from.read()?)),
            Step::Single(Piece::Long) => self.put(at, u32::from_le_bytes(from.read()?)),
            Step::Single(Piece::Quad) => self.put(at, u64::from_le_bytes(from.read()?)),
            Step::Single(Piece::Closed(len)) => from.skip(len),
        })
    }

    /// Reads one word from the device, with the gate held if it is memory.
    fn get<W: IoWord>(&self, at: usize) -> Result<W> {
        let _enabled = self.gate.map(MemoryGate::enabled).transpose()?;
        self.target.read(at)
    }

    /// Reads words of eight bytes from the device, with the gate held if it is memory.
    #[inline(never)] // Not to burden single words.
    fn get_block(&self, at: usize) -> Result<[u8; BLOCK]> {
        let mut block = [0; BLOCK];
        let _enabled = self.gate.map(MemoryGate::enabled).transpose()?;
        for (word, at) in block.chunks_exact_mut(8).zip((at..).step_by(8)) {
            word.copy_from_slice(&self.target.read::<u64>(at)?.to_le_bytes());
        }
        Ok(block)
    }

    /// Writes one word to the device, with the gate held if it is memory.
    fn put<W: IoWord>(&self, at: usize, value: W) -> Result {
        let _enabled = self.gate.map(MemoryGate::enabled).transpose()?;
        self.target.write(at, value)
    }

    /// Writes words of eight bytes to the device, with the gate held if it is memory.
    #[inline(never)]
    fn put_block(&self, at: usize, block: [u8; BLOCK]) -> Result {
        let _enabled = self.gate.map(MemoryGate::enabled).transpose()?;
        for (word, at) in block.chunks_exact(8).zip((at..).step_by(8)) {
            let word = word.first_chunk().copied().unwrap_or_default();
            self.target.write(at, u64::from_le_bytes(word))?;
        }
        Ok(())
    }
}

impl Target<'_> {
    /// Reads one word.
    fn read<W: IoWord>(self, at: usize) -> Result<W> {
        match self {
            Self::Bar(bar) => bar.read(at),
            Self::Rom(rom) => rom.read(at),
            Self::Vga(vga) => vga.read(at),
        }
    }

    /// Writes one word.
    fn write<W: IoWord>(self, at: usize, value: W) -> Result {
        match self {
            Self::Bar(bar) => bar.write(at, value),
            Self::Rom(_) => Err(EINVAL),
            Self::Vga(vga) => vga.write(at, value),
        }
    }
}

/// Copies `len` bytes of ones to the user.
fn ones(to: &mut UserSliceWriter, mut len: usize) -> Result {
    while let Some(chunk) = ONES.get(..len.min(ONES.len())).filter(|c| !c.is_empty()) {
        to.write_slice(chunk)?;
        len -= chunk.len();
    }
    Ok(())
}
