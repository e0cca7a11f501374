// SPDX-License-Identifier: GPL-2.0-only

//! The callbacks of a file.
//!
//! `kernel::miscdevice` has them for misc devices only. Here any type can be behind a file: it
//! implements [`FileOperations`], and each file of it owns an `Arc` of one value. The table of
//! callbacks is a `static` of its own for each type, so its address tells what a file is, see
//! [`from_file`].
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)

use super::Mapping;
use crate::{
    bindings,
    mm::NewVma,
    uaccess::UserArg, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    fs::{
        File,
        LocalFile, //
    },
    prelude::*,
    seq_file::SeqFile,
    sync::{
        Arc,
        ArcBorrow, //
    },
    types::ForeignOwnable,
    uaccess::{
        UserPtr,
        UserSlice,
        UserSliceReader,
        UserSliceWriter, //
    }, //
};

/// What happens when a file is used whose private data is an `Arc<Self>`.
///
/// The callbacks run in the context of the caller of the system call, may sleep, and may run at
/// the same time for the same file.
pub trait FileOperations: Send + Sync + Sized + 'static {
    /// Whether the file knows ioctls and nothing else.
    ///
    /// Reading and writing then fail with `EINVAL` and mapping fails with `ENODEV` before any
    /// argument is looked at, as for a C driver that leaves those callbacks out.
    const IOCTL_ONLY: bool = false;

    /// The module that the callbacks are in; written by
    /// [`file_operations!`](crate::file_operations).
    const MODULE: &'static ThisModule;

    /// Returns the table of callbacks; written by [`file_operations!`](crate::file_operations).
    fn table() -> &'static FileTable<Self>;

    /// Handles an ioctl, of 64-bit and 32-bit callers alike.
    ///
    /// # Errors
    ///
    /// What the caller shall see; `ENOTTY` for a number that is not known.
    fn ioctl(this: ArcBorrow<'_, Self>, file: &File, cmd: u32, arg: UserArg) -> Result<isize>;

    /// Reads at most `count` bytes at `pos`; returns how many, by which the position advances.
    ///
    /// Also called if `count` is 0.
    ///
    /// # Errors
    ///
    /// What the caller shall see; `EINVAL` unless overridden.
    fn read(&self, _to: &mut UserSliceWriter, _count: usize, _pos: u64) -> Result<usize> {
        Err(EINVAL)
    }

    /// Writes at most `count` bytes at `pos`; returns how many, by which the position advances.
    ///
    /// Also called if `count` is 0.
    ///
    /// # Errors
    ///
    /// What the caller shall see; `EINVAL` unless overridden.
    fn write(&self, _from: &mut UserSliceReader, _count: usize, _pos: u64) -> Result<usize> {
        Err(EINVAL)
    }

    /// Sets up a mapping of the file.
    ///
    /// # Errors
    ///
    /// What the caller shall see; `ENODEV` unless overridden.
    fn mmap(&self, _vma: &mut NewVma<'_>) -> Result {
        Err(ENODEV)
    }

    /// Adds lines to `/proc/PID/fdinfo/FD`.
    fn show_fdinfo(&self, _m: &SeqFile) {}

    /// The last reference to the file is gone; its `Arc` is dropped next.
    fn release(_this: ArcBorrow<'_, Self>) {}
}

/// A type whose files are made by opening a path.
pub trait OpenFile: FileOperations {
    /// What the path stands for.
    type Owner: Send + Sync + 'static;

    /// Returns the object for a new file.
    ///
    /// May still run while the path is being removed, and must then refuse by itself.
    ///
    /// # Errors
    ///
    /// What `open` shall fail with.
    fn open(owner: &Arc<Self::Owner>, file: &File) -> Result<Arc<Self>>;

    /// Returns the address space for what user space maps of the file, so that it can be taken back
    /// with [`Mapping::unmap_range`]. Without one, mappings belong to the path.
    fn mapping(&self) -> Option<Mapping> {
        None
    }
}

/// Writes the two items of [`FileOperations`](crate::fs::FileOperations) that a driver cannot.
///
/// To be used inside the `impl` block. `module` must be that of the calling crate, which is kept
/// in memory by open files: `kernel::module::this_module::<crate::LocalModule>()`.
///
/// ```ignore
/// impl FileOperations for Container {
///     kernel_ext::file_operations!(
///         Container,
///         module: kernel::module::this_module::<crate::LocalModule>(),
///     );
///     // ioctl() and what else the file can do
/// }
/// ```
#[macro_export]
macro_rules! file_operations {
    ($type:ty, module: $module:expr $(,)?) => {
        const MODULE: &'static $crate::private::kernel::ThisModule = $module;

        fn table() -> &'static $crate::fs::FileTable<$type> {
            // SAFETY:
            // - The table is the initial value of a `static`.
            // - `$module` is the module of the calling crate, as the macro asks for.
            #[allow(unsafe_code)]
            static TABLE: $crate::fs::FileTable<$type> = unsafe { $crate::fs::FileTable::new() };
            &TABLE
        }
    };
}

