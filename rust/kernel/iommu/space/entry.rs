// SPDX-License-Identifier: GPL-2.0-only

//! One mapping, as an address space keeps it: 48 bytes, the first run included.

use super::{
    super::Access,
    lanes::LaneId, //
};
use crate::mm::pin::{
    PinnedRun,
    RunKind, //
};
use kernel::prelude::*;

/// Why devices no longer reach a part of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reason {
    /// The program unmapped it.
    Unmap = 1,
    /// The program discarded it, or has other memory there now.
    Discard,
    /// The program moved it.
    Remap,
    /// The program ended.
    Exit,
}

impl Reason {
    fn from_bits(bits: u8) -> Option<Self> {
        [Self::Unmap, Self::Discard, Self::Remap, Self::Exit]
            .into_iter()
            // CAST: The discriminant is a `u8`.
            .find(|reason| *reason as u8 == bits)
    }
}

/// The mark of a run: whether devices reach it, and if not, why, and whether anybody was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark(u8);

impl Mark {
    const REASON: u8 = 0x0f;
    const TOLD: u8 = 0x10;

    /// Returns the mark of a run that was taken from the devices, which nobody was told yet.
    pub(super) fn taken(reason: Reason) -> Self {
        // CAST: The discriminant is a `u8`.
        Self(reason as u8)
    }

    /// Returns the mark of `run`.
    pub(super) fn of(run: &PinnedRun) -> Self {
        Self(run.mark())
    }

    /// Makes this the mark of `run`.
    pub(super) fn put_on(self, run: &mut PinnedRun) {
        run.set_mark(self.0);
    }

    /// Returns why devices no longer reach the run, or [`None`] if they do.
    pub(super) fn reason(self) -> Option<Reason> {
        Reason::from_bits(self.0 & Self::REASON)
    }

    /// Returns whether the program was told.
    pub(super) fn is_told(self) -> bool {
        self.0 & Self::TOLD != 0
    }

    /// Returns the same mark, of which the program was told.
    pub(super) fn told(self) -> Self {
        Self(self.0 | Self::TOLD)
    }
}

/// Returns whether devices reach `run`.
pub(super) fn is_live(run: &PinnedRun) -> bool {
    Mark::of(run).reason().is_none() && run.kind() != RunKind::Gone
}

/// Returns whether devices no longer reach `run`, but it is still pinned.
pub(super) fn is_taken(run: &PinnedRun) -> bool {
    Mark::of(run).reason().is_some() && run.kind() != RunKind::Gone
}

/// The runs of a mapping, in order of address and without gaps.
pub(super) enum Runs {
    /// One, kept in place.
    One(PinnedRun),
    /// Any number.
    Many(KBox<KVVec<PinnedRun>>),
    /// None: the mapping is being made or taken down by a thread that has them.
    Absent,
}

impl Runs {
    /// Gets the memory that is needed to keep a list of `count` runs. Fails with `ENOMEM`.
    pub(super) fn room(count: usize) -> Result<Option<KBox<KVVec<PinnedRun>>>> {
        Ok(match count {
            1 => None,
            _ => Some(KBox::new(KVVec::new(), GFP_KERNEL_ACCOUNT)?),
        })
    }

    /// Keeps `runs`, with `room` made for as many, in no more memory than they need if it can.
    pub(super) fn new(mut runs: KVVec<PinnedRun>, room: Option<KBox<KVVec<PinnedRun>>>) -> Self {
        match room {
            None => runs.pop().map_or(Self::Absent, Self::One),
            Some(mut list) => {
                // Without memory for a smaller copy the larger one stays.
                let _ = runs.shrink_to(0, GFP_KERNEL_ACCOUNT);
                *list = runs;
                Self::Many(list)
            }
        }
    }

    /// Returns the runs.
    pub(super) fn as_slice(&self) -> &[PinnedRun] {
        match self {
            Self::One(run) => core::slice::from_ref(run),
            Self::Many(runs) => runs,
            Self::Absent => &[],
        }
    }

    /// Returns the runs, to be changed.
    pub(super) fn as_mut_slice(&mut self) -> &mut [PinnedRun] {
        match self {
            Self::One(run) => core::slice::from_mut(run),
            Self::Many(runs) => runs,
            Self::Absent => &mut [],
        }
    }

    /// Makes room for `more` runs without sleeping. Fails with `ENOMEM`.
    fn reserve(&mut self, more: usize) -> Result {
        if let Self::Many(runs) = self {
            runs.reserve(more, GFP_ATOMIC)?;
            return Ok(());
        }
        let Some(room) = more.checked_add(1) else {
            return Err(ENOMEM);
        };
        let list = KVVec::with_capacity(room, GFP_ATOMIC)?;
        let mut many = KBox::new(list, GFP_ATOMIC)?;
        if let Self::One(run) = core::mem::replace(self, Self::Absent) {
            // There is room, so this cannot fail.
            let _ = many.push_within_capacity(run);
        }
        *self = Self::Many(many);
        Ok(())
    }

