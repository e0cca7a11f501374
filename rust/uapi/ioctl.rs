// SPDX-License-Identifier: GPL-2.0-only

//! The request numbers of the interface.
//!
//! VFIO makes all of them with `_IO()`, which carries neither a size nor a direction. A number
//! means what the file it is used on says: `_IO(';', 112)` is [`IOMMU_GET_INFO`] on a container and
//! [`DEVICE_GET_PCI_HOT_RESET_INFO`] on a device.
//!
//! The bits that say "no direction" differ between architectures; they come from the kernel's
//! headers through `bindgen`.
//!
//! C counterpart: the `_IO()` lines of `include/uapi/linux/vfio.h`, with which the unit test
//! compares every number.

use crate::generated::{
    VFIO_BASE,
    VFIO_TYPE,
    _IOC_DIRSHIFT,
    _IOC_NONE,
    _IOC_NRSHIFT,
    _IOC_TYPESHIFT, //
};

/// Returns `_IO(VFIO_TYPE, VFIO_BASE + n)`.
pub const fn io(n: u32) -> u32 {
    (_IOC_NONE << _IOC_DIRSHIFT)
        | ((VFIO_TYPE as u32) << _IOC_TYPESHIFT)
        | ((VFIO_BASE + n) << _IOC_NRSHIFT)
}

/// Defines the numbers, and a table of them for the test.
macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident = $n:literal;)*) => {
        $($(#[$doc])* pub const $name: u32 = io($n);)*

        #[cfg(test)]
        const ALL: &[(&str, u32)] = &[$((stringify!($name), $n)),*];
    };
}

requests! {
    /// Container: asks for the version of the interface.
    GET_API_VERSION = 0;
    /// Container: asks for one extension.
    CHECK_EXTENSION = 1;
    /// Container: chooses the IOMMU type.
    SET_IOMMU = 2;

    /// Group: asks for its state.
    GROUP_GET_STATUS = 3;
    /// Group: joins a container.
    GROUP_SET_CONTAINER = 4;
    /// Group: leaves it.
    GROUP_UNSET_CONTAINER = 5;
    /// Group: opens a member.
    GROUP_GET_DEVICE_FD = 6;

    /// Device: asks what it is.
    DEVICE_GET_INFO = 7;
    /// Device: asks for one region.
    DEVICE_GET_REGION_INFO = 8;
    /// Device: asks for one kind of interrupt.
    DEVICE_GET_IRQ_INFO = 9;
    /// Device: sets interrupts up.
    DEVICE_SET_IRQS = 10;
    /// Device: resets it.
    DEVICE_RESET = 11;
    /// Device: asks what a hot reset would hit.
    DEVICE_GET_PCI_HOT_RESET_INFO = 12;
    /// Device: resets its bus or slot.
    DEVICE_PCI_HOT_RESET = 13;
    /// Device: asks where an emulated display draws.
    DEVICE_QUERY_GFX_PLANE = 14;
    /// Device: opens what it draws.
    DEVICE_GET_GFX_DMABUF = 15;
    /// Device: writes whenever an eventfd is rung.
    DEVICE_IOEVENTFD = 16;
    /// Device: probes, gets or sets a feature.
    DEVICE_FEATURE = 17;
    /// Device node: binds to an iommufd.
    DEVICE_BIND_IOMMUFD = 18;
    /// Device node: attaches to an address space of it.
    DEVICE_ATTACH_IOMMUFD_PT = 19;
    /// Device node: detaches.
    DEVICE_DETACH_IOMMUFD_PT = 20;
    /// Migration data fd: asks how much is left.
    MIG_GET_PRECOPY_INFO = 21;

    /// Container, type 1: asks for abilities and limits.
    IOMMU_GET_INFO = 12;
    /// Container: maps memory for the devices.
    IOMMU_MAP_DMA = 13;
    /// Container: unmaps it.
    IOMMU_UNMAP_DMA = 14;
    /// Container, sPAPR v1: opens the window.
    IOMMU_ENABLE = 15;
    /// Container, sPAPR v1: closes the window.
    IOMMU_DISABLE = 16;
    /// Container, type 1: logs written pages.
    IOMMU_DIRTY_PAGES = 17;

    /// Container, sPAPR: asks for the windows.
    IOMMU_SPAPR_TCE_GET_INFO = 12;
    /// Container, sPAPR v2: pins memory.
    IOMMU_SPAPR_REGISTER_MEMORY = 17;
    /// Container, sPAPR v2: unpins it.
    IOMMU_SPAPR_UNREGISTER_MEMORY = 18;
    /// Container, sPAPR v2: adds a window.
    IOMMU_SPAPR_TCE_CREATE = 19;
    /// Container, sPAPR v2: removes a window.
    IOMMU_SPAPR_TCE_REMOVE = 20;
    /// Container, sPAPR: handles PCI errors.
    EEH_PE_OP = 21;

    /// Container, an extension beyond Linux: probes, gets or sets a feature.
    IOMMU_FEATURE = 26;
    /// Group, an extension beyond Linux: probes, gets or sets a feature.
    GROUP_FEATURE = 27;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Reads the `_IO()` lines of the header: name without `VFIO_`, and offset from `VFIO_BASE`.
    fn header() -> BTreeMap<&'static str, u32> {
        include_str!("../../include/uapi/linux/vfio.h")
            .lines()
            .filter_map(|line| {
                let (name, value) = line
                    .strip_prefix("#define VFIO_")?
                    .split_once(char::is_whitespace)?;
                let n = value.trim().strip_prefix("_IO(VFIO_TYPE, VFIO_BASE + ")?;
                Some((name, n.strip_suffix(')')?.parse().ok()?))
            })
            .collect()
    }

    #[test]
    fn numbers_are_those_of_the_header() {
        assert_eq!(ALL.iter().copied().collect::<BTreeMap<_, _>>(), header());
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn numbers_on_x86() {
        assert_eq!(GET_API_VERSION, 0x3b64);
        assert_eq!(DEVICE_FEATURE, 0x3b75);
    }
}
