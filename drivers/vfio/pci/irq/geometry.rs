// SPDX-License-Identifier: GPL-2.0-only

//! What a device has in the way of interrupts, in numbers.
//!
//! C counterpart: [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c),
//! `vfio_pci_get_irq_count`.

use super::masking::IntxMasking;
use kernel_ext::pci::Device;
use vfio_uapi::{
    IrqInfoFlags,
    VFIO_PCI_ERR_IRQ_INDEX,
    VFIO_PCI_INTX_IRQ_INDEX,
    VFIO_PCI_MSIX_IRQ_INDEX,
    VFIO_PCI_MSI_IRQ_INDEX,
    VFIO_PCI_NUM_IRQS,
    VFIO_PCI_REQ_IRQ_INDEX, //
};

/// The number of indexes.
pub(crate) const INDEXES: u32 = VFIO_PCI_NUM_IRQS;

/// A kind of interrupt, as `VFIO_DEVICE_SET_IRQS` numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IrqIndex {
    /// The interrupt pin.
    Intx,
    /// Message-signalled interrupts.
    Msi,
    /// Message-signalled interrupts with a table.
    Msix,
    /// The device reported an error.
    Err,
    /// The host wants the device back.
    Req,
}

impl IrqIndex {
    /// Returns the index with this number; `None` from [`INDEXES`] on.
    pub(crate) fn new(number: u32) -> Option<Self> {
        match number {
            VFIO_PCI_INTX_IRQ_INDEX => Some(Self::Intx),
            VFIO_PCI_MSI_IRQ_INDEX => Some(Self::Msi),
            VFIO_PCI_MSIX_IRQ_INDEX => Some(Self::Msix),
            VFIO_PCI_ERR_IRQ_INDEX => Some(Self::Err),
            VFIO_PCI_REQ_IRQ_INDEX => Some(Self::Req),
            _ => None,
        }
    }
}

/// What a device has in the way of interrupts; fixed while it is open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    /// Whether user space sees an interrupt pin.
    pub(crate) pin: bool,
    /// How the pin is masked.
    pub(crate) masking: IntxMasking,
    /// MSI vectors, 0 to 128.
    pub(crate) msi: u32,
    /// MSI-X vectors, 0 to 2048.
    pub(crate) msix: u32,
    /// Whether MSI-X vectors can be added while others are in use.
    pub(crate) msix_grows: bool,
}

impl Geometry {
    /// Asks the device. `pin` is what the virtual configuration space shows.
    pub(crate) fn probe(dev: &Device, pin: bool, masking: IntxMasking) -> Self {
        let msix = dev.msix_count();
        Self {
            pin,
            masking,
            msi: dev.msi_count(),
            msix,
            msix_grows: msix != 0 && dev.msix_can_grow(),
        }
    }

    /// Returns how many interrupts there are at `index`.
    pub(crate) fn count(&self, index: IrqIndex) -> u32 {
        match index {
            IrqIndex::Intx => u32::from(self.pin),
            IrqIndex::Msi => self.msi,
            IrqIndex::Msix => self.msix,
            IrqIndex::Err | IrqIndex::Req => 1,
        }
    }

    /// Returns what can be done with the interrupts at `index`.
    pub(crate) fn flags(&self, index: IrqIndex) -> IrqInfoFlags {
        let kind = match index {
            IrqIndex::Intx => IrqInfoFlags::MASKABLE | IrqInfoFlags::AUTOMASKED,
            IrqIndex::Msix if self.msix_grows => IrqInfoFlags::empty(),
            _ => IrqInfoFlags::NORESIZE,
        };
        IrqInfoFlags::EVENTFD | kind
    }
}
