// SPDX-License-Identifier: GPL-2.0-only

//! The flag words of the interface as types.
//!
//! One type for each word. `from_bits` answers `None` if a bit is set that the interface does not
//! define, which is how a request with unknown flags is recognized; `bits` gives the word back.
//!
//! C counterpart: the `#define`s beside each structure of `include/uapi/linux/vfio.h`.

use crate::generated::*;
use bitflags::bitflags;

bitflags! {
    /// State of a group: [`vfio_group_status`]`.flags`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct GroupStatus: u32 {
        /// Device access can be granted.
        const VIABLE = VFIO_GROUP_FLAGS_VIABLE;
        /// The group is in a container.
        const CONTAINER_SET = VFIO_GROUP_FLAGS_CONTAINER_SET;
    }

    /// Bus and abilities of a device: [`vfio_device_info`]`.flags`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct DeviceInfoFlags: u32 {
        /// `VFIO_DEVICE_RESET` works.
        const RESET = VFIO_DEVICE_FLAGS_RESET;
        /// PCI.
        const PCI = VFIO_DEVICE_FLAGS_PCI;
        /// Platform bus.
        const PLATFORM = VFIO_DEVICE_FLAGS_PLATFORM;
        /// AMBA bus.
        const AMBA = VFIO_DEVICE_FLAGS_AMBA;
        /// s390 channel I/O.
        const CCW = VFIO_DEVICE_FLAGS_CCW;
        /// s390 crypto adapter.
        const AP = VFIO_DEVICE_FLAGS_AP;
        /// Freescale management complex bus.
        const FSL_MC = VFIO_DEVICE_FLAGS_FSL_MC;
        /// The answer has a capability chain.
        const CAPS = VFIO_DEVICE_FLAGS_CAPS;
        /// CDX bus.
        const CDX = VFIO_DEVICE_FLAGS_CDX;
    }

    /// Widths of AtomicOps: [`vfio_device_info_cap_pci_atomic_comp`]`.flags`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct AtomicCompFlags: u32 {
        /// 32 bits.
        const COMP32 = VFIO_PCI_ATOMIC_COMP32;
        /// 64 bits.
        const COMP64 = VFIO_PCI_ATOMIC_COMP64;
        /// 128 bits.
        const COMP128 = VFIO_PCI_ATOMIC_COMP128;
    }

    /// What can be done with a region: [`vfio_region_info`]`.flags`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct RegionInfoFlags: u32 {
        /// `read()` works.
        const READ = VFIO_REGION_INFO_FLAG_READ;
        /// `write()` works.
        const WRITE = VFIO_REGION_INFO_FLAG_WRITE;
        /// `mmap()` works.
        const MMAP = VFIO_REGION_INFO_FLAG_MMAP;
        /// The answer has a capability chain.
        const CAPS = VFIO_REGION_INFO_FLAG_CAPS;
    }

    /// What can be done with a kind of interrupt: [`vfio_irq_info`]`.flags`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct IrqInfoFlags: u32 {
        /// Delivered through an eventfd.
        const EVENTFD = VFIO_IRQ_INFO_EVENTFD;
        /// Can be masked and unmasked.
        const MASKABLE = VFIO_IRQ_INFO_MASKABLE;
        /// Masked by each delivery.
        const AUTOMASKED = VFIO_IRQ_INFO_AUTOMASKED;
        /// The number in use is fixed while enabled.
        const NORESIZE = VFIO_IRQ_INFO_NORESIZE;
    }

    /// Data type and action of an interrupt request: [`vfio_irq_set`]`.flags`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct IrqSetFlags: u32 {
        /// No data.
        const DATA_NONE = VFIO_IRQ_SET_DATA_NONE;
        /// A `u8` for each interrupt, as a truth value.
        const DATA_BOOL = VFIO_IRQ_SET_DATA_BOOL;
        /// An `i32` for each interrupt, an eventfd or -1.
        const DATA_EVENTFD = VFIO_IRQ_SET_DATA_EVENTFD;
        /// Masks.
        const ACTION_MASK = VFIO_IRQ_SET_ACTION_MASK;
        /// Unmasks.
        const ACTION_UNMASK = VFIO_IRQ_SET_ACTION_UNMASK;
        /// Delivers, or says how to deliver.
        const ACTION_TRIGGER = VFIO_IRQ_SET_ACTION_TRIGGER;
        /// All data types; a request has exactly one.
        const DATA_TYPE_MASK = VFIO_IRQ_SET_DATA_TYPE_MASK;
        /// All actions; a request has exactly one.
        const ACTION_TYPE_MASK = VFIO_IRQ_SET_ACTION_TYPE_MASK;
    }

    /// How to read a hot reset answer: [`vfio_pci_hot_reset_info`]`.flags`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct HotResetInfoFlags: u32 {
        /// The ids are iommufd device ids, not groups.
        const DEV_ID = VFIO_PCI_HOT_RESET_FLAG_DEV_ID;
        /// All devices are the caller's.
        const DEV_ID_OWNED = VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED;
    }

    /// Width of a triggered write: [`vfio_device_ioeventfd`]`.flags`; a request has exactly one.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct IoeventfdFlags: u32 {
        /// One byte.
        const WIDTH_8 = VFIO_DEVICE_IOEVENTFD_8;
        /// Two bytes.
        const WIDTH_16 = VFIO_DEVICE_IOEVENTFD_16;
        /// Four bytes.
        const WIDTH_32 = VFIO_DEVICE_IOEVENTFD_32;
        /// Eight bytes.
        const WIDTH_64 = VFIO_DEVICE_IOEVENTFD_64;
    }

    /// What to do with a feature: [`vfio_device_feature`]`.flags` without the index in its low
    /// 16 bits ([`VFIO_DEVICE_FEATURE_MASK`]).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct FeatureFlags: u32 {
        /// Reads the feature.
        const GET = VFIO_DEVICE_FEATURE_GET;
        /// Writes the feature.
        const SET = VFIO_DEVICE_FEATURE_SET;
        /// Only asks.
        const PROBE = VFIO_DEVICE_FEATURE_PROBE;
    }

    /// How mappings are tied to the address space that made them:
    /// [`vfio_iommu_feature_mm_bind`]`.mode`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct MmBind: u32 {
        /// Only the address space that set this maps and unmaps.
        const STRICT = VFIO_MM_BIND_STRICT;
        /// Memory that is given up is taken from the devices.
        const NOTIFY = VFIO_MM_BIND_NOTIFY;
        /// All memory is taken from the devices when its address space ends.
        const EXIT = VFIO_MM_BIND_EXIT;
    }

    /// How a window came to be: [`vfio_dma_window`]`.flags`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct DmaWindowFlags: u32 {
        /// It comes with the container.
        const DEFAULT = VFIO_DMA_WINDOW_DEFAULT;
        /// A program has made it.
        const DYNAMIC = VFIO_DMA_WINDOW_DYNAMIC;
        /// It is made when it is first needed.
        const PENDING = VFIO_DMA_WINDOW_PENDING;
    }

    /// What a descriptor for DMA is good for: [`vfio_iommu_feature_dma_fd`]`.rights`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct DmaRights: u32 {
        /// Mapping memory.
        const MAP = VFIO_DMA_FD_MAP;
        /// Unmapping it.
        const UNMAP = VFIO_DMA_FD_UNMAP;
        /// Asking which pages were written.
        const DIRTY = VFIO_DMA_FD_DIRTY;
        /// Asking what there is.
        const INFO = VFIO_DMA_FD_INFO;
    }

    /// What a device of a group is: [`vfio_group_member`]`.flags`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct MemberFlags: u32 {
        /// It is bound to a VFIO driver.
        const VFIO = VFIO_GROUP_MEMBER_VFIO;
        /// It has no driver.
        const DRIVERLESS = VFIO_GROUP_MEMBER_DRIVERLESS;
        /// Its driver leaves DMA to others.
        const NO_DMA = VFIO_GROUP_MEMBER_NO_DMA;
        /// Its driver does DMA for the host.
        const HOST = VFIO_GROUP_MEMBER_HOST;
        /// A program has it open.
        const OPEN = VFIO_GROUP_MEMBER_OPEN;
        /// It is a bridge.
        const BRIDGE = VFIO_GROUP_MEMBER_BRIDGE;
        /// It keeps the group from being viable.
        const BLOCKS = VFIO_GROUP_MEMBER_BLOCKS;
    }

    /// How strictly groups are kept apart: [`vfio_group_feature_isolation`]`.flags`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct IsolationFlags: u32 {
        /// Devices without a driver are in the way.
        const STRICT = VFIO_ISOLATION_FLAG_STRICT;
    }

    /// Which changes ring: [`vfio_group_feature_event`]`.mask`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct GroupEvents: u32 {
        /// A device came or went.
        const MEMBERSHIP = VFIO_GROUP_EVENT_MEMBERSHIP;
        /// A device was bound or unbound.
        const VIABILITY = VFIO_GROUP_EVENT_VIABILITY;
    }

    /// What an open device is not good for: [`vfio_device_feature_restrict`]`.mask`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Restrictions: u32 {
        /// Writing configuration space.
        const CONFIG_WRITE = VFIO_RESTRICT_CONFIG_WRITE;
        /// Setting up interrupts.
        const IRQ = VFIO_RESTRICT_IRQ;
        /// Resets.
        const RESET = VFIO_RESTRICT_RESET;
        /// Mapping regions, and sharing them.
        const MMAP = VFIO_RESTRICT_MMAP;
        /// Registers written on an event.
        const IOEVENTFD = VFIO_RESTRICT_IOEVENTFD;
        /// Setting features.
        const FEATURE_SET = VFIO_RESTRICT_FEATURE_SET;
    }

    /// What an IOMMU answer holds: [`vfio_iommu_type1_info`]`.flags`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct IommuInfoFlags: u32 {
        /// The page sizes are valid.
        const PGSIZES = VFIO_IOMMU_INFO_PGSIZES;
        /// The answer has a capability chain.
        const CAPS = VFIO_IOMMU_INFO_CAPS;
    }

    /// What the device may do, and how to map: [`vfio_iommu_type1_dma_map`]`.flags`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct DmaMapFlags: u32 {
        /// The device may read.
        const READ = VFIO_DMA_MAP_FLAG_READ;
        /// The device may write.
        const WRITE = VFIO_DMA_MAP_FLAG_WRITE;
        /// Gives an existing mapping a new address; alone.
        const VADDR = VFIO_DMA_MAP_FLAG_VADDR;
    }

    /// How to unmap: [`vfio_iommu_type1_dma_unmap`]`.flags`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct DmaUnmapFlags: u32 {
        /// Reports the pages that were written; alone.
        const GET_DIRTY_BITMAP = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
        /// Everything.
        const ALL = VFIO_DMA_UNMAP_FLAG_ALL;
        /// Only forgets the addresses of the caller.
        const VADDR = VFIO_DMA_UNMAP_FLAG_VADDR;
    }

    /// What to do about written pages: [`vfio_iommu_type1_dirty_bitmap`]`.flags`; exactly one.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct DirtyPagesFlags: u32 {
        /// Starts to log them.
        const START = VFIO_IOMMU_DIRTY_PAGES_FLAG_START;
        /// Stops.
        const STOP = VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP;
        /// Reports them.
        const GET_BITMAP = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP;
    }
}

