// SPDX-License-Identifier: GPL-2.0-only

//! `/dev/vfio/$GROUP`: a group of devices that the IOMMU cannot tell apart.

use crate::{
    feature,
    list::ListAnswer,
    Container, //
};
use std::{
    fs::File,
    io,
    os::fd::{
        AsRawFd,
        FromRawFd,
        RawFd, //
    },
    path::Path, //
};
use vfio_uapi::{
    ioctl,
    vfio_dma_window,
    vfio_group_feature_capture,
    vfio_group_feature_dma_window,
    VFIO_DMA_PLACE_BRIDGE,
    VFIO_DMA_PLACE_DEVICE,
    VFIO_DMA_PLACE_HOST_BRIDGE,
    VFIO_GROUP_FEATURE_CAPTURE,
    VFIO_GROUP_FEATURE_DMA_WINDOW,
    VFIO_GROUP_FEATURE_GET,
    VFIO_GROUP_FEATURE_SET, //
};

/// Where a PCI function is. Sorts as `lspci` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The number of the segment, also called domain.
    pub domain: u32,
    /// The number of the bus.
    pub bus: u8,
    /// The numbers of device and function, as five and three bits.
    pub devfn: u8,
}

/// The node of a device tree that the windows of a group belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// There is none: not PCI, or no host bridge in common.
    Nowhere,
    /// The one device.
    Device(Address),
    /// The nearest bridge that leads to all devices.
    Bridge(Address),
    /// The host bridge; the address names the bus behind it.
    HostBridge(Address),
}

/// What a guest is to be told of a group's DMA.
pub struct DmaWindows {
    /// The node that the windows belong to.
    pub place: Place,
    /// The windows, by slot.
    pub windows: Vec<vfio_dma_window>,
}

/// An open group.
pub struct Group(File);

impl Group {
    /// Opens the group whose node is `path`.
    ///
    /// # Errors
    ///
    /// Those of `open()`: `ENOENT` if no device of it is bound to VFIO, `EBUSY` if it is open, `EACCES`.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(File::options().read(true).write(true).open(path)?))
    }

    /// Takes a group that is open already, by the number of a descriptor of this program.
    ///
    /// # Errors
    ///
    /// `EBADF` if that is none.
    pub fn from_number(fd: RawFd) -> io::Result<Self> {
        // SAFETY: The call takes any number, and makes a new descriptor.
        let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
        if copy < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: The descriptor was just made, so nobody else owns it.
        Ok(Self(unsafe { File::from_raw_fd(copy) }))
    }

    /// Puts the group into a container.
    ///
    /// # Errors
    ///
    /// `EPERM` if a device of the group is not bound to VFIO, `EINVAL` if it has a container; the
    /// kernel's log says more.
    pub fn set_container(&self, container: &Container) -> io::Result<()> {
        let fd = container.as_raw_fd();
        let request = ioctl::GROUP_SET_CONTAINER;
        // SAFETY: The call reads an `int` from the address, which is that of one.
        // CAST: The type of a request differs between C libraries; its bits do not.
        match unsafe { libc::ioctl(self.0.as_raw_fd(), request as _, &raw const fd) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }

    /// Takes another open group into this one, until this one is closed. The other may be closed then.
    ///
    /// # Errors
    ///
    /// `ENOTTY` from modules that do not know the call, `EBUSY` if the other is in a container, `ELOOP`
    /// if one of both is captured or the other has captured, `EOPNOTSUPP` if only one of both has an
    /// IOMMU.
    pub fn capture(&self, other: &Self) -> io::Result<()> {
        let data = vfio_group_feature_capture {
            group_fd: other.0.as_raw_fd(),
            flags: 0,
        };
        let flags = VFIO_GROUP_FEATURE_SET | VFIO_GROUP_FEATURE_CAPTURE;
        feature::set(&self.0, ioctl::GROUP_FEATURE, flags, &data)
    }

    /// Lets programs that this one becomes have the group, and returns the number of its descriptor.
    ///
    /// # Errors
    ///
    /// Those of `fcntl()`, which has none for a descriptor that is open.
    pub fn pass_on(&self) -> io::Result<RawFd> {
        let fd = self.0.as_raw_fd();
        // SAFETY: The call takes numbers, and touches no memory of this program.
        match unsafe { libc::fcntl(fd, libc::F_SETFD, 0) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(fd),
        }
    }

    /// Returns the windows of the group, and where in a device tree they belong.
    ///
    /// # Errors
    ///
    /// `ENOTTY` from modules that do not know the call, `EOPNOTSUPP` without an IOMMU, `ENODEV`.
    pub fn dma_windows(&self) -> io::Result<DmaWindows> {
        let ListAnswer { fixed, entries } =
            ListAnswer::<vfio_group_feature_dma_window, vfio_dma_window>::get(
                &self.0,
                ioctl::GROUP_FEATURE,
                VFIO_GROUP_FEATURE_GET | VFIO_GROUP_FEATURE_DMA_WINDOW,
                |fixed| (fixed.count, fixed.entry_size),
            )?;
        let address = Address {
            domain: fixed.domain,
            bus: fixed.bus,
            devfn: fixed.devfn,
        };
        let place = match fixed.place {
            VFIO_DMA_PLACE_DEVICE => Place::Device(address),
            VFIO_DMA_PLACE_BRIDGE => Place::Bridge(address),
            VFIO_DMA_PLACE_HOST_BRIDGE => Place::HostBridge(address),
            _ => Place::Nowhere,
        };
        Ok(DmaWindows {
            place,
            windows: entries,
        })
    }
}
