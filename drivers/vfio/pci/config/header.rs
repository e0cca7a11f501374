// SPDX-License-Identifier: GPL-2.0-only

//! The 64-byte header: identity, COMMAND and STATUS, BARs, INTx.
//!
//! What a user must not reach is virtual: BAR registers answer sizing but never touch the real
//! ones, because moving a BAR would let a function answer at another device's addresses.  COMMAND
//! is real, except for the INTx-disable bit that the interrupt code needs for itself; the virtual
//! copy keeps what the user last asked of memory and I/O decoding, which is how a device that was
//! reset behind our back is found out and given its BARs again.
//!
//! This file uses nothing of the kernel.
//!
//! C counterpart: `vfio_basic_config_*`, `vfio_bar_*` of
//! [`drivers/vfio/pci/vfio_pci_config.c`](srctree/drivers/vfio/pci/vfio_pci_config.c)

use core::ops::DerefMut;

use super::{
    perm::{
        Hw,
        Masks,
        PermBits,
        Rules,
        Width, //
    },
    regs::{
        BAR0,
        BARS,
        CAPABILITY_LIST,
        COMMAND,
        COMMAND_INTX_DISABLE,
        COMMAND_IO,
        COMMAND_MEMORY,
        DEVICE_ID,
        HEADER_DWORDS,
        INTERRUPT_LINE,
        INTERRUPT_PIN,
        ROM,
        STATUS,
        STATUS_CAP_LIST,
        VENDOR_ID, //
    },
    space::Space, //
};

/// Cache line size, in dwords.
const CACHE_LINE_SIZE: usize = 0x0c;

/// Latency timer.
const LATENCY_TIMER: usize = 0x0d;

/// Built-in self test.
const BIST: usize = 0x0f;

/// ROM: answer at this address.
const ROM_ENABLE: u32 = 0x0000_0001;

static HEADER: [Masks; HEADER_DWORDS] = Rules::new()
    // Virtual functions have no ids of their own in hardware.
    .word(VENDOR_ID as usize, 0xffff, 0)
    .word(DEVICE_ID as usize, 0xffff, 0)
    .word(COMMAND as usize, COMMAND_INTX_DISABLE, 0xffff)
    // The list may turn out empty once the hidden capabilities are gone.
    .word(STATUS as usize, STATUS_CAP_LIST, 0)
    .byte(CACHE_LINE_SIZE, 0, 0xff)
    .byte(LATENCY_TIMER, 0, 0xff)
    .byte(BIST, 0, 0xff)
    .dword(BAR0 as usize, u32::MAX, u32::MAX)
    .dword(BAR0 as usize + 4, u32::MAX, u32::MAX)
    .dword(BAR0 as usize + 8, u32::MAX, u32::MAX)
    .dword(BAR0 as usize + 12, u32::MAX, u32::MAX)
    .dword(BAR0 as usize + 16, u32::MAX, u32::MAX)
    .dword(BAR0 as usize + 20, u32::MAX, u32::MAX)
    .dword(ROM as usize, u32::MAX, u32::MAX)
    .byte(CAPABILITY_LIST as usize, 0xff, 0)
    .byte(INTERRUPT_LINE as usize, 0xff, 0xff)
    .byte(INTERRUPT_PIN as usize, 0xff, 0)
    .done();

/// Permissions of the header.
pub(crate) const PERM: PermBits = PermBits::new(&HEADER, Masks::READ_ONLY);

/// Address space and properties of a BAR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BarKind {
    /// I/O ports.
    Io,
    /// Memory.
    Memory {
        /// The address has 64 bits and takes two registers.
        wide: bool,
        /// Reads have no side effects.
        prefetch: bool,
    },
}

/// A BAR that the host has given an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BarShape {
    /// Bytes, a power of two.
    pub(crate) size: u64,
    /// What the low bits of its register say.
    pub(crate) kind: BarKind,
}

impl BarShape {
    /// Returns the address bits that the register implements.
    fn mask(self) -> u64 {
        !self.size.wrapping_sub(1)
    }

    /// Returns the read-only low bits of the register.
    fn flags(self) -> u32 {
        match self.kind {
            BarKind::Io => 0x1,
            BarKind::Memory { wide, prefetch } => u32::from(wide) << 2 | u32::from(prefetch) << 3,
        }
    }

    /// Returns whether the address takes two registers.
    fn is_wide(self) -> bool {
        matches!(self.kind, BarKind::Memory { wide: true, .. })
    }
}

