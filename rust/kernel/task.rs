// SPDX-License-Identifier: GPL-2.0-only

//! Who is asking: the calling task, by name.
//!
//! C header: [`include/linux/sched.h`](srctree/include/linux/sched.h)

use kernel::{
    fmt,
    fmt::Write,
    task::Task, //
};

/// A copy of the name of a task, to be printed. The task chose it, so it proves nothing.
pub struct Comm([u8; 16]);

/// Returns the name of the calling task.
pub fn comm() -> Comm {
    let task = Task::current_raw();
    let mut name = [0; 16];
    for (at, byte) in name.iter_mut().enumerate() {
        // SAFETY:
        // - The current task exists while it runs, and `comm` has this many bytes, so all of them
        //   may be read.
        // - Another thread may be writing a new name. A volatile access reads either byte, old or
        //   new, as `READ_ONCE` in C.
        *byte = unsafe {
            (&raw const (*task).comm)
                .cast::<u8>()
                .add(at)
                .read_volatile()
        };
    }
    Comm(name)
}

impl fmt::Display for Comm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.iter().position(|&byte| byte == 0);
        for &byte in self.0.iter().take(end.unwrap_or(self.0.len())) {
            let plain = byte.is_ascii_graphic() || byte == b' ';
            f.write_char(if plain { char::from(byte) } else { '?' })?;
        }
        Ok(())
    }
}
