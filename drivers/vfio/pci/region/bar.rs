// SPDX-License-Identifier: GPL-2.0-only

//! BARs and the expansion ROM of an open device, read and written through its file.
//!
//! All BARs are claimed when the device is opened. A claim may fail, as somebody else may use that
//! address range; the device opens nevertheless, and only what needs the BAR fails. The table of
//! MSI-X belongs to the kernel: reads of it through the file give ones, and writes are dropped.
//! (Programs may map it, since the IOMMU remaps interrupts.)
//!
//! User memory is copied while the memory gate is free, one word at a time, as the gate is also
//! taken in page faults.
//!
//! C counterpart: [`drivers/vfio/pci/vfio_pci_rdwr.c`](srctree/drivers/vfio/pci/vfio_pci_rdwr.c)

use core::ops::Range;
use kernel::{
    dev_dbg,
    prelude::*,
    sync::Arc,
    uaccess::{
        UserSliceReader,
        UserSliceWriter, //
    }, //
};
use kernel_ext::{
    io::IoWord,
    pci::{
        BarIndex,
        ClaimedBar,
        Device,
        OwnPages,
        Rom,
        NUM_BARS, //
    }, //
};

use super::{
    pieces::Piece,
    trigger::Trigger, //
};
use crate::{
    config::MsixGeometry,
    memory::MemoryGate,
    region, //
};

/// The widest access to a BAR, in bytes.
const WIDEST: usize = 8;

/// The widest access to a ROM, in bytes. Some devices answer longer ones with bus errors.
const WIDEST_ROM: usize = 4;

/// Ones to answer reads of a closed part with.
const ONES: [u8; 64] = [0xff; 64];

/// One BAR of an open device.
struct Bar {
    /// The right to use it, or why there is none.
    claim: Result<Arc<ClaimedBar>>,

    /// The right to show its pages to programs.
    own: Option<OwnPages>,

    /// The part that is the kernel's: the table of MSI-X.
    closed: Range<usize>,
}

/// A place in a BAR, with room for what is to be written there.
pub(super) struct Place<'a> {
    /// The right to use the BAR.
    pub(super) bar: &'a Arc<ClaimedBar>,
    /// The offset in it.
    pub(super) at: usize,
    /// Whether the BAR is memory, which the memory gate guards.
    pub(super) is_memory: bool,
}

/// The BARs of an open device.
pub(crate) struct Bars {
    pdev: Device,
    bars: [Bar; NUM_BARS],
}

impl Bars {
    /// Claims what can be claimed.
    pub(crate) fn new(pdev: &Device, msix: Option<MsixGeometry>) -> Self {
        let mut all = BarIndex::all();
        // PANIC: `all` has as many items as the array.
        let bars = core::array::from_fn(|_| match all.next() {
            Some(index) => Bar::new(pdev, index, msix),
            None => Bar::missing(),
        });
        Self {
            pdev: pdev.clone(),
            bars,
        }
    }

    fn get(&self, index: BarIndex) -> Option<&Bar> {
        self.bars.get(index.number())
    }

    /// Returns the size of the BAR in bytes.
    pub(super) fn len(&self, index: BarIndex) -> u64 {
        self.pdev.resource(index).len
    }

    /// Returns whether programs may map the BAR.
    pub(crate) fn can_map(&self, index: BarIndex) -> bool {
        self.get(index).is_some_and(|bar| bar.own.is_some())
    }

    /// Returns whether the table of MSI-X is in the BAR.
    pub(crate) fn has_msix_table(&self, index: BarIndex) -> bool {
        self.get(index).is_some_and(|bar| !bar.closed.is_empty())
    }

    /// Returns the right to show the BAR's pages to programs.
    pub(super) fn own_pages(&self, index: BarIndex) -> Option<&OwnPages> {
        self.get(index)?.own.as_ref()
    }

    /// Returns the right to use the BAR.
    ///
    /// # Errors
    ///
    /// `EBUSY` if somebody else uses it, `ENOMEM` if it could not be mapped, `ENODEV` if it does
    /// not exist.
    pub(crate) fn claim(&self, index: BarIndex) -> Result<&Arc<ClaimedBar>> {
        match &self.get(index).ok_or(ENODEV)?.claim {
            Ok(claim) => Ok(claim),
            Err(error) => Err(*error),
        }
    }

