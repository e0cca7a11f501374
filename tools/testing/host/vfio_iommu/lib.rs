// SPDX-License-Identifier: GPL-2.0-only

//! The arithmetic of address spaces as a crate of its own, so that its tests run on the host.

#![allow(dead_code)]

/// What `sorted` uses of the `kernel` crate, on top of the host's vectors.
extern crate self as kernel;

#[path = "kernel.rs"]
pub mod prelude;

#[path = "../../../../rust/kernel/iommu/space/block.rs"]
mod block;

#[path = "../../../../rust/kernel/iommu/space/cut.rs"]
mod cut;

#[path = "../../../../rust/kernel/iommu/space/item.rs"]
mod item;

#[path = "../../../../rust/kernel/iommu/space/lanes.rs"]
mod lanes;

#[path = "../../../../rust/kernel/iommu/space/sorted.rs"]
mod sorted;
