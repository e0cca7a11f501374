// SPDX-License-Identifier: GPL-2.0-only

//! The memory that devices can reach: mappings, and the domains they are in.
//!
//! This file keeps the one promise that all of VFIO rests on: **no page frame gets a new owner
//! while a device can still reach it.** A [`Mapping`] owns the pinned memory behind its
//! translations, and takes them out of every domain of its [`AddressSpace`] and out of the
//! hardware's caches before it lets go of a single frame. There is no other way to map memory, and
//! a domain leaves the address space only by being destroyed, which detaches its devices first.
//!
//! Because that happens in `Drop`, nobody can forget it: a request that fails half-way undoes what
//! it did by going out of scope.
//!
//! A mapping remembers which frames it has, as *runs* of contiguous frames, 16 bytes each. So
//! taking it down is one pass over the page tables and one flush, without asking the hardware for
//! every page what is behind it.
//!
//! Lock order: the list of domains is a mutex of its own, inside any lock of the caller and
//! outside those of the IOMMU core. It is not held while memory is pinned or unpinned.
//!
//! C counterpart: `vfio_iommu_map()`, `vfio_unmap_unpin()` and `vfio_iommu_replay()` in
//! [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

use super::{
    domain::Gather,
    Access,
    Domain,
    Group, //
};
use crate::{
    mm::pin::PinnedRun,
    sched::cond_resched, //
};
use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        new_mutex,
        Arc,
        Mutex,
        MutexGuard, //
    }, //
};

/// How much is unmapped before somebody else may run, in bytes.
const UNMAP_STEP: u64 = 1 << 30;

/// The domains of one user, all with the same translations.
#[pin_data]
pub struct AddressSpace {
    #[pin]
    domains: Mutex<KVec<Domain>>,
}

impl AddressSpace {
    /// Returns an address space without domains. Fails with `ENOMEM`.
    pub fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                domains <- new_mutex!(KVec::new(), "iommu::AddressSpace::domains"),
            }),
            GFP_KERNEL,
        )
    }

    /// Gives access to the domains.
    pub fn domains(&self) -> Domains<'_> {
        Domains {
            space: self,
            list: self.domains.lock(),
        }
    }
}

/// Access to the domains of an address space, while it exists.
#[must_use = "the domains are locked as long as this lives"]
pub struct Domains<'a> {
    space: &'a AddressSpace,
    list: MutexGuard<'a, KVec<Domain>>,
}

impl Domains<'_> {
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

    /// Maps all of `mappings` in `domain` and makes it a part of the address space.
    ///
    /// Fails with `EINVAL` if a mapping belongs to another address space, and as the IOMMU driver
    /// does. Then the domain is destroyed, and the devices attached to it reach nothing.
    pub fn add<'m>(
        &mut self,
        domain: Domain,
        mappings: impl Iterator<Item = &'m Mapping>,
    ) -> Result {
        self.list.reserve(1, GFP_KERNEL)?;
        for mapping in mappings {
            if !core::ptr::eq(&*mapping.space, self.space) {
                return Err(EINVAL);
            }
            mapping.replay(&domain)?;
        }
        // The room was reserved, so this cannot fail.
        let _ = self.list.push_within_capacity(domain);
        Ok(())
    }

    /// Detaches `group` from its domain, which stays, even if it has no group left.
    pub fn detach(&mut self, group: &Group) -> bool {
        self.list.iter_mut().any(|domain| domain.detach(group))
    }

    /// Destroys the domains that have no group left.
    pub fn prune(&mut self) {
        self.list.retain(|domain| !domain.groups().is_empty());
    }
}

/// Pinned memory that devices reach at fixed addresses.
///
/// It grows at its end, run by run, and goes as a whole.
///
/// # Invariants
///
/// - `runs` hold the frames behind every translation that was made for this mapping in a domain of
///   `space`, in the order of address and without gaps, from `iova` for `len` bytes.
/// - `iova` and `len` are multiples of the CPU's page size, and the range does not wrap.
pub struct Mapping {
    space: Arc<AddressSpace>,
    iova: u64,
    len: u64,
    access: Access,
    runs: KVVec<PinnedRun>,
}

impl Mapping {
    /// Returns a mapping of nothing at `iova`, ready to grow.
    ///
    /// Fails with `EINVAL` if the address is no multiple of the CPU's page size.
    pub fn new(space: Arc<AddressSpace>, iova: u64, access: Access) -> Result<Self> {
        // CAST: A small constant.
        if iova % PAGE_SIZE as u64 != 0 {
            return Err(EINVAL);
        }
        // INVARIANT: There are no translations yet, and the address was just checked.
        Ok(Self {
            space,
            iova,
            len: 0,
            access,
            runs: KVVec::new(),
        })
    }

