// SPDX-License-Identifier: GPL-2.0-only

//! The windows and groups, described for a program that has to tell a guest of them.

use super::{
    container::{
        Container,
        DefaultWindow,
        Made,
        Origin,
        State, //
    },
    windows::{
        DEFAULT_LEVELS,
        DEFAULT_SHIFT, //
    }, //
};
use kernel::prelude::*;
use kernel_ext::tce::window::Window;
use vfio_uapi::{
    vfio_dma_window,
    vfio_iommu_domain,
    DmaWindowFlags, //
};

impl Container {
    /// Returns the groups: all are under the same tables.
    ///
    /// Fails with `ENOMEM`.
    pub(super) fn domains(&self) -> Result<KVec<vfio_iommu_domain>> {
        let state = self.lock();
        let mut domains = KVec::with_capacity(state.groups.len(), GFP_KERNEL)?;
        for group in &state.groups {
            let entry = vfio_iommu_domain {
                group: group.group().number(),
                domain: 0,
            };
            domains.push(entry, GFP_KERNEL)?;
        }
        Ok(domains)
    }

    /// Returns the windows, by number; among them the default window that is not made yet.
    ///
    /// Fails with `ENOMEM`.
    pub(super) fn windows(&self) -> Result<KVec<vfio_dma_window>> {
        let state = self.lock();
        let mut windows = KVec::new();
        for (number, window, made) in state.made.iter() {
            windows.push(made_window(number, window, made)?, GFP_KERNEL)?;
        }
        if let Some(pending) = pending_window(&state)? {
            windows.push(pending, GFP_KERNEL)?;
        }
        windows.sort_unstable_by_key(|window| window.slot);
        Ok(windows)
    }
}

fn made_window(number: usize, window: &Window, made: &Made) -> Result<vfio_dma_window> {
    let flags = match made.origin {
        Origin::Program => DmaWindowFlags::DYNAMIC,
        Origin::Container => DmaWindowFlags::DEFAULT,
    };
    Ok(vfio_dma_window {
        start: window.start(),
        last: window.last(),
        page_shift: window.shift().get().into(),
        levels: made.levels,
        slot: u32::try_from(number)?,
        flags: flags.bits(),
    })
}

/// Returns the default window as it is going to be; [`None`] if none is to be made.
fn pending_window(state: &State) -> Result<Option<vfio_dma_window>> {
    if state.default_window == DefaultWindow::Settled {
        return Ok(None);
    }
    let (Some(group), Some(number)) = (state.groups.last(), state.made.free()) else {
        return Ok(None);
    };
    let abilities = group.abilities();
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
