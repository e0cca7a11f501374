// SPDX-License-Identifier: GPL-2.0-only

//! Tracepoints of our own.
//!
//! A tracepoint is made by `TRACE_EVENT` in a C header, which a C file of the module includes with
//! `CREATE_TRACE_POINTS` and `CREATE_RUST_TRACE_POINTS` defined. [`tracepoint!`](crate::tracepoint)
//! gives Rust a function for it. While nobody traces, that function is one `nop` in the code of its
//! caller: the kernel turns it into a jump when the tracepoint is switched on, and even the arguments
//! are only looked at then.
//!
//! `kernel::declare_trace!` does the same, but only for tracepoints that the `kernel` crate's own
//! bindings know, which are those of the kernel itself.
//!
//! C header: [`include/linux/tracepoint.h`](srctree/include/linux/tracepoint.h)

use kernel::prelude::*;

mod sealed {
    pub trait Sealed {}
    impl Sealed for i32 {}
    impl Sealed for u32 {}
    impl Sealed for u64 {}
    impl Sealed for &kernel::str::CStr {}
}

/// Something that can be handed to a tracepoint.
///
/// In the C prototype, integers have the type of the same size and sign, and a string is a
/// `const char *`, which the tracepoint must copy.
pub trait TraceArg: sealed::Sealed {
    /// The type in C.
    type Raw;

    /// Makes the C value, which is valid as long as `self` is.
    fn into_raw(self) -> Self::Raw;
}

impl TraceArg for i32 {
    type Raw = i32;

    fn into_raw(self) -> i32 {
        self
    }
}

impl TraceArg for u32 {
    type Raw = u32;

    fn into_raw(self) -> u32 {
        self
    }
}

impl TraceArg for u64 {
    type Raw = u64;

    fn into_raw(self) -> u64 {
        self
    }
}

impl TraceArg for &CStr {
    type Raw = *const c_char;

    fn into_raw(self) -> *const c_char {
        self.as_char_ptr()
    }
}

/// Declares a function for a tracepoint that a C file of the same module defines.
///
/// The types here must be those of the C prototype, see
/// [`TraceArg`](crate::tracepoint::TraceArg). The function takes a closure, which is called if
/// somebody traces, with a function that takes the arguments.
///
/// ```ignore
/// // trace.h
/// TRACE_EVENT(vfio_pci_irq, TP_PROTO(const char *device, u32 vector), ...);
///
/// // the module
/// kernel_ext::tracepoint!(
///     /// An interrupt was taken.
///     pub(crate) fn vfio_pci_irq(device: &CStr, vector: u32);
/// );
///
/// vfio_pci_irq(|fire| fire(pdev.name(), vector));
/// ```
#[macro_export]
macro_rules! tracepoint {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $t:ty),* $(,)?);) => {
        $crate::private::kernel::macros::paste! {
            $(#[$meta])*
            #[inline(always)]
            $vis fn $name(when_on: impl ::core::ops::FnOnce(fn($($t),*))) {
                #[cfg(CONFIG_TRACEPOINTS)]
                {
                    extern "C" {
                        static [<__tracepoint_ $name>]:
                            $crate::private::kernel::bindings::tracepoint;
                    }
                    #[cold]
                    fn fire($($arg: $t),*) {
                        extern "C" {
                            fn [<rust_do_trace_ $name>]($(
                                $arg: <$t as $crate::tracepoint::TraceArg>::Raw
                            ),*);
                        }
                        // SAFETY: The C file of this module defines the function with this
                        // prototype, as the caller of the macro states. Pointers among the
                        // arguments are valid during the call, and it copies what they point to.
                        #[allow(unsafe_code)]
                        unsafe {
                            [<rust_do_trace_ $name>]($(
                                $crate::tracepoint::TraceArg::into_raw($arg)
                            ),*)
                        };
                    }
                    // SAFETY: The key is that of a tracepoint, which C defines.
                    #[allow(unsafe_code)]
                    let on = unsafe {
                        $crate::private::kernel::jump_label::static_branch_unlikely!(
                            [<__tracepoint_ $name>],
                            $crate::private::kernel::bindings::tracepoint,
                            key
                        )
                    };
                    if on {
                        when_on(fire);
                    }
                }
                #[cfg(not(CONFIG_TRACEPOINTS))]
                drop(when_on);
            }
        }
    };
}
