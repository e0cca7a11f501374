// SPDX-License-Identifier: GPL-2.0-only

//! What KVM calls in VFIO.
//!
//! KVM finds three functions by their C names, on POWER four, and asks them about files that a program
//! gave to the "VFIO device" of its virtual machine. [`kvm_hooks!`](crate::kvm_hooks) defines them, for
//! all types of files that implement [`Assignable`]. A C file of the module exports them, for modules
//! under the GPL only, as KVM's look-up demands.
//!
//! C caller: [`virt/kvm/vfio.c`](srctree/virt/kvm/vfio.c)

use super::VmSlot;
use crate::{
    bindings,
    fs::{
        object_behind,
        FileOperations, //
    },
    iommu::Group, //
};

/// A file that shows that its holder may use a device.
///
/// KVM calls these with a mutex of its "VFIO device" held.
pub trait Assignable: FileOperations {
    /// Returns whether the IOMMU keeps all DMA of the devices coherent with the caches.
    ///
    /// If not, the virtual machine may use instructions that write caches back.
    fn is_coherent(&self) -> bool;

    /// Returns where the virtual machine is noted, if anybody wants to know.
    fn vm(&self) -> Option<&VmSlot>;

    /// Returns the IOMMU group, if the file is one of a group.
    ///
    /// On POWER, KVM fills the TCE tables of a group itself when its guest asks for it.
    fn iommu_group(&self) -> Option<&Group> {
        None
    }
}

/// Returns whether `file` is of type `T`.
///
/// # Safety
///
/// `file` points to an open file, which is not released meanwhile.
#[doc(hidden)]
pub unsafe fn is<T: Assignable>(file: *mut bindings::file) -> bool {
    // SAFETY: By the requirements of this function.
    unsafe { object_behind::<T>(file) }.is_some()
}

/// Returns whether `file` is not of type `T`, or its devices do DMA coherently.
///
/// # Safety
///
/// `file` points to an open file, which is not released meanwhile.
#[doc(hidden)]
pub unsafe fn is_coherent<T: Assignable>(file: *mut bindings::file) -> bool {
    // SAFETY: By the requirements of this function.
    let this = unsafe { object_behind::<T>(file) };
    this.is_none_or(|this| this.is_coherent())
}

/// Notes the machine that `file` was given to if it is of type `T`; null takes it back.
///
/// # Safety
///
/// - `file` points to an open file, which is not released meanwhile.
/// - The memory of the machine is not freed before the next call for the same file, or for another
///   one with the same slot.
#[doc(hidden)]
pub unsafe fn set_vm<T: Assignable>(file: *mut bindings::file, kvm: *mut bindings::kvm) {
    // SAFETY: By the requirements of this function.
    let this = unsafe { object_behind::<T>(file) };
    if let Some(slot) = this.as_ref().and_then(|this| this.vm()) {
        // SAFETY: By the requirements of this function.
        unsafe { slot.set(kvm) };
    }
}

/// Returns the IOMMU group if `file` is of type `T` and has one, with a reference that is the caller's.
///
/// # Safety
///
/// `file` points to an open file, which is not released meanwhile.
#[cfg(CONFIG_SPAPR_TCE_IOMMU)]
#[doc(hidden)]
pub unsafe fn iommu_group<T: Assignable>(
    file: *mut bindings::file,
) -> Option<*mut bindings::iommu_group> {
    // SAFETY: By the requirements of this function.
    let this = unsafe { object_behind::<T>(file) }?;
    let group = core::mem::ManuallyDrop::new(this.iommu_group()?.clone());
    Some(group.as_raw())
}

/// Defines `vfio_file_is_valid`, `vfio_file_enforced_coherent` and `vfio_file_set_kvm` for the given
/// types of files, each an [`Assignable`](crate::kvm::hooks::Assignable).
///
/// To be used once in a module. That the functions have the types that `<linux/vfio.h>` declares is
/// checked at compile time.
#[macro_export]
macro_rules! kvm_hooks {
    ($($type:ty),+ $(,)?) => {
        #[allow(unsafe_code)]
        const _: () = {
            use $crate::{
                kvm::hooks,
                private, //
            };

            /// Returns whether `file` is one of VFIO.
            ///
            /// # Safety
            ///
            /// `file` points to an open file, which is not released meanwhile.
            #[no_mangle]
            unsafe extern "C" fn vfio_file_is_valid(file: *mut private::file) -> bool {
                // SAFETY: By the requirements of this function.
                unsafe { false $(|| hooks::is::<$type>(file))+ }
            }

            /// Returns whether `file` is not one of VFIO, or all DMA of its devices is coherent.
            ///
            /// # Safety
            ///
            /// `file` points to an open file, which is not released meanwhile.
            #[no_mangle]
            unsafe extern "C" fn vfio_file_enforced_coherent(file: *mut private::file) -> bool {
                // SAFETY: By the requirements of this function.
                unsafe { true $(&& hooks::is_coherent::<$type>(file))+ }
            }

            /// Notes the virtual machine that `file` was given to; null takes it back.
            ///
            /// # Safety
            ///
            /// `file` points to an open file, which is not released meanwhile. The memory of the
            /// machine is not freed before the next call for the file. (KVM takes each machine back
            /// before it frees it, and keeps the file open until then.)
            #[no_mangle]
            unsafe extern "C" fn vfio_file_set_kvm(file: *mut private::file, kvm: *mut private::kvm) {
                // SAFETY: By the requirements of this function.
                unsafe { $(hooks::set_vm::<$type>(file, kvm);)+ }
            }

            /// Returns the IOMMU group of `file` with a reference; null if it has none.
            ///
            /// # Safety
            ///
            /// `file` points to an open file, which is not released meanwhile.
            #[cfg(CONFIG_SPAPR_TCE_IOMMU)]
            #[no_mangle]
            unsafe extern "C" fn vfio_file_iommu_group(
                file: *mut private::file,
            ) -> *mut private::iommu_group {
                // SAFETY: By the requirements of this function.
                let group = unsafe {
                    None $(.or_else(|| hooks::iommu_group::<$type>(file)))+
                };
                group.unwrap_or(core::ptr::null_mut())
            }

            #[cfg(CONFIG_SPAPR_TCE_IOMMU)]
            let _ = if true { private::vfio_file_iommu_group } else { vfio_file_iommu_group };

            // Both arms of an `if` have the same type, so this compiles only if the functions have
            // those of the C header.
            let _ = if true { private::vfio_file_is_valid } else { vfio_file_is_valid };
            let _ = if true {
                private::vfio_file_enforced_coherent
            } else {
                vfio_file_enforced_coherent
            };
            let _ = if true { private::vfio_file_set_kvm } else { vfio_file_set_kvm };
        };
    };
}
