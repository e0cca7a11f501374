// SPDX-License-Identifier: GPL-2.0-only

//! Who owns each byte of configuration space.
//!
//! [`Layout`] is made once, when a device is opened, by walking its capability lists
//! ([`walk`](super::walk)); it never changes afterwards, so it needs no lock.  [`Layout::chunk`]
//! cuts a user's request into pieces that are naturally aligned and belong to one owner, and the
//! [`Owner`] says which permissions ([`perm`](super::perm)) rule the piece.
//!
//! Capabilities need not be a multiple of four bytes long and bad devices let them overlap, so the
//! map has one entry for each byte.
//!
//! This file uses nothing of the kernel.
//!
//! C counterpart: `pci_config_map` of
//! [`drivers/vfio/pci/vfio_pci_config.c`](srctree/drivers/vfio/pci/vfio_pci_config.c)

use core::ops::{
    Deref,
    DerefMut, //
};

use super::{
    cap,
    ecap,
    header,
    msi::{
        self,
        MsiShape, //
    },
    perm::{
        Masks,
        PermBits,
        Width, //
    },
    regs::{
        CONVENTIONAL_SIZE,
        HEADER_SIZE, //
    }, //
};

/// What a byte of configuration space belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// No visible capability: raw, because some devices keep registers in the gaps.  As for BARs,
    /// the isolation of the hardware has to do.
    Unassigned,
    /// The first 64 bytes.
    Header,
    /// Power management.
    Pm,
    /// Vital product data.
    Vpd,
    /// Message signalled interrupts.
    Msi(MsiShape),
    /// PCI-X.
    PciX,
    /// PCI Express.
    Exp,
    /// Advanced features of conventional functions.
    Af,
    /// Vendor specific, raw behind its header.
    Vendor,
    /// Any other standard capability that may be seen; writes are dropped.
    ReadOnly,
    /// Advanced error reporting.
    Aer,
    /// Power budgeting.
    PowerBudget,
    /// Vendor specific extended capability, raw behind its header.
    VendorExtended,
    /// Any other extended capability that may be seen; writes are dropped.
    ReadOnlyExtended,
    /// The address of an OpRegion, which is the host's: the user has a register of his own.
    OpRegion,
    /// The header of a hidden first extended capability, which must stay to carry the chain.
    Anchor,
}

impl Owner {
    /// Returns the permissions of the bytes that this owner has.
    fn perm(self) -> PermBits {
        const RAW: PermBits = PermBits::new(&[], Masks::RAW);
        match self {
            Owner::Unassigned => RAW,
            Owner::Header => header::PERM,
            Owner::Pm => cap::PM,
            Owner::Vpd => cap::VPD,
            Owner::Msi(shape) => msi::perm(shape),
            Owner::PciX => cap::PCI_X,
            Owner::Exp => cap::EXP,
            Owner::Af => cap::AF,
            Owner::Vendor => cap::VENDOR,
            Owner::ReadOnly => cap::READ_ONLY,
            Owner::Aer => ecap::AER,
            Owner::PowerBudget => ecap::POWER_BUDGET,
            Owner::VendorExtended => ecap::VENDOR,
            Owner::ReadOnlyExtended | Owner::Anchor => ecap::READ_ONLY,
            Owner::OpRegion => PermBits::new(&[], Masks::VIRTUAL),
        }
    }

    /// Returns what becomes of a capability that reaches behind the end of configuration space:
    /// registers are missing, so nothing of it may be written, unless it is raw anyway.
    pub(crate) fn when_cut(self) -> Owner {
        match self {
            Owner::Aer | Owner::PowerBudget => Owner::ReadOnlyExtended,
            Owner::Pm | Owner::Vpd | Owner::Msi(_) | Owner::PciX | Owner::Exp | Owner::Af => {
                Owner::ReadOnly
            }
            other => other,
        }
    }

    /// Returns whether the owner has no writable bit at all, so that a write need not even look at
    /// the user's memory (C does not, and a test can tell).
    fn ignores_writes(self) -> bool {
        matches!(
            self,
            Owner::ReadOnly | Owner::ReadOnlyExtended | Owner::Anchor
        )
    }
}

/// The map's entry for one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    /// What the byte belongs to.
    owner: Owner,
    /// Where its owner begins; meaningless for [`Owner::Unassigned`]. A multiple of four: the two
    /// low bits say how many of the bytes that follow in the same dword have the same owner, so that
    /// an access need not look at them.
    start_and_run: u16,
}

