// SPDX-License-Identifier: GPL-2.0-only

//! Directories in configfs that can be kept from being removed, with files of text.
//!
//! `kernel::configfs` has directories that a user makes; this adds two things that it lacks. A
//! [`Keepable`] directory answers `EBUSY` to `rmdir` for as long as its owner wants; and its files are
//! written by a formatter rather than into a page.
//!
//! C header: [`include/linux/configfs.h`](srctree/include/linux/configfs.h)

use crate::bindings;
use core::{
    ops::Deref,
    sync::atomic::{
        AtomicPtr,
        Ordering, //
    }, //
};
use kernel::{
    configfs::{
        AttributeOperations,
        Group,
        HasGroup,
        ItemType, //
    },
    error::to_result,
    module::ModuleMetadata,
    page::PAGE_SIZE,
    prelude::*,
    str::{
        CString,
        Formatter, //
    },
    sync::{
        new_mutex,
        Arc,
        Mutex, //
    }, //
};

/// What a directory stands for, with the means to keep it.
///
/// # Invariants
///
/// - The value is the data of a [`Group`]; whoever has a reference to it is called by configfs for that
///   group, which is linked meanwhile.
/// - `item` points to that group, from the moment that it can be found.
/// - `kept` says whether configfs counts a dependency of ours on it.
#[pin_data]
pub struct Keepable<D> {
    item: Arc<AtomicPtr<bindings::config_group>>,
    #[pin]
    kept: Mutex<bool>,
    #[pin]
    data: D,
}

impl<D: 'static> Keepable<D> {
    /// Makes a directory for `data`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn directory(
        name: CString,
        kind: &'static ItemType<Group<Self>, Self>,
        data: impl PinInit<D>,
    ) -> Result<impl PinInit<Group<Self>, Error>> {
        let item = Arc::new(AtomicPtr::new(core::ptr::null_mut()), GFP_KERNEL)?;
        let place = item.clone();
        // INVARIANT: The value becomes the data of the group, and nobody else can make one.
        let this = try_pin_init!(Self {
            item,
            kept <- new_mutex!(false, "Keepable::kept"),
            data <- data,
        }? Error);
        Ok(Group::new(name, kind, this).pin_chain(move |group| {
            let group: *const Group<Self> = &raw const *group;
            // SAFETY: The group is a valid allocation.
            let raw = unsafe { <Group<Self> as HasGroup<Self>>::group(group) };
            // INVARIANT: The group was made, and is pinned; it is linked after this.
            place.store(raw.cast_mut(), Ordering::Release);
            Ok(())
        }))
    }

    /// Keeps the directory from being removed, or no longer.
    ///
    /// # Errors
    ///
    /// `ENOENT` if it is being removed just now.
    pub fn keep(&self, keep: bool) -> Result {
        let mut kept = self.kept.lock();
        if *kept == keep {
            return Ok(());
        }
        let group = self.item.load(Ordering::Acquire);
        // SAFETY: By the type invariant the group is linked, so its subsystem is set and registered, and
        // is that of the callback that we are in.
        // INVARIANT: The dependency is counted from here on, or was given back.
        unsafe {
            let item = &raw mut (*group).cg_item;
            match keep {
                true => to_result(bindings::configfs_depend_item_unlocked(
                    (*group).cg_subsys,
                    item,
                ))?,
                false => bindings::configfs_undepend_item(item),
            }
        }
        *kept = keep;
        Ok(())
    }
}

impl<D> Deref for Keepable<D> {
    type Target = D;

    fn deref(&self) -> &D {
        &self.data
    }
}

/// The file with the number `ID` in the directory of a `Self`.
pub trait TextFile<const ID: u64>: Sized + 'static {
    /// The module that it is in: `crate::LocalModule`.
    type Module: ModuleMetadata;

    /// Writes what the file says, with a newline at the end.
    ///
    /// # Errors
    ///
    /// What `read` shall fail with.
    fn show(this: &Keepable<Self>, text: &mut Formatter<'_>) -> Result;

    /// Handles what was written to the file.
    ///
    /// # Errors
    ///
    /// What `write` shall fail with.
    fn store(this: &Keepable<Self>, text: &[u8]) -> Result;
}

#[vtable]
impl<D: TextFile<ID>, const ID: u64> AttributeOperations<ID> for Keepable<D> {
    type OwnerModule = D::Module;
    type Data = Self;

    fn show(this: &Self, page: &mut [u8; PAGE_SIZE]) -> Result<usize> {
        let mut text = Formatter::new(page);
        D::show(this, &mut text)?;
        Ok(text.bytes_written().min(PAGE_SIZE))
    }

    fn store(this: &Self, text: &[u8]) -> Result {
        D::store(this, text)
    }
}
