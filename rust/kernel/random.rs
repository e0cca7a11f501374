// SPDX-License-Identifier: GPL-2.0-only

//! Random bytes that nobody can guess.
//!
//! C header: [`include/linux/random.h`](srctree/include/linux/random.h)

use crate::bindings;

/// Returns `N` bytes from the kernel's generator, fit for secrets.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // SAFETY: The array is valid for writes of its length; the call works in every context.
    unsafe { bindings::get_random_bytes(bytes.as_mut_ptr().cast(), N) };
    bytes
}
