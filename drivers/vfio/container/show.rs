// SPDX-License-Identifier: GPL-2.0-only

//! What debugfs shows of a container, as a part of each group that is in it.
//!
//! The lock of the container may be held for as long as it takes to map everything for one more
//! group, so it is only tried.

use kernel::{
    seq_file::SeqFile,
    seq_print, //
};

use super::Container;

impl Container {
    /// Writes how many groups there are, and what the backend has to say.
    pub(crate) fn show(&self, m: &SeqFile) {
        let Some(state) = self.state.try_lock() else {
            seq_print!(m, "container: changing\n");
            return;
        };
        seq_print!(m, "container: {} groups\n", state.groups.len());
        match &state.backend {
            Some(backend) => backend.instance.show(m),
            None => seq_print!(m, "iommu: none\n"),
        }
    }
}