impl Cell {
    /// The entries of a dword that has no owner, with which a map is filled before the walk.
    pub(crate) const UNASSIGNED: [Cell; 4] = Cell::dword(Owner::Unassigned);

    /// The entries of a dword all of whose bytes are `owner`'s, which begins at 0.
    const fn dword(owner: Owner) -> [Cell; 4] {
        let mut cells = [Cell {
            owner,
            start_and_run: 3,
        }; 4];
        cells[1].start_and_run = 2;
        cells[2].start_and_run = 1;
        cells[3].start_and_run = 0;
        cells
    }

    /// Returns where the owner begins.
    fn start(&self) -> u16 {
        self.start_and_run & !3
    }

    /// Returns whether both bytes have the same owner.
    fn same(&self, other: &Cell) -> bool {
        self.owner == other.owner && self.start() == other.start()
    }

    /// Notes how many of the bytes that follow in the dword have the same owner.
    fn set_run(&mut self, run: u16) {
        self.start_and_run = self.start() | run & 3;
    }

    /// Returns whether the cell, which is that of the byte at `at`, is in the header of a
    /// capability.
    fn is_link(&self, at: u16) -> bool {
        // OVERFLOW: the start is not behind the cell.
        match self.owner {
            Owner::Unassigned | Owner::Header => false,
            _ if at < CONVENTIONAL_SIZE => at - self.start() < 2,
            _ => at - self.start() < 4,
        }
    }
}

/// One naturally aligned access within one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Offset in configuration space, in bytes.
    pub(crate) at: u16,
    /// Size of the access.
    pub(crate) width: Width,
    /// What it touches.
    pub(crate) owner: Owner,
    /// Offset from the start of the owner, in bytes.
    pub(crate) offset: u16,
}

impl Chunk {
    /// Returns where the bits of this access live and which may be written.
    #[inline]
    pub(crate) fn masks(&self) -> Masks {
        self.owner.perm().masks(self.offset, self.width)
    }

    /// Returns whether a write of this chunk changes nothing, whatever its value.
    pub(crate) fn ignores_writes(&self) -> bool {
        self.owner.ignores_writes()
    }

    /// Returns the offset in configuration space of the register that stands `register` bytes
    /// after the owner's start.
    pub(crate) fn sibling(&self, register: u16) -> u16 {
        // OVERFLOW: `at` is below 4096 and never below `offset`, registers are below 256.
        self.at - self.offset + register
    }

    /// Returns whether the access covers the byte `offset` bytes after the owner's start.
    pub(crate) fn covers(&self, offset: u16) -> bool {
        // OVERFLOW: both are below 4096.
        self.offset <= offset && offset < self.offset + self.width.bytes()
    }
}

/// Who owns each byte of a device's configuration space.
///
/// # Invariants
///
/// The cells of an owner other than [`Owner::Unassigned`] hold a start that is a multiple of four
/// and not behind the cell itself. The run of each cell is right.
pub(crate) struct Layout<C> {
    /// One cell for each byte, in dwords.
    cells: C,
}

impl<C: Deref<Target = [[Cell; 4]]>> Layout<C> {
    /// Returns the entries byte by byte.
    fn cells(&self) -> &[Cell] {
        self.cells.as_flattened()
    }

    /// Returns the size of configuration space in bytes.
    pub(crate) fn size(&self) -> usize {
        self.cells().len()
    }

    /// Returns the longest access at `at` that covers at most `room` bytes, or [`None`] behind the
    /// end of configuration space.
    pub(crate) fn chunk(&self, at: u16, room: usize) -> Option<Chunk> {
        let first = self.cells().get(usize::from(at))?;
        // OVERFLOW: at least one, at most four.
        let same = usize::from((first.start_and_run & 3) + 1);
        let offset = match first.owner {
            // Only the position within the dword matters.
            Owner::Unassigned => at % 4,
            // INVARIANT: the start is not behind the cell, so this cannot wrap.
            _ => at - first.start(),
        };
        Some(Chunk {
            at,
            width: Width::widest(at, same.min(room)),
            owner: first.owner,
            offset,
        })
    }

    /// Returns whether an owner begins exactly at `at`.
    pub(crate) fn begins_at(&self, at: u16) -> bool {
        self.cells()
            .get(usize::from(at))
            .is_some_and(|cell| cell.owner != Owner::Unassigned && cell.start() == at)
    }
}

