// SPDX-License-Identifier: GPL-2.0-only

//! IOMMUFD: address spaces for DMA that belong to `/dev/iommu` instead of VFIO.
//!
//! An open file of `/dev/iommu` is a context, [`Ctx`]. A program makes address spaces and maps memory
//! in it by calls that VFIO never sees. VFIO's part is to bind devices to the context
//! ([`BoundDevice`]), which takes their DMA from everybody else, and to attach them to one of its
//! address spaces.
//!
//! A context can stand in for a VFIO container: it then has one *compatible* address space, which
//! VFIO's old calls for mapping work on.
//!
//! On kernels without `CONFIG_IOMMUFD` there are no values of these types.
//!
//! C header: [`include/linux/iommufd.h`](srctree/include/linux/iommufd.h)

use crate::{
    bindings,
    device::as_raw,
    iommu::Group, //
};
use core::ptr::NonNull;
use kernel::{
    device::Device,
    error::{
        from_err_ptr,
        to_result, //
    },
    fs::LocalFile,
    prelude::*,
    sync::{
        new_mutex,
        Arc,
        Mutex, //
    }, //
};

/// DMA without a process address space id, see
/// [`include/linux/iommu.h`](srctree/include/linux/iommu.h).
const NO_PASID: bindings::ioasid_t = 0;

/// A counted reference to a context.
///
/// # Invariants
///
/// The pointer is a live context on which this value holds a reference.
pub struct Ctx(NonNull<bindings::iommufd_ctx>);

// SAFETY: A context has locks and a reference count of its own and belongs to no thread.
unsafe impl Send for Ctx {}
// SAFETY: As above.
unsafe impl Sync for Ctx {}

impl Ctx {
    /// Returns the context that `file` is, if it is one.
    pub fn from_file(file: &LocalFile) -> Option<Self> {
        // SAFETY: The file is valid by its type.
        let raw = from_err_ptr(unsafe { bindings::iommufd_ctx_from_file(file.as_ptr()) }).ok()?;
        // INVARIANT: The call took a reference.
        NonNull::new(raw).map(Self)
    }

    /// Makes sure that there is a compatible address space.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the context is for devices without an IOMMU, `ENOMEM`.
    pub fn create_compat_ioas(&self) -> Result {
        // SAFETY: The context is live by the type invariant.
        to_result(unsafe { bindings::iommufd_vfio_compat_ioas_create(self.0.as_ptr()) })
    }

    /// Returns the id of the compatible address space.
    ///
    /// # Errors
    ///
    /// `ENODEV` if there is none.
    pub fn compat_ioas(&self) -> Result<u32> {
        let mut id = 0;
        // SAFETY: The context is live by the type invariant; `id` is valid for writes.
        to_result(unsafe {
            bindings::iommufd_vfio_compat_ioas_get_id(self.0.as_ptr(), &raw mut id)
        })?;
        Ok(id)
    }

    /// Lets the context stand in for a container of devices without an IOMMU.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it has a compatible address space.
    pub fn set_no_iommu(&self) -> Result {
        // SAFETY: The context is live by the type invariant.
        to_result(unsafe { bindings::iommufd_vfio_compat_set_no_iommu(self.0.as_ptr()) })
    }
}

impl Drop for Ctx {
    fn drop(&mut self) {
        // SAFETY: The reference is ours by the type invariant, and not used afterwards.
        unsafe { bindings::iommufd_ctx_put(self.0.as_ptr()) };
    }
}

/// Which accesses of a device are meant: those that carry a process address space id, or the rest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pasid(bindings::ioasid_t);

impl Pasid {
    /// The accesses without an id, which most devices only make.
    pub const NONE: Self = Self(NO_PASID);

    /// Those with the id `number`, at most 20 bits.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }
}

/// A device whose DMA is the business of a context. Until it is attached it can do none.
///
/// Lock order: the locks of IOMMUFD are taken inside its own.
///
/// # Invariants
///
/// The pointer is a binding that this value owns, and the context is alive as long as that is. What
/// `attached` protects are those of the device's accesses that are attached.
#[pin_data(PinnedDrop)]
pub struct BoundDevice {
    raw: NonNull<bindings::iommufd_device>,
    id: u32,

    #[pin]
    attached: Mutex<KVec<Pasid>>,
}

// SAFETY: A binding may be used by any thread.
unsafe impl Send for BoundDevice {}
// SAFETY: Calls that change the binding are made under its lock.
unsafe impl Sync for BoundDevice {}

