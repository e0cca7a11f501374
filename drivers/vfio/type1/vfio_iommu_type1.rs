// SPDX-License-Identifier: GPL-2.0-only

//! Type1: the backend of VFIO containers for IOMMUs with page tables (Intel, AMD, virtio).
//!
//! A program gives memory to its devices by mapping it at I/O addresses of its choice. This module
//! pins the memory, charges it to the program, and keeps it mapped for every device of the
//! container, until the program takes it back or closes the last file.
//!
//! - [`iommu`]: the state of one container
//! - [`ioctl`] and [`calls`]: the calls of a program, parsed
//! - [`part`]: the same for a descriptor that is good for DMA alone
//! - [`request`]: what a program may ask for (pure)
//! - [`map`] and [`budget`]: making a mapping, run by run, and paying for it
//! - [`unmap`]: what unmapping a range means
//! - [`attach`]: groups coming and going
//! - [`iova`]: which addresses can be used (pure)
//! - [`info`], [`dirty`] and [`bitmap`] (pure): what a program is told
//! - [`owner`], [`watch`] and [`tie`]: following what becomes of the memory
//! - [`feature`]: what a program can ask about that
//! - [`show`]: what debugfs shows
//! - [`trace`]: the tracepoints
//!
//! C counterpart: [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

#![deny(unsafe_code)]

mod attach;
mod bitmap;
mod budget;
mod calls;
mod dirty;
mod feature;
mod info;
mod ioctl;
mod iommu;
mod iova;
mod map;
mod owner;
mod params;
mod part;
mod request;
mod show;
mod tie;
mod trace;
mod unmap;
mod watch;
mod windows;

use kernel::{
    prelude::*,
    sync::Arc, //
};
use vfio::iommu_driver::{
    IommuDriver,
    IommuDriverRegistration,
    IommuInstance, //
};

module! {
    type: Module,
    name: "vfio_iommu_type1",
    authors: ["VFIO in Rust maintainers"],
    description: "VFIO backend for IOMMUs with page tables",
    license: "GPL",
}

/// The loaded module: while it exists, containers can choose this backend.
struct Module {
    _registration: IommuDriverRegistration,
}

impl kernel::Module for Module {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let driver = Arc::new(Type1 { module }, GFP_KERNEL)?;
        Ok(Self {
            _registration: IommuDriverRegistration::new(driver)?,
        })
    }
}

/// The backend as the core sees it.
struct Type1 {
    module: &'static ThisModule,
}

impl IommuDriver for Type1 {
    fn name(&self) -> &'static CStr {
        c"vfio-iommu-type1"
    }

    fn module(&self) -> &'static ThisModule {
        self.module
    }

    fn check_extension(&self, extension: u64) -> isize {
        ioctl::check_extension(None, extension)
    }

    fn open(&self, kind: u64) -> Result<Arc<dyn IommuInstance>> {
        let flavour = iommu::Flavour::for_extension(kind).ok_or(EINVAL)?;
        let instance = ioctl::Instance(iommu::Iommu::new(flavour)?);
        let instance: Arc<dyn IommuInstance> = Arc::new(instance, GFP_KERNEL)?;
        Ok(instance)
    }
}
