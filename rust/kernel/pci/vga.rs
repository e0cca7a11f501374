// SPDX-License-Identifier: GPL-2.0-only

//! VGA cards, and the arbiter of the addresses that all of them answer to.
//!
//! There is one set of legacy VGA addresses, and every VGA card wants it. The kernel's arbiter
//! points the bridges, and the cards, at one card at a time: a [`VgaCard`] is a card that takes
//! part in that, a [`VgaAccess`] is one of its ranges while it is that card's turn.
//!
//! C header: [`include/linux/vgaarb.h`](srctree/include/linux/vgaarb.h),
//! [`include/linux/aperture.h`](srctree/include/linux/aperture.h)

mod range;

pub use self::range::LegacyRange;

use super::{
    bar::cookie,
    Device, //
};
use crate::{
    bindings,
    io::IoWord, //
};
use core::ptr::{
    null_mut,
    NonNull, //
};
use kernel::{
    error::to_result,
    prelude::*, //
};

/// Class and subclass of VGA cards.
const CLASS_VGA: u32 = bindings::PCI_CLASS_DISPLAY_VGA;

/// What a card decodes that answers to all it can.
const DECODES_ALL: u32 = DECODES_NORMAL | DECODES_LEGACY;
/// Its BARs.
const DECODES_NORMAL: u32 = bindings::VGA_RSRC_NORMAL_IO | bindings::VGA_RSRC_NORMAL_MEM;
/// The legacy addresses.
const DECODES_LEGACY: u32 = bindings::VGA_RSRC_LEGACY_IO | bindings::VGA_RSRC_LEGACY_MEM;

/// Whether a driver reaches for the legacy addresses of its card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegacyUse {
    /// It may.
    Used,
    /// It never does: if no other card is behind the same bridge, the bridge need not pass them on,
    /// and others need not wait for this card.
    Unused,
}

/// A VGA card that takes part in the arbitration.
///
/// # Invariants
///
/// The device is registered with the arbiter, with a callback of this file.
pub struct VgaCard(Device);

impl VgaCard {
    /// Takes the screen away from whoever drew on the card through the firmware's frame buffer, and
    /// registers the card. `name` tells the log who did it.
    ///
    /// [`None`] if the device is not a VGA card.
    ///
    /// # Errors
    ///
    /// Those of removing the frame buffer; [`ENODEV`] if the arbiter does not know the card.
    pub fn new(pdev: &Device, name: &'static CStr, legacy: LegacyUse) -> Result<Option<Self>> {
        let raw = pdev.as_raw();
        // SAFETY: The device is valid; the field is set when it is found.
        if unsafe { (*raw).class } >> 8 != CLASS_VGA {
            return Ok(None);
        }
        // SAFETY: The device is valid, and the name is a static C string.
        to_result(unsafe {
            bindings::vfio_helper_aperture_remove_conflicting_pci_devices(raw, name.as_char_ptr())
        })?;
        let callback: Callback = match legacy {
            LegacyUse::Used => decodes_all,
            LegacyUse::Unused => decodes_if_needed,
        };
        // SAFETY: The device is valid. The callback is code of this module, which the caller keeps
        // in memory by using it, and uses nothing but the device.
        to_result(unsafe { bindings::vfio_helper_vga_client_register(raw, Some(callback)) })?;
        // INVARIANT: Registered just above.
        let card = Self(pdev.clone());
        // SAFETY: The device is valid, which is all that the callback needs.
        let decodes = unsafe { callback(raw, false) };
        card.set_decodes(decodes);
        Ok(Some(card))
    }

    fn set_decodes(&self, decodes: u32) {
        // SAFETY: The device is valid.
        unsafe { bindings::vfio_helper_vga_set_legacy_decoding(self.0.as_raw(), decodes) };
    }

    /// Waits for the card's turn, and maps a range.
    ///
    /// # Errors
    ///
    /// [`ENODEV`] on machines that have no such addresses, [`ENOMEM`], `ERESTARTSYS` if a signal
    /// comes first.
    pub fn lock(&self, range: LegacyRange) -> Result<VgaAccess<'_>> {
        let mapped = Mapped::new(range)?;
        // SAFETY: The device is valid.
        to_result(unsafe {
            bindings::vfio_helper_vga_get_interruptible(self.0.as_raw(), rights(range))
        })?;
        // INVARIANT: Got just above.
        Ok(VgaAccess { card: self, mapped })
    }
}

impl Drop for VgaCard {
    fn drop(&mut self) {
        // SAFETY: The device is valid. No callback runs when this returns, as callbacks run under
        // the arbiter's lock. It cannot fail for a card that is registered.
        unsafe { bindings::vfio_helper_vga_client_register(self.0.as_raw(), None) };
        // The next driver may want them.
        self.set_decodes(DECODES_ALL);
    }
}

/// Returns what the arbiter calls the range.
fn rights(range: LegacyRange) -> u32 {
    match range {
        LegacyRange::Memory => bindings::VGA_RSRC_LEGACY_MEM,
        LegacyRange::MonoPorts | LegacyRange::Ports => bindings::VGA_RSRC_LEGACY_IO,
    }
}

