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
    fs::LocalFile,
    prelude::*,
    sync::{
        new_mutex,
        Arc,
        Mutex,
        MutexGuard, //
    }, //
};
use kernel_ext::{
    iommu,
    kvm::VmSlot,
    refuse, //
};
use vfio_uapi::GroupStatus;

use super::{
    changes::{
        Listener,
        Stamp, //
    },
    entrance::Kind,
    place::{
        Place,
        Seat, //
    },
    Entrance,
    Group, //
};
use crate::{
    device::DeviceRef,
    viability, //
};

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

/// What the lock of a holding protects.
pub(super) struct State {
    pub(super) stage: Stage,

    /// The groups. Empty while captured, and once the last device of the own group has left.
    pub(super) parts: KVec<Part>,
}

/// What becomes of the groups of a holding.
pub(super) enum Stage {
    /// They are in no container. Left by giving them one, or by being captured.
    Free,
    /// They are in a container. Left by taking them out, or by closing the file.
    Attached(Place),
    /// They are part of another holding. Left when that lets them go.
    Captured {
        by: Arc<Holding>,
        /// Whether the file was closed meanwhile.
        closed: bool,
    },
    /// The last device of the own group has left. There is no way out.
    Gone,
}

/// A group of a holding.
pub(super) struct Part {
    pub(super) group: Arc<Group>,

    /// What it has in the container, while there is one.
    pub(super) seat: Option<Seat>,

    /// The number of [`Claim`](super::Claim)s: devices of the group that are open, or being opened.
    pub(super) claims: usize,

    /// Where it was captured from; [`None`] for the own group.
    pub(super) origin: Option<Arc<Holding>>,
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

    /// Returns the groups that it has: none if it is captured.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn groups_held(&self) -> Result<KVec<Arc<Group>>> {
        self.lock().groups()
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

    /// Returns `VFIO_GROUP_FLAGS_*`.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the last device of the own group has left.
    pub(super) fn status(&self) -> Result<GroupStatus> {
        let state = self.lock();
        match &state.stage {
            Stage::Gone => Err(ENODEV),
            Stage::Attached(_) => Ok(GroupStatus::VIABLE | GroupStatus::CONTAINER_SET),
            Stage::Captured { by, .. } => {
                let by = by.clone();
                drop(state);
                // It cannot be captured itself.
                by.status()
            }
            Stage::Free if !self.is_whole(&state) => Err(ENODEV),
            Stage::Free => {
                // A client that sees this flag missing gives up, so say why here already.
                let ready = |part: &Part| {
                    viability::check(&part.group).is_ok() && !viability::is_claimed(&part.group)
                };
                match state.parts.iter().all(ready) {
                    true => Ok(GroupStatus::VIABLE),
                    false => Ok(GroupStatus::empty()),
                }
            }
        }
    }

    /// Returns whether no own group has lost its last device.
    fn is_whole(&self, state: &State) -> bool {
        let own = state.parts.iter().filter(|part| part.origin.is_none());
        own.count() == self.home.len()
    }

    /// Puts all groups into what `file` is, or none.
    ///
    /// # Errors
    ///
    /// `EINVAL` if they are in a container, `EBUSY` if they are captured, `ENODEV` if the last device
    /// of the own group has left, and those of [`Place::of`] and [`Place::attach`].
    pub(super) fn set_container(&self, file: &LocalFile) -> Result {
        let mut state = self.lock();
        match &state.stage {
            Stage::Free if !self.is_whole(&state) => return Err(ENODEV),
            Stage::Free => {}
            Stage::Attached(_) => {
                refuse!(
                    "group {}: has a container already; VFIO_GROUP_UNSET_CONTAINER first\n",
                    self.home().iommu().id()
                );
                return Err(EINVAL);
            }
            Stage::Captured { .. } => return self.refuse_captured(),
            Stage::Gone => return Err(ENODEV),
        }
        let place = Place::of(file)?;
        for at in 0..state.parts.len() {
            let seated = state.parts.get_mut(at).map(|part| part.sit_down(&place));
            if let Some(Err(error)) = seated {
                state.stand_up(&place);
                return Err(error);
            }
        }
        state.stage = Stage::Attached(place);
        Ok(())
    }

