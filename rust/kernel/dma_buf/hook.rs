// SPDX-License-Identifier: GPL-2.0-only

//! What IOMMUFD asks of a buffer.
//!
//! IOMMUFD is an importer like others: it attaches and is told when a buffer is revoked. But it has no
//! use for DMA addresses, as it fills the tables of an IOMMU itself. So it looks up a function of
//! `vfio-pci-core` by name that tells it the physical address, and neither module depends on the
//! other.
//!
//! C header: [`include/linux/vfio_pci_core.h`](srctree/include/linux/vfio_pci_core.h)

use super::{
    shared,
    Part,
    OPS, //
};
use crate::bindings;
use kernel::{
    error::code::EOPNOTSUPP,
    prelude::*, //
};

/// Writes to `part` where the memory of a buffer is, for an importer that needs no DMA addresses
/// because it fills the tables of an IOMMU itself. Returns 0 or a negative errno.
///
/// The importer forgets the answer when it is told that its addresses are not valid any more.
///
/// # Errors
///
/// `EOPNOTSUPP` if the buffer is not a [`BarBuffer`](super::BarBuffer) or has several parts, `ENODEV` if it is
/// revoked.
///
/// # Safety
///
/// - `attachment` is valid, and the reservation lock of its buffer is held.
/// - `part` is valid for writes.
#[doc(hidden)]
pub unsafe fn physical_part(
    attachment: *mut bindings::dma_buf_attachment,
    part: *mut Part,
) -> c_int {
    // SAFETY: The attachment is valid, and so is its buffer.
    let buffer = unsafe { (*attachment).dmabuf };
    // SAFETY: As above.
    if !core::ptr::eq(unsafe { (*buffer).ops }, &raw const OPS) {
        return EOPNOTSUPP.to_errno();
    }
    // SAFETY: With these operations it is one of ours, and the attachment keeps it.
    let shared = unsafe { shared(buffer) };
    // The reservation lock is held, so that stays as it is.
    if shared.state.lock().revoked {
        return ENODEV.to_errno();
    }
    let [only] = shared.parts[..] else {
        return EOPNOTSUPP.to_errno();
    };
    // SAFETY: `part` is valid for writes.
    unsafe { part.write(only) };
    0
}

/// Defines `vfio_pci_dma_buf_iommufd_map`, which IOMMUFD looks up by name to map a
/// [`BarBuffer`](crate::dma_buf::BarBuffer) into an address space.
///
/// To be used once in a module. That the function has the type that `<linux/vfio_pci_core.h>`
/// declares is checked at compile time.
#[macro_export]
macro_rules! iommufd_buffer_hook {
    () => {
        #[allow(unsafe_code)]
        const _: () = {
            use $crate::private;

            /// Writes to `part` where the memory of a buffer is; returns 0 or a negative errno.
            ///
            /// # Safety
            ///
            /// `attachment` is valid, and the reservation lock of its buffer is held; `part` is
            /// valid for writes.
            #[no_mangle]
            unsafe extern "C" fn vfio_pci_dma_buf_iommufd_map(
                attachment: *mut private::dma_buf_attachment,
                part: *mut private::phys_vec,
            ) -> ::core::ffi::c_int {
                // SAFETY: By the requirements of this function.
                unsafe { $crate::dma_buf::hook::physical_part(attachment, part) }
            }

            // Both arms of an `if` have the same type, so this compiles only if the function has
            // that of the C header.
            let _ = if true {
                private::vfio_pci_dma_buf_iommufd_map
            } else {
                vfio_pci_dma_buf_iommufd_map
            };
        };
    };
}
