// SPDX-License-Identifier: GPL-2.0-only

//! The permission algebra of configuration space.
//!
//! Every bit a user can see in configuration space answers two questions: does it live in the
//! hardware or in our *virtual copy*, and may the user write it?  [`Masks`] holds both answers for
//! the bits of one access, [`PermBits`] holds them for a whole capability, and [`read`] and
//! [`write`] are the only code that acts on them:
//!
//! |              | not writable            | writable                        |
//! |--------------|-------------------------|---------------------------------|
//! | **hardware** | shown, write dropped    | shown, write reaches hardware   |
//! | **virtual**  | our copy is shown, write dropped | our copy is shown and changed |
//!
//! Two things hold whatever a user does, and the tests below check them over random input: a
//! hardware bit that is not writable keeps its value, and a virtual bit never shows or changes the
//! hardware's.
//!
//! This file uses nothing of the kernel; values are plain integers in CPU order.
//!
//! C counterpart: the `perm_bits` tables and default accessors of
//! [`drivers/vfio/pci/vfio_pci_config.c`](srctree/drivers/vfio/pci/vfio_pci_config.c)

/// Size of one access to configuration space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// Eight bits.
    Byte,
    /// Sixteen bits, at an even offset.
    Word,
    /// Thirty-two bits, at an offset that is a multiple of four.
    Dword,
}

impl Width {
    /// Returns the widest naturally aligned access that starts at `at` and covers at most `room`
    /// bytes.  A `room` of zero counts as one.
    pub(crate) fn widest(at: u16, room: usize) -> Width {
        if room >= 4 && at % 4 == 0 {
            Width::Dword
        } else if room >= 2 && at % 2 == 0 {
            Width::Word
        } else {
            Width::Byte
        }
    }

    /// Returns the number of bytes: 1, 2 or 4.
    pub(crate) fn bytes(self) -> u16 {
        match self {
            Width::Byte => 1,
            Width::Word => 2,
            Width::Dword => 4,
        }
    }

    /// Returns the value with every bit of this width set.
    pub(crate) fn mask(self) -> u32 {
        match self {
            Width::Byte => 0xff,
            Width::Word => 0xffff,
            Width::Dword => u32::MAX,
        }
    }
}

/// The configuration registers of a device.
///
/// Offsets are bytes from the start of configuration space and naturally aligned for the width;
/// the upper bits of narrow values are ignored on write and zero on read.
pub(crate) trait Hw {
    /// What a failed access says.
    type Error;

    /// Reads a register.
    fn read(&self, at: u16, width: Width) -> Result<u32, Self::Error>;

    /// Writes a register.
    fn write(&self, at: u16, width: Width, value: u32) -> Result<(), Self::Error>;
}

/// Where the bits of one access live, and which of them a user may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Masks {
    /// Bits served from the virtual copy instead of the hardware.
    pub(crate) virt: u32,
    /// Bits that a write changes, wherever they live.
    pub(crate) write: u32,
}

impl Masks {
    /// Hardware bits, read only.
    pub(crate) const READ_ONLY: Masks = Masks { virt: 0, write: 0 };

    /// Hardware bits, read and write.
    pub(crate) const RAW: Masks = Masks {
        virt: 0,
        write: u32::MAX,
    };

    /// Bits of the virtual copy, read and write.
    pub(crate) const VIRTUAL: Masks = Masks {
        virt: u32::MAX,
        write: u32::MAX,
    };

    /// Cuts the masks of an aligned dword down to the access of `width` at byte `at` within it.
    fn cut(self, at: u16, width: Width) -> Masks {
        // OVERFLOW: the shift is at most 24.
        let shift = u32::from(at % 4) * 8;
        Masks {
            virt: (self.virt >> shift) & width.mask(),
            write: (self.write >> shift) & width.mask(),
        }
    }
}

/// The permissions of a capability, dword by dword from its start.
#[derive(Clone, Copy)]
pub(crate) struct PermBits {
    /// One entry for each dword that has rules of its own.
    dwords: &'static [Masks],
    /// What holds behind them.
    rest: Masks,
}

impl PermBits {
    /// Makes permissions from the rules of the first dwords; everything behind them follows `rest`.
    pub(crate) const fn new(dwords: &'static [Masks], rest: Masks) -> PermBits {
        PermBits { dwords, rest }
    }

    /// Returns the masks for an access of `width`, `offset` bytes into the capability.
    pub(crate) fn masks(&self, offset: u16, width: Width) -> Masks {
        let dword = self.dwords.get(usize::from(offset / 4));
        dword.copied().unwrap_or(self.rest).cut(offset, width)
    }
}

/// Builder for the rules of the first `N` dwords, used in `static` tables.
///
/// Everything starts as hardware, read only.  An offset outside the table, or a word that is not
/// inside one dword, stops the build.
pub(crate) struct Rules<const N: usize>([Masks; N]);

impl<const N: usize> Rules<N> {
    /// Starts with every bit in hardware and read only.
    pub(crate) const fn new() -> Self {
        Rules([Masks::READ_ONLY; N])
    }