    /// Takes all groups out of the container.
    ///
    /// # Errors
    ///
    /// `EINVAL` if they are in none, `EBUSY` if one of their devices is open or they are captured.
    pub(super) fn unset_container(&self) -> Result {
        let mut state = self.lock();
        match &state.stage {
            Stage::Attached(_) => {}
            Stage::Captured { .. } => return self.refuse_captured(),
            Stage::Free | Stage::Gone => return Err(EINVAL),
        }
        if let Some(part) = state.parts.iter().find(|part| part.claims != 0) {
            refuse!(
                "group {}: {} of its devices are open; close them before the container\n",
                part.group.iommu().id(),
                part.claims
            );
            return Err(EBUSY);
        }
        state.leave_place(Stage::Free);
        Ok(())
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

    /// A device has come to `newcomer`, which is in the unit of `group`.
    pub(super) fn own_newcomer(&self, group: &Group, newcomer: &iommu::Group) {
        let mut state = self.lock();
        let owned = state.with_seat(group, |place, seat| place.own_newcomer(seat, newcomer));
        if let Some(Err(error)) = owned {
            pr_warn!(
                "group {}: group {} has come into its isolation unit and could not be taken from the host: {error:?}\n",
                group.number(),
                newcomer.id()
            );
        }
    }

    /// The last device of `neighbour`, which may be in the unit of `group`, is about to leave.
    pub(super) fn give_back(&self, group: &Group, neighbour: &iommu::Group) {
        let mut state = self.lock();
        state.with_seat(group, |place, seat| place.give_back(seat, neighbour));
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

impl State {
    fn groups(&self) -> Result<KVec<Arc<Group>>> {
        let mut groups = KVec::with_capacity(self.parts.len(), GFP_KERNEL)?;
        for part in &self.parts {
            groups.push(part.group.clone(), GFP_KERNEL)?;
        }
        Ok(groups)
    }

    /// Returns the part that `group` is.
    pub(super) fn part(&mut self, group: &Group) -> Option<&mut Part> {
        self.parts.iter_mut().find(|part| part.is(group))
    }

    /// Calls `f` with the container and what `group` has there, if it is in one.
    fn with_seat<R>(&mut self, group: &Group, f: impl FnOnce(&Place, &mut Seat) -> R) -> Option<R> {
        let Stage::Attached(place) = &self.stage else {
            return None;
        };
        let part = self.parts.iter_mut().find(|part| part.is(group))?;
        part.seat.as_mut().map(|seat| f(place, seat))
    }

    /// Takes the part that `group` is out of the holding, and of the container.
    pub(super) fn remove(&mut self, group: &Group) -> Option<Part> {
        let at = self.parts.iter().position(|part| part.is(group))?;
        let mut part = self.parts.remove(at).ok()?;
        if let Stage::Attached(place) = &self.stage {
            part.stand_up(place);
        }
        Some(part)
    }

    /// Takes all parts out of `place`.
    fn stand_up(&mut self, place: &Place) {
        for part in self.parts.iter_mut().rev() {
            part.stand_up(place);
        }
    }

    /// Takes all parts out of the container, if they are in one, and goes on to `next`.
    fn leave_place(&mut self, next: Stage) {
        if let Stage::Attached(place) = core::mem::replace(&mut self.stage, next) {
            self.stand_up(&place);
        }
    }
}

impl Part {
    fn own(group: &Arc<Group>) -> Self {
        Self {
            group: group.clone(),
            seat: None,
            claims: 0,
            origin: None,
        }
    }

    fn is(&self, group: &Group) -> bool {
        core::ptr::eq(&*self.group, group)
    }

    /// Goes into `place`.
    ///
    /// # Errors
    ///
    /// Those of [`Place::attach`].
    pub(super) fn sit_down(&mut self, place: &Place) -> Result {
        self.seat = Some(place.attach(&self.group)?);
        Ok(())
    }

    /// Goes out of `place`, if it is there.
    fn stand_up(&mut self, place: &Place) {
        if let Some(seat) = self.seat.take() {
            place.detach(&self.group, seat);
        }
    }
}
