// SPDX-License-Identifier: GPL-2.0-only

//! `/dev/vfio/devices/vfioN`: a device by itself, for programs that use IOMMUFD.
//!
//! On kernels with `CONFIG_VFIO_DEVICE_CDEV` each device has a node beside its group. Opening that
//! gives no access. A file becomes useful by being bound to a context of IOMMUFD, and then the device
//! is open: no other file can be bound, and the group cannot be opened. DMA is blocked until the
//! device is attached to one of the context's address spaces.
//!
//! C counterpart: [`drivers/vfio/device_cdev.c`](srctree/drivers/vfio/device_cdev.c)

mod entry;
mod request;

use kernel::{
    device,
    error::code::EBADFD,
    fs::{
        File,
        LocalFile, //
    },
    module::this_module,
    prelude::*,
    seq_file::SeqFile,
    sync::{
        aref::ARef,
        Arc,
        ArcBorrow,
        SetOnce, //
    },
    uaccess::{
        UserSliceReader,
        UserSliceWriter, //
    }, //
};
use kernel_ext::{
    fs::{
        FileOperations,
        Mapping,
        OpenFile, //
    },
    iommufd::{
        BoundDevice,
        Ctx, //
    },
    kvm::VmSlot,
    mm::NewVma,
    uaccess::UserArg, //
};
use vfio_uapi::ioctl;

use super::{
    file::{
        device_ioctl,
        show_path,
        Session, //
    },
    registration::{
        Device,
        DeviceRef, //
    },
    restrict::Restricted,
    wake_for_user,
    OpenDevice, //
};
use crate::{
    group::Apart,
    iommu_driver::Backing,
    noiommu,
    viability, //
};

pub(crate) use self::entry::Door;
use self::request::AttachRequest;
pub(super) use self::{
    entry::ClassEntry,
    request::BindRequest, //
};

/// An open file of a device's node.
// What is bound goes before the device may be unregistered.
#[pin_data]
pub(crate) struct NodeFile {
    /// Empty until the file is bound.
    bound: SetOnce<Bound>,

    /// The virtual machine that the file was given to.
    #[pin]
    vm: VmSlot,

    restricted: Restricted,
    device: DeviceRef,
}

/// What a file has by being bound.
// The file's shares in the open device go before the close.
struct Bound {
    device: Arc<dyn OpenDevice>,
    dma: Arc<BoundDevice>,
    _session: Session,
}

impl OpenFile for NodeFile {
    type Owner = Door;

    fn open(door: &Arc<Door>, _file: &File) -> Result<Arc<Self>> {
        let device = door.enter().ok_or(ENODEV)?;
        noiommu::check_permission(device.group().backing())?;
        Arc::pin_init(
            pin_init!(Self {
                bound: SetOnce::new(),
                vm <- VmSlot::new(),
                restricted: Restricted::nothing(),
                device,
            }),
            GFP_KERNEL,
        )
    }

    fn mapping(&self) -> Option<Mapping> {
        Some(self.device.mapping().clone())
    }
}

impl FileOperations for NodeFile {
    kernel_ext::file_operations!(NodeFile, module: this_module::<crate::LocalModule>());

    fn ioctl(this: ArcBorrow<'_, Self>, _file: &File, cmd: u32, arg: UserArg) -> Result<isize> {
        if cmd == ioctl::DEVICE_BIND_IOMMUFD {
            return this.bind(arg).map(|()| 0);
        }
        let bound = this.bound()?;
        let (device, restricted) = (&this.device, &this.restricted);
        restricted.check_ioctl(device, &*bound.device, cmd)?;
        let _awake = wake_for_user(device.dev())?;
        match cmd {
            ioctl::DEVICE_ATTACH_IOMMUFD_PT => bound.attach(arg).map(|()| 0),
            ioctl::DEVICE_DETACH_IOMMUFD_PT => bound.detach(arg).map(|()| 0),
            _ => device_ioctl(device, &*bound.device, restricted, cmd, arg),
        }
    }

    fn read(&self, to: &mut UserSliceWriter, count: usize, pos: u64) -> Result<usize> {
        self.bound()?.device.read(to, count, pos)
    }

    fn write(&self, from: &mut UserSliceReader, count: usize, pos: u64) -> Result<usize> {
        let open = &*self.bound()?.device;
        self.restricted.check_write(&self.device, open, pos)?;
        open.write(from, count, pos)
    }

    fn mmap(&self, vma: &mut NewVma<'_>) -> Result {
        let open = &*self.bound()?.device;
        self.restricted.check_mmap(&self.device)?;
        open.mmap(vma)
    }

    fn show_fdinfo(&self, m: &SeqFile) {
        show_path(&self.device, m);
    }
}

impl NodeFile {
    /// Returns the device.
    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    /// Returns where the virtual machine is noted that the file was given to.
    pub(crate) fn vm_slot(&self) -> &VmSlot {
        &self.vm
    }

    /// Returns what the file has by being bound.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it is not.
    fn bound(&self) -> Result<&Bound> {
        self.bound.as_ref().ok_or(EINVAL)
    }

    /// Handles `VFIO_DEVICE_BIND_IOMMUFD`.
    ///
    /// # Errors
    ///
    /// Those of [`BindRequest::parse`]; `EBUSY` if the group is open; `EINVAL` if this or another file
    /// of the device is bound; those of the token; `EBADF` and `EBADFD` for a descriptor that is not a
    /// context; `EPERM` if the group is not viable; those of [`Device::open_apart`]; `EFAULT`.
    fn bind(&self, arg: UserArg) -> Result {
        let request = BindRequest::parse(arg)?;
        let device = &self.device;
        let apart = Apart::new(device.group())?;
        if self.bound.as_ref().is_some() {
            return Err(EINVAL);
        }
        device.ops().check_token(request.token()?)?;
        let file = LocalFile::fget(request.context())?;
        let ctx = Ctx::from_file(&file).ok_or(EBADFD)?;
        viability::check(device.group())?;
        let session = device.again().ok_or(EMFILE)?;
        let (open, dma) = device.open_apart(apart, &ctx, self.vm.get())?;
        let id = dma.id();
        let bound = Bound {
            device: open,
            dma,
            _session: Session(session),
        };
        request.answer(id)?;
        // A device that was just opened for its only file has no other, so this one is not bound.
        self.bound.populate(bound);
        self.warn_if_unguarded();
        Ok(())
    }

    /// Logs that the device was opened, if no IOMMU guards memory from it.
    fn warn_if_unguarded(&self) {
        if let Backing::Nothing = self.device.group().backing() {
            let dev: ARef<device::Device> = self.device.dev().into();
            noiommu::warn_opened(&dev);
        }
    }
}

impl Bound {
    /// Handles `VFIO_DEVICE_ATTACH_IOMMUFD_PT`.
    ///
    /// # Errors
    ///
    /// Those of [`AttachRequest::parse`] and of [`BoundDevice::attach`]; `EFAULT`.
    fn attach(&self, arg: UserArg) -> Result {
        let request = AttachRequest::parse(arg)?;
        let pt = self.dma.attach(request.pasid, request.pt)?;
        request
            .answer(pt)
            .inspect_err(|_| self.dma.detach(request.pasid))
    }

    /// Handles `VFIO_DEVICE_DETACH_IOMMUFD_PT`.
    ///
    /// # Errors
    ///
    /// Those of [`request::read_detach`].
    fn detach(&self, arg: UserArg) -> Result {
        self.dma.detach(request::read_detach(arg)?);
        Ok(())
    }
}