    /// Starts like [`Rules::new`], for a standard capability: its id and next pointer are virtual
    /// and fixed, so that the chain can be relinked around hidden capabilities.
    pub(crate) const fn capability() -> Self {
        Self::new().word(0, 0xffff, 0)
    }

    /// Starts like [`Rules::new`], for an extended capability: the whole header is virtual and
    /// fixed.
    pub(crate) const fn extended() -> Self {
        Self::new().dword(0, u32::MAX, 0)
    }

    /// Sets the rules of the byte at `at`.
    pub(crate) const fn byte(self, at: usize, virt: u8, write: u8) -> Self {
        self.set(at, 0xff, virt as u32, write as u32)
    }

    /// Sets the rules of the word at `at`.
    pub(crate) const fn word(self, at: usize, virt: u16, write: u16) -> Self {
        assert!(at % 2 == 0);
        self.set(at, 0xffff, virt as u32, write as u32)
    }

    /// Sets the rules of the dword at `at`.
    pub(crate) const fn dword(self, at: usize, virt: u32, write: u32) -> Self {
        assert!(at % 4 == 0);
        self.set(at, u32::MAX, virt, write)
    }

    /// Finishes the table.
    pub(crate) const fn done(self) -> [Masks; N] {
        self.0
    }

    const fn set(mut self, at: usize, field: u32, virt: u32, write: u32) -> Self {
        let shift = (at % 4) * 8;
        let keep = !(field << shift);
        let old = self.0[at / 4];
        self.0[at / 4] = Masks {
            virt: old.virt & keep | virt << shift,
            write: old.write & keep | write << shift,
        };
        self
    }
}

/// Reads `width` bits at `at`: virtual bits from `virt`, the rest from the hardware, which is not
/// touched when every bit is virtual.
pub(crate) fn read<H: Hw>(
    hw: &H,
    at: u16,
    width: Width,
    masks: Masks,
    virt: u32,
) -> Result<u32, H::Error> {
    let all = width.mask();
    if masks.virt & all == all {
        return Ok(virt & all);
    }

    let real = hw.read(at, width)?;
    Ok((real & !masks.virt | virt & masks.virt) & all)
}

/// Writes `value` at `at` as far as `masks` allow, and returns the new virtual bits.
///
/// Hardware is written only if a hardware bit is writable, and read before that only if some bit
/// beside it has to be preserved.  When the hardware fails, the virtual bits stay as they were.
pub(crate) fn write<H: Hw>(
    hw: &H,
    at: u16,
    width: Width,
    masks: Masks,
    virt: u32,
    value: u32,
) -> Result<u32, H::Error> {
    let soft = masks.write & masks.virt;
    let hard = masks.write & !masks.virt & width.mask();
    if hard != 0 {
        write_hardware(hw, at, width, hard, value)?;
    }
    Ok(virt & !soft | value & soft)
}

/// Changes the bits of `hard` to those of `value`, through the narrowest register that holds them.
///
/// Narrow, because a neighbour may be write-one-to-clear: writing COMMAND back together with
/// STATUS, or DEVCTL together with DEVSTA, would clear errors that nobody asked to clear.
fn write_hardware<H: Hw>(
    hw: &H,
    at: u16,
    width: Width,
    hard: u32,
    value: u32,
) -> Result<(), H::Error> {
    let (skip, width) = narrow(width, hard);
    // OVERFLOW: `skip` is at most three and stays within the access that starts at `at`; the shift
    // is at most 24.
    let at = at + skip;
    let shift = u32::from(skip) * 8;
    let hard = hard >> shift;
    let value = value >> shift;

    if hard == width.mask() {
        return hw.write(at, width, value & hard);
    }
    let real = hw.read(at, width)?;
    hw.write(at, width, real & !hard | value & hard)
}

