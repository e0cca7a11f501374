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
    holding::Holding,
    part::Stage,
    place::Place,
    Group,
    GroupState, //
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
            GroupState::Reserved => seq_print!(m, "state: reserved\n"),
            GroupState::Held(holding) => return self.show_holding(holding, m),
            GroupState::Gone => seq_print!(m, "state: gone\n"),
        }
        false
    }

    /// Writes what the program does that has the group open; returns whether it owns the DMA.
    fn show_holding(&self, holding: &Holding, m: &SeqFile) -> bool {
        let Some(mut state) = holding.try_lock() else {
            seq_print!(m, "state: changing\n");
            return true;
        };
        let Some(claims) = state.part(self).map(|part| part.claims) else {
            seq_print!(m, "state: changing\n");
            return true;
        };
        if !core::ptr::eq(&**holding.home(), self) {
            let captor = holding.home().iommu().id();
            seq_print!(m, "captured by: {captor}\n");
        }
        let Stage::Attached(place) = &state.stage else {
            seq_print!(m, "state: open\n");
            return false;
        };
        seq_print!(m, "state: attached\nopen devices: {claims}\n");
        match place {
            Place::Container(container) => container.show(m),
            Place::Iommufd(_) => seq_print!(m, "iommu: iommufd\n"),
        }
        true
    }
}
