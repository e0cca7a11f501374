// SPDX-License-Identifier: GPL-2.0-only

//! Files: what a driver does when its files are used, and where files come from.
//!
//! - [`FileOperations`]: the callbacks of a file whose private data is an `Arc` of the
//!   implementing type.
//! - [`new_file`]: a file without a path.
//! - [`Mapping`]: the address space that mappings of such a file belong to, so that all of them
//!   can be taken back at once.
//!
//! Files with a path come from [`chrdev`](crate::chrdev) and
//! [`miscdevice`](crate::miscdevice).

mod anon_inode;
mod file_ops;
mod pseudo;

pub use self::anon_inode::new_file;
pub(crate) use self::file_ops::{
    entry_table,
    install,
    object_behind,
    Private, //
};
pub use self::file_ops::{
    from_file,
    FileOperations,
    FileTable,
    OpenFile, //
};
pub use self::pseudo::Mapping;
