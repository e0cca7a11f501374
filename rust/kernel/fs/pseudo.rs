// SPDX-License-Identifier: GPL-2.0-only

//! Address spaces for mappings of files without a path.
//!
//! All anonymous files share one inode and thus one address space. To take back the mappings of
//! one device and of no other, the device needs its own: that of an inode in a file system that is
//! never mounted where anybody could see it.
//!
//! C counterpart: `vfio_fs_*` in `drivers/vfio/vfio_main.c`.
//!
//! C header: [`include/linux/pseudo_fs.h`](srctree/include/linux/pseudo_fs.h)

use crate::bindings;
use core::{
    cell::UnsafeCell,
    ptr::NonNull, //
};
use kernel::{
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    str::as_char_ptr_in_const_context,
    sync::Arc, //
};

/// The type of the hidden file system, as `statfs` shows it: "Vfio" in hexadecimal digits.
const MAGIC: c_ulong = 0x5646_494f;

/// The hidden file system.
///
/// # Invariants
///
/// After it was linked, this is only accessed by the kernel, except that `mount` may be read by
/// whoever holds a [`Pin`](PseudoFs::pin) on it.
struct PseudoFs {
    kind: UnsafeCell<bindings::file_system_type>,
    /// The mount, while there are pins.
    mount: UnsafeCell<*mut bindings::vfsmount>,
    /// The number of pins.
    count: UnsafeCell<c_int>,
}

// SAFETY: `mount` and `count` are only written under a lock of `simple_pin_fs` and
// `simple_release_fs`; `mount` does not change while there are pins. `kind` is protected by the
// kernel's own locks.
unsafe impl Sync for PseudoFs {}

static FS: PseudoFs = PseudoFs {
    kind: UnsafeCell::new(bindings::file_system_type {
        name: as_char_ptr_in_const_context(c"vfio"),
        init_fs_context: Some(init_fs_context),
        kill_sb: Some(bindings::kill_anon_super),
        owner: this_module(),
        ..pin_init::zeroed()
    }),
    mount: UnsafeCell::new(core::ptr::null_mut()),
    count: UnsafeCell::new(0),
};

/// Returns the descriptor of the module that this crate is linked into.
const fn this_module() -> *mut bindings::module {
    #[cfg(MODULE)]
    {
        (&raw const bindings::__this_module).cast_mut()
    }
    #[cfg(not(MODULE))]
    {
        core::ptr::null_mut()
    }
}

/// # Safety
///
/// The kernel calls this with a context that is being set up.
unsafe extern "C" fn init_fs_context(fc: *mut bindings::fs_context) -> c_int {
    // SAFETY: `fc` is valid and ours to set up, by the requirements of this function.
    let context = unsafe { bindings::init_pseudo(fc, MAGIC) };
    if context.is_null() {
        ENOMEM.to_errno()
    } else {
        0
    }
}

impl PseudoFs {
    /// Mounts the file system, unless it is, and keeps it so until `unpin`.
    fn pin(&'static self) -> Result<Pinned> {
        // SAFETY: All three are valid and, being in a `static`, never go away; the call locks
        // accesses to `mount` and `count` against others of its kind.
        to_result(unsafe {
            bindings::simple_pin_fs(self.kind.get(), self.mount.get(), self.count.get())
        })?;
        // INVARIANT: The pin was just taken.
        Ok(Pinned(self))
    }
}

/// Keeps the file system mounted.
///
/// # Invariants
///
/// This value owns one pin.
struct Pinned(&'static PseudoFs);

impl Pinned {
    /// Makes an inode.
    fn new_inode(&self) -> Result<NonNull<bindings::inode>> {
        // SAFETY: While there is a pin, nobody writes `mount`, and it points to a mount.
        let super_block = unsafe { (**self.0.mount.get()).mnt_sb };
        // SAFETY: The superblock is that of a mount which the pin keeps alive.
        let inode = from_err_ptr(unsafe { bindings::alloc_anon_inode(super_block) })?;
        NonNull::new(inode).ok_or(ENOMEM)
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // SAFETY: Both are valid and belong to the pin, which is ours by the type invariant.
        unsafe { bindings::simple_release_fs(self.0.mount.get(), self.0.count.get()) };
    }
}

/// An inode of the hidden file system.
///
/// # Invariants
///
/// This value owns a reference to `inode`, which is in the file system that `_pin` keeps mounted.
struct Inode {
    inode: NonNull<bindings::inode>,
    // Dropped after the reference to the inode: fields follow `Drop::drop`.
    _pin: Pinned,
}

// SAFETY: Inodes have their own locks and reference counts and belong to no thread.
unsafe impl Send for Inode {}
// SAFETY: As above.
unsafe impl Sync for Inode {}

impl Drop for Inode {
    fn drop(&mut self) {
        // SAFETY: The reference is ours by the type invariant.
        unsafe { bindings::iput(self.inode.as_ptr()) };
    }
}

/// An address space of its own for the mappings of one device.
///
/// Clones are the same address space, which lives as long as any of them.
#[derive(Clone)]
pub struct Mapping(Arc<Inode>);

impl Mapping {
    /// Makes an address space without any mappings.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new() -> Result<Self> {
        let pin = FS.pin()?;
        // INVARIANT: The inode comes with one reference, and from the pinned file system.
        let inode = Inode {
            inode: pin.new_inode()?,
            _pin: pin,
        };
        Ok(Self(Arc::new(inode, GFP_KERNEL)?))
    }

    /// Returns the C address space.
    pub(crate) fn as_raw(&self) -> *mut bindings::address_space {
        // SAFETY: The inode is valid by its type invariant; the field never changes.
        unsafe { (*self.0.inode.as_ptr()).i_mapping }
    }

    /// Takes back what user space has mapped of the file offsets `start` to `start + len`.
    ///
    /// When this returns, no process can access those pages without a page fault. Both are in
    /// bytes; `len` 0 means up to the end. Private copies are dropped too. Sleeps.
    pub fn unmap_range(&self, start: u64, len: u64) {
        // Offsets of files end there; the C code takes a huge length for "up to the end".
        let clamp = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        // SAFETY: The address space is valid as long as its inode, which `self` keeps.
        unsafe { bindings::unmap_mapping_range(self.as_raw(), clamp(start), clamp(len), 1) };
    }
}
