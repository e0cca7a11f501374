// SPDX-License-Identifier: GPL-2.0-only

//! Which container owns the DMA of which IOMMU group.
//!
//! A group that goes into a container brings along all groups of its isolation unit: nobody else may
//! have them while it is there. Two groups of one unit can be in one container, so a container owns a
//! group as often as one of its own needs it, and gives it back with the last.
//!
//! Lock order: the list is taken inside `Container::state`, outside of the mutexes of IOMMU groups.

use kernel::{
    prelude::*,
    sync::{
        new_mutex,
        Mutex, //
    }, //
};
use kernel_ext::{
    iommu::{
        self,
        DmaOwner, //
    },
    refuse, //
};

use crate::container::Container;

/// All groups that containers own.
#[pin_data]
pub(crate) struct Ownership {
    #[pin]
    list: Mutex<KVec<Owned>>,
}

/// A group that a container owns.
struct Owned {
    owner: DmaOwner,
    by: ContainerId,
    /// How many groups of the container need it.
    uses: usize,
}

/// Tells containers apart as long as they live.
#[derive(Clone, Copy, PartialEq, Eq)]
struct ContainerId(usize);

impl ContainerId {
    fn of(container: &Container) -> Self {
        Self(core::ptr::from_ref(container).addr())
    }
}

impl Ownership {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            list <- new_mutex!(KVec::new(), "Ownership::list"),
        })
    }

    /// Makes `container` the owner of all groups of `unit`, or of none.
    ///
    /// # Errors
    ///
    /// `EPERM` if somebody else owns one of them, and those of [`DmaOwner::claim`].
    pub(crate) fn claim(&self, container: &Container, unit: &[iommu::Group]) -> Result {
        let by = ContainerId::of(container);
        let mut list = self.list.lock();
        for (done, group) in unit.iter().enumerate() {
            if let Err(error) = claim_one(&mut list, by, group) {
                for claimed in unit.iter().take(done) {
                    release_one(&mut list, by, claimed);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Undoes [`Ownership::claim`].
    pub(crate) fn release(&self, container: &Container, unit: &[iommu::Group]) {
        let mut list = self.list.lock();
        for group in unit {
            release_one(&mut list, ContainerId::of(container), group);
        }
    }

    /// Returns whether a container owns `group`.
    pub(crate) fn has(&self, group: &iommu::Group) -> bool {
        let list = self.list.lock();
        list.iter().any(|owned| owned.owner.group() == group)
    }
}

fn claim_one(list: &mut KVec<Owned>, by: ContainerId, group: &iommu::Group) -> Result {
    if let Some(owned) = list.iter_mut().find(|owned| owned.owner.group() == group) {
        if owned.by != by {
            refuse!(
                "group {}: is owned by another container; groups of one isolation unit go into one\n",
                group.id()
            );
            return Err(EPERM);
        }
        owned.uses = owned.uses.checked_add(1).ok_or(EOVERFLOW)?;
        return Ok(());
    }
    list.reserve(1, GFP_KERNEL)?;
    let owner = DmaOwner::claim(group)?;
    // The room was reserved, so this cannot fail.
    let _ = list.push_within_capacity(Owned { owner, by, uses: 1 });
    Ok(())
}

fn release_one(list: &mut KVec<Owned>, by: ContainerId, group: &iommu::Group) {
    let at = list
        .iter()
        .position(|owned| owned.owner.group() == group && owned.by == by);
    let Some(at) = at else {
        return;
    };
    match list.get_mut(at) {
        Some(owned) if owned.uses > 1 => owned.uses -= 1,
        _ => drop(list.remove(at)),
    }
}
