// SPDX-License-Identifier: GPL-2.0-only

//! Opening and closing a device.
//!
//! Both take long, mostly because the device is reset, and a server opens dozens of devices at once.
//! So the thread that opens or closes a device holds no lock meanwhile. It notes under the lock of
//! the device's set that it does, see [`Access::Changing`]: others who want the same device, or to
//! reset the whole set, wait until it is done, and the other devices of the set can be opened and
//! closed beside it.
//!
//! Lock order: `SetState` → `ModuleRef`, the bus driver's locks.
//!
//! C counterpart: `vfio_df_open` and `vfio_df_close` in
//! [`drivers/vfio/vfio_main.c`](srctree/drivers/vfio/vfio_main.c)

use kernel::{
    fs::File,
    prelude::*,
    sync::{
        aref::ARef,
        Arc,
        MutexGuard, //
    }, //
};
use kernel_ext::{
    iommufd::{
        BoundDevice,
        Ctx, //
    },
    kvm::Vm,
    module::ModuleRef, //
};

use super::{
    set::{
        LockedSet,
        SetState, //
    },
    Device,
    OpenContext,
    OpenDevice,
    Way, //
};
use crate::group::{
    Apart,
    Claim, //
};

/// Whether programs have a device open.
#[derive(Default)]
pub(super) enum Access {
    /// No. Left by opening it.
    #[default]
    Closed,
    /// It is just being opened or closed, by the thread that has the [`Change`].
    Changing,
    /// Yes. Left by closing its last file.
    Open(Opened),
}

/// A device that programs have open.
// The device goes before the code it runs on.
pub(super) struct Opened {
    device: Arc<dyn OpenDevice>,

    /// The number of its files.
    files: usize,

    /// With IOMMUFD, what lets the device reach memory.
    dma: Option<Arc<BoundDevice>>,
    _right: Right,

    /// The virtual machine that the device is assigned to, if KVM knows, lives at least as long.
    _vm: Option<Vm>,
    _module: ModuleRef,
}

/// By what right programs have a device open.
enum Right {
    /// Their group's, which stays open as long as one of its devices is.
    Group { _claim: Claim, _file: ARef<File> },
    /// They opened its own node.
    Apart { _apart: Apart },
}

impl Right {
    fn way(&self) -> Way {
        match self {
            Self::Group { .. } => Way::Group,
            Self::Apart { .. } => Way::Node,
        }
    }
}

impl Device {
    /// Returns the open device, if a program has it open; `set` is the state of its own set.
    pub(super) fn opened<'a>(&'a self, set: &'a SetState) -> Option<&'a dyn OpenDevice> {
        match self.access.access(set) {
            Access::Open(opened) => Some(&*opened.device),
            Access::Closed | Access::Changing => None,
        }
    }

    /// Returns what binds the device to IOMMUFD, if it is open and bound.
    pub(super) fn bound<'a>(&'a self, set: &'a SetState) -> Option<&'a BoundDevice> {
        match self.access.access(set) {
            Access::Open(opened) => opened.dma.as_deref(),
            Access::Closed | Access::Changing => None,
        }
    }

    /// Opens the device for one more file.
    ///
    /// `claim` is the proof that the group has a container, and `group_file` the open group.
    ///
    /// # Errors
    ///
    /// Those of [`Claim::admit`] and of [`Device::first_open`].
    pub(crate) fn open(&self, claim: Claim, group_file: &File) -> Result<Arc<dyn OpenDevice>> {
        let mut set = self.settled();
        if let Access::Open(opened) = self.access.access_mut(&mut set) {
            opened.files = opened.files.checked_add(1).ok_or(EMFILE)?;
            let device = opened.device.clone();
            self.held_by().open();
            // Giving up a claim takes the group's lock, which is not taken inside the set's.
            drop(set);
            drop(claim);
            return Ok(device);
        }
        let (change, _) = Change::begin(self, set);
        let dma = claim.admit(self.dev())?;
        let vm = claim.vm();
        let right = Right::Group {
            _claim: claim,
            _file: group_file.into(),
        };
        self.first_open(right, change, dma, vm)
    }

