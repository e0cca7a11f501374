// SPDX-License-Identifier: GPL-2.0-only

//! The legacy addresses of a VGA card, for the programs and the firmware that know no others.
//!
//! The region is laid out as the addresses are: ports and memory by their own numbers, with nothing
//! in between. All cards share these addresses, so each access waits for its card's turn. They are
//! in none of the card's BARs: whether COMMAND lets it decode memory is not asked.
//!
//! C counterpart: `vfio_pci_vga_rw` in
//! [`drivers/vfio/pci/vfio_pci_rdwr.c`](srctree/drivers/vfio/pci/vfio_pci_rdwr.c)

use kernel::{
    prelude::*,
    uaccess::{
        UserSliceReader,
        UserSliceWriter, //
    }, //
};
use kernel_ext::pci::{
    LegacyRange,
    VgaAccess,
    VgaCard, //
};

use super::access::{
    Access,
    Target, //
};

/// The size of the region: the memory ends here.
pub(super) const SIZE: u64 = 0xc_0000;

/// The widest access, in bytes.
const WIDEST: usize = 4;

/// A part of one of the ranges, with the card's turn to use it.
struct Part<'a> {
    vga: VgaAccess<'a>,
    at: usize,
    count: usize,
}

impl<'a> Part<'a> {
    /// Finds the range at `pos`, cuts `count` off at its end, and waits for the card's turn.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no card or no range at `pos`, those of [`VgaCard::lock`].
    fn new(card: Option<&'a VgaCard>, count: usize, pos: u64) -> Result<Self> {
        let card = card.ok_or(EINVAL)?;
        let (range, at) = LegacyRange::containing(pos).ok_or(EINVAL)?;
        let left = range.size().saturating_sub(at);
        Ok(Self {
            vga: card.lock(range)?,
            at,
            count: count.min(left),
        })
    }

    fn access(&self) -> Access<'_> {
        Access {
            target: Target::Vga(&self.vga),
            gate: None,
            at: self.at,
            count: self.count,
            closed: 0..0,
            widest: WIDEST,
        }
    }
}

/// Reads up to `count` bytes at `pos`; returns how many there were before the end of their range.
///
/// # Errors
///
/// `EINVAL` if the device is no VGA card or there is no legacy address at `pos`, `ENOMEM`,
/// `ERESTARTSYS` if a signal comes before the card's turn, `EFAULT`.
pub(crate) fn read(
    card: Option<&VgaCard>,
    to: &mut UserSliceWriter,
    count: usize,
    pos: u64,
) -> Result<usize> {
    Part::new(card, count, pos)?.access().read(to)
}

/// Writes up to `count` bytes at `pos`; returns how many fit before the end of their range.
///
/// # Errors
///
/// As [`read`].
pub(crate) fn write(
    card: Option<&VgaCard>,
    from: &mut UserSliceReader,
    count: usize,
    pos: u64,
) -> Result<usize> {
    Part::new(card, count, pos)?.access().write(from)
}
