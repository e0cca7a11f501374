// SPDX-License-Identifier: GPL-2.0-only

//! Safe ways to the unions of the header.
//!
//! Both are one `u32` under two names, so that reading either name is always defined; only the
//! language cannot know.
//!
//! C counterpart: `struct vfio_pci_dependent_device`, `struct vfio_device_gfx_plane_info`.

use crate::generated::*;
use crate::pod::Pod;

// SAFETY: Both members are a `u32` at offset 0, so the union takes any bit pattern, and has no
// padding and no interior mutability.
unsafe impl Pod for vfio_pci_dependent_device__bindgen_ty_1 {}

// SAFETY: As above.
unsafe impl Pod for vfio_device_gfx_plane_info__bindgen_ty_1 {}

impl vfio_pci_dependent_device {
    /// Describes a device by its place on the bus and by `id`: its group, or its iommufd device id.
    pub fn new(id: u32, segment: u16, bus: u8, devfn: u8) -> Self {
        Self {
            __bindgen_anon_1: vfio_pci_dependent_device__bindgen_ty_1 { group_id: id },
            segment,
            bus,
            devfn,
        }
    }

    /// Returns the group or the iommufd device id, whichever the flags of the answer announce.
    pub fn id(&self) -> u32 {
        // SAFETY: Both members of the union are a `u32` at offset 0, so the bytes are initialized
        // and valid whichever of them was written.
        unsafe { self.__bindgen_anon_1.group_id }
    }
}

impl core::fmt::Debug for vfio_pci_dependent_device {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("vfio_pci_dependent_device")
            .field("id", &self.id())
            .field("segment", &self.segment)
            .field("bus", &self.bus)
            .field("devfn", &self.devfn)
            .finish()
    }
}

impl vfio_device_gfx_plane_info {
    /// Returns the region index or the dma-buf id, whichever the flags of the question chose.
    pub fn source(&self) -> u32 {
        // SAFETY: Both members of the union are a `u32` at offset 0, so the bytes are initialized
        // and valid whichever of them was written.
        unsafe { self.__bindgen_anon_1.region_index }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependent_device_keeps_its_id() {
        let device = vfio_pci_dependent_device::new(7, 1, 2, 3);
        assert_eq!(
            (device.id(), device.segment, device.bus, device.devfn),
            (7, 1, 2, 3)
        );
        assert_eq!(device.as_bytes().len(), 8);
    }
}
