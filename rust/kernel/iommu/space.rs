// SPDX-License-Identifier: GPL-2.0-only

//! The memory that devices can reach: mappings, and the domains they are in.
//!
//! This folder keeps the one promise that all of VFIO rests on: **no page frame gets a new owner
//! while a device can still reach it.** An [`AddressSpace`] owns the pinned memory behind its
//! translations, and takes them out of every domain and out of the hardware's caches before it
//! lets go of a single frame. There is no other way to map memory, and a domain leaves only by
//! being destroyed, which detaches its devices first.
//!
//! A mapping remembers which frames it has, as *runs* of contiguous frames, 16 bytes each. So
//! taking it down is one pass over the page tables and one flush, without asking the hardware for
//! every page what is behind it.
//!
//! # Who may do what at the same time
//!
//! Two locks, and a mark on each mapping:
//!
//! - [`AddressSpace::users`] lets any number of threads map and unmap at once. While one of them
//!   exists, no domain comes or goes; [`AddressSpace::domains`] is the exclusive side.
//! - `inner` is a short mutex around the index of mappings. **Whoever holds it neither waits for
//!   memory nor touches that of a program**, because a callback of the memory manager takes it
//!   while the kernel reclaims memory or holds locks of a program's memory.
//! - A thread that makes a mapping, takes one down or relies on one [marks](entry::Phase) it, and
//!   works on it without any lock. Others that want the same addresses wait. A callback never
//!   waits: of a mapping in the making it notes that it was disturbed, and one that is leaving is
//!   no longer its business.
//!
//! Lock order: `domains`, then `settling`, then the `mmap_lock` of a program, then `inner`.
//!
//! C counterpart: `vfio_iommu_map()`, `vfio_unmap_unpin()` and `vfio_iommu_replay()` in
//! [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

mod block;
mod check;
mod cut;
mod domains;
mod entry;
mod hold;
mod index;
mod item;
mod lane;
mod lanes;
mod make;
mod sorted;
mod stale;
mod take;
mod withdraw;

pub use self::{
    domains::Domains,
    entry::Reason,
    hold::Held,
    lane::Lane,
    make::NewMapping,
    stale::Stale,
    take::Cut, //
};

use super::{
    tables::Tables,
    Domain, //
};
use index::{
    Index,
    Room, //
};
use kernel::{
    prelude::*,
    sync::{
        new_condvar,
        new_mutex,
        Arc,
        CondVar,
        Mutex,
        MutexGuard, //
    }, //
};
use lanes::Lanes;

use crate::{
    new_rwsem,
    sync::{
        ReadGuard,
        RwSemaphore, //
    }, //
};

/// The domains of one user, all with the same translations, and the mappings in them.
///
/// # Invariants
///
/// - Every translation in a domain leads to a frame of a run of the mapping at that address, or
///   of one that a thread is making or taking down at that address.
/// - A run that is marked as taken has no translation in any domain.
#[pin_data(PinnedDrop)]
pub struct AddressSpace {
    #[pin]
    domains: RwSemaphore<KVec<Domain>>,

    #[pin]
    inner: Mutex<Inner>,

    /// Notified when a mapping becomes ready or goes.
    #[pin]
    ready: CondVar,

    /// Held while memory that was taken from the devices is unpinned, so that whoever looks at
    /// the frames of a mapping can rely on them.
    #[pin]
    settling: Mutex<()>,
}

/// What the short lock protects.
struct Inner {
    /// The page tables of the domains that have all translations.
    ///
    /// The list changes only while `domains` is held for writing.
    tables: KVec<Arc<Tables>>,
    index: Index,
    lanes: Lanes,

    /// The number of mappings whose phase is not `Ready`.
    busy: usize,
    /// The number of threads that wait until one of these is.
    waiting: usize,
    /// The numbers of mappings with certain [`entry::Flags`].
    invalid: usize,
    unsettled: usize,
    untold: usize,
}

