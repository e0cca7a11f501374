// SPDX-License-Identifier: GPL-2.0-only

//! Files for people who want to know what goes on inside, below `/sys/kernel/debug`.
//!
//! [`Dir`] is a folder, [`File`] a text in it that is made anew each time it is read. Both go when
//! they are dropped; dropping a [`File`] waits for those who are just reading it, so whoever drops
//! one holds no lock that making the text takes.
//!
//! `kernel::debugfs` has such files, too, but they do not keep the module in memory that they are a
//! part of. Debugfs looks into the table of callbacks again when an open file is closed, which may be
//! after the module was unloaded. The tables here name their module.
//!
//! On a kernel without debugfs all of this does nothing, and if a file cannot be made, it is missing:
//! nobody's work depends on it.
//!
//! C header: [`include/linux/debugfs.h`](srctree/include/linux/debugfs.h)

use crate::bindings;
use core::marker::PhantomData;
use kernel::{
    module::ModuleMetadata,
    prelude::*,
    seq_file::SeqFile,
    sync::Arc, //
};

/// A folder. It exists as long as a clone of this, or something in it.
#[derive(Clone)]
pub struct Dir(Arc<Entry>);

impl Dir {
    /// Makes a folder at the top.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(name: &CStr) -> Result<Self> {
        Ok(Self(Arc::new(Entry::dir(name, None), GFP_KERNEL)?))
    }

    /// Makes a folder in this one.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn subdir(&self, name: &CStr) -> Result<Self> {
        let entry = Entry::dir(name, Some(self.0.clone()));
        Ok(Self(Arc::new(entry, GFP_KERNEL)?))
    }

    /// Makes a file in this folder, whose text `show` writes.
    ///
    /// `M` is the `LocalModule` of the calling crate. It cannot be unloaded while the file is open.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn file<M: ModuleMetadata, T: Send + Sync + 'static>(
        &self,
        name: &CStr,
        data: Arc<T>,
        show: fn(&T, &SeqFile),
    ) -> Result<File<T>> {
        let text = KBox::new(Text { data, show }, GFP_KERNEL)?;
        Ok(File {
            _entry: Entry::file::<M, T>(name, &self.0, &text),
            _text: text,
        })
    }
}

/// A file, until this is dropped.
// The entry goes first, which waits for readers; what they read goes after.
#[must_use = "the file goes as soon as this is dropped"]
pub struct File<T> {
    _entry: Entry,
    _text: KBox<Text<T>>,
}

/// What a file shows.
struct Text<T> {
    data: Arc<T>,
    show: fn(&T, &SeqFile),
}

/// Something in debugfs, removed when this is dropped.
///
/// # Invariants
///
/// The pointer is null, an error, or a live entry that belongs to this value.
struct Entry {
    dentry: *mut bindings::dentry,

    /// Removing a folder removes what is in it, so it stays until that is gone.
    _parent: Option<Arc<Entry>>,
}

// SAFETY: Entries may be used and removed by any thread.
unsafe impl Send for Entry {}
// SAFETY: As above; there is nothing to change through a shared reference.
unsafe impl Sync for Entry {}

#[cfg(CONFIG_DEBUG_FS)]
impl Entry {
    fn dir(name: &CStr, parent: Option<Arc<Entry>>) -> Self {
        let above = parent.as_ref().map_or(core::ptr::null_mut(), |p| p.dentry);
        // SAFETY: The name is a C string, which is copied. `above` is null, which means the top, an
        // error, which is handed on, or live by the type invariant.
        let dentry = unsafe { bindings::debugfs_create_dir(name.as_char_ptr(), above) };
        // INVARIANT: The entry is new.
        Self {
            dentry,
            _parent: parent,
        }
    }

    /// Makes a file. The result must be dropped before `text`.
    fn file<M: ModuleMetadata, T: Send + Sync + 'static>(
        name: &CStr,
        parent: &Arc<Entry>,
        text: &Text<T>,
    ) -> Self {
        let data = core::ptr::from_ref(text).cast_mut().cast::<c_void>();
        // SAFETY: The name is a C string, which is copied. The parent is an error, which is handed
        // on, or live by the type invariant; this value keeps it. The table is a constant of the
        // module that it names, and its callbacks expect a `Text<T>`, as is passed here.
        let dentry = unsafe {
            bindings::debugfs_create_file_full(
                name.as_char_ptr(),
                0o444,
                parent.dentry,
                data,
                core::ptr::null(),
                Table::<M, T>::OPS,
            )
        };
        // INVARIANT: The entry is new.
        Self {
            dentry,
            _parent: Some(parent.clone()),
        }
    }
}

#[cfg(CONFIG_DEBUG_FS)]
impl Drop for Entry {
    fn drop(&mut self) {
        // SAFETY: Null and errors are ignored; another pointer is live and ours by the invariant.
        unsafe { bindings::debugfs_remove(self.dentry) };
    }
}

#[cfg(not(CONFIG_DEBUG_FS))]
impl Entry {
    fn dir(_name: &CStr, parent: Option<Arc<Entry>>) -> Self {
        // INVARIANT: The pointer is null.
        Self {
            dentry: core::ptr::null_mut(),
            _parent: parent,
        }
    }

    fn file<M: ModuleMetadata, T: Send + Sync + 'static>(
        _name: &CStr,
        parent: &Arc<Entry>,
        _text: &Text<T>,
    ) -> Self {
        Self::dir(c"", Some(parent.clone()))
    }
}

/// The callbacks of files that show a `T`, in the module `M`.
///
/// `M` is private to its crate, so the table and the callbacks are a part of that crate's module.
struct Table<M, T>(PhantomData<fn(M, T)>);

impl<M: ModuleMetadata, T: Send + Sync + 'static> Table<M, T> {
    #[cfg_attr(not(CONFIG_DEBUG_FS), expect(dead_code, reason = "nobody opens files"))]
    const OPS: &'static bindings::file_operations = &bindings::file_operations {
        owner: M::THIS_MODULE.as_ptr(),
        open: Some(Self::open),
        read: Some(bindings::seq_read),
        llseek: Some(bindings::seq_lseek),
        release: Some(bindings::single_release),
        ..pin_init::zeroed()
    };

    /// Somebody opens a file.
    ///
    /// # Safety
    ///
    /// Only for debugfs, as `file_operations::open` of a file that was made with a `Text<T>`.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: Debugfs passes a live inode, with the pointer that the file was made with.
        let text = unsafe { (*inode).i_private };
        // SAFETY: The file is being opened. `show` expects a `Text<T>`, which that pointer is for as
        // long as `show` may be called.
        unsafe { bindings::single_open(file, Some(Self::show), text) }
    }

    /// Somebody reads a file.
    ///
    /// # Safety
    ///
    /// Only for `seq_read` of a file that [`open`](Self::open) has opened. Debugfs calls that only
    /// for a file that is not removed, and waits for it when it removes one.
    unsafe extern "C" fn show(m: *mut bindings::seq_file, _unused: *mut c_void) -> c_int {
        // SAFETY: `open` put a pointer to a `Text<T>` here. It is freed after the file was removed,
        // which has not happened yet, as this is called.
        let text = unsafe { &*(*m).private.cast_const().cast::<Text<T>>() };
        // SAFETY: The seq_file is valid, and its lock is held by this thread meanwhile.
        let m = unsafe { SeqFile::from_raw(m) };
        (text.show)(&text.data, m);
        0
    }
}
