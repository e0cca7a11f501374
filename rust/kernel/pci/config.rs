// SPDX-License-Identifier: GPL-2.0-only

//! Configuration space on behalf of user space.
//!
//! The accessors here are the ones that `/proc` and sysfs use too: they wait while the PCI core
//! keeps configuration space to itself, during a reset or a built-in self test, so that a user
//! never sees or disturbs a device in that state. They may therefore sleep.
//!
//! Values are in CPU order; the accessors convert.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use super::{
    BarIndex,
    Device, //
};
use crate::bindings;
use kernel::{
    error::to_result,
    prelude::*, //
};

/// Address space and properties of a BAR, as its low bits tell them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarKind {
    /// I/O ports.
    Io,
    /// Memory.
    Memory {
        /// The address has 64 bits, and the register after it is the upper half.
        wide: bool,
        /// Reads have no side effects.
        prefetch: bool,
    },
}

impl Device {
    /// Reads a byte at offset `at` of configuration space.
    ///
    /// # Errors
    ///
    /// [`EINVAL`] and [`ENODEV`] from the PCI core, and what the bus makes of a failed cycle.
    #[inline]
    pub fn user_read_config_u8(&self, at: u16) -> Result<u8> {
        // SAFETY: `as_raw()` is a valid device as long as `self` lives.
        unsafe { read_u8(self.as_raw(), at) }
    }

    /// Reads a word at offset `at`, a multiple of two.
    ///
    /// # Errors
    ///
    /// Those of [`Device::user_read_config_u8`].
    #[inline]
    pub fn user_read_config_u16(&self, at: u16) -> Result<u16> {
        // SAFETY: `as_raw()` is a valid device as long as `self` lives.
        unsafe { read_u16(self.as_raw(), at) }
    }

    /// Reads a dword at offset `at`, a multiple of four.
    ///
    /// # Errors
    ///
    /// Those of [`Device::user_read_config_u8`].
    #[inline]
    pub fn user_read_config_u32(&self, at: u16) -> Result<u32> {
        // SAFETY: `as_raw()` is a valid device as long as `self` lives.
        unsafe { read_u32(self.as_raw(), at) }
    }

    /// Writes a byte at offset `at` of configuration space.
    ///
    /// # Errors
    ///
    /// Those of [`Device::user_read_config_u8`].
    #[inline]
    pub fn user_write_config_u8(&self, at: u16, value: u8) -> Result {
        // SAFETY: `as_raw()` is a valid device as long as `self` lives. What the write does to the
        // device is up to the caller, as with every register.
        done(unsafe { bindings::pci_user_write_config_byte(self.as_raw(), c_int::from(at), value) })
    }

    /// Writes a word at offset `at`, a multiple of two.
    ///
    /// # Errors
    ///
    /// Those of [`Device::user_read_config_u8`].
    #[inline]
    pub fn user_write_config_u16(&self, at: u16, value: u16) -> Result {
        // SAFETY: As for `user_write_config_u8`.
        done(unsafe { bindings::pci_user_write_config_word(self.as_raw(), c_int::from(at), value) })
    }

    /// Writes a dword at offset `at`, a multiple of four.
    ///
    /// # Errors
    ///
    /// Those of [`Device::user_read_config_u8`].
    #[inline]
    pub fn user_write_config_u32(&self, at: u16, value: u32) -> Result {
        // SAFETY: As for `user_write_config_u8`.
        done(unsafe {
            bindings::pci_user_write_config_dword(self.as_raw(), c_int::from(at), value)
        })
    }

