// SPDX-License-Identifier: GPL-2.0-only

//! The virtual copy of configuration space.
//!
//! [`Space`] holds one byte for each byte of the device's configuration space, in the order in
//! which they lie on the bus (little endian).  Only bits that the permissions call virtual are ever
//! read from it; the rest is left from the time the copy was made.
//!
//! Accessors take offsets that come from a device's own registers, so none of them can fail:
//! behind the end, reads are zero and writes are dropped.
//!
//! This file uses nothing of the kernel.
//!
//! C counterpart: `vconfig` of
//! [`drivers/vfio/pci/vfio_pci_config.c`](srctree/drivers/vfio/pci/vfio_pci_config.c)

use core::ops::DerefMut;

use super::{
    map::Chunk,
    perm::{
        self,
        Hw,
        Masks,
        Width, //
    }, //
};

/// The virtual copy of a device's configuration space.
pub(crate) struct Space<B> {
    /// One byte for each byte of configuration space, in dwords.
    dwords: B,
}

impl<B: DerefMut<Target = [[u8; 4]]>> Space<B> {
    /// Makes a copy in `dwords`, whose length is the size of configuration space.
    pub(crate) fn new(dwords: B) -> Self {
        Space { dwords }
    }

    fn bytes(&self) -> &[u8] {
        self.dwords.as_flattened()
    }

    /// Returns the value at `at`.
    pub(crate) fn get(&self, at: u16, width: Width) -> u32 {
        let rest = self.bytes().get(usize::from(at)..).unwrap_or_default();
        match (width, rest) {
            (Width::Byte, &[a, ..]) => u32::from(a),
            (Width::Word, &[a, b, ..]) => u32::from(u16::from_le_bytes([a, b])),
            (Width::Dword, &[a, b, c, d, ..]) => u32::from_le_bytes([a, b, c, d]),
            // Across the end. What was read is shorter than the width.
            _ => rest
                .iter()
                .rev()
                .fold(0, |value, &byte| value << 8 | u32::from(byte)),
        }
    }

    /// Returns the word at `at`.
    pub(crate) fn word(&self, at: u16) -> u16 {
        // CAST: a word read is below 65536.
        self.get(at, Width::Word) as u16
    }

    /// Sets the value at `at`; bits beyond `width` are ignored.
    pub(crate) fn set(&mut self, at: u16, width: Width, value: u32) {
        let bytes = self.dwords.as_flattened_mut();
        let rest = bytes.get_mut(usize::from(at)..).unwrap_or_default();
        let new = value.to_le_bytes();
        match (width, rest) {
            (Width::Byte, [a, ..]) => [*a, ..] = new,
            (Width::Word, [a, b, ..]) => [*a, *b, ..] = new,
            (Width::Dword, [a, b, c, d, ..]) => [*a, *b, *c, *d] = new,
            // Across the end, behind which there is less room than the width.
            (_, rest) => rest.iter_mut().zip(new).for_each(|(byte, new)| *byte = new),
        }
    }

    /// Sets the bits of `mask` in the word at `at` to those of `value`.
    pub(crate) fn change_word(&mut self, at: u16, mask: u16, value: u16) {
        let new = self.word(at) & !mask | value & mask;
        self.set(at, Width::Word, u32::from(new));
    }

    /// Copies `len` bytes from the hardware, dword by dword where possible, up to the end.
    ///
    /// # Errors
    ///
    /// Those of the hardware; what was copied before stays.
    pub(crate) fn fill<H: Hw>(&mut self, hw: &H, at: u16, len: u16) -> Result<(), H::Error> {
        let end = (usize::from(at) + usize::from(len)).min(self.bytes().len());
        let mut at = at;
        while usize::from(at) < end {
            // OVERFLOW: `at` is below `end`.
            let width = Width::widest(at, end - usize::from(at));
            let value = hw.read(at, width)?;
            self.set(at, width, value);
            // OVERFLOW: `at + width` does not pass `end`, which is at most 4096.
            at += width.bytes();
        }
        Ok(())
    }

    /// Reads `chunk` as its permissions say, which are `masks`.
    ///
    /// # Errors
    ///
    /// Those of the hardware.
    pub(crate) fn read<H: Hw>(&self, hw: &H, chunk: &Chunk, masks: Masks) -> Result<u32, H::Error> {
        let virt = self.get(chunk.at, chunk.width);
        perm::read(hw, chunk.at, chunk.width, masks, virt)
    }

    /// Writes `chunk` as far as its permissions let it.
    ///
    /// # Errors
    ///
    /// Those of the hardware; the virtual copy is unchanged then.
    pub(crate) fn write<H: Hw>(
        &mut self,
        hw: &H,
        chunk: &Chunk,
        value: u32,
    ) -> Result<(), H::Error> {
        let masks = chunk.masks();
        let virt = self.get(chunk.at, chunk.width);
        let new = perm::write(hw, chunk.at, chunk.width, masks, virt, value)?;
        if new != virt {
            self.set(chunk.at, chunk.width, new);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_lie_as_on_the_bus() {
        let mut space = Space::new(vec![[0; 4]; 2]);
        space.set(0, Width::Dword, 0x1234_5678);
        assert_eq!(space.get(0, Width::Byte), 0x78);
        assert_eq!(space.word(2), 0x1234);
        space.change_word(2, 0x00f0, 0xffff);
        assert_eq!(space.get(0, Width::Dword), 0x12f4_5678);
    }

    #[test]
    fn nothing_lies_behind_the_end() {
        let mut space = Space::new(vec![[0; 4]; 2]);
        space.set(6, Width::Dword, u32::MAX);
        assert_eq!(space.get(6, Width::Dword), 0xffff);
        assert_eq!(space.get(4, Width::Dword), 0xffff_0000);
        space.set(100, Width::Byte, 1);
        assert_eq!(space.get(100, Width::Dword), 0);
    }
}
