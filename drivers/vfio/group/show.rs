// SPDX-License-Identifier: GPL-2.0-only

//! What `vfio/groups/$GROUP` in debugfs shows.
//!
//! Nobody who reads it waits for a program: a lock that may be held for long is only tried, and the
//! line that needed it says so. The file is removed with `Groups::list` held, which waits for readers,
//! so that lock is not taken here.
//!
//! What the lines mean is in `Documentation/ABI/testing/debugfs-vfio`.

use kernel::{
    seq_file::SeqFile,
    seq_print, //
};

use super::{
    Group,
    GroupState,
    Place, //
};
use crate::viability;

impl Group {
    /// Writes all that is to be known about the group.
    pub(super) fn show(&self, m: &SeqFile) {
        seq_print!(m, "group: {}\n", self.iommu.id());
        seq_print!(m, "held by: {}\n", self.held_by);
        let owned = self.show_state(m);
        viability::show(self, owned, m);
        if let Err(error) = viability::show_members(self, m) {
            seq_print!(m, "member: unknown ({error:?})\n");
        }
    }

    /// Writes who may do what, and what is mapped; returns whether a program owns the DMA.
    fn show_state(&self, m: &SeqFile) -> bool {
        let Some(state) = self.state.try_lock() else {
            // Whoever is at it may be taking the DMA right now.
            seq_print!(m, "state: changing\n");
            return true;
        };
        match &*state {
            GroupState::Closed => seq_print!(m, "state: closed\n"),
            GroupState::Apart(devices) => {
                seq_print!(m, "state: open by device\nopen devices: {devices}\n");
                return true;
            }
            GroupState::Open => seq_print!(m, "state: open\n"),
            GroupState::Gone => seq_print!(m, "state: gone\n"),
            GroupState::Attached(attached) => {
                seq_print!(m, "state: attached\nopen devices: {}\n", attached.claims);
                match &attached.place {
                    Place::Container { container, .. } => container.show(m),
                    Place::Iommufd(_) => seq_print!(m, "iommu: iommufd\n"),
                }
                return true;
            }
        }
        false
    }
}
