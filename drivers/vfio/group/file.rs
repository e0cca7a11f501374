// SPDX-License-Identifier: GPL-2.0-only

//! `/dev/vfio/$GROUP`: opened once, and the way to the group's devices.
//!
//! C counterpart: `vfio_group_fops` in [`drivers/vfio/group.c`](srctree/drivers/vfio/group.c)

use kernel::{
    fs::{
        file::{
            flags,
            FileDescriptorReservation, //
        },
        File,
        LocalFile, //
    },
    module::this_module,
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        Arc,
        ArcBorrow,
        UniqueArc, //
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
    vfio_group_status, //
};

use super::{
    holding::Holding,
    Claim,
    Entrance, //
};
use crate::{
    device::DeviceFile,
    noiommu, //
};

/// Bytes of `struct vfio_group_status` that every caller knows.
const STATUS_SIZE: u32 = 8;

/// The one open file of a group.
pub(crate) struct GroupFile {
    holding: Arc<Holding>,
}

impl OpenFile for GroupFile {
    type Owner = Entrance;

    fn open(entrance: &Arc<Entrance>, _file: &File) -> Result<Arc<Self>> {
        noiommu::check_permission(entrance.first().backing)?;
        let room = UniqueArc::new_uninit(GFP_KERNEL)?;
        let holding = Holding::open(entrance)?;
        Ok(room.write(Self { holding }).into())
    }
}

impl FileOperations for GroupFile {
    const IOCTL_ONLY: bool = true;

    kernel_ext::file_operations!(GroupFile, module: this_module::<crate::LocalModule>());

    fn ioctl(this: ArcBorrow<'_, Self>, file: &File, cmd: u32, arg: UserArg) -> Result<isize> {
        match cmd {
            ioctl::GROUP_GET_STATUS => this.get_status(arg),
            ioctl::GROUP_SET_CONTAINER => this.set_container(arg),
            ioctl::GROUP_UNSET_CONTAINER => this.holding.unset_container().map(|()| 0),
            ioctl::GROUP_GET_DEVICE_FD => this.get_device_fd(file, arg),
            ioctl::GROUP_FEATURE => this.holding.feature(arg).map(|()| 0),
            _ => Err(ENOTTY),
        }
    }

    fn release(this: ArcBorrow<'_, Self>) {
        this.holding.close();
    }
}

impl GroupFile {
    /// Returns what the program has by this file.
    pub(crate) fn holding(&self) -> &Arc<Holding> {
        &self.holding
    }

    fn get_status(&self, arg: UserArg) -> Result<isize> {
        let mut status: vfio_group_status = arg.read()?;
        if status.argsz < STATUS_SIZE {
            return Err(EINVAL);
        }
        status.flags = self.holding.status()?.bits();
        arg.write(&status).map(|()| 0)
    }

    fn set_container(&self, arg: UserArg) -> Result<isize> {
        let fd: i32 = arg.read()?;
        let file = LocalFile::fget(u32::try_from(fd).map_err(|_| EBADF)?)?;
        self.holding.set_container(&file).map(|()| 0)
    }

    fn get_device_fd(&self, file: &File, arg: UserArg) -> Result<isize> {
        let name = arg.read_cstr(PAGE_SIZE)?;
        let name = CStr::from_bytes_with_nul(&name).map_err(|_| EINVAL)?;
        let (device, group) = self.holding.find_device(name)?;
        let fd = FileDescriptorReservation::get_unused_fd_flags(flags::O_CLOEXEC)?;
        let opened = DeviceFile::open(device, Claim::new(&self.holding, group)?, file)?;
        let number = fd.reserved_fd();
        fd.fd_install(opened);
        // CAST: A file descriptor is a small number.
        Ok(number as isize)
    }
}
