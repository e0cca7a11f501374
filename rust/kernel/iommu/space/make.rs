// SPDX-License-Identifier: GPL-2.0-only

//! Making a mapping, run by run.
//!
//! Its addresses are taken from the start, so that nobody else maps there; everything else happens
//! without a lock. Whichever way it ends, the half-made mapping is a value: dropping it takes the
//! memory out of reach of the devices and unpins it, in that order.

use super::{
    entry::{
        Entry,
        Flags,
        Phase,
        Runs, //
    },
    index::Id,
    lane::Lane,
    withdraw::{
        lose,
        withdraw_range, //
    },
    Users, //
};
use crate::{
    iommu::{
        tables::{
            RunListRoom,
            Sleep,
            Tables, //
        },
        Access,
        Domain, //
    },
    mm::pin::PinnedRun,
    sched::cond_resched, //
};
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

/// How many runs are collected before they are mapped.
const PENDING: usize = RunListRoom::CAPACITY;

/// A mapping in the making.
///
/// # Invariants
///
/// - The entry `id` of the address space is ours, in phase `Making`.
/// - `runs[..mapped]` hold the frames behind every translation in the `mapped_bytes` bytes from
///   `first`, in every domain, in order of address and without gaps. There are no others there.
/// - The rest of `runs` and then `growing` follow, not mapped yet.
pub struct NewMapping<'a> {
    users: &'a Users<'a>,
    id: Id,
    first: u64,
    last: u64,
    access: Access,
    join: bool,

    runs: KVVec<PinnedRun>,
    /// The last run, which the next one may continue.
    growing: Option<PinnedRun>,
    bytes: u64,
    mapped: usize,
    mapped_bytes: u64,
    end: End,
}

/// How a [`NewMapping`] ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Its memory is taken out of the domains and unpinned.
    Undo,
    /// As `Undo`, but some of it cannot be taken out, so all of it stays pinned for ever.
    Leak,
    /// It has become a mapping of the address space.
    Keep,
}

impl Users<'_> {
    /// Starts to make a mapping at `first..=last` of the memory at `vaddr` of `owner`.
    ///
    /// Unless `join` is set, every run that is pushed is mapped by itself. Waits for threads that
    /// work on other mappings there. It is made by `lane`, which is one of this address space, or none.
    ///
    /// Fails with `EINVAL` if an address is not page aligned, with `EEXIST` if something is mapped
    /// there, with `ENOSPC` if there are `limit` mappings or as many by `lane` as there may be, and
    /// with `ENOMEM`.
    pub fn make(
        &self,
        (first, last): (u64, u64),
        (vaddr, owner): (usize, u16),
        (access, join): (Access, bool),
        (lane, limit): (Option<&Lane>, usize),
    ) -> Result<NewMapping<'_>> {
        // CAST: A small constant.
        let mask = PAGE_SIZE as u64 - 1;
        if first & mask != 0 || last & mask != mask || first > last {
            return Err(EINVAL);
        }
        let entry = Entry::new((first, last), (vaddr, owner), access, Lane::id_of(lane));
        let id = self.reserve(entry, limit)?;
        // INVARIANT: The entry was just made, and nothing is mapped.
        Ok(NewMapping {
            users: self,
            id,
            first,
            last,
            access,
            join,
            runs: KVVec::new(),
            growing: None,
            bytes: 0,
            mapped: 0,
            mapped_bytes: 0,
            end: End::Undo,
        })
    }

    /// Takes the addresses of `entry`.
    fn reserve(&self, entry: Entry, limit: usize) -> Result<Id> {
        loop {
            {
                let mut inner = self.space.lock_ready((entry.first, entry.last));
                let place = inner.index.vacancy(entry.first, entry.last).ok_or(EEXIST)?;
                if inner.index.len() >= limit || !inner.lanes.have_room(entry.lane) {
                    return Err(ENOSPC);
                }
                if inner.index.needs().is_none() {
                    let lane = entry.lane;
                    let id = inner.index.insert(entry, place).ok_or(ENOMEM)?;
                    inner.lanes.enter(lane);
                    inner.busy = inner.busy.saturating_add(1);
                    return Ok(id);
                }
            }
            self.space.make_room()?;
        }
    }
}

