// SPDX-License-Identifier: GPL-2.0-only

//! Rate-limited messages.
//!
//! A refusal must say why, but a program that asks in a loop must not fill the log. Each call site
//! of [`refuse!`](crate::refuse) has a budget of its own: [`BURST`] lines in [`INTERVAL_SECONDS`]
//! seconds, as the C macros have; the kernel then says how many were left out.
//!
//! C header: [`include/linux/ratelimit.h`](srctree/include/linux/ratelimit.h)

use crate::bindings;
use kernel::{
    prelude::*,
    sync::SetOnce,
    types::Opaque, //
};

/// Length of the window in which at most [`BURST`] lines are printed.
pub const INTERVAL_SECONDS: u32 = 5;

/// Lines per window.
pub const BURST: u32 = 10;

/// The budget of one call site.
pub struct Ratelimit {
    state: SetOnce<State>,
}

/// `struct ratelimit_state`, which has a lock inside and is made on first use.
///
/// It stands in the call site's `static` itself: a `static` is never dropped, so memory that it points
/// to would be lost each time the module is taken out.
struct State(Opaque<bindings::ratelimit_state>);

// SAFETY: The state is protected by its own raw spinlock.
unsafe impl Send for State {}

// SAFETY: As above.
unsafe impl Sync for State {}

impl Ratelimit {
    /// Returns an untouched budget; meant for a `static` at the call site.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self {
            state: SetOnce::new(),
        }
    }

    /// Returns whether a line may be printed now.
    pub fn allow(&self) -> bool {
        if self.state.as_ref().is_none() {
            // Another thread may have been first; its state is as good as ours.
            let _ = self.state.populate(State::new());
        }
        let Some(state) = self.state.as_ref() else {
            return true;
        };
        // SAFETY: `State::new` initialised it, it stays where `populate` put it as long as `self`
        // lives, and the name is a C string.
        unsafe { bindings::___ratelimit(state.0.get(), c"vfio".as_char_ptr()) != 0 }
    }
}

impl State {
    /// Returns a state that has not been used. It may still be moved: like C's static initialiser,
    /// a fresh one does not refer to its own address.
    fn new() -> Self {
        let state = Opaque::zeroed();
        // SAFETY: `state` is zeroed memory of the right type that nothing else refers to yet.
        unsafe {
            bindings::vfio_helper_ratelimit_state_init(
                state.get(),
                (INTERVAL_SECONDS * bindings::HZ) as c_int,
                BURST as c_int,
            )
        };
        Self(state)
    }
}

/// Logs why a request is refused, at most [`BURST`] times per [`INTERVAL_SECONDS`] and call site.
///
/// The text is one sentence that names the group, the device in the way and its driver, and what
/// to do about it.
///
/// ```ignore
/// refuse!("group {}: {} is bound to {}; bind it to vfio-pci\n", group, bdf, driver);
/// ```
#[macro_export]
macro_rules! refuse {
    ($($arg:tt)*) => {{
        static LIMIT: $crate::ratelimit::Ratelimit = $crate::ratelimit::Ratelimit::new();
        if LIMIT.allow() {
            $crate::private::kernel::pr_warn!($($arg)*);
        }
    }};
}
