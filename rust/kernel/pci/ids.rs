// SPDX-License-Identifier: GPL-2.0-only

//! Which PCI devices a driver is for.
//!
//! A VFIO driver can drive any device, but must never take one by itself. Its table has one
//! [`OverrideId`] that matches every device whose `driver_override` names the driver; a
//! [`DynamicId`] added later, by the administrator, matches without.
//!
//! C header: [`include/linux/mod_devicetable.h`](srctree/include/linux/mod_devicetable.h)

use crate::bindings;
use core::mem::offset_of;
use kernel::device_id::{
    IdTable,
    RawDeviceId,
    RawDeviceIdIndex, //
};

/// Matches any value of a field of an id.
const ANY: u32 = u32::MAX;

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

/// An id that is added to a driver at run time, in the form of `new_id` and `ids=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DynamicId {
    /// Vendor, 16 bits or all ones for any.
    pub vendor: u32,
    /// Device, 16 bits or all ones for any.
    pub device: u32,
    /// Subsystem vendor, 16 bits or all ones for any.
    pub subvendor: u32,
    /// Subsystem device, 16 bits or all ones for any.
    pub subdevice: u32,
    /// Class code, 24 bits.
    pub class: u32,
    /// The bits of `class` that have to agree; zero ignores the class.
    pub class_mask: u32,
}

impl DynamicId {
    /// Parses `vendor:device[:subvendor[:subdevice[:class[:class_mask]]]]`, all hexadecimal.
    ///
    /// Missing fields match anything. Like `sscanf`, it stops at the first field it cannot read;
    /// `None` if that is one of the first two.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut fields = [ANY, ANY, ANY, ANY, 0, 0];
        let mut read = 0;
        let parts = text.split(|&byte| byte == b':');
        for (field, part) in fields.iter_mut().zip(parts) {
            let Some((value, whole)) = hex(part) else {
                break;
            };
            *field = value;
            read += 1;
            if !whole {
                break;
            }
        }
        let [vendor, device, subvendor, subdevice, class, class_mask] = fields;
        (read >= 2).then_some(Self {
            vendor,
            device,
            subvendor,
            subdevice,
            class,
            class_mask,
        })
    }
}

/// Reads a hexadecimal number with or without `0x` at the start of `text`.
///
/// Also returns whether that was all of `text`. `None` if there is no digit; digits that do not
/// fit push the first ones out.
fn hex(text: &[u8]) -> Option<(u32, bool)> {
    let text = text.trim_ascii_start();
    let text = match text {
        [b'0', b'x' | b'X', rest @ ..] if rest.first().is_some_and(u8::is_ascii_hexdigit) => rest,
        _ => text,
    };
    let mut value: Option<u32> = None;
    for (at, &byte) in text.iter().enumerate() {
        let Some(digit) = char::from(byte).to_digit(16) else {
            return value.map(|value| (value, at == text.len()));
        };
        value = Some(value.unwrap_or(0).wrapping_shl(4) | digit);
    }
    value.map(|value| (value, true))
}
