// SPDX-License-Identifier: GPL-2.0-only

//! No-IOMMU mode: devices for programs that could as well load a kernel module.
//!
//! Where there is no IOMMU, a device reaches all memory, and so does the program that owns it. Some
//! want VFIO's interface all the same, for interrupts and registers, and find the physical addresses
//! for DMA by themselves. An administrator can let them, with the module parameter
//! `enable_unsafe_noiommu_mode`, if the kernel was configured to have it; then a device without
//! IOMMU group gets one made up for it, `/dev/vfio/noiommu-$GROUP`, and the kernel is tainted.
//!
//! Every step asks for `CAP_SYS_RAWIO`. Such groups go into containers of their own, whose only
//! backend is the one here: it maps nothing.
//!
//! C counterpart: `vfio_noiommu_*` in [`drivers/vfio/container.c`](srctree/drivers/vfio/container.c)
//! and [`drivers/vfio/group.c`](srctree/drivers/vfio/group.c)

use kernel::{
    device,
    module::this_module,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::Arc, //
};
use kernel_ext::{
    capability::{
        capable,
        Cap, //
    },
    iommu::{
        self,
        FakeGroup, //
    },
    refuse,
    taint,
    task,
    uaccess::UserArg, //
};
use vfio_uapi::{
    vfio_dma_window,
    vfio_iommu_domain,
    VFIO_NOIOMMU_IOMMU, //
};

use crate::iommu_driver::{
    Backing,
    GroupOptions,
    IommuDriver,
    IommuDriverRegistration,
    IommuInstance, //
};

kernel_ext::extern_param!(
    /// Whether devices without an IOMMU can be had. Without `CONFIG_VFIO_NOIOMMU` there is no such
    /// parameter, only the variable.
    static ENABLED: bool = vfio_enable_unsafe_noiommu_mode;
);

/// Returns whether devices without an IOMMU can be had at the moment.
pub(crate) fn is_on() -> bool {
    cfg!(CONFIG_VFIO_NOIOMMU) && ENABLED.get()
}

/// Makes a group for `dev`, which has none.
///
/// # Errors
///
/// `EINVAL` unless the mode is on, `ENOMEM`.
pub(crate) fn make_group(dev: &device::Device) -> Result<FakeGroup> {
    if !is_on() {
        refuse!(
            "{}: has no IOMMU group; turn the IOMMU on (intel_iommu=on, or in the firmware)\n",
            dev.name()
        );
        return Err(EINVAL);
    }
    let group = FakeGroup::new(dev, c"vfio-noiommu")?;
    taint::add_user();
    dev_warn!(
        dev,
        "no IOMMU guards memory from this device and its user; the kernel is tainted\n"
    );
    Ok(group)
}

/// Checks that the caller may have what is behind `backing`.
///
/// # Errors
///
/// `EPERM` for a device without an IOMMU if the caller lacks `CAP_SYS_RAWIO`.
pub(crate) fn check_permission(backing: Backing) -> Result {
    match backing {
        Backing::Iommu => Ok(()),
        Backing::Nothing if capable(Cap::SysRawio) => Ok(()),
        Backing::Nothing => {
            refuse!("devices without an IOMMU are for programs with CAP_SYS_RAWIO only\n");
            Err(EPERM)
        }
    }
}

/// Logs who has opened a device without an IOMMU.
pub(crate) fn warn_opened(dev: &device::Device) {
    let pid = kernel::current!().pid();
    dev_warn!(
        dev,
        "opened without an IOMMU by {} (process {pid})\n",
        task::comm()
    );
}

/// Registers the backend, on kernels that are configured for it.
pub(crate) fn register() -> Result<Option<IommuDriverRegistration>> {
    if !cfg!(CONFIG_VFIO_NOIOMMU) {
        return Ok(None);
    }
    IommuDriverRegistration::new(Arc::new(NoIommu, GFP_KERNEL)?).map(Some)
}

/// The backend that maps nothing, and all there is to one of its containers.
struct NoIommu;

/// Answers `VFIO_CHECK_EXTENSION`, with and without a container.
fn check_extension(extension: u64) -> isize {
    isize::from(is_on() && extension == u64::from(VFIO_NOIOMMU_IOMMU))
}

impl IommuDriver for NoIommu {
    fn name(&self) -> &'static CStr {
        c"vfio-noiommu"
    }

    fn module(&self) -> &'static ThisModule {
        this_module::<crate::LocalModule>()
    }

    fn backing(&self) -> Backing {
        Backing::Nothing
    }

    fn check_extension(&self, extension: u64) -> isize {
        check_extension(extension)
    }

    fn open(&self, _kind: u64) -> Result<Arc<dyn IommuInstance>> {
        check_permission(Backing::Nothing)?;
        let instance: Arc<dyn IommuInstance> = Arc::new(NoIommu, GFP_KERNEL)?;
        Ok(instance)
    }
}

impl IommuInstance for NoIommu {
    fn check_extension(&self, extension: u64) -> isize {
        check_extension(extension)
    }

    fn ioctl(&self, _cmd: u32, _arg: UserArg) -> Result<isize> {
        Err(ENOTTY)
    }

    fn windows(&self) -> Result<KVec<vfio_dma_window>> {
        Err(EOPNOTSUPP)
    }

    fn domains(&self) -> Result<KVec<vfio_iommu_domain>> {
        Err(EOPNOTSUPP)
    }

    fn attach_group(&self, _group: &iommu::Group, _options: &GroupOptions) -> Result {
        Ok(())
    }

    fn detach_group(&self, _group: &iommu::Group) {}

    fn show(&self, m: &SeqFile) {
        seq_print!(m, "iommu: none\n");
    }
}
