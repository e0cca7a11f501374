// SPDX-License-Identifier: GPL-2.0-only

//! Being a good neighbour in long loops.
//!
//! Code that pins or unmaps a whole guest's memory runs for seconds. It calls [`cond_resched`] now
//! and then, so that others get the processor, and [`check_killed`], so that `SIGKILL` ends it.
//!
//! C header: [`include/linux/sched.h`](srctree/include/linux/sched.h).

use crate::bindings;
use kernel::prelude::*;

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
