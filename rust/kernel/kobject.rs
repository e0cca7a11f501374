// SPDX-License-Identifier: GPL-2.0-only

//! Facts about devices that `kernel::device` does not tell.
//!
//! C header: [`include/linux/kobject.h`](srctree/include/linux/kobject.h)

use crate::bindings;
use core::{
    fmt,
    ptr::NonNull, //
};
use kernel::{
    device::Device,
    prelude::*, //
};

/// The path of a device in sysfs, without `/sys`.
///
/// # Invariants
///
/// The pointer is a C string from `kmalloc` that belongs to this value.
pub struct SysfsPath(NonNull<c_char>);

impl SysfsPath {
    /// Returns the path of `dev`, or [`None`] if memory is short or the device has none.
    pub fn of(dev: &Device) -> Option<Self> {
        let gfp = bindings::GFP_KERNEL;
        // CAST: `Device` is a transparent wrapper of `struct device`.
        let raw = core::ptr::from_ref(dev).cast::<bindings::device>();
        // SAFETY: `dev` is a live device, so its kobject is initialised.
        let path = unsafe { bindings::kobject_get_path(&raw const (*raw).kobj, gfp) };
        // INVARIANT: The call returns a fresh string that the caller has to free, or null.
        NonNull::new(path).map(Self)
    }

    /// Returns the path.
    pub fn as_cstr(&self) -> &CStr {
        // SAFETY: It is a C string by the type invariant, and lives as long as `self`.
        unsafe { CStr::from_char_ptr(self.0.as_ptr()) }
    }
}

impl kernel::fmt::Display for SysfsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        kernel::fmt::Display::fmt(self.as_cstr(), f)
    }
}

impl Drop for SysfsPath {
    fn drop(&mut self) {
        // SAFETY: The string is ours by the type invariant and not used afterwards.
        unsafe { bindings::kfree(self.0.as_ptr().cast()) }
    }
}
