// SPDX-License-Identifier: GPL-2.0-only

//! VFIO for PCI devices: everything that a bus driver needs to give a PCI device to a program.
//!
//! This is a library for bus drivers such as `vfio-pci`, as a module of its own. A bus driver makes
//! a [`CoreDevice`] for each device it binds; the rest happens from there.
//!
//! | part | what it is about |
//! |---|---|
//! | [`device`] | a bound device, and an open one with all its parts |
//! | [`ioctl`], [`feature`] | the ioctls of an open device |
//! | [`config`] | configuration space as the user sees it |
//! | [`region`] | BARs and the ROM: reading, writing, mapping |
//! | [`memory`] | the gate before all BAR accesses |
//! | [`irq`] | interrupts |
//! | [`power`], [`low_power`] | power states, and sleeping between calls |
//! | [`reset`] | resets of one device |
//! | [`hot_reset`] | resets of a whole slot or bus |
//! | [`show`], [`last_reset`] | what debugfs shows |
//! | [`trace`] | the tracepoints |
//! | [`token`] | the grammar of `VFIO_GROUP_GET_DEVICE_FD` |
//! | [`sriov`], [`trust`] | virtual functions, and who may open them |
//!
//! C counterpart: [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c)

#![deny(unsafe_code)]

mod config;
mod device;
mod feature;
mod hot_reset;
mod ioctl;
mod irq;
mod last_reset;
mod low_power;
mod memory;
mod power;
mod region;
mod reset;
mod show;
mod sriov;
mod token;
mod trace;
mod trust;

pub use device::{
    CoreDevice,
    Options, //
};

use kernel::prelude::*;
use kernel_ext::sync::Installed;

module! {
    type: PciCore,
    name: "vfio_pci_core",
    authors: ["VFIO in Rust maintainers"],
    description: "core driver for VFIO based PCI devices",
    license: "GPL",
}

/// The module: code for others, and one list.
struct PciCore {
    _parents: Installed<sriov::Parents>,
}

impl kernel::Module for PciCore {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self {
            _parents: sriov::Parents::install()?,
        })
    }
}
