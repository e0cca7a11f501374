// SPDX-License-Identifier: GPL-2.0-only

//! PCI, beyond what `kernel::pci` offers.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

// Keep the list sorted, one line each.
mod device;

pub use device::{
    Device,
    Drain, //
};
