// SPDX-License-Identifier: GPL-2.0-only

//! What debugfs shows of a device's interrupts: how they are delivered, and how often that happened.
//!
//! `igate` may be held for as long as a reset takes, so it is only tried.

use super::{
    IrqMode,
    Irqs, //
};
use kernel::{
    seq_file::SeqFile,
    seq_print, //
};

impl Irqs {
    /// Writes the lines.
    pub(crate) fn show(&self, m: &SeqFile) {
        let Some(gate) = self.gate.try_lock() else {
            seq_print!(m, "mode: changing\n");
            return;
        };
        match &gate.mode {
            IrqMode::None => seq_print!(m, "mode: none\n"),
            IrqMode::Intx(intx) => {
                seq_print!(m, "mode: intx\n");
                intx.show(m);
            }
            IrqMode::Msi(msi) => {
                seq_print!(m, "mode: msi\n");
                msi.show(m);
            }
            IrqMode::Msix(msi) => {
                seq_print!(m, "mode: msix\n");
                msi.show(m);
            }
        }
    }
}
