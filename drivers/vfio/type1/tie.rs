// SPDX-License-Identifier: GPL-2.0-only

//! The tie between mappings and the address spaces they came from.
//!
//! A translation lives as long as its owner has *that* page at *that* address. What is given up is
//! taken out of the reach of the devices, unpinned and given back to the owner's account, in this
//! order. For `munmap` and for the end of the owner the first step is made by the
//! [`Spy`](super::watch::Spy) on the spot. All else is done here, by a worker, because it takes the
//! `mmap_lock`: looking up what became of memory whose page table entries went, unpinning and
//! uncharging.
//!
//! There is no counterpart in C, where mappings outlive the process that made them.

use super::{
    owner::{
        Owner,
        Owners, //
    },
    watch::Spy, //
};
use kernel::{
    new_mutex,
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex,
        SpinLock, //
    }, //
};
use kernel_ext::{
    eventfd::EventFdCtx,
    iommu::AddressSpace,
    mm::{
        locked_vm::Account,
        resident, //
    },
    work::{
        Deferred,
        Job, //
    }, //
};
use vfio_uapi::MmBind;

/// How many ranges are noted apart.
const NOTES: usize = 32;

/// A range of an owner's addresses that has to be looked at.
#[derive(Clone, Copy)]
struct Note {
    owner: u16,
    first: usize,
    last: usize,
}

/// What the memory manager's callbacks leave for the worker.
#[pin_data]
pub(crate) struct Notes {
    #[pin]
    list: SpinLock<NoteList>,

    /// Whether the worker was asked for and is not done yet.
    pending: Atomic<bool>,

    /// Rung whenever memory was taken from the devices.
    #[pin]
    bell: SpinLock<Option<Arc<EventFdCtx>>>,
}

/// Ranges to look at.
struct NoteList {
    notes: [Option<Note>; NOTES],
}

impl Notes {
    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            list <- new_spinlock!(NoteList { notes: [None; NOTES] }, "type1::Notes::list"),
            pending: Atomic::new(false),
            bell <- new_spinlock!(None, "type1::Notes::bell"),
        })
    }

    /// Asks `worker` to deal with everything; what is noted before this is not missed.
    pub(crate) fn ask(&self, worker: &Deferred<Worker>) {
        self.pending.store(true, Relaxed);
        worker.ask();
    }

    fn is_pending(&self) -> bool {
        self.pending.load(Relaxed)
    }

    /// Notes a range. If there are too many, neighbours become one.
    pub(crate) fn add(&self, owner: u16, (first, last): (usize, usize)) {
        self.list.lock().add(Note { owner, first, last });
    }

    /// Tells the program that memory was taken from the devices.
    pub(crate) fn ring(&self) {
        let bell = self.bell.lock().clone();
        if let Some(bell) = bell {
            bell.signal();
        }
    }

    fn has_some(&self) -> bool {
        self.list.lock().notes.iter().any(Option::is_some)
    }

    fn take(&self) -> [Option<Note>; NOTES] {
        core::mem::replace(&mut self.list.lock().notes, [None; NOTES])
    }
}

impl NoteList {
    fn add(&mut self, note: Note) {
        let touches = |old: &Note| {
            old.owner == note.owner
                && old.first <= note.last.saturating_add(1)
                && note.first <= old.last.saturating_add(1)
        };
        let merge = |old: &mut Note| {
            old.first = old.first.min(note.first);
            old.last = old.last.max(note.last);
        };
        if let Some(old) = self.notes.iter_mut().flatten().find(|old| touches(old)) {
            merge(old);
        } else if let Some(free) = self.notes.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(note);
        } else if let Some(old) = self
            .notes
            .iter_mut()
            .flatten()
            .find(|o| o.owner == note.owner)
        {
            // Looking at more than necessary does no harm.
            merge(old);
        } else if let Some(old) = self.notes.iter_mut().flatten().next() {
            // As many owners as places: what is lost here is looked at for all of them.
            *old = Note {
                owner: EVERYBODY,
                first: 0,
                last: usize::MAX,
            };
        }
    }
}

/// Stands for all owners in a [`Note`]; no owner has this number.
const EVERYBODY: u16 = u16::MAX;