/// What the host knows of a function and its registers do not tell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts {
    /// Vendor and device id, for a virtual function, whose registers hold none.
    pub(crate) vf_ids: Option<(u16, u16)>,
    /// COMMAND has no memory bit: decoding is always on, or ruled by the physical function.
    pub(crate) no_command_memory: bool,
    /// The function cannot deliver INTx, so the pin register has to be zero.
    pub(crate) hide_intx: bool,
    /// The host has disabled INTx in the hardware for the time being, and the user need not know.
    pub(crate) silenced: bool,
    /// The register at [`ASLS`](super::regs::ASLS) is that of Intel's graphics.
    pub(crate) has_opregion: bool,
    /// BARs that have an address; the second register of a wide one is [`None`].
    pub(crate) bars: [Option<BarShape>; BARS as usize],
    /// Size of the expansion ROM in bytes, a power of two.
    pub(crate) rom: Option<u64>,
}

/// The form of a BAR register, as hardware gives it: with it, sizing works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Form {
    /// The bits that can be written.
    mask: u32,
    /// Those that read as ones, and tell the kind.
    flags: u32,
}

/// The forms of all BAR registers and of the ROM's.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Forms {
    bars: [Form; BARS as usize],
    rom: Form,
}

impl Forms {
    /// Works out the forms of a function's registers.
    pub(crate) fn new(facts: &Facts) -> Self {
        let mut forms = Forms::default();
        for (index, form) in forms.bars.iter_mut().enumerate() {
            *form = facts.bar_form(index);
        }
        // CAST: a ROM BAR has 32 bits.
        forms.rom.mask = facts
            .rom
            .map_or(0, |size| !size.wrapping_sub(1) as u32 | ROM_ENABLE);
        forms
    }

    /// Returns the form of the register at `at`, a multiple of four.
    fn get(&self, at: u16) -> Form {
        match at {
            ROM => self.rom,
            _ => {
                let index = usize::from(at.saturating_sub(BAR0) / 4);
                self.bars.get(index).copied().unwrap_or_default()
            }
        }
    }
}

impl Facts {
    /// Returns the form of BAR register `index`.
    fn bar_form(&self, index: usize) -> Form {
        let shape = |index| self.bars.get(index).copied().flatten();
        let below = index.checked_sub(1).and_then(shape);
        // CAST: the upper and lower half of 64 bits.
        match (below.filter(|below| below.is_wide()), shape(index)) {
            // The upper half of the BAR before it.
            (Some(below), _) => Form {
                mask: (below.mask() >> 32) as u32,
                flags: 0,
            },
            (None, Some(shape)) => Form {
                mask: shape.mask() as u32,
                flags: shape.flags(),
            },
            // The host gave no address: not implemented, as far as the user can tell.
            (None, None) => Form::default(),
        }
    }
}

/// The real BAR and ROM registers as they were when the device was opened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RealBars {
    bars: [u32; BARS as usize],
    rom: u32,
}

impl RealBars {
    /// Pairs each BAR's register with its value.
    fn registers(&self) -> impl Iterator<Item = (u16, u32)> + '_ {
        (BAR0..).step_by(4).zip(self.bars.iter().copied())
    }

    /// Returns whether a BAR has lost its address, or cannot be asked.
    fn lost<H: Hw>(&self, hw: &H) -> bool {
        let mut set = self.registers().filter(|&(_, value)| value != 0);
        set.any(|(at, value)| !hw.read(at, Width::Dword).is_ok_and(|now| now == value))
    }

    /// Writes the registers back.  Failures are left to the next access to meet.
    fn restore<H: Hw>(&self, hw: &H) {
        for (at, value) in self.registers().chain([(ROM, self.rom)]) {
            let _ = hw.write(at, Width::Dword, value);
        }
    }
}

/// Returns whether the register at `at` is a BAR or the ROM BAR, or a part of one.
pub(crate) fn is_bar(at: u16) -> bool {
    // OVERFLOW: constants, all below 64.
    (BAR0..BAR0 + 4 * BARS).contains(&at) || (ROM..ROM + 4).contains(&at)
}

impl<B: DerefMut<Target = [[u8; 4]]>> Space<B> {
    /// Takes the `header` of the device, dword by dword, and changes what the user sees of it.
    pub(crate) fn init_header(
        &mut self,
        header: &[u32; HEADER_DWORDS],
        facts: &Facts,
        forms: &Forms,
    ) -> RealBars {
        for (at, &dword) in (0..).step_by(4).zip(header) {
            self.set(at, Width::Dword, dword);
        }
        let mut real = RealBars::default();
        for (at, bar) in (BAR0..).step_by(4).zip(&mut real.bars) {
            *bar = self.get(at, Width::Dword);
        }
        real.rom = self.get(ROM, Width::Dword);

        if let Some((vendor, device)) = facts.vf_ids {
            self.set(VENDOR_ID, Width::Word, u32::from(vendor));
            self.set(DEVICE_ID, Width::Word, u32::from(device));
        }
        if facts.no_command_memory {
            // Such a function decodes memory without being asked; show it as enabled.
            self.change_word(COMMAND, COMMAND_MEMORY, COMMAND_MEMORY);
        }
        if facts.silenced {
            self.change_word(COMMAND, COMMAND_INTX_DISABLE, 0);
        }
        if facts.hide_intx {
            self.set(INTERRUPT_PIN, Width::Byte, 0);
        }
        self.size_bars(forms);
        real
    }

