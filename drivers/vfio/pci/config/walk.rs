// SPDX-License-Identifier: GPL-2.0-only

//! The walk along a device's capability lists.
//!
//! [`build`] reads both lists once and makes the map of owners ([`Layout`]) and the virtual copy
//! ([`Space`]) from them.  Capabilities that a user must not see are unlinked: the pointer before
//! them, which is virtual, is set to what comes after.  An extended list begins at a fixed place,
//! so a hidden first entry stays as an anchor with nothing in it but its pointer.
//!
//! What a device says of itself is not trusted.  Lengths are cut at the end of configuration space,
//! a capability that was cut is read only unless it is the vendor's own, and a pointer that leads
//! outside or to where the walk has been ends the list, for the user as well.
//!
//! This file uses nothing of the kernel.
//!
//! C counterpart: `vfio_cap_init`, `vfio_ecap_init` of
//! [`drivers/vfio/pci/vfio_pci_config.c`](srctree/drivers/vfio/pci/vfio_pci_config.c)

use core::ops::DerefMut;

use super::{
    cap,
    ecap,
    header::{
        Facts,
        Forms,
        RealBars, //
    },
    map::{
        Cell,
        Chunk,
        Layout,
        Owner, //
    },
    perm::{
        Hw,
        Width, //
    },
    regs::{
        ASLS,
        CAPABILITY_LIST,
        CONVENTIONAL_SIZE,
        HEADER_DWORDS,
        HEADER_SIZE,
        STATUS,
        STATUS_CAP_LIST, //
    },
    space::Space, //
};

/// The next pointer in the header of an extended capability.
const EXTENDED_NEXT: u32 = 0xffc0_0000;

/// Something about a device's lists that its vendor should hear about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oddity {
    /// The capability at this offset lies over another one.
    Overlap(u16),
    /// The capability at this offset claims to reach behind the end.
    Cut(u16),
    /// A next pointer leads here, where no capability can be, or back into the list.
    BadPointer(u16),
}

/// A device's registers, where what lies behind the end reads as zero.
pub(crate) struct Registers<'a, H> {
    hw: &'a H,
    /// Bytes of configuration space.
    size: u16,
}

impl<H: Hw> Registers<'_, H> {
    /// Reads the byte at `at`.
    ///
    /// # Errors
    ///
    /// Those of the hardware.
    pub(crate) fn byte(&self, at: u16) -> Result<u8, H::Error> {
        // CAST: a byte read is below 256.
        Ok(self.get(at, Width::Byte)? as u8)
    }

    /// Reads the dword at `at`.
    ///
    /// # Errors
    ///
    /// Those of the hardware.
    pub(crate) fn dword(&self, at: u16) -> Result<u32, H::Error> {
        self.get(at, Width::Dword)
    }

    fn get(&self, at: u16, width: Width) -> Result<u32, H::Error> {
        if at.saturating_add(width.bytes()) > self.size {
            return Ok(0);
        }
        self.hw.read(at, width)
    }
}

/// What the walk finds.
pub(crate) struct Built<B, C> {
    /// The owner of each byte.
    pub(crate) layout: Layout<C>,
    /// The virtual copy.
    pub(crate) space: Space<B>,
    /// The hardware's BARs.
    pub(crate) real_bars: RealBars,
    /// What the user sees of their registers.
    pub(crate) forms: Forms,
}

/// Reads the configuration space behind `hw`, whose `header` is known already, into `dwords` and
/// `cells`, whose equal lengths are its size; `cells` must be [`Cell::UNASSIGNED`].
///
/// # Errors
///
/// Those of the hardware.
pub(crate) fn build<H, B, C>(
    hw: &H,
    header: &[u32; HEADER_DWORDS],
    facts: &Facts,
    dwords: B,
    cells: C,
    odd: &mut dyn FnMut(Oddity),
) -> Result<Built<B, C>, H::Error>
where
    H: Hw,
    B: DerefMut<Target = [[u8; 4]]>,
    C: DerefMut<Target = [[Cell; 4]]>,
{
    let layout = Layout::new(cells);
    let mut space = Space::new(dwords);
    let forms = Forms::new(facts);
    let real_bars = space.init_header(header, facts, &forms);
    // CAST: configuration space has at most 4096 bytes, and a bad length only shortens the walk.
    let size = layout.size().min(4096) as u16;

    let mut walk = Walk {
        regs: Registers { hw, size },
        layout,
        space,
        odd,
    };
    if walk.standard()? && size > CONVENTIONAL_SIZE {
        walk.extended()?;
    }
    if facts.has_opregion {
        walk.opregion()?;
    }
    Ok(Built {
        layout: walk.layout,
        space: walk.space,
        real_bars,
        forms,
    })
}

/// A walk that is under way.
struct Walk<'a, H, B, C> {
    regs: Registers<'a, H>,
    layout: Layout<C>,
    space: Space<B>,
    odd: &'a mut dyn FnMut(Oddity),
}

