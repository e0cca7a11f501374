// SPDX-License-Identifier: GPL-2.0-only

//! The legacy interrupt pin of a PCI device.
//!
//! INTx is level triggered: the line stays asserted until the device's driver has dealt with the
//! cause. Since PCI 2.3 a device says in its status register whether it is the one, and has a bit
//! in its command register (*DisINTx*) that keeps it off the line. With both, a line can be shared
//! by a handler that knows nothing about the device.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use super::Device;
use crate::{
    bindings,
    irq::Source, //
};
use kernel::prelude::*;

/// The interrupt line that a device's pin is routed to.
///
/// The number stays the pin's while MSI or MSI-X is on; only nothing arrives on it then.
#[derive(Clone)]
pub struct IntxLine {
    /// Keeps the device bound.
    _dev: Device,
    irq: u32,
}

// SAFETY: The number is fixed when the value is made and belongs to a device that stays bound to
// our driver as long as the value holds its handle.
unsafe impl Source for IntxLine {
    fn irq(&self) -> u32 {
        self.irq
    }
}

impl Device {
    /// Returns the line of the interrupt pin.
    ///
    /// # Errors
    ///
    /// `EINVAL` while MSI or MSI-X is on, `ENODEV` if the pin is not connected to an interrupt
    /// controller.
    pub fn intx_line(&self) -> Result<IntxLine> {
        let pdev = self.as_raw();
        // SAFETY: The device is valid by the type invariant. While a driver is bound, the number
        // changes only when MSI goes on, which is marked first.
        let (irq, msi, msix) = unsafe {
            (
                (*pdev).irq,
                (*pdev).msi_enabled(),
                (*pdev).msix_enabled(), //
            )
        };
        if msi != 0 || msix != 0 {
            return Err(EINVAL);
        }
        if irq == 0 || irq == bindings::IRQ_NOTCONNECTED {
            return Err(ENODEV);
        }
        Ok(IntxLine {
            _dev: self.clone(),
            irq,
        })
    }

    /// Returns whether the device cannot send messages while its pin is masked in it, a fault that the
    /// kernel knows of some devices.
    pub fn needs_intx_for_msi(&self) -> bool {
        const BUG: u16 = bindings::pci_dev_flags_PCI_DEV_FLAGS_MSI_INTX_DISABLE_BUG as u16;

        // SAFETY: The device is valid by the type invariant; the field is set when it is found.
        let flags = unsafe { (*self.as_raw()).dev_flags };
        flags & BUG != 0
    }

    /// Returns whether the pin is masked in the device.
    ///
    /// May be called from any context.
    pub fn intx_is_masked(&self) -> bool {
        // CAST: Both have 16 bits.
        let command = self.config_read_u16(bindings::PCI_COMMAND as u16);
        command & bindings::PCI_COMMAND_INTX_DISABLE as u16 != 0
    }

    /// Masks the pin if it is asserted, and returns whether it was.
    ///
    /// May be called from any context.
    #[must_use = "tells whether the interrupt was this device's"]
    pub fn check_and_mask_intx(&self) -> bool {
        // SAFETY: The device is valid by the type invariant; the configuration space lock is
        // interrupt-safe.
        unsafe { bindings::pci_check_and_mask_intx(self.as_raw()) }
    }

    /// Unmasks the pin unless it is asserted, and returns whether it is unmasked now.
    ///
    /// May be called from any context.
    #[must_use = "if the result is false, an interrupt is pending and the pin is still masked"]
    pub fn check_and_unmask_intx(&self) -> bool {
        // SAFETY: As in `check_and_mask_intx`.
        unsafe { bindings::pci_check_and_unmask_intx(self.as_raw()) }
    }
}