/// How mappings are tied, and to whom.
struct Binding {
    mode: MmBind,

    /// The only one who may map and unmap, if there is one.
    only: Option<Account>,
}

/// What is known about the owners of a container, for everybody who needs it.
#[pin_data]
struct Core {
    space: Arc<AddressSpace>,
    notes: Arc<Notes>,
    #[pin]
    owners: Mutex<Owners>,
    #[pin]
    binding: Mutex<Binding>,
    /// Whether there is only one who may map and unmap.
    strict: Atomic<bool>,
    /// How many pages are charged. Only to be looked at: one thread may give back what another has
    /// charged and not noted yet, so that it can be negative for a moment.
    charged: Atomic<i64>,
}

/// Does what callbacks cannot.
pub(crate) struct Worker {
    core: Arc<Core>,
}

/// The tie of one container.
pub(crate) struct Tie {
    core: Arc<Core>,
    worker: Arc<Deferred<Worker>>,
}

impl Tie {
    /// Returns the tie of a container without owners. Fails with `ENOMEM`.
    pub(crate) fn new(space: Arc<AddressSpace>, mode: MmBind) -> Result<Self> {
        let notes = Arc::pin_init(Notes::new(), GFP_KERNEL_ACCOUNT)?;
        let binding = Binding { mode, only: None };
        let core = Arc::pin_init(
            pin_init!(Core {
                space,
                notes,
                owners <- new_mutex!(Owners::new(), "type1::Core::owners"),
                binding <- new_mutex!(binding, "type1::Core::binding"),
                strict: Atomic::new(false),
                charged: Atomic::new(0),
            }),
            GFP_KERNEL_ACCOUNT,
        )?;
        let job = Worker { core: core.clone() };
        let worker = Arc::pin_init(Deferred::new(job), GFP_KERNEL_ACCOUNT)?;
        Ok(Self { core, worker })
    }

    /// Returns the owner that the current process is. Fails with `ENOMEM`.
    pub(crate) fn owner(&self) -> Result<Arc<Owner>> {
        let mut owners = self.core.owners.lock();
        if let Some(owner) = owners.current() {
            return Ok(owner);
        }
        let mode = self.mode();
        // The worker may be about to give pages back to an owner whose mappings have gone.
        if !self.core.notes.is_pending() {
            owners.forget_the_dead(&self.core.space);
        }
        owners.add(mode, |owner| Spy {
            owner,
            mode,
            space: self.core.space.clone(),
            notes: self.core.notes.clone(),
            worker: self.worker.clone(),
            ended: Atomic::new(false),
        })
    }

    /// Returns how mappings are tied.
    pub(crate) fn mode(&self) -> MmBind {
        self.core.binding.lock().mode
    }

    /// Returns whether an eventfd is rung.
    pub(crate) fn has_bell(&self) -> bool {
        self.core.notes.bell.lock().is_some()
    }

    /// Sets how mappings are tied, and the eventfd to ring.
    ///
    /// Fails with `EBUSY` while something is mapped, or if there are others who may map by a lane and
    /// one is to be the only one; and with `ENOMEM`.
    pub(crate) fn bind(&self, mode: MmBind, bell: Option<EventFdCtx>) -> Result {
        let bell = bell
            .map(|bell| Arc::new(bell, GFP_KERNEL_ACCOUNT))
            .transpose()?;
        let only = if mode.contains(MmBind::STRICT) {
            Some(Account::of_current()?)
        } else {
            None
        };
        // Nobody maps meanwhile.
        let domains = self.core.space.domains();
        if !self.core.space.is_empty() || only.is_some() && self.core.space.has_lanes() {
            return Err(EBUSY);
        }
        let before = {
            let mut binding = self.core.binding.lock();
            self.core.strict.store(only.is_some(), Relaxed);
            core::mem::replace(&mut *binding, Binding { mode, only })
        };
        let bell_before = core::mem::replace(&mut *self.core.notes.bell.lock(), bell);
        // They are watched in the new way when they map again.
        let owners = self.core.owners.lock().clear();
        drop(domains);
        drop((before, bell_before, owners));
        Ok(())
    }

