// SPDX-License-Identifier: GPL-2.0-only

//! Single accesses to device registers, in memory or in I/O port space.
//!
//! `kernel::io` knows memory-mapped registers only. The cookie of `pci_iomap` may stand for either
//! kind, and the `ioread*` family tells them apart.
//!
//! C header: [`include/asm-generic/iomap.h`](srctree/include/asm-generic/iomap.h)

use crate::bindings;
use kernel::prelude::*;

mod sealed {
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for u16 {}
    impl Sealed for u32 {}
    impl Sealed for u64 {}
}

/// A word that is transferred to or from a device in one access.
///
/// Where the processor or the bus has no access of eight bytes, that one is two of four, the low
/// half first.
pub trait IoWord: Copy + sealed::Sealed {
    /// Reads the word at `address`.
    ///
    /// # Safety
    ///
    /// `address` is aligned to the word, and the word is inside a mapping of device registers.
    unsafe fn read(address: *mut c_void) -> Self;

    /// Writes the word at `address`.
    ///
    /// # Safety
    ///
    /// As for [`IoWord::read`].
    unsafe fn write(self, address: *mut c_void);
}

macro_rules! io_word {
    ($($word:ty: $read:ident, $write:ident;)*) => {
        $(impl IoWord for $word {
            #[inline]
            unsafe fn read(address: *mut c_void) -> Self {
                // SAFETY: By the requirements of this function.
                unsafe { bindings::$read(address) as Self }
            }

            #[inline]
            unsafe fn write(self, address: *mut c_void) {
                // SAFETY: By the requirements of this function.
                unsafe { bindings::$write(self, address) };
            }
        })*
    };
}

// CAST: The C functions for words of one to four bytes all return `unsigned int`.
io_word! {
    u8: ioread8, iowrite8;
    u16: ioread16, iowrite16;
    u32: ioread32, iowrite32;
    u64: vfio_helper_ioread64, vfio_helper_iowrite64;
}
