// SPDX-License-Identifier: GPL-2.0-only

//! VFIO's user-space ABI as Rust types.

#[allow(missing_docs, non_camel_case_types, non_upper_case_globals, non_snake_case, clippy::all, dead_code, unsafe_op_in_unsafe_fn)]
mod generated {
    include!(env!("VFIO_UAPI_GENERATED"));
}
pub use generated::*;

/// A plain-old-data type.
///
/// # Safety
///
/// Every bit pattern is valid and there is no padding.
pub unsafe trait Pod: Copy + 'static {
    /// Returns the all-zero value.
    fn zeroed() -> Self {
        // SAFETY: All bit patterns are valid.
        unsafe { core::mem::zeroed() }
    }
    /// Returns the bytes.
    fn as_bytes(&self) -> &[u8] {
        // SAFETY: No padding.
        unsafe { core::slice::from_raw_parts(core::ptr::from_ref(self).cast(), size_of::<Self>()) }
    }
    /// Returns the bytes, writable.
    fn as_bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: No padding and all bit patterns are valid.
        unsafe { core::slice::from_raw_parts_mut(core::ptr::from_mut(self).cast(), size_of::<Self>()) }
    }
}
// SAFETY: Integers.
unsafe impl Pod for u32 {}
