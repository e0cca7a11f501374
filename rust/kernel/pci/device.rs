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

    /// Returns a number that tells this device from all others while it is bound.
    pub fn address(&self) -> usize {
        self.as_raw().addr()
    }

    /// Returns the vendor's number.
    pub fn vendor(&self) -> u16 {
        self.pci().vendor_id().as_raw()
    }

    /// Returns the number that the vendor gave the device.
    pub fn device_id(&self) -> u16 {
        self.pci().device_id()
    }

    /// Returns class and subclass, as the standard numbers them.
    pub fn class(&self) -> u16 {
        // CAST: The class code has 24 bits, the lowest eight of them the programming interface.
        (self.pci().pci_class().as_raw() >> 8) as u16
    }

    /// Returns the layout of the configuration header: 0 for devices, others for bridges.
    pub fn header_type(&self) -> u8 {
        // SAFETY: The device is valid; the field is set when it is found.
        unsafe { (*self.as_raw()).hdr_type }
    }

    /// Returns the size of configuration space in bytes.
    pub fn config_size(&self) -> u32 {
        // SAFETY: The device is valid; the field is set when it is found.
        u32::try_from(unsafe { (*self.as_raw()).cfg_size }).unwrap_or(0)
    }

    /// Returns where the power management capability is in configuration space.
    pub fn pm_cap(&self) -> Option<u8> {
        // SAFETY: The device is valid; the field is set when it is found.
        Some(unsafe { (*self.as_raw()).pm_cap }).filter(|&at| at != 0)
    }

    /// Returns where the MSI-X capability is in configuration space.
    pub fn msix_cap(&self) -> Option<u8> {
        // SAFETY: The device is valid; the field is set when it is found.
        Some(unsafe { (*self.as_raw()).msix_cap }).filter(|&at| at != 0)
    }

    /// Returns whether the device sits directly on a root bus.
    pub fn is_on_root_bus(&self) -> bool {
        // SAFETY: The device is valid and keeps its bus alive.
        unsafe { bindings::vfio_helper_pci_is_root_bus((*self.as_raw()).bus) }
    }

    /// Returns whether the device is a virtual function (SR-IOV).
    pub fn is_virtual_function(&self) -> bool {
        // SAFETY: The device is valid.
        unsafe { bindings::vfio_helper_pci_dev_is_virtfn(self.as_raw()) }
    }

    /// Returns whether the device can have virtual functions (SR-IOV).
    pub fn is_physical_function(&self) -> bool {
        // SAFETY: The device is valid.
        unsafe { bindings::vfio_helper_pci_dev_is_physfn(self.as_raw()) }
    }

    /// Returns how many virtual functions the device has now.
    pub fn virtual_functions(&self) -> u32 {
        // SAFETY: The device is valid.
        u32::try_from(unsafe { bindings::pci_num_vf(self.as_raw()) }).unwrap_or(0)
    }

    /// Returns whether the device decodes memory no matter what its COMMAND register says.
    pub fn always_decodes_memory(&self) -> bool {
        // SAFETY: The device is valid.
        unsafe { bindings::vfio_helper_pci_dev_no_command_memory(self.as_raw()) }
    }

    /// Returns whether the machine cannot map the device's BARs.
    pub fn has_unmappable_bars(&self) -> bool {
        // SAFETY: The device is valid.
        unsafe { bindings::vfio_helper_pci_dev_non_mappable_bars(self.as_raw()) }
    }

    /// Returns whether the device can mask its own interrupt line and tell whether it is asserted.
    pub fn can_mask_intx(&self) -> bool {
        // SAFETY: The device is valid.
        unsafe { bindings::vfio_helper_pci_intx_mask_supported(self.as_raw()) }
    }

    /// Returns the widths of atomic operations that the root complex completes for this device, and
    /// lets the device request them.
    pub fn atomic_completer(&self) -> AtomicWidths {
        let mut devcap2 = 0;
        // SAFETY: The device is valid and keeps its physical function alive.
        let physfn = unsafe { bindings::vfio_helper_pci_physfn(self.as_raw()) };
        // SAFETY: As above; the value is valid for writes. On failure it is set to zero.
        unsafe { bindings::pcie_capability_read_dword(physfn, PCI_EXP_DEVCAP2, &mut devcap2) };
        let completes = |width| {
            // SAFETY: As above.
            let enable = || unsafe { bindings::pci_enable_atomic_ops_to_root(physfn, width) };
            devcap2 & width != 0 && enable() == 0
        };
        AtomicWidths {
            bits32: completes(bindings::PCI_EXP_DEVCAP2_ATOMIC_COMP32),
            bits64: completes(bindings::PCI_EXP_DEVCAP2_ATOMIC_COMP64),
            bits128: completes(bindings::PCI_EXP_DEVCAP2_ATOMIC_COMP128),
        }
    }

    /// Reads 16 bits of configuration space on behalf of the kernel.
    ///
    /// All ones if the device does not answer.
    pub fn config_read_u16(&self, at: u16) -> u16 {
        let mut value = u16::MAX;
        // SAFETY: The device is valid, and bound to us while `self` exists.
        unsafe { bindings::pci_read_config_word(self.as_raw(), at.into(), &mut value) };
        value
    }

    /// Reads 32 bits of configuration space on behalf of the kernel.
    ///
    /// All ones if the device does not answer.
    pub fn config_read_u32(&self, at: u16) -> u32 {
        let mut value = u32::MAX;
        // SAFETY: The device is valid, and bound to us while `self` exists.
        unsafe { bindings::pci_read_config_dword(self.as_raw(), at.into(), &mut value) };
        value
    }

    /// Writes 16 bits of configuration space on behalf of the kernel.
    pub fn config_write_u16(&self, at: u16, value: u16) {
        // SAFETY: The device is valid, and bound to us while `self` exists.
        unsafe { bindings::pci_write_config_word(self.as_raw(), at.into(), value) };
    }
}

/// Widths of atomic operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AtomicWidths {
    /// Four bytes.
    pub bits32: bool,
    /// Eight bytes.
    pub bits64: bool,
    /// Sixteen bytes.
    pub bits128: bool,
}

/// The Device Capabilities 2 register in the PCI Express capability.
const PCI_EXP_DEVCAP2: c_int = bindings::PCI_EXP_DEVCAP2 as c_int;

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
