// SPDX-License-Identifier: GPL-2.0-only

//! VFIO core: groups, containers and devices.
//!
//! This crate is everything in VFIO that depends neither on the bus of a device nor on the kind of
//! IOMMU. Bus drivers give it devices ([`device::DeviceOps`]), backends map memory for it
//! ([`iommu_driver::IommuDriver`]), and programs reach both through the files that it makes:
//!
//! - `/dev/vfio/vfio`, a container per open file;
//! - `/dev/vfio/$GROUP`, one for each IOMMU group with a device that is bound to a VFIO driver;
//! - the device files, which come out of a group.
//!
//! `Documentation/driver-api/vfio-rust.rst` is the map.
//!
//! C counterpart: [`drivers/vfio/vfio_main.c`](srctree/drivers/vfio/vfio_main.c)

#![deny(unsafe_code)]

pub mod device;
pub mod feature;
pub mod group;
pub mod info_cap;
pub mod iommu_driver;
pub mod irq_set;
pub mod virqfd;

mod container;
mod holder;
mod kvm;
mod noiommu;
mod ownership;
mod subsystem;
#[cfg(CONFIG_CONFIGFS_FS)]
mod synthetic;
mod viability;
mod watch;

use kernel::prelude::*;
use kernel_ext::{
    miscdevice::{
        MiscNode,
        MiscOptions, //
    },
    pci::BusWatch,
    sync::Installed, //
};

use crate::{
    container::Container,
    iommu_driver::IommuDriverRegistration,
    subsystem::Subsystem, //
};

/// The minor number that belongs to `/dev/vfio/vfio`, see
/// [`include/linux/miscdevice.h`](srctree/include/linux/miscdevice.h).
const VFIO_MINOR: u32 = 196;

module! {
    type: Vfio,
    name: "vfio",
    authors: ["VFIO in Rust maintainers"],
    description: "VFIO - user-level meta-driver, in Rust",
    license: "GPL",
    alias: ["devname:vfio/vfio", "char-major-10-196"],
    // Carries the library crates, which share BARs as DMA-BUFs.
    imports_ns: ["DMA_BUF"],
}

/// The loaded module.
// Containers cannot be opened any more before what they stand on goes.
struct Vfio {
    #[cfg(CONFIG_CONFIGFS_FS)]
    _synthetic: Pin<KBox<kernel::configfs::Subsystem<synthetic::Root>>>,
    _watch: Pin<KBox<BusWatch<watch::Watcher>>>,
    _node: Pin<KBox<MiscNode<Container>>>,
    _noiommu: Option<IommuDriverRegistration>,
    _subsystem: Installed<Subsystem>,
}

impl kernel::Module for Vfio {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let subsystem = Subsystem::install()?;
        let noiommu = noiommu::register()?;
        let node = MiscNode::register(MiscOptions {
            minor: VFIO_MINOR,
            name: c"vfio",
            nodename: c"vfio/vfio",
            mode: 0o666,
        })?;
        let watch = watch::start(Subsystem::get()?)?;
        pr_info!("VFIO in Rust - user-level meta-driver\n");
        Ok(Self {
            #[cfg(CONFIG_CONFIGFS_FS)]
            _synthetic: synthetic::register()?,
            _watch: watch,
            _node: node,
            _noiommu: noiommu,
            _subsystem: subsystem,
        })
    }
}
