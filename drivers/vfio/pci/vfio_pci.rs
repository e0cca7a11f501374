// SPDX-License-Identifier: GPL-2.0-only

//! PCI driver (skeleton).

#![deny(unsafe_code)]

use kernel::prelude::*;

module! {
    type: VfioPci,
    name: "vfio_pci",
    authors: ["VFIO in Rust maintainers"],
    description: "PCI driver",
    license: "GPL",
}

struct VfioPci;

impl kernel::Module for VfioPci {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self)
    }
}
