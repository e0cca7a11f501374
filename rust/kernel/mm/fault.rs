// SPDX-License-Identifier: GPL-2.0-only

//! Page faults on mappings of device memory.
//!
//! A mapping made by [`NewVma::map_io`](super::vma::NewVma::map_io) starts empty. When a program
//! touches it, its [`FaultHandler`] decides: insert pages from an [`IoPages`] run, or refuse. A
//! handler that refuses while the device cannot answer, together with `fs::Mapping::unmap_range`
//! when that begins, is how access is revoked and given back without the program's help.
//!
//! Lock order: a handler runs under the mmap lock (or the lock of the one VMA). It must not touch
//! user memory, nor take a lock under which user memory is touched.
//!
//! C header: [`include/linux/mm.h`](srctree/include/linux/mm.h)

use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    page::PAGE_SHIFT,
    prelude::*,
    sync::Arc,
    types::{
        ForeignOwnable,
        NotThreadSafe, //
    }, //
};

/// A run of pages of device memory, together with what keeps them the device's.
///
/// # Invariants
///
/// The `count` page frames from `first` belong to the memory of a device, contain nothing else,
/// and remain so while `owner` exists.
pub struct IoPages<O> {
    first: usize,
    count: usize,
    _owner: O,
}

impl<O> IoPages<O> {
    /// Names `count` page frames from `first` on.
    ///
    /// # Safety
    ///
    /// These frames belong to the memory of a device, contain nothing else, and remain so while
    /// `owner` exists.
    pub(crate) unsafe fn new(first: usize, count: usize, owner: O) -> Self {
        // INVARIANT: By the requirements of this function.
        Self {
            first,
            count,
            _owner: owner,
        }
    }

    /// Returns the number of pages.
    pub fn count(&self) -> usize {
        self.count
    }
}

/// What a fault handler did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the kernel has to be told what became of the fault"]
pub struct Outcome(bindings::vm_fault_t);

impl Outcome {
    /// The access is refused; the program gets `SIGBUS`.
    pub const SIGBUS: Self = Self(bindings::vm_fault_reason_VM_FAULT_SIGBUS);

    /// A block of this size cannot be mapped here; the kernel asks for smaller ones.
    pub const FALLBACK: Self = Self(bindings::vm_fault_reason_VM_FAULT_FALLBACK);

    /// Returns it as the kernel has it: `VM_FAULT_*`.
    pub fn bits(self) -> u32 {
        self.0
    }
}

/// Answers the page faults of one or more mappings.
pub trait FaultHandler: Send + Sync + 'static {
    /// Handles one fault, usually by one [`Fault::insert`].
    fn fault(&self, fault: &Fault<'_>) -> Outcome;
}

/// One page fault that is being handled.
///
/// # Invariants
///
/// `vmf` is the fault that the current thread is handling, on a VMA prepared by
/// `NewVma::map_io`.
pub struct Fault<'a> {
    vmf: NonNull<bindings::vm_fault>,
    order: u32,
    _scope: PhantomData<&'a ()>,
    _not_send: NotThreadSafe,
}

impl Fault<'_> {
    fn vma(&self) -> *mut bindings::vm_area_struct {
        // SAFETY: `vmf` is valid while the fault is handled, by the type invariant.
        unsafe { (*self.vmf.as_ptr()).__bindgen_anon_1.vma }
    }

    /// Returns the first address of the naturally aligned block that the fault is about.
    fn address(&self) -> usize {
        // SAFETY: `vmf` is valid while the fault is handled, by the type invariant.
        let address = unsafe { (*self.vmf.as_ptr()).__bindgen_anon_1.address };
        address & !(self.block_len() - 1)
    }

    /// Returns the logarithm to base 2 of the number of pages in the block.
    pub fn order(&self) -> u32 {
        self.order
    }

    /// Returns the size of the block in bytes, a power of two.
    fn block_len(&self) -> usize {
        1 << (PAGE_SHIFT as u32 + self.order)
    }

    /// Returns the offset in the file, in pages, of the block's first page.
    ///
    /// `None` if the block begins before the mapping does.
    pub fn page_offset(&self) -> Option<usize> {
        // SAFETY: The VMA is valid and does not change while a fault on it is handled.
        let (start, pgoff) = unsafe {
            let vma = self.vma();
            (
                (*vma).__bindgen_anon_1.__bindgen_anon_1.vm_start,
                (*vma).vm_pgoff,
            )
        };
        let delta = self.address().checked_sub(start)? >> PAGE_SHIFT;
        pgoff.checked_add(delta)
    }

    /// Maps the block to the pages of `pages` that begin at `index`.
    ///
    /// [`Outcome::FALLBACK`] if the block is not aligned in the mapping and in the device alike,
    /// or its size cannot be mapped at once; [`Outcome::SIGBUS`] if it is outside `pages`.
    pub fn insert<O>(&self, pages: &IoPages<O>, index: usize) -> Outcome {
        let block = 1usize << self.order;
        let Some(end) = index.checked_add(block) else {
            return Outcome::SIGBUS;
        };
        if end > pages.count {
            return if self.order == 0 {
                Outcome::SIGBUS
            } else {
                Outcome::FALLBACK
            };
        }
        // OVERFLOW: `first + index` is a frame of the run, which the physical address space holds.
        let frame = pages.first + index;
        if self.order != 0 && (frame & (block - 1) != 0 || !self.within_vma()) {
            return Outcome::FALLBACK;
        }
        self.insert_frame(frame)
    }

    fn within_vma(&self) -> bool {
        // SAFETY: The VMA is valid and does not change while a fault on it is handled.
        let range = unsafe { (*self.vma()).__bindgen_anon_1.__bindgen_anon_1 };
        let start = self.address();
        start >= range.vm_start
            && start
                .checked_add(self.block_len())
                .is_some_and(|end| end <= range.vm_end)
    }

    /// Maps the block to the frames from `frame` on, which `insert` has checked.
    fn insert_frame(&self, frame: usize) -> Outcome {
        let vmf = self.vmf.as_ptr();
        if self.order == 0 {
            // SAFETY:
            // - The VMA is the fault's own, has `VM_PFNMAP` and is shared, by the type invariant.
            // - `address` is inside it, because the fault is.
            // - `frame` is device memory by the invariant of `IoPages`.
            return Outcome(unsafe {
                bindings::vmf_insert_pfn(self.vma(), (*vmf).__bindgen_anon_1.address, frame)
            });
        }
        #[cfg(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)]
        // SAFETY: The helper only returns a number.
        if self.order == unsafe { bindings::vfio_helper_pmd_order() } {
            // SAFETY: As above; and the whole block is in the VMA and in the run, with the frame
            // aligned to the block.
            return Outcome(unsafe { bindings::vmf_insert_pfn_pmd(vmf, frame, false) });
        }
        #[cfg(CONFIG_ARCH_SUPPORTS_PUD_PFNMAP)]
        // SAFETY: The helper only returns a number.
        if self.order == unsafe { bindings::vfio_helper_pud_order() } {
            // SAFETY: As above; and the whole block is in the VMA and in the run, with the frame
            // aligned to the block.
            return Outcome(unsafe { bindings::vmf_insert_pfn_pud(vmf, frame, false) });
        }
        Outcome::FALLBACK
    }
}

