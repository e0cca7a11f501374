// SPDX-License-Identifier: GPL-2.0-only

//! DMA windows of POWER machines: tables of translation control entries (TCEs).
//!
//! There are no I/O page tables as elsewhere. A group of devices, here a *partitionable endpoint*,
//! has up to two windows in its address space, and each is one table with an entry for every page.
//! On a bare machine the tables are memory that the host bridge reads; in a partition (pSeries) they
//! are the hypervisor's, and an entry is changed by a hypercall.
//!
//! - [`TableGroup`]: what the platform knows of a group: what windows it can have, making and
//!   programming them.
//! - [`Table`]: the table of one window.
//! - [`Space`]: the windows of one container and the memory that devices reach through them. It is
//!   the only way to let a device reach memory, and keeps memory pinned until no device can.
//! - [`window`]: the arithmetic (knows nothing of the kernel).
//!
//! C header: [`arch/powerpc/include/asm/iommu.h`](srctree/arch/powerpc/include/asm/iommu.h)

mod check;
mod clear;
mod fill;
mod group;
mod map;
mod memory;
mod pins;
mod record;
mod small;
mod space;
mod table;
pub mod window;

pub use self::{
    group::{
        Abilities,
        TableGroup, //
    },
    space::Space,
    table::Table, //
};
