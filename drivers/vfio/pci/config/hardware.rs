// SPDX-License-Identifier: GPL-2.0-only

//! What configuration space needs to know of the real device: its registers, the host's idea of
//! its BARs and interrupts, and the log to complain to.
//!
//! C counterpart: the accessors and `vfio_config_init` of
//! [`drivers/vfio/pci/vfio_pci_config.c`](srctree/drivers/vfio/pci/vfio_pci_config.c)

use kernel::{
    dev_warn,
    prelude::*, //
};

use kernel_ext::pci::{
    self,
    BarIndex,
    Rom, //
};

use super::{
    header::{
        BarKind,
        BarShape,
        Facts, //
    },
    perm::{
        Hw,
        Width, //
    },
    walk::Oddity, //
};
use crate::{
    irq::IntxMasking,
    region::igd::is_intel_display, //
};

/// Where a function keeps its MSI-X table, and how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MsixGeometry {
    /// Number of the BAR, 0 to 5 unless the device is broken.
    pub(crate) bar: u8,
    /// Offset in the BAR in bytes, a multiple of eight.
    pub(crate) offset: u32,
    /// Number of vectors, 1 to 2048; each takes 16 bytes of the table.
    pub(crate) vectors: u16,
}

impl MsixGeometry {
    /// Returns the size of the table in bytes.
    pub(crate) fn size(&self) -> u32 {
        // OVERFLOW: at most 32768.
        u32::from(self.vectors) * 16
    }
}

/// The device's registers, through the accessors that wait for resets to end.
pub(super) struct Registers<'a>(pub(super) &'a pci::Device);

impl Hw for Registers<'_> {
    type Error = Error;

    fn read(&self, at: u16, width: Width) -> Result<u32> {
        match width {
            Width::Byte => self.0.user_read_config_u8(at).map(u32::from),
            Width::Word => self.0.user_read_config_u16(at).map(u32::from),
            Width::Dword => self.0.user_read_config_u32(at),
        }
    }

    fn write(&self, at: u16, width: Width, value: u32) -> Result {
        // CAST: bits beyond the width are not written.
        match width {
            Width::Byte => self.0.user_write_config_u8(at, value as u8),
            Width::Word => self.0.user_write_config_u16(at, value as u16),
            Width::Dword => self.0.user_write_config_u32(at, value),
        }
    }
}

/// Puts what the host knows of a device into the model's terms.
pub(super) fn facts(pdev: &pci::Device, masking: IntxMasking) -> Facts {
    let is_vf = pdev.is_virtual_function();
    let mut facts = Facts {
        vf_ids: is_vf.then(|| (pdev.vendor(), pdev.device_id())),
        no_command_memory: pdev.always_decodes_memory(),
        // The standard gives virtual functions no INTx, whatever their registers say.
        hide_intx: is_vf || masking == IntxMasking::Broken || !pdev.has_interrupt_line(),
        silenced: masking != IntxMasking::Broken,
        has_opregion: is_intel_display(pdev),
        rom: rom_size(pdev),
        ..Facts::default()
    };
    for (shape, bar) in facts.bars.iter_mut().zip(BarIndex::all()) {
        let resource = pdev.resource(bar);
        *shape = (resource.start != 0).then(|| BarShape {
            size: resource.len,
            kind: match pdev.bar_kind(bar) {
                pci::BarKind::Io => BarKind::Io,
                pci::BarKind::Memory { wide, prefetch } => BarKind::Memory { wide, prefetch },
            },
        });
    }
    facts
}

/// Returns the size of the ROM as a BAR would have it, from its BAR or from the firmware's copy.
fn rom_size(pdev: &pci::Device) -> Option<u64> {
    let rom = pdev.rom_resource();
    if rom.start != 0 {
        return Some(rom.len);
    }
    // CAST: `usize` has at most 64 bits.
    (Rom::shadow_len(pdev)? as u64).checked_next_power_of_two()
}

/// Reads place and length of the MSI-X table from the capability at `cap`.
pub(super) fn msix_geometry(pdev: &pci::Device, cap: u8) -> Result<MsixGeometry> {
    let flags = pdev.user_read_config_u16(u16::from(cap).saturating_add(2))?;
    let table = pdev.user_read_config_u32(u16::from(cap).saturating_add(4))?;
    Ok(MsixGeometry {
        // CAST: three bits.
        bar: (table & 0x7) as u8,
        offset: table & !0x7,
        // OVERFLOW: eleven bits.
        vectors: (flags & 0x7ff) + 1,
    })
}

/// Tells the log, and with luck the vendor, what is wrong with a device's capability lists.
pub(super) fn report(pdev: &pci::Device, odd: Oddity) {
    match odd {
        Oddity::Overlap(at) => dev_warn!(
            pdev.device(),
            "config space: the capability at {at:#x} lies over another one\n"
        ),
        Oddity::Cut(at) => dev_warn!(
            pdev.device(),
            "config space: the capability at {at:#x} reaches behind the end and is cut there\n"
        ),
        Oddity::BadPointer(to) => dev_warn!(
            pdev.device(),
            "config space: a capability list points to {to:#x} and ends before it\n"
        ),
    }
}
