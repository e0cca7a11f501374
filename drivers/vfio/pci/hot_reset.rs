// SPDX-License-Identifier: GPL-2.0-only

//! Resets of a whole slot or bus.
//!
//! Many devices cannot be reset alone, but together with whatever else is in their slot or on their
//! bus. A program first asks what such a reset would hit, see [`info`], so that it can get hold of
//! the groups of all of it.
//!
//! `VFIO_DEVICE_PCI_HOT_RESET`, the reset itself, is not there yet and answers `ENOTTY`.
//!
//! C counterpart: `vfio_pci_ioctl_get_pci_hot_reset_info` in
//! [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c)

mod header;
mod ioctl;

use kernel_ext::pci::PowerState;
use vfio::device::HeldDevice;

use crate::memory::Zapped;

pub(crate) use self::ioctl::info;

impl HeldDevice for Zapped<'_> {
    fn power_up(&mut self) {
        // A reset wakes a sleeping device by itself, but does not restore the registers that it
        // forgets. If it cannot be woken, the reset fails and says so.
        let _ = self.set_power_state(PowerState::D0);
    }
}