    /// Fails with `EPERM` if the current process may not map and unmap.
    pub(crate) fn check_caller(&self) -> Result {
        if !self.core.strict.load(Relaxed) {
            return Ok(());
        }
        match &self.core.binding.lock().only {
            Some(account) if !account.is_current_mm() => Err(EPERM),
            _ => Ok(()),
        }
    }

    /// Returns whether an owner is the address space of the current process.
    pub(crate) fn is_current_mm(&self, owner: u16) -> bool {
        let owner = self.core.owners.lock().get(owner);
        owner.is_some_and(|owner| owner.account.is_current_mm())
    }

    /// Notes that `pages` more pages are charged to owners.
    pub(crate) fn note_charged(&self, pages: u64) {
        // CAST: There are fewer pages than that.
        self.core.charged.fetch_add(pages as i64, Relaxed);
    }

    /// Returns how many pages are charged to owners.
    pub(crate) fn charged(&self) -> i64 {
        self.core.charged.load(Relaxed).max(0)
    }

    /// Gives pages back to the account of an owner.
    pub(crate) fn uncharge(&self, owner: u16, pages: u64) {
        self.core.uncharge(owner, pages);
    }

    /// Has what an owner no longer has at these addresses taken from the devices, soon.
    pub(crate) fn check(&self, owner: &Owner, range: (usize, usize)) {
        if owner.watch.is_some() {
            self.core.notes.add(owner.id, range);
            self.core.notes.ask(&self.worker);
        }
    }

    /// Returns whether something that was given up may not be dealt with yet.
    pub(crate) fn is_pending(&self) -> bool {
        self.core.notes.is_pending()
    }

    /// Waits until everything that was given up is dealt with; returns whether there was anything.
    ///
    /// The caller must not be one of the users of the address space.
    pub(crate) fn settle(&self) -> bool {
        let pending = self.is_pending();
        if pending {
            self.worker.flush();
        }
        pending
    }
}

impl Drop for Tie {
    fn drop(&mut self) {
        // A call that was under way when the last group left may have mapped something.
        self.core
            .space
            .domains()
            .clear(|owner, pages| self.core.uncharge(owner, pages));
        // Owners lead to the worker, which leads to the owners.
        let owners = self.core.owners.lock().clear();
        drop(owners);
        self.worker.flush();
    }
}

impl Job for Worker {
    fn run(&self) {
        for note in self.core.notes.take().into_iter().flatten() {
            self.core.look(note);
        }
        self.core.settle();
        // Whoever adds something from here on asks for another run.
        let pending = &self.core.notes.pending;
        pending.store(false, Relaxed);
        if self.core.space.is_unsettled() || self.core.notes.has_some() {
            pending.store(true, Relaxed);
        }
    }
}

impl Core {
    /// Looks at what became of a range.
    fn look(&self, note: Note) {
        if note.owner == EVERYBODY {
            let mut id = 0;
            while id < EVERYBODY {
                let owner = self.owners.lock().get(id);
                if let Some(owner) = owner {
                    self.look_at(&owner, note);
                }
                id += 1;
            }
            return;
        }
        let owner = self.owners.lock().get(note.owner);
        if let Some(owner) = owner {
            self.look_at(&owner, note);
        }
    }

    fn look_at(&self, owner: &Owner, note: Note) {
        let Some(watch) = &owner.watch else {
            return;
        };
        let range = (note.first, note.last);
        resident::wait_for_files(&owner.account, range);
        watch.wait();
        match self.space.users().check(owner.id, &owner.account, range) {
            Ok(true) => self.notes.ring(),
            Ok(false) => {}
            Err(_) => {
                self.notes.add(owner.id, range);
                self.notes.ask(&watch.watcher().worker);
            }
        }
    }

    /// Unpins and gives back what was taken from the devices.
    fn settle(&self) {
        if !self.space.is_unsettled() {
            return;
        }
        self.space
            .users()
            .settle(|owner, pages| self.uncharge(owner, pages));
    }

    fn uncharge(&self, owner: u16, pages: u64) {
        if pages == 0 {
            return;
        }
        // CAST: There are fewer pages than that.
        self.charged.fetch_sub(pages as i64, Relaxed);
        let owner = self.owners.lock().get(owner);
        if let Some(owner) = owner {
            owner.account.uncharge(pages);
        }
    }
}
