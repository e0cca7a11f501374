// SPDX-License-Identifier: GPL-2.0-only

//! Locks and waits that the `kernel` crate lacks.

mod completion;
mod global;
mod rwsem;

pub use completion::{
    Event,
    Waited, //
};
pub use global::{
    Global,
    Installed, //
};
pub use rwsem::{
    ReadGuard,
    RwSemaphore,
    WriteGuard, //
};
