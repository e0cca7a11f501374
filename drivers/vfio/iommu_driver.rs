// SPDX-License-Identifier: GPL-2.0-only

//! IOMMU backends: what a container needs from one, and which there are.
//!
//! Lock order: the list of backends is taken inside `Container::state`, and backends are called
//! under it.
//!
//! C counterpart: `struct vfio_iommu_driver_ops` in
//! [`drivers/vfio/vfio.h`](srctree/drivers/vfio/vfio.h)

use kernel::{
    prelude::*,
    seq_file::SeqFile,
    sync::{
        new_mutex,
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::{
    iommu::{
        Group,
        MaxPage, //
    },
    refuse,
    uaccess::UserArg, //
};

use vfio_uapi::{
    vfio_dma_window,
    vfio_iommu_domain,
    DmaRights, //
};

use crate::{
    feature::FeatureRequest,
    subsystem::Subsystem, //
};

/// What stands between the devices of a group and memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backing {
    /// An IOMMU, which lets through what is mapped.
    Iommu,
    /// Nothing: the devices reach all memory.
    Nothing,
}

/// How the IOMMU is to be used for a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupOptions {
    /// Whether DMA is made coherent with the caches where the IOMMU can.
    pub force_snoop: bool,
    /// The largest page of the tables, if that is limited.
    pub max_page: Option<MaxPage>,
}

impl Default for GroupOptions {
    fn default() -> Self {
        Self {
            force_snoop: true,
            max_page: None,
        }
    }
}

/// A kind of IOMMU that containers can use.
pub trait IommuDriver: Send + Sync {
    /// Returns the name of the backend, for messages.
    fn name(&self) -> &'static CStr;

    /// Returns the module that the backend lives in.
    fn module(&self) -> &'static ThisModule;

    /// Returns which groups can be put under this backend.
    fn backing(&self) -> Backing {
        Backing::Iommu
    }

    /// Answers `VFIO_CHECK_EXTENSION` for a container that has no backend yet.
    fn check_extension(&self, extension: u64) -> isize;

    /// Makes the state of one container for the extension id `kind`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `EINVAL` for an id that the backend does not know.
    fn open(&self, kind: u64) -> Result<Arc<dyn IommuInstance>>;
}

/// A backend's state for one container.
///
/// Dropping it takes all mappings down.
pub trait IommuInstance: Send + Sync {
    /// Answers `VFIO_CHECK_EXTENSION`.
    fn check_extension(&self, extension: u64) -> isize;

    /// Handles an ioctl on the container that the core does not know.
    ///
    /// # Errors
    ///
    /// `ENOTTY` for a number that the backend does not know either.
    fn ioctl(&self, cmd: u32, arg: UserArg) -> Result<isize>;

    /// Handles a feature of the container that the core does not know.
    ///
    /// # Errors
    ///
    /// `ENOTTY` for one that the backend does not know either.
    fn feature(&self, _request: &FeatureRequest) -> Result {
        Err(ENOTTY)
    }

    /// Returns the windows of addresses that devices can use, in the order of their slots.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EOPNOTSUPP` if nothing limits what devices reach.
    fn windows(&self) -> Result<KVec<vfio_dma_window>>;

    /// Returns under which translation each group is, in the order of the translations, which are
    /// counted from 0.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EOPNOTSUPP` if nothing is translated.
    fn domains(&self) -> Result<KVec<vfio_iommu_domain>>;

    /// Makes a part of the container, for a descriptor that is good for DMA alone.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` if the backend has no such parts; `EINVAL` for a range without addresses; `EPERM` if
    /// only another process may map; `EMFILE` if there are too many; `ENOMEM`.
    fn dma_part(&self, _grant: &DmaGrant) -> Result<Arc<dyn DmaPart>> {
        Err(EOPNOTSUPP)
    }

    /// Lets the devices of `group` reach what is mapped. The caller owns the DMA of the group.
    ///
    /// # Errors
    ///
    /// `EPERM` if the interrupts of the group cannot be isolated, `EOPNOTSUPP` for options that the
    /// backend has not got, `EBUSY`, `EINVAL`, `ENOMEM`.
    fn attach_group(&self, group: &Group, options: &GroupOptions) -> Result;

    /// Undoes [`IommuInstance::attach_group`].
    fn detach_group(&self, group: &Group);

    /// Writes lines for debugfs about what is mapped. Must not wait for a program.
    fn show(&self, m: &SeqFile);
}

