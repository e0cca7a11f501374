// SPDX-License-Identifier: GPL-2.0-only

//! Devices: what a bus driver gives to VFIO and what VFIO makes of it.

use kernel::{
    prelude::*,
    sync::Arc,
    uaccess::{
        UserSliceReader,
        UserSliceWriter, //
    }, //
};
use kernel_ext::uaccess::UserArg;

/// What a bus driver provides for each device that it binds.
pub trait DeviceOps: Send + Sync {
    /// Returns the name of the bus driver, for messages.
    fn driver_name(&self) -> &'static CStr;

    /// Returns whether `requested`, the argument of `VFIO_GROUP_GET_DEVICE_FD`, means this device.
    ///
    /// # Errors
    ///
    /// The name is right and an option behind it is not; the errno is the ioctl's answer.
    fn matches(&self, requested: &CStr) -> Result<bool>;

    /// Makes the device ready for user space: the first file is being opened.
    ///
    /// Dropping the last reference to the result is the close.
    fn open(&self, cx: &OpenContext) -> Result<Arc<dyn OpenDevice>>;
}

/// What a bus driver may use while it opens a device.
pub struct OpenContext {}

/// A device that user space has access to.
pub trait OpenDevice: Send + Sync {
    /// Handles an ioctl other than `VFIO_DEVICE_FEATURE`.
    ///
    /// # Errors
    ///
    /// `ENOTTY` for a number that the device does not know.
    fn ioctl(&self, cmd: u32, arg: UserArg) -> Result<isize>;

    /// Reads `count` bytes at file offset `pos`; returns how many were read.
    fn read(&self, to: &mut UserSliceWriter, count: usize, pos: u64) -> Result<usize>;

    /// Writes `count` bytes at file offset `pos`; returns how many were written.
    fn write(&self, from: &mut UserSliceReader, count: usize, pos: u64) -> Result<usize>;

    /// Tells user space that the host wants the device back, for the `count`th time.
    fn request(&self, count: u32);
}
