// SPDX-License-Identifier: GPL-2.0-only

//! The calls of a program on its container, decoded.
//!
//! Everything is read from user memory once, before the container is locked, and checked after that in
//! the order in which C does it, as programs see which error comes first.
//!
//! C counterpart: `tce_iommu_ioctl()` in
//! [`drivers/vfio/vfio_iommu_spapr_tce.c`](srctree/drivers/vfio/vfio_iommu_spapr_tce.c)

use super::{
    container::{
        Container,
        Flavour,
        Origin, //
    },
    windows::Wanted, //
};
use kernel::{
    prelude::*,
    seq_file::SeqFile, //
};
use kernel_ext::{
    eeh,
    iommu::Group,
    uaccess::UserArg, //
};
use vfio::iommu_driver::{
    GroupOptions,
    IommuInstance, //
};
use vfio_uapi::{
    ioctl,
    vfio_dma_window,
    vfio_iommu_domain,
    vfio_iommu_spapr_register_memory,
    vfio_iommu_spapr_tce_create,
    vfio_iommu_spapr_tce_remove,
    Pod,
    VFIO_SPAPR_TCE_v2_IOMMU as VFIO_SPAPR_TCE_V2_IOMMU,
    VFIO_EEH,
    VFIO_SPAPR_TCE_IOMMU, //
};

/// Answers `VFIO_CHECK_EXTENSION`.
pub(crate) fn check_extension(extension: u64) -> isize {
    let supported = match u32::try_from(extension) {
        Ok(VFIO_SPAPR_TCE_IOMMU | VFIO_SPAPR_TCE_V2_IOMMU) => true,
        Ok(VFIO_EEH) => eeh::is_enabled(),
        _ => false,
    };
    isize::from(supported)
}

impl IommuInstance for Container {
    fn check_extension(&self, extension: u64) -> isize {
        check_extension(extension)
    }

    fn ioctl(&self, cmd: u32, arg: UserArg) -> Result<isize> {
        let done = match (cmd, self.flavour) {
            // CAST: `usize` has at most 64 bits.
            (ioctl::CHECK_EXTENSION, _) => return Ok(check_extension(arg.value() as u64)),
            (ioctl::EEH_PE_OP, _) => return self.eeh(arg),
            (ioctl::IOMMU_SPAPR_TCE_GET_INFO, _) => self.get_info(arg),
            (ioctl::IOMMU_MAP_DMA, _) => self.map_dma(arg),
            (ioctl::IOMMU_UNMAP_DMA, _) => self.unmap_dma(arg),
            (ioctl::IOMMU_ENABLE, Flavour::V1) => self.enable(),
            (ioctl::IOMMU_DISABLE, Flavour::V1) => self.disable(),
            (ioctl::IOMMU_SPAPR_REGISTER_MEMORY, Flavour::V2) => self.register_memory(arg),
            (ioctl::IOMMU_SPAPR_UNREGISTER_MEMORY, Flavour::V2) => self.unregister_memory(arg),
            (ioctl::IOMMU_SPAPR_TCE_CREATE, Flavour::V2) => self.create(arg),
            (ioctl::IOMMU_SPAPR_TCE_REMOVE, Flavour::V2) => self.remove(arg),
            _ => self.enter().and(Err(ENOTTY)),
        };
        done.map(|()| 0)
    }

    fn windows(&self) -> Result<KVec<vfio_dma_window>> {
        Container::windows(self)
    }

    fn domains(&self) -> Result<KVec<vfio_iommu_domain>> {
        Container::domains(self)
    }

    fn attach_group(&self, group: &Group, options: &GroupOptions) -> Result {
        // Coherency and the size of pages are not the container's to choose here.
        if *options != GroupOptions::default() {
            return Err(EOPNOTSUPP);
        }
        self.attach(group)
    }

    fn detach_group(&self, group: &Group) {
        self.detach(group);
    }

    fn show(&self, m: &SeqFile) {
        Container::show(self, m);
    }
}

/// Checks a structure that was read: that the caller knows all of its `size` bytes, and that no flag
/// is set beyond `flags`.
///
/// # Errors
///
/// `EFAULT` if it could not be read, `EINVAL`.
pub(super) fn checked<T: Pod>(
    raw: Result<T>,
    size: usize,
    head: impl FnOnce(&T) -> (u32, u32),
    flags: u32,
) -> Result<T> {
    let raw = raw?;
    let (argsz, set) = head(&raw);
    // CAST: 32 bits fit.
    if (argsz as usize) < size || set & !flags != 0 {
        return Err(EINVAL);
    }
    Ok(raw)
}

impl Container {
    /// Answers `VFIO_IOMMU_SPAPR_REGISTER_MEMORY`.
    fn register_memory(&self, arg: UserArg) -> Result {
        let raw: Result<vfio_iommu_spapr_register_memory> = arg.read();
        let mut state = self.enter()?;
        self.owner(&mut state)?;
        let size = size_of::<vfio_iommu_spapr_register_memory>();
        let raw = checked(raw, size, |raw| (raw.argsz, raw.flags), 0)?;
        self.register(&mut state, raw.vaddr, raw.size)
    }

    /// Answers `VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY`.
    fn unregister_memory(&self, arg: UserArg) -> Result {
        let raw: Result<vfio_iommu_spapr_register_memory> = arg.read();
        let state = self.enter()?;
        if state.owner.is_none() {
            return Err(EPERM);
        }
        let size = size_of::<vfio_iommu_spapr_register_memory>();
        let raw = checked(raw, size, |raw| (raw.argsz, raw.flags), 0)?;
        self.unregister(&state, raw.vaddr, raw.size)
    }

    /// Answers `VFIO_IOMMU_SPAPR_TCE_CREATE`.
    fn create(&self, arg: UserArg) -> Result {
        let raw: Result<vfio_iommu_spapr_tce_create> = arg.read();
        let mut state = self.enter()?;
        self.owner(&mut state)?;
        if state.groups.is_empty() {
            return Err(ENXIO);
        }
        let size = size_of::<vfio_iommu_spapr_tce_create>();
        let mut raw = checked(raw, size, |raw| (raw.argsz, raw.flags), 0)?;
        self.settle_default_window(&mut state)?;
        let wanted = Wanted {
            shift: raw.page_shift,
            size: raw.window_size,
            levels: raw.levels,
        };
        raw.start_addr = self
            .create_window(&mut state, wanted, Origin::Program)?
            .start();
        drop(state);
        arg.write(&raw)
    }

    /// Answers `VFIO_IOMMU_SPAPR_TCE_REMOVE`.
    fn remove(&self, arg: UserArg) -> Result {
        let raw: Result<vfio_iommu_spapr_tce_remove> = arg.read();
        let mut state = self.enter()?;
        self.owner(&mut state)?;
        if state.groups.is_empty() {
            return Err(ENXIO);
        }
        let size = size_of::<vfio_iommu_spapr_tce_remove>();
        let raw = checked(raw, size, |raw| (raw.argsz, raw.flags), 0)?;
        self.remove_window(&mut state, raw.start_addr)
    }
}
