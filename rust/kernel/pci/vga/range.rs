// SPDX-License-Identifier: GPL-2.0-only

//! The addresses that VGA cards have answered to since the IBM PC, whatever their BARs say.
//!
//! This file uses nothing of the kernel.
//!
//! C counterpart: `vfio_pci_vga_rw` in
//! [`drivers/vfio/pci/vfio_pci_rdwr.c`](srctree/drivers/vfio/pci/vfio_pci_rdwr.c)

/// One of the three ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegacyRange {
    /// The frame buffer, memory from 0xa0000 to 0xbffff.
    Memory,
    /// Ports 0x3b0 to 0x3bb: the registers that monochrome adapters had. What follows belongs to
    /// the parallel port.
    MonoPorts,
    /// Ports 0x3c0 to 0x3df: all other registers.
    Ports,
}

impl LegacyRange {
    /// All ranges.
    const ALL: [Self; 3] = [Self::Memory, Self::MonoPorts, Self::Ports];

    /// Returns the first address.
    pub const fn start(self) -> usize {
        match self {
            Self::Memory => 0xa_0000,
            Self::MonoPorts => 0x3b0,
            Self::Ports => 0x3c0,
        }
    }

    /// Returns the size in bytes.
    pub const fn size(self) -> usize {
        match self {
            Self::Memory => 0x2_0000,
            Self::MonoPorts => 0xc,
            Self::Ports => 0x20,
        }
    }

    /// Returns the range that `address` is in, and how far from its start.
    ///
    /// No port has the number of an address of the memory, so that one number tells both.
    pub fn containing(address: u64) -> Option<(Self, usize)> {
        let address = usize::try_from(address).ok()?;
        Self::ALL.into_iter().find_map(|range| {
            let offset = address.checked_sub(range.start())?;
            (offset < range.size()).then_some((range, offset))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{
        LegacyRange::{
            Memory,
            MonoPorts,
            Ports, //
        },
        *,
    };

    #[test]
    fn ranges_end_where_they_end() {
        for (address, want) in [
            (0x3af, None),
            (0x3b0, Some((MonoPorts, 0))),
            (0x3bb, Some((MonoPorts, 11))),
            (0x3bc, None),
            (0x3bf, None),
            (0x3c0, Some((Ports, 0))),
            (0x3df, Some((Ports, 31))),
            (0x3e0, None),
            (0x9_ffff, None),
            (0xa_0000, Some((Memory, 0))),
            (0xb_ffff, Some((Memory, 0x1_ffff))),
            (0xc_0000, None),
            (0, None),
            (u64::MAX, None),
            (0x1_0000_03c0, None),
        ] {
            assert_eq!(LegacyRange::containing(address), want, "{address:#x}");
        }
    }
}
