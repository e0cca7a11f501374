// SPDX-License-Identifier: GPL-2.0-only

//! What debugfs shows of a device: `vfio/$DEVICE/holder`, and a folder for its bus driver.
//!
//! The folder is there from probe to remove, also while an unbind waits for the program that has the
//! device open: it is what tells whom to ask. No lock of VFIO but leaves is taken to make the text.
//!
//! What the lines mean is in `Documentation/ABI/testing/debugfs-vfio`.
//!
//! C counterpart: [`drivers/vfio/debugfs.c`](srctree/drivers/vfio/debugfs.c)

use kernel::{
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    str::CString,
    sync::Arc, //
};
use kernel_ext::debugfs;

use super::Device;
use crate::{
    subsystem::Subsystem,
    LocalModule, //
};

/// The folder of a device in debugfs, until this is dropped.
pub(super) struct Shown {
    _holder: debugfs::File<Device>,
    dir: debugfs::Dir,
}

impl Shown {
    /// Makes the folder.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn new(core: &Subsystem, device: &Arc<Device>) -> Result<Self> {
        let name = CString::try_from_fmt(fmt!("{}", device.dev().name()))?;
        let dir = core.debug().subdir(&name)?;
        Ok(Self {
            _holder: dir.file::<LocalModule, _>(c"holder", device.clone(), Device::show)?,
            dir,
        })
    }

    /// Returns the folder.
    pub(super) fn dir(&self) -> &debugfs::Dir {
        &self.dir
    }
}

impl Device {
    fn show(&self, m: &SeqFile) {
        seq_print!(m, "driver: {}\n", self.ops().driver_name());
        seq_print!(m, "group: {}\n", self.group().iommu().id());
        seq_print!(m, "held by: {}\n", self.held_by());
        seq_print!(m, "open files: {}\n", self.held_by().files());
    }
}
