// SPDX-License-Identifier: GPL-2.0-only

//! Containers: address spaces for DMA that groups are put into.
//!
//! One open file of `/dev/vfio/vfio` is one container. It starts without anything; the first group
//! makes it possible to choose a backend, and the last group to leave takes the backend with it,
//! and with that all mappings. The file may be closed before that: groups keep their container.
//!
//! Lock order: that of a `Holding` → [`Container::state`] → the list of backends → a backend's own
//! locks; `Ownership` is taken inside of the state.
//!
//! C counterpart: [`drivers/vfio/container.c`](srctree/drivers/vfio/container.c)

mod dma_file;
mod feature;
mod file;
mod show;

use kernel::{
    prelude::*,
    sync::{
        new_mutex,
        Arc,
        Mutex,
        UniqueArc, //
    }, //
};
use kernel_ext::{
    iommu,
    module::ModuleRef,
    refuse, //
};

use crate::{
    iommu_driver::{
        Backing,
        GroupOptions,
        IommuDriver,
        IommuInstance, //
    },
    noiommu,
    subsystem::Subsystem, //
};

/// An address space for DMA.
#[pin_data]
pub(crate) struct Container {
    core: Arc<Subsystem>,

    #[pin]
    state: Mutex<State>,

    /// The descriptors for DMA that are good for something.
    #[pin]
    dma_files: Mutex<KVec<Arc<dma_file::Slot>>>,
}

/// What the lock of a container protects.
struct State {
    groups: KVec<Member>,

    /// What all groups have in common; of no meaning without any.
    backing: Backing,

    backend: Option<Arc<Backend>>,
}

/// A group in a container.
struct Member {
    group: iommu::Group,
    options: GroupOptions,
}

/// The chosen backend.
// The instance goes before the code it runs on.
pub(crate) struct Backend {
    instance: Arc<dyn IommuInstance>,
    _module: ModuleRef,
}

impl Container {
    fn new(core: Arc<Subsystem>) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                core,
                state <- new_mutex!(
                    State {
                        groups: KVec::new(),
                        backing: Backing::Iommu,
                        backend: None,
                    },
                    "Container::state"
                ),
                dma_files <- new_mutex!(KVec::new(), "Container::dma_files"),
            }),
            GFP_KERNEL,
        )
    }

    /// Returns whether a backend has been chosen.
    pub(crate) fn has_backend(&self) -> bool {
        self.state.lock().backend.is_some()
    }

    /// Returns the backend, which stays usable while the result lives.
    fn backend(&self) -> Option<Arc<Backend>> {
        self.state.lock().backend.clone()
    }

    /// Takes ownership of the groups of `unit`, and puts `group`, which is one of them, into the
    /// container and under its backend.
    ///
    /// A group without an IOMMU has no ownership to take.
    ///
    /// # Errors
    ///
    /// `EPERM` if the caller may not have such a group, or there are groups of the other kind, or
    /// somebody else owns DMA of the unit; `EBUSY` or `EINVAL` if it cannot be taken, and those of
    /// the backend.
    pub(crate) fn attach(
        &self,
        group: &iommu::Group,
        unit: &[iommu::Group],
        options: GroupOptions,
        backing: Backing,
    ) -> Result {
        noiommu::check_permission(backing)?;
        let mut state = self.state.lock();
        if !state.groups.is_empty() && state.backing != backing {
            refuse!(
                "group {}: groups with and without an IOMMU do not go into one container\n",
                group.id()
            );
            return Err(EPERM);
        }
        let member = Member {
            group: group.clone(),
            options,
        };
        state.groups.reserve(1, GFP_KERNEL)?;
        if backing == Backing::Iommu {
            self.core.ownership().claim(self, unit)?;
        }
        if let Some(backend) = &state.backend {
            backend
                .instance
                .attach_group(group, &options)
                .inspect_err(|_| {
                    if backing == Backing::Iommu {
                        self.core.ownership().release(self, unit);
                    }
                })?;
        }
        // The room was reserved, so this cannot fail.
        let _ = state.groups.push_within_capacity(member);
        state.backing = backing;
        Ok(())
    }

    /// Takes ownership of one more group, for the sake of one that is in the container.
    ///
    /// # Errors
    ///
    /// `EPERM` if somebody else owns it, `EBUSY`, `ENOMEM`.
    pub(crate) fn own(&self, group: &iommu::Group) -> Result {
        self.core
            .ownership()
            .claim(self, core::slice::from_ref(group))
    }

    /// Undoes [`Container::own`].
    pub(crate) fn disown(&self, group: &iommu::Group) {
        let groups = core::slice::from_ref(group);
        self.core.ownership().release(self, groups);
    }

    /// Takes `group` out. If it was the last one, the backend goes, with all mappings.
    ///
    /// The DMA ownership is given back in between: after the group has left the backend.
    pub(crate) fn detach(&self, group: &iommu::Group, unit: &[iommu::Group], backing: Backing) {
        let mut state = self.state.lock();
        if let Some(backend) = &state.backend {
            backend.instance.detach_group(group);
        }
        if backing == Backing::Iommu {
            self.core.ownership().release(self, unit);
        }
        state.groups.retain(|member| member.group != *group);
        if state.groups.is_empty() {
            self.revoke_dma_files();
            state.backend = None;
        }
    }

    /// Answers `VFIO_CHECK_EXTENSION`.
    fn check_extension(&self, extension: u64) -> isize {
        if let Some(backend) = self.backend() {
            return backend.instance.check_extension(extension);
        }
        let state = self.state.lock();
        let groups = (!state.groups.is_empty()).then_some(state.backing);
        drop(state);
        self.core.backends().check_extension(extension, groups)
    }

    /// Chooses the first backend that claims `kind` and takes all groups.
    ///
    /// # Errors
    ///
    /// `EINVAL` without a group or with a backend chosen already, `ENODEV` if nobody claims
    /// `kind`, otherwise that of the last backend that was tried.
    fn set_iommu(&self, kind: u64) -> Result {
        let mut state = self.state.lock();
        if state.groups.is_empty() {
            refuse!("VFIO_SET_IOMMU: the container has no group; set its container first\n");
            return Err(EINVAL);
        }
        if state.backend.is_some() {
            refuse!("VFIO_SET_IOMMU: the container has its IOMMU already; it stays until the last group leaves\n");
            return Err(EINVAL);
        }
        // Made first: from the moment the groups are attached nothing may fail.
        let place = UniqueArc::new_uninit(GFP_KERNEL)?;
        let backend = self
            .core
            .backends()
            .first_that_works(kind, state.backing, |driver| {
                Backend::open(driver, kind, &state.groups)
            })?;
        state.backend = Some(place.write(backend).into());
        Ok(())
    }
}

impl Backend {
    /// Opens an instance of `driver` and attaches all of `groups`, or none.
    fn open(driver: &dyn IommuDriver, kind: u64, groups: &[Member]) -> Result<Self> {
        let module = ModuleRef::get(driver.module()).ok_or(ENODEV)?;
        let instance = driver.open(kind)?;
        for (done, member) in groups.iter().enumerate() {
            if let Err(e) = instance.attach_group(&member.group, &member.options) {
                for attached in groups.iter().take(done).rev() {
                    instance.detach_group(&attached.group);
                }
                return Err(e);
            }
        }
        Ok(Self {
            instance,
            _module: module,
        })
    }
}
