// SPDX-License-Identifier: GPL-2.0-only

//! The current task: being a good neighbour in long loops, and its name.
//!
//! Code that pins or unmaps a whole guest's memory runs for seconds. It calls [`cond_resched`] now
//! and then, so that others get the processor, and [`check_killed`], so that `SIGKILL` ends it.
//! [`Comm`] is what `ps` calls a task.
//!
//! C header: [`include/linux/sched.h`](srctree/include/linux/sched.h).

use crate::bindings;
use core::fmt::Write;
use kernel::{
    fmt,
    prelude::*, //
};

/// Lets somebody else run, if somebody else should.
///
/// May sleep.
pub fn cond_resched() {
    // SAFETY: `cond_resched` may be called wherever sleeping is allowed. Calling it where it is not
    // is a bug that the kernel reports, not a memory error.
    unsafe { bindings::vfio_helper_cond_resched() }
}

/// Fails with `EINTR` if the current task has been told to die.
pub fn check_killed() -> Result {
    // SAFETY: This reads the signal state of the current task, which exists while it runs.
    if unsafe { bindings::vfio_helper_fatal_signal_pending() } {
        Err(EINTR)
    } else {
        Ok(())
    }
}

/// A copy of the name of a task: what is behind `comm` in `/proc`.
#[derive(Clone, Copy)]
pub struct Comm([u8; Self::SIZE]);

impl Comm {
    /// Bytes of a name, with its NUL.
    const SIZE: usize = 16;

    /// Returns the name that the current task has now.
    pub fn of_current() -> Self {
        let task = kernel::current!().as_ptr();
        // SAFETY: The current task exists while it runs.
        let comm = unsafe { (&raw const (*task).comm).cast::<u8>() };
        let mut bytes = [0; Self::SIZE];
        for (at, byte) in bytes.iter_mut().enumerate() {
            // SAFETY: The name has that many bytes. Another thread of the process may write a new
            // name meanwhile, so each byte is read once; a mixture of both does no harm.
            *byte = unsafe { comm.add(at).read_volatile() };
        }
        Self(bytes)
    }
}

impl fmt::Display for Comm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.iter().position(|&byte| byte == 0);
        let name = self.0.get(..end.unwrap_or(Self::SIZE)).unwrap_or_default();
        for chunk in name.utf8_chunks() {
            // A line of a report must stay one line.
            for c in chunk.valid().chars().filter(|c| !c.is_control()) {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}
