// SPDX-License-Identifier: GPL-2.0-only

//! The windows, described for a program that has to tell a guest of them.

use super::{
    container::{
        Container,
        DefaultWindow,
        Origin,
        State, //
    },
    windows::{
        DEFAULT_LEVELS,
        DEFAULT_SHIFT, //
    }, //
};
use kernel::prelude::*;
use kernel_ext::tce::Table;
use vfio_uapi::{
    vfio_dma_window,
    DmaWindowFlags, //
};

impl Container {
    /// Returns the windows, by number; among them the default window that is not made yet.
    ///
    /// Fails with `ENOMEM`.
    pub(super) fn windows(&self) -> Result<KVec<vfio_dma_window>> {
        let state = self.lock();
        let mut windows = KVec::new();
        for (number, table) in self.space.tables().iter().enumerate() {
            let window = match table {
                Some(table) => Some(made_window(&state, number, table)?),
                None if self.space.free_window() == Some(number) => pending_window(&state, number)?,
                None => None,
            };
            if let Some(window) = window {
                windows.push(window, GFP_KERNEL)?;
            }
        }
        Ok(windows)
    }
}

fn made_window(state: &State, number: usize, table: &Table) -> Result<vfio_dma_window> {
    let window = table.window();
    let made = state.made.find(window.start());
    let flags = match made.map(|(_, _, made)| made.origin) {
        Some(Origin::Program) => DmaWindowFlags::DYNAMIC,
        Some(Origin::Container) | None => DmaWindowFlags::DEFAULT,
    };
    Ok(vfio_dma_window {
        start: window.start(),
        last: window.last(),
        page_shift: window.shift().get().into(),
        levels: table.level_count(),
        slot: u32::try_from(number)?,
        flags: flags.bits(),
    })
}

/// Returns the default window as it is going to be; [`None`] if none is to be made.
fn pending_window(state: &State, number: usize) -> Result<Option<vfio_dma_window>> {
    if state.default_window == DefaultWindow::Settled {
        return Ok(None);
    }
    let Some(abilities) = state.groups.last().map(|group| group.abilities()) else {
        return Ok(None);
    };
    let start = u64::from(abilities.start);
    let last = u64::from(abilities.size)
        .checked_sub(1)
        .and_then(|rest| start.checked_add(rest));
    let Some(last) = last else {
        return Ok(None);
    };
    Ok(Some(vfio_dma_window {
        start,
        last,
        page_shift: DEFAULT_SHIFT,
        levels: DEFAULT_LEVELS,
        slot: u32::try_from(number)?,
        flags: DmaWindowFlags::DEFAULT
            .union(DmaWindowFlags::PENDING)
            .bits(),
    }))
}