/// Returns how many leading bytes can be left out of an access, and its width then, if only the
/// bits of `hard` matter.
fn narrow(width: Width, hard: u32) -> (u16, Width) {
    match width {
        Width::Dword if hard & 0xffff_0000 == 0 => narrow(Width::Word, hard),
        Width::Dword if hard & 0x0000_ffff == 0 => {
            let (skip, width) = narrow(Width::Word, hard >> 16);
            // OVERFLOW: `skip` is zero or one here.
            (skip + 2, width)
        }
        Width::Word if hard & 0xff00 == 0 => (0, Width::Byte),
        Width::Word if hard & 0x00ff == 0 => (1, Width::Byte),
        _ => (0, width),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::RefCell;

    /// Four registers that remember how they were touched.
    struct Dword {
        value: RefCell<[u8; 4]>,
        touched: RefCell<Vec<(bool, u16, Width)>>,
    }

    impl Dword {
        fn new(value: u32) -> Self {
            Dword {
                value: RefCell::new(value.to_le_bytes()),
                touched: RefCell::new(Vec::new()),
            }
        }

        fn value(&self) -> u32 {
            u32::from_le_bytes(*self.value.borrow())
        }
    }

    impl Hw for Dword {
        type Error = ();

        fn read(&self, at: u16, width: Width) -> Result<u32, ()> {
            self.touched.borrow_mut().push((false, at, width));
            Ok((self.value() >> (at * 8)) & width.mask())
        }

        fn write(&self, at: u16, width: Width, value: u32) -> Result<(), ()> {
            self.touched.borrow_mut().push((true, at, width));
            assert_eq!(at % width.bytes(), 0, "aligned");
            let bytes = value.to_le_bytes();
            let end = usize::from(at + width.bytes());
            self.value.borrow_mut()[usize::from(at)..end]
                .copy_from_slice(&bytes[..usize::from(width.bytes())]);
            Ok(())
        }
    }

    /// A small generator, so that the sweep needs no crate (xorshift).
    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u32 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 16) as u32
        }

        /// Masks in practice are runs of ones, so mix the shapes.
        fn mask(&mut self) -> u32 {
            match self.next() % 4 {
                0 => 0,
                1 => u32::MAX,
                2 => 0xff << (8 * (self.next() % 4)),
                _ => self.next(),
            }
        }
    }

    #[test]
    fn protected_bits_never_change_and_hidden_bits_never_show() {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for _ in 0..200_000 {
            let whole = Masks {
                virt: random.mask(),
                write: random.mask(),
            };
            let at = (random.next() % 4) as u16;
            let width = Width::widest(at, (random.next() % 5) as usize);
            let masks = whole.cut(at, width);
            let (real, copy, value) = (random.next(), random.next(), random.next());
            let shift = u32::from(at) * 8;
            let copy_part = (copy >> shift) & width.mask();

            let hw = Dword::new(real);
            let after = write(&hw, at, width, masks, copy_part, value).unwrap();

            let open = (masks.write & !masks.virt) << shift;
            assert_eq!(hw.value() & !open, real & !open, "protected hardware bit");
            assert_eq!(hw.value() & open, (value << shift) & open);
            let soft = masks.write & masks.virt;
            assert_eq!(after & !soft, copy_part & !soft, "protected virtual bit");
            assert_eq!(after & soft, value & soft);

            let seen = read(&hw, at, width, masks, after).unwrap();
            assert_eq!(seen & masks.virt, after & masks.virt, "hidden bit");
            assert_eq!(
                seen & !masks.virt,
                (hw.value() >> shift) & width.mask() & !masks.virt
            );
        }
    }

    #[test]
    fn fully_virtual_registers_never_touch_the_hardware() {
        let hw = Dword::new(0xdead_beef);
        let masks = Masks {
            virt: u32::MAX,
            write: u32::MAX,
        };
        assert_eq!(write(&hw, 0, Width::Dword, masks, 0, 0x1234), Ok(0x1234));
        assert_eq!(read(&hw, 0, Width::Dword, masks, 0x1234), Ok(0x1234));
        assert!(hw.touched.borrow().is_empty());
    }

    #[test]
    fn command_written_as_dword_leaves_status_alone() {
        static TABLE: [Masks; 2] = Rules::new().word(4, 0x0400, 0xffff).done();
        let masks = PermBits::new(&TABLE, Masks::READ_ONLY).masks(4, Width::Dword);
        let hw = Dword::new(0xf900_0006);
        // The register file holds only one dword, so the header's offset 4 is its offset 0.
        write(&hw, 0, Width::Dword, masks, 0, 0xffff_0407).unwrap();
        assert_eq!(hw.value(), 0xf900_0007);
        let touched = hw.touched.borrow();
        assert!(touched
            .iter()
            .all(|&(_, at, width)| (at, width) == (0, Width::Word)));
    }

    #[test]
    fn accesses_shrink_to_the_writable_bytes() {
        assert_eq!(narrow(Width::Dword, 0xff00_0000), (3, Width::Byte));
        assert_eq!(narrow(Width::Dword, 0x00ff_0000), (2, Width::Byte));
        assert_eq!(narrow(Width::Dword, 0x0100_8000), (0, Width::Dword));
        assert_eq!(narrow(Width::Word, 0x0101), (0, Width::Word));
        assert_eq!(narrow(Width::Byte, 0x80), (0, Width::Byte));
    }

    #[test]
    fn widest_access_is_aligned() {
        assert_eq!(Width::widest(0, 4), Width::Dword);
        assert_eq!(Width::widest(2, 4), Width::Word);
        assert_eq!(Width::widest(1, 4), Width::Byte);
        assert_eq!(Width::widest(4, 3), Width::Word);
        assert_eq!(Width::widest(4, 1), Width::Byte);
    }

    #[test]
    fn rules_behind_the_table_follow_the_rest() {
        static TABLE: [Masks; 1] = Rules::capability().done();
        let perm = PermBits::new(&TABLE, Masks::RAW);
        assert_eq!(
            perm.masks(1, Width::Byte),
            Masks {
                virt: 0xff,
                write: 0
            }
        );
        assert_eq!(perm.masks(2, Width::Word), Masks::READ_ONLY);
        assert_eq!(perm.masks(4, Width::Dword), Masks::RAW);
    }
}
