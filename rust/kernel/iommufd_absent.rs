// SPDX-License-Identifier: GPL-2.0-only

//! IOMMUFD, on kernels that do not have it: the same types, without values.
//!
//! Callers need no conditions: what they do with a value cannot happen, and the compiler leaves it
//! out. `iommufd.rs` documents the real ones.

use crate::iommu::Group;
use core::convert::Infallible;
use kernel::{
    device::Device,
    fs::LocalFile,
    prelude::*,
    sync::Arc, //
};

/// A context. There is none.
pub struct Ctx(Infallible);

impl Ctx {
    /// Returns that no file is a context.
    pub fn from_file(_file: &LocalFile) -> Option<Self> {
        None
    }

    /// Cannot be called.
    pub fn create_compat_ioas(&self) -> Result {
        match self.0 {}
    }

    /// Cannot be called.
    pub fn compat_ioas(&self) -> Result<u32> {
        match self.0 {}
    }

    /// Cannot be called.
    pub fn set_no_iommu(&self) -> Result {
        match self.0 {}
    }
}

// As the real ones, so that the same code drops them.
impl Drop for Ctx {
    fn drop(&mut self) {
        match self.0 {}
    }
}

/// Which accesses of a device are meant. There are none.
#[derive(Clone, Copy)]
pub struct Pasid;

impl Pasid {
    /// The accesses without an id.
    pub const NONE: Self = Self;

    /// Those with an id.
    pub const fn new(_number: u32) -> Self {
        Self
    }
}

/// A bound device. There is none.
pub struct BoundDevice(Infallible);

impl BoundDevice {
    /// Cannot be called.
    pub fn bind(ctx: &Ctx, _dev: &Device) -> Result<Arc<Self>> {
        match ctx.0 {}
    }

    /// Cannot be called.
    pub fn id(&self) -> u32 {
        match self.0 {}
    }

    /// Cannot be called.
    pub fn shares_context(&self, _other: &Self) -> bool {
        match self.0 {}
    }

    /// Cannot be called.
    pub fn context_has(&self, _group: &Group) -> bool {
        match self.0 {}
    }

    /// Cannot be called.
    pub fn attach(&self, _pasid: Pasid, _pt: u32) -> Result<u32> {
        match self.0 {}
    }

    /// Cannot be called.
    pub fn detach(&self, _pasid: Pasid) {
        match self.0 {}
    }
}

impl Drop for BoundDevice {
    fn drop(&mut self) {
        match self.0 {}
    }
}
