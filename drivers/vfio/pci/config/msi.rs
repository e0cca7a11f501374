// SPDX-License-Identifier: GPL-2.0-only

//! The MSI capability.
//!
//! Address and data are the host's, so the user only ever sees and writes a copy.  The enable bit
//! follows the user while MSI has been set up through SET_IRQS, and stays clear otherwise; the
//! number of vectors in use is cut to what was set up there.  Mask bits are the function's own.
//!
//! The layout depends on two bits of the function, so there are four tables instead of one that
//! is made for each device; there is nothing to allocate and nothing to free.
//!
//! This file uses nothing of the kernel.
//!
//! C counterpart: `init_pci_cap_msi_perm`, `vfio_msi_config_write` of
//! [`drivers/vfio/pci/vfio_pci_config.c`](srctree/drivers/vfio/pci/vfio_pci_config.c)

use core::ops::DerefMut;

use super::{
    map::Chunk,
    perm::{
        Hw,
        Masks,
        PermBits,
        Rules,
        Width, //
    },
    space::Space, //
};

/// Control register.
pub(crate) const FLAGS: u16 = 2;
/// FLAGS: MSI is on.
const FLAGS_ENABLE: u16 = 0x0001;
/// FLAGS: vectors in use, as a power of two.
const FLAGS_QSIZE: u16 = 0x0070;
/// FLAGS: the address has 64 bits.
const FLAGS_64BIT: u16 = 0x0080;
/// FLAGS: each vector can be masked.
const FLAGS_MASKBIT: u16 = 0x0100;

/// Which of the optional registers an MSI capability has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MsiShape {
    /// Upper half of the address.
    wide: bool,
    /// Mask and pending bits.
    maskable: bool,
}

impl MsiShape {
    /// Takes the shape from the control register.
    pub(crate) fn from_flags(flags: u16) -> MsiShape {
        MsiShape {
            wide: flags & FLAGS_64BIT != 0,
            maskable: flags & FLAGS_MASKBIT != 0,
        }
    }

    /// Returns the length of the capability in bytes: 10, 14, 20 or 24.
    pub(crate) fn len(self) -> u16 {
        // OVERFLOW: at most 24.
        10 + 4 * u16::from(self.wide) + 10 * u16::from(self.maskable)
    }
}

/// Id, next pointer, control and the lower half of the address.
const fn head<const N: usize>() -> Rules<N> {
    Rules::capability()
        // The upper byte is reserved, or tells what the function can do.
        .byte(FLAGS as usize, 0xff, 0xff)
        .dword(0x04, u32::MAX, u32::MAX)
}

static NARROW: [Masks; 3] = head().word(0x08, 0xffff, 0xffff).done();

static NARROW_MASKABLE: [Masks; 5] = head()
    .word(0x08, 0xffff, 0xffff)
    .dword(0x0c, 0, u32::MAX)
    .dword(0x10, 0, u32::MAX)
    .done();

static WIDE: [Masks; 4] = head()
    .dword(0x08, u32::MAX, u32::MAX)
    .word(0x0c, 0xffff, 0xffff)
    .done();

static WIDE_MASKABLE: [Masks; 6] = head()
    .dword(0x08, u32::MAX, u32::MAX)
    .word(0x0c, 0xffff, 0xffff)
    .dword(0x10, 0, u32::MAX)
    .dword(0x14, 0, u32::MAX)
    .done();

/// Returns the permissions of an MSI capability.
pub(crate) fn perm(shape: MsiShape) -> PermBits {
    let dwords: &'static [Masks] = match (shape.wide, shape.maskable) {
        (false, false) => &NARROW,
        (false, true) => &NARROW_MASKABLE,
        (true, false) => &WIDE,
        (true, true) => &WIDE_MASKABLE,
    };
    PermBits::new(dwords, Masks::READ_ONLY)
}

/// What SET_IRQS has made of MSI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MsiState {
    /// MSI is the interrupt mode in use.
    pub(crate) active: bool,
    /// Vectors that the last set-up asked for, rounded up to a power of two, as its exponent;
    /// zero before the first.
    pub(crate) queue_max: u8,
}

impl<B: DerefMut<Target = [[u8; 4]]>> Space<B> {
    /// Writes to the MSI capability, and brings the control register in line with `state`, both
    /// the user's and the hardware's.
    ///
    /// # Errors
    ///
    /// Those of the hardware.
    pub(crate) fn write_msi<H: Hw>(
        &mut self,
        hw: &H,
        chunk: &Chunk,
        value: u32,
        state: MsiState,
    ) -> Result<(), H::Error> {
        self.write(hw, chunk, value)?;
        if !chunk.covers(FLAGS) {
            return Ok(());
        }

        let at = chunk.sibling(FLAGS);
        let mut flags = self.word(at);
        if !state.active {
            flags &= !FLAGS_ENABLE;
        }
        let queue = ((flags & FLAGS_QSIZE) >> 4).min(u16::from(state.queue_max));
        flags = flags & !FLAGS_QSIZE | queue << 4;

        self.set(at, Width::Word, u32::from(flags));

        let open = u32::from(FLAGS_ENABLE | FLAGS_QSIZE);
        let real = hw.read(at, Width::Word)?;
        hw.write(at, Width::Word, real & !open | u32::from(flags) & open)
    }
}
