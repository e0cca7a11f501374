// SPDX-License-Identifier: GPL-2.0-only

//! Marks that the kernel keeps until it is booted again, so that reports of bugs show what went on.
//!
//! C header: [`include/linux/panic.h`](srctree/include/linux/panic.h)

use crate::bindings;

/// Notes that a program was given the means to break the kernel, at its own request.
///
/// Shown as bit 6 of `/proc/sys/kernel/tainted`.
pub fn add_user() {
    // SAFETY: The flag is one of the kernel's, and the call may be made from any context. Nothing
    // happened that would make lockdep unreliable.
    unsafe { bindings::add_taint(bindings::TAINT_USER, bindings::lockdep_ok_LOCKDEP_STILL_OK) };
}
