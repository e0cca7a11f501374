// SPDX-License-Identifier: GPL-2.0-only

//! What a program has that has opened a group.
//!
//! To begin with that is the group. It may capture others, see [`super::capture`], and then has
//! several; all of them go into a container together, all or none, and out of it. The groups that it
//! has are the [`Part`]s of a [`Holding`].
//!
//! A group is part of at most one holding: the one that its state names, but for the moment in which
//! it goes from one to another.
//!
//! Lock order: the state of one holding at a time, inside that of a group, outside of
//! `Container::state`.
//!
//! C counterpart: `struct vfio_group` in [`drivers/vfio/vfio.h`](srctree/drivers/vfio/vfio.h), as far
//! as it is about an open group

use kernel::{
    prelude::*,
    sync::{
        new_mutex,
        Arc,
        Mutex,
        MutexGuard, //
    }, //
};
use kernel_ext::{
    kvm::VmSlot,
    refuse, //
};

use super::{
    changes::{
        Listener,
        Stamp, //
    },
    entrance::Kind,
    part::{
        Part,
        Stage,
        State, //
    },
    Entrance,
    Group, //
};
use crate::device::DeviceRef;

/// What a program has by one open file.
#[pin_data]
pub(crate) struct Holding {
    /// What was opened.
    home: Arc<Entrance>,

    #[pin]
    state: Mutex<State>,

    /// The virtual machine that the open group was given to.
    #[pin]
    vm: VmSlot,

    /// Who wants to know of changes.
    #[pin]
    listener: Listener,

    /// The last change of what it is made of.
    stamp: Stamp,
}

impl Holding {
    /// Opens `home`.
    ///
    /// # Errors
    ///
    /// `EBUSY` if somebody has it, `ENODEV` if the last device of a group has left, `ENOMEM`.
    pub(super) fn open(home: &Arc<Entrance>) -> Result<Arc<Self>> {
        let mut parts = KVec::with_capacity(home.len(), GFP_KERNEL)?;
        for group in home.groups() {
            parts.push(Part::own(group), GFP_KERNEL)?;
        }
        let holding = Arc::pin_init(
            pin_init!(Self {
                home: home.clone(),
                state <- new_mutex!(State { stage: Stage::Free, parts }, "Holding::state"),
                vm <- VmSlot::new(),
                listener <- Listener::nobody(),
                stamp: Stamp::now(),
            }),
            GFP_KERNEL,
        )?;
        home.enter()?;
        for (done, group) in home.groups().enumerate() {
            if let Err(error) = group.take(&holding, home.kind()) {
                let taken = home.groups().take(done);
                taken.for_each(|group| group.leave(home.kind()));
                home.leave();
                return Err(error);
            }
        }
        Ok(holding)
    }

    /// Returns the group that was opened, the first of several.
    pub(crate) fn home(&self) -> &Arc<Group> {
        self.home.first()
    }

    /// Returns how many groups were opened; others may have been captured since.
    pub(super) fn opened(&self) -> usize {
        self.home.len()
    }

    /// Returns where the groups that were opened are from.
    pub(super) fn kind(&self) -> Kind {
        self.home.kind()
    }

    /// Returns where the virtual machine is noted that the groups were given to.
    pub(crate) fn vm(&self) -> &VmSlot {
        &self.vm
    }

    /// Returns who wants to know of changes.
    pub(super) fn listener(&self) -> &Listener {
        &self.listener
    }

    /// Returns the last change of what it is made of.
    pub(super) fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// Locks the state.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Locks the state, unless somebody is at it.
    pub(super) fn try_lock(&self) -> Option<MutexGuard<'_, State>> {
        self.state.try_lock()
    }

    /// Returns the groups: those that it has, or if it is captured its own.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the last device of the own group has left, `ENOMEM`.
    pub(crate) fn groups(&self) -> Result<KVec<Arc<Group>>> {
        let state = self.lock();
        match &state.stage {
            Stage::Gone => Err(ENODEV),
            Stage::Captured { .. } => {
                let mut groups = KVec::with_capacity(1, GFP_KERNEL)?;
                groups.push(self.home().clone(), GFP_KERNEL)?;
                Ok(groups)
            }
            Stage::Free | Stage::Attached(_) => state.groups(),
        }
    }

    /// Returns whether it has `group`: if it is captured it has none, not even its own.
    pub(super) fn has(&self, group: &Group) -> bool {
        self.lock().part(group).is_some()
    }

    /// Returns whether the IOMMU keeps the DMA of all devices that can be opened coherent with the
    /// caches.
    pub(crate) fn is_coherent(&self) -> bool {
        let state = self.lock();
        match state.parts.is_empty() {
            true => self.home().is_coherent(),
            false => state.parts.iter().all(|part| part.group.is_coherent()),
        }
    }

    /// Answers `EBUSY`, as another group decides for this one.
    pub(super) fn refuse_captured<T>(&self) -> Result<T> {
        refuse!(
            "group {}: is captured; its captor has it, until it is released\n",
            self.home().iommu().id()
        );
        Err(EBUSY)
    }

    /// Returns the device that `requested` means, and the group that it is in.
    ///
    /// # Errors
    ///
    /// `ENODEV` if there is none, `EBUSY` if the groups are captured, `ENOMEM`, and the device's own
    /// for an option behind the name.
    pub(super) fn find_device(&self, requested: &CStr) -> Result<(DeviceRef, Arc<Group>)> {
        if let Stage::Captured { .. } = self.lock().stage {
            return self.refuse_captured();
        }
        for group in self.groups()? {
            for device in group.devices()? {
                if device.matches(requested)? {
                    return Ok((device, group));
                }
            }
        }
        refuse!(
            "group {}: has no device '{}' that is bound to a VFIO driver\n",
            self.home().iommu().id(),
            requested
        );
        Err(ENODEV)
    }

    /// The last device of `group` has left, so it is no part any more.
    pub(super) fn lose(&self, group: &Group) {
        let mut state = self.lock();
        let lost = state.remove(group);
        // What it has beside stays where it is until the file is closed.
        let was = match lost.is_some() && state.parts.is_empty() {
            true => Some(core::mem::replace(&mut state.stage, Stage::Gone)),
            false => None,
        };
        drop(state);
        drop(was);
        self.recomposed();
        if let Some(Part {
            origin: Some(origin),
            ..
        }) = lost
        {
            origin.lock().stage = Stage::Gone;
        }
    }

    /// The file was closed, so no device of the groups is open.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        if let Stage::Captured { closed, .. } = &mut state.stage {
            *closed = true;
            return;
        }
        state.leave_place(Stage::Gone);
        let parts = core::mem::take(&mut state.parts);
        drop(state);
        for part in parts {
            match part.origin.clone() {
                Some(origin) => origin.take_back(part),
                None => part.group.leave(self.kind()),
            }
        }
        self.home.leave();
    }
}
