// SPDX-License-Identifier: GPL-2.0-only

//! Who holds something, and since when, for people who ask.
//!
//! A group or device that is "busy" leaves its reader with the question by whom. The answer is kept
//! apart from the state that it is about, under a lock of its own, so that it can be had even while
//! somebody is stuck with that state.
//!
//! It is the process that opened the file. A file that was passed on may be in the hands of another.
//!
//! Lock order: the lock of a [`HeldBy`] is a leaf.

use kernel::{
    fmt,
    prelude::*,
    sync::{
        new_mutex,
        Mutex, //
    },
    time::{
        Instant,
        Monotonic, //
    }, //
};
use kernel_ext::sched::Comm;

/// A process that opened something.
#[derive(Clone, Copy)]
struct Holder {
    /// What `getpid()` returns outside of all namespaces.
    tgid: i32,
    comm: Comm,
    since: Instant<Monotonic>,
}

/// Who holds something, if anybody does.
#[pin_data]
pub(crate) struct HeldBy {
    #[pin]
    state: Mutex<State>,
}

/// What the lock protects.
#[derive(Clone, Copy)]
enum State {
    /// Nobody. Left by the first open.
    Nobody,
    /// Whoever opened the first of `files` files. Left by closing the last.
    Held {
        /// The process.
        holder: Holder,
        /// The number of open files.
        files: usize,
    },
}

impl HeldBy {
    /// Returns one that says nobody.
    pub(crate) fn nobody() -> impl PinInit<Self> {
        pin_init!(Self {
            state <- new_mutex!(State::Nobody, "HeldBy::state"),
        })
    }

    /// The current process opens a file; if it is the first, it is the holder.
    pub(crate) fn open(&self) {
        let current = kernel::current!();
        let now = Holder {
            tgid: current.group_leader().pid(),
            comm: Comm::of_current(),
            since: Instant::now(),
        };
        let mut state = self.state.lock();
        *state = match *state {
            State::Nobody => State::Held {
                holder: now,
                files: 1,
            },
            State::Held { holder, files } => State::Held {
                holder,
                files: files.saturating_add(1),
            },
        };
    }

    /// A file is closed.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        *state = match *state {
            State::Held { holder, files } if files > 1 => State::Held {
                holder,
                files: files - 1,
            },
            _ => State::Nobody,
        };
    }

    /// Returns the number of open files.
    pub(crate) fn files(&self) -> usize {
        match *self.state.lock() {
            State::Nobody => 0,
            State::Held { files, .. } => files,
        }
    }
}

impl fmt::Display for HeldBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A copy, so that the lock is not held while the text is written.
        let state = *self.state.lock();
        let State::Held { holder, .. } = state else {
            return f.write_str("nobody");
        };
        let Holder { tgid, comm, since } = holder;
        let ms = since.elapsed().as_millis().max(0);
        f.write_fmt(fmt!("{tgid} ({comm}) for {}.{:03} s", ms / 1000, ms % 1000))
    }
}