impl NewMapping<'_> {
    /// Returns the number of bytes for which there is memory.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds `run` behind what is there already.
    ///
    /// Fails with `ENOMEM`, with `EINVAL` if the run is too long, or may not be written but
    /// devices may write to this mapping, and as the IOMMU drivers do. Then the run is unpinned.
    pub fn push(&mut self, run: PinnedRun) -> Result {
        if self.access.may_write() && !run.is_writable() {
            return Err(EINVAL);
        }
        let bytes = self.bytes.checked_add(run.bytes()).ok_or(EINVAL)?;
        if bytes.wrapping_sub(1) > self.last - self.first {
            return Err(EINVAL);
        }
        let mut run = run;
        if let Some(mut last) = self.growing.take() {
            let joined = if self.join {
                last.append(run)
            } else {
                Err(run)
            };
            run = match joined {
                Ok(()) => last,
                Err(next) => {
                    self.runs.push(last, GFP_KERNEL_ACCOUNT)?;
                    next
                }
            };
        }
        self.growing = Some(run);
        self.bytes = bytes;
        if self.runs.len() - self.mapped >= PENDING {
            self.map_pending()?;
        }
        Ok(())
    }

    /// Maps the runs that wait for it.
    fn map_pending(&mut self) -> Result {
        let mut room: Option<RunListRoom> = None;
        let mut domains = self.users.domains.iter();
        let may_list = domains.all(|domain| domain.tables().max_page().is_none());
        while let Some(pending) = self.runs.get(self.mapped..).filter(|p| !p.is_empty()) {
            // Lists are not cut into pieces, and pages may be limited.
            if pending.len() > 1 && room.is_none() && may_list {
                room = Some(RunListRoom::new()?);
            }
            // The addresses are in the range that is ours, which does not wrap; only behind its
            // very last byte there may be none, and then nothing is pending.
            let at = self.first.wrapping_add(self.mapped_bytes);
            let (count, bytes) = match room.as_mut().and_then(|room| room.list(pending)) {
                Some(list) => {
                    // SAFETY:
                    // - The frames are those of runs that stay in `self.runs` until their
                    //   translations are removed.
                    // - The range is ours alone, as its entry is in phase `Making`.
                    let map = |tables: &Tables| unsafe { tables.map_list(at, &list, self.access) };
                    map_in_all(&self.users.domains, (at, list.bytes()), &mut self.end, map)?;
                    (list.len(), list.bytes())
                }
                None => {
                    let Some(run) = pending.first() else {
                        break;
                    };
                    // SAFETY: As above; sleeping is allowed here.
                    let map = |tables: &Tables| unsafe {
                        tables.map(at, (run.phys(), run.bytes()), self.access, Sleep::Allowed)
                    };
                    map_in_all(&self.users.domains, (at, run.bytes()), &mut self.end, map)?;
                    (1, run.bytes())
                }
            };
            // INVARIANT: They were just mapped in all domains.
            self.mapped = self.mapped.saturating_add(count);
            self.mapped_bytes = self.mapped_bytes.saturating_add(bytes);
            cond_resched();
        }
        Ok(())
    }

    /// Makes the mapping one of the address space.
    ///
    /// Returns whether its owner has changed something about the memory meanwhile, which then has
    /// to be [checked](Users::check). Fails with `EINVAL` if there is not memory for all addresses,
    /// with `ENOMEM` and as the IOMMU drivers do.
    pub fn finish(mut self) -> Result<bool> {
        if self.bytes.wrapping_sub(1) != self.last - self.first {
            return Err(EINVAL);
        }
        let runs = self.complete()?;
        self.end = End::Keep;

        let space = self.users.space;
        let mut inner = space.inner.lock();
        let mut disturbed = false;
        if let Some(entry) = inner.index.get_mut(self.id) {
            entry.runs = runs;
            entry.phase = Phase::Ready;
            disturbed = entry.flags.has(Flags::DISTURBED);
            entry.flags.clear(Flags::DISTURBED);
        }
        inner.busy = inner.busy.saturating_sub(1);
        space.wake(inner);
        Ok(disturbed)
    }

    /// Maps what is not mapped yet and returns all runs, which from here on are the caller's.
    fn complete(&mut self) -> Result<Runs> {
        let last = self.growing.take().ok_or(EINVAL)?;
        if self.runs.is_empty() {
            // Most mappings are one run, which then needs no memory of its own.
            // SAFETY: The run is returned, or unpinned when it was unmapped again; the range is
            // ours alone, as its entry is in phase `Making`.
            let map = |tables: &Tables| unsafe {
                let memory = (last.phys(), last.bytes());
                tables.map(self.first, memory, self.access, Sleep::Allowed)
            };
            let at = (self.first, last.bytes());
            let mapped = map_in_all(&self.users.domains, at, &mut self.end, map);
            return match mapped {
                Ok(()) => Ok(Runs::One(last)),
                Err(e) => {
                    if self.end == End::Leak {
                        lose(self.first, last);
                    }
                    Err(e)
                }
            };
        }
        self.runs.push(last, GFP_KERNEL_ACCOUNT)?;
        self.map_pending()?;
        let room = Runs::room(self.runs.len())?;
        Ok(Runs::new(core::mem::take(&mut self.runs), room))
    }
}

impl Drop for NewMapping<'_> {
    fn drop(&mut self) {
        if self.end == End::Keep {
            return;
        }
        // SAFETY: The range is ours alone, and all of it is translated, by the type invariant.
        let clean = unsafe { withdraw_range(&self.users.domains, self.first, self.mapped_bytes) };
        let runs = core::mem::take(&mut self.runs);
        if clean && self.end == End::Undo {
            drop(runs);
        } else {
            lose(self.first, runs);
        }
        let space = self.users.space;
        let mut inner = space.inner.lock();
        inner.remove(self.id);
        inner.busy = inner.busy.saturating_sub(1);
        space.wake(inner);
    }
}

/// Calls `map` for each domain; if one fails, removes the translations from those before it.
///
/// `map` translates all of the `len` bytes from `at`, or nothing; no other thread changes
/// translations there. If they cannot be removed again, `end` says so.
fn map_in_all(
    domains: &[Domain],
    (at, len): (u64, u64),
    end: &mut End,
    map: impl Fn(&Tables) -> Result,
) -> Result {
    for (done, domain) in domains.iter().enumerate() {
        if let Err(e) = map(domain.tables()) {
            let before = domains.get(..done).unwrap_or_default();
            // SAFETY: All of the range was translated in these domains, and no other thread
            // changes translations there, as the caller promises.
            if !unsafe { withdraw_range(before, at, len) } {
                *end = End::Leak;
            }
            return Err(e);
        }
        cond_resched();
    }
    Ok(())
}
