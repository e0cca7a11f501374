// SPDX-License-Identifier: GPL-2.0-only

//! The BARs of an open device, read and written through its file.
//!
//! All BARs are claimed when the device is opened. A claim may fail, as somebody else may use that
//! address range; the device opens nevertheless, and only what needs the BAR fails. The table of
//! MSI-X belongs to the kernel: reads of it through the file give ones, and writes are dropped.
//! (Programs may map it, since the IOMMU remaps interrupts.)
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
use kernel_ext::pci::{
    BarIndex,
    ClaimedBar,
    Device,
    OwnPages,
    Resource,
    NUM_BARS, //
};

use super::{
    access::{
        clamp,
        Access,
        Target, //
    },
    trigger::Trigger, //
};
use crate::{
    config::MsixGeometry,
    memory::MemoryGate,
    region, //
};

/// The widest access to a BAR, in bytes.
const WIDEST: usize = 8;

/// One BAR of an open device.
struct Bar {
    /// Where it is, which does not change while a driver is bound.
    resource: Resource,

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
        Self { bars }
    }

    fn get(&self, index: BarIndex) -> Option<&Bar> {
        self.bars.get(index.number())
    }

    /// Returns the size of the BAR in bytes.
    pub(super) fn len(&self, index: BarIndex) -> u64 {
        self.get(index).map_or(0, |bar| bar.resource.len)
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
        let Bar {
            resource, closed, ..
        } = self.get(index).ok_or(EINVAL)?;
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
        let bar = self.get(index).ok_or(EINVAL)?;
        let resource = bar.resource;
        if resource.start == 0 {
            return Err(EINVAL);
        }
        let (at, count) = clamp(pos, count, resource.len)?;
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
        let resource = pdev.resource(index);
        if resource.len == 0 {
            return Self::missing();
        }
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
            resource,
            claim,
            own: OwnPages::new(pdev, index),
            closed: closed_part(index, msix),
        }
    }

    fn missing() -> Self {
        Self {
            resource: Resource {
                start: 0,
                len: 0,
                is_memory: false,
            },
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
