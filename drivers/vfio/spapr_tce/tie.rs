// SPDX-License-Identifier: GPL-2.0-only

//! The tie between what devices reach and the process it came from.
//!
//! An entry lives as long as the process has *that* page at *that* address. When memory is unmapped,
//! or the process ends, its entries are emptied on the spot. Of many other events it is not known what
//! became of the memory; a worker looks that up, because it takes the `mmap_lock`.
//!
//! Registered memory that is given up stays pinned and charged until it is unregistered, as the
//! process was told; but no device reaches it, and no entry is made from it any more.
//!
//! There is no counterpart in C, where entries outlive the process that made them.

use super::params;
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
    mm::{
        locked_vm::Account,
        notifier::{
            Event,
            Watch,
            Watcher, //
        },
        resident, //
    },
    tce::Space,
    work::{
        Deferred,
        Job, //
    }, //
};

/// All addresses.
const ALL: (usize, usize) = (0, usize::MAX);

/// What is known of the owner, for everybody who needs it.
#[pin_data]
struct Core {
    space: Arc<Space>,
    account: Arc<Account>,

    /// The addresses that have to be looked at.
    #[pin]
    noted: SpinLock<Option<(usize, usize)>>,

    /// Tells what happens. It leads back here, and is taken out at the end.
    #[pin]
    watch: Mutex<Option<Arc<Watch<Spy>>>>,
}

/// The process that a container is for.
pub(crate) struct Owner {
    core: Arc<Core>,
    worker: Arc<Deferred<Worker>>,
}

impl Owner {
    /// Makes the current process the owner of what is in `space`.
    ///
    /// Fails with `ENOMEM`, and with `ENODEV` for a kernel thread.
    pub(crate) fn current(space: &Arc<Space>) -> Result<Self> {
        let account = Arc::new(Account::of_current()?, GFP_KERNEL_ACCOUNT)?;
        space.set_owner(&account);
        let core = Arc::pin_init(
            pin_init!(Core {
                space: space.clone(),
                account,
                noted <- new_spinlock!(None, "spapr_tce::Core::noted"),
                watch <- new_mutex!(None, "spapr_tce::Core::watch"),
            }),
            GFP_KERNEL_ACCOUNT,
        )?;
        let job = Worker { core: core.clone() };
        let worker = Arc::pin_init(Deferred::new(job), GFP_KERNEL_ACCOUNT)?;
        let owner = Self { core, worker };
        if params::MM_TIE.get() {
            let current = kernel::current!();
            let mm = current.mm().ok_or(ENODEV)?;
            let spy = Spy {
                core: owner.core.clone(),
                worker: owner.worker.clone(),
                ended: Atomic::new(false),
            };
            let watch = Watch::new(mm, spy)?;
            *owner.core.watch.lock() = Some(watch);
        }
        Ok(owner)
    }

    /// Returns whether it is the current process.
    pub(crate) fn is_current(&self) -> bool {
        self.core.account.is_current_mm()
    }

    /// Returns whom to charge.
    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.core.account
    }

    /// Has what the owner no longer has at these addresses taken from the devices, before this
    /// returns.
    pub(crate) fn check(&self, range: (usize, usize)) {
        if self.core.watch.lock().is_some() {
            self.core.note(range);
            self.worker.ask();
            self.worker.flush();
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let watch = self.core.watch.lock().take();
        drop(watch);
        self.worker.flush();
    }
}

impl Core {
    /// Notes addresses to be looked at. What lies between two ranges is looked at as well, which does
    /// no harm.
    fn note(&self, (first, last): (usize, usize)) {
        let mut noted = self.noted.lock();
        let (low, high) = noted.unwrap_or((first, last));
        *noted = Some((low.min(first), high.max(last)));
    }
}

/// Does what callbacks cannot.
struct Worker {
    core: Arc<Core>,
}

impl Job for Worker {
    fn run(&self) {
        let core = &self.core;
        let noted = core.noted.lock().take();
        let watch = core.watch.lock().clone();
        let (Some(range), Some(watch)) = (noted, watch) else {
            return;
        };
        resident::wait_for_files(&core.account, range);
        watch.wait();
        if core.space.check(&core.account, range).is_err() {
            // There is no memory: again, until there is.
            core.note(range);
            watch.watcher().worker.ask();
        }
    }
}

/// Is called by the memory manager in the middle of its work, with locks held.
struct Spy {
    core: Arc<Core>,
    worker: Arc<Deferred<Worker>>,

    /// Whether the process has ended, after which its memory is only taken apart.
    ended: Atomic<bool>,
}

impl Watcher for Spy {
    fn invalidate(&self, event: Event, range: (usize, usize), may_block: bool) -> bool {
        if self.ended.load(Relaxed) {
            return true;
        }
        let space = &self.core.space;
        let done = match event {
            Event::Unmap | Event::Move => space.withdraw(range, may_block).map(drop),
            Event::Release => {
                self.ended.store(true, Relaxed);
                space.withdraw(ALL, may_block).map(drop)
            }
            Event::Clear => space.disturb(range, may_block).map(|reached| {
                if reached {
                    self.core.note(range);
                    self.worker.ask();
                }
            }),
        };
        done.is_some()
    }
}
