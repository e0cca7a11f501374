// SPDX-License-Identifier: GPL-2.0-only

//! `VFIO_IOMMU_FEATURE`: what a container can do beyond Linux.
//!
//! Laid out as `VFIO_DEVICE_FEATURE`: an index, and whether to probe, get or set. Two features
//! exist, both about the [tie](super::tie) between mappings and their owners.

use super::iommu::Iommu;
use kernel::prelude::*;
use kernel_ext::{
    eventfd::EventFdCtx,
    iommu::{
        Reason,
        Stale, //
    },
    uaccess::UserArg, //
};
use vfio_uapi::{
    vfio_iommu_feature,
    vfio_iommu_feature_mm_bind,
    vfio_iommu_feature_mm_stale,
    vfio_iommu_mm_stale,
    FeatureFlags,
    MmBind,
    VFIO_IOMMU_FEATURE_MM_BIND,
    VFIO_IOMMU_FEATURE_MM_STALE,
    VFIO_MM_STALE_DISCARD,
    VFIO_MM_STALE_EXIT,
    VFIO_MM_STALE_REMAP,
    VFIO_MM_STALE_UNMAP, //
};

/// Bytes in front of the data.
const HEAD: usize = size_of::<vfio_iommu_feature>();

/// Bytes in front of the list of stale ranges.
const STALE_HEAD: usize = size_of::<vfio_iommu_feature_mm_stale>();

/// Bytes of an entry of that list.
const STALE_ENTRY: usize = size_of::<vfio_iommu_mm_stale>();

/// The feature that a call is about.
#[derive(Clone, Copy)]
enum Feature {
    MmBind,
    MmStale,
}

impl Feature {
    fn from_index(index: u16) -> Option<Self> {
        match u32::from(index) {
            VFIO_IOMMU_FEATURE_MM_BIND => Some(Self::MmBind),
            VFIO_IOMMU_FEATURE_MM_STALE => Some(Self::MmStale),
            _ => None,
        }
    }

    /// Returns whether all that is in `wanted` can be done.
    fn can(self, wanted: FeatureFlags) -> bool {
        let possible = match self {
            Self::MmBind => FeatureFlags::GET.union(FeatureFlags::SET),
            Self::MmStale => FeatureFlags::GET,
        };
        possible.union(FeatureFlags::PROBE).contains(wanted)
    }
}

impl Iommu {
    /// Answers `VFIO_IOMMU_FEATURE`.
    ///
    /// Fails with `EFAULT`, with `EINVAL` for a short argument, unknown flags, and a direction
    /// that makes no sense or that the feature lacks, with `ENOTTY` for an unknown feature, and as
    /// the feature does.
    pub(crate) fn feature(&self, arg: UserArg) -> Result<isize> {
        let head: vfio_iommu_feature = arg.read()?;
        // CAST: 32 bits fit.
        let room = (head.argsz as usize).checked_sub(HEAD).ok_or(EINVAL)?;
        let (index, wanted) = FeatureFlags::split(head.flags).ok_or(EINVAL)?;
        let both = FeatureFlags::GET.union(FeatureFlags::SET);
        let probe = wanted.contains(FeatureFlags::PROBE);
        if !probe && wanted.contains(both) {
            return Err(EINVAL);
        }
        let feature = Feature::from_index(index).ok_or(ENOTTY)?;
        if !feature.can(wanted) {
            return Err(EINVAL);
        }
        if probe {
            return Ok(0);
        }
        let data = arg.at(HEAD);
        match (feature, wanted) {
            (Feature::MmBind, FeatureFlags::GET) => self.get_mm_bind(data, room)?,
            (Feature::MmBind, FeatureFlags::SET) => self.set_mm_bind(data, room)?,
            (Feature::MmStale, FeatureFlags::GET) => self.get_mm_stale(head, arg, room)?,
            _ => return Err(EINVAL),
        }
        Ok(0)
    }

    fn get_mm_bind(&self, data: UserArg, room: usize) -> Result {
        if room < size_of::<vfio_iommu_feature_mm_bind>() {
            return Err(EINVAL);
        }
        data.write(&vfio_iommu_feature_mm_bind {
            mode: self.tie.mode().bits(),
            eventfd: if self.tie.has_bell() { 0 } else { -1 },
        })
    }

    /// Sets how mappings are tied.
    ///
    /// Fails with `EPERM` if only another process may map, and with `EBUSY` while something is
    /// mapped.
    fn set_mm_bind(&self, data: UserArg, room: usize) -> Result {
        self.tie.check_caller()?;
        if room < size_of::<vfio_iommu_feature_mm_bind>() {
            return Err(EINVAL);
        }
        let raw: vfio_iommu_feature_mm_bind = data.read()?;
        let mode = MmBind::from_bits(raw.mode).ok_or(EINVAL)?;
        let bell = match raw.eventfd {
            -1 => None,
            fd => Some(EventFdCtx::from_fd(fd)?),
        };
        self.tie.bind(mode, bell)
    }

    /// Lists what was taken from the devices.
    ///
    /// Fails with `ENOSPC` if there is not room for all of it, and says how much it takes.
    fn get_mm_stale(&self, mut head: vfio_iommu_feature, arg: UserArg, room: usize) -> Result {
        let list_room = room.checked_sub(STALE_HEAD).ok_or(EINVAL)? / STALE_ENTRY;
        self.tie.settle();
        let mut list = KVec::new();
        loop {
            let count = self.space.count_stale();
            if count > list_room {
                let bytes = count.checked_mul(STALE_ENTRY).ok_or(ENOMEM)?;
                let bytes = bytes.checked_add(HEAD + STALE_HEAD).ok_or(ENOMEM)?;
                head.argsz = u32::try_from(bytes).map_err(|_| ENOMEM)?;
                arg.write(&head)?;
                arg.at(HEAD).write(&stale_head(count)?)?;
                return Err(ENOSPC);
            }
            list.reserve(count, GFP_KERNEL)?;
            if self.space.list_stale(&mut list) {
                break;
            }
            // There have come more; look again.
        }
        let data = arg.at(HEAD);
        data.write(&stale_head(list.len())?)?;
        for (index, stale) in list.iter().enumerate() {
            // OVERFLOW: The list is in memory, and its entries are no smaller.
            let at = STALE_HEAD + index * STALE_ENTRY;
            data.at(at).write(&stale_entry(stale))?;
        }
        self.space.note_told(&list);
        Ok(())
    }
}

fn stale_head(count: usize) -> Result<vfio_iommu_feature_mm_stale> {
    Ok(vfio_iommu_feature_mm_stale {
        count: u32::try_from(count).map_err(|_| ENOMEM)?,
        // CAST: A small constant.
        entry_size: STALE_ENTRY as u32,
        ..Default::default()
    })
}

fn stale_entry(stale: &Stale) -> vfio_iommu_mm_stale {
    vfio_iommu_mm_stale {
        iova: stale.first,
        size: stale.len,
        reason: match stale.reason {
            Reason::Unmap => VFIO_MM_STALE_UNMAP,
            Reason::Discard => VFIO_MM_STALE_DISCARD,
            Reason::Remap => VFIO_MM_STALE_REMAP,
            Reason::Exit => VFIO_MM_STALE_EXIT,
        },
        reserved: 0,
    }
}
