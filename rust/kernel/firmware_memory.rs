// SPDX-License-Identifier: GPL-2.0-only

//! Memory that the machine's firmware has set aside, to leave tables in it.
//!
//! Its address comes from a register or another table, so it may be anything: [`FirmwareMemory`]
//! takes only what is not the kernel's own memory. The firmware may change it at any time.
//!
//! C header: [`include/linux/io.h`](srctree/include/linux/io.h)

use crate::bindings;
use core::{
    ffi::c_void,
    ptr::NonNull, //
};
use kernel::prelude::*;

/// A part of the firmware's memory, readable.
///
/// # Invariants
///
/// `start` is a mapping of `len` bytes from `memremap`, which belongs to this value.
pub struct FirmwareMemory {
    start: NonNull<c_void>,
    len: usize,
}

// SAFETY: A mapping can be read and taken away from any thread.
unsafe impl Send for FirmwareMemory {}

// SAFETY: Only reads happen through a shared reference, byte by byte.
unsafe impl Sync for FirmwareMemory {}

impl FirmwareMemory {
    /// Maps `len` bytes at the physical address `start`.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there are none, they reach behind the end of the address space or into the
    /// kernel's own memory; `ENOMEM` if they cannot be mapped.
    pub fn map(start: u64, len: usize) -> Result<Self> {
        let size = u64::try_from(len)?;
        if size == 0 || start.checked_add(size).is_none() {
            return Err(EINVAL);
        }
        // CAST: Widening, and numbers of a C enum.
        // SAFETY: The call only looks at the list of resources, under its lock.
        let is_ours = unsafe {
            bindings::region_intersects(
                start,
                len,
                bindings::IORESOURCE_SYSTEM_RAM as c_ulong,
                bindings::IORES_DESC_NONE as c_ulong,
            )
        } != bindings::REGION_DISJOINT as c_int;
        if is_ours {
            return Err(EINVAL);
        }
        // SAFETY: The range has a length, does not wrap and is not the kernel's memory, so to map it
        // aliases nothing.
        let at = unsafe { bindings::memremap(start, len, bindings::MEMREMAP_WB as usize) };
        // INVARIANT: Mapped just above, with this length.
        Ok(Self {
            start: NonNull::new(at).ok_or(ENOMEM)?,
            len,
        })
    }

    /// Copies the bytes from `offset` on, as many as fit into `to`.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there are fewer; `to` is unchanged then.
    pub fn read(&self, offset: usize, to: &mut [u8]) -> Result {
        let end = offset.checked_add(to.len()).ok_or(EINVAL)?;
        if end > self.len {
            return Err(EINVAL);
        }
        let start = self.start.cast::<u8>();
        for (byte, at) in to.iter_mut().zip(offset..) {
            // SAFETY:
            // - `at` is below `end`, so by the type invariant the byte is inside the mapping.
            // - The read is volatile and of one byte, for the firmware may be writing.
            *byte = unsafe { start.add(at).read_volatile() };
        }
        Ok(())
    }
}

impl Drop for FirmwareMemory {
    fn drop(&mut self) {
        // SAFETY: By the type invariant this is a mapping from `memremap`, and nobody has it any more.
        unsafe { bindings::memunmap(self.start.as_ptr()) };
    }
}
