// SPDX-License-Identifier: GPL-2.0-only

//! The mappings of a container, and what unmapping a range means.
//!
//! A [`Dma`] is one successful `MAP_DMA`. The [`DmaTable`] holds them by I/O address; they never
//! overlap, and there is a limit to their number.
//!
//! The two flavours of type1 differ only in how they treat a range that does not match what was
//! mapped. Version 2 refuses a range that cuts a mapping at either end. Version 1 never refuses:
//! it takes a mapping as a whole if the range covers its first byte, and stops before one that
//! starts below the range; so it may remove more than was asked for, or nothing.
//!
//! C counterpart: `vfio_dma_do_unmap()` in
//! [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

use super::{
    iommu::Flavour,
    iova::IovaRange,
    request::UnmapTarget, //
};
use kernel::prelude::*;
use kernel_ext::{
    interval::{
        IntervalMap,
        Reservation, //
    },
    iommu::Mapping,
    mm::locked_vm::LockedVm, //
};

/// Whether a program may still change where its memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vaddr {
    /// The memory is where it was when it was mapped. Leaves when it is invalidated.
    Valid,
    /// The program is about to move it, as in a live update. Leaves with a new address.
    Invalid,
}

/// One mapping.
pub(crate) struct Dma {
    // Dropped in this order: the memory leaves the devices before its charge is given back.
    mapping: Mapping,
    charge: LockedVm,

    vaddr: Vaddr,
}

impl Dma {
    /// Joins a complete mapping with what was charged for it.
    pub(crate) fn new(mapping: Mapping, charge: LockedVm) -> Self {
        Self {
            mapping,
            charge,
            vaddr: Vaddr::Valid,
        }
    }

    /// Returns the length in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.mapping.len()
    }
}

/// All mappings of a container.
pub(crate) struct DmaTable {
    map: IntervalMap<Dma>,
    limit: u32,

    /// The number of mappings whose [`Vaddr`] is `Invalid`.
    invalid: usize,
}

impl DmaTable {
    /// Returns an empty table for at most `limit` mappings.
    pub(crate) fn new(limit: u32) -> Self {
        Self {
            map: IntervalMap::new(),
            limit,
            invalid: 0,
        }
    }

    /// Returns how many more mappings can be made.
    pub(crate) fn available(&self) -> u32 {
        let used = u32::try_from(self.map.len()).unwrap_or(u32::MAX);
        self.limit.saturating_sub(used)
    }

    /// Returns whether a program has yet to say where some of its memory is now.
    pub(crate) fn has_invalid_vaddr(&self) -> bool {
        self.invalid != 0
    }

    /// Returns whether any mapping shares an address with `range`.
    pub(crate) fn overlaps(&self, range: IovaRange) -> bool {
        self.map.overlap(range.first(), range.last()).is_some()
    }

    /// Gets the memory for one more mapping. Fails with `ENOMEM`.
    pub(crate) fn reserve() -> Result<Reservation<Dma>> {
        IntervalMap::reserve(GFP_KERNEL_ACCOUNT)
    }

    /// Adds a mapping. Fails with `EEXIST` if there is one already; the new one is then undone.
    pub(crate) fn insert(&mut self, place: Reservation<Dma>, range: IovaRange, dma: Dma) -> Result {
        self.map
            .insert(place, (range.first(), range.last()), dma)
            .map_err(|_| EEXIST)
    }

    /// Visits all mappings in order of address.
    pub(crate) fn mappings(&self) -> impl Iterator<Item = &Mapping> {
        self.map.iter().map(|(_, _, dma)| &dma.mapping)
    }

    /// Returns the range and the mapping of those that share an address with `range`, in order.
    pub(crate) fn within(&self, range: IovaRange) -> impl Iterator<Item = (IovaRange, &Dma)> {
        self.map
            .overlaps(range.first(), range.last())
            .filter_map(|(first, last, dma)| Some((IovaRange::new(first, last)?, dma)))
    }

