// SPDX-License-Identifier: GPL-2.0-only

//! IOMMU backend (skeleton).

#![deny(unsafe_code)]

use kernel::prelude::*;

module! {
    type: Type1,
    name: "vfio_iommu_type1",
    authors: ["VFIO in Rust maintainers"],
    description: "IOMMU backend",
    license: "GPL",
}

struct Type1;

impl kernel::Module for Type1 {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self)
    }
}