    /// Finds the BAR that a write triggered by an eventfd goes to.
    ///
    /// # Errors
    ///
    /// `EINVAL` if that is not a BAR, or the write does not end within it or touches the table of
    /// MSI-X; those of [`Bars::claim`].
    pub(super) fn trigger(&self, trigger: &Trigger) -> Result<Place<'_>> {
        let (region, at) = region::split(trigger.offset);
        let index = BarIndex::new(region).ok_or(EINVAL)?;
        let resource = self.pdev.resource(index);
        let closed = &self.get(index).ok_or(EINVAL)?.closed;
        let at = usize::try_from(at)?;
        let end = at.checked_add(trigger.width.bytes()).ok_or(EINVAL)?;
        if u64::try_from(end)? > resource.len {
            return Err(EINVAL);
        }
        if at < closed.end && closed.start < end {
            return Err(EINVAL);
        }
        Ok(Place {
            bar: self.claim(index)?,
            at,
            is_memory: resource.is_memory,
        })
    }

    /// Prepares an access of `count` bytes at `pos` in the BAR.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the BAR has no address or `pos` is behind its end, those of [`Bars::claim`].
    fn access<'a>(
        &'a self,
        gate: &'a MemoryGate,
        index: BarIndex,
        count: usize,
        pos: u64,
    ) -> Result<Access<'a>> {
        let resource = self.pdev.resource(index);
        if resource.start == 0 {
            return Err(EINVAL);
        }
        let (at, count) = clamp(pos, count, resource.len)?;
        let bar = self.get(index).ok_or(EINVAL)?;
        Ok(Access {
            target: Target::Bar(self.claim(index)?),
            gate: resource.is_memory.then_some(gate),
            at,
            count,
            closed: bar.closed.clone(),
            widest: WIDEST,
        })
    }

    /// Reads up to `count` bytes at `pos` in the BAR; returns how many there were before its end.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the BAR has no address or `pos` is behind its end, those of [`Bars::claim`],
    /// `EIO` if memory decoding is off or the device sleeps, `EFAULT`.
    pub(crate) fn read(
        &self,
        gate: &MemoryGate,
        index: BarIndex,
        to: &mut UserSliceWriter,
        count: usize,
        pos: u64,
    ) -> Result<usize> {
        self.access(gate, index, count, pos)?.read(to)
    }

    /// Writes up to `count` bytes at `pos` in the BAR; returns how many fit before its end.
    ///
    /// # Errors
    ///
    /// As [`Bars::read`].
    pub(crate) fn write(
        &self,
        gate: &MemoryGate,
        index: BarIndex,
        from: &mut UserSliceReader,
        count: usize,
        pos: u64,
    ) -> Result<usize> {
        self.access(gate, index, count, pos)?.write(from)
    }
}

impl Bar {
    fn new(pdev: &Device, index: BarIndex, msix: Option<MsixGeometry>) -> Self {
        let claim = ClaimedBar::new(pdev, index)
            .and_then(|claim| Ok(Arc::new(claim, GFP_KERNEL_ACCOUNT)?))
            .inspect_err(|error| {
                dev_dbg!(
                    pdev.device(),
                    "BAR {} not claimed: {:?}\n",
                    index.number(),
                    error
                );
            });
        Self {
            claim,
            own: OwnPages::new(pdev, index),
            closed: closed_part(index, msix),
        }
    }

    fn missing() -> Self {
        Self {
            claim: Err(ENODEV),
            own: None,
            closed: 0..0,
        }
    }
}

/// Returns where the table of MSI-X is in the BAR; empty if it is elsewhere.
fn closed_part(index: BarIndex, msix: Option<MsixGeometry>) -> Range<usize> {
    let Some(msix) = msix.filter(|msix| usize::from(msix.bar) == index.number()) else {
        return 0..0;
    };
    // CAST: Widening.
    let start = msix.offset as usize;
    start..start.saturating_add(msix.size() as usize)
}

/// Checks `pos` against the length of a region and cuts `count` off at its end.
///
/// # Errors
///
/// `EINVAL` if `pos` is behind the end.
fn clamp(pos: u64, count: usize, len: u64) -> Result<(usize, usize)> {
    let left = len
        .checked_sub(pos)
        .filter(|&left| left > 0)
        .ok_or(EINVAL)?;
    let count = count.min(usize::try_from(left).unwrap_or(usize::MAX));
    Ok((usize::try_from(pos)?, count))
}

