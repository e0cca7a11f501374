// SPDX-License-Identifier: GPL-2.0-only

//! PCI core (skeleton).

#![deny(unsafe_code)]

// Nothing opens a device yet.
#[allow(dead_code)]
mod config;
#[allow(dead_code, unused_imports)]
mod irq;

use kernel::prelude::*;

module! {
    type: PciCore,
    name: "vfio_pci_core",
    authors: ["VFIO in Rust maintainers"],
    description: "PCI core",
    license: "GPL",
}

struct PciCore;

impl kernel::Module for PciCore {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self)
    }
}
