// SPDX-License-Identifier: GPL-2.0-only

//! The device file, which `VFIO_GROUP_GET_DEVICE_FD` returns.
//!
//! All of its operations go to the [`OpenDevice`]; it exists only for a device that was granted,
//! so there is nothing to check here.
//!
//! C counterpart: `vfio_device_fops` in
//! [`drivers/vfio/vfio_main.c`](srctree/drivers/vfio/vfio_main.c)

use kernel::{
    fs::File,
    module::this_module,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::{
        aref::ARef,
        Arc,
        ArcBorrow,
        UniqueArc, //
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
use vfio_uapi::ioctl;

use super::{
    registration::DeviceRef,
    FeatureRequest,
    OpenDevice, //
};
use crate::group::Attached;

/// What stands behind a device file.
// The file's share in the open device goes before the close is counted.
pub(crate) struct DeviceFile {
    device: Arc<dyn OpenDevice>,
    session: Session,
}

/// One open of a device; dropping it is the close.
struct Session(DeviceRef);

impl Drop for Session {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl DeviceFile {
    /// Opens `device`; the group is locked meanwhile.
    pub(crate) fn open(
        device: DeviceRef,
        attached: &mut Attached,
        group_file: &File,
    ) -> Result<Arc<Self>> {
        // Nothing may fail after the open: the close takes the lock that the caller holds.
        let place = UniqueArc::new_uninit(GFP_KERNEL)?;
        let open = device.open(attached, group_file)?;
        Ok(place
            .write(Self {
                device: open,
                session: Session(device),
            })
            .into())
    }

    /// Makes the file.
    ///
    /// The group must not be locked: a file that cannot be made is closed.
    pub(crate) fn into_file(self: Arc<Self>) -> Result<ARef<File>> {
        let mapping = self.session.0.mapping().clone();
        new_file(c"[vfio-device]", self, Some(&mapping))
    }
}

impl FileOperations for DeviceFile {
    kernel_ext::file_operations!(DeviceFile, module: this_module::<crate::LocalModule>());

    fn ioctl(this: ArcBorrow<'_, Self>, _file: &File, cmd: u32, arg: UserArg) -> Result<isize> {
        match cmd {
            ioctl::DEVICE_FEATURE => this.device.feature(&FeatureRequest::parse(arg)?),
            _ => this.device.ioctl(cmd, arg),
        }
    }

    fn read(&self, to: &mut UserSliceWriter, count: usize, pos: u64) -> Result<usize> {
        self.device.read(to, count, pos)
    }

    fn write(&self, from: &mut UserSliceReader, count: usize, pos: u64) -> Result<usize> {
        self.device.write(from, count, pos)
    }

    fn mmap(&self, vma: &mut NewVma<'_>) -> Result {
        self.device.mmap(vma)
    }

    fn show_fdinfo(&self, m: &SeqFile) {
        if let Some(path) = SysfsPath::of(self.session.0.dev()) {
            seq_print!(m, "vfio-device-syspath: /sys{path}\n");
        }
    }
}
