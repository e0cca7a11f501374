// SPDX-License-Identifier: GPL-2.0-only

//! The header of `VFIO_DEVICE_FEATURE`, checked.
//!
//! One ioctl number carries all optional features: an index says which, and a bit whether the
//! caller wants to read it, set it, or only know whether that would work.
//!
//! C counterpart: `vfio_ioctl_device_feature` in
//! [`drivers/vfio/vfio_main.c`](srctree/drivers/vfio/vfio_main.c)

use kernel::prelude::*;
use kernel_ext::uaccess::UserArg;
use vfio_uapi::{
    vfio_device_feature,
    FeatureFlags,
    VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2, //
};

/// Bytes of the header, behind which the data of the feature begins.
const HEADER: usize = 8;

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
    /// Which feature: `VFIO_DEVICE_FEATURE_*`.
    pub index: u32,
    /// What to do with it.
    pub op: FeatureOp,
    /// Where its data is.
    pub data: UserArg,
    /// How much data the caller has room for, in bytes.
    pub data_size: usize,
}

impl FeatureRequest {
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

    /// Reads and checks the header.
    ///
    /// # Errors
    ///
    /// `EFAULT`; `EINVAL` if `argsz` is below 8, a flag is unknown, or reading and setting are
    /// both wanted.
    pub(crate) fn parse(arg: UserArg) -> Result<Self> {
        let header: vfio_device_feature = arg.read_head(HEADER)?;
        // CAST: `u32` fits in `usize`.
        let data_size = (header.argsz as usize).checked_sub(HEADER).ok_or(EINVAL)?;
        let (index, flags) = FeatureFlags::split(header.flags).ok_or(EINVAL)?;
        let index = u32::from(index);
        let get = flags.contains(FeatureFlags::GET);
        let set = flags.contains(FeatureFlags::SET);
        let op = match (flags.contains(FeatureFlags::PROBE), get, set) {
            (true, get, set) => FeatureOp::Probe { get, set },
            (false, true, true) => return Err(EINVAL),
            (false, true, false) => FeatureOp::Get,
            (false, false, true) => FeatureOp::Set,
            (false, false, false) => FeatureOp::None,
        };
        // The one feature that C refuses before it looks whether the device can migrate at all.
        if index == VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2 {
            return Err(EINVAL);
        }
        Ok(Self {
            index,
            op,
            data: arg.at(HEADER),
            data_size,
        })
    }
}
