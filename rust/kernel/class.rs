// SPDX-License-Identifier: GPL-2.0-only

//! Device classes, and devices that only show that something exists.
//!
//! A class is a folder in `/sys/class`. Its devices are there to be found by name, and may have a
//! path in `/dev`, see [`chrdev`](crate::chrdev).
//!
//! C header: [`include/linux/device/class.h`](srctree/include/linux/device/class.h)

use crate::bindings;
use core::{
    marker::PhantomPinned,
    ptr::NonNull, //
};
use kernel::{
    device,
    error::{
        from_err_ptr,
        to_result, //
    },
    fmt,
    prelude::*,
    str::CString,
    sync::Arc,
    types::Opaque, //
};

/// A registered class.
///
/// # Invariants
///
/// `class` is registered and pinned. Its `devnode`, if any, is [`Class::devnode`].
#[pin_data(PinnedDrop)]
pub struct Class {
    #[pin]
    class: Opaque<bindings::class>,
    /// The folder below `/dev` for paths of its devices, with a slash at the end.
    folder: Option<&'static CStr>,
    #[pin]
    _pin: PhantomPinned,
}

// SAFETY: A class may be used and removed by any thread; the driver core has locks of its own.
unsafe impl Send for Class {}
// SAFETY: As above.
unsafe impl Sync for Class {}

impl Class {
    /// Registers a class.
    ///
    /// Paths of its devices are below `/dev`, in `folder` if that is given; it ends with a slash.
    ///
    /// # Errors
    ///
    /// `EEXIST` if the name is taken, `ENOMEM`.
    pub fn register(name: &'static CStr, folder: Option<&'static CStr>) -> Result<Arc<Self>> {
        let class = bindings::class {
            name: name.as_char_ptr(),
            devnode: folder.is_some().then_some(Self::devnode),
            ..pin_init::zeroed()
        };
        Arc::pin_init(
            try_pin_init!(Self {
                // Set before the class is registered, as its callback uses it.
                folder,
                class <- Opaque::try_ffi_init(|slot: *mut bindings::class| {
                    // SAFETY: `slot` is valid for writes.
                    unsafe { slot.write(class) };
                    // SAFETY: `slot` was just filled in, with a static name; it is pinned, and
                    // removed by `drop` before its memory is freed.
                    // INVARIANT: If this succeeds, the class is registered.
                    to_result(unsafe { bindings::class_register(slot) })
                }),
                _pin: PhantomPinned,
            }),
            GFP_KERNEL,
        )
    }

    /// Returns the C class.
    pub(crate) fn as_raw(&self) -> *const bindings::class {
        self.class.get()
    }

    /// Returns the path of a device below `/dev`, in memory that the caller frees.
    ///
    /// # Safety
    ///
    /// The driver core calls this for a device of a class that is a [`Class`].
    unsafe extern "C" fn devnode(
        dev: *const bindings::device,
        _mode: *mut bindings::umode_t,
    ) -> *mut c_char {
        // SAFETY: The device is valid during the call; its class was set before it was added.
        let class = unsafe { (*dev).class };
        // SAFETY: The class is the field of that name of a `Class`, which lives as long as its
        // devices are registered. Only `folder` is accessed, which never changes.
        let folder =
            unsafe { (*kernel::container_of!(Opaque::cast_from(class), Self, class)).folder };
        let folder = folder.unwrap_or(c"");
        // SAFETY: The format fits the arguments, which are C strings that live during the call.
        unsafe {
            bindings::kasprintf(
                bindings::GFP_KERNEL,
                c"%s%s".as_char_ptr(),
                folder.as_char_ptr(),
                bindings::dev_name(dev),
            )
        }
    }
}

#[pinned_drop]
impl PinnedDrop for Class {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: The class is registered by the type invariant. Whatever registers devices of it
        // keeps an `Arc` of it, so there are none.
        unsafe { bindings::class_unregister(self.class.get()) };
    }
}

/// A registered device of a class that has no number and thus no path in `/dev`.
///
/// # Invariants
///
/// `device` was made by `device_create` and is registered; its class is `_class`.
pub struct ClassDevice {
    device: NonNull<bindings::device>,
    _class: Arc<Class>,
}

// SAFETY: The device may be used and removed by any thread; the driver core has locks of its own.
unsafe impl Send for ClassDevice {}
// SAFETY: As above.
unsafe impl Sync for ClassDevice {}

impl ClassDevice {
    /// Adds a device to `class`, below `parent`.
    ///
    /// # Errors
    ///
    /// `EEXIST` if the name is taken, `ENOMEM`.
    pub fn new(
        class: &Arc<Class>,
        parent: &device::Device,
        name: fmt::Arguments<'_>,
    ) -> Result<Self> {
        let name = CString::try_from_fmt(name)?;
        // SAFETY:
        // - The class is registered and stays so as long as the device.
        // - The parent is valid; the device takes its own reference.
        // - The format fits its one argument, which lives during the call.
        let device = from_err_ptr(unsafe {
            bindings::device_create(
                class.as_raw(),
                crate::device::as_raw(parent),
                0,
                core::ptr::null_mut(),
                c"%s".as_char_ptr(),
                name.as_char_ptr(),
            )
        })?;
        // INVARIANT: The device was just made and registered, with this class.
        Ok(Self {
            device: NonNull::new(device).ok_or(ENOMEM)?,
            _class: class.clone(),
        })
    }

    /// Returns the device as the driver core sees it.
    pub fn device(&self) -> &device::Device {
        // SAFETY: The device is valid as long as `self` by the type invariant.
        unsafe { device::Device::from_raw(self.device.as_ptr()) }
    }
}

impl Drop for ClassDevice {
    fn drop(&mut self) {
        // SAFETY: The device is registered by the type invariant, and not used afterwards.
        unsafe { bindings::device_unregister(self.device.as_ptr()) };
    }
}
