// SPDX-License-Identifier: GPL-2.0-only

//! Domains coming into an address space, and going.
//!
//! A domain that joins gets all translations the others have. Nobody maps or unmaps meanwhile, but
//! a callback may take memory away at any moment; it knows only the domains that are complete. So
//! a mapping is noted as replayed when the new domain has all of it, a callback that takes a part
//! takes the note away, and the domain joins at a moment when all mappings carry the note. Until
//! then no program has been given a device that uses it.

use super::{
    entry::{
        is_live,
        Flags, //
    },
    index::Id,
    take::{
        leave_some,
        take_down,
        Cut,
        BATCH, //
    },
    AddressSpace, //
};
use crate::{
    iommu::{
        tables::{
            Sleep,
            Tables, //
        },
        Access,
        Domain,
        Group, //
    },
    sched::cond_resched,
    sync::WriteGuard, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// How many runs are copied at once.
const WINDOW: usize = 512;

/// A copy of what there is to know about a run.
struct Piece {
    at: u64,
    phys: u64,
    len: u64,
    live: bool,
}

/// Exclusive access to the domains of an address space.
#[must_use = "the domains are locked as long as this lives"]
pub struct Domains<'a> {
    space: &'a AddressSpace,
    list: WriteGuard<'a, KVec<Domain>>,
}

/// Removes whatever `domain` translates in `range.0..=range.1`.
///
/// # Safety
///
/// No other thread changes translations of this domain there.
unsafe fn sweep(domain: &Domain, range: (u64, u64)) {
    domain.tables().unmapping(|gather| {
        // SAFETY: The caller promises what is required.
        unsafe { gather.sweep(range.0, range.1) }
    });
}

impl<'a> Domains<'a> {
    pub(super) fn new(space: &'a AddressSpace, list: WriteGuard<'a, KVec<Domain>>) -> Self {
        Self { space, list }
    }

    /// Returns the domains.
    pub fn as_slice(&self) -> &[Domain] {
        &self.list
    }

    /// Moves `group` from `fresh`, its own domain, to one that is here, if one behaves the same.
    ///
    /// Gives `fresh` back, with the group attached to it, if there is none. Fails if the group
    /// can be attached nowhere any more.
    pub fn share(&mut self, mut fresh: Domain, group: &Group) -> Result<Option<Domain>> {
        for domain in self.list.iter_mut() {
            if !domain.is_compatible(&fresh) {
                continue;
            }
            fresh.detach(group);
            if domain.attach(group).is_ok() {
                return Ok(None);
            }
            fresh.attach(group)?;
        }
        Ok(Some(fresh))
    }

    /// Makes all translations in `domain` and makes it a part of the address space.
    ///
    /// Fails with `ENOMEM` and as the IOMMU driver does. Then the domain is destroyed, and the
    /// devices attached to it reach nothing.
    pub fn add(&mut self, domain: Domain) -> Result {
        self.list.reserve(1, GFP_KERNEL)?;
        let wanted = self.list.len().checked_add(1).ok_or(ENOMEM)?;
        let mut tables = KVec::with_capacity(wanted, GFP_KERNEL)?;

        let mut again = false;
        let mut inner = loop {
            self.replay_all(&domain, again)
                .inspect_err(|_| self.empty(&domain))?;
            let inner = self.space.inner.lock();
            let mut all = inner.index.overlaps(0, u64::MAX);
            if all.all(|(_, entry)| entry.flags.has(Flags::REPLAYED)) {
                drop(all);
                break inner;
            }
            again = true;
        };
        // The new list has room for all of them.
        core::mem::swap(&mut inner.tables, &mut tables);
        for old in tables.drain_all() {
            let _ = inner.tables.push_within_capacity(old);
        }
        let _ = inner.tables.push_within_capacity(domain.tables().clone());
        drop(inner);
        let _ = self.list.push_within_capacity(domain);
        self.forget_replay();
        Ok(())
    }

    /// Makes the translations of all mappings that are not noted as replayed; `again` if this is
    /// not the first time.
    fn replay_all(&self, domain: &Domain, again: bool) -> Result {
        let mut window = KVec::with_capacity(WINDOW, GFP_KERNEL)?;
        let mut next = Some(0);
        while let Some(at) = next {
            let missing = {
                let inner = self.space.inner.lock();
                let Some((id, entry)) = inner.index.overlap(at, u64::MAX) else {
                    break;
                };
                next = entry.last.checked_add(1);
                (!entry.flags.has(Flags::REPLAYED)).then_some((id, (entry.first, entry.last)))
            };
            if let Some((id, range)) = missing {
                if again {
                    // SAFETY: Nobody else has this domain.
                    unsafe { sweep(domain, range) };
                }
                self.replay(id, range, domain, &mut window)?;
            }
        }
        Ok(())
    }