impl<C: DerefMut<Target = [[Cell; 4]]>> Layout<C> {
    /// Makes a map over `cells`, which must all be [`Cell::UNASSIGNED`]: everything but the header
    /// is without an owner.
    pub(crate) fn new(mut cells: C) -> Self {
        for dword in cells.iter_mut().take(usize::from(HEADER_SIZE / 4)) {
            *dword = Cell::dword(Owner::Header);
        }
        Layout { cells }
    }

    /// Gives `len` bytes from `start`, which must be a multiple of four, to `owner`, cut at the end
    /// of the map.
    ///
    /// Of what lies there already, only the headers of capabilities keep their owner: they carry
    /// the lists, and a list that was relinked must stay so. Returns whether anything lay there.
    pub(crate) fn claim(&mut self, owner: Owner, start: u16, len: u16) -> bool {
        let mut overlap = false;
        let behind = self.cells.as_flattened_mut();
        let behind = behind.get_mut(usize::from(start)..).unwrap_or_default();
        for (cell, at) in behind.iter_mut().take(usize::from(len)).zip(start..) {
            overlap |= cell.owner != Owner::Unassigned;
            if !cell.is_link(at) {
                *cell = Cell {
                    owner,
                    start_and_run: start & !3,
                };
            }
        }
        self.count_runs(usize::from(start), usize::from(len));
        overlap
    }

    /// Counts, in each dword of the `len` bytes from `start`, how many bytes that follow have the same
    /// owner.
    fn count_runs(&mut self, start: usize, len: usize) {
        let dwords = self.cells.iter_mut().skip(start / 4);
        for dword in dwords.take(len.div_ceil(4)) {
            let mut after: Option<Cell> = None;
            for cell in dword.iter_mut().rev() {
                // OVERFLOW: at most three others are in a dword.
                let run = match after {
                    Some(next) if next.same(cell) => (next.start_and_run & 3) + 1,
                    _ => 0,
                };
                cell.set_run(run);
                after = Some(*cell);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Layout<Vec<[Cell; 4]>> {
        let mut layout = Layout::new(vec![Cell::UNASSIGNED; 64]);
        assert!(!layout.claim(Owner::Pm, 0x40, 8));
        assert!(!layout.claim(Owner::Msi(MsiShape::default()), 0x48, 10));
        layout
    }

    #[test]
    fn chunks_are_aligned_and_stay_with_one_owner() {
        let layout = layout();
        for at in 0..256u16 {
            for room in 1..8usize {
                let chunk = layout.chunk(at, room).unwrap();
                let len = chunk.width.bytes();
                assert_eq!(at % len, 0);
                assert!(usize::from(len) <= room);
                let cells = &layout.cells()[usize::from(at)..usize::from(at + len)];
                assert!(cells.iter().all(|cell| cell.same(&cells[0])));
                // As wide as that allows.
                let wider = usize::from(at + 2 * len);
                let more = layout.cells().get(usize::from(at)..wider);
                let fits = at % (2 * len) == 0 && usize::from(2 * len) <= room.min(4);
                assert!(!fits || more.is_none_or(|more| !more.iter().all(|c| c.same(&cells[0]))));
            }
        }
        assert!(layout.chunk(256, 1).is_none());
    }

    #[test]
    fn the_tail_of_a_capability_is_cut_off_from_the_gap() {
        let layout = layout();
        // MSI ends at 0x52: its last word and the gap behind it are two accesses.
        assert_eq!(layout.chunk(0x50, 4).unwrap().width, Width::Word);
        assert_eq!(layout.chunk(0x50, 4).unwrap().offset, 8);
        assert_eq!(layout.chunk(0x52, 4).unwrap().owner, Owner::Unassigned);
    }

    #[test]
    fn claims_are_cut_at_the_end() {
        let mut layout = layout();
        layout.claim(Owner::Vendor, 0xf8, 0xff);
        assert_eq!(layout.chunk(0xff, 4).unwrap().offset, 7);
        assert!(layout.claim(Owner::ReadOnly, 0xfc, 8), "overlap");
        assert_eq!(layout.chunk(0xf8, 8).unwrap().owner, Owner::Vendor);
        assert!(layout.begins_at(0xfc) && !layout.begins_at(0xf4));
    }
}
