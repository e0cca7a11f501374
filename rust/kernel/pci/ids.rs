// SPDX-License-Identifier: GPL-2.0-only

//! Which PCI devices a driver is for.
//!
//! A VFIO driver can drive any device, but must never take one by itself. Its table has one
//! [`OverrideId`] that matches every device whose `driver_override` names the driver; a
//! [`DynamicId`] added later, by the administrator, matches without.
//!
//! C header: [`include/linux/mod_devicetable.h`](srctree/include/linux/mod_devicetable.h)

mod dynamic;

pub use dynamic::DynamicId;

use self::dynamic::ANY;
use crate::bindings;
use core::mem::offset_of;
use kernel::device_id::{
    IdTable,
    RawDeviceId,
    RawDeviceIdIndex, //
};

/// An entry that matches only through `driver_override`.
///
/// Module tools see it as an alias that begins with `vfio_pci:`, so no device loads the module by
/// itself.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct OverrideId(bindings::pci_device_id);

impl OverrideId {
    /// Returns the entry that matches every device.
    pub const fn any() -> Self {
        Self(bindings::pci_device_id {
            vendor: ANY,
            device: ANY,
            subvendor: ANY,
            subdevice: ANY,
            class: 0,
            class_mask: 0,
            driver_data: 0,
            override_only: bindings::PCI_ID_F_VFIO_DRIVER_OVERRIDE,
        })
    }
}

// SAFETY: `OverrideId` is a transparent wrapper of `pci_device_id`.
unsafe impl RawDeviceId for OverrideId {
    type RawType = bindings::pci_device_id;
}

// SAFETY: This is the offset of the `driver_data` field.
unsafe impl RawDeviceIdIndex for OverrideId {
    const DRIVER_DATA_OFFSET: usize = offset_of!(bindings::pci_device_id, driver_data);
}

/// The table of a driver.
pub type OverrideTable = &'static dyn IdTable<OverrideId, ()>;

/// Declares the id table of a driver that takes a device only by `driver_override`.
#[macro_export]
macro_rules! pci_override_table {
    ($name:ident) => {
        $crate::private::kernel::module_device_table!(
            "pci",
            $crate::pci::OverrideId,
            $name,
            @none,
            [$crate::pci::OverrideId::any()]
        );
    };
}
