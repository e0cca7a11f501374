// SPDX-License-Identifier: GPL-2.0-only

//! What the VFIO core decides without the kernel, as a crate of its own, so that its tests run on
//! the host.

#![allow(dead_code)]

#[path = "../../../../drivers/vfio/group/dma_place.rs"]
mod dma_place;
#[path = "../../../../drivers/vfio/irq_set/header.rs"]
mod irq_set_header;
#[path = "../../../../drivers/vfio/group/unit.rs"]
mod unit;