    /// Reads four bytes of vital product data at byte address `addr`. Slow: milliseconds.
    ///
    /// # Errors
    ///
    /// [`ENODEV`] without VPD, [`EINVAL`] and [`EIO`] for an address or a device that fails.
    pub fn read_vpd(&self, addr: u16) -> Result<u32> {
        let mut bytes = [0u8; 4];
        // SAFETY:
        // - `as_raw()` is a valid device as long as `self` lives.
        // - `bytes` is valid for writes of its length.
        let read = unsafe {
            bindings::pci_read_vpd(
                self.as_raw(),
                i64::from(addr),
                bytes.len(),
                bytes.as_mut_ptr().cast(),
            )
        };
        // CAST: an error number, or the number of bytes, which is at most four.
        to_result(read as c_int)?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// Writes four bytes of vital product data at byte address `addr`. Slow: milliseconds.
    ///
    /// # Errors
    ///
    /// As for [`Device::read_vpd`], and [`EIO`] for a write that ends early.
    pub fn write_vpd(&self, addr: u16, data: u32) -> Result {
        let bytes = data.to_le_bytes();
        // SAFETY:
        // - `as_raw()` is a valid device as long as `self` lives.
        // - `bytes` is valid for reads of its length.
        let written = unsafe {
            bindings::pci_write_vpd(
                self.as_raw(),
                i64::from(addr),
                bytes.len(),
                bytes.as_ptr().cast(),
            )
        };
        // CAST: an error number, or the number of bytes, which is at most four.
        to_result(written as c_int)?;
        match written {
            4 => Ok(()),
            _ => Err(EIO),
        }
    }

    /// Returns the largest payload that the device uses on its link, in bytes; 128 or more.
    pub fn max_payload(&self) -> u16 {
        // SAFETY: `as_raw()` is a valid device as long as `self` lives.
        let bytes = unsafe { bindings::pcie_get_mps(self.as_raw()) };
        // An error means that there is no Express capability; 128 is what it would begin with.
        u16::try_from(bytes).unwrap_or(128)
    }

    /// Sets the largest read request that the device makes, in bytes: a power of two from 128 to
    /// 4096.
    ///
    /// # Errors
    ///
    /// [`EINVAL`] for any other size, and those of configuration space.
    pub fn set_read_request(&self, bytes: u16) -> Result {
        // SAFETY: `as_raw()` is a valid device as long as `self` lives.
        let ret = unsafe { bindings::pcie_set_readrq(self.as_raw(), c_int::from(bytes)) };
        if ret < 0 {
            return Err(Error::from_errno(ret));
        }
        Ok(())
    }

    /// Returns the kind of a BAR. Of a BAR without an address it means nothing.
    pub fn bar_kind(&self, bar: BarIndex) -> BarKind {
        // CAST: a BAR's number is below six.
        let index = bar.number() as c_int;
        // SAFETY: `as_raw()` is a valid device as long as `self` lives, and `index` is one of its
        // standard resources.
        let flags = unsafe { bindings::vfio_helper_pci_resource_flags(self.as_raw(), index) };
        let has = |flag: u32| flags & flag as c_ulong != 0;
        if has(bindings::IORESOURCE_IO) {
            return BarKind::Io;
        }
        BarKind::Memory {
            wide: has(bindings::IORESOURCE_MEM_64),
            prefetch: has(bindings::IORESOURCE_PREFETCH),
        }
    }

    /// Returns whether the host has connected the device's INTx to an interrupt line.
    pub fn has_interrupt_line(&self) -> bool {
        // SAFETY: `as_raw()` is a valid device as long as `self` lives. The field is one integer,
        // and only changes in a way that matters here before a driver is bound; the volatile read
        // makes no assumption about that.
        let irq = unsafe { (&raw const (*self.as_raw()).irq).read_volatile() };
        !matches!(irq, 0 | bindings::IRQ_NOTCONNECTED)
    }
}

/// What an accessor returns as a result. This is on the way of each access, which mostly works.
#[inline]
fn done(result: c_int) -> Result {
    match result {
        0 => Ok(()),
        _ => to_result(result),
    }
}

/// Reads a byte of a device's configuration space at offset `at`.
///
/// # Safety
///
/// `pdev` is valid.
#[inline]
pub(super) unsafe fn read_u8(pdev: *mut bindings::pci_dev, at: u16) -> Result<u8> {
    let mut value = 0;
    // SAFETY:
    // - `pdev` is valid, by the requirements of this function.
    // - `value` is valid for a write of one byte.
    done(unsafe { bindings::pci_user_read_config_byte(pdev, at.into(), &mut value) })?;
    Ok(value)
}

/// Reads a word of a device's configuration space at offset `at`, a multiple of two.
///
/// # Safety
///
/// `pdev` is valid.
#[inline]
pub(super) unsafe fn read_u16(pdev: *mut bindings::pci_dev, at: u16) -> Result<u16> {
    let mut value = 0;
    // SAFETY:
    // - `pdev` is valid, by the requirements of this function.
    // - `value` is valid for a write of two bytes.
    done(unsafe { bindings::pci_user_read_config_word(pdev, at.into(), &mut value) })?;
    Ok(value)
}

/// Reads a dword of a device's configuration space at offset `at`, a multiple of four.
///
/// # Safety
///
/// `pdev` is valid.
#[inline]
pub(super) unsafe fn read_u32(pdev: *mut bindings::pci_dev, at: u16) -> Result<u32> {
    let mut value = 0;
    // SAFETY:
    // - `pdev` is valid, by the requirements of this function.
    // - `value` is valid for a write of four bytes.
    done(unsafe { bindings::pci_user_read_config_dword(pdev, at.into(), &mut value) })?;
    Ok(value)
}
