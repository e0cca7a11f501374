// SPDX-License-Identifier: GPL-2.0-only

//! Taking memory out of the reach of devices, a whole mapping or a part.
//!
//! A part can be taken at any time by a callback of the memory manager, which may not wait for
//! memory. It needs some only if the part begins or ends inside a run, to note the pieces apart;
//! if there is none at that moment, it takes the whole run, because the part must go.

use super::{
    cut::Contiguous,
    entry::{
        is_live,
        Entry,
        Flags,
        Mark,
        Phase,
        Reason, //
    },
    index::Id,
    AddressSpace,
    Inner, //
};
use crate::{
    iommu::{
        tables::{
            Gather,
            Sleep,
            Tables, //
        },
        Domain, //
    },
    mm::pin::PinnedRun,
    sched::cond_resched, //
};
use core::ops::ControlFlow;
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// How much is unmapped before somebody else may run, in bytes.
const UNMAP_STEP: u64 = 1 << 30;

/// Keeps memory that the hardware will not let go of for ever.
pub(super) fn lose(iova: u64, runs: impl Sized) {
    pr_err!("iommu: the memory at I/O address {iova:#x} cannot be unmapped and is lost\n");
    core::mem::forget(runs);
}

/// Removes the translations of `len` bytes from `iova` from all `domains`; returns whether that
/// worked.
///
/// # Safety
///
/// All of the range is translated, and no other thread changes translations in it.
pub(super) unsafe fn withdraw_range(domains: &[Domain], iova: u64, len: u64) -> bool {
    if len == 0 {
        return true;
    }
    let mut clean = true;
    for domain in domains {
        clean &= domain.tables().unmapping(|gather| {
            // SAFETY: The caller promises what is required.
            unsafe { withdraw_steps(gather, iova, len) }
        });
    }
    clean
}

/// Removes the translations of `runs` at `iova` and behind; returns whether that worked.
///
/// # Safety
///
/// `runs` are what is translated from `iova` on, and no other thread changes translations there.
pub(super) unsafe fn withdraw_runs(gather: &mut Gather<'_>, iova: u64, runs: &[PinnedRun]) -> bool {
    // Most mappings are one run.
    if let [run] = runs {
        // SAFETY: The caller promises what is required; a live run is translated.
        return !is_live(run) || unsafe { withdraw_steps(gather, iova, run.bytes()) };
    }
    let mut clean = true;
    live_stretches(iova, runs, (0, u64::MAX), |at, len| {
        // SAFETY: The caller promises what is required; the stretch is of live runs.
        clean &= unsafe { withdraw_steps(gather, at, len) };
        cond_resched();
    });
    clean
}

/// Removes the translations of `len` bytes from `iova`, letting others run now and then.
///
/// # Safety
///
/// All of the range is translated, and no other thread changes translations in it.
unsafe fn withdraw_steps(gather: &mut Gather<'_>, iova: u64, len: u64) -> bool {
    let (mut at, mut left, mut clean) = (iova, len, true);
    while left > 0 {
        // A step ends where the largest entry may end.
        let step = (UNMAP_STEP - (at & (UNMAP_STEP - 1))).min(left);
        // SAFETY: The caller promises what is required.
        clean &= unsafe { gather.take(at, step) };
        // OVERFLOW: Only behind the very last byte can this wrap, and then nothing is left.
        at = at.wrapping_add(step);
        left -= step;
        if left > 0 {
            cond_resched();
        }
    }
    clean
}

/// Calls `found` with address and length of every stretch of live runs that lie in
/// `within.0..=within.1` as a whole; `runs` begin at `iova`.
fn live_stretches(
    iova: u64,
    runs: &[PinnedRun],
    within: (u64, u64),
    mut found: impl FnMut(u64, u64),
) {
    let (mut start, mut len) = (iova, 0u64);
    for_runs(iova, runs, |at, run| {
        if is_live(run) && lies_in(at, run, within) {
            if len == 0 {
                start = at;
            }
            len = len.saturating_add(run.bytes());
        } else if len != 0 {
            found(start, len);
            len = 0;
        }
        ControlFlow::Continue(())
    });
    if len != 0 {
        found(start, len);
    }
}

/// Returns whether `run`, which is at `at`, lies in `range.0..=range.1` as a whole.
fn lies_in(at: u64, run: &PinnedRun, range: (u64, u64)) -> bool {
    // OVERFLOW: A run is not empty. Its last address exists, so there is no wrapping.
    at >= range.0 && at.wrapping_add(run.bytes() - 1) <= range.1
}

/// Calls `each` with every run and its address, as long as it wants more.
fn for_runs(
    iova: u64,
    runs: &[PinnedRun],
    mut each: impl FnMut(u64, &PinnedRun) -> ControlFlow<()>,
) {
    let mut at = iova;
    for run in runs {
        if each(at, run).is_break() {
            break;
        }
        // Only behind the very last byte can this wrap, and then there are no more runs.
        at = at.wrapping_add(run.bytes());
    }
}

