// SPDX-License-Identifier: GPL-2.0-only

//! Message-signalled interrupts.
//!
//! A device with MSI or MSI-X raises an interrupt by writing a message to memory. [`Vectors`] is
//! the set of interrupt numbers that the kernel has set aside for one device's messages; [`Vector`]
//! is one of them, and keeps the set. So the set is freed after the last handler on it, whatever
//! the order in which the owners go.
//!
//! The MSI-X table is in a BAR. Everything here that says so touches that table, and must run
//! while the device decodes memory.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use super::Device;
use crate::{
    bindings,
    irq::Source, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
// The kernel's bindings only have a forward declaration.
use vfio_bindings::msi_msg;

/// The two kinds of message-signalled interrupts. A device has at most one of them on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Up to 32 vectors, a power of two, the message in configuration space.
    Msi,
    /// Up to 2048 vectors, the messages in a table in a BAR.
    Msix,
}

impl Kind {
    /// Returns the `PCI_IRQ_*` flag.
    const fn flag(self) -> u32 {
        match self {
            Self::Msi => bindings::PCI_IRQ_MSI,
            Self::Msix => bindings::PCI_IRQ_MSIX,
        }
    }
}

/// What came of asking for vectors.
pub enum Allocation {
    /// All that were asked for.
    All(Arc<Vectors>),

    /// This many could have been had, at least one; none was taken.
    Fewer(u32),
}

/// The vectors of a device.
///
/// # Invariants
///
/// `pci_alloc_irq_vectors` has enabled `kind` on `dev`, and nothing else disables it.
pub struct Vectors {
    dev: Device,
    kind: Kind,
}

impl Vectors {
    /// Enables `kind` with `want` vectors.
    ///
    /// Touches the MSI-X table. The device must have neither MSI nor MSI-X on; else the kernel
    /// logs a warning.
    ///
    /// # Errors
    ///
    /// `ERANGE` if `want` is zero, `ENOSPC` if there is no vector, `EINVAL` if the other kind is
    /// on, `ENOMEM`.
    pub fn alloc(dev: &Device, kind: Kind, want: u32) -> Result<Allocation> {
        // SAFETY: The device is valid and bound by its type invariant; the call checks the rest.
        let got = unsafe { bindings::pci_alloc_irq_vectors(dev.as_raw(), 1, want, kind.flag()) };
        // A negative number is an errno.
        let got = u32::try_from(got).map_err(|_| Error::from_errno(got))?;
        // INVARIANT: The call succeeded, so the vectors are there, and this is their only owner.
        let vectors = Self {
            dev: dev.clone(),
            kind,
        };
        if got < want {
            return Ok(Allocation::Fewer(got));
        }
        Ok(Allocation::All(Arc::new(vectors, GFP_KERNEL_ACCOUNT)?))
    }

    /// Returns vector `index` of the set.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it is not allocated.
    pub fn get(self: &Arc<Self>, index: u32) -> Result<Vector> {
        // SAFETY: The device is valid and bound by its type invariant.
        let irq = unsafe { bindings::pci_irq_vector(self.dev.as_raw(), index) };
        self.vector(irq)
    }

    /// Returns vector `index` of the set, and adds it if it is missing and the platform can.
    ///
    /// Touches the MSI-X table.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it is not allocated and the set cannot grow, `ENOSPC`, `ENOMEM`.
    pub fn get_or_alloc(self: &Arc<Self>, index: u32) -> Result<Vector> {
        let found = self.get(index);
        if found.is_ok() || self.kind != Kind::Msix || !self.dev.msix_can_grow() {
            return found;
        }
        // SAFETY: The device is valid, bound and has MSI-X on by the type invariants; a null
        // pointer asks for the default affinity.
        let map =
            unsafe { bindings::pci_msix_alloc_irq_at(self.dev.as_raw(), index, core::ptr::null()) };
        self.vector(if map.index < 0 { map.index } else { map.virq })
    }

