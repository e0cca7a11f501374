// SPDX-License-Identifier: GPL-2.0-only

//! The device file, which `VFIO_GROUP_GET_DEVICE_FD` returns.
//!
//! All of its operations go to the [`OpenDevice`]; it exists only for a device that was granted,
//! so there is nothing to check here, except what the file was [`Restricted`] from.
//!
//! C counterpart: `vfio_device_fops` in
//! [`drivers/vfio/vfio_main.c`](srctree/drivers/vfio/vfio_main.c)

use kernel::{
    device,
    fs::File,
    module::this_module,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::{
        aref::ARef,
        Arc,
        ArcBorrow, //
    },
    uaccess::{
        UserSliceReader,
        UserSliceWriter, //
    }, //
};
use kernel_ext::{
    fs::{
        new_file,
        FileOperations, //
    },
    kobject::SysfsPath,
    mm::NewVma,
    uaccess::UserArg, //
};
use vfio_uapi::{
    ioctl,
    VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2 as VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFO_V2,
    VFIO_DEVICE_FEATURE_RESTRICT, //
};

use super::{
    node::BindRequest,
    registration::{
        Device,
        DeviceRef, //
    },
    restrict::Restricted,
    wake_for_user,
    OpenDevice, //
};
use crate::{
    feature::FeatureRequest,
    group::Claim,
    iommu_driver::Backing,
    noiommu, //
};

/// What stands behind a device file.
// The file's share in the open device goes before the close is counted.
pub(crate) struct DeviceFile {
    device: Arc<dyn OpenDevice>,
    session: Session,
    restricted: Restricted,
}

/// One open of a device; dropping it is the close.
pub(super) struct Session(pub(super) DeviceRef);

impl Drop for Session {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl DeviceFile {
    /// Returns the device.
    pub(crate) fn device(&self) -> &Device {
        &self.session.0
    }

    /// Opens `device`, whose group has a container by `claim`, and makes the file.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, and those of [`Device::open`].
    pub(crate) fn open(device: DeviceRef, claim: Claim, group_file: &File) -> Result<ARef<File>> {
        let unguarded: Option<ARef<device::Device>> = match device.group().backing() {
            Backing::Iommu => None,
            Backing::Nothing => Some(device.dev().into()),
        };
        let open = device.open(claim, group_file)?;
        let session = Session(device);
        let mapping = session.0.mapping().clone();
        let file = Arc::new(
            Self {
                device: open,
                session,
                restricted: Restricted::nothing(),
            },
            GFP_KERNEL,
        )?;
        let file = new_file(c"[vfio-device]", file, Some(&mapping))?;
        if let Some(dev) = unguarded {
            noiommu::warn_opened(&dev);
        }
        Ok(file)
    }
}

impl FileOperations for DeviceFile {
    kernel_ext::file_operations!(DeviceFile, module: this_module::<crate::LocalModule>());

    fn ioctl(this: ArcBorrow<'_, Self>, _file: &File, cmd: u32, arg: UserArg) -> Result<isize> {
        if cfg!(CONFIG_VFIO_DEVICE_CDEV) && cmd == ioctl::DEVICE_BIND_IOMMUFD {
            // That is for files of the device's own node.
            BindRequest::parse(arg)?;
            return Err(EINVAL);
        }
        let restricted = &this.restricted;
        restricted.check_ioctl(this.device(), &*this.device, cmd)?;
        let _awake = wake_for_user(this.session.0.dev())?;
        device_ioctl(this.device(), &*this.device, restricted, cmd, arg)
    }

    fn read(&self, to: &mut UserSliceWriter, count: usize, pos: u64) -> Result<usize> {
        self.device.read(to, count, pos)
    }

    fn write(&self, from: &mut UserSliceReader, count: usize, pos: u64) -> Result<usize> {
        self.restricted
            .check_write(self.device(), &*self.device, pos)?;
        self.device.write(from, count, pos)
    }

    fn mmap(&self, vma: &mut NewVma<'_>) -> Result {
        self.restricted.check_mmap(self.device())?;
        self.device.mmap(vma)
    }

    fn show_fdinfo(&self, m: &SeqFile) {
        show_path(self.device(), m);
    }
}

/// Handles an ioctl that works on every file of `device`, which is `open` and awake; the file may be
/// `restricted` from features, and from nothing else that it asks for.
pub(super) fn device_ioctl(
    device: &Device,
    open: &dyn OpenDevice,
    restricted: &Restricted,
    cmd: u32,
    arg: UserArg,
) -> Result<isize> {
    match cmd {
        ioctl::DEVICE_FEATURE => {
            let request = FeatureRequest::parse(arg)?;
            // The one feature that C refuses before it looks whether the device can migrate at all.
            if request.index == VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFO_V2 {
                return Err(EINVAL);
            }
            if request.index == VFIO_DEVICE_FEATURE_RESTRICT {
                return restricted.feature(&request).map(|()| 0);
            }
            restricted.check_feature(device, open, &request)?;
            open.feature(&request)
        }
        _ => open.ioctl(cmd, arg),
    }
}

/// Writes where sysfs shows the device.
pub(super) fn show_path(device: &Device, m: &SeqFile) {
    if let Some(path) = SysfsPath::of(device.dev()) {
        seq_print!(m, "vfio-device-syspath: /sys{path}\n");
    }
}