impl AddressSpace {
    /// Takes what `owner` has at `first..=last` of its addresses out of the reach of all devices.
    ///
    /// The memory stays pinned until [`Users::settle`](super::Users::settle). Returns whether
    /// there was something, or [`None`] if the lock would have to be waited for and `may_block` is
    /// not set.
    pub fn withdraw(
        &self,
        owner: u16,
        (first, last): (usize, usize),
        reason: Reason,
        may_block: bool,
    ) -> Option<bool> {
        let mut any = false;
        self.for_owned(owner, (first, last), may_block, |inner, id| {
            let Some(entry) = inner.index.get(id) else {
                return;
            };
            // CAST: `usize` has at most 64 bits. OVERFLOW: The part is inside of the mapping.
            let from = entry.first + first.saturating_sub(entry.vaddr) as u64;
            let to = match last.checked_sub(entry.vaddr) {
                Some(offset) => entry.first.saturating_add(offset as u64).min(entry.last),
                None => return,
            };
            any |= inner.withdraw(id, (from, to), reason);
        })?;
        Some(any)
    }

    /// Notes that something happened to what `owner` has at `first..=last` of its addresses.
    ///
    /// Returns as [`AddressSpace::withdraw`].
    pub fn disturb(&self, owner: u16, range: (usize, usize), may_block: bool) -> Option<bool> {
        let mut any = false;
        self.for_owned(owner, range, may_block, |_, _| any = true)?;
        Some(any)
    }

    /// Calls `each` for the mappings that are in use and have memory of `owner` in
    /// `range.0..=range.1`, and marks those in the making as disturbed.
    fn for_owned(
        &self,
        owner: u16,
        range: (usize, usize),
        may_block: bool,
        mut each: impl FnMut(&mut Inner, Id),
    ) -> Option<()> {
        let mut inner = if may_block {
            self.inner.lock()
        } else {
            self.inner.try_lock()?
        };
        let mut behind = None;
        while let Some((id, entry)) = inner.index.next_by_vaddr(range, behind) {
            behind = Some((entry.vaddr, id));
            if entry.owner != owner || entry.flags.has(Flags::VADDR_INVALID) {
                continue;
            }
            if entry.is_in_use() {
                each(&mut inner, id);
            } else if entry.phase == Phase::Making {
                if let Some(entry) = inner.index.get_mut(id) {
                    entry.flags.set(Flags::DISTURBED);
                }
            }
        }
        Some(())
    }
}

impl Inner {
    /// Takes `first..=last` of a mapping out of the reach of all devices; returns whether any of
    /// it was in their reach. Never sleeps for memory.
    pub(super) fn withdraw(&mut self, id: Id, (first, last): (u64, u64), reason: Reason) -> bool {
        let sizes = self.tables.iter().fold(0, |all, t| all | t.page_sizes());
        let Some(entry) = self.index.get_mut(id) else {
            return false;
        };
        let part = isolate(entry, (first, last), sizes);
        if !take_out(&self.tables, entry, part.wide) {
            return false;
        }
        mark(entry, part.exact, reason);
        put_back(&self.tables, entry, part);
        entry.flags.clear(Flags::REPLAYED);
        for (flag, count) in [
            (Flags::UNSETTLED, &mut self.unsettled),
            (Flags::UNTOLD, &mut self.untold),
        ] {
            if !entry.flags.has(flag) {
                entry.flags.set(flag);
                *count = count.saturating_add(1);
            }
        }
        true
    }
}

/// A part of a mapping: `exact` is to be taken from the devices, and to do so, `wide` is.
///
/// No run crosses an end of either.
#[derive(Clone, Copy)]
struct Part {
    exact: (u64, u64),
    wide: (u64, u64),
}

impl Part {
    /// Returns what lies in `wide` before and behind `exact`.
    fn sides(self) -> [Option<(u64, u64)>; 2] {
        let before = self.exact.0.checked_sub(1).map(|end| (self.wide.0, end));
        let behind = self
            .exact
            .1
            .checked_add(1)
            .map(|start| (start, self.wide.1));
        [before, behind].map(|side| side.filter(|(first, last)| first <= last))
    }
}

/// Divides the runs of a mapping so that `first..=last` can be taken out.
///
/// For lack of memory the part may become larger: up to the ends of the runs that it cuts.
fn isolate(entry: &mut Entry, (first, last): (u64, u64), sizes: u64) -> Part {
    let mut part = Part {
        exact: (first, last),
        wide: (first, last),
    };
    // Both are looked up before anything is divided, as it may be the same run.
    let (head, tail) = (live_block(entry, first), live_block(entry, last));
    if let Some((start, block)) = tail {
        let at = last - start;
        let (_, end) = block.widen((at, at.saturating_add(1)), sizes);
        // OVERFLOW: All offsets are inside of the block, which does not wrap.
        let wide = start + (end - 1);
        if divide(entry, wide)
            .and_then(|()| divide(entry, last))
            .is_ok()
        {
            part.wide.1 = wide;
        } else {
            part.exact.1 = start + (block.len - 1);
            part.wide.1 = part.exact.1;
        }
    }
    if let Some((start, block)) = head {
        let at = first - start;
        let (begin, _) = block.widen((at, at.saturating_add(1)), sizes);
        // OVERFLOW: As above.
        let wide = start + begin;
        let before = |entry: &mut Entry, at: u64| match at.checked_sub(1) {
            Some(at) => divide(entry, at),
            None => Ok(()),
        };
        if before(entry, wide)
            .and_then(|()| before(entry, first))
            .is_ok()
        {
            part.wide.0 = wide;
        } else {
            part.exact.0 = start;
            part.wide.0 = start;
        }
    }
    part
}

