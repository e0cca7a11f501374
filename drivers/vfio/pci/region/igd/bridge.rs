// SPDX-License-Identifier: GPL-2.0-only

//! The configuration space of a bridge that the graphics' drivers look at, to be read by a user.

use kernel::{
    dev_warn,
    prelude::*,
    uaccess::UserSliceWriter, //
};
use kernel_ext::pci::{
    Device,
    Neighbour, //
};
use vfio_uapi::{
    VFIO_REGION_SUBTYPE_INTEL_IGD_HOST_CFG,
    VFIO_REGION_SUBTYPE_INTEL_IGD_LPC_CFG, //
};

use super::INTEL;

/// Where a bridge of the chipset is, on bus 0 of segment 0, and how to tell that it is the one.
#[derive(Clone, Copy)]
pub(super) struct Place {
    slot: u8,
    class: u16,
    subtype: u32,
}

/// The bridge between the processor and PCI.
pub(super) const HOST: Place = Place {
    slot: 0,
    class: 0x0600,
    subtype: VFIO_REGION_SUBTYPE_INTEL_IGD_HOST_CFG,
};

/// The bridge to the slow devices of old, which tells what chipset it is.
pub(super) const LPC: Place = Place {
    slot: 0x1f,
    class: 0x0601,
    subtype: VFIO_REGION_SUBTYPE_INTEL_IGD_LPC_CFG,
};

/// A bridge.
pub(super) struct Bridge {
    device: Neighbour,
    subtype: u32,
}

impl Bridge {
    /// Looks for the bridge at `place`, for the graphics `pdev`.
    ///
    /// # Errors
    ///
    /// `EINVAL` if something else is there.
    pub(super) fn find(place: Place, pdev: &Device) -> Result<Option<Self>> {
        let Some(device) = Neighbour::find(0, 0, place.slot, 0) else {
            return Ok(None);
        };
        if device.vendor() != INTEL || device.class() != place.class {
            dev_warn!(
                pdev.device(),
                "cannot be assigned, as there is no bridge of Intel's at 0000:00:{:02x}.0\n",
                place.slot
            );
            return Err(EINVAL);
        }
        Ok(Some(Self {
            device,
            subtype: place.subtype,
        }))
    }

    /// Returns the size of the configuration space in bytes.
    pub(super) fn len(&self) -> u64 {
        self.device.config_size().into()
    }

    /// Returns the region's subtype.
    pub(super) fn subtype(&self) -> u32 {
        self.subtype
    }

    /// Copies `count` bytes from `at` on, all of which exist, to the user, in aligned accesses.
    ///
    /// # Errors
    ///
    /// `EFAULT`, those of the bridge's configuration space.
    pub(super) fn read(&self, to: &mut UserSliceWriter, at: usize, mut count: usize) -> Result {
        let mut at = u16::try_from(at)?;
        while count > 0 {
            let width = match count {
                4.. if at % 4 == 0 => {
                    to.write(&self.device.user_read_config_u32(at)?.to_le_bytes())?;
                    4
                }
                2.. if at % 2 == 0 => {
                    to.write(&self.device.user_read_config_u16(at)?.to_le_bytes())?;
                    2
                }
                _ => {
                    to.write(&self.device.user_read_config_u8(at)?)?;
                    1
                }
            };
            // OVERFLOW: `count` is at least `width`, and the end was checked.
            at += width;
            count -= usize::from(width);
        }
        Ok(())
    }
}
