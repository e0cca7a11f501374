// SPDX-License-Identifier: GPL-2.0-only

//! Relying on one mapping without holding a lock.

use super::{
    entry::{
        locked_pages,
        Flags,
        Phase, //
    },
    index::Id,
    lane::Lane,
    take::{
        behind,
        Cut, //
    },
    Inner,
    Users, //
};
use kernel::prelude::*;

/// A mapping that nobody else takes down or moves as long as this exists.
///
/// Parts of it may still be taken from the devices.
///
/// # Invariants
///
/// The entry `id` of the address space is in phase `Held`, because of this value alone.
pub struct Held<'a> {
    pub(super) users: &'a Users<'a>,
    pub(super) id: Id,
    range: (u64, u64),
}

impl Users<'_> {
    /// Holds a mapping that is ready.
    ///
    /// `inner` is the lock of this address space.
    pub(super) fn hold(&self, inner: &mut Inner, id: Id) -> Option<Held<'_>> {
        let entry = inner.index.get_mut(id)?;
        if entry.phase != Phase::Ready {
            return None;
        }
        entry.phase = Phase::Held;
        let range = (entry.first, entry.last);
        inner.busy = inner.busy.saturating_add(1);
        // INVARIANT: Nobody else worked on the mapping.
        Some(Held {
            users: self,
            id,
            range,
        })
    }

    /// Holds the first mapping in `range.0..=range.1` that `cut` lets through, if there is one; with
    /// `lane`, of those made by it.
    ///
    /// Fails as [`Users::unmap`].
    pub fn hold_first(
        &self,
        range: (u64, u64),
        cut: Cut,
        lane: Option<&Lane>,
    ) -> Result<Option<Held<'_>>> {
        let mut inner = self.space.lock_ready(range);
        let found = inner.first_in(range, cut, Lane::only(lane))?;
        Ok(found.and_then(|id| self.hold(&mut inner, id)))
    }

    /// Holds the mapping at exactly these addresses, whose owner's address is invalid.
    ///
    /// Fails with `ENOENT` if nothing is mapped there, and with `EINVAL` if the range is not
    /// exactly one mapping or its address is valid.
    pub fn hold_invalid(&self, range: (u64, u64)) -> Result<Held<'_>> {
        let mut inner = self.space.lock_ready(range);
        let (id, entry) = inner.index.overlap(range.0, range.1).ok_or(ENOENT)?;
        if (entry.first, entry.last) != range || !entry.flags.has(Flags::VADDR_INVALID) {
            return Err(EINVAL);
        }
        self.hold(&mut inner, id).ok_or(EINVAL)
    }

    /// Notes that the owners' addresses of all mappings in a range are about to change.
    ///
    /// Returns how many bytes that concerns. Fails with `EINVAL` if one is invalid already or
    /// `cut` refuses the range, and then changes none.
    pub fn invalidate_vaddr(&self, range: (u64, u64), cut: Cut) -> Result<u64> {
        let mut inner = self.space.lock_ready(range);
        if inner.first_in(range, cut, None)?.is_none() {
            return Ok(0);
        }
        let is_invalid = |inner: &Inner| {
            let mut all = inner.index.overlaps(range.0, range.1);
            all.any(|(_, entry)| entry.flags.has(Flags::VADDR_INVALID))
        };
        if is_invalid(&inner) {
            return Err(EINVAL);
        }
        let mut bytes = 0u64;
        let mut rest = Some(range);
        while let Some((first, last)) = rest {
            let Some((id, entry)) = inner.index.overlap(first, last) else {
                break;
            };
            rest = behind(entry.last, range);
            // All 2^64 addresses make 0, as on C.
            bytes = bytes.wrapping_add(entry.len());
            if let Some(entry) = inner.index.get_mut(id) {
                entry.flags.set(Flags::VADDR_INVALID);
            }
            inner.invalid = inner.invalid.saturating_add(1);
        }
        Ok(bytes)
    }

    /// Returns the addresses of the first mapping that has one in `range.0..=range.1`.
    pub fn next_mapping(&self, range: (u64, u64)) -> Option<(u64, u64)> {
        let inner = self.space.lock_ready(range);
        let (_, entry) = inner.index.overlap(range.0, range.1)?;
        Some((entry.first, entry.last))
    }

    /// Fails with `EINVAL` if `range` holds one end of a mapping and not the other.
    pub fn check_uncut(&self, range: (u64, u64)) -> Result {
        let inner = self.space.lock_ready(range);
        inner.first_in(range, Cut::Refuse, None).map(|_| ())
    }
}

impl Held<'_> {
    /// Returns the first and the last I/O address.
    pub fn range(&self) -> (u64, u64) {
        self.range
    }

    /// Returns the number of pages that are charged to the owner, and the owner.
    pub fn charge(&self) -> (u64, u16) {
        let inner = self.users.space.inner.lock();
        inner.index.get(self.id).map_or((0, 0), |entry| {
            (locked_pages(entry.runs.as_slice()), entry.owner)
        })
    }

    /// Says where the memory of the mapping is now; the address is valid from here on.
    ///
    /// Fails with `ENOMEM`.
    pub fn set_vaddr(&self, vaddr: usize, owner: u16) -> Result {
        loop {
            {
                let mut inner = self.users.space.inner.lock();
                if inner.index.needs().is_none() {
                    inner.set_vaddr(self.id, vaddr, owner);
                    return Ok(());
                }
            }
            self.users.space.make_room()?;
        }
    }

    /// Takes the mapping down; see [`Users::unmap`].
    pub fn unmap(self, mut freed: impl FnMut(u16, u64)) {
        let users = self.users;
        let leaving = users.space.inner.lock().leave(self.id);
        // The mapping is in another phase now, in which it goes.
        core::mem::forget(self);
        if let Some(mut leaving) = leaving {
            users.take_down(core::slice::from_mut(&mut leaving), &mut freed);
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut inner = self.users.space.inner.lock();
        if let Some(entry) = inner.index.get_mut(self.id) {
            entry.phase = Phase::Ready;
        }
        inner.busy = inner.busy.saturating_sub(1);
        self.users.space.wake(inner);
    }
}

impl Inner {
    fn set_vaddr(&mut self, id: Id, vaddr: usize, owner: u16) {
        self.index.set_vaddr(id, vaddr, owner);
        if let Some(entry) = self.index.get_mut(id) {
            if entry.flags.has(Flags::VADDR_INVALID) {
                entry.flags.clear(Flags::VADDR_INVALID);
                self.invalid = self.invalid.saturating_sub(1);
            }
        }
    }
}
