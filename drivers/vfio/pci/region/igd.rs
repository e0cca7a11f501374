// SPDX-License-Identifier: GPL-2.0-only

//! What Intel's integrated graphics needs beside its own registers.
//!
//! Its drivers look at memory that the firmware left ([`opregion`]), whose address is in a register,
//! and at the configuration spaces of the host bridge and the LPC bridge. A virtual machine has other
//! bridges and its own firmware, so it gets all three as regions that can only be read.
//!
//! The register with the address is virtual for all of Intel's display controllers. Were it the
//! hardware's, a user could point it elsewhere, and the next one would be shown what is there.
//!
//! C counterpart: [`drivers/vfio/pci/vfio_pci_igd.c`](srctree/drivers/vfio/pci/vfio_pci_igd.c)

mod bridge;
mod opregion;

use kernel::{
    dev_warn,
    prelude::*,
    uaccess::UserSliceWriter, //
};
use kernel_ext::{
    firmware_memory::FirmwareMemory,
    pci::Device, //
};
use vfio_uapi::{
    RegionInfoFlags,
    VFIO_REGION_INFO_CAP_TYPE,
    VFIO_REGION_SUBTYPE_INTEL_IGD_OPREGION,
    VFIO_REGION_TYPE_PCI_VENDOR_TYPE, //
};

use self::{
    bridge::{
        Bridge,
        HOST,
        LPC, //
    },
    opregion::{
        Header,
        HEAD, //
    }, //
};
use super::{
    access::clamp,
    Info, //
};
use crate::config::ASLS;

const INTEL: u16 = 0x8086;

/// The class of all display controllers.
const DISPLAY: u16 = 0x03;

/// Returns whether a device is a display controller of Intel's.
pub(crate) fn is_intel_display(pdev: &Device) -> bool {
    cfg!(CONFIG_VFIO_PCI_IGD) && pdev.vendor() == INTEL && pdev.class() >> 8 == DISPLAY
}

/// The regions, in their order. Which ones there are depends on the machine.
pub(crate) struct Igd(KVec<Part>);

/// One region.
enum Part {
    /// The firmware's memory.
    OpRegion(OpRegion),
    /// The configuration space of a bridge.
    Bridge(Bridge),
}

impl Igd {
    /// Finds what there is for `pdev`; nothing for devices of any other kind.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the register points at something else, or a bridge is not Intel's; `ENOMEM`.
    pub(crate) fn find(pdev: &Device) -> Result<Self> {
        let mut parts = KVec::new();
        if !is_intel_display(pdev) {
            return Ok(Self(parts));
        }
        let address = pdev.config_read_u32(ASLS);
        if matches!(address, 0 | u32::MAX) {
            return Ok(Self(parts));
        }
        let found = OpRegion::map(address).inspect_err(|error| {
            dev_warn!(
                pdev.device(),
                "no OpRegion at {address:#x}, where its register says: {error:?}\n"
            );
        })?;
        parts.push(Part::OpRegion(found), GFP_KERNEL_ACCOUNT)?;
        for place in [HOST, LPC] {
            let Some(bridge) = Bridge::find(place, pdev)? else {
                break;
            };
            parts.push(Part::Bridge(bridge), GFP_KERNEL_ACCOUNT)?;
        }
        Ok(Self(parts))
    }

    /// Returns how many there are, 0 to 3.
    pub(crate) fn count(&self) -> u32 {
        // CAST: At most three.
        self.0.len() as u32
    }

    /// Describes region `number`.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is none, `ENOMEM`.
    pub(super) fn info(&self, number: u32) -> Result<Info> {
        let part = self.part(number)?;
        let mut info = Info::new(part.len(), RegionInfoFlags::READ);
        let id = u16::try_from(VFIO_REGION_INFO_CAP_TYPE)?;
        let kind = u32::from(INTEL) | VFIO_REGION_TYPE_PCI_VENDOR_TYPE;
        // The struct behind the header is the type and the subtype.
        info.caps.add(id, 1, &[kind, part.subtype()])?;
        Ok(info)
    }

    /// Reads up to `count` bytes at `pos` in region `number`.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no such region or `pos` is behind its end, `EFAULT`, those of a bridge's
    /// configuration space.
    pub(crate) fn read(
        &self,
        number: u32,
        to: &mut UserSliceWriter,
        count: usize,
        pos: u64,
    ) -> Result<usize> {
        let part = self.part(number)?;
        let (at, count) = clamp(pos, count, part.len())?;
        match part {
            Part::OpRegion(opregion) => opregion.read(to, at, count)?,
            Part::Bridge(bridge) => bridge.read(to, at, count)?,
        }
        Ok(count)
    }

    fn part(&self, number: u32) -> Result<&Part> {
        self.0.get(usize::try_from(number)?).ok_or(EINVAL)
    }
}

impl Part {
    fn len(&self) -> u64 {
        match self {
            Self::OpRegion(opregion) => opregion.header.len(),
            Self::Bridge(bridge) => bridge.len(),
        }
    }

    fn subtype(&self) -> u32 {
        match self {
            Self::OpRegion(_) => VFIO_REGION_SUBTYPE_INTEL_IGD_OPREGION,
            Self::Bridge(bridge) => bridge.subtype(),
        }
    }
}

/// The firmware's memory for the graphics.
struct OpRegion {
    header: Header,
    memory: FirmwareMemory,
    /// The VBT, if it is elsewhere.
    vbt: Option<FirmwareMemory>,
}

impl OpRegion {
    /// Maps the OpRegion at a physical address.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is none, `ENOMEM`.
    fn map(address: u32) -> Result<Self> {
        let memory = FirmwareMemory::map(address.into(), opregion::SIZE)?;
        let mut head = [0; HEAD];
        memory.read(0, &mut head)?;
        let header = Header::parse(&head, address.into()).ok_or(EINVAL)?;
        let vbt = match header.vbt() {
            Some(vbt) => Some(FirmwareMemory::map(vbt.address, usize::try_from(vbt.len)?)?),
            None => None,
        };
        Ok(Self {
            header,
            memory,
            vbt,
        })
    }

    /// Copies `count` bytes from `at` on, all of which exist, to the user.
    fn read(&self, to: &mut UserSliceWriter, mut at: usize, mut count: usize) -> Result {
        let mut buffer = [0; 64];
        while count > 0 {
            let behind = at.checked_sub(opregion::SIZE);
            let room = match behind {
                Some(_) => count,
                None => count.min(opregion::SIZE - at),
            };
            let room = room.min(buffer.len());
            let bytes = buffer.get_mut(..room).ok_or(EINVAL)?;
            match (behind, &self.vbt) {
                (None, _) => {
                    self.memory.read(at, bytes)?;
                    self.header.patch(at, bytes);
                }
                (Some(at), Some(vbt)) => vbt.read(at, bytes)?,
                (Some(_), None) => return Err(EINVAL),
            }
            to.write_slice(bytes)?;
            // OVERFLOW: `room` is at most `count`, and the end was checked.
            at += room;
            count -= room;
        }
        Ok(())
    }
}
