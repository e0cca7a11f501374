// SPDX-License-Identifier: GPL-2.0-only

//! Groups by which a program shows what it owns.
//!
//! Only one program at a time can have a group open, so whoever has the file of a group may do to
//! its devices what would disturb another owner. What belongs to a file may change at any time, by
//! capture and release; so it is asked when it matters, under the lock without which no device of the
//! set can be opened.
//!
//! C counterpart: `vfio_file_is_group` and `vfio_file_has_dev` in
//! [`drivers/vfio/group.c`](srctree/drivers/vfio/group.c)

use kernel::{
    fs::LocalFile,
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    }, //
};
use kernel_ext::fs::from_file;

use super::{
    holding::Holding,
    Group,
    GroupFile, //
};

/// Open groups. They stay open as long as this exists.
pub struct GroupFiles(KVec<Entry>);

/// An open group, with those that it has captured.
struct Entry {
    holding: Arc<Holding>,
    _file: ARef<LocalFile>,
}

impl GroupFiles {
    /// Makes an empty list with room for `most` groups.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn with_capacity(most: usize) -> Result<Self> {
        Ok(Self(KVec::with_capacity(most, GFP_KERNEL_ACCOUNT)?))
    }

    /// Adds the group that the calling program has open as `fd`.
    ///
    /// # Errors
    ///
    /// `EBADF` if there is no such file, `EINVAL` if it is not a group, `ENOMEM`.
    pub fn add(&mut self, fd: i32) -> Result {
        let file = LocalFile::fget(u32::try_from(fd).map_err(|_| EBADF)?)?;
        let open = from_file::<GroupFile>(&file).ok_or(EINVAL)?;
        let entry = Entry {
            holding: open.holding().clone(),
            _file: file,
        };
        Ok(self.0.push(entry, GFP_KERNEL_ACCOUNT)?)
    }

    /// Returns whether `group` is among them now.
    pub(crate) fn contains(&self, group: &Arc<Group>) -> bool {
        self.0.iter().any(|entry| entry.holding.has(group))
    }
}
