// SPDX-License-Identifier: GPL-2.0-only

//! What KVM wants to know of the files of VFIO, and tells them.
//!
//! A program that assigns a device to a virtual machine gives the file of its group, or of the
//! device, to KVM. From then on a device of the group that is opened for the first time keeps the
//! machine alive until it is closed, see [`VmSlot`]; and KVM knows whether the machine may need to
//! write back caches because of its devices.
//!
//! C counterpart: `vfio_file_*` in [`drivers/vfio/vfio_main.c`](srctree/drivers/vfio/vfio_main.c)

use kernel_ext::{
    iommu::Group,
    kvm::{
        hooks::Assignable,
        VmSlot, //
    }, //
};

use crate::{
    device::{
        DeviceFile,
        NodeFile, //
    },
    group::GroupFile, //
};

kernel_ext::kvm_hooks!(GroupFile, DeviceFile, NodeFile);

impl Assignable for GroupFile {
    fn is_coherent(&self) -> bool {
        self.holding().is_coherent()
    }

    fn vm(&self) -> Option<&VmSlot> {
        Some(self.holding().vm())
    }

    fn iommu_group(&self) -> Option<&Group> {
        Some(self.holding().home().iommu())
    }
}

impl Assignable for DeviceFile {
    fn is_coherent(&self) -> bool {
        self.device().is_coherent()
    }

    /// The device was opened through its group, whose machine it has.
    fn vm(&self) -> Option<&VmSlot> {
        None
    }
}

impl Assignable for NodeFile {
    fn is_coherent(&self) -> bool {
        self.device().is_coherent()
    }

    fn vm(&self) -> Option<&VmSlot> {
        Some(self.vm_slot())
    }
}
