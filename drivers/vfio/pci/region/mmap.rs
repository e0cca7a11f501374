// SPDX-License-Identifier: GPL-2.0-only

//! BARs mapped into programs.
//!
//! A mapping starts empty and is filled as it is touched, in blocks as large as alignment allows.
//! A fault asks the memory gate: while the device does not answer, or may fall asleep at any time,
//! the program gets `SIGBUS` instead of a page. Whoever stops the device from answering takes the
//! pages away first ([`MemoryGate::zap`]), so no program can be in the middle of it.
//!
//! Lock order: a fault holds the mmap lock (or that of the one VMA) and takes the memory gate.
//!
//! C counterpart: `vfio_pci_core_mmap` and `vfio_pci_mmap_huge_fault` in
//! [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c)

use kernel::{
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    sync::Arc, //
};
use kernel_ext::{
    mm::{
        fault::{
            Fault,
            FaultHandler,
            Outcome, //
        },
        NewVma, //
    },
    pci::{
        BarIndex,
        BarPages, //
    },
};

use super::bar::Bars;
use crate::{
    memory::MemoryGate,
    region,
    trace::vfio_pci_fault, //
};

/// A BAR as mappings of it see it.
struct MappedBar {
    pages: BarPages,
    gate: Arc<MemoryGate>,
}

impl FaultHandler for MappedBar {
    fn fault(&self, fault: &Fault<'_>) -> Outcome {
        let Some((bar, page)) = fault.page_offset().map(split) else {
            return Outcome::FALLBACK;
        };
        let outcome = match self.gate.mappable() {
            Ok(_enabled) => fault.insert(&self.pages, page),
            Err(_) => Outcome::SIGBUS,
        };
        vfio_pci_fault(|fire| {
            let device = self.gate.device().name();
            // CAST: There are few regions, and `usize` has at most 64 bits.
            fire(
                device,
                bar as u32,
                page as u64,
                fault.order(),
                outcome.bits(),
            );
        });
        outcome
    }
}

/// Cuts an offset in the file, in pages, into the number of a region and the offset in it.
fn split(page: usize) -> (usize, usize) {
    let shift = region::SHIFT as usize - PAGE_SHIFT;
    (page >> shift, page & ((1 << shift) - 1))
}

impl Bars {
    /// Maps a part of a BAR into the program that is calling `mmap`.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a region that does not exist or cannot be mapped, a private mapping, and a
    /// range that does not end within the BAR's pages; those of [`Bars::claim`]; `ENOMEM`.
    pub(crate) fn mmap(&self, gate: &Arc<MemoryGate>, vma: &mut NewVma<'_>) -> Result {
        let (index, page) = split(vma.page_offset());
        if !vma.is_shared() {
            return Err(EINVAL);
        }
        let bar = u32::try_from(index)
            .ok()
            .and_then(BarIndex::new)
            .ok_or(EINVAL)?;
        let own = self.own_pages(bar).ok_or(EINVAL)?;
        let end = page.checked_add(vma.size() >> PAGE_SHIFT).ok_or(EINVAL)?;
        if end > self.page_count(bar) {
            return Err(EINVAL);
        }
        let pages = self.claim(bar)?.pages(own).ok_or(EINVAL)?;
        let gate = gate.clone();
        vma.map_io(Arc::new(MappedBar { pages, gate }, GFP_KERNEL_ACCOUNT)?)
    }

    /// Returns the number of pages that a BAR takes.
    fn page_count(&self, bar: BarIndex) -> usize {
        usize::try_from(self.len(bar))
            .unwrap_or(usize::MAX)
            .div_ceil(PAGE_SIZE)
    }
}
