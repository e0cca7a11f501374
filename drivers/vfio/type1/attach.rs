// SPDX-License-Identifier: GPL-2.0-only

//! Groups coming into a container, and going.
//!
//! A group that joins gets all mappings the others have. So it is first checked that it can: that
//! its IOMMU reaches the addresses in use, that none of them is reserved for it, and that its
//! interrupts cannot be mistaken for another's. All of that works on copies; the container changes
//! only when nothing can fail any more.
//!
//! A group whose IOMMU behaves like that of a domain which is here shares that domain and its page
//! tables. Any other gets a domain of its own, into which the mappings are made again.
//!
//! When a group leaves, its domain goes with it if no other group is in it, and with the last
//! domain go all mappings: it is owning a group that entitles a program to pin memory.
//!
//! C counterpart: `vfio_iommu_type1_attach_group()` and `vfio_iommu_type1_detach_group()` in
//! [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

use super::{
    iommu::{
        Iommu,
        PageSizes, //
    },
    iova::{
        self,
        Aperture,
        IovaRange, //
    },
    params, //
};
use kernel::prelude::*;
use kernel_ext::{
    iommu::{
        Domain,
        Group,
        ReservedKind,
        ReservedRegion, //
    },
    refuse, //
};
use vfio::iommu_driver::GroupOptions;

impl Iommu {
    /// Lets `group` into the container, with `options` for its domain.
    ///
    /// Fails with `EBUSY` while a user address is invalid, with `EINVAL` if the group is in
    /// already or cannot reach what is mapped, with `EPERM` if its interrupts are not isolated,
    /// with `ENOMEM`, and as the IOMMU driver does.
    pub(crate) fn attach(&self, group: &Group, options: &GroupOptions) -> Result {
        let mut domains = self.space.domains();
        if self.space.has_invalid_vaddr() {
            refuse!(
                "group {}: the container waits for new user addresses (VFIO_DMA_MAP_FLAG_VADDR); no group can join before they are set\n",
                group.id()
            );
            return Err(EBUSY);
        }
        let holds = |domain: &Domain| domain.groups().contains(group);
        if domains.as_slice().iter().any(holds) {
            return Err(EINVAL);
        }
        let mut fresh = Domain::new(group, options.max_page)?;
        let aperture = aperture(&fresh).ok_or(EINVAL)?;
        let reserved = group.reserved_regions()?;
        let usable = {
            // Nobody else changes it while the domains are locked.
            let state = self.state.lock();
            self.check_reach(&state.usable, aperture, &reserved, group)?;
            without_reserved(&clipped(&state.usable, aperture)?, &reserved)?
        };
        if usable.is_empty() {
            refuse!("group {}: no I/O address is left to map\n", group.id());
            return Err(EINVAL);
        }
        check_interrupts(group)?;
        if options.force_snoop {
            fresh.enforce_coherency();
        }

        if let Some(mut fresh) = domains.share(fresh, group)? {
            if let Some(base) = msi_window(&reserved) {
                fresh.set_msi_window(base)?;
            }
            domains.add(fresh)?;
        }
        let mut state = self.state.lock();
        self.set_page_sizes(&mut state, PageSizes::common(domains.as_slice()));
        state.usable = usable;
        Ok(())
    }

    /// Takes `group` out of the container, and with the last one all mappings.
    pub(crate) fn detach(&self, group: &Group) {
        let mut domains = self.space.domains();
        if !domains.detach(group) {
            return;
        }
        if domains.as_slice().iter().all(|d| d.groups().is_empty()) {
            domains.clear(|owner, pages| self.tie.uncharge(owner, pages));
        }
        domains.prune();

        // For lack of memory, what was usable stays so; it is a part of what is usable now.
        let usable = usable_in(domains.as_slice());
        let mut state = self.state.lock();
        self.set_page_sizes(&mut state, PageSizes::common(domains.as_slice()));
        if let Ok(usable) = usable {
            if !usable.is_empty() {
                state.usable = usable;
            }
        }
    }

