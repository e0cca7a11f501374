// SPDX-License-Identifier: GPL-2.0-only

//! The standard capabilities: which are shown, how long they are, what may be written, and what a
//! write sets off.
//!
//! A write that means more than bits in a register is not carried out here.  It is returned as an
//! [`Effect`], because power states, resets and VPD need locks and time that the lock around the
//! virtual copy must not wait for.
//!
//! This file uses nothing of the kernel.
//!
//! C counterpart: `vfio_cap_len`, `vfio_{pm,vpd,exp,af}_config_write` of
//! [`drivers/vfio/pci/vfio_pci_config.c`](srctree/drivers/vfio/pci/vfio_pci_config.c)

use core::ops::DerefMut;

use super::{
    map::{
        Chunk,
        Owner, //
    },
    msi,
    perm::{
        Hw,
        Masks,
        PermBits,
        Rules,
        Width, //
    },
    space::Space,
    walk::Registers, //
};

/// Offset of a capability's pointer to the next one.
pub(crate) const NEXT: u16 = 1;

/// Power management: what the function can do.
const PM_PMC: u16 = 2;
/// PM_PMC: states from which the function can signal events.
const PM_PMC_PME: u16 = 0xf800;
/// Power management: control and status.
const PM_CTRL: u16 = 4;
/// PM_CTRL: power state, D0 to D3hot.
const PM_CTRL_STATE: u16 = 0x0003;
/// PM_CTRL: event enable and event status.
const PM_CTRL_PME: u16 = 0x8100;

/// VPD: byte address, and the flag that tells a write from a read and both from their end.
const VPD_ADDR: u16 = 2;
/// VPD_ADDR: set to start a write, cleared to start a read; flips when done.
const VPD_ADDR_FLAG: u16 = 0x8000;
/// VPD: four bytes of data.
const VPD_DATA: u16 = 4;

/// PCI-X: command.
const PCI_X_CMD: u16 = 2;
/// PCI-X: error correction control, only in versions 1 and 2.
const PCI_X_ECC_CSR: usize = 8;

/// Express: endpoint that is part of the root complex and has no link, among the types.
const EXP_TYPE_RC_END: u16 = 0x9;
/// Express: what the function can do.
const EXP_DEVCAP: u16 = 4;
/// EXP_DEVCAP: function-level reset works.
const EXP_DEVCAP_FLR: u32 = 0x1000_0000;
/// Express: device control.
const EXP_DEVCTL: u16 = 8;
/// EXP_DEVCTL: largest payload, which must suit every device on the way.
const EXP_DEVCTL_PAYLOAD: u16 = 0x00e0;
/// EXP_DEVCTL: use the numbers of absent functions, which an IOMMU cannot attribute.
const EXP_DEVCTL_PHANTOM: u16 = 0x0200;
/// EXP_DEVCTL: largest read request, as a power of two over 128 bytes.
const EXP_DEVCTL_READRQ: u16 = 0x7000;
/// EXP_DEVCTL: reset the function.
const EXP_DEVCTL_FLR: u16 = 0x8000;
/// Express: device control 2.
const EXP_DEVCTL2: usize = 0x28;
/// EXP_DEVCTL2: forward to functions above 7, set by the host for the whole device.
const EXP_DEVCTL2_ARI: u16 = 0x0020;

/// Advanced features: what the function can do.
const AF_CAP: u16 = 3;
/// AF_CAP: pending transactions can be seen, and the function can be reset.
const AF_CAP_TP_FLR: u32 = 0x03;
/// Advanced features: control.
const AF_CTRL: u16 = 4;
/// AF_CTRL: reset the function.
const AF_CTRL_FLR: u8 = 0x01;

static PM_RULES: [Masks; 2] = Rules::capability()
    // Events are the host's to handle: the user sees a function that cannot signal any.
    .word(PM_PMC as usize, PM_PMC_PME, 0)
    // The state is changed on the user's behalf, see `Effect::SetPower`.
    .dword(
        PM_CTRL as usize,
        PM_CTRL_PME as u32,
        !(PM_CTRL_PME as u32 | PM_CTRL_STATE as u32),
    )
    .done();