/// Reads up to `count` bytes at `pos` in the ROM's region; what is behind its image reads as ones.
///
/// # Errors
///
/// `EINVAL` if there is no ROM or `pos` is behind its end, `ENOMEM` if no valid image can be
/// mapped, `EIO` if memory decoding is off or the device sleeps, `EFAULT`.
pub(crate) fn read_rom(
    pdev: &Device,
    gate: &MemoryGate,
    to: &mut UserSliceWriter,
    count: usize,
    pos: u64,
) -> Result<usize> {
    let resource = pdev.rom_resource();
    let len = if resource.start != 0 {
        resource.len
    } else {
        super::shadow_size(pdev).ok_or(EINVAL)?
    };
    let (at, count) = clamp(pos, count, len)?;
    let rom = Rom::map(pdev).ok_or(ENOMEM)?;
    Access {
        closed: rom.image_len()..usize::try_from(len)?,
        target: Target::Rom(&rom),
        gate: resource.is_memory.then_some(gate),
        at,
        count,
        widest: WIDEST_ROM,
    }
    .read(to)
}

/// What an access goes to.
#[derive(Clone, Copy)]
enum Target<'a> {
    Bar(&'a ClaimedBar),
    Rom(&'a Rom),
}

/// One read or write, of a range that was checked.
struct Access<'a> {
    target: Target<'a>,

    /// The gate, if the target is memory.
    gate: Option<&'a MemoryGate>,

    at: usize,
    count: usize,
    closed: Range<usize>,
    widest: usize,
}

impl Access<'_> {
    /// Calls `f` with each piece and its offset; returns the number of bytes.
    fn each(&self, mut f: impl FnMut(Piece, usize) -> Result) -> Result<usize> {
        let (mut at, mut left) = (self.at, self.count);
        while let Some(piece) = Piece::first(at, left, &self.closed, self.widest) {
            f(piece, at)?;
            // OVERFLOW: A piece is within the range that was checked.
            at += piece.len();
            left -= piece.len();
        }
        Ok(self.count)
    }

    fn read(&self, to: &mut UserSliceWriter) -> Result<usize> {
        self.each(|piece, at| match piece {
            Piece::Byte => to.write_slice(&self.get::<u8>(at)?.to_le_bytes()),
            Piece::Word => to.write_slice(&self.get::<u16>(at)?.to_le_bytes()),
            Piece::Long => to.write_slice(&self.get::<u32>(at)?.to_le_bytes()),
            Piece::Quad => to.write_slice(&self.get::<u64>(at)?.to_le_bytes()),
            Piece::Closed(len) => ones(to, len),
        })
    }

    fn write(&self, from: &mut UserSliceReader) -> Result<usize> {
        self.each(|piece, at| match piece {
            Piece::Byte => self.put(at, u8::from_le_bytes(take(from)?)),
            Piece::Word => self.put(at, u16::from_le_bytes(take(from)?)),
            Piece::Long => self.put(at, u32::from_le_bytes(take(from)?)),
            Piece::Quad => self.put(at, u64::from_le_bytes(take(from)?)),
            Piece::Closed(len) => from.skip(len),
        })
    }

    /// Reads one word from the device, with the gate held if it is memory.
    fn get<W: IoWord>(&self, at: usize) -> Result<W> {
        let _enabled = self.gate.map(MemoryGate::enabled).transpose()?;
        match self.target {
            Target::Bar(bar) => bar.read(at),
            Target::Rom(rom) => rom.read(at),
        }
    }

    /// Writes one word to the device, with the gate held if it is memory.
    fn put<W: IoWord>(&self, at: usize, value: W) -> Result {
        let _enabled = self.gate.map(MemoryGate::enabled).transpose()?;
        match self.target {
            Target::Bar(bar) => bar.write(at, value),
            Target::Rom(_) => Err(EINVAL),
        }
    }
}

/// Copies one word from the user.
fn take<const N: usize>(from: &mut UserSliceReader) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_slice(&mut bytes)?;
    Ok(bytes)
}

/// Copies `len` bytes of ones to the user.
fn ones(to: &mut UserSliceWriter, mut len: usize) -> Result {
    while let Some(chunk) = ONES.get(..len.min(ONES.len())).filter(|c| !c.is_empty()) {
        to.write_slice(chunk)?;
        len -= chunk.len();
    }
    Ok(())
}
