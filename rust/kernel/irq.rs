// SPDX-License-Identifier: GPL-2.0-only

//! Interrupts, beyond what `kernel::irq` offers.
//!
//! `kernel::irq::Registration` borrows its device for the length of a driver callback, takes a
//! name that lives for ever, and cannot mask the line. VFIO keeps interrupts in file descriptors,
//! names each after its device and vector, and masks lines for user space. So there is [`line`],
//! whose [`IrqLine`] owns all that it needs, and [`bypass`], which offers a line to KVM.
//!
//! C header: [`include/linux/interrupt.h`](srctree/include/linux/interrupt.h)

// Keep the list sorted, one line each.
pub mod bypass;
pub mod line;

pub use line::{
    IrqLine,
    Sharing,
    Source, //
};
