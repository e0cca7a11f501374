// SPDX-License-Identifier: GPL-2.0-only

//! What debugfs shows of a container.
//!
//! Only short locks are taken: what is asked for may take long, and is not waited for.

use super::container::{
    Container,
    Flavour, //
};
use kernel::{
    seq_file::SeqFile,
    seq_print, //
};

impl Container {
    /// Writes the windows and the numbers.
    pub(crate) fn show(&self, m: &SeqFile) {
        let name = match self.flavour {
            Flavour::V1 => "spapr-tce",
            Flavour::V2 => "spapr-tce-v2",
        };
        seq_print!(m, "iommu: {name}\n");
        for (number, table) in self.space.tables().iter().enumerate() {
            let Some(window) = table.as_ref().map(|table| table.window()) else {
                continue;
            };
            seq_print!(
                m,
                "window {number}: {:#x} to {:#x}, pages of {:#x}\n",
                window.start(),
                window.last(),
                window.shift().bytes()
            );
        }
        let counts = self.space.counts();
        seq_print!(m, "registered ranges: {}\n", counts.regions);
        seq_print!(m, "registered pages: {}\n", counts.registered);
        seq_print!(m, "stale pages: {}\n", counts.stale);
    }
}
