// SPDX-License-Identifier: GPL-2.0-only

//! What the PCI driver decides without the kernel, as a crate of its own, so that its tests run on
//! the host. Configuration space is in `vfio_pci_config`.

#![allow(dead_code)]

#[path = "../../../../rust/kernel/pci/ids/dynamic.rs"]
mod dynamic;
#[path = "../../../../drivers/vfio/pci/hot_reset/header.rs"]
mod hot_reset_header;
#[path = "../../../../drivers/vfio/pci/region/igd/opregion.rs"]
mod opregion;
#[path = "../../../../drivers/vfio/pci/region/pieces.rs"]
mod pieces;
#[path = "../../../../drivers/vfio/pci/region/ranges.rs"]
mod ranges;
#[path = "../../../../drivers/vfio/pci/token.rs"]
mod token;
#[path = "../../../../drivers/vfio/pci/region/trigger.rs"]
mod trigger;
#[path = "../../../../drivers/vfio/pci/trust.rs"]
mod trust;
#[path = "../../../../rust/kernel/pci/vga/range.rs"]
mod vga_range;
