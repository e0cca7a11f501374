// SPDX-License-Identifier: GPL-2.0-only

//! What a path below `/dev/vfio` stands for: a group, or several that were made one.
//!
//! A group has a path of its own, by its number. An administrator can put several together under a name,
//! see [`crate::synthetic`]; then there is one path for all, and their own paths answer `EBUSY`.
//!
//! Lock order: the gate of an [`Entrance`] is taken outside of the states of its groups.

use kernel::{
    prelude::*,
    sync::{
        new_mutex,
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::refuse;

use super::Group;

/// What can be opened.
#[pin_data]
pub(crate) struct Entrance {
    first: Arc<Group>,
    others: KVec<Arc<Group>>,
    kind: Kind,

    #[pin]
    gate: Mutex<Gate>,
}

/// Where the groups of an [`Entrance`] are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It is the path of the one group.
    Plain,
    /// An administrator has put them together.
    Synthetic,
}

/// Whether a synthetic group can be opened. Plain groups know that themselves.
enum Gate {
    /// Nobody has it open.
    Idle,
    /// A program has it open.
    Open,
    /// It is being taken apart. There is no way out.
    Shut,
}

impl Entrance {
    /// Returns the entrance to one group.
    pub(super) fn plain(group: Arc<Group>) -> Result<Arc<Self>> {
        Self::new(group, KVec::new(), Kind::Plain)
    }

    /// Reserves all of `groups`, or none, and returns the entrance to them.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there are none; `EBUSY` if one is open or reserved, `ENODEV` if its last device has
    /// left; `EOPNOTSUPP` if some have an IOMMU and others none; `ENOMEM`.
    pub(crate) fn synthetic(groups: KVec<Arc<Group>>) -> Result<Arc<Self>> {
        let backing = groups.first().ok_or(EINVAL)?.backing();
        if groups.iter().any(|group| group.backing() != backing) {
            return Err(EOPNOTSUPP);
        }
        let mut others = groups.into_iter();
        let first = others.next().ok_or(EINVAL)?;
        let mut rest = KVec::new();
        for group in others {
            rest.push(group, GFP_KERNEL)?;
        }
        let entrance = Self::new(first, rest, Kind::Synthetic)?;
        for (done, group) in entrance.groups().enumerate() {
            if let Err(error) = group.reserve() {
                entrance.groups().take(done).for_each(|group| group.free());
                return Err(error);
            }
        }
        Ok(entrance)
    }

    fn new(first: Arc<Group>, others: KVec<Arc<Group>>, kind: Kind) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                first,
                others,
                kind,
                gate <- new_mutex!(Gate::Idle, "Entrance::gate"),
            }),
            GFP_KERNEL,
        )
    }

    /// Returns the first of the groups, for a plain one the only one.
    pub(crate) fn first(&self) -> &Arc<Group> {
        &self.first
    }

    /// Returns all groups.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &Arc<Group>> {
        // (`pin_init` has a method of that name, too.)
        Iterator::chain(core::iter::once(&self.first), &self.others)
    }

    /// Returns how many groups there are.
    pub(super) fn len(&self) -> usize {
        // OVERFLOW: Each of them is in memory.
        1 + self.others.len()
    }

    /// Returns where they are from.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// A program wants to open it. Undone by [`Entrance::leave`].
    ///
    /// # Errors
    ///
    /// `EBUSY` if one has, `ENODEV` if it is taken apart.
    pub(super) fn enter(&self) -> Result {
        if self.kind == Kind::Plain {
            return Ok(());
        }
        let mut gate = self.gate.lock();
        match *gate {
            Gate::Idle => {
                *gate = Gate::Open;
                Ok(())
            }
            Gate::Open => {
                refuse!("the group is open already; only one program at a time may have it\n");
                Err(EBUSY)
            }
            Gate::Shut => Err(ENODEV),
        }
    }

    /// The program has closed it.
    pub(super) fn leave(&self) {
        let mut gate = self.gate.lock();
        if let Gate::Open = *gate {
            *gate = Gate::Idle;
        }
    }

    /// Takes a synthetic group apart.
    ///
    /// # Errors
    ///
    /// `EBUSY` if a program has it open.
    pub(crate) fn shut(&self) -> Result {
        let mut gate = self.gate.lock();
        match *gate {
            Gate::Open => return Err(EBUSY),
            Gate::Shut => return Ok(()),
            Gate::Idle => *gate = Gate::Shut,
        }
        self.groups().for_each(|group| group.free());
        Ok(())
    }
}
