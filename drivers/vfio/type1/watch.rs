// SPDX-License-Identifier: GPL-2.0-only

//! What an owner does with its memory, as it happens.
//!
//! A [`Spy`] is called by the memory manager in the middle of its work, with locks held. It does
//! at once what cannot wait: memory that is being unmapped, or whose owner ends, is taken out of
//! the reach of the devices before the call returns. Everything else it notes for the
//! [worker](super::tie).

use super::tie::Notes;
use kernel::sync::{
    atomic::{
        Atomic,
        Relaxed, //
    },
    Arc, //
};
use kernel_ext::{
    iommu::{
        AddressSpace,
        Reason, //
    },
    mm::notifier::{
        Event,
        Watcher, //
    },
    work::Deferred, //
};
use vfio_uapi::MmBind;

/// Watches one owner.
pub(crate) struct Spy {
    pub(super) owner: u16,
    pub(super) mode: MmBind,
    pub(super) space: Arc<AddressSpace>,
    pub(super) notes: Arc<Notes>,
    pub(super) worker: Arc<Deferred<super::tie::Worker>>,

    /// Whether the owner has ended, after which its memory is only taken apart.
    pub(super) ended: Atomic<bool>,
}

/// All addresses.
const ALL: (usize, usize) = (0, usize::MAX);

impl Watcher for Spy {
    fn invalidate(&self, event: Event, range: (usize, usize), may_block: bool) -> bool {
        if self.ended.load(Relaxed) {
            return true;
        }
        let done = match event {
            Event::Unmap if self.mode.contains(MmBind::NOTIFY) => {
                self.take(range, Reason::Unmap, may_block)
            }
            Event::Move if self.mode.contains(MmBind::NOTIFY) => {
                self.take(range, Reason::Remap, may_block)
            }
            Event::Clear if self.mode.contains(MmBind::NOTIFY) => self.note(range, may_block),
            Event::Release => {
                self.ended.store(true, Relaxed);
                if self.mode.contains(MmBind::EXIT) {
                    self.take(ALL, Reason::Exit, may_block)
                } else {
                    Some(())
                }
            }
            Event::Unmap | Event::Move | Event::Clear => Some(()),
        };
        done.is_some()
    }
}

impl Spy {
    /// Takes memory out of the reach of the devices.
    fn take(&self, range: (usize, usize), reason: Reason, may_block: bool) -> Option<()> {
        if self.space.withdraw(self.owner, range, reason, may_block)? {
            self.notes.ring();
            self.notes.ask(&self.worker);
        }
        Some(())
    }

    /// Has the worker look at memory of which page table entries go, if devices reach it.
    fn note(&self, range: (usize, usize), may_block: bool) -> Option<()> {
        if self.space.disturb(self.owner, range, may_block)? {
            self.notes.add(self.owner, range);
            self.notes.ask(&self.worker);
        }
        Some(())
    }
}