    /// Fails with `EINVAL` if `range` holds one end of a mapping and not the other.
    pub(crate) fn check_uncut(&self, range: IovaRange) -> Result {
        let cut = |at: u64, fits: fn(IovaRange, IovaRange) -> bool| {
            self.map
                .overlap(at, at)
                .and_then(|(first, last, _)| IovaRange::new(first, last))
                .is_some_and(|dma| !fits(dma, range))
        };
        if cut(range.first(), |dma, range| dma.first() == range.first())
            || cut(range.last(), |dma, range| dma.last() == range.last())
        {
            return Err(EINVAL);
        }
        Ok(())
    }

    /// Fails with `EINVAL` if `flavour` does not let `target` be unmapped.
    pub(crate) fn check_unmap(&self, target: UnmapTarget, flavour: Flavour) -> Result {
        match (flavour, target) {
            (Flavour::V2, UnmapTarget::Range(range)) => self.check_uncut(range),
            (Flavour::V1, _) | (Flavour::V2, UnmapTarget::All) => Ok(()),
        }
    }

    /// Returns the range of the first mapping that unmapping `range` removes, if any is left.
    pub(crate) fn first_to_unmap(&self, range: IovaRange) -> Option<IovaRange> {
        let (first, last, _) = self.map.overlap(range.first(), range.last())?;
        // Version 1 stops here; version 2 has refused the whole range before.
        if first < range.first() {
            return None;
        }
        IovaRange::new(first, last)
    }

    /// Removes the mapping that starts at `first`: unmaps, unpins and uncharges it.
    pub(crate) fn remove(&mut self, first: u64) {
        if let Some(dma) = self.map.remove(first) {
            self.forget_vaddr(&dma);
        }
    }

    /// Removes all mappings.
    pub(crate) fn clear(&mut self) {
        while let Some(dma) = self.map.pop_first() {
            self.forget_vaddr(&dma);
        }
    }

    /// Notes that the user addresses of all mappings in `range` are about to change.
    ///
    /// Returns how many bytes that concerns. Fails with `EINVAL` if one is invalid already, and
    /// then changes none.
    pub(crate) fn invalidate_vaddr(&mut self, range: IovaRange) -> Result<u64> {
        if self.first_to_unmap(range).is_none() {
            return Ok(0);
        }
        if self
            .within(range)
            .any(|(_, dma)| dma.vaddr == Vaddr::Invalid)
        {
            return Err(EINVAL);
        }
        let mut bytes = 0u64;
        let mut next = Some(range);
        while let Some(rest) = next {
            let Some((_, last, dma)) = self.map.overlap_mut(rest.first(), rest.last()) else {
                break;
            };
            dma.vaddr = Vaddr::Invalid;
            // All 2^64 addresses make 0, as on C.
            bytes = bytes.wrapping_add(dma.len());
            self.invalid = self.invalid.saturating_add(1);
            next = rest.above(last);
        }
        Ok(bytes)
    }

    /// Notes that the memory behind `range` is now the current process's, and charges it.
    ///
    /// Fails with `ENOENT` if nothing is mapped there, with `EINVAL` if the range is not exactly
    /// one mapping or its address was not invalidated, with `ENOMEM` beyond `RLIMIT_MEMLOCK`, and
    /// with `EINTR` when the caller is being killed. Then nothing changes.
    pub(crate) fn update_vaddr(&mut self, range: IovaRange) -> Result {
        let (first, last, dma) = self
            .map
            .overlap_mut(range.first(), range.last())
            .ok_or(ENOENT)?;
        if dma.vaddr == Vaddr::Valid || IovaRange::new(first, last) != Some(range) {
            return Err(EINVAL);
        }
        dma.charge.move_to_current()?;
        dma.vaddr = Vaddr::Valid;
        self.invalid = self.invalid.saturating_sub(1);
        Ok(())
    }

    /// Keeps the count of invalid addresses right when `dma` goes.
    fn forget_vaddr(&mut self, dma: &Dma) {
        if dma.vaddr == Vaddr::Invalid {
            self.invalid = self.invalid.saturating_sub(1);
        }
    }
}
