// SPDX-License-Identifier: GPL-2.0-only

//! Groups coming into a container, and going.
//!
//! The windows that there are are programmed into a group that joins, so that it reaches what the
//! others do. A platform that keeps tables to one group each, as a partition does, refuses that.
//!
//! When a group leaves, the windows are taken from its devices. With the last one go all entries, as
//! it is owning a group that entitles a program to pin memory; the windows stay for the next.
//!
//! C counterpart: `tce_iommu_attach_group()` and `tce_iommu_detach_group()` in
//! [`drivers/vfio/vfio_iommu_spapr_tce.c`](srctree/drivers/vfio/vfio_iommu_spapr_tce.c)

use super::container::{
    Container,
    DefaultWindow,
    Flavour,
    State, //
};
use kernel::prelude::*;
use kernel_ext::{
    iommu::Group,
    refuse,
    tce::{
        window::WINDOWS,
        Space,
        Table,
        TableGroup, //
    }, //
};

impl Container {
    /// Lets `group` into the container.
    ///
    /// # Errors
    ///
    /// `ENODEV` if no TCE table stands before the group, `EINVAL` if the second flavour is asked for
    /// and the platform makes no windows, `EBUSY` if there is a group in the first flavour or this one
    /// is in already, `EPERM` if its tables are of another kind or the platform does not share tables
    /// between groups, `ENOMEM`, and what else the platform says.
    pub(crate) fn attach(&self, group: &Group) -> Result {
        let mut state = self.lock();
        let tables = TableGroup::of(group).ok_or(ENODEV)?;
        self.check_joins(&state, &tables)?;
        state.groups.reserve(1, GFP_KERNEL)?;
        self.program_all(&tables)?;
        if state.groups.is_empty() && !self.space.has_window(0) {
            state.default_window = DefaultWindow::Pending;
        }
        // The room was reserved, so this cannot fail.
        let _ = state.groups.push_within_capacity(tables);
        Ok(())
    }

    /// Fails unless a group with `tables` may join those that are here.
    fn check_joins(&self, state: &State, tables: &TableGroup) -> Result {
        let id = tables.group().id();
        if self.flavour == Flavour::V2 && tables.abilities().dynamic_windows == 0 {
            refuse!(
                "group {id}: this platform makes no DMA windows for it; use VFIO_SPAPR_TCE_IOMMU\n"
            );
            return Err(EINVAL);
        }
        if self.flavour == Flavour::V1 && !state.groups.is_empty() {
            refuse!("group {id}: a container of VFIO_SPAPR_TCE_IOMMU has one group; use VFIO_SPAPR_TCE_v2_IOMMU\n");
            return Err(EBUSY);
        }
        if state.groups.iter().any(|there| there == tables) {
            return Err(EBUSY);
        }
        if !state.groups.iter().all(|there| there.is_like(tables)) {
            refuse!("group {id}: its DMA windows are not of the kind that the container has\n");
            return Err(EPERM);
        }
        Ok(())
    }

    /// Programs all windows into a group, or none.
    fn program_all(&self, tables: &TableGroup) -> Result {
        let mut windows = Programmed::new(tables);
        for (number, table) in self.space.tables().iter().enumerate() {
            let Some(table) = table else {
                continue;
            };
            windows.add(number, table).inspect_err(|error| {
                refuse!(
                    "group {}: the platform does not give it the windows of the container: {error:?}\n",
                    tables.group().id()
                );
            })?;
        }
        windows.keep();
        Ok(())
    }

    /// Takes `group` out of the container.
    pub(crate) fn detach(&self, group: &Group) {
        let mut state = self.lock();
        let index = state.groups.iter().position(|there| there.group() == group);
        let Some(Ok(tables)) = index.map(|index| state.groups.remove(index)) else {
            return;
        };
        if state.groups.is_empty() {
            (0..WINDOWS).for_each(|number| self.space.clear_window(number));
        }
        unset_all(&self.space, &tables);
    }
}

/// Takes all windows from the devices of a group.
fn unset_all(space: &Space, tables: &TableGroup) {
    for number in (0..WINDOWS).filter(|&number| space.has_window(number)) {
        if let Err(error) = tables.unset_window(number) {
            pr_warn!(
                "group {}: the platform does not take window {number} back: {error:?}\n",
                tables.group().id()
            );
        }
    }
}

/// Windows that were programmed into a group; dropping it takes them back.
pub(crate) struct Programmed<'a> {
    tables: &'a TableGroup,
    windows: [bool; WINDOWS],
}

impl<'a> Programmed<'a> {
    /// Starts with no windows.
    pub(crate) fn new(tables: &'a TableGroup) -> Self {
        Self {
            tables,
            windows: [false; WINDOWS],
        }
    }

    /// Programs one window. Fails as the platform does.
    pub(crate) fn add(&mut self, number: usize, table: &Table) -> Result {
        let done = self.windows.get_mut(number).ok_or(EINVAL)?;
        self.tables.set_window(number, table)?;
        *done = true;
        Ok(())
    }

    /// Leaves the windows to the group.
    pub(crate) fn keep(mut self) {
        self.windows = [false; WINDOWS];
    }
}

impl Drop for Programmed<'_> {
    fn drop(&mut self) {
        let windows = self.windows.iter().enumerate();
        for (number, _) in windows.filter(|(_, done)| **done) {
            // It was just set, so it can be unset.
            let _ = self.tables.unset_window(number);
        }
    }
}