impl<H, B, C> Walk<'_, H, B, C>
where
    H: Hw,
    B: DerefMut<Target = [[u8; 4]]>,
    C: DerefMut<Target = [[Cell; 4]]>,
{
    /// Gives the user a register of his own for the address of an OpRegion, if no capability lies in
    /// its place.
    fn opregion(&mut self) -> Result<(), H::Error> {
        let free = |chunk: Chunk| chunk.owner == Owner::Unassigned && chunk.width == Width::Dword;
        if self.layout.chunk(ASLS, 4).is_some_and(free) {
            let address = self.regs.dword(ASLS)?;
            self.layout.claim(Owner::OpRegion, ASLS, 4);
            self.space.set(ASLS, Width::Dword, address);
        }
        Ok(())
    }

    /// Walks the standard list.  Returns whether there can be an extended one.
    fn standard(&mut self) -> Result<bool, H::Error> {
        // The header has been copied, so there is no need to ask the device again.
        if self.space.word(STATUS) & STATUS_CAP_LIST == 0 {
            return Ok(false);
        }

        // CAST: a byte.
        let mut next = self.space.get(CAPABILITY_LIST, Width::Byte) as u16;
        // Where the user's pointer to `next` stands.
        let mut link = CAPABILITY_LIST;
        let mut shown = false;
        let mut extends = false;
        for _ in 0..(CONVENTIONAL_SIZE - HEADER_SIZE) / 4 {
            // The low bits of a pointer are reserved.
            let at = next & 0xfc;
            if at < HEADER_SIZE || self.layout.begins_at(at) {
                break;
            }
            let head = cap::Head::from_dword(self.regs.dword(at)?);
            next = u16::from(head.next);
            match cap::describe(&self.regs, head, at)? {
                None => self.space.set(link, Width::Byte, u32::from(next)),
                Some((owner, len)) => {
                    extends |= cap::extends(owner, head);
                    self.show(owner, at, len.max(2), CONVENTIONAL_SIZE)?;
                    link = at + cap::NEXT;
                    shown = true;
                }
            }
        }

        if next != 0 {
            (self.odd)(Oddity::BadPointer(next));
            self.space.set(link, Width::Byte, 0);
        }
        if !shown {
            self.space.change_word(STATUS, STATUS_CAP_LIST, 0);
        }
        Ok(extends)
    }

    /// Walks the extended list.
    fn extended(&mut self) -> Result<(), H::Error> {
        if self.regs.dword(CONVENTIONAL_SIZE)? == 0 {
            return Ok(());
        }

        let mut next = CONVENTIONAL_SIZE;
        let mut link = None;
        let mut shown = false;
        for _ in 0..(self.regs.size - CONVENTIONAL_SIZE) / 4 {
            let at = next;
            if at < CONVENTIONAL_SIZE || at >= self.regs.size || self.layout.begins_at(at) {
                break;
            }
            let header = self.regs.dword(at)?;
            // CAST: the id is the lower half, the pointer has twelve bits.
            let id = header as u16;
            next = ((header & EXTENDED_NEXT) >> 20) as u16;
            match (ecap::describe(&self.regs, id, at)?, link) {
                (Some((owner, len)), _) => {
                    self.show(owner, at, len.max(4), self.regs.size)?;
                    link = Some(at);
                    shown = true;
                }
                (None, Some(link)) => self.relink(link, next),
                (None, None) => {
                    self.show(Owner::Anchor, at, 4, self.regs.size)?;
                    self.space.set(at, Width::Dword, header & EXTENDED_NEXT);
                    link = Some(at);
                }
            }
        }

        if next != 0 {
            (self.odd)(Oddity::BadPointer(next));
            self.relink(link.unwrap_or(CONVENTIONAL_SIZE), 0);
        }
        if !shown {
            self.space.set(CONVENTIONAL_SIZE, Width::Dword, 0);
        }
        Ok(())
    }

    /// Lets the user see `len` bytes from `at`, at most up to `end`.
    fn show(&mut self, owner: Owner, at: u16, len: u16, end: u16) -> Result<(), H::Error> {
        let room = end.saturating_sub(at);
        let (owner, len) = if len <= room {
            (owner, len)
        } else {
            (self.odd)(Oddity::Cut(at));
            (owner.when_cut(), room)
        };
        if self.layout.claim(owner, at, len) {
            (self.odd)(Oddity::Overlap(at));
        }
        self.copy(at, len)
    }

    /// Copies what belongs to the capability at `at`, and leaves what lies over it.
    fn copy(&mut self, at: u16, len: u16) -> Result<(), H::Error> {
        // OVERFLOW: `at + len` is at most 4096.
        let end = at + len;
        let mut from = at;
        while let Some(chunk) = self.layout.chunk(from, usize::from(end - from)) {
            if chunk.sibling(0) == at {
                self.space.fill(self.regs.hw, from, chunk.width.bytes())?;
                self.space.init_capability(&chunk);
            }
            from += chunk.width.bytes();
            if from >= end {
                break;
            }
        }
        Ok(())
    }

    /// Points the extended capability at `link` to `next`.
    fn relink(&mut self, link: u16, next: u16) {
        let header = self.space.get(link, Width::Dword) & !EXTENDED_NEXT;
        let header = header | u32::from(next) << 20 & EXTENDED_NEXT;
        self.space.set(link, Width::Dword, header);
    }
}

#[cfg(test)]
mod tests;
