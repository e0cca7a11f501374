// SPDX-License-Identifier: GPL-2.0-only

//! Making DMA windows, and removing them.
//!
//! The platform makes the table and chooses the address of the window. It is then programmed into
//! every group of the container.
//!
//! Each container begins with the promise of one window, below 4 GiB and with pages of 4 KiB. It is
//! made when it is first needed, so that a program that wants another one can have the place.
//!
//! C counterpart: `tce_iommu_create_window()` and `tce_iommu_remove_window()` in
//! [`drivers/vfio/vfio_iommu_spapr_tce.c`](srctree/drivers/vfio/vfio_iommu_spapr_tce.c)

use super::{
    attach::Programmed,
    charge::Locked,
    container::{
        Container,
        DefaultWindow,
        Made,
        Origin,
        State, //
    }, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::{
    refuse,
    tce::{
        window::{
            PageShift,
            Window, //
        },
        Table, //
    }, //
};

/// The page size of the default window, as a power of two.
pub(super) const DEFAULT_SHIFT: u32 = 12;

/// The number of levels of its table.
pub(super) const DEFAULT_LEVELS: u32 = 1;

/// What window is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// The size of its pages, as a power of two.
    pub(crate) shift: u32,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// The number of levels of its table.
    pub(crate) levels: u32,
}

impl Container {
    /// Makes the default window, if that is still to be done.
    ///
    /// # Errors
    ///
    /// `ENODEV` without a group, and those of [`Container::create_window`].
    pub(crate) fn settle_default_window(&self, state: &mut State) -> Result {
        if state.default_window == DefaultWindow::Settled {
            return Ok(());
        }
        let abilities = state.groups.last().ok_or(ENODEV)?.abilities();
        let wanted = Wanted {
            shift: DEFAULT_SHIFT,
            size: abilities.size.into(),
            levels: DEFAULT_LEVELS,
        };
        self.create_window(state, wanted, Origin::Container)?;
        state.default_window = DefaultWindow::Settled;
        Ok(())
    }

    /// Makes a window and programs it into every group.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there are as many as there can be, `ENXIO` without a group, `EINVAL` for a page
    /// size or a size that the platform does not have, `EPERM` if it makes no windows or cannot share
    /// this one between the groups, `ENOMEM` beyond `RLIMIT_MEMLOCK` or for lack of memory, and what
    /// else the platform says. Nothing has changed then.
    pub(crate) fn create_window(
        &self,
        state: &mut State,
        wanted: Wanted,
        origin: Origin,
    ) -> Result<Window> {
        let number = state.made.free().ok_or(ENOSPC)?;
        self.owner(state)?;
        let State {
            groups,
            owner,
            made,
            ..
        } = state;
        let maker = groups.last().ok_or(ENXIO)?;
        let sizes = maker.abilities().page_sizes;
        let shift = PageShift::new(wanted.shift.into())
            .filter(|shift| sizes & shift.bytes() != 0)
            .ok_or(EINVAL)?;
        let bytes = maker.table_bytes(shift, wanted.size, wanted.levels)?;
        let account = owner.as_ref().ok_or(ENODEV)?.account();
        let paid = Locked::new(account, bytes)?;
        let table = maker.create_table(number, shift, wanted.size, wanted.levels)?;
        let table = Arc::new(table, GFP_KERNEL_ACCOUNT)?;
        let window = table.window();

        // Dropped if anything fails: what is programmed is taken back before the table goes.
        let mut programmed = KVec::with_capacity(groups.len(), GFP_KERNEL)?;
        for group in groups.iter() {
            let mut one = Programmed::new(group);
            one.add(number, &table).inspect_err(|error| {
                refuse!(
                    "group {}: the platform does not share a window with it: {error:?}\n",
                    group.group().id()
                );
            })?;
            programmed.push(one, GFP_KERNEL)?;
        }
        let kept = Made {
            origin,
            levels: table.level_count(),
            _paid: paid,
        };
        made.insert(number, window, kept).map_err(|_| EEXIST)?;
        self.space
            .add_window(number, table)
            .inspect_err(|_| drop(made.remove(number)))?;
        programmed.into_iter().for_each(Programmed::keep);
        Ok(window)
    }

    /// Removes the window that the bus address `start` belongs to.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is none, `EPERM` if the platform keeps its windows.
    pub(crate) fn remove_window(&self, state: &mut State, start: u64) -> Result {
        if state.default_window == DefaultWindow::Pending && start == 0 {
            state.default_window = DefaultWindow::Settled;
            return Ok(());
        }
        let (number, _) = state.find_window(start).ok_or(EINVAL)?;
        // The platform leaves this to whoever has filled the table.
        self.space.clear_window(number);
        let mut kept = None;
        for group in state.groups.iter() {
            if let Err(error) = group.unset_window(number) {
                kept = Some((group.group().id(), error));
            }
        }
        let table = self.space.remove_window(number);
        match kept {
            None => {
                drop(table);
                drop(state.made.remove(number));
                Ok(())
            }
            Some((group, error)) => self.bring_back(number, table, (group, error)),
        }
    }

    /// The hardware still looks at a table that was to be removed, so it must not be freed.
    fn bring_back(
        &self,
        number: usize,
        table: Option<Arc<Table>>,
        (group, error): (i32, Error),
    ) -> Result {
        pr_warn!("group {group}: the platform does not take window {number} back: {error:?}\n");
        if let Some(table) = table {
            // Its place was just left, so this does not fail.
            let _ = self.space.add_window(number, table);
        }
        Err(error)
    }
}