/// What the private data of a file points to.
///
/// Files keep their address space alive here, so that no implementation has to.
pub(crate) struct Private<T> {
    pub(crate) object: Arc<T>,
    pub(crate) _mapping: Option<Mapping>,
}

/// The callbacks of files whose private data is a [`Private<T>`].
///
/// # Invariants
///
/// - A file whose `f_op` points to this table has a `Private<T>` as private data, made by
///   `KBox::into_foreign`, until its `release`.
/// - The table is a `static`, so its address is that of no other table.
#[repr(transparent)]
pub struct FileTable<T: FileOperations> {
    ops: bindings::file_operations,
    _type: PhantomData<fn(T)>,
}

// SAFETY: The table is never written to, and what it points to are functions and a module.
unsafe impl<T: FileOperations> Sync for FileTable<T> {}

impl<T: FileOperations> FileTable<T> {
    /// Fills the table; use [`file_operations!`](crate::file_operations).
    ///
    /// # Safety
    ///
    /// - The value becomes the initial value of a `static` that is not `mut`.
    /// - `T::MODULE` is the module that the implementation of `T` is in.
    pub const unsafe fn new() -> Self {
        let ioctl_only = T::IOCTL_ONLY;
        // INVARIANT: Only `install` and `new_file` give the table to files, with such data; the
        // caller makes it a `static`.
        Self {
            ops: bindings::file_operations {
                owner: T::MODULE.as_ptr(),
                unlocked_ioctl: Some(Self::ioctl),
                #[cfg(CONFIG_COMPAT)]
                compat_ioctl: bindings::compat_ptr_ioctl,
                read: if ioctl_only { None } else { Some(Self::read) },
                write: if ioctl_only { None } else { Some(Self::write) },
                mmap: if ioctl_only { None } else { Some(Self::mmap) },
                show_fdinfo: Some(Self::show_fdinfo),
                release: Some(Self::release),
                ..pin_init::zeroed()
            },
            _type: PhantomData,
        }
    }

    /// Returns the C table.
    pub(crate) fn as_raw(&'static self) -> *const bindings::file_operations {
        &raw const self.ops
    }

    /// Returns the object behind a file.
    ///
    /// # Safety
    ///
    /// `file` points to a file with this table, which is not released during `'a`.
    unsafe fn object<'a>(file: *mut bindings::file) -> ArcBorrow<'a, T> {
        // SAFETY: The file is valid by the requirements of this function. Its private data was set
        // before the table and does not change.
        let private = unsafe { (*file).private_data };
        // SAFETY: By the type invariant this came from `KBox::<Private<T>>::into_foreign`. Only
        // `release` takes it back, which is not before the end of `'a`.
        let private: &'a Private<T> = unsafe { KBox::<Private<T>>::borrow(private) };
        private.object.as_arc_borrow()
    }

    /// # Safety
    ///
    /// The kernel calls this for an open file with this table.
    unsafe extern "C" fn ioctl(file: *mut bindings::file, cmd: c_uint, arg: c_ulong) -> c_long {
        // SAFETY: The file is open during the call and has this table.
        let this = unsafe { Self::object(file) };
        // SAFETY: The file is open during the call; `ioctl` does not use `fdget_pos`.
        let file = unsafe { File::from_raw_file(file) };
        match T::ioctl(this, file, cmd, UserArg::new(arg)) {
            Ok(value) => value,
            // CAST: An errno fits in any integer that is this wide.
            Err(error) => error.to_errno() as c_long,
        }
    }

    /// # Safety
    ///
    /// The kernel calls this for an open file with this table; `pos` is valid for reads and
    /// writes and nobody else's during the call.
    unsafe extern "C" fn read(
        file: *mut bindings::file,
        buf: *mut c_char,
        count: usize,
        pos: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: The file is open during the call and has this table.
        let this = unsafe { Self::object(file) };
        // SAFETY: By the requirements of this function.
        let pos = unsafe { &mut *pos };
        let mut to = UserSlice::new(UserPtr::from_addr(buf.addr()), count).writer();
        transfer(pos, |at| this.read(&mut to, count, at))
    }

    /// # Safety
    ///
    /// As for `read`.
    unsafe extern "C" fn write(
        file: *mut bindings::file,
        buf: *const c_char,
        count: usize,
        pos: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: The file is open during the call and has this table.
        let this = unsafe { Self::object(file) };
        // SAFETY: By the requirements of this function.
        let pos = unsafe { &mut *pos };
        let mut from = UserSlice::new(UserPtr::from_addr(buf.addr()), count).reader();
        transfer(pos, |at| this.write(&mut from, count, at))
    }

