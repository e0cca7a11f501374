// SPDX-License-Identifier: GPL-2.0-only

//! The tracepoints of this module, which `trace.h` defines: `events/vfio_pci` in tracefs.

use kernel::prelude::*;

/// Returns 0, or the errno.
pub(crate) fn errno(result: Result) -> i32 {
    result.err().map_or(0, |error| error.to_errno())
}

kernel_ext::tracepoint!(
    /// An interrupt was taken: the device, how it delivers, and which of its vectors.
    pub(crate) fn vfio_pci_irq(device: &CStr, mode: &CStr, vector: u32);
);

kernel_ext::tracepoint!(
    /// A reset has ended: the device, why it was made, and 0 or an errno.
    pub(crate) fn vfio_pci_reset(device: &CStr, kind: &CStr, result: i32);
);

kernel_ext::tracepoint!(
    /// A program touched a BAR where nothing was mapped: the device, the BAR, the page in it, the
    /// logarithm to base 2 of the number of pages, and `VM_FAULT_*`.
    pub(crate) fn vfio_pci_fault(device: &CStr, bar: u32, page: u64, order: u32, outcome: u32);
);
