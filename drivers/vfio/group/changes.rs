// SPDX-License-Identifier: GPL-2.0-only

//! What changes around a group, for programs that want to know.
//!
//! Devices come and go, drivers take them and leave them, and an administrator changes the policy: each
//! changes who is a member of a group, or whether it is viable. A group keeps the [`Stamp`] of the
//! last change, which `VFIO_GROUP_FEATURE_MEMBERS` shows; and the program that has it open can have an
//! eventfd rung.
//!
//! Lock order: `Groups` → `GroupState` → [`Listener`], a leaf.

use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        new_mutex,
        Mutex, //
    }, //
};
use kernel_ext::eventfd::EventFdCtx;
use vfio_uapi::{
    vfio_group_feature_event,
    GroupEvents, //
};

use super::{
    holding::Holding,
    Group,
    GroupState, //
};
use crate::feature::FeatureRequest;

/// The last stamp that was given out.
static LAST: Atomic<u32> = Atomic::new(0);

/// When something has changed: a number that is greater than all before.
pub(super) struct Stamp(Atomic<u32>);

impl Stamp {
    /// Returns the stamp of a change just now.
    pub(super) fn now() -> Self {
        Self(Atomic::new(Self::next()))
    }

    fn next() -> u32 {
        LAST.fetch_add(1, Relaxed).wrapping_add(1)
    }

    fn renew(&self) {
        self.0.store(Self::next(), Relaxed);
    }

    pub(super) fn get(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

/// Who wants to know of changes.
#[pin_data]
pub(super) struct Listener {
    #[pin]
    wants: Mutex<Option<Wants>>,
}

struct Wants {
    event: EventFdCtx,
    mask: GroupEvents,
}

impl Listener {
    pub(super) fn nobody() -> impl PinInit<Self> {
        pin_init!(Self {
            wants <- new_mutex!(None, "Listener::wants"),
        })
    }

    fn ring(&self, events: GroupEvents) {
        if let Some(wants) = &*self.wants.lock() {
            if wants.mask.intersects(events) {
                wants.event.signal();
            }
        }
    }
}

impl Group {
    /// Something has changed that a program may want to know.
    pub(super) fn changed(&self, events: GroupEvents) {
        self.stamp.renew();
        let state = self.state.lock();
        if let GroupState::Held(holding) = &*state {
            holding.listener().ring(events);
        }
    }

    /// The policy has changed, and with it who is in the unit and what is viable.
    pub(super) fn policy_changed(&self) {
        self.changed(GroupEvents::all());
    }
}

impl Holding {
    /// Groups have joined or left.
    pub(super) fn recomposed(&self) {
        self.stamp().renew();
        self.listener().ring(GroupEvents::all());
    }

    /// Handles `VFIO_GROUP_FEATURE_EVENT`.
    ///
    /// # Errors
    ///
    /// Those that the header says.
    pub(super) fn set_event(&self, request: &FeatureRequest) -> Result {
        let data: vfio_group_feature_event = request.data.read()?;
        let mask = GroupEvents::from_bits(data.mask).ok_or(EINVAL)?;
        let wants = match data.eventfd {
            -1 if mask.is_empty() => None,
            -1 => return Err(EINVAL),
            _ if mask.is_empty() => return Err(EINVAL),
            fd => Some(Wants {
                event: EventFdCtx::from_fd(fd)?,
                mask,
            }),
        };
        let was = core::mem::replace(&mut *self.listener().wants.lock(), wants);
        drop(was);
        Ok(())
    }
}