    /// # Safety
    ///
    /// The kernel calls this for an open file with this table, to set up `vma`.
    unsafe extern "C" fn mmap(
        file: *mut bindings::file,
        vma: *mut bindings::vm_area_struct,
    ) -> c_int {
        // SAFETY: The file is open during the call and has this table.
        let this = unsafe { Self::object(file) };
        let Some(vma) = NonNull::new(vma) else {
            return EINVAL.to_errno();
        };
        // SAFETY: `vma` is the argument of this callback, and wrapped nowhere else.
        let mut vma = unsafe { NewVma::from_raw(vma) };
        match this.mmap(&mut vma) {
            Ok(()) => 0,
            Err(error) => error.to_errno(),
        }
    }

    /// # Safety
    ///
    /// The kernel calls this for an open file with this table and a sequence file that is being
    /// written.
    unsafe extern "C" fn show_fdinfo(m: *mut bindings::seq_file, file: *mut bindings::file) {
        // SAFETY: The file is open during the call and has this table.
        let this = unsafe { Self::object(file) };
        // SAFETY: `m` is valid and ours alone during the call.
        this.show_fdinfo(unsafe { SeqFile::from_raw(m) });
    }

    /// # Safety
    ///
    /// The kernel calls this once for a file with this table, after all other callbacks.
    unsafe extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: The file is valid during the call.
        let private = unsafe { (*file).private_data };
        // SAFETY: By the type invariant this came from `KBox::<Private<T>>::into_foreign`. No
        // callback borrows it any more, and none will.
        let private = unsafe { KBox::<Private<T>>::from_foreign(private) };
        T::release(private.object.as_arc_borrow());
        0
    }
}

/// Runs `body` with the position of a file and advances that by what was transferred.
fn transfer(pos: &mut bindings::loff_t, body: impl FnOnce(u64) -> Result<usize>) -> isize {
    let result = u64::try_from(*pos).map_err(|_| EINVAL).and_then(body);
    match result.map(isize::try_from) {
        Ok(Ok(done)) => {
            // CAST: Both are 64 bits wide or `done` is narrower.
            *pos = pos.saturating_add(done as bindings::loff_t);
            done
        }
        Ok(Err(_)) => EINVAL.to_errno() as isize,
        Err(error) => error.to_errno() as isize,
    }
}

/// Returns the object behind `file` if it is of type `T`.
pub fn from_file<T: FileOperations>(file: &LocalFile) -> Option<Arc<T>> {
    // SAFETY: The file is valid, and the reference keeps it from being released.
    unsafe { object_behind::<T>(file.as_ptr()) }.map(Into::into)
}

/// Returns the object behind `file` if it is of type `T`.
///
/// # Safety
///
/// `file` points to an open file, which is not released during `'a`.
pub(crate) unsafe fn object_behind<'a, T: FileOperations>(
    file: *mut bindings::file,
) -> Option<ArcBorrow<'a, T>> {
    // SAFETY: The file is valid. Its table changes only in `open`, before others see the file.
    let table = unsafe { (*file).f_op };
    if !core::ptr::eq(table, T::table().as_raw()) {
        return None;
    }
    // SAFETY: The file has the table of `T`, and is not released by the requirements.
    Some(unsafe { FileTable::<T>::object(file) })
}

/// The `open` callback of a path to files of type `T`.
pub(crate) type OpenCallback =
    unsafe extern "C" fn(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int;

/// Returns a table for a path, as opposed to its open files: its `open` makes a `T` and calls
/// [`install`].
///
/// Callers store it in a `const`: unlike a [`FileTable`], it has no identity.
pub(crate) const fn entry_table<T: OpenFile>(open: OpenCallback) -> bindings::file_operations {
    bindings::file_operations {
        owner: T::MODULE.as_ptr(),
        open: Some(open),
        ..pin_init::zeroed()
    }
}

/// Makes a file that is being opened one of type `T`.
///
/// # Errors
///
/// Those of `T::open`, and `ENOMEM`; the file is then unchanged.
///
/// # Safety
///
/// `file` points to a file whose `open` callback is running, from a table made by
/// [`entry_table::<T>`].
pub(crate) unsafe fn install<T: OpenFile>(
    owner: &Arc<T::Owner>,
    file: *mut bindings::file,
) -> Result {
    // SAFETY: The file is valid while it is being opened, and nobody uses its position yet.
    let object = T::open(owner, unsafe { File::from_raw_file(file) })?;
    let mapping = object.mapping();
    let address_space = mapping.as_ref().map(Mapping::as_raw);
    let private = Private {
        object,
        _mapping: mapping,
    };
    let private = KBox::new(private, GFP_KERNEL)?;
    // SAFETY:
    // - Nobody else sees a file before it is open, so the fields may be written.
    // - The private data is what the table expects.
    // - Both tables name `T::MODULE` as their owner, so the reference to the module that the
    //   kernel took for the one is right for the other.
    // - The address space lives as long as its clone in the private data, which is until the file's
    //   `release`; mappings of the file, and all other users of the field, are gone before that.
    unsafe {
        if let Some(address_space) = address_space {
            (*file).f_mapping = address_space;
        }
        (*file).private_data = private.into_foreign();
        (*file).f_op = T::table().as_raw();
    }
    Ok(())
}
