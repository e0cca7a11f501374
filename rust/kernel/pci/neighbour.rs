// SPDX-License-Identifier: GPL-2.0-only

//! A PCI device that is not ours, to look at.
//!
//! Some devices cannot be understood without another one, a bridge of the same chipset mostly.
//! [`Neighbour`] keeps it from being freed, whoever drives it, and reads its configuration space.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use super::config;
use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    pci,
    prelude::*,
    sync::aref::ARef, //
};

/// A reference to a PCI device that need not be bound to our driver.
pub struct Neighbour(ARef<pci::Device>);

impl Neighbour {
    /// Returns the device at an address, if there is one: `slot` is 0 to 31, `function` 0 to 7.
    pub fn find(domain: u16, bus: u8, slot: u8, function: u8) -> Option<Self> {
        let devfn = u32::from(slot & 0x1f) << 3 | u32::from(function & 7);
        // SAFETY: The call takes any address.
        let found =
            unsafe { bindings::pci_get_domain_bus_and_slot(domain.into(), bus.into(), devfn) };
        // CAST: `pci::Device` is a transparent wrapper of `struct pci_dev`.
        let found = NonNull::new(found)?.cast::<pci::Device>();
        // SAFETY: The call has counted a reference for us.
        Some(Self(unsafe { ARef::from_raw(found) }))
    }

    fn as_raw(&self) -> *mut bindings::pci_dev {
        // CAST: As in `find`.
        core::ptr::from_ref::<pci::Device>(&self.0)
            .cast::<bindings::pci_dev>()
            .cast_mut()
    }

    /// Returns the vendor's number.
    pub fn vendor(&self) -> u16 {
        self.0.vendor_id().as_raw()
    }

    /// Returns class and subclass.
    pub fn class(&self) -> u16 {
        // CAST: The class code has 24 bits, the lowest eight of them the programming interface.
        (self.0.pci_class().as_raw() >> 8) as u16
    }

    /// Returns the size of configuration space in bytes.
    pub fn config_size(&self) -> u16 {
        // SAFETY: The device is valid; the field is set when it is found.
        let size = unsafe { (*self.as_raw()).cfg_size };
        u16::try_from(size).unwrap_or(256)
    }

    /// Reads a byte at offset `at` of configuration space.
    ///
    /// # Errors
    ///
    /// `EINVAL` and `ENODEV` from the PCI core, and what the bus makes of a failed cycle.
    pub fn user_read_config_u8(&self, at: u16) -> Result<u8> {
        // SAFETY: The device is valid, by our reference.
        unsafe { config::read_u8(self.as_raw(), at) }
    }

    /// Reads a word at offset `at`, a multiple of two.
    ///
    /// # Errors
    ///
    /// Those of [`Neighbour::user_read_config_u8`].
    pub fn user_read_config_u16(&self, at: u16) -> Result<u16> {
        // SAFETY: The device is valid, by our reference.
        unsafe { config::read_u16(self.as_raw(), at) }
    }

    /// Reads a dword at offset `at`, a multiple of four.
    ///
    /// # Errors
    ///
    /// Those of [`Neighbour::user_read_config_u8`].
    pub fn user_read_config_u32(&self, at: u16) -> Result<u32> {
        // SAFETY: The device is valid, by our reference.
        unsafe { config::read_u32(self.as_raw(), at) }
    }
}