static VPD_RULES: [Masks; 2] = Rules::capability()
    .word(VPD_ADDR as usize, 0xffff, 0xffff)
    .dword(VPD_DATA as usize, u32::MAX, u32::MAX)
    .done();

static PCI_X_RULES: [Masks; 3] = Rules::capability()
    .word(PCI_X_CMD as usize, 0, 0xffff)
    .dword(PCI_X_ECC_CSR, 0, u32::MAX)
    .done();

static EXP_RULES: [Masks; 11] = Rules::capability()
    .word(
        EXP_DEVCTL as usize,
        EXP_DEVCTL_FLR | EXP_DEVCTL_PAYLOAD | EXP_DEVCTL_READRQ,
        !EXP_DEVCTL_PHANTOM,
    )
    .word(EXP_DEVCTL2, 0, !EXP_DEVCTL2_ARI)
    .done();

static AF_RULES: [Masks; 2] = Rules::capability()
    .byte(AF_CTRL as usize, AF_CTRL_FLR, AF_CTRL_FLR)
    .done();

static VENDOR_RULES: [Masks; 1] = Rules::capability().word(2, 0, 0xffff).done();

static HEADER_RULES: [Masks; 1] = Rules::capability().done();

/// Permissions of power management.
pub(crate) const PM: PermBits = PermBits::new(&PM_RULES, Masks::READ_ONLY);
/// Permissions of vital product data.
pub(crate) const VPD: PermBits = PermBits::new(&VPD_RULES, Masks::READ_ONLY);
/// Permissions of PCI-X.
pub(crate) const PCI_X: PermBits = PermBits::new(&PCI_X_RULES, Masks::READ_ONLY);
/// Permissions of PCI Express.
pub(crate) const EXP: PermBits = PermBits::new(&EXP_RULES, Masks::READ_ONLY);
/// Permissions of advanced features.
pub(crate) const AF: PermBits = PermBits::new(&AF_RULES, Masks::READ_ONLY);
/// Permissions of vendor specific capabilities.
pub(crate) const VENDOR: PermBits = PermBits::new(&VENDOR_RULES, Masks::RAW);
/// Permissions of the other standard capabilities that are shown.
pub(crate) const READ_ONLY: PermBits = PermBits::new(&HEADER_RULES, Masks::READ_ONLY);

/// Power states that a function can be put in by its own register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PowerState {
    /// Working.
    D0,
    /// Light sleep.
    D1,
    /// Deeper sleep.
    D2,
    /// Off as far as memory and I/O go, while configuration space still answers.
    D3hot,
}

/// One transfer of four bytes of vital product data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VpdAccess {
    /// Where the VPD capability begins.
    start: u16,
    /// Byte address within VPD, below 0x8000.
    pub(crate) addr: u16,
    /// What to write; [`None`] reads.
    pub(crate) data: Option<u32>,
}

/// What a write asks for beyond bits in a register.
#[must_use = "the write is only half done without its effect"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing.
    None,
    /// Put the function in another power state.
    SetPower(PowerState),
    /// Transfer VPD, then call [`Space::finish_vpd`].
    Vpd(VpdAccess),
    /// First reset the function if `reset`, then set the largest read request, in bytes.
    Function {
        /// The user set a function-level reset bit that the function has.
        reset: bool,
        /// The user changed the size of read requests.
        read_request: Option<u16>,
    },
}

/// The first four bytes of a standard capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// What it is.
    id: u8,
    /// Where the next one stands.
    pub(crate) next: u8,
    /// The word behind the pointer, which differs from capability to capability.
    word: u16,
}

impl Head {
    /// Takes apart the dword at the start of a capability.
    pub(crate) fn from_dword(dword: u32) -> Self {
        let [id, next, low, high] = dword.to_le_bytes();
        Head {
            id,
            next,
            word: u16::from_le_bytes([low, high]),
        }
    }
}

