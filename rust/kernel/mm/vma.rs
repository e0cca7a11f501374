// SPDX-License-Identifier: GPL-2.0-only

//! A virtual memory area that `mmap` is setting up.
//!
//! `kernel::mm::virt::VmaNew` has no way to make a mapping of device memory. [`NewVma`] has one,
//! and only one: shared, uncached, never expanded nor dumped, and filled by a
//! [`FaultHandler`] page by page.
//!
//! C header: [`include/linux/mm.h`](srctree/include/linux/mm.h)

use super::fault::{
    FaultHandler,
    Operations, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    prelude::*,
    sync::Arc,
    types::{
        ForeignOwnable,
        NotThreadSafe, //
    }, //
};

/// A VMA within the `mmap` callback of its file.
///
/// # Invariants
///
/// `vma` is being set up by the current thread and not yet visible to others, with no callbacks
/// and no private data except those that [`NewVma::map_io`] gave it.
pub struct NewVma<'a> {
    vma: NonNull<bindings::vm_area_struct>,
    _scope: PhantomData<&'a mut ()>,
    _not_send: NotThreadSafe,
}

impl NewVma<'_> {
    /// Wraps the argument of a file's `mmap` callback.
    ///
    /// # Safety
    ///
    /// `vma` is the argument of a `file_operations::mmap` callback that has not returned, and is
    /// wrapped only once.
    pub(crate) unsafe fn from_raw(vma: NonNull<bindings::vm_area_struct>) -> Self {
        // INVARIANT: By the requirements of this function.
        Self {
            vma,
            _scope: PhantomData,
            _not_send: NotThreadSafe,
        }
    }

    /// Returns the size in bytes, a multiple of the page size.
    pub fn size(&self) -> usize {
        // SAFETY: The VMA is valid and ours alone, by the type invariant.
        let range = unsafe { (*self.vma.as_ptr()).__bindgen_anon_1.__bindgen_anon_1 };
        range.vm_end.saturating_sub(range.vm_start)
    }

    /// Returns the offset in the file where the mapping begins, in pages.
    pub fn page_offset(&self) -> usize {
        // SAFETY: The VMA is valid and ours alone, by the type invariant.
        unsafe { (*self.vma.as_ptr()).vm_pgoff }
    }

    /// Returns whether writes go to the file rather than to a private copy.
    pub fn is_shared(&self) -> bool {
        // SAFETY: The VMA is valid and ours alone; all views of the union are plain bits.
        let flags = unsafe { (*self.vma.as_ptr()).__bindgen_anon_2.vm_flags };
        flags & bindings::VM_SHARED != 0
    }

    /// Makes the VMA a mapping of device memory that `handler` fills.
    ///
    /// The mapping and its copies keep `handler` alive. At most once per VMA.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the mapping is private, as a copy of a register makes no sense, or if it was
    /// made before.
    pub fn map_io<H: FaultHandler>(&mut self, handler: Arc<H>) -> Result {
        let vma = self.vma.as_ptr();
        // SAFETY: The VMA is valid and ours alone.
        if !self.is_shared() || !unsafe { (*vma).vm_private_data }.is_null() {
            return Err(EINVAL);
        }
        // SAFETY:
        // - The VMA is valid and ours alone, so its fields may be written.
        // - The flags are those of a mapping of device memory without `struct page`s, which a
        //   shared mapping may have; they go with the callbacks installed here.
        // - The private data is an `Arc<H>`, as `Operations<H>` requires. The kernel calls its
        //   `close` once for this VMA if `mmap` succeeds; if it fails after this, the reference
        //   is leaked, which is safe.
        unsafe {
            let prot = bindings::vfio_helper_pgprot_noncached((*vma).vm_page_prot);
            (*vma).vm_page_prot = bindings::vfio_helper_pgprot_decrypted(prot);
            bindings::vfio_helper_vm_flags_set(
                vma,
                bindings::vfio_helper_vm_allow_any_uncached()
                    | bindings::VM_IO
                    | bindings::VM_PFNMAP
                    | bindings::VM_DONTEXPAND
                    | bindings::VM_DONTDUMP,
            );
            (*vma).vm_private_data = handler.into_foreign();
            (*vma).vm_ops = Operations::<H>::table();
        }
        Ok(())
    }
}