    /// Brings all virtual BARs into the form that hardware would give them.
    fn size_bars(&mut self, forms: &Forms) {
        for at in (BAR0..).step_by(4).take(forms.bars.len()).chain([ROM]) {
            self.size_bar(forms, at);
        }
    }

    /// Brings the virtual BAR that the byte at `at` belongs to into the form that hardware would
    /// give it: address bits below the size are zero and the low bits tell the kind.  This is what
    /// makes sizing work.
    pub(crate) fn size_bar(&mut self, forms: &Forms, at: u16) {
        let at = at & !3;
        let Form { mask, flags } = forms.get(at);
        let value = self.get(at, Width::Dword) & mask | flags;
        self.set(at, Width::Dword, value);
    }

    /// Gives the hardware its BARs back if it was reset behind our back.
    ///
    /// That shows when the user asks for a kind of decoding that he was given before and the
    /// hardware does not do, or when a BAR differs.  `wanted` is the value he writes to COMMAND.
    /// Virtual functions are left alone: their BARs are in the physical function.
    ///
    /// Returns whether the BARs were written.
    ///
    /// # Errors
    ///
    /// Those of reading COMMAND.
    pub(crate) fn recover_bars<H: Hw>(
        &self,
        hw: &H,
        facts: &Facts,
        real: &RealBars,
        wanted: u16,
    ) -> Result<bool, H::Error> {
        // CAST: a word read is below 65536.
        let hardware = hw.read(COMMAND, Width::Word)? as u16;
        let mut lost = wanted & self.word(COMMAND) & !hardware;
        if facts.no_command_memory {
            lost &= !COMMAND_MEMORY;
        }
        if lost & (COMMAND_MEMORY | COMMAND_IO) == 0 && !real.lost(hw) {
            return Ok(false);
        }
        if facts.vf_ids.is_some() {
            return Ok(false);
        }
        real.restore(hw);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(size: u64, wide: bool) -> Option<BarShape> {
        let kind = BarKind::Memory {
            wide,
            prefetch: wide,
        };
        Some(BarShape { size, kind })
    }

    fn sized(facts: &Facts, value: u32) -> Vec<u32> {
        let mut space = Space::new(vec![[0; 4]; 16]);
        for at in (BAR0..BAR0 + 24).step_by(4).chain([ROM]) {
            space.set(at, Width::Dword, value);
        }
        let forms = Forms::new(facts);
        space.size_bars(&forms);
        let once: Vec<u32> = (BAR0..BAR0 + 24)
            .step_by(4)
            .chain([ROM])
            .map(|at| space.get(at, Width::Dword))
            .collect();
        space.size_bars(&forms);
        assert_eq!(space.get(BAR0, Width::Dword), once[0], "stable");
        once
    }

    #[test]
    fn sizing_shows_the_sizes() {
        let mut facts = Facts::default();
        facts.bars[0] = shape(0x10_0000, false);
        facts.bars[2] = shape(0x2_0000_0000, true);
        facts.bars[4] = Some(BarShape {
            size: 32,
            kind: BarKind::Io,
        });
        facts.rom = Some(0x4_0000);
        assert_eq!(
            sized(&facts, u32::MAX),
            [
                0xfff0_0000,
                0,
                0x0000_000c,
                0xffff_fffe,
                0xffff_ffe1,
                0,
                0xfffc_0001
            ]
        );
        assert_eq!(sized(&facts, 0), [0, 0, 0xc, 0, 1, 0, 0]);
    }

    #[test]
    fn a_tiny_port_bar_is_never_taken_for_a_wide_one() {
        // Bit 2 of a four-port BAR is an address bit, though for memory it would mean 64 bits.
        let mut facts = Facts::default();
        facts.bars[0] = Some(BarShape {
            size: 4,
            kind: BarKind::Io,
        });
        facts.bars[1] = shape(0x1000, false);
        assert_eq!(sized(&facts, u32::MAX)[..2], [0xffff_fffd, 0xffff_f000]);
    }
}
