// SPDX-License-Identifier: GPL-2.0-only

//! How the interrupt pin of a device is kept silent.
//!
//! While nobody listens to it, by a bit of the device's COMMAND register (*DisINTx*), from when the
//! device is enabled for a user on; where it has no such bit, nothing can be done. While the pin is in
//! use, by the same bit or at the interrupt controller. The user sees a bit of his own in its place.
//!
//! C counterpart: `vfio_pci_core_enable` in
//! [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c), which decides only.

use kernel::dev_info;
use kernel_ext::pci::Device;

/// How the interrupt pin is masked while it is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IntxMasking {
    /// In the device, by DisINTx. The line may be shared.
    Device,
    /// Only at the interrupt controller. The line must be the device's alone.
    Controller,
    /// The pin is known not to work: it is held masked in the device and not offered.
    Broken,
}

impl IntxMasking {
    /// Chooses for `pdev`; with `nointxmask`, not in the device.
    pub(crate) fn choose(pdev: &Device, nointxmask: bool) -> Self {
        if nointxmask {
            return Self::Controller;
        }
        if has_broken_intx(pdev.vendor(), pdev.device_id()) {
            dev_info!(
                pdev.device(),
                "its interrupt pin is known to be broken and is not offered\n"
            );
            return Self::Broken;
        }
        match pdev.can_mask_intx() {
            true => Self::Device,
            false => Self::Controller,
        }
    }

    /// Masks the pin, which nobody listens to.
    ///
    /// A user may let the device assert it all the same, and if nobody on a shared line answers, the
    /// host turns the line off for all. Devices whose messages need the pin unmasked stay as they are,
    /// unless their pin is no good anyway.
    pub(crate) fn silence(self, pdev: &Device) {
        if self == Self::Broken || !pdev.needs_intx_for_msi() {
            pdev.set_intx(false);
        }
    }
}

/// Returns whether a device can silence its interrupt pin but cannot tell whether it is asserted.
fn has_broken_intx(vendor: u16, device: u16) -> bool {
    const INTEL: u16 = 0x8086;

    // Intel's XL710, X710 and XXV710 network cards of 10 to 40 Gbit/s, and X550.
    vendor == INTEL
        && matches!(
            device,
            0x1572 | 0x1574 | 0x1580..=0x1581 | 0x1583..=0x158b | 0x37d0..=0x37d2 | 0x1563
        )
}