/// Returns owner and length in bytes of the standard capability at `at` that begins with `head`, or
/// [`None`] if it is hidden.
///
/// # Errors
///
/// Those of the hardware.
pub(crate) fn describe<H: Hw>(
    regs: &Registers<'_, H>,
    head: Head,
    at: u16,
) -> Result<Option<(Owner, u16)>, H::Error> {
    let found = match head.id {
        0x01 => (Owner::Pm, 8),
        // AGP.
        0x02 => (Owner::ReadOnly, 12),
        0x03 => (Owner::Vpd, 8),
        0x05 => {
            let shape = msi::MsiShape::from_flags(head.word);
            (Owner::Msi(shape), shape.len())
        }
        0x07 => match pci_x_version(head.word) {
            0 => (Owner::PciX, 8),
            _ => (Owner::PciX, 24),
        },
        // HyperTransport: host and secondary links have no upper part.
        0x08 => match head.word & 0xe000 {
            0 => (Owner::ReadOnly, 28),
            _ => (Owner::ReadOnly, 24),
        },
        // The device says how long it is.
        0x09 => (Owner::Vendor, head.word & 0xff),
        0x10 => (Owner::Exp, exp_len(head.word)),
        // MSI-X: set up through SET_IRQS only.
        0x11 => (Owner::ReadOnly, 12),
        // SATA: a location of 0xf says that the index and data registers follow.
        0x12 => match regs.byte(at + 4)? & 0xf {
            0xf => (Owner::ReadOnly, 16),
            _ => (Owner::ReadOnly, 8),
        },
        0x13 => (Owner::Af, 6),
        _ => return Ok(None),
    };
    Ok(Some(found).filter(|&(_, len)| len != 0))
}

/// Returns whether the capability `owner` that begins with `head` says that there can be extended
/// capabilities.
pub(crate) fn extends(owner: Owner, head: Head) -> bool {
    match owner {
        Owner::Exp => true,
        Owner::PciX => pci_x_version(head.word) != 0,
        _ => false,
    }
}

/// Returns the version of a PCI-X capability from its command register.
fn pci_x_version(command: u16) -> u16 {
    command >> 12 & 0x3
}

/// Returns the length in bytes of an Express capability from its flags register: the version in the
/// low four bits, the type in the next four.
fn exp_len(flags: u16) -> u16 {
    match (flags & 0xf, flags >> 4 & 0xf) {
        (1, EXP_TYPE_RC_END) => 0x0c,
        (1, _) => 0x14,
        (_, EXP_TYPE_RC_END) => 0x2c,
        (_, _) => 0x34,
    }
}

impl<B: DerefMut<Target = [[u8; 4]]>> Space<B> {
    /// Makes the fresh copy of `chunk` into what the user is to see.
    pub(crate) fn init_capability(&mut self, chunk: &Chunk) {
        if chunk.owner != Owner::Pm {
            return;
        }
        if chunk.covers(PM_PMC) {
            self.change_word(chunk.sibling(PM_PMC), PM_PMC_PME, 0);
        }
        if chunk.covers(PM_CTRL) {
            self.change_word(chunk.sibling(PM_CTRL), PM_CTRL_PME, 0);
        }
    }

    /// Writes to the power management capability.
    ///
    /// # Errors
    ///
    /// Those of the hardware.
    pub(crate) fn write_pm<H: Hw>(
        &mut self,
        hw: &H,
        chunk: &Chunk,
        value: u32,
    ) -> Result<Effect, H::Error> {
        self.write(hw, chunk, value)?;
        if chunk.offset != PM_CTRL {
            return Ok(Effect::None);
        }
        Ok(Effect::SetPower(match value & u32::from(PM_CTRL_STATE) {
            0 => PowerState::D0,
            1 => PowerState::D1,
            2 => PowerState::D2,
            _ => PowerState::D3hot,
        }))
    }