    /// Returns the number of bytes mapped.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Returns whether nothing is mapped.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Maps `run` behind what is mapped already, in every domain.
    ///
    /// Fails with `ENOMEM`, with `EINVAL` if the memory may not be written but devices may write
    /// to this mapping, and as the IOMMU drivers do. Then nothing of the run is mapped, and it is
    /// unpinned.
    pub fn push(&mut self, run: PinnedRun) -> Result {
        let at = self.iova.checked_add(self.len).ok_or(EOVERFLOW)?;
        let len = self.len.checked_add(run.bytes()).ok_or(EOVERFLOW)?;
        // The last byte must not wrap either.
        at.checked_add(run.bytes().saturating_sub(1))
            .ok_or(EOVERFLOW)?;
        if self.access.may_write() && !run.is_writable() {
            return Err(EINVAL);
        }
        self.runs.reserve(1, GFP_KERNEL_ACCOUNT)?;

        let domains = self.space.domains.lock();
        for (done, domain) in domains.iter().enumerate() {
            // SAFETY:
            // - The run goes into `self.runs`, which are dropped only after everything was
            //   unmapped, or is dropped below, after it was unmapped again.
            // - The lock on the list of domains keeps all others from mapping anything.
            if let Err(e) = unsafe { map_run(domain, at, &run, self.access) } {
                let clean = domains.iter().take(done).fold(true, |clean, domain| {
                    withdraw(domain, at, core::slice::from_ref(&run), run.bytes()) && clean
                });
                release(KVVec::new(), Some(run), clean, at);
                return Err(e);
            }
            cond_resched();
        }
        drop(domains);

        // INVARIANT: The run is what is behind the translations just made.
        // The room was reserved, so this cannot fail.
        let _ = self.runs.push_within_capacity(run);
        self.len = len;
        Ok(())
    }

    /// Makes the same translations in `domain`, which no other mapping is made in meanwhile.
    ///
    /// May leave some of them there when it fails.
    fn replay(&self, domain: &Domain) -> Result {
        let mut at = self.iova;
        for run in &self.runs {
            // SAFETY:
            // - The run is dropped only after everything was unmapped in all domains of the
            //   address space; the caller adds this domain to them, or destroys it before the
            //   borrow of this mapping ends.
            // - The caller has the list of domains locked, and this one is not even in it.
            unsafe { map_run(domain, at, run, self.access) }?;
            // OVERFLOW: The sum of all runs is `self.len`, and the range does not wrap; only the
            // address behind the very last byte may, and that is not used.
            at = at.wrapping_add(run.bytes());
            cond_resched();
        }
        Ok(())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.runs.is_empty() {
            return;
        }
        let domains = self.space.domains.lock();
        let mut clean = true;
        for domain in domains.iter() {
            clean &= withdraw(domain, self.iova, &self.runs, self.len);
        }
        drop(domains);

        release(core::mem::take(&mut self.runs), None, clean, self.iova);
    }
}

/// Unpins the memory of runs that were at `iova`, if it is `clean`: out of reach of all devices.
///
/// Memory that the hardware will not let go of is never given back.
fn release(runs: KVVec<PinnedRun>, run: Option<PinnedRun>, clean: bool, iova: u64) {
    if !clean {
        pr_err!("iommu: the memory at I/O address {iova:#x} cannot be unmapped and is lost\n");
        core::mem::forget((runs, run));
    }
}

/// Maps one run at `iova`.
///
/// # Safety
///
/// As for [`Domain::map`], for the frames of `run`.
unsafe fn map_run(domain: &Domain, iova: u64, run: &PinnedRun, access: Access) -> Result {
    let len = usize::try_from(run.bytes())?;
    // SAFETY: The caller promises what is required.
    unsafe { domain.map(iova, run.phys(), len, access) }
}

/// Removes the translations of `runs`, which together are `len` bytes from `iova`, from `domain`.
///
/// When it returns, no device reaches the memory through this domain, unless it returns `false`.
fn withdraw(domain: &Domain, iova: u64, runs: &[PinnedRun], len: u64) -> bool {
    let mut clean = true;
    domain.unmapping(|gather| {
        let (mut start, mut step) = (iova, 0u64);
        let mut done = 0u64;
        for run in runs {
            // OVERFLOW: The sum over all runs is `len`.
            step += run.bytes();
            done += run.bytes();
            if step >= UNMAP_STEP || done == len {
                clean &= withdraw_step(domain, gather, start, step);
                // OVERFLOW: Only behind the very last byte can this wrap, and then it is not used.
                start = start.wrapping_add(step);
                step = 0;
                cond_resched();
            }
        }
    });
    clean
}

/// Removes the translations of `len` bytes from `iova`, page by page if it must.
fn withdraw_step(domain: &Domain, gather: &mut Gather<'_>, iova: u64, len: u64) -> bool {
    let Ok(size) = usize::try_from(len) else {
        return false;
    };
    // SAFETY: The caller has the list of domains locked, so nobody else maps or unmaps.
    let done = unsafe { gather.unmap(iova, size) };
    if done >= size {
        return true;
    }
    pr_warn!("iommu: unmapping {size:#x} bytes at I/O address {iova:#x} stopped after {done:#x}\n");
    let mut clean = true;
    for offset in (done..size).step_by(PAGE_SIZE) {
        // CAST: `usize` has at most 64 bits. OVERFLOW: The range does not wrap.
        let at = iova + offset as u64;
        if domain.translates(at) {
            // SAFETY: As above.
            unsafe { gather.unmap(at, PAGE_SIZE) };
            clean &= !domain.translates(at);
        }
    }
    clean
}