    /// Checks that the IOMMU of `group`, which translates `aperture`, reaches every address that
    /// is mapped, and that none of them is reserved. Fails with `EINVAL`.
    fn check_reach(
        &self,
        usable: &[IovaRange],
        aperture: IovaRange,
        reserved: &[ReservedRegion],
        group: &Group,
    ) -> Result {
        let is_mapped = |range: IovaRange| self.space.overlaps((range.first(), range.last()));
        let fits = match iova::cut_off(usable, aperture) {
            Aperture::Disjoint => false,
            Aperture::Cuts { below, above } => ![below, above].into_iter().flatten().any(is_mapped),
        };
        if !fits {
            refuse!(
                "group {}: its IOMMU translates only {:#x} to {:#x}, and more is in use\n",
                group.id(),
                aperture.first(),
                aperture.last()
            );
            return Err(EINVAL);
        }
        if let Some(range) = strict(reserved).find(|range| is_mapped(*range)) {
            refuse!(
                "group {}: {:#x} to {:#x} is reserved for it and mapped already\n",
                group.id(),
                range.first(),
                range.last()
            );
            return Err(EINVAL);
        }
        Ok(())
    }
}

/// Fails with `EPERM` if a device of `group` could forge interrupts and nobody allowed that.
fn check_interrupts(group: &Group) -> Result {
    if params::ALLOW_UNSAFE_INTERRUPTS.get() || group.has_isolated_msi() {
        return Ok(());
    }
    refuse!(
        "group {}: no interrupt remapping, so its devices could send any interrupt; turn it on, or set vfio_iommu_type1.allow_unsafe_interrupts=1 to take the risk\n",
        group.id()
    );
    Err(EPERM)
}

/// Returns the addresses that `domain` can translate.
fn aperture(domain: &Domain) -> Option<IovaRange> {
    let (first, last) = domain.aperture();
    IovaRange::new(first, last)
}

/// Returns the part of `usable` that lies in `aperture`; all of that if nothing is decided yet.
fn clipped(usable: &[IovaRange], aperture: IovaRange) -> Result<KVec<IovaRange>> {
    let mut out = KVec::new();
    iova::clip(usable, aperture, |range| -> Result {
        Ok(out.push(range, GFP_KERNEL)?)
    })?;
    Ok(out)
}

/// Returns `usable` without what is reserved.
fn without_reserved(usable: &[IovaRange], reserved: &[ReservedRegion]) -> Result<KVec<IovaRange>> {
    let mut left = KVec::new();
    left.extend_from_slice(usable, GFP_KERNEL)?;
    for hole in strict(reserved) {
        let mut out = KVec::new();
        iova::exclude(&left, hole, |range| -> Result {
            Ok(out.push(range, GFP_KERNEL)?)
        })?;
        left = out;
    }
    Ok(left)
}

/// Returns the addresses usable in all of `domains` and for all their groups.
fn usable_in(domains: &[Domain]) -> Result<KVec<IovaRange>> {
    let common = domains
        .iter()
        .filter_map(aperture)
        .try_fold(IovaRange::ALL, IovaRange::intersect)
        .ok_or(EINVAL)?;
    let mut left = clipped(&[], common)?;
    for group in domains.iter().flat_map(Domain::groups) {
        left = without_reserved(&left, &group.reserved_regions()?)?;
    }
    Ok(left)
}

/// Returns the ranges that must not be mapped.
fn strict(reserved: &[ReservedRegion]) -> impl Iterator<Item = IovaRange> + '_ {
    reserved
        .iter()
        .filter(|region| region.kind != ReservedKind::Relaxable)
        .filter_map(|region| IovaRange::from_len(region.start, region.length))
}

/// Returns where the kernel has to map interrupt messages itself, if the hardware does not.
fn msi_window(reserved: &[ReservedRegion]) -> Option<u64> {
    let has = |kind| reserved.iter().any(|region| region.kind == kind);
    if has(ReservedKind::HardwareMsi) {
        return None;
    }
    reserved
        .iter()
        .rfind(|region| region.kind == ReservedKind::SoftwareMsi)
        .map(|region| region.start)
}