    /// Writes to the VPD capability.  The byte that holds the flag starts a transfer.
    ///
    /// # Errors
    ///
    /// Those of the hardware.
    pub(crate) fn write_vpd<H: Hw>(
        &mut self,
        hw: &H,
        chunk: &Chunk,
        value: u32,
    ) -> Result<Effect, H::Error> {
        self.write(hw, chunk, value)?;
        if !chunk.covers(VPD_ADDR + 1) {
            return Ok(Effect::None);
        }
        let addr = self.word(chunk.sibling(VPD_ADDR));
        let data = self.get(chunk.sibling(VPD_DATA), Width::Dword);
        Ok(Effect::Vpd(VpdAccess {
            start: chunk.sibling(0),
            addr: addr & !VPD_ADDR_FLAG,
            data: (addr & VPD_ADDR_FLAG != 0).then_some(data),
        }))
    }

    /// Ends a VPD transfer that succeeded: stores what was read and flips the flag.
    ///
    /// After one that failed nothing is called, and the user waits for the flag until he gives up,
    /// as with hardware.
    pub(crate) fn finish_vpd(&mut self, access: VpdAccess, data: u32) {
        // OVERFLOW: capabilities begin below 256.
        let (addr, at) = (access.start + VPD_ADDR, access.start + VPD_DATA);
        if access.data.is_none() {
            self.set(at, Width::Dword, data);
        }
        let flipped = self.word(addr) ^ VPD_ADDR_FLAG;
        self.set(addr, Width::Word, u32::from(flipped));
    }

    /// Writes to the Express capability.
    ///
    /// # Errors
    ///
    /// Those of the hardware; a function whose abilities cannot be read is not reset.
    pub(crate) fn write_exp<H: Hw>(
        &mut self,
        hw: &H,
        chunk: &Chunk,
        value: u32,
    ) -> Result<Effect, H::Error> {
        if !chunk.covers(EXP_DEVCTL) && !chunk.covers(EXP_DEVCTL + 1) {
            self.write(hw, chunk, value)?;
            return Ok(Effect::None);
        }
        let at = chunk.sibling(EXP_DEVCTL);
        let before = self.word(at);
        self.write(hw, chunk, value)?;
        let after = self.word(at);

        // The bit always reads zero.
        self.change_word(at, EXP_DEVCTL_FLR, 0);
        let reset = after & EXP_DEVCTL_FLR != 0
            && hw
                .read(chunk.sibling(EXP_DEVCAP), Width::Dword)
                .is_ok_and(|cap| cap & EXP_DEVCAP_FLR != 0);

        let changed = (before ^ after) & EXP_DEVCTL_READRQ != 0;
        // OVERFLOW: 128 times at most 128.
        let read_request = changed.then_some(128 << ((after & EXP_DEVCTL_READRQ) >> 12));
        Ok(match (reset, read_request) {
            (false, None) => Effect::None,
            _ => Effect::Function {
                reset,
                read_request,
            },
        })
    }

    /// Writes to the advanced features capability.
    ///
    /// # Errors
    ///
    /// Those of the hardware; a function whose abilities cannot be read is not reset.
    pub(crate) fn write_af<H: Hw>(
        &mut self,
        hw: &H,
        chunk: &Chunk,
        value: u32,
    ) -> Result<Effect, H::Error> {
        self.write(hw, chunk, value)?;
        let at = chunk.sibling(AF_CTRL);
        let control = self.get(at, Width::Byte);
        if !chunk.covers(AF_CTRL) || control & u32::from(AF_CTRL_FLR) == 0 {
            return Ok(Effect::None);
        }

        // The bit always reads zero.
        self.set(at, Width::Byte, control & !u32::from(AF_CTRL_FLR));
        let able = hw
            .read(chunk.sibling(AF_CAP), Width::Byte)
            .is_ok_and(|cap| cap & AF_CAP_TP_FLR == AF_CAP_TP_FLR);
        Ok(match able {
            true => Effect::Function {
                reset: true,
                read_request: None,
            },
            false => Effect::None,
        })
    }
}
