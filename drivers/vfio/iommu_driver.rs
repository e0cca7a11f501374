// SPDX-License-Identifier: GPL-2.0-only

//! IOMMU backends: what a container needs from one.

use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::uaccess::UserArg;

/// A kind of IOMMU that containers can use.
pub trait IommuDriver: Send + Sync {
    /// Returns the name of the backend, for messages.
    fn name(&self) -> &'static CStr;

    /// Returns the module that the backend lives in.
    fn module(&self) -> &'static ThisModule;

    /// Answers `VFIO_CHECK_EXTENSION` for a container that has no backend yet.
    fn check_extension(&self, extension: u64) -> isize;

    /// Makes the state of one container for the extension id `kind`.
    fn open(&self, kind: u64) -> Result<Arc<dyn IommuInstance>>;
}

/// A backend's state for one container.
pub trait IommuInstance: Send + Sync {
    /// Answers `VFIO_CHECK_EXTENSION`.
    fn check_extension(&self, extension: u64) -> isize;

    /// Handles an ioctl on the container that the core does not know.
    fn ioctl(&self, cmd: u32, arg: UserArg) -> Result<isize>;

    /// Lets a group into the container.
    fn attach_group(&self, group: &kernel_ext::iommu::Group) -> Result;

    /// Takes a group out of the container.
    fn detach_group(&self, group: &kernel_ext::iommu::Group);
}

/// A registered backend.
pub struct IommuDriverRegistration(#[expect(dead_code)] Arc<dyn IommuDriver>);

impl IommuDriverRegistration {
    /// Registers a backend.
    pub fn new(driver: Arc<dyn IommuDriver>) -> Result<Self> {
        Ok(Self(driver))
    }
}
