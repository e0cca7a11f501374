// SPDX-License-Identifier: GPL-2.0-only

//! Groups for devices that no IOMMU guards.
//!
//! Programs find a device by its IOMMU group. One that has none, because nothing stands between it
//! and memory, can be given a group of its own that says no more than that.
//!
//! C header: [`include/linux/iommu.h`](srctree/include/linux/iommu.h).

use super::Group;
use crate::{
    bindings,
    device::as_raw, //
};
use core::ptr::NonNull;
use kernel::{
    device::Device,
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    sync::aref::ARef, //
};

/// A group that was made for one device. Dropping it takes the device out again.
///
/// # Invariants
///
/// `dev` is in `group`, where this value has put it.
pub struct FakeGroup {
    group: Group,
    dev: ARef<Device>,
}

impl FakeGroup {
    /// Makes a group with a name in sysfs and puts `dev`, which has none, into it.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `ENOSPC`, and what sysfs refuses.
    pub fn new(dev: &Device, name: &'static CStr) -> Result<Self> {
        // SAFETY: The call has no requirements.
        let raw = from_err_ptr(unsafe { bindings::iommu_group_alloc() })?;
        // INVARIANT: The group comes with one reference.
        let group = Group(NonNull::new(raw).ok_or(ENOMEM)?);
        // SAFETY: The group is live; the name is copied.
        to_result(unsafe { bindings::iommu_group_set_name(raw, name.as_char_ptr()) })?;
        // SAFETY: Group and device are live. The group keeps a reference to the device until it is
        // taken out.
        to_result(unsafe { bindings::iommu_group_add_device(raw, as_raw(dev)) })?;
        // INVARIANT: The device was just put into the group.
        Ok(Self {
            group,
            dev: dev.into(),
        })
    }

    /// Returns the group.
    pub fn group(&self) -> &Group {
        &self.group
    }
}

impl Drop for FakeGroup {
    fn drop(&mut self) {
        // SAFETY: The device is live, and in the group by the type invariant.
        unsafe { bindings::iommu_group_remove_device(as_raw(&self.dev)) };
    }
}
