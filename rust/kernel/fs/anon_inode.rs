// SPDX-License-Identifier: GPL-2.0-only

//! Files without a path.
//!
//! They share one inode, whose name in `/proc/PID/fd` is `anon_inode:` and the name given here.
//!
//! C header: [`include/linux/anon_inodes.h`](srctree/include/linux/anon_inodes.h)

use super::{
    FileOperations,
    Mapping,
    Private, //
};
use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    error::from_err_ptr,
    fs::File,
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    },
    types::ForeignOwnable, //
};

// CAST: `FMODE_*` are single bits below 2^32; bindgen cannot see the cast in the macro.
/// The file can be read at an offset.
const FMODE_PREAD: bindings::fmode_t = 1 << 3;
/// The file can be written at an offset.
const FMODE_PWRITE: bindings::fmode_t = 1 << 4;

/// Makes a file for reading and writing, at offsets too, behind which is `data`.
///
/// With `mapping`, what user space maps of the file belongs to that address space and can be taken
/// back with [`Mapping::unmap_range`]. The file keeps it alive.
///
/// # Errors
///
/// `ENFILE` if the system has too many files open, `ENOMEM`, and `ENOENT` if the module of `T` is
/// being unloaded. `data` is then dropped without [`FileOperations::release`].
pub fn new_file<T: FileOperations>(
    name: &'static CStr,
    data: Arc<T>,
    mapping: Option<&Mapping>,
) -> Result<ARef<File>> {
    let private = Private {
        object: data,
        _mapping: mapping.cloned(),
    };
    let private = KBox::new(private, GFP_KERNEL)?.into_foreign();
    // SAFETY:
    // - `name` is a C string; the call copies what it needs of it, and it is static anyway.
    // - The table is static, and its module is in memory, as we are called from there.
    // - The private data is what the table expects.
    let file = unsafe {
        bindings::anon_inode_getfile_fmode(
            name.as_char_ptr(),
            T::table().as_raw(),
            private,
            // CAST: A flag below 2^31.
            bindings::O_RDWR as c_int,
            FMODE_PREAD | FMODE_PWRITE,
        )
    };
    let file = from_err_ptr(file).inspect_err(|_| {
        // SAFETY: This came from `into_foreign` above, and no file was made that owns it.
        drop(unsafe { KBox::<Private<T>>::from_foreign(private) });
    })?;
    if let Some(mapping) = mapping {
        // SAFETY: Nobody else sees the file yet. The address space lives as long as `mapping` and
        // its clones do, one of which is in the private data until the file's `release`; mappings
        // of the file, and all other users of the field, are gone before that.
        unsafe { (*file).f_mapping = mapping.as_raw() };
    }
    let file = NonNull::new(file).ok_or(ENOMEM)?;
    // SAFETY: The call made the file with one reference, which becomes ours. Nobody can have called
    // `fdget_pos` on it, as it has no descriptor. `File` is a transparent wrapper.
    Ok(unsafe { ARef::from_raw(file.cast()) })
}
