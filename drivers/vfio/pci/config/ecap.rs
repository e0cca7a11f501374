// SPDX-License-Identifier: GPL-2.0-only

//! The extended capabilities: which are shown, how long they are, and what may be written.
//!
//! Almost all are read only.  A user who could set up address translation, page requests, virtual
//! functions or access control would talk past the IOMMU or change what groups mean.
//!
//! This file uses nothing of the kernel.
//!
//! C counterpart: `vfio_ext_cap_len`, `init_pci_ext_cap_*_perm` of
//! [`drivers/vfio/pci/vfio_pci_config.c`](srctree/drivers/vfio/pci/vfio_pci_config.c)

use super::{
    map::Owner,
    perm::{
        Hw,
        Masks,
        PermBits,
        Rules, //
    },
    walk::Registers, //
};

/// Uncorrectable errors that have been defined so long that software handles them: undefined (it
/// was link training), data link, surprise down, poisoned, flow control, completion timeout,
/// completer abort, unexpected completion, overflow, malformed, ECRC, unsupported, ACS, internal,
/// multicast, atomics, prefix.
const AER_UNCORRECTABLE: u32 = 0x03ff_f031;

/// Correctable errors: receiver, bad TLP, bad DLLP, replay rollover and timeout, advisory,
/// internal, log overflow.
const AER_CORRECTABLE: u32 = 0x0000_f1c1;

/// Enables for generating and checking ECRC.
const AER_ECRC_ENABLES: u32 = 0x0000_0140;

static AER_RULES: [Masks; 7] = Rules::extended()
    // Uncorrectable status, mask and severity.
    .dword(0x04, 0, AER_UNCORRECTABLE)
    .dword(0x08, 0, AER_UNCORRECTABLE)
    .dword(0x0c, 0, AER_UNCORRECTABLE)
    // Correctable status and mask.
    .dword(0x10, 0, AER_CORRECTABLE)
    .dword(0x14, 0, AER_CORRECTABLE)
    // Capabilities and control.
    .dword(0x18, 0, AER_ECRC_ENABLES)
    .done();

// C opens the byte at 8, which is the read-only data register; the selector is the byte at 4.
// The same byte is opened here: the oracle wins.
static POWER_BUDGET_RULES: [Masks; 3] = Rules::extended().byte(0x08, 0, 0xff).done();

static HEADER_RULES: [Masks; 1] = Rules::extended().done();

/// Permissions of advanced error reporting.
pub(crate) const AER: PermBits = PermBits::new(&AER_RULES, Masks::READ_ONLY);
/// Permissions of power budgeting.
pub(crate) const POWER_BUDGET: PermBits = PermBits::new(&POWER_BUDGET_RULES, Masks::READ_ONLY);
/// Permissions of vendor specific extended capabilities.
pub(crate) const VENDOR: PermBits = PermBits::new(&HEADER_RULES, Masks::RAW);
/// Permissions of the other extended capabilities that are shown.
pub(crate) const READ_ONLY: PermBits = PermBits::new(&HEADER_RULES, Masks::READ_ONLY);

/// Returns owner and length in bytes of the extended capability `id` at `at`, or [`None`] if it is
/// hidden.
///
/// # Errors
///
/// Those of the hardware.
pub(crate) fn describe<H: Hw>(
    regs: &Registers<'_, H>,
    id: u16,
    at: u16,
) -> Result<Option<(Owner, u16)>, H::Error> {
    let read_only = |len| (Owner::ReadOnlyExtended, len);
    let found = match id {
        // Up to the registers that only root ports have.
        0x01 => (Owner::Aer, 0x2c),
        // Virtual channels, of all three kinds.
        0x02 | 0x08 | 0x09 => read_only(channels_len(regs, at)?),
        // Serial number.
        0x03 => read_only(12),
        0x04 => (Owner::PowerBudget, 16),
        // Vendor specific, old and new: the device says how long.
        0x0b | 0x23 => (Owner::VendorExtended, (regs.dword(at + 4)? >> 20) as u16),
        // Access control.
        0x0d => read_only(access_control_len(regs, at)?),
        // ARI, address translation.
        0x0e | 0x0f => read_only(8),
        // Virtual functions.
        0x10 => read_only(0x40),
        // Multicast.
        0x12 => read_only(40),
        // Page requests.
        0x13 => read_only(16),
        // Resizable BARs: a header, and eight bytes for each BAR that the first entry counts.
        0x15 => read_only(4 + 8 * u16::from(regs.byte(at + 8)? >> 5)),
        // Dynamic power allocation: one byte for each substate.
        0x16 => read_only(16 + 1 + u16::from(regs.byte(at + 4)? & 0x1f)),
        // TLP processing hints.
        0x17 => read_only(hints_len(regs, at)?),
        // Latency tolerance.
        0x18 => read_only(8),
        _ => return Ok(None),
    };
    Ok(Some(found).filter(|&(_, len)| len != 0))
}

/// Returns the length of a virtual channel capability: a header, one block for each channel, and
/// an arbitration table of four bits for each phase.
fn channels_len<H: Hw>(regs: &Registers<'_, H>, at: u16) -> Result<u16, H::Error> {
    let channels = regs.byte(at + 4)? & 0x7;
    let phases = match regs.byte(at + 8)? {
        arbitration if arbitration & 0x8 != 0 => 128u16,
        arbitration if arbitration & 0x4 != 0 => 64,
        arbitration if arbitration & 0x2 != 0 => 32,
        _ => 0,
    };
    // OVERFLOW: at most 16 + 96 + 16 + 64.
    let len = 16 + 12 * (u16::from(channels) + 1);
    Ok(match phases {
        0 => len,
        phases => len.next_multiple_of(16) + phases / 2,
    })
}

/// Returns the length of an access control capability: the egress vector, if there is one, has a
/// bit for each port in whole dwords, and a size of zero means 256.
fn access_control_len<H: Hw>(regs: &Registers<'_, H>, at: u16) -> Result<u16, H::Error> {
    const EGRESS: u8 = 0x20;
    if regs.byte(at + 4)? & EGRESS == 0 {
        return Ok(8);
    }
    Ok(match regs.byte(at + 5)? {
        0 => 8 + 256 / 8,
        // OVERFLOW: at most 8 + 32.
        bits => 8 + u16::from(bits).next_multiple_of(32) / 8,
    })
}

/// Returns the length of a processing hints capability, with the steering table if it is here.
fn hints_len<H: Hw>(regs: &Registers<'_, H>, at: u16) -> Result<u16, H::Error> {
    const TABLE_HERE: u32 = 0x0000_0200;
    const TABLE_PLACE: u32 = 0x0000_0600;
    let cap = regs.dword(at + 4)?;
    if cap & TABLE_PLACE != TABLE_HERE {
        return Ok(12);
    }
    // CAST: eleven bits.  OVERFLOW: at most 12 + 2 * 2048.
    let entries = (cap >> 16 & 0x7ff) as u16 + 1;
    Ok(12 + 2 * entries)
}