/// The callbacks of a mapping whose private data is an `Arc<H>`.
pub(super) struct Operations<H>(PhantomData<H>);

impl<H: FaultHandler> Operations<H> {
    const TABLE: bindings::vm_operations_struct = bindings::vm_operations_struct {
        open: Some(Self::open),
        close: Some(Self::close),
        fault: Some(Self::fault),
        #[cfg(CONFIG_ARCH_SUPPORTS_HUGE_PFNMAP)]
        huge_fault: Some(Self::huge_fault),
        ..pin_init::zeroed()
    };

    /// Returns the callbacks.
    pub(super) const fn table() -> &'static bindings::vm_operations_struct {
        &Self::TABLE
    }

    /// A VMA was copied, private data included: by fork, split or move.
    ///
    /// # Safety
    ///
    /// Only for the kernel, as `vm_operations_struct::open` of a VMA with these callbacks.
    unsafe extern "C" fn open(vma: *mut bindings::vm_area_struct) {
        // SAFETY: The kernel passes a VMA with these callbacks, whose private data is an `Arc<H>`
        // that the VMA it was copied from still owns.
        let handler = unsafe { Arc::<H>::borrow((*vma).vm_private_data) };
        let copy: Arc<H> = handler.into();
        // SAFETY: The VMA is being set up. The pointer does not change by this; the new reference
        // is the copy's own.
        unsafe { (*vma).vm_private_data = copy.into_foreign() };
    }

    /// A VMA is going away.
    ///
    /// # Safety
    ///
    /// Only for the kernel, as `vm_operations_struct::close` of a VMA with these callbacks.
    unsafe extern "C" fn close(vma: *mut bindings::vm_area_struct) {
        // SAFETY: The kernel passes a VMA with these callbacks for the last time, so its reference
        // can be taken back.
        drop(unsafe { Arc::<H>::from_foreign((*vma).vm_private_data) });
    }

    /// A page is missing.
    ///
    /// # Safety
    ///
    /// Only for the kernel, as `vm_operations_struct::fault` of a VMA with these callbacks.
    unsafe extern "C" fn fault(vmf: *mut bindings::vm_fault) -> bindings::vm_fault_t {
        // SAFETY: Same requirements.
        unsafe { Self::huge_fault(vmf, 0) }
    }

    /// A block of pages is missing, `1 << order` of them.
    ///
    /// # Safety
    ///
    /// Only for the kernel, as `vm_operations_struct::huge_fault` of a VMA with these callbacks.
    unsafe extern "C" fn huge_fault(
        vmf: *mut bindings::vm_fault,
        order: c_uint,
    ) -> bindings::vm_fault_t {
        // SAFETY: The kernel passes the fault being handled, on a VMA with these callbacks, which
        // owns an `Arc<H>` and stays while the fault is handled.
        let handler = unsafe { Arc::<H>::borrow((*(*vmf).__bindgen_anon_1.vma).vm_private_data) };
        let Some(vmf) = NonNull::new(vmf) else {
            return Outcome::SIGBUS.0;
        };
        // INVARIANT: See above; these callbacks are only installed by `NewVma::map_io`.
        let fault = Fault {
            vmf,
            order,
            _scope: PhantomData,
            _not_send: NotThreadSafe,
        };
        handler.fault(&fault).0
    }
}
