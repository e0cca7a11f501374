// SPDX-License-Identifier: GPL-2.0-only

//! Looking at an address space without keeping it alive.
//!
//! An address space ends when the last one who has hold of it ([`MmWithUser`]) lets go, and not
//! before. A worker that held on to one would put off the end of a process that has exited, and so
//! the moment at which its memory is taken from the devices. So it does as the kernel's own
//! background workers do (`khugepaged`, `ksmd`): it takes the `mmap_lock` of an address space that
//! may be ending, and then looks whether it is. While the lock is held for reading, the end may
//! begin, but the memory areas and the page tables stay, because they are freed with the lock held
//! for writing (`exit_mmap()`).
//!
//! C header: [`include/linux/mmap_lock.h`](srctree/include/linux/mmap_lock.h)
//!
//! [`MmWithUser`]: kernel::mm::MmWithUser

use crate::bindings;
use kernel::{
    mm::{
        virt::VmaRef,
        Mm, //
    },
    types::NotThreadSafe, //
};

/// Proof that the `mmap_lock` of an address space is held for reading, and that it had not ended
/// when the lock was taken.
pub(crate) struct ReadLocked<'a> {
    mm: &'a Mm,
    _not_send: NotThreadSafe,
}

impl<'a> ReadLocked<'a> {
    /// Takes the lock, unless the address space has ended.
    pub(crate) fn new(mm: &'a Mm) -> Option<Self> {
        // SAFETY: The structure exists, as `mm` is a reference.
        unsafe { bindings::vfio_helper_mmap_read_lock(mm.as_raw()) };
        let lock = Self {
            mm,
            _not_send: NotThreadSafe,
        };
        has_users(mm).then_some(lock)
    }

    /// Returns the address space.
    pub(crate) fn as_raw(&self) -> *mut bindings::mm_struct {
        self.mm.as_raw()
    }

    /// Returns the memory area that contains an address.
    pub(crate) fn vma_lookup(&self, addr: usize) -> Option<&VmaRef> {
        // SAFETY: The lock is held, and the areas stay while it is.
        let vma = unsafe { bindings::vma_lookup(self.as_raw(), addr) };
        // SAFETY: If it is not null, it is an area of the address space, which stays as above.
        (!vma.is_null()).then(|| unsafe { VmaRef::from_raw(vma) })
    }

    /// Returns the memory area that contains an address, or else the next one.
    pub(crate) fn find_vma(&self, addr: usize) -> Option<&VmaRef> {
        // SAFETY: The lock is held, and the areas stay while it is.
        let vma = unsafe { bindings::find_vma(self.as_raw(), addr) };
        // SAFETY: As above.
        (!vma.is_null()).then(|| unsafe { VmaRef::from_raw(vma) })
    }
}

impl Drop for ReadLocked<'_> {
    fn drop(&mut self) {
        // SAFETY: The lock was taken when this value was made, on this thread.
        unsafe { bindings::vfio_helper_mmap_read_unlock(self.mm.as_raw()) }
    }
}

/// Returns whether an address space has not ended.
pub(crate) fn has_users(mm: &Mm) -> bool {
    // SAFETY: The structure exists, as `mm` is a reference.
    unsafe { bindings::vfio_helper_mm_users(mm.as_raw()) > 0 }
}
