// SPDX-License-Identifier: GPL-2.0-only

//! The calls of VFIO for programs, made safe.
//!
//! A [`Group`] and a [`Container`] are open files. Their methods pass structures of the ABI crate whose
//! size they know, so that no caller can make the kernel write where it should not. [`Uevents`] tell of
//! devices that come and go, [`locked_memory`] how much a program may map. Errors are those of the call; `Documentation/driver-api/vfio-rust.rst` and the header say what they mean.
//!
//! C header: [`include/uapi/linux/vfio.h`](srctree/include/uapi/linux/vfio.h)

#![deny(clippy::undocumented_unsafe_blocks)]
#![deny(unsafe_op_in_unsafe_fn)]

mod container;
mod feature;
mod group;
mod limits;
mod list;
mod uevents;

pub use container::Container;
pub use group::{
    Address,
    DmaWindows,
    Group,
    Place, //
};
pub use limits::{
    locked_memory,
    Limit, //
};
pub use uevents::{
    Received,
    Uevent,
    Uevents, //
};
