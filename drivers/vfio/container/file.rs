// SPDX-License-Identifier: GPL-2.0-only

//! `/dev/vfio/vfio`: each open file is a container of its own.
//!
//! C counterpart: `vfio_fops` in [`drivers/vfio/container.c`](srctree/drivers/vfio/container.c)

use kernel::{
    fs::File,
    module::this_module,
    prelude::*,
    sync::{
        Arc,
        ArcBorrow, //
    }, //
};
use kernel_ext::{
    fs::{
        FileOperations,
        OpenFile, //
    },
    uaccess::UserArg, //
};
use vfio_uapi::{
    ioctl,
    VFIO_API_VERSION, //
};

use super::Container;
use crate::subsystem::Subsystem;

impl FileOperations for Container {
    const IOCTL_ONLY: bool = true;

    kernel_ext::file_operations!(Container, module: this_module::<crate::LocalModule>());

    fn ioctl(this: ArcBorrow<'_, Self>, _file: &File, cmd: u32, arg: UserArg) -> Result<isize> {
        match cmd {
            // CAST: The version is 0.
            ioctl::GET_API_VERSION => Ok(VFIO_API_VERSION as isize),
            ioctl::CHECK_EXTENSION => Ok(this.check_extension(arg.value() as u64)),
            ioctl::SET_IOMMU => this.set_iommu(arg.value() as u64).map(|()| 0),
            ioctl::IOMMU_FEATURE => Self::feature(this, arg),
            // The rest is the backend's; without one no number is known.
            _ => this.backend().ok_or(EINVAL)?.instance.ioctl(cmd, arg),
        }
    }
}

impl OpenFile for Container {
    type Owner = ();

    fn open(_owner: &Arc<()>, _file: &File) -> Result<Arc<Self>> {
        Container::new(Subsystem::get()?)
    }
}
