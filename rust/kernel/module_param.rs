// SPDX-License-Identifier: GPL-2.0-only

//! Module parameters that an administrator can read and change at run time.
//!
//! The `module!` macro of the `kernel` crate only knows parameters that are fixed at load time and
//! absent from sysfs. Ours are declared by `module_param_named` in a C file of the module, which is
//! what that macro was made for; [`extern_param!`](crate::extern_param) gives Rust a safe view of
//! the variable.
//!
//! C header: [`include/linux/moduleparam.h`](srctree/include/linux/moduleparam.h)

use core::cell::UnsafeCell;

mod sealed {
    pub trait Sealed {}
    impl Sealed for bool {}
    impl Sealed for u32 {}
    impl<const N: usize> Sealed for [u8; N] {}
}

/// A type that `module_param_named` can hold and that is read in one piece.
pub trait ParamType: Copy + sealed::Sealed {}
impl ParamType for bool {}
impl ParamType for u32 {}

/// The buffer of a `module_param_string` that is only written while the module is loaded, that is,
/// one with permission 0.
impl<const N: usize> ParamType for [u8; N] {}

/// A parameter that is defined in C.
///
/// # Invariants
///
/// The variable is only written by the kernel's parameter code, in one piece, with a valid `T`.
#[repr(transparent)]
pub struct ExternParam<T: ParamType>(UnsafeCell<T>);

// SAFETY: Reads and writes are single, whole accesses of a plain value.
unsafe impl<T: ParamType> Sync for ExternParam<T> {}

impl<T: ParamType> ExternParam<T> {
    /// Returns the value that the parameter has now.
    ///
    /// Two calls may differ, so a decision reads once and keeps the answer.
    #[inline]
    pub fn get(&self) -> T {
        // SAFETY:
        // - The pointer is valid and aligned, as it comes from a reference.
        // - By the type invariant the value is always a valid `T`.
        // - A concurrent write is one whole store of a `bool` or `u32`; the volatile read is one
        //   whole load, as `READ_ONCE` in C. There is no concurrent write of a buffer.
        unsafe { self.0.get().read_volatile() }
    }
}

/// Declares a module parameter that a C file of the same module defines.
///
/// The type here must be the type in C: `bool` for `bool`, `u32` for `unsigned int`, `[u8; N]` for
/// `char[N]`, the last only for a parameter with permission 0.
///
/// ```ignore
/// // params.c
/// bool vfio_type1_disable_hugepages;
/// module_param_named(disable_hugepages, vfio_type1_disable_hugepages, bool, 0644);
///
/// // the module
/// kernel_ext::extern_param!(
///     /// Whether IOMMU mappings stay at the smallest page size.
///     pub(crate) static DISABLE_HUGEPAGES: bool = vfio_type1_disable_hugepages;
/// );
/// ```
#[macro_export]
macro_rules! extern_param {
    ($(#[$meta:meta])* $vis:vis static $name:ident: $t:ty = $c_name:ident;) => {
        $(#[$meta])*
        $vis static $name: &$crate::module_param::ExternParam<$t> = {
            extern "C" {
                static $c_name: $crate::module_param::ExternParam<$t>;
            }
            // SAFETY: The C file of this module defines the variable with this type, as the
            // caller of the macro states by naming it, and module parameters live as long as the
            // module.
            unsafe { &$c_name }
        };
    };
}