    /// Makes a [`Vector`] of an interrupt number, or an error of a negative errno.
    fn vector(self: &Arc<Self>, irq: c_int) -> Result<Vector> {
        match u32::try_from(irq) {
            Ok(0) => Err(EINVAL),
            // INVARIANT: The kernel gave the number for a vector of this set.
            Ok(irq) => Ok(Vector {
                irq,
                set: self.clone(),
            }),
            Err(_) => Err(Error::from_errno(irq)),
        }
    }
}

impl Drop for Vectors {
    /// Frees the vectors and disables the kind. Touches the MSI-X table.
    fn drop(&mut self) {
        // SAFETY: By the type invariant the vectors are there and belong to this value. Every
        // handler on one owns a `Vector` and with it a reference to this value, so none is left.
        unsafe { bindings::pci_free_irq_vectors(self.dev.as_raw()) };
    }
}

/// One vector of a set.
///
/// # Invariants
///
/// `irq` is the interrupt number of an allocated vector of `set`; vectors are never freed alone.
#[derive(Clone)]
pub struct Vector {
    irq: u32,
    set: Arc<Vectors>,
}

impl Vector {
    /// Writes the message that the kernel remembers for this vector to the device again.
    ///
    /// A reset behind the kernel's back may have cleared it. Touches the MSI-X table.
    pub fn refresh(&self) {
        if self.set.kind != Kind::Msix {
            return;
        }
        let mut message = msi_msg::default();
        // SAFETY: By the type invariant `irq` is an allocated MSI-X vector, so it has a descriptor
        // for the first call to read and the second to write through; `message` is ours.
        unsafe {
            bindings::get_cached_msi_msg(self.irq, &mut message);
            bindings::pci_write_msi_msg(self.irq, &mut message);
        }
    }
}

// SAFETY: The number is fixed, and stays the device's as long as the set exists, which the value
// holds; the set holds the bound device.
unsafe impl Source for Vector {
    fn irq(&self) -> u32 {
        self.irq
    }
}

impl Device {
    /// Returns how many MSI vectors the device can ask for; 0 if it has no MSI.
    pub fn msi_count(&self) -> u32 {
        // SAFETY: The device is valid by the type invariant; the offset is set at enumeration.
        let cap = unsafe { (*self.as_raw()).msi_cap };
        self.message_control(cap, bindings::PCI_MSI_FLAGS)
            .map_or(0, |flags| {
                1 << ((flags & bindings::PCI_MSI_FLAGS_QMASK) >> 1)
            })
    }

    /// Returns the size of the MSI-X table in vectors, 1 to 2048; 0 if the device has no MSI-X.
    pub fn msix_count(&self) -> u32 {
        // SAFETY: As above.
        let cap = unsafe { (*self.as_raw()).msix_cap };
        self.message_control(cap, bindings::PCI_MSIX_FLAGS)
            .map_or(0, |flags| (flags & bindings::PCI_MSIX_FLAGS_QSIZE) + 1)
    }

    /// Returns whether vectors can be added to an MSI-X set that is in use.
    pub fn msix_can_grow(&self) -> bool {
        // SAFETY: The device is valid by the type invariant; the call only asks.
        unsafe { bindings::pci_msix_can_alloc_dyn(self.as_raw()) }
    }

    /// Reads the Message Control register of the capability at `cap`; `None` if there is none.
    fn message_control(&self, cap: u8, register: u32) -> Option<u32> {
        if cap == 0 {
            return None;
        }
        let mut flags = 0;
        // CAST: An offset of at most 255 + 2.
        let offset = (u32::from(cap) + register) as c_int;
        // SAFETY: The device is valid by the type invariant and `flags` is ours. A failed read
        // gives all ones, as the register of a device that is gone.
        unsafe { bindings::pci_read_config_word(self.as_raw(), offset, &mut flags) };
        Some(u32::from(flags))
    }
}
