// SPDX-License-Identifier: GPL-2.0-only

//! Devices: what a bus driver gives to VFIO and what VFIO makes of it.
//!
//! A bus driver such as `vfio-pci` implements [`DeviceOps`] for each device that it binds, and
//! keeps a [`Registration`]. When a program opens the device, [`DeviceOps::open`] makes an
//! [`OpenDevice`] from it: as long as that exists, the program has access, and there is no other
//! way to have it. All files of a device share one [`OpenDevice`].
//!
//! C counterpart: `struct vfio_device_ops` in [`include/linux/vfio.h`](srctree/include/linux/vfio.h)

mod access;
mod awake;
mod bound;
mod file;
mod node;
mod registration;
mod restrict;
mod set;
mod show;
mod uses;

use kernel::{
    prelude::*,
    sync::Arc,
    uaccess::{
        UserSliceReader,
        UserSliceWriter, //
    }, //
};
use kernel_ext::{
    fs::Mapping,
    mm::NewVma,
    uaccess::UserArg, //
};
use vfio_uapi::Restrictions;

use crate::feature::FeatureRequest;

pub use self::{
    awake::wake_for_user,
    registration::Registration,
    set::{
        AwakeSet,
        DeviceId,
        DeviceSet,
        HeldSet,
        LockedSet,
        Owned,
        SetId, //
    }, //
};

pub(crate) use self::{
    bound::Bound,
    file::DeviceFile,
    node::{
        Door,
        NodeFile, //
    },
    registration::{
        Device,
        DeviceRef, //
    },
    set::{
        Membership,
        Sets, //
    }, //
};

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

    /// Checks the token of a program that wants to open the device by its own node.
    ///
    /// # Errors
    ///
    /// `EACCES` if the token is missing or wrong, `EINVAL` if the device has no use for one.
    fn check_token(&self, token: Option<[u8; 16]>) -> Result {
        match token {
            None => Ok(()),
            Some(_) => Err(EINVAL),
        }
    }

    /// Makes the device ready for user space: the first file is being opened.
    ///
    /// Other devices of the set may be opened and closed meanwhile, but the set is not locked.
    ///
    /// Dropping the last reference to the result is the close. The core keeps one until the last
    /// file is closed, so nobody else should keep one longer than a call takes.
    ///
    /// # Errors
    ///
    /// Whatever keeps the device from being used; the errno is the answer of
    /// `VFIO_GROUP_GET_DEVICE_FD`.
    fn open(&self, cx: &OpenContext) -> Result<Arc<dyn OpenDevice>>;

    /// The device was closed, or could not be opened. Its set is locked, and may be reset if nobody
    /// uses any of it.
    fn closed(&self, set: &LockedSet<'_>);

    /// Returns whether something of its last use may be left in the closed device.
    fn has_traces(&self) -> bool;

    /// The closed device was reset, together with its set.
    fn was_reset(&self);

    /// A reset of the whole set, that a program asked for, ended with `result`.
    fn hot_reset_ended(&self, result: Result);
}

/// How a program got at a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Through its group.
    Group,
    /// By its own node, with a context of IOMMUFD.
    Node,
}

/// What a bus driver may use while it opens a device.
pub struct OpenContext {
    way: Way,
    mapping: Mapping,
    set: Arc<DeviceSet>,
}

impl OpenContext {
    /// Returns how the program got at the device.
    pub fn way(&self) -> Way {
        self.way
    }

    /// Returns the user mappings of the device's files, by which they can be taken away.
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Returns the set that the device is in.
    pub fn set(&self) -> &Arc<DeviceSet> {
        &self.set
    }
}

/// A device that user space has access to.
pub trait OpenDevice: Send + Sync {
    /// Handles an ioctl other than `VFIO_DEVICE_FEATURE`. The device is awake.
    ///
    /// # Errors
    ///
    /// `ENOTTY` for a number that the device does not know.
    fn ioctl(&self, cmd: u32, arg: UserArg) -> Result<isize>;

    /// Returns what an ioctl is a use of that a file may be restricted from, beyond those that every
    /// device has.
    fn ioctl_uses(&self, _cmd: u32) -> Restrictions {
        Restrictions::empty()
    }

    /// Returns what a write at file offset `pos` is a use of.
    fn write_uses(&self, pos: u64) -> Restrictions;

    /// Returns what reading or setting a feature is a use of, beside [`Restrictions::FEATURE_SET`].
    fn feature_uses(&self, _index: u32) -> Restrictions {
        Restrictions::empty()
    }

    /// Handles `VFIO_DEVICE_FEATURE`, whose header has been checked. The device is awake.
    ///
    /// # Errors
    ///
    /// `ENOTTY` for a feature that the device does not have.
    fn feature(&self, _request: &FeatureRequest) -> Result<isize> {
        Err(ENOTTY)
    }

    /// Reads `count` bytes at file offset `pos`; returns how many were read.
    fn read(&self, to: &mut UserSliceWriter, count: usize, pos: u64) -> Result<usize>;

    /// Writes `count` bytes at file offset `pos`; returns how many were written.
    fn write(&self, from: &mut UserSliceReader, count: usize, pos: u64) -> Result<usize>;

    /// Maps a part of the device into the program.
    fn mmap(&self, vma: &mut NewVma<'_>) -> Result;

    /// Holds off all access to the device, for a reset of its whole set, and takes its mappings away.
    ///
    /// Others of the set may be held already, so this must not wait.
    ///
    /// # Errors
    ///
    /// `EBUSY` if the device is being accessed, `ENOMEM`.
    fn hold(&self) -> Result<KBox<dyn HeldDevice + '_>>;

    /// Tells user space that the host wants the device back, for the `count`th time.
    fn request(&self, count: u32);
}

/// An open device that nobody has access to, until this is dropped.
pub trait HeldDevice {
    /// Puts the device into its working state, if it goes.
    fn power_up(&mut self);
}
