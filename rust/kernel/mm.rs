// SPDX-License-Identifier: GPL-2.0-only

//! Memory of programs: pinning it, charging it, and showing them ours.
//!
//! C header: [`include/linux/mm.h`](srctree/include/linux/mm.h).

// Keep the list sorted, one line each.
pub mod fault;
pub mod locked_vm;
pub mod notifier;
pub mod pin;
pub mod vma;

pub use vma::NewVma;
