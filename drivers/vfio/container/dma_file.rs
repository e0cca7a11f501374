// SPDX-License-Identifier: GPL-2.0-only

//! Descriptors for DMA alone, which `VFIO_IOMMU_FEATURE_DMA_FD` makes.
//!
//! The container's own descriptor can do everything: choose the IOMMU, map anywhere, take down what
//! others have mapped. A program that has a helper map for it gives that a [`DmaFile`], which takes a
//! few of the calls, for some of the addresses. What they are is the business of the backend, which
//! has a [`DmaPart`] for each file.
//!
//! The file keeps nothing alive. Its [`Slot`] holds the part while the backend is there; when the last
//! group leaves, the container empties all slots, and waits for calls that are under way. An empty
//! slot stays empty, whatever becomes of the container.
//!
//! Lock order: `Container::state` → `Container::dma_files`; `Container::state` → [`Slot::live`] → a
//! backend's own locks.
//!
//! There is no counterpart in C.

use kernel::{
    fs::{
        file::{
            flags,
            FileDescriptorReservation, //
        },
        File, //
    },
    module::this_module,
    prelude::*,
    sync::{
        aref::ARef,
        Arc,
        ArcBorrow, //
    }, //
};
use kernel_ext::{
    fs::{
        new_file,
        FileOperations, //
    },
    new_rwsem,
    refuse,
    sync::RwSemaphore,
    uaccess::UserArg, //
};
use vfio_uapi::{
    ioctl,
    vfio_iommu_feature_dma_fd,
    vfio_iommu_feature_windows,
    DmaRights,
    FeatureFlags,
    VFIO_API_VERSION,
    VFIO_IOMMU_FEATURE_WINDOWS, //
};

use super::{
    feature::answer_windows,
    Backend,
    Container, //
};
use crate::{
    feature::FeatureRequest,
    iommu_driver::{
        DmaGrant,
        DmaPart, //
    }, //
};

/// What a file is good for, while it is good for anything.
// The part goes before the backend that it is one of.
struct Live {
    part: Arc<dyn DmaPart>,
    _backend: Arc<Backend>,
}

/// Where a file has its part.
#[pin_data]
pub(super) struct Slot {
    #[pin]
    live: RwSemaphore<Option<Live>>,
}

impl Slot {
    fn new(live: Live) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                live <- new_rwsem!(Some(live), "Slot::live"),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// Ends the part for good, after the calls that are under way.
    fn revoke(&self) {
        let live = self.live.write().take();
        drop(live);
    }
}

/// What stands behind a descriptor for DMA.
struct DmaFile {
    /// Only to be taken off its list.
    container: Arc<Container>,
    slot: Arc<Slot>,
}

impl Drop for DmaFile {
    fn drop(&mut self) {
        let mut slots = self.container.dma_files.lock();
        slots.retain(|slot| !Arc::ptr_eq(slot, &self.slot));
        drop(slots);
        self.slot.revoke();
    }
}

impl FileOperations for DmaFile {
    const IOCTL_ONLY: bool = true;

    kernel_ext::file_operations!(DmaFile, module: this_module::<crate::LocalModule>());

    fn ioctl(this: ArcBorrow<'_, Self>, _file: &File, cmd: u32, arg: UserArg) -> Result<isize> {
        let live = this.slot.live.read();
        let Some(Live { part, .. }) = &*live else {
            refuse!("the container of this descriptor for DMA has lost its last group; a new one is needed\n");
            return Err(ENODEV);
        };
        match cmd {
            // CAST: The version is 0.
            ioctl::GET_API_VERSION => Ok(VFIO_API_VERSION as isize),
            // CAST: `usize` has at most 64 bits.
            ioctl::CHECK_EXTENSION => Ok(part.check_extension(arg.value() as u64)),
            ioctl::IOMMU_FEATURE => feature(&**part, arg).map(|()| 0),
            _ => part.ioctl(cmd, arg).map(|()| 0),
        }
    }
}

/// Answers `VFIO_IOMMU_FEATURE` on a part.
fn feature(part: &dyn DmaPart, arg: UserArg) -> Result {
    let request = FeatureRequest::parse(arg)?;
    match request.index {
        VFIO_IOMMU_FEATURE_WINDOWS => {
            if request.check(FeatureFlags::GET, size_of::<vfio_iommu_feature_windows>())? {
                answer_windows(&request, &part.windows()?)?;
            }
            Ok(())
        }
        _ => part.feature(&request),
    }
}

impl Container {
    /// Handles `VFIO_IOMMU_FEATURE_DMA_FD`; returns the new descriptor.
    ///
    /// # Errors
    ///
    /// `EFAULT`; `EINVAL` for a direction or argument that makes no sense, or without a backend;
    /// `EMFILE`, `ENFILE`, `ENOMEM`, and those of the backend.
    pub(super) fn dma_fd(this: ArcBorrow<'_, Self>, request: &FeatureRequest) -> Result<isize> {
        const SIZE: usize = size_of::<vfio_iommu_feature_dma_fd>();
        if !request.check(FeatureFlags::GET, SIZE)? {
            return Ok(0);
        }
        let raw: vfio_iommu_feature_dma_fd = request.data.read()?;
        let rights = DmaRights::from_bits(raw.rights).ok_or(EINVAL)?;
        if rights.is_empty() || raw.open_flags & !flags::O_CLOEXEC != 0 || raw.entries == 0 {
            return Err(EINVAL);
        }
        let grant = DmaGrant {
            rights,
            first: raw.first,
            last: raw.last,
            entries: raw.entries,
        };
        let fd = FileDescriptorReservation::get_unused_fd_flags(raw.open_flags)?;
        let file = Self::dma_file(this, &grant)?;
        let number = fd.reserved_fd();
        fd.fd_install(file);
        // CAST: A file descriptor is a small number.
        Ok(number as isize)
    }

    /// Makes a file that is good for `grant`.
    fn dma_file(this: ArcBorrow<'_, Self>, grant: &DmaGrant) -> Result<ARef<File>> {
        let file = {
            // The last group does not leave between here and the list.
            let state = this.state.lock();
            let backend = state.backend.clone().ok_or(EINVAL)?;
            let live = Live {
                part: backend.instance.dma_part(grant)?,
                _backend: backend,
            };
            let slot = Slot::new(live)?;
            let listed = slot.clone();
            this.dma_files.lock().push(listed, GFP_KERNEL_ACCOUNT)?;
            DmaFile {
                container: this.into(),
                slot,
            }
        };
        new_file(c"[vfio-dma]", Arc::new(file, GFP_KERNEL_ACCOUNT)?, None)
    }

    /// Ends all descriptors for DMA for good: the last group has left.
    pub(super) fn revoke_dma_files(&self) {
        let slots = core::mem::take(&mut *self.dma_files.lock());
        for slot in &slots {
            slot.revoke();
        }
    }
}
