// SPDX-License-Identifier: GPL-2.0-only

//! A PCI device that is bound to our driver.
//!
//! `kernel::pci::Device<Bound>` is a borrow from within a callback of the driver core. VFIO keeps
//! using a device from file descriptors, interrupts and page faults, so it needs a handle that
//! owns its right: [`Device`] can be cloned and kept, and the driver's `remove` does not return
//! before the last clone is gone ([`Drain`]). So while a clone exists, the device is bound.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use crate::bindings;
use kernel::{
    device,
    pci,
    prelude::*,
    sync::{
        aref::ARef,
        Arc,
        Completion, //
    }, //
};

/// A handle to a PCI device that is bound to our driver.
///
/// # Invariants
///
/// The driver's `remove` callback for this device has not returned, see [`Drain`].
#[derive(Clone)]
pub struct Device(Arc<Bound>);

/// What all clones of a [`Device`] share.
struct Bound {
    pdev: ARef<pci::Device>,
    gone: Arc<Gone>,
}

/// Completed when the last clone of a [`Device`] is dropped.
#[pin_data]
struct Gone {
    #[pin]
    completion: Completion,
}

impl Drop for Bound {
    fn drop(&mut self) {
        self.gone.completion.complete_all();
    }
}

impl Device {
    /// Makes the first handle, and the [`Drain`] that waits for it and its clones.
    ///
    /// # Safety
    ///
    /// - `pdev` is bound, or being bound, to the calling driver.
    /// - The driver waits on the returned [`Drain`] before its `remove` callback returns, or
    ///   before its `probe` callback returns an error.
    pub(crate) unsafe fn new(pdev: &pci::Device) -> Result<(Self, Drain)> {
        let gone = Arc::pin_init(
            pin_init!(Gone {
                completion <- Completion::new(),
            }),
            GFP_KERNEL,
        )?;
        let bound = Bound {
            pdev: pdev.into(),
            gone: gone.clone(),
        };
        // INVARIANT: By the requirements of this function.
        let device = Self(Arc::new(bound, GFP_KERNEL)?);
        Ok((device, Drain(gone)))
    }

    /// Returns the C device.
    pub(crate) fn as_raw(&self) -> *mut bindings::pci_dev {
        // CAST: `pci::Device` is a transparent wrapper of `struct pci_dev`.
        core::ptr::from_ref::<pci::Device>(&self.0.pdev)
            .cast::<bindings::pci_dev>()
            .cast_mut()
    }

    /// Returns the PCI device as the `kernel` crate sees it: ids, class, resources.
    pub fn pci(&self) -> &pci::Device {
        &self.0.pdev
    }

    /// Returns the device as the driver core sees it.
    pub fn device(&self) -> &device::Device {
        self.0.pdev.as_ref()
    }

    /// Returns the name, which for PCI is the address `DDDD:BB:DD.F`.
    pub fn name(&self) -> &CStr {
        self.device().name()
    }
}

/// Waits until every clone of a [`Device`] is gone.
pub struct Drain(Arc<Gone>);

impl Drain {
    /// Blocks until no clone of the [`Device`] is left.
    ///
    /// The caller has already asked every holder to let go, so this is short.
    pub fn wait(self) {
        self.0.completion.wait_for_completion();
    }
}
