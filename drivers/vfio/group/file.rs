// SPDX-License-Identifier: GPL-2.0-only

//! `/dev/vfio/$GROUP`: opened once, and the way to the group's devices.
//!
//! C counterpart: `vfio_group_fops` in [`drivers/vfio/group.c`](srctree/drivers/vfio/group.c)

use kernel::{
    error::code::EBADFD,
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
        ArcBorrow, //
    }, //
};
use kernel_ext::{
    fs::{
        from_file,
        FileOperations,
        OpenFile, //
    },
    iommufd,
    refuse,
    uaccess::UserArg, //
};
use vfio_uapi::{
    ioctl,
    vfio_group_status,
    GroupStatus, //
};

use super::{
    Attached,
    Claim,
    Group,
    GroupState,
    Place, //
};
use crate::{
    container::Container,
    device::DeviceFile,
    iommu_driver::Backing,
    noiommu,
    viability, //
};

/// Bytes of `struct vfio_group_status` that every caller knows.
const STATUS_SIZE: u32 = 8;

/// The one open file of a group.
pub(crate) struct GroupFile {
    group: Arc<Group>,
}

impl OpenFile for GroupFile {
    type Owner = Group;

    fn open(group: &Arc<Group>, _file: &File) -> Result<Arc<Self>> {
        let file = Arc::new(
            Self {
                group: group.clone(),
            },
            GFP_KERNEL,
        )?;
        let mut state = group.state.lock();
        if matches!(*state, GroupState::Gone) {
            return Err(ENODEV);
        }
        noiommu::check_permission(group.backing)?;
        match &*state {
            GroupState::Closed => {
                *state = GroupState::Open;
                group.held_by.open();
                Ok(file)
            }
            GroupState::Open | GroupState::Attached(_) => {
                refuse!(
                    "group {}: is open already; only one program at a time may have it\n",
                    group.iommu.id()
                );
                Err(EBUSY)
            }
            GroupState::Apart(devices) => {
                refuse!(
                    "group {}: {} of its devices are open by their own nodes; close them first\n",
                    group.iommu.id(),
                    devices
                );
                Err(EBUSY)
            }
            GroupState::Gone => Err(ENODEV),
        }
    }
}

impl FileOperations for GroupFile {
    const IOCTL_ONLY: bool = true;

    kernel_ext::file_operations!(GroupFile, module: this_module::<crate::LocalModule>());

    fn ioctl(this: ArcBorrow<'_, Self>, file: &File, cmd: u32, arg: UserArg) -> Result<isize> {
        match cmd {
            ioctl::GROUP_GET_STATUS => this.get_status(arg),
            ioctl::GROUP_SET_CONTAINER => this.set_container(arg),
            ioctl::GROUP_UNSET_CONTAINER => this.unset_container(),
            ioctl::GROUP_GET_DEVICE_FD => this.get_device_fd(file, arg),
            ioctl::GROUP_FEATURE => this.group.feature(arg).map(|()| 0),
            _ => Err(ENOTTY),
        }
    }

    fn release(this: ArcBorrow<'_, Self>) {
        let mut state = this.group.state.lock();
        this.group.held_by.close();
        if matches!(*state, GroupState::Gone) {
            return;
        }
        // Open devices hold this file, so there are none.
        if let GroupState::Attached(attached) = core::mem::replace(&mut *state, GroupState::Closed)
        {
            attached.detach(&this.group.iommu);
        }
    }
}

impl GroupFile {
    /// Returns the group.
    pub(crate) fn group(&self) -> &Arc<Group> {
        &self.group
    }

    fn get_status(&self, arg: UserArg) -> Result<isize> {
        let mut status: vfio_group_status = arg.read()?;
        if status.argsz < STATUS_SIZE {
            return Err(EINVAL);
        }
        let state = self.group.state.lock();
        let flags = match &*state {
            GroupState::Gone => return Err(ENODEV),
            GroupState::Attached(_) => GroupStatus::VIABLE | GroupStatus::CONTAINER_SET,
            GroupState::Closed | GroupState::Apart(_) | GroupState::Open => {
                // A client that sees this flag missing gives up, so say why here already.
                if viability::check(&self.group).is_ok() && !viability::is_claimed(&self.group) {
                    GroupStatus::VIABLE
                } else {
                    GroupStatus::empty()
                }
            }
        };
        drop(state);
        status.flags = flags.bits();
        arg.write(&status).map(|()| 0)
    }

    fn set_container(&self, arg: UserArg) -> Result<isize> {
        let fd: i32 = arg.read()?;
        let file = LocalFile::fget(u32::try_from(fd).map_err(|_| EBADF)?)?;
        let group = &self.group;
        let mut state = group.state.lock();
        match &*state {
            GroupState::Attached(_) => {
                refuse!(
                    "group {}: has a container already; VFIO_GROUP_UNSET_CONTAINER first\n",
                    group.iommu.id()
                );
                return Err(EINVAL);
            }
            GroupState::Gone => return Err(ENODEV),
            GroupState::Closed | GroupState::Apart(_) | GroupState::Open => {}
        }
        let place = group.find_place(&file)?;
        *state = GroupState::Attached(Attached { place, claims: 0 });
        Ok(0)
    }

    fn unset_container(&self) -> Result<isize> {
        let group = &self.group;
        let mut state = group.state.lock();
        match &*state {
            GroupState::Attached(attached) if attached.claims != 0 => {
                refuse!(
                    "group {}: {} of its devices are open; close them before the container\n",
                    group.iommu.id(),
                    attached.claims
                );
                return Err(EBUSY);
            }
            GroupState::Attached(_) => {}
            _ => return Err(EINVAL),
        }
        if let GroupState::Attached(attached) = core::mem::replace(&mut *state, GroupState::Open) {
            attached.detach(&group.iommu);
        }
        Ok(0)
    }

    fn get_device_fd(&self, file: &File, arg: UserArg) -> Result<isize> {
        let name = arg.read_cstr(PAGE_SIZE)?;
        let name = CStr::from_bytes_with_nul(&name).map_err(|_| EINVAL)?;
        let group = &self.group;
        let device = group.find_device(name).inspect_err(|e| {
            if *e == ENODEV {
                refuse!(
                    "group {}: has no device '{}' that is bound to a VFIO driver\n",
                    group.iommu.id(),
                    name
                );
            }
        })?;
        let fd = FileDescriptorReservation::get_unused_fd_flags(flags::O_CLOEXEC)?;
        let opened = DeviceFile::open(device, Claim::new(group)?, file)?;
        let number = fd.reserved_fd();
        fd.fd_install(opened);
        // CAST: A file descriptor is a small number.
        Ok(number as isize)
    }
}

impl Group {
    /// Puts the group into what `file` is: a container, or a context of IOMMUFD in place of one.
    fn find_place(&self, file: &LocalFile) -> Result<Place> {
        if let Some(container) = from_file::<Container>(file) {
            viability::check(self)?;
            let owner = container
                .attach(&self.iommu, self.backing)
                .inspect_err(|e| match self.backing {
                    Backing::Iommu => viability::explain(self, *e),
                    Backing::Nothing => {}
                })?;
            return Ok(Place::Container { container, owner });
        }
        let ctx = iommufd::Ctx::from_file(file).ok_or(EBADFD)?;
        viability::check(self)?;
        match self.backing {
            Backing::Iommu => ctx.create_compat_ioas()?,
            Backing::Nothing => ctx.set_no_iommu()?,
        }
        Ok(Place::Iommufd(ctx))
    }
}
