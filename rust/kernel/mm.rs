// SPDX-License-Identifier: GPL-2.0-only

//! Memory of programs: pinning it, charging it, and showing them ours.
//!
//! C header: [`include/linux/mm.h`](srctree/include/linux/mm.h).

// Keep the list sorted, one line each.
pub mod fault;
mod live;
pub mod locked_vm;
pub mod notifier;
pub mod pin;
pub mod resident;
pub mod vma;

pub use vma::NewVma;

/// Returns an address of the current process without what its tag bits say.
///
/// Events about memory name untagged addresses.
pub fn untagged(addr: usize) -> usize {
    // SAFETY: The call only computes with a number and the current process's settings.
    unsafe { crate::bindings::vfio_helper_untagged_addr(addr) }
}
