// SPDX-License-Identifier: GPL-2.0-only

//! The VFIO user-space interface, as Rust sees it.
//!
//! `include/uapi/linux/vfio.h` is the only source of numbers and layouts. `bindgen` turns it into a
//! file that this crate includes in a private module and re-exports under the names of the header
//! (`vfio_device_info`, `VFIO_PCI_CONFIG_REGION_INDEX`). On top of it come
//!
//! - [`Pod`]: which of these structures may be copied from and to user space as plain bytes;
//! - [`ioctl`]: the request numbers, which `bindgen` cannot see because they are made by `_IO()`;
//! - the flag words as `bitflags` types: [`DmaMapFlags`], [`IrqSetFlags`] and so on;
//! - [`padded`]: structures with holes, with the holes spelled out.
//!
//! The crate uses nothing but `core`: the modules (for which Kbuild adds `no_std`), the user-space
//! tools and the host's unit tests all use this one. It expects from whoever compiles it
//!
//! - the environment variable `VFIO_UAPI_GENERATED`: the absolute path of what `gen.sh` beside this
//!   file made of the header;
//! - `--extern bitflags`, version 2.
//!
//! C counterpart: `include/uapi/linux/vfio.h`.

#![deny(missing_docs)]
#![deny(unsafe_op_in_unsafe_fn)]
// The names are those of the C header.
#![allow(non_camel_case_types)]

mod flags;
pub mod ioctl;
pub mod padded;
mod pod;
mod unions;

/// What `bindgen` makes of the header, kept apart because none of the rules of the project can
/// apply to it.
#[allow(
    clippy::all,
    clippy::ptr_as_ptr,
    clippy::ref_as_ptr,
    clippy::undocumented_unsafe_blocks,
    dead_code,
    missing_docs,
    non_snake_case,
    non_upper_case_globals,
    unreachable_pub,
    unsafe_op_in_unsafe_fn
)]
mod generated {
    include!(env!("VFIO_UAPI_GENERATED"));
}

pub use generated::*;

pub use flags::{
    AtomicCompFlags,
    DeviceInfoFlags,
    DirtyPagesFlags,
    DmaMapFlags,
    DmaRights,
    DmaUnmapFlags,
    DmaWindowFlags,
    FeatureFlags,
    GroupEvents,
    GroupStatus,
    HotResetInfoFlags,
    IoeventfdFlags,
    IommuInfoFlags,
    IrqInfoFlags,
    IrqSetFlags,
    IsolationFlags,
    MemberFlags,
    MmBind,
    RegionInfoFlags,
    Restrictions, //
};
pub use pod::Pod;