/// A binding that belongs to nobody else.
///
/// # Invariants
///
/// The pointer is a binding that this value owns.
struct Binding(NonNull<bindings::iommufd_device>);

impl Drop for Binding {
    fn drop(&mut self) {
        // SAFETY: The binding is ours by the type invariant, and was never attached.
        unsafe { bindings::iommufd_device_unbind(self.0.as_ptr()) };
    }
}

impl BoundDevice {
    /// Binds `dev`, which must stay bound to its driver until the result is dropped.
    ///
    /// # Errors
    ///
    /// `EPERM` if somebody else owns DMA of its group, or its interrupts cannot be isolated; `EBUSY`,
    /// `EINVAL`, `ENOMEM`.
    pub fn bind(ctx: &Ctx, dev: &Device) -> Result<Arc<Self>> {
        let mut id = 0;
        // SAFETY: Context and device are live, and `id` is valid for writes. The binding takes
        // references to both.
        let raw = from_err_ptr(unsafe {
            bindings::iommufd_device_bind(ctx.0.as_ptr(), as_raw(dev), &raw mut id)
        })?;
        // INVARIANT: The binding was just made.
        let binding = Binding(NonNull::new(raw).ok_or(ENOMEM)?);
        let raw = binding.0;
        let this = Arc::pin_init(
            pin_init!(Self {
                raw,
                id,
                attached <- new_mutex!(KVec::new(), "BoundDevice::attached"),
            }),
            GFP_KERNEL,
        )?;
        // INVARIANT: From here on the binding is that of `this`; it keeps a reference to the context.
        core::mem::forget(binding);
        Ok(this)
    }

    /// Returns what the device is called in calls to the context.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Returns whether both devices are bound to the same context.
    pub fn shares_context(&self, other: &Self) -> bool {
        self.context() == other.context()
    }

    /// Returns whether a device of `group` is bound to the context that this one is bound to.
    ///
    /// Such a group belongs to the context: no other can have a device of it.
    pub fn context_has(&self, group: &Group) -> bool {
        // SAFETY: The context is alive as long as the binding, and the group by its type.
        unsafe { bindings::iommufd_ctx_has_group(self.context(), group.as_raw()) }
    }

    /// Returns the context that the device is bound to.
    fn context(&self) -> *mut bindings::iommufd_ctx {
        // SAFETY: The binding is ours by the type invariant.
        unsafe { bindings::iommufd_device_to_ictx(self.raw.as_ptr()) }
    }

    /// Puts accesses of the device into the address space or page table `pt`; returns the page table's
    /// id.
    ///
    /// If they are in another one, they are moved without a gap.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such object, `EINVAL` if it does not fit, `EOPNOTSUPP` or `EINVAL` if
    /// the device or its IOMMU has no such PASID, `EBUSY`, `ENOMEM`.
    pub fn attach(&self, pasid: Pasid, pt: u32) -> Result<u32> {
        let mut id = pt;
        let raw = self.raw.as_ptr();
        let mut attached = self.attached.lock();
        if attached.contains(&pasid) {
            // SAFETY: The binding is ours by the type invariant; `id` is valid for reads and writes.
            // The accesses are attached.
            to_result(unsafe { bindings::iommufd_device_replace(raw, pasid.0, &raw mut id) })?;
            return Ok(id);
        }
        let before = attached.len();
        attached.push(pasid, GFP_KERNEL)?;
        // SAFETY: As above, but the accesses are not attached.
        to_result(unsafe { bindings::iommufd_device_attach(raw, pasid.0, &raw mut id) })
            .inspect_err(|_| attached.truncate(before))?;
        Ok(id)
    }

    /// Takes accesses of the device out of their address space, if they are in one.
    pub fn detach(&self, pasid: Pasid) {
        let mut attached = self.attached.lock();
        if attached.contains(&pasid) {
            attached.retain(|other| *other != pasid);
            // SAFETY: The binding is ours by the type invariant, and the accesses are attached.
            unsafe { bindings::iommufd_device_detach(self.raw.as_ptr(), pasid.0) };
        }
    }
}

#[pinned_drop]
impl PinnedDrop for BoundDevice {
    fn drop(self: Pin<&mut Self>) {
        for pasid in core::mem::take(&mut *self.attached.lock()) {
            // SAFETY: The binding is ours by the type invariant, and the accesses are attached.
            unsafe { bindings::iommufd_device_detach(self.raw.as_ptr(), pasid.0) };
        }
        // SAFETY: The binding is ours by the type invariant, not attached, and not used afterwards.
        unsafe { bindings::iommufd_device_unbind(self.raw.as_ptr()) };
    }
}
