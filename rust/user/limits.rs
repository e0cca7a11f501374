// SPDX-License-Identifier: GPL-2.0-only

//! How much memory a program may lock, which is how much it may map for devices.

use std::io;

/// A limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// There is none.
    Unlimited,
    /// So many bytes.
    Bytes(u64),
}

/// Returns how much this program, and those that it starts, may lock.
///
/// # Errors
///
/// Those of `getrlimit()`, which has none for this limit.
pub fn locked_memory() -> io::Result<Limit> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: The call writes one structure to the address, which is that of one.
    match unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) } {
        0 if limit.rlim_cur == libc::RLIM_INFINITY => Ok(Limit::Unlimited),
        0 => Ok(Limit::Bytes(limit.rlim_cur)),
        _ => Err(io::Error::last_os_error()),
    }
}