    /// Makes the translations of one mapping, of which there are none, in `domain`.
    fn replay(
        &self,
        id: Id,
        range: (u64, u64),
        domain: &Domain,
        window: &mut KVec<Piece>,
    ) -> Result {
        self.note_replay(id, true);
        let mut next = Some(range.0);
        while let Some(at) = next {
            let access = self.look(id, at, window);
            next = None;
            for piece in window.iter() {
                if piece.live {
                    // SAFETY:
                    // - If the memory is taken from the devices meanwhile, so is the note, and
                    //   these translations are removed before the next try. No program has a
                    //   device of this domain until it has joined, and if the try fails it is
                    //   destroyed. Both come before the memory is unpinned, which nobody can do
                    //   while the domains are locked.
                    // - Nobody else has this domain.
                    unsafe {
                        domain.tables().map(
                            piece.at,
                            (piece.phys, piece.len),
                            access,
                            Sleep::Allowed,
                        )
                    }?;
                }
                next = piece
                    .at
                    .checked_add(piece.len)
                    .filter(|next| *next <= range.1);
                cond_resched();
            }
        }
        Ok(())
    }

    /// Copies what is at `at` and behind in a mapping; returns what devices may do with it.
    fn look(&self, id: Id, at: u64, window: &mut KVec<Piece>) -> Access {
        window.clear();
        let inner = self.space.inner.lock();
        let Some(entry) = inner.index.get(id) else {
            return Access::Read;
        };
        let mut start = entry.first;
        for run in entry.runs.as_slice() {
            let piece = Piece {
                at: start,
                phys: run.phys(),
                len: run.bytes(),
                live: is_live(run),
            };
            // Only behind the very last byte can this wrap, and then there are no more runs.
            start = start.wrapping_add(piece.len);
            if piece.at >= at && window.push_within_capacity(piece).is_err() {
                break;
            }
        }
        entry.access
    }

    /// Notes that a mapping is replayed, or takes the note away.
    fn note_replay(&self, id: Id, done: bool) {
        if let Some(entry) = self.space.inner.lock().index.get_mut(id) {
            if done {
                entry.flags.set(Flags::REPLAYED);
            } else {
                entry.flags.clear(Flags::REPLAYED);
            }
        }
    }

    /// Takes all notes about replay away.
    fn forget_replay(&self) {
        let mut next = Some(0);
        while let Some(at) = next {
            let found = {
                let inner = self.space.inner.lock();
                let found = inner.index.overlap(at, u64::MAX);
                found.map(|(id, entry)| (id, entry.last))
            };
            next = found.and_then(|(_, last)| last.checked_add(1));
            if let Some((id, _)) = found {
                self.note_replay(id, false);
            }
        }
    }

    /// Detaches `group` from its domain, which stays, even if it has no group left.
    pub fn detach(&mut self, group: &Group) -> bool {
        self.list.iter_mut().any(|domain| domain.detach(group))
    }

    /// Destroys the domains that have no group left.
    pub fn prune(&mut self) {
        let mut gone = KVec::new();
        let mut inner = self.space.inner.lock();
        let list = &self.list;
        let is_used = |tables: &Arc<Tables>| {
            list.iter()
                .any(|domain| Arc::ptr_eq(domain.tables(), tables) && !domain.groups().is_empty())
        };
        core::mem::swap(&mut gone, &mut inner.tables);
        gone.retain(|tables| is_used(tables));
        core::mem::swap(&mut gone, &mut inner.tables);
        drop(inner);
        for domain in self.list.iter() {
            if domain.groups().is_empty() {
                self.empty(domain);
            }
        }
        self.list.retain(|domain| !domain.groups().is_empty());
    }

    /// Removes the translations of all mappings from `domain`, which is not, or no longer, a part of
    /// the address space and is destroyed next.
    ///
    /// No device uses it. But a kernel that checks such things believes that devices reach a page for
    /// as long as there are translations to it that nobody has removed, and says so when it is freed.
    fn empty(&self, domain: &Domain) {
        let mut next = Some(0);
        while let Some(at) = next {
            let range = {
                let inner = self.space.inner.lock();
                let Some((_, entry)) = inner.index.overlap(at, u64::MAX) else {
                    break;
                };
                (entry.first, entry.last)
            };
            // SAFETY: Nobody else has this domain: its tables are not among those of the address
            // space.
            unsafe { sweep(domain, range) };
            next = range.1.checked_add(1);
            cond_resched();
        }
    }

    /// Takes all mappings down.
    ///
    /// Calls `freed` with owners and the numbers of pages that were charged to them.
    pub fn clear(&mut self, mut freed: impl FnMut(u16, u64)) {
        let all = (0, u64::MAX);
        // Without memory they go one by one.
        let mut list = KVec::with_capacity(BATCH, GFP_KERNEL).unwrap_or_default();
        let mut one = None;
        loop {
            let inner = self.space.inner.lock();
            let batch = leave_some(inner, all, (Cut::Starting, None), (&mut list, &mut one));
            if batch.is_empty() {
                return;
            }
            take_down(&self.list, batch, &mut freed);
            self.space.forget(batch);
        }
    }
}
