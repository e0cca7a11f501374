// SPDX-License-Identifier: GPL-2.0-only

//! What debugfs shows of a PCI device: `vfio/$DEVICE/pci`.
//!
//! Nobody who reads these files waits for a program, wakes a sleeping device or touches one. What the
//! lines mean is in `Documentation/ABI/testing/debugfs-vfio`.
//!
//! C counterpart: `vfio_pci_core_debugfs_init` in
//! [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c)

use kernel::{
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::Arc, //
};
use kernel_ext::debugfs::{
    Dir,
    File, //
};

use crate::{
    device::Bound,
    LocalModule, //
};

/// The files of a device, until this is dropped.
pub(crate) struct Files(#[expect(dead_code, reason = "only dropped")] [File<Bound>; 5]);

impl Files {
    /// Makes the files in the folder of the device.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(device: &Dir, bound: &Arc<Bound>) -> Result<Self> {
        let dir = device.subdir(c"pci")?;
        let file = |name, show| dir.file::<LocalModule, _>(name, bound.clone(), show);
        Ok(Self([
            file(c"nointxmask", |bound, m| {
                show_flag(bound.options.nointxmask, m);
            })?,
            file(c"disable_idle_d3", |bound, m| {
                show_flag(bound.options.disable_idle_d3, m);
            })?,
            file(c"irqs", show_irqs)?,
            file(c"last_reset", |bound, m| bound.last_reset.show(m))?,
            file(c"power_state", show_power)?,
        ]))
    }
}

/// Writes `Y` or `N`, as C does for its two files.
fn show_flag(value: bool, m: &SeqFile) {
    seq_print!(m, "{}\n", if value { "Y" } else { "N" });
}

fn show_irqs(bound: &Bound, m: &SeqFile) {
    let mut open = false;
    bound.current.with(|user| {
        user.irqs.show(m);
        open = true;
    });
    if !open {
        seq_print!(m, "mode: closed\n");
    }
}

fn show_power(bound: &Bound, m: &SeqFile) {
    match bound.pdev.power_state() {
        Some(state) => seq_print!(m, "{state:?}\n"),
        None => seq_print!(m, "unknown\n"),
    }
}
