// SPDX-License-Identifier: GPL-2.0-only

//! VFIO core (skeleton).

#![deny(unsafe_code)]

pub mod device;
pub mod info_cap;
pub mod iommu_driver;
pub mod irq_set;
pub mod virqfd;

use kernel::prelude::*;

module! {
    type: Vfio,
    name: "vfio",
    authors: ["VFIO in Rust maintainers"],
    description: "VFIO core",
    license: "GPL",
}

struct Vfio;

impl kernel::Module for Vfio {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self)
    }
}
