// SPDX-License-Identifier: GPL-2.0-only

//! Offsets and bits of configuration space that more than one file needs, under the names of the
//! PCI specifications.  Registers of a single capability stand beside their only user.
//!
//! C counterpart: [`include/uapi/linux/pci_regs.h`](srctree/include/uapi/linux/pci_regs.h)

/// Bytes of conventional configuration space; the capability list lies in it.
pub(crate) const CONVENTIONAL_SIZE: u16 = 0x100;

/// Bytes of the header that every function starts with.
pub(crate) const HEADER_SIZE: u16 = 0x40;
/// Dwords in the header.
pub(crate) const HEADER_DWORDS: usize = HEADER_SIZE as usize / 4;

/// Vendor of the function.
pub(crate) const VENDOR_ID: u16 = 0x00;

/// Device number given by the vendor.
pub(crate) const DEVICE_ID: u16 = 0x02;

/// What the function may do: decode, master the bus, assert INTx.
pub(crate) const COMMAND: u16 = 0x04;

/// COMMAND: answer I/O port cycles.
pub(crate) const COMMAND_IO: u16 = 0x0001;

/// COMMAND: answer memory cycles.
pub(crate) const COMMAND_MEMORY: u16 = 0x0002;

/// COMMAND: do not assert INTx.
pub(crate) const COMMAND_INTX_DISABLE: u16 = 0x0400;

/// What the function did: errors, pending INTx, and whether it has a capability list.
pub(crate) const STATUS: u16 = 0x06;

/// STATUS: there is a capability list.
pub(crate) const STATUS_CAP_LIST: u16 = 0x0010;

/// The first of six base address registers.
pub(crate) const BAR0: u16 = 0x10;

/// Number of base address registers.
pub(crate) const BARS: u16 = 6;

/// The expansion ROM's base address register.
pub(crate) const ROM: u16 = 0x30;

/// Pointer to the first capability.
pub(crate) const CAPABILITY_LIST: u16 = 0x34;

/// Interrupt line, a note that software leaves for software.
pub(crate) const INTERRUPT_LINE: u16 = 0x3c;

/// Which INTx wire the function uses: 1 is INTA, 0 is none.
pub(crate) const INTERRUPT_PIN: u16 = 0x3d;

/// Where Intel's graphics has the physical address of its OpRegion, for software to know.
pub(crate) const ASLS: u16 = 0xfc;
