// SPDX-License-Identifier: GPL-2.0-only

//! sPAPR TCE: the backend of VFIO containers for POWER machines.
//!
//! A group of devices has *windows* of bus addresses, each of which is a table with an entry for every
//! page. A program puts its memory behind entries, and takes it back.
//!
//! - [`container`]: the state of one container
//! - [`ioctl`], [`dma`]: the calls of a program, parsed
//! - [`attach`]: groups coming and going
//! - [`windows`]: making and removing windows
//! - [`memory`] and [`charge`]: what may be mapped, and who pays for it
//! - [`tie`]: following what becomes of the memory
//! - [`info`], [`pe`]: what a program is told; errors of its devices
//! - [`params`] and [`show`]: what the administrator sets and sees
//!
//! The entries themselves, and the memory behind them, are in [`kernel_ext::tce`].
//!
//! C counterpart:
//! [`drivers/vfio/vfio_iommu_spapr_tce.c`](srctree/drivers/vfio/vfio_iommu_spapr_tce.c)

#![deny(unsafe_code)]

mod attach;
mod charge;
mod container;
mod describe;
mod dma;
mod info;
mod ioctl;
mod memory;
mod params;
mod pe;
mod show;
mod tie;
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
    name: "vfio_iommu_spapr_tce",
    authors: ["VFIO in Rust maintainers"],
    description: "VFIO backend for the TCE tables of POWER machines",
    license: "GPL",
}

/// The loaded module: while it exists, containers can choose this backend.
struct Module {
    _registration: IommuDriverRegistration,
}

impl kernel::Module for Module {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let driver = Arc::new(SpaprTce { module }, GFP_KERNEL)?;
        Ok(Self {
            _registration: IommuDriverRegistration::new(driver)?,
        })
    }
}

/// The backend as the core sees it.
struct SpaprTce {
    module: &'static ThisModule,
}

impl IommuDriver for SpaprTce {
    fn name(&self) -> &'static CStr {
        c"iommu-vfio-powerpc"
    }

    fn module(&self) -> &'static ThisModule {
        self.module
    }

    fn check_extension(&self, extension: u64) -> isize {
        ioctl::check_extension(extension)
    }

    fn open(&self, kind: u64) -> Result<Arc<dyn IommuInstance>> {
        let flavour = container::Flavour::for_extension(kind).ok_or(EINVAL)?;
        Ok(container::Container::new(flavour)?)
    }
}
