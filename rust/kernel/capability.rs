// SPDX-License-Identifier: GPL-2.0-only

//! Capabilities of the calling task.
//!
//! A check is asked once, where the request enters, and its answer travels as a value.
//!
//! C header: [`include/linux/capability.h`](srctree/include/linux/capability.h)

use crate::bindings;
use kernel::prelude::*;

/// A capability that VFIO asks for, see `capabilities(7)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Cap {
    /// May lock memory beyond `RLIMIT_MEMLOCK`.
    IpcLock = bindings::CAP_IPC_LOCK,
    /// May administer the system.
    SysAdmin = bindings::CAP_SYS_ADMIN,
    /// May do raw I/O.
    SysRawio = bindings::CAP_SYS_RAWIO,
}

/// Returns whether the calling task has `cap` in the initial user namespace.
///
/// A positive answer is recorded in the task's flags and in the audit log, as in C.
pub fn capable(cap: Cap) -> bool {
    // CAST: capability numbers are below 64.
    let cap = cap as c_int;
    // SAFETY: `cap` is a valid capability number by the definition of `Cap`; the call has no other
    // requirement and may be made from any task context.
    unsafe { bindings::capable(cap) }
}