impl AddressSpace {
    /// Returns an address space without domains and mappings. Fails with `ENOMEM`.
    pub fn new() -> Result<Arc<Self>> {
        let inner = Inner {
            tables: KVec::new(),
            index: Index::new(),
            lanes: Lanes::new(),
            busy: 0,
            waiting: 0,
            invalid: 0,
            unsettled: 0,
            untold: 0,
        };
        Arc::pin_init(
            pin_init!(Self {
                domains <- new_rwsem!(KVec::new(), "iommu::AddressSpace::domains"),
                inner <- new_mutex!(inner, "iommu::AddressSpace::inner"),
                ready <- new_condvar!("iommu::AddressSpace::ready"),
                settling <- new_mutex!((), "iommu::AddressSpace::settling"),
            }),
            GFP_KERNEL,
        )
    }

    /// Becomes one of those who may map and unmap.
    ///
    /// Waits while domains come or go. A thread must not call this twice at once.
    pub fn users(&self) -> Users<'_> {
        Users {
            space: self,
            domains: self.domains.read(),
        }
    }

    /// Gives exclusive access to the domains: nobody maps or unmaps meanwhile.
    pub fn domains(&self) -> Domains<'_> {
        Domains::new(self, self.domains.write())
    }

    /// Returns the number of mappings, those in the making included.
    pub fn len(&self) -> usize {
        self.inner.lock().index.len()
    }

    /// Returns whether there is no mapping.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether some owner has yet to say where its memory is now.
    pub fn has_invalid_vaddr(&self) -> bool {
        self.inner.lock().invalid != 0
    }

    /// Returns whether a mapping has an address in `first..=last`.
    pub fn overlaps(&self, (first, last): (u64, u64)) -> bool {
        self.inner.lock().index.overlap(first, last).is_some()
    }

    /// Returns whether a mapping is of memory of `owner`.
    pub fn has_owner(&self, owner: u16) -> bool {
        let inner = self.inner.lock();
        let mut all = inner.index.overlaps(0, u64::MAX);
        all.any(|(_, entry)| entry.owner == owner)
    }

    /// Takes the short lock and waits until no thread works on a mapping in `first..=last`.
    fn lock_ready(&self, (first, last): (u64, u64)) -> MutexGuard<'_, Inner> {
        let mut inner = self.inner.lock();
        while inner.busy != 0 && inner.index.is_busy(first, last) {
            inner.waiting = inner.waiting.saturating_add(1);
            self.ready.wait(&mut inner);
            inner.waiting = inner.waiting.saturating_sub(1);
        }
        inner
    }

    /// Gives up the short lock and wakes those who wait for a mapping to become ready or go.
    fn wake(&self, inner: MutexGuard<'_, Inner>) {
        let waiting = inner.waiting != 0;
        drop(inner);
        if waiting {
            self.ready.notify_all();
        }
    }

    /// Gets memory for one more mapping. Fails with `ENOMEM`.
    ///
    /// Others may use it up before the lock is taken again.
    fn make_room(&self) -> Result {
        let Some(need) = self.inner.lock().index.needs() else {
            return Ok(());
        };
        let room = Room::new(&need)?;
        let rest = self.inner.lock().index.add_room(room);
        // Whatever was not needed is freed here, outside of the lock.
        drop(rest?);
        Ok(())
    }
}

#[pinned_drop]
impl PinnedDrop for AddressSpace {
    fn drop(self: Pin<&mut Self>) {
        // Nothing may be unpinned before it is out of the domains, which go after this.
        self.domains().clear(|_, _| ());
    }
}

/// The right to map and unmap: no domain comes or goes while it exists.
pub struct Users<'a> {
    space: &'a AddressSpace,
    domains: ReadGuard<'a, KVec<Domain>>,
}

impl Users<'_> {
    /// Returns the domains.
    pub fn domains(&self) -> &[Domain] {
        &self.domains
    }
}

impl Inner {
    /// Forgets what was counted for a mapping with these flags.
    fn uncount(&mut self, flags: entry::Flags) {
        for (flag, count) in [
            (entry::Flags::VADDR_INVALID, &mut self.invalid),
            (entry::Flags::UNSETTLED, &mut self.unsettled),
            (entry::Flags::UNTOLD, &mut self.untold),
        ] {
            if flags.has(flag) {
                *count = count.saturating_sub(1);
            }
        }
    }
}