    /// Divides run `index` behind its first `pages` pages, without sleeping.
    ///
    /// Changes nothing if one of the parts would be empty. Fails with `ENOMEM`.
    pub(super) fn split(&mut self, index: usize, pages: u64) -> Result {
        let whole = self.as_slice().get(index).map_or(0, PinnedRun::pages);
        if pages == 0 || pages >= whole {
            return Ok(());
        }
        self.reserve(1)?;
        let Self::Many(runs) = self else {
            return Ok(());
        };
        let Ok(run) = runs.remove(index) else {
            return Ok(());
        };
        // There is room for both, in place of the whole and in the reserve.
        match run.split(pages) {
            Ok((first, rest)) => {
                let _ = runs.insert_within_capacity(index, rest);
                let _ = runs.insert_within_capacity(index, first);
            }
            Err(run) => {
                let _ = runs.insert_within_capacity(index, run);
            }
        }
        Ok(())
    }
}

/// What may be done with a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It is being made, and its addresses are taken. Leaves for `Ready`, or with the mapping.
    Making,
    /// It is in use.
    Ready,
    /// It is in use, and a thread outside of the lock relies on it: nobody else may take it down
    /// or change where its memory is. Leaves for `Ready` or `Leaving`.
    Held,
    /// It is being taken down. Leaves with the mapping.
    Leaving,
}

/// One mapping.
pub(super) struct Entry {
    /// The first I/O address, a multiple of the page size.
    pub(super) first: u64,
    /// The last one.
    pub(super) last: u64,
    /// The owner's address of the first byte.
    pub(super) vaddr: usize,
    pub(super) runs: Runs,
    /// Which address space the memory is from: a number of the user of the address space.
    pub(super) owner: u16,
    /// By which way it was made.
    pub(super) lane: LaneId,
    pub(super) access: Access,
    pub(super) phase: Phase,
    pub(super) flags: Flags,
}

/// Facts about a mapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flags(u8);

impl Flags {
    /// While it was made, the owner changed something about the memory.
    pub(super) const DISTURBED: u8 = 1;
    /// The owner's address is about to change.
    pub(super) const VADDR_INVALID: u8 = 2;
    /// It has runs that were taken and are still pinned.
    pub(super) const UNSETTLED: u8 = 4;
    /// It has runs that were taken and of which the program was not told.
    pub(super) const UNTOLD: u8 = 8;
    /// The domain that is about to join has all of its translations.
    pub(super) const REPLAYED: u8 = 16;

    /// Returns whether one of `bits` is set.
    pub(super) fn has(self, bits: u8) -> bool {
        self.0 & bits != 0
    }

    /// Sets `bits`.
    pub(super) fn set(&mut self, bits: u8) {
        self.0 |= bits;
    }

    /// Clears `bits`.
    pub(super) fn clear(&mut self, bits: u8) {
        self.0 &= !bits;
    }
}

impl Entry {
    /// Returns a mapping in the making, not in any tree.
    pub(super) fn new(
        (first, last): (u64, u64),
        (vaddr, owner): (usize, u16),
        access: Access,
        lane: LaneId,
    ) -> Self {
        Self {
            first,
            last,
            vaddr,
            runs: Runs::Absent,
            owner,
            lane,
            access,
            phase: Phase::Making,
            flags: Flags::default(),
        }
    }

    /// Returns the length in bytes; all 2^64 addresses make 0.
    pub(super) fn len(&self) -> u64 {
        (self.last - self.first).wrapping_add(1)
    }

    /// Returns the owner's address of the last byte.
    pub(super) fn last_vaddr(&self) -> usize {
        // CAST: The owner's range is as long, and fits. OVERFLOW: Neither range wraps.
        self.vaddr.saturating_add((self.last - self.first) as usize)
    }

    /// Returns whether the mapping is neither being made nor taken down.
    pub(super) fn is_in_use(&self) -> bool {
        matches!(self.phase, Phase::Ready | Phase::Held)
    }
}

/// Returns the number of pages of `runs` that are charged to their owner.
pub(super) fn locked_pages(runs: &[PinnedRun]) -> u64 {
    runs.iter()
        .fold(0, |sum: u64, run| sum.saturating_add(run.locked_pages()))
}

/// The size of a mapping decides how much memory many of them cost.
#[cfg(CONFIG_64BIT)]
const _: () = assert!(size_of::<Entry>() == 48);