impl IrqSetFlags {
    /// Returns the data type bits alone.
    pub fn data_type(self) -> Self {
        self.intersection(Self::DATA_TYPE_MASK)
    }

    /// Returns the action bits alone.
    pub fn action(self) -> Self {
        self.intersection(Self::ACTION_TYPE_MASK)
    }
}

impl FeatureFlags {
    /// Splits a flag word into the index of the feature and what to do with it.
    ///
    /// Returns `None` if a bit is set that is neither.
    pub fn split(word: u32) -> Option<(u16, Self)> {
        let index = (word & VFIO_DEVICE_FEATURE_MASK) as u16; // CAST: the mask leaves 16 bits.
        Some((index, Self::from_bits(word & !VFIO_DEVICE_FEATURE_MASK)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_bits_are_recognized() {
        assert_eq!(
            DmaMapFlags::from_bits(3),
            Some(DmaMapFlags::READ | DmaMapFlags::WRITE)
        );
        assert_eq!(DmaMapFlags::from_bits(8), None);
        assert_eq!(DmaUnmapFlags::from_bits(0x8000_0000), None);
    }

    #[test]
    fn irq_set_splits() {
        let flags = IrqSetFlags::from_bits(0x21).unwrap();
        assert_eq!(flags.data_type(), IrqSetFlags::DATA_NONE);
        assert_eq!(flags.action(), IrqSetFlags::ACTION_TRIGGER);
        assert_eq!(IrqSetFlags::from_bits(0x40), None);
    }

    #[test]
    fn feature_splits() {
        assert_eq!(
            FeatureFlags::split(0x5_0003),
            Some((3, FeatureFlags::GET | FeatureFlags::PROBE))
        );
        assert_eq!(
            FeatureFlags::split(0xffff),
            Some((0xffff, FeatureFlags::empty()))
        );
        assert_eq!(FeatureFlags::split(0x8_0000), None);
    }
}
