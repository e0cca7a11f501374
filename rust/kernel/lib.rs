// SPDX-License-Identifier: GPL-2.0-only

//! What the `kernel` crate lacks for VFIO: safe abstractions over the kernel's C interfaces.
//!
//! Every `unsafe` block of the project that touches the kernel is in this crate, and the modules
//! above it are `#![deny(unsafe_code)]`. Each file stands at the path it would have upstream, one
//! file per C concept, so moving one there is `git mv` plus a change of crate name.
//!
//! The crate is linked into `vfio.ko`. The other modules use the same instance through
//! `vfio.ko`'s exports, so that its types mean the same thing everywhere.

// Keep the list sorted, one line each.
pub mod capability;
pub mod chrdev;
pub mod class;
#[cfg(CONFIG_CONFIGFS_FS)]
pub mod configfs;
pub mod debugfs;
pub mod device;
#[cfg(CONFIG_VFIO_PCI_DMABUF)]
pub mod dma_buf;
#[cfg(CONFIG_SPAPR_TCE_IOMMU)]
pub mod eeh;
pub mod eventfd;
pub mod firmware_memory;
pub mod fs;
pub mod io;
pub mod iommu;
#[cfg_attr(not(CONFIG_IOMMUFD), path = "iommufd_absent.rs")]
pub mod iommufd;
pub mod irq;
pub mod kobject;
pub mod kvm;
pub mod miscdevice;
pub mod mm;
pub mod module;
pub mod module_param;
pub mod pci;
pub mod pm;
pub mod random;
pub mod ratelimit;
pub mod sched;
pub mod str;
pub mod sync;
pub mod taint;
pub mod task;
#[cfg(CONFIG_SPAPR_TCE_IOMMU)]
pub mod tce;
pub mod tracepoint;
pub mod uaccess;
pub mod work;

/// Raw bindings, the kernel's and ours together.
///
/// Only for this crate: a missing call is a missing abstraction.
pub(crate) mod bindings {
    pub(crate) use kernel::bindings::*;
    pub(crate) use vfio_bindings::*;
}

/// What `pr_*!` puts before each line printed from this crate.
#[doc(hidden)]
pub(crate) const __LOG_PREFIX: &[u8] = b"vfio\0";

/// Names that the macros of this crate expand to.
#[doc(hidden)]
pub mod private {
    pub use kernel::{
        self,
        bindings::file, //
    };
    pub use vfio_bindings::{
        kvm,
        vfio_file_enforced_coherent,
        vfio_file_is_valid,
        vfio_file_set_kvm, //
    };

    #[cfg(CONFIG_SPAPR_TCE_IOMMU)]
    pub use kernel::bindings::iommu_group;
    #[cfg(CONFIG_SPAPR_TCE_IOMMU)]
    pub use vfio_bindings::vfio_file_iommu_group;

    #[cfg(CONFIG_VFIO_PCI_DMABUF)]
    pub use kernel::bindings::{
        dma_buf_attachment,
        phys_vec, //
    };
    #[cfg(CONFIG_VFIO_PCI_DMABUF)]
    pub use vfio_bindings::vfio_pci_dma_buf_iommufd_map;
}
