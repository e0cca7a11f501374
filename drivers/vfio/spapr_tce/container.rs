// SPDX-License-Identifier: GPL-2.0-only

//! The state of one container.
//!
//! Everything that a program asks for happens under one lock, [`Container::state`]; only small requests to
//! map and unmap make do with that of [`Space`]. What is read from the program's memory is read before,
//! and what is said to it, is written after.
//!
//! Lock order: `state`, then the `mmap_lock` of the process, then what [`Space`] locks.
//!
//! C counterpart: `struct tce_container` in
//! [`drivers/vfio/vfio_iommu_spapr_tce.c`](srctree/drivers/vfio/vfio_iommu_spapr_tce.c)

use super::{
    charge::Locked,
    tie::Owner, //
};
use core::ops::Deref;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        lock::{
            mutex::MutexBackend,
            Guard, //
        },
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::tce::{
    window::{
        Window,
        Windows, //
    },
    Space,
    TableGroup, //
};
use vfio_uapi::{
    VFIO_SPAPR_TCE_v2_IOMMU as VFIO_SPAPR_TCE_V2_IOMMU,
    VFIO_SPAPR_TCE_IOMMU, //
};

/// Which rules hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// `VFIO_SPAPR_TCE_IOMMU`: one group and one window, which is paid for as a whole; memory is
    /// pinned when it is mapped.
    V1,
    /// `VFIO_SPAPR_TCE_v2_IOMMU`: several groups and windows; memory is registered before.
    V2,
}

impl Flavour {
    /// Returns the flavour that the extension id `kind` of `VFIO_SET_IOMMU` names.
    pub(crate) fn for_extension(kind: u64) -> Option<Self> {
        match u32::try_from(kind).ok()? {
            VFIO_SPAPR_TCE_IOMMU => Some(Self::V1),
            VFIO_SPAPR_TCE_V2_IOMMU => Some(Self::V2),
            _ => None,
        }
    }
}

/// Whether memory can be mapped.
pub(crate) enum Use {
    /// Not yet, or not any more.
    Disabled,
    /// It can.
    Enabled {
        /// In the first flavour all of the window is paid for until this goes.
        _paid: Option<Locked>,
    },
}

/// The window below 4 GiB that every container starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DefaultWindow {
    /// It is made when it is first needed.
    Pending,
    /// It was made, or the program does not want it, or there has been no group.
    Settled,
}

/// Who asked for a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody: it is the default window.
    Container,
    /// The program.
    Program,
}

/// What is kept for a window that was made.
pub(crate) struct Made {
    pub(crate) origin: Origin,
    /// The number of levels of its table.
    pub(crate) levels: u32,
    /// What is paid for its table.
    pub(crate) _paid: Locked,
}

/// What the lock protects.
pub(crate) struct State {
    /// The groups, in the order in which they came.
    pub(crate) groups: KVec<TableGroup>,

    /// The process that the container is for, once it has given memory or paid.
    pub(crate) owner: Option<Owner>,

    pub(crate) usable: Use,
    pub(crate) default_window: DefaultWindow,

    /// The windows that were made, by number.
    pub(crate) made: Windows<Made>,
}

impl State {
    /// Returns number and place of the window that a bus address belongs to. Asks nobody else, which
    /// counts for programs that map page by page.
    pub(crate) fn find_window(&self, address: u64) -> Option<(usize, Window)> {
        let (number, window, _) = self.made.find(address)?;
        Some((number, *window))
    }
}

/// What the devices of a container reach. Dropping it takes all of that from them.
pub(crate) struct Reach(Arc<Space>);

impl Deref for Reach {
    type Target = Arc<Space>;

    fn deref(&self) -> &Arc<Space> {
        &self.0
    }
}

impl Drop for Reach {
    fn drop(&mut self) {
        self.0.shut();
    }
}

/// One container's use of this backend.
#[pin_data]
pub(crate) struct Container {
    // Goes first: then what was paid is given back, and nobody looks at the memory any more.
    pub(crate) space: Reach,
    #[pin]
    state: Mutex<State>,
    pub(crate) flavour: Flavour,
}

impl Container {
    /// Returns the state of a fresh container. Fails with `ENOMEM`.
    pub(crate) fn new(flavour: Flavour) -> Result<Arc<Self>> {
        let space = Reach(Space::new()?);
        let state = State {
            groups: KVec::new(),
            owner: None,
            usable: Use::Disabled,
            default_window: DefaultWindow::Settled,
            made: Windows::none(),
        };
        Arc::pin_init(
            pin_init!(Self {
                space,
                state <- new_mutex!(state, "spapr_tce::Container::state"),
                flavour,
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// Locks the container, whoever asks.
    pub(crate) fn lock(&self) -> Guard<'_, State, MutexBackend> {
        self.state.lock()
    }

    /// Locks the container for the current process.
    ///
    /// Fails with `EPERM` if the container is for another one.
    pub(crate) fn enter(&self) -> Result<Guard<'_, State, MutexBackend>> {
        let state = self.state.lock();
        if state
            .owner
            .as_ref()
            .is_some_and(|owner| !owner.is_current())
        {
            return Err(EPERM);
        }
        Ok(state)
    }

    /// Returns the process that the container is for, which becomes the current one if there is none.
    ///
    /// Fails with `ENOMEM`, and with `ENODEV` for a kernel thread.
    pub(crate) fn owner<'a>(&self, state: &'a mut State) -> Result<&'a Owner> {
        if state.owner.is_none() {
            state.owner = Some(Owner::current(&self.space)?);
        }
        state.owner.as_ref().ok_or(ENODEV)
    }
}
