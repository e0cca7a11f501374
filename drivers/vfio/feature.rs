// SPDX-License-Identifier: GPL-2.0-only

//! One ioctl number for all optional features of a file.
//!
//! `VFIO_DEVICE_FEATURE` of a device, and beyond Linux `VFIO_IOMMU_FEATURE` of a container and
//! `VFIO_GROUP_FEATURE` of a group, are laid out alike: an index says which feature is meant, and a
//! bit whether the caller wants to read it, set it, or only know whether that would work. Here that
//! header is checked, and answers are written that end with a list.
//!
//! C counterpart: `vfio_ioctl_device_feature` in
//! [`drivers/vfio/vfio_main.c`](srctree/drivers/vfio/vfio_main.c)

use kernel::prelude::*;
use kernel_ext::uaccess::UserArg;
use vfio_uapi::{
    vfio_device_feature,
    FeatureFlags,
    Pod, //
};

/// What the caller wants of a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeatureOp {
    /// Nothing: the header names no direction, which every feature refuses.
    None,
    /// To read it.
    Get,
    /// To set it.
    Set,
    /// To know whether it can be read (`get`) and set (`set`); no data is touched.
    Probe {
        /// Whether reading is asked about.
        get: bool,
        /// Whether setting is asked about.
        set: bool,
    },
}

/// A checked request.
pub struct FeatureRequest {
    /// Which feature: `VFIO_DEVICE_FEATURE_*`, or that of a container or group.
    pub index: u32,
    /// What to do with it.
    pub op: FeatureOp,
    /// Where its data is.
    pub data: UserArg,
    /// How much data the caller has room for, in bytes.
    pub data_size: usize,
    /// Where the header is.
    header: UserArg,
}

impl FeatureRequest {
    /// Bytes of the header, behind which the data of the feature begins.
    pub(crate) const HEADER: usize = size_of::<vfio_device_feature>();

    /// Reads and checks the header.
    ///
    /// # Errors
    ///
    /// `EFAULT`; `EINVAL` if `argsz` is below 8, a flag is unknown, or reading and setting are
    /// both wanted.
    pub(crate) fn parse(arg: UserArg) -> Result<Self> {
        let header: vfio_device_feature = arg.read()?;
        // CAST: `u32` fits in `usize`.
        let data_size = (header.argsz as usize)
            .checked_sub(Self::HEADER)
            .ok_or(EINVAL)?;
        let (index, flags) = FeatureFlags::split(header.flags).ok_or(EINVAL)?;
        let get = flags.contains(FeatureFlags::GET);
        let set = flags.contains(FeatureFlags::SET);
        let op = match (flags.contains(FeatureFlags::PROBE), get, set) {
            (true, get, set) => FeatureOp::Probe { get, set },
            (false, true, true) => return Err(EINVAL),
            (false, true, false) => FeatureOp::Get,
            (false, false, true) => FeatureOp::Set,
            (false, false, false) => FeatureOp::None,
        };
        Ok(Self {
            index: index.into(),
            op,
            data: arg.at(Self::HEADER),
            data_size,
            header: arg,
        })
    }

    /// Checks the request against what the feature can do and the `size` of its data in bytes.
    ///
    /// Returns whether it is to be done; if not, the caller only wants to know that it could be.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the feature cannot be read or set as wanted, neither is wanted, or `argsz` has
    /// less room than `size`.
    pub fn check(&self, can: FeatureFlags, size: usize) -> Result<bool> {
        let (get, set) = match self.op {
            FeatureOp::None => return Err(EINVAL),
            FeatureOp::Get => (true, false),
            FeatureOp::Set => (false, true),
            FeatureOp::Probe { get, set } => (get, set),
        };
        if get && !can.contains(FeatureFlags::GET) || set && !can.contains(FeatureFlags::SET) {
            return Err(EINVAL);
        }
        if let FeatureOp::Probe { .. } = self.op {
            return Ok(false);
        }
        if self.data_size < size {
            return Err(EINVAL);
        }
        Ok(true)
    }

    /// Returns how many entries `E` the caller has room for behind a fixed part `H`.
    pub fn list_room<H, E>(&self) -> usize {
        self.data_size.saturating_sub(size_of::<H>()) / size_of::<E>()
    }

    /// Answers that the caller has not room enough for `count` entries `E`: writes the size of the
    /// buffer that it takes, and the fixed part, which says how many there are.
    ///
    /// # Errors
    ///
    /// `ENOSPC`; `EFAULT` if it cannot be told; `ENOMEM` if there are so many that no buffer will do.
    pub fn refuse_list<H: Pod, E>(&self, fixed: &H, count: usize) -> Result {
        self.refuse_list_and::<H, E>(fixed, count, 0)
    }

    /// As [`FeatureRequest::refuse_list`], with `more` bytes behind the entries.
    fn refuse_list_and<H: Pod, E>(&self, fixed: &H, count: usize, more: usize) -> Result {
        let bytes = count.checked_mul(size_of::<E>()).ok_or(ENOMEM)?;
        let bytes = bytes
            .checked_add(Self::HEADER + size_of::<H>())
            .and_then(|bytes| bytes.checked_add(more))
            .and_then(|bytes| u32::try_from(bytes).ok())
            .ok_or(ENOMEM)?;
        self.header.write(&bytes)?;
        self.data.write(fixed)?;
        Err(ENOSPC)
    }

    /// Writes an answer that ends with a list: the fixed part, which says how many entries there
    /// are, and the entries. The request was checked to have room for the fixed part.
    ///
    /// # Errors
    ///
    /// `EFAULT`, and those of [`FeatureRequest::refuse_list`] if they do not fit.
    pub fn write_list<H: Pod, E: Pod>(
        &self,
        fixed: &H,
        entries: impl ExactSizeIterator<Item = E>,
    ) -> Result {
        self.write_list_and(fixed, entries, &[])
    }

    /// As [`FeatureRequest::write_list`], with bytes behind the entries that these may point to.
    ///
    /// # Errors
    ///
    /// As there, if it does not all fit.
    pub(crate) fn write_list_and<H: Pod, E: Pod>(
        &self,
        fixed: &H,
        entries: impl ExactSizeIterator<Item = E>,
        more: &[u8],
    ) -> Result {
        let count = entries.len();
        let size = count.checked_mul(size_of::<E>()).ok_or(ENOMEM)?;
        let size = size.checked_add(more.len()).ok_or(ENOMEM)?;
        if size > self.data_size.saturating_sub(size_of::<H>()) {
            return self.refuse_list_and::<H, E>(fixed, count, more.len());
        }
        self.data.write(fixed)?;
        let mut place = self.data.at(size_of::<H>());
        for entry in entries {
            place.write(&entry)?;
            place = place.at(size_of::<E>());
        }
        place.writer(more.len()).write_slice(more)
    }
}