/// What a descriptor for DMA shall be good for.
pub struct DmaGrant {
    /// For which calls.
    pub rights: DmaRights,
    /// The first address that it reaches.
    pub first: u64,
    /// The last one, which still belongs to it.
    pub last: u64,
    /// How many mappings it may have at a time.
    pub entries: u64,
}

/// A backend's state for one descriptor for DMA, which is a part of a container.
///
/// Dropping it takes down what was mapped by it. It is dropped before the instance that it is a part of.
pub trait DmaPart: Send + Sync {
    /// Answers `VFIO_CHECK_EXTENSION`.
    fn check_extension(&self, extension: u64) -> isize;

    /// Handles an ioctl that the core does not know.
    ///
    /// # Errors
    ///
    /// `ENOTTY` for a number that the backend does not know either, or that is not a part's; `EACCES`
    /// without the right, `ERANGE` for other addresses, those of the call.
    fn ioctl(&self, cmd: u32, arg: UserArg) -> Result;

    /// Handles a feature that the core does not know.
    ///
    /// # Errors
    ///
    /// `ENOTTY` for one that the backend does not know either, or that is not a part's; `EACCES`
    /// without the right, those of the feature.
    fn feature(&self, request: &FeatureRequest) -> Result;

    /// Returns the windows of addresses that devices can use, as far as they are this part's.
    ///
    /// # Errors
    ///
    /// `EACCES` without the right, `ENOMEM`.
    fn windows(&self) -> Result<KVec<vfio_dma_window>>;
}

/// The backends that are loaded.
#[pin_data]
pub(crate) struct Backends {
    #[pin]
    list: Mutex<KVec<Arc<dyn IommuDriver>>>,
}

impl Backends {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            list <- new_mutex!(KVec::new(), "Backends::list"),
        })
    }

    /// Returns the first positive answer of a backend, or 0. If the container has groups, only
    /// backends for them are asked.
    pub(crate) fn check_extension(&self, extension: u64, groups: Option<Backing>) -> isize {
        let list = self.list.lock();
        list.iter()
            .filter(|driver| groups.is_none_or(|groups| groups == driver.backing()))
            .map(|driver| driver.check_extension(extension))
            .find(|&answer| answer > 0)
            .unwrap_or(0)
    }

    /// Calls `open` with each backend for groups with this `backing` that claims `kind`, until one
    /// works.
    ///
    /// # Errors
    ///
    /// `ENODEV` if there is none, otherwise the last error of `open`.
    pub(crate) fn first_that_works<T>(
        &self,
        kind: u64,
        backing: Backing,
        mut open: impl FnMut(&dyn IommuDriver) -> Result<T>,
    ) -> Result<T> {
        let mut error = ENODEV;
        for driver in self.list.lock().iter() {
            if driver.backing() != backing || driver.check_extension(kind) <= 0 {
                continue;
            }
            match open(&**driver) {
                Ok(value) => return Ok(value),
                Err(e) => error = e,
            }
        }
        if error == ENODEV {
            match backing {
                Backing::Iommu => refuse!("VFIO_SET_IOMMU: no backend for id {kind} is loaded; modprobe vfio_iommu_type1 provides 1 and 3\n"),
                Backing::Nothing => refuse!("VFIO_SET_IOMMU: not id {kind}: the groups have no IOMMU; their one id is 8, while enable_unsafe_noiommu_mode is on\n"),
            }
        }
        Err(error)
    }
}

/// What a backend's module holds while containers may choose it.
pub struct IommuDriverRegistration {
    core: Arc<Subsystem>,
    driver: Arc<dyn IommuDriver>,
}

impl IommuDriverRegistration {
    /// Registers a backend until the result is dropped.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is a backend of that name already, `ENODEV` while the core is being
    /// unloaded, `ENOMEM`.
    pub fn new(driver: Arc<dyn IommuDriver>) -> Result<Self> {
        let core = Subsystem::get()?;
        {
            let mut list = core.backends().list.lock();
            if list.iter().any(|other| other.name() == driver.name()) {
                return Err(EINVAL);
            }
            // The newest is asked first.
            list.reserve(1, GFP_KERNEL)?;
            let _ = list.insert_within_capacity(0, driver.clone());
        }
        Ok(Self { core, driver })
    }
}

impl Drop for IommuDriverRegistration {
    fn drop(&mut self) {
        self.core
            .backends()
            .list
            .lock()
            .retain(|driver| !Arc::ptr_eq(driver, &self.driver));
    }
}
