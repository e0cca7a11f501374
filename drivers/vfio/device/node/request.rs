// SPDX-License-Identifier: GPL-2.0-only

//! The arguments of the ioctls that only files of a device's node have, checked.
//!
//! C counterpart: the first halves of `vfio_df_ioctl_bind_iommufd`, `vfio_df_ioctl_attach_pt` and
//! `vfio_df_ioctl_detach_pt` in [`drivers/vfio/device_cdev.c`](srctree/drivers/vfio/device_cdev.c)

use core::mem::offset_of;
use kernel::prelude::*;
use kernel_ext::{
    iommufd::Pasid,
    uaccess::UserArg, //
};
use vfio_uapi::{
    vfio_device_attach_iommufd_pt,
    vfio_device_bind_iommufd,
    vfio_device_detach_iommufd_pt,
    VFIO_DEVICE_ATTACH_PASID,
    VFIO_DEVICE_BIND_FLAG_TOKEN,
    VFIO_DEVICE_DETACH_PASID, //
};

/// Bytes of `struct vfio_device_bind_iommufd` that every caller knows.
const BIND_SIZE: usize = offset_of!(vfio_device_bind_iommufd, token_uuid_ptr);

/// Bytes of `struct vfio_device_attach_iommufd_pt` that every caller knows.
const ATTACH_SIZE: usize = offset_of!(vfio_device_attach_iommufd_pt, pasid);

/// Bytes of `struct vfio_device_detach_iommufd_pt` that every caller knows.
const DETACH_SIZE: usize = offset_of!(vfio_device_detach_iommufd_pt, pasid);

/// The argument of `VFIO_DEVICE_BIND_IOMMUFD`, checked as far as it can be without a device.
pub(in crate::device) struct BindRequest {
    arg: UserArg,
    context: u32,
    token: Option<UserArg>,
}

impl BindRequest {
    /// Reads and checks the argument.
    ///
    /// # Errors
    ///
    /// `EFAULT`; `EINVAL` if `argsz` is below 16, a flag is unknown or the descriptor is negative;
    /// `E2BIG` if there is more than we know of.
    pub(in crate::device) fn parse(arg: UserArg) -> Result<Self> {
        let argsz = usize::try_from(arg.read::<u32>()?)?;
        if argsz < BIND_SIZE {
            return Err(EINVAL);
        }
        let bind: vfio_device_bind_iommufd = arg.read_sized(argsz)?;
        let context = u32::try_from(bind.iommufd).map_err(|_| EINVAL)?;
        let token = match bind.flags {
            0 => None,
            VFIO_DEVICE_BIND_FLAG_TOKEN => {
                Some(UserArg::new(usize::try_from(bind.token_uuid_ptr)?))
            }
            _ => return Err(EINVAL),
        };
        Ok(Self {
            arg,
            context,
            token,
        })
    }

    /// Returns the descriptor that is to be a context of IOMMUFD.
    pub(super) fn context(&self) -> u32 {
        self.context
    }

    /// Reads the token, if one is given.
    ///
    /// # Errors
    ///
    /// `EFAULT`.
    pub(super) fn token(&self) -> Result<Option<[u8; 16]>> {
        let Some(from) = self.token else {
            return Ok(None);
        };
        let mut token = [0; 16];
        from.reader(token.len()).read_slice(&mut token)?;
        Ok(Some(token))
    }

    /// Tells the caller what the device is called in its context.
    ///
    /// # Errors
    ///
    /// `EFAULT`.
    pub(super) fn answer(&self, id: u32) -> Result {
        let at = offset_of!(vfio_device_bind_iommufd, out_devid);
        self.arg.at(at).write(&id)
    }
}

/// The argument of `VFIO_DEVICE_ATTACH_IOMMUFD_PT`, checked.
pub(super) struct AttachRequest {
    arg: UserArg,
    pub(super) pasid: Pasid,
    pub(super) pt: u32,
}

impl AttachRequest {
    /// Reads and checks the argument.
    ///
    /// # Errors
    ///
    /// `EFAULT`; `EINVAL` if `argsz` is below 12, or 16 with a PASID, or a flag is unknown.
    pub(super) fn parse(arg: UserArg) -> Result<Self> {
        let attach: vfio_device_attach_iommufd_pt = arg.read_head(ATTACH_SIZE)?;
        check(attach.argsz, ATTACH_SIZE)?;
        let pasid = match attach.flags {
            0 => Pasid::NONE,
            VFIO_DEVICE_ATTACH_PASID => read_pasid(arg, attach.argsz, ATTACH_SIZE)?,
            _ => return Err(EINVAL),
        };
        Ok(Self {
            arg,
            pasid,
            pt: attach.pt_id,
        })
    }

    /// Tells the caller which page table it is.
    ///
    /// # Errors
    ///
    /// `EFAULT`.
    pub(super) fn answer(&self, pt: u32) -> Result {
        let at = offset_of!(vfio_device_attach_iommufd_pt, pt_id);
        self.arg.at(at).write(&pt)
    }
}

/// Reads and checks the argument of `VFIO_DEVICE_DETACH_IOMMUFD_PT`.
///
/// # Errors
///
/// `EFAULT`; `EINVAL` if `argsz` is below 8, or 12 with a PASID, or a flag is unknown.
pub(super) fn read_detach(arg: UserArg) -> Result<Pasid> {
    let detach: vfio_device_detach_iommufd_pt = arg.read_head(DETACH_SIZE)?;
    check(detach.argsz, DETACH_SIZE)?;
    match detach.flags {
        0 => Ok(Pasid::NONE),
        VFIO_DEVICE_DETACH_PASID => read_pasid(arg, detach.argsz, DETACH_SIZE),
        _ => Err(EINVAL),
    }
}

/// Reads the PASID, which comes after `size` bytes that every caller knows.
fn read_pasid(arg: UserArg, argsz: u32, size: usize) -> Result<Pasid> {
    // OVERFLOW: A few bytes.
    check(argsz, size + size_of::<u32>())?;
    arg.at(size).read().map(Pasid::new)
}

/// Checks that the caller's `argsz` covers `size`.
fn check(argsz: u32, size: usize) -> Result {
    match usize::try_from(argsz) {
        Ok(argsz) if argsz >= size => Ok(()),
        _ => Err(EINVAL),
    }
}
