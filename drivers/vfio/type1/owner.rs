// SPDX-License-Identifier: GPL-2.0-only

//! Whose memory the mappings of a container are of.
//!
//! An [`Owner`] is an address space together with what decides how it is charged. Most containers
//! have one; there are more if the file is passed on and others map their memory, too. Mappings
//! name their owner by a small number.
//!
//! C counterpart: `mm`, `task` and `lock_cap` of `struct vfio_dma`.

use super::watch::Spy;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::{
    iommu::AddressSpace,
    mm::{
        locked_vm::Account,
        notifier::Watch, //
    }, //
};
use vfio_uapi::MmBind;

/// An address space that has given memory to the container.
pub(crate) struct Owner {
    /// What its mappings call it.
    pub(crate) id: u16,

    /// Whom to charge.
    pub(crate) account: Account,

    /// Tells what happens to its memory, if its mappings are tied to it.
    pub(crate) watch: Option<Arc<Watch<Spy>>>,
}

/// The owners of a container, by number.
pub(crate) struct Owners(KVec<Option<Arc<Owner>>>);

impl Owners {
    /// Returns a list of no owners.
    pub(crate) fn new() -> Self {
        Self(KVec::new())
    }

    /// Returns an owner.
    pub(crate) fn get(&self, id: u16) -> Option<Arc<Owner>> {
        self.0.get(usize::from(id))?.clone()
    }

    /// Returns the owners that there are.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Owner>> {
        self.0.iter().flatten()
    }

    /// Returns the owner that the current process is, if it is one.
    pub(crate) fn current(&self) -> Option<Arc<Owner>> {
        self.iter()
            .find(|owner| owner.account.is_of_current())
            .cloned()
    }

    /// Makes the current process an owner. Fails with `ENOMEM`.
    ///
    /// `spy` makes the watcher of an owner with the given number.
    pub(crate) fn add(&mut self, mode: MmBind, spy: impl FnOnce(u16) -> Spy) -> Result<Arc<Owner>> {
        let free = self.0.iter().position(Option::is_none);
        let place = free.unwrap_or(self.0.len());
        let id = u16::try_from(place).map_err(|_| ENOMEM)?;
        let account = Account::of_current()?;
        let watch = if mode.intersects(MmBind::NOTIFY.union(MmBind::EXIT)) {
            let current = kernel::current!();
            let mm = current.mm().ok_or(ENODEV)?;
            Some(Watch::new(mm, spy(id))?)
        } else {
            None
        };
        let owner = Arc::new(Owner { id, account, watch }, GFP_KERNEL_ACCOUNT)?;
        match self.0.get_mut(place) {
            Some(slot) => *slot = Some(owner.clone()),
            None => self.0.push(Some(owner.clone()), GFP_KERNEL_ACCOUNT)?,
        }
        Ok(owner)
    }

    /// Forgets all owners; none of them has a mapping.
    pub(crate) fn clear(&mut self) -> impl Sized {
        core::mem::replace(self, Self::new())
    }

    /// Forgets owners that have ended and have no mapping, so that their numbers can be used again.
    pub(crate) fn forget_the_dead(&mut self, space: &AddressSpace) {
        for slot in self.0.iter_mut() {
            let dead = slot
                .as_ref()
                .is_some_and(|owner| owner.account.has_ended() && !space.has_owner(owner.id));
            if dead {
                *slot = None;
            }
        }
    }
}