/// Returns the live run that holds the address `at`, and where it starts.
fn live_block(entry: &Entry, at: u64) -> Option<(u64, Contiguous)> {
    let mut found = None;
    for_runs(entry.first, entry.runs.as_slice(), |start, run| {
        if at > start.wrapping_add(run.bytes() - 1) {
            return ControlFlow::Continue(());
        }
        if is_live(run) {
            found = Some((
                start,
                Contiguous {
                    iova: start,
                    phys: run.phys(),
                    len: run.bytes(),
                },
            ));
        }
        ControlFlow::Break(())
    });
    found
}

/// Divides the run that holds the address `at` behind it. Fails with `ENOMEM`.
fn divide(entry: &mut Entry, at: u64) -> Result {
    let mut place = None;
    let mut index = 0usize;
    for_runs(entry.first, entry.runs.as_slice(), |start, run| {
        if at <= start.wrapping_add(run.bytes() - 1) {
            place = Some((
                index,
                (at.saturating_sub(start) >> kernel::page::PAGE_SHIFT) + 1,
            ));
            return ControlFlow::Break(());
        }
        index = index.saturating_add(1);
        ControlFlow::Continue(())
    });
    match place {
        Some((index, pages)) => entry.runs.split(index, pages),
        None => Ok(()),
    }
}

/// Removes the translations of the live runs in `range`; returns whether there were any.
fn take_out(tables: &[Arc<Tables>], entry: &mut Entry, range: (u64, u64)) -> bool {
    let (mut any, mut clean) = (false, true);
    for tables in tables {
        tables.unmapping(|gather| {
            live_stretches(entry.first, entry.runs.as_slice(), range, |at, len| {
                any = true;
                // SAFETY: Live runs are translated. The mapping is in use and the lock held, so
                // nobody else changes its translations. No entry of the tables crosses an end of
                // `range`, see `isolate`.
                clean &= unsafe { withdraw_steps(gather, at, len) };
            });
        });
    }
    if tables.is_empty() {
        live_stretches(entry.first, entry.runs.as_slice(), range, |_, _| any = true);
    }
    if !clean {
        // Whatever is still reachable must never be anybody else's.
        for run in runs_in(entry, range) {
            let placeholder = run.placeholder();
            lose(range.0, core::mem::replace(run, placeholder));
        }
    }
    any
}

/// Marks the live runs in `range` as taken.
fn mark(entry: &mut Entry, range: (u64, u64), reason: Reason) {
    for run in runs_in(entry, range) {
        if Mark::of(run).reason().is_none() {
            Mark::taken(reason).put_on(run);
        }
    }
}

/// Returns the runs that lie in `range` as a whole.
fn runs_in(entry: &mut Entry, range: (u64, u64)) -> impl Iterator<Item = &mut PinnedRun> {
    let mut at = entry.first;
    entry.runs.as_mut_slice().iter_mut().filter(move |run| {
        let start = at;
        at = at.wrapping_add(run.bytes());
        lies_in(start, run, range)
    })
}

/// Makes the translations again that were removed only because they shared an entry with `exact`.
fn put_back(tables: &[Arc<Tables>], entry: &mut Entry, part: Part) {
    for side in part.sides().into_iter().flatten() {
        let all = tables.iter().all(|tables| map_again(tables, entry, side));
        if !all {
            give_up(tables, entry, side);
        }
    }
}

/// Translates the live runs in `range`; returns `false`, with some of it done, if that fails.
fn map_again(tables: &Tables, entry: &Entry, range: (u64, u64)) -> bool {
    let mut all = true;
    for_runs(entry.first, entry.runs.as_slice(), |at, run| {
        if lies_in(at, run, range) && is_live(run) {
            let memory = (run.phys(), run.bytes());
            // SAFETY: The run stays until its translations are removed. The mapping is in use and
            // the lock held, so nobody else changes translations here. Sleeping may not be
            // allowed, and is not asked for.
            all = unsafe { tables.map(at, memory, entry.access, Sleep::Forbidden) }.is_ok();
        }
        if all {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    all
}

/// Takes out what could not be translated again everywhere.
fn give_up(tables: &[Arc<Tables>], entry: &mut Entry, side: (u64, u64)) {
    pr_warn!(
        "iommu: no memory to map {:#x} to {:#x} again; devices no longer reach it\n",
        side.0,
        side.1
    );
    for tables in tables {
        // SAFETY: The mapping is in use and the lock held, so nobody else changes translations
        // here.
        tables.unmapping(|gather| unsafe { gather.sweep(side.0, side.1) });
    }
    mark(entry, side, Reason::Discard);
}
