// SPDX-License-Identifier: GPL-2.0-only

//! `/dev/vfio/vfio`: an address space for DMA, which groups are put into.

use std::{
    fs::File,
    io,
    os::fd::{
        AsRawFd,
        RawFd, //
    }, //
};
use vfio_uapi::ioctl;

/// An open container.
pub struct Container(File);

impl Container {
    /// Opens a new one, which is empty.
    ///
    /// # Errors
    ///
    /// Those of `open()`: `ENOENT` without the modules, `EACCES`.
    pub fn open() -> io::Result<Self> {
        let file = File::options()
            .read(true)
            .write(true)
            .open("/dev/vfio/vfio")?;
        Ok(Self(file))
    }

    /// Returns whether there is an extension: a kind of IOMMU, or something that it can do.
    pub fn has(&self, extension: u32) -> bool {
        // CAST: The numbers of extensions are small.
        self.call(ioctl::CHECK_EXTENSION, extension as libc::c_ulong)
            .is_ok_and(|answer| answer > 0)
    }

    /// Chooses the kind of IOMMU for all groups that are in it.
    ///
    /// # Errors
    ///
    /// `EINVAL` without a group or with an IOMMU chosen already, `ENODEV` if no backend for it is
    /// loaded, and those of the backend.
    pub fn set_iommu(&self, kind: u32) -> io::Result<()> {
        // CAST: As above.
        self.call(ioctl::SET_IOMMU, kind as libc::c_ulong)
            .map(|_| ())
    }

    /// Makes a call whose argument is a number.
    fn call(&self, request: u32, number: libc::c_ulong) -> io::Result<libc::c_int> {
        // SAFETY: These calls take a number, and touch no memory of this program.
        // CAST: The type of a request differs between C libraries; its bits do not.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), request as _, number) };
        match result {
            -1 => Err(io::Error::last_os_error()),
            answer => Ok(answer),
        }
    }
}

impl AsRawFd for Container {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
