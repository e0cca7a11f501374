// SPDX-License-Identifier: GPL-2.0-only

//! Arguments of ioctls.
//!
//! VFIO's structs begin with `argsz`, the size that the caller knows, and may grow at the end. A
//! handler copies the part that it cannot do without (the *head*), checks `argsz`, and touches
//! nothing beyond it. [`UserArg`] is the address of such a struct in user memory.
//!
//! C header: [`include/linux/uaccess.h`](srctree/include/linux/uaccess.h)

use kernel::{
    error::to_result,
    prelude::*,
    transmute::{
        AsBytes,
        FromBytes, //
    },
    uaccess::{
        UserPtr,
        UserSlice,
        UserSliceReader,
        UserSliceWriter, //
    }, //
};
use vfio_uapi::Pod;

/// A [`Pod`] as the kernel crate's traits see it.
#[repr(transparent)]
struct Plain<T>(T);

// SAFETY: All bit patterns are values of a `Pod` type, which has no interior mutability.
unsafe impl<T: Pod> FromBytes for Plain<T> {}
// SAFETY: A `Pod` type has no padding and no interior mutability.
unsafe impl<T: Pod> AsBytes for Plain<T> {}

impl<T: Pod> Plain<T> {
    fn from_ref(value: &T) -> &Self {
        // SAFETY: `Self` is a transparent wrapper, so the reference is as valid for it.
        unsafe { &*core::ptr::from_ref(value).cast() }
    }
}

/// The address that an ioctl got as its argument.
///
/// Holding one proves nothing: every access is checked when it is made and fails with `EFAULT` if
/// the memory is not there.
#[derive(Clone, Copy, Debug)]
pub struct UserArg(usize);

impl UserArg {
    /// Wraps the argument of an ioctl.
    pub const fn new(arg: usize) -> Self {
        Self(arg)
    }

    /// Returns the argument as the integer that it is for ioctls without a struct.
    pub const fn value(self) -> usize {
        self.0
    }

    /// Returns the address `offset` bytes further on.
    ///
    /// Wraps around like user pointers do; the access that follows is checked anyway.
    #[must_use]
    pub const fn at(self, offset: usize) -> Self {
        Self(self.0.wrapping_add(offset))
    }

    /// Copies a whole `T` from user memory.
    ///
    /// # Errors
    ///
    /// `EFAULT` if any byte is not readable.
    pub fn read<T: Pod>(self) -> Result<T> {
        // Where the length is a constant, the kernel need not look at what it copies to.
        let value: Plain<T> = self.reader(size_of::<T>()).read()?;
        Ok(value.0)
    }

    /// Copies the first `head` bytes of a `T` from user memory; the rest is zero.
    ///
    /// # Errors
    ///
    /// `EFAULT` if any of these bytes is not readable.
    pub fn read_head<T: Pod>(self, head: usize) -> Result<T> {
        if head == size_of::<T>() {
            return self.read();
        }
        let mut value = T::zeroed();
        let bytes = value.as_bytes_mut().get_mut(..head).ok_or(EINVAL)?;
        self.reader(head).read_slice(bytes)?;
        Ok(value)
    }

    /// Copies a `T` from user memory whose caller knows `size` bytes of it.
    ///
    /// What an older caller does not know of `T` is zero, and what a newer one knows beyond `T` must
    /// be.
    ///
    /// # Errors
    ///
    /// `EFAULT` if any of these bytes is not readable, `E2BIG` if one beyond `T` is not zero.
    pub fn read_sized<T: Pod>(self, size: usize) -> Result<T> {
        if let Some(rest) = size.checked_sub(size_of::<T>()) {
            let from = core::ptr::without_provenance(self.at(size_of::<T>()).0);
            // SAFETY: The call checks the address like every access to user memory.
            match unsafe { crate::bindings::check_zeroed_user(from, rest) } {
                0 => return Err(E2BIG),
                result => to_result(result.min(0))?,
            }
        }
        self.read_head(size.min(size_of::<T>()))
    }

    /// Copies a whole `T` to user memory.
    ///
    /// # Errors
    ///
    /// `EFAULT` if any byte is not writable.
    pub fn write<T: Pod>(self, value: &T) -> Result {
        self.writer(size_of::<T>()).write(Plain::from_ref(value))
    }

    /// Copies the first `head` bytes of a `T` to user memory.
    ///
    /// # Errors
    ///
    /// `EFAULT` if any of these bytes is not writable.
    pub fn write_head<T: Pod>(self, value: &T, head: usize) -> Result {
        if head == size_of::<T>() {
            return self.write(value);
        }
        let bytes = value.as_bytes().get(..head).ok_or(EINVAL)?;
        self.writer(head).write_slice(bytes)
    }

    /// Returns a reader for `len` bytes from here.
    pub fn reader(self, len: usize) -> UserSliceReader {
        UserSlice::new(UserPtr::from_addr(self.0), len).reader()
    }

    /// Returns a writer for `len` bytes from here.
    pub fn writer(self, len: usize) -> UserSliceWriter {
        UserSlice::new(UserPtr::from_addr(self.0), len).writer()
    }

    /// Copies a C string of at most `max` bytes, its end included.
    ///
    /// The result ends with the NUL byte.
    ///
    /// # Errors
    ///
    /// `EFAULT` if the string runs into memory that is not readable, `EINVAL` if it has no end
    /// within `max` bytes, `ENOMEM`.
    pub fn read_cstr(self, max: usize) -> Result<KVec<u8>> {
        /// Bytes copied at a time: a string must not fail because of what lies behind its end.
        const STEP: usize = 64;

        let mut text = KVec::new();
        while text.len() < max {
            // Stop at multiples of `STEP`, which never straddle a page.
            let at = self.at(text.len());
            let len = (STEP - at.0 % STEP).min(max - text.len());
            let mut chunk = [0u8; STEP];
            let chunk = chunk.get_mut(..len).ok_or(EINVAL)?;
            at.reader(len).read_slice(chunk)?;
            match chunk.iter().position(|&byte| byte == 0) {
                Some(end) => {
                    text.extend_from_slice(&chunk[..=end], GFP_KERNEL)?;
                    return Ok(text);
                }
                None => text.extend_from_slice(chunk, GFP_KERNEL)?,
            }
        }
        Err(EINVAL)
    }
}

/// Returns whether `len` bytes from `arg` lie in the part of the address space that is the user's.
///
/// That says nothing of whether there is memory.
pub fn access_ok(arg: UserArg, len: usize) -> bool {
    // SAFETY: This only compares numbers; nothing is accessed.
    unsafe { crate::bindings::vfio_helper_access_ok(core::ptr::without_provenance(arg.0), len) }
}
