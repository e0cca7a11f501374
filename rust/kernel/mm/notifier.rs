// SPDX-License-Identifier: GPL-2.0-only

//! Following what a program does with its memory.
//!
//! A [`Watch`] is told whenever page tables of an address space lose entries. It covers the whole
//! address space and leaves it to its [`Watcher`] to know which addresses matter; so there is one
//! for each address space, not one for each range, and it costs nothing per range.
//!
//! Lock order: a watcher runs with `mmap_lock`, or with locks of the reverse map and of folios
//! held, and possibly while the kernel reclaims memory for somebody who holds any lock at all. So
//! it must not take a lock under which memory is allocated in a way that may wait, nor touch user
//! memory. A [`Watch`] is dropped with none of the locks held that its watcher takes.
//!
//! C header: [`include/linux/mmu_notifier.h`](srctree/include/linux/mmu_notifier.h)

use crate::bindings;
use kernel::{
    container_of,
    error::to_result,
    mm::MmWithUser,
    prelude::*,
    sync::Arc,
    types::Opaque, //
};

/// What happens to a range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The addresses go, as by `munmap`.
    Unmap,
    /// The memory goes to other addresses, by `mremap`.
    Move,
    /// Page table entries go, for one of many reasons. The memory may be back in a moment.
    Clear,
    /// The whole address space goes.
    Release,
}

impl Event {
    /// Returns what an event of the kernel means, or [`None`] for those that leave every page
    /// where it is: changes of protection, and pages that move between CPU and device.
    fn from_raw(event: bindings::mmu_notifier_event) -> Option<Self> {
        match event {
            bindings::mmu_notifier_event_MMU_NOTIFY_UNMAP => Some(Self::Unmap),
            bindings::mmu_notifier_event_MMU_NOTIFY_CLEAR => Some(Self::Clear),
            bindings::mmu_notifier_event_MMU_NOTIFY_RELEASE => Some(Self::Release),
            _ => None,
        }
    }
}

/// Who is told by a [`Watch`].
pub trait Watcher: Send + Sync {
    /// Deals with an event that is about to happen to the addresses `range.0..=range.1`.
    ///
    /// When this returns, the pages may get other owners, unless they are pinned. Returns `false`
    /// if that would take waiting and `may_block` is not set; then the event does not happen.
    fn invalidate(&self, event: Event, range: (usize, usize), may_block: bool) -> bool;
}

/// Tells a [`Watcher`] what happens in one address space.
#[pin_data(PinnedDrop)]
pub struct Watch<W: Watcher> {
    /// Registered as long as this value lives.
    #[pin]
    raw: Opaque<bindings::mmu_interval_notifier>,
    watcher: W,
}

// SAFETY: The notifier may be removed from any thread, and its callback runs on any.
unsafe impl<W: Watcher> Send for Watch<W> {}
// SAFETY: What can be done through a shared reference is waiting, which the kernel synchronises.
unsafe impl<W: Watcher> Sync for Watch<W> {}

impl<W: Watcher> Watch<W> {
    const OPS: bindings::mmu_interval_notifier_ops = bindings::mmu_interval_notifier_ops {
        invalidate: Some(Self::invalidate),
        ..pin_init::zeroed()
    };

    /// Starts to watch `mm`.
    ///
    /// When this returns, nothing is under way any more that the watcher was not told of. Waits
    /// for the `mmap_lock`. Fails with `ENOMEM`.
    pub fn new(mm: &MmWithUser, watcher: W) -> Result<Arc<Self>> {
        let watch = Arc::pin_init(
            try_pin_init!(Self {
                // SAFETY:
                // - The slot is valid for writes and stays where it is.
                // - The address space is in use.
                // - The callbacks live as long as this module, and the notifier is removed when
                //   the value is dropped; if this fails, it is not there.
                raw <- Opaque::try_ffi_init(|slot| to_result(unsafe {
                    bindings::mmu_interval_notifier_insert(
                        slot,
                        mm.as_raw(),
                        0,
                        usize::MAX,
                        &Self::OPS,
                    )
                })),
                watcher,
            }? Error),
            GFP_KERNEL_ACCOUNT,
        )?;
        watch.wait();
        Ok(watch)
    }

    /// Waits until what the watcher was told of before has happened.
    pub fn wait(&self) {
        // SAFETY: The notifier was registered by `new`.
        unsafe { bindings::mmu_interval_read_begin(self.raw.get()) };
    }

    /// Returns the watcher.
    pub fn watcher(&self) -> &W {
        &self.watcher
    }

    /// Something happens in the address space.
    ///
    /// # Safety
    ///
    /// Only for the kernel, as `mmu_interval_notifier_ops::invalidate` of a notifier that
    /// [`Watch::new`] registered.
    unsafe extern "C" fn invalidate(
        raw: *mut bindings::mmu_interval_notifier,
        range: *const bindings::mmu_notifier_range,
        seq: c_ulong,
    ) -> bool {
        // SAFETY: The kernel passes a range that is valid during the call.
        let (event, first, end, may_block) = unsafe {
            let may_block = bindings::vfio_helper_mmu_notifier_range_blockable(range);
            ((*range).event, (*range).start, (*range).end, may_block)
        };
        let Some(mut event) = Event::from_raw(event) else {
            return true;
        };
        // SAFETY: This event comes from `unmap_vmas` and `move_page_tables`, whose callers hold
        // the `mmap_lock` of the address space, which is the one of the range.
        if event == Event::Unmap && unsafe { has_area((*range).mm, first) } {
            event = Event::Move;
        }
        // SAFETY: The notifier is the `raw` of a `Watch<W>`, which is registered, so it is
        // complete; dropping it waits for this call.
        let watch = unsafe { &*container_of!(Opaque::cast_from(raw), Self, raw) };
        // SAFETY: The kernel passes the number that belongs to this event.
        unsafe { bindings::vfio_helper_mmu_interval_set_seq(raw, seq) };
        let range = (first, end.saturating_sub(1).max(first));
        watch.watcher.invalidate(event, range, may_block)
    }
}

/// Returns whether there is still a memory area at an address whose page table entries go.
///
/// `munmap`, and whatever else unmaps, detaches the area first. `mremap` leaves it where it is
/// until the pages have moved.
///
/// # Safety
///
/// The `mmap_lock` of `mm` is held.
unsafe fn has_area(mm: *mut bindings::mm_struct, addr: usize) -> bool {
    // SAFETY: The caller promises what is required. The area stays while the lock is held.
    unsafe {
        let vma = bindings::vma_lookup(mm, addr);
        !vma.is_null() && bindings::vfio_helper_vma_is_attached(vma)
    }
}

#[pinned_drop]
impl<W: Watcher> PinnedDrop for Watch<W> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: It was registered by `new`, and is removed once. Callbacks that run are waited
        // for.
        unsafe { bindings::mmu_interval_notifier_remove(self.raw.get()) };
    }
}
