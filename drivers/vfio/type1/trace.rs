// SPDX-License-Identifier: GPL-2.0-only

//! The tracepoints of this module, which `trace.h` defines: `events/vfio_type1` in tracefs.

use kernel::prelude::*;

/// Returns 0, or the errno.
pub(crate) fn errno<T>(result: &Result<T>) -> i32 {
    result.as_ref().err().map_or(0, |error| error.to_errno())
}

kernel_ext::tracepoint!(
    /// `MAP_DMA` has ended: I/O address, bytes, user address, and 0 or an errno.
    pub(crate) fn vfio_type1_map(iova: u64, size: u64, vaddr: u64, result: i32);
);

kernel_ext::tracepoint!(
    /// `UNMAP_DMA` has ended: I/O address and bytes as asked for, bytes unmapped, and 0 or an errno.
    pub(crate) fn vfio_type1_unmap(iova: u64, size: u64, unmapped: u64, result: i32);
);
