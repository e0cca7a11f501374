// SPDX-License-Identifier: GPL-2.0-only

//! What debugfs shows of a container's mappings.
//!
//! Only short locks are taken; what is mapped by whom is not listed, as that is no business of
//! whoever may read the file.

use super::iommu::{
    Flavour,
    Iommu, //
};
use kernel::{
    seq_file::SeqFile,
    seq_print, //
};

impl Iommu {
    /// Writes the numbers.
    pub(crate) fn show(&self, m: &SeqFile) {
        let name = match self.flavour {
            Flavour::V1 => "type1",
            Flavour::V2 => "type1v2",
        };
        seq_print!(m, "iommu: {name}\n");
        seq_print!(m, "mappings: {}\n", self.space.len());
        seq_print!(m, "mappings left: {}\n", self.available());
        seq_print!(m, "pinned pages: {}\n", self.tie.charged());
        seq_print!(m, "stale ranges: {}\n", self.space.count_stale());
    }
}