/// What the arbiter asks when it wants to know what a card decodes; called with a spinlock held.
///
/// To be called with a valid device.
type Callback = unsafe extern "C" fn(*mut bindings::pci_dev, bool) -> u32;

/// Tells the arbiter that the card decodes everything.
extern "C" fn decodes_all(_pdev: *mut bindings::pci_dev, _single: bool) -> u32 {
    DECODES_ALL
}

/// Tells the arbiter what a card decodes whose driver does not use the legacy addresses.
///
/// They can only be kept from it at a bridge that has no other card behind it. `single` says that
/// the machine has no other card at all.
///
/// # Safety
///
/// `pdev` is a valid device.
unsafe extern "C" fn decodes_if_needed(pdev: *mut bindings::pci_dev, single: bool) -> u32 {
    // SAFETY: By the requirements of this function; a device keeps its bus alive.
    let on_root_bus = || unsafe { bindings::vfio_helper_pci_is_root_bus((*pdev).bus) };
    // SAFETY: By the requirements of this function.
    if single || on_root_bus() || unsafe { has_neighbour(pdev) } {
        return DECODES_ALL;
    }
    DECODES_NORMAL
}

/// Returns whether another VGA card is on the bus of `pdev`, or on one below it.
///
/// # Safety
///
/// `pdev` is a valid device.
unsafe fn has_neighbour(pdev: *mut bindings::pci_dev) -> bool {
    // SAFETY: By the requirements of this function; a device keeps its bus alive.
    let (domain, first, last) = unsafe {
        let bus = (*pdev).bus;
        (
            bindings::vfio_helper_pci_domain_nr(bus),
            (*bus).number,
            bindings::pci_bus_max_busnr(bus),
        )
    };
    let mut other = null_mut();
    loop {
        // SAFETY: `other` is null, or a counted reference from the last round, which is given back.
        other = unsafe { bindings::pci_get_class(CLASS_VGA << 8, other) };
        if other.is_null() {
            return false;
        }
        if other == pdev {
            continue;
        }
        // SAFETY: `other` is a counted reference, and keeps its bus alive.
        let near = unsafe {
            let bus = (*other).bus;
            bindings::vfio_helper_pci_domain_nr(bus) == domain
                && !bindings::vfio_helper_pci_is_root_bus(bus)
                && (first..=last).contains(&(*bus).number)
        };
        if near {
            // SAFETY: The reference is not used any more.
            unsafe { bindings::pci_dev_put(other) };
            return true;
        }
    }
}

/// A range of legacy addresses as the kernel can use it.
///
/// # Invariants
///
/// `io` is a cookie for the whole of `range`, and belongs to this value.
struct Mapped {
    range: LegacyRange,
    io: NonNull<c_void>,
}

impl Mapped {
    fn new(range: LegacyRange) -> Result<Self> {
        if !cfg!(CONFIG_X86) {
            return Err(ENODEV);
        }
        let (start, len) = (range.start(), range.size());
        // SAFETY: On a PC these are addresses of VGA cards, and of nothing else.
        let io = unsafe {
            match range {
                LegacyRange::Memory => bindings::ioremap(u64::try_from(start)?, len),
                _ => bindings::ioport_map(start, u32::try_from(len)?),
            }
        };
        // INVARIANT: Mapped just above.
        Ok(Self {
            range,
            io: NonNull::new(io.cast::<c_void>()).ok_or(ENOMEM)?,
        })
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        let io = self.io.as_ptr();
        // SAFETY: By the type invariant the cookie is from the counterpart of each.
        unsafe {
            match self.range {
                LegacyRange::Memory => bindings::iounmap(io),
                _ => bindings::ioport_unmap(io),
            }
        }
    }
}

/// A range of legacy addresses while the card answers to it, and no other.
///
/// # Invariants
///
/// The arbiter has given `card` the right to the range; it belongs to this value.
pub struct VgaAccess<'a> {
    card: &'a VgaCard,
    mapped: Mapped,
}

impl VgaAccess<'_> {
    /// Reads one word at `offset` bytes into the range.
    ///
    /// # Errors
    ///
    /// [`EINVAL`] if the word is not inside the range or not aligned.
    pub fn read<W: IoWord>(&self, offset: usize) -> Result<W> {
        // SAFETY: `cookie` made sure that the word is inside the mapping and aligned.
        Ok(unsafe { W::read(self.cookie::<W>(offset)?) })
    }

    /// Writes one word at `offset` bytes into the range.
    ///
    /// # Errors
    ///
    /// [`EINVAL`] if the word is not inside the range or not aligned.
    pub fn write<W: IoWord>(&self, offset: usize, value: W) -> Result {
        // SAFETY: `cookie` made sure that the word is inside the mapping and aligned.
        unsafe { value.write(self.cookie::<W>(offset)?) };
        Ok(())
    }

    fn cookie<W: IoWord>(&self, offset: usize) -> Result<*mut c_void> {
        cookie::<W>(self.mapped.io, self.mapped.range.size(), offset)
    }
}

impl Drop for VgaAccess<'_> {
    fn drop(&mut self) {
        let rights = rights(self.mapped.range);
        // SAFETY: The device is valid, and by the type invariant the right is ours to give back.
        unsafe { bindings::vfio_helper_vga_put(self.card.0.as_raw(), rights) };
    }
}