    /// Opens the device for the only file, one of its own node; its DMA becomes the business of `ctx`.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it is open already, those of [`Group::bind`](crate::group::Group::bind) and of
    /// [`Device::first_open`].
    pub(super) fn open_apart(
        &self,
        apart: Apart,
        ctx: &Ctx,
        vm: Option<Vm>,
    ) -> Result<(Arc<dyn OpenDevice>, Arc<BoundDevice>)> {
        let set = self.settled();
        if matches!(self.access.access(&set), Access::Open(_)) {
            // Giving up a right takes the group's lock, which is not taken inside the set's.
            drop(set);
            return Err(EINVAL);
        }
        let (change, _) = Change::begin(self, set);
        let dma = self.group().bind(ctx, self.dev())?;
        let right = Right::Apart { _apart: apart };
        let device = self.first_open(right, change, Some(dma.clone()), vm)?;
        Ok((device, dma))
    }

    /// Opens the device, which was closed and can reach memory through `dma`, if that is its way.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the bus driver is being unloaded, and those of the bus driver.
    // After a failure the change ends before the right goes.
    fn first_open(
        &self,
        right: Right,
        mut change: Change<'_>,
        dma: Option<Arc<BoundDevice>>,
        vm: Option<Vm>,
    ) -> Result<Arc<dyn OpenDevice>> {
        let module = ModuleRef::get(self.module).ok_or(ENODEV)?;
        let device = self.ops.open(&self.open_context(right.way()))?;
        change.becomes = Access::Open(Opened {
            device: device.clone(),
            files: 1,
            dma,
            _right: right,
            _vm: vm,
            _module: module,
        });
        self.held_by().open();
        Ok(device)
    }

    fn open_context(&self, way: Way) -> OpenContext {
        OpenContext {
            way,
            mapping: self.mapping.clone(),
            set: self.set.clone(),
        }
    }

    /// Undoes one [`Device::open`] or [`Device::open_apart`]; with the last one the device is closed.
    pub(crate) fn close(&self) {
        let mut set = self.settled();
        let Access::Open(opened) = self.access.access_mut(&mut set) else {
            return;
        };
        opened.files = opened.files.saturating_sub(1);
        if opened.files != 0 {
            self.held_by().close();
            return;
        }
        let (change, access) = Change::begin(self, set);
        if let Access::Open(opened) = access {
            let Opened {
                device,
                dma,
                _right: right,
                _vm,
                _module,
                ..
            } = opened;
            drop(device);
            self.held_by().close();
            drop(change);
            // The device must be quiet before it lets go of memory and its group may be detached. What
            // ends with a virtual machine needs no lock of ours, and takes many others.
            drop(dma);
            drop(right);
        }
    }

    /// Asks the program that has the device open to give it back.
    pub(super) fn request(&self, count: u32) {
        let set = self.settled();
        if let Some(device) = self.opened(&set) {
            device.request(count);
        }
    }

    /// Locks the set, with nobody opening or closing this device.
    fn settled(&self) -> MutexGuard<'_, SetState> {
        self.set
            .lock_when(|set| !matches!(self.access.access(set), Access::Changing))
    }
}

/// The right to open or close a device. Until it is dropped, nobody else does, and nobody locks its
/// whole set.
///
/// # Invariants
///
/// The device is in [`Access::Changing`], and counted by its set, because of this value alone.
struct Change<'a> {
    device: &'a Device,

    /// What the device becomes.
    becomes: Access,
}

impl<'a> Change<'a> {
    /// Begins to open or close `device`, which nobody else does. Returns what it was, too.
    fn begin(device: &'a Device, mut set: MutexGuard<'_, SetState>) -> (Self, Access) {
        let was = core::mem::replace(device.access.access_mut(&mut set), Access::Changing);
        set.change_begins();
        // INVARIANT: See above.
        let change = Self {
            device,
            becomes: Access::Closed,
        };
        (change, was)
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        let set = &self.device.set;
        let mut state = set.mutex().lock();
        let closed = matches!(self.becomes, Access::Closed);
        *self.device.access.access_mut(&mut state) = core::mem::take(&mut self.becomes);
        let settled = state.change_ends();
        if closed && settled {
            // Also after a failure to open: somebody may have left this to us.
            self.device.ops.closed(&LockedSet::new(state));
        } else {
            drop(state);
        }
        set.wake();
    }
}
