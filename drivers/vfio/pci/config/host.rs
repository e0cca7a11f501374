// SPDX-License-Identifier: GPL-2.0-only

//! What configuration space asks of the open device.
//!
//! Some registers are not just bits: turning off memory decoding must first take the user's
//! mappings away, a power state or a reset concerns everyone who uses the device, and INTx and MSI
//! belong to the interrupt code. [`ConfigHost`] is that other side, as
//! [`Config`](super::Config) sees it.
//!
//! # Lock order
//!
//! [`Config::write`](super::Config::write) calls these methods with its writer lock held and no
//! other of its locks, so each may take the memory gate or the interrupt lock. The closures that
//! are passed in take `Config`'s inner lock, which is a leaf:
//!
//! ```text
//! Config::writer → { Irqs (igate) → memory gate } → Config::model
//! ```
//!
//! An implementation must not call `Config::write` from any of them.
//!
//! C counterpart: the calls out of
//! [`drivers/vfio/pci/vfio_pci_config.c`](srctree/drivers/vfio/pci/vfio_pci_config.c)

use kernel::prelude::*;

use kernel_ext::pci::PowerState;

use super::msi::MsiState;

/// Side effects of writes to configuration space.
pub(crate) trait ConfigHost {
    /// Takes the memory gate for writing, takes away the user's BAR mappings and DMA-BUFs, and runs
    /// `f`, which turns off memory decoding.
    ///
    /// # Errors
    ///
    /// Those of `f`.
    fn memory_disable(&self, f: &mut dyn FnMut() -> Result) -> Result;

    /// Takes the memory gate for writing, runs `f`, which leaves memory decoding on, and gives
    /// revoked DMA-BUFs back if memory is enabled then. Mappings come back as they are touched.
    ///
    /// # Errors
    ///
    /// Those of `f`.
    fn memory_update(&self, f: &mut dyn FnMut() -> Result) -> Result;

    /// Puts the device in `state`, with the memory gate taken for writing, and for D3 with
    /// mappings taken away as in [`ConfigHost::memory_disable`]. Failures are logged, not told: a
    /// register write has no way to fail.
    fn set_power_state(&self, state: PowerState);

    /// Resets the function with the memory gate taken for writing and mappings taken away. Does
    /// nothing if the reset cannot be had at once.
    fn function_reset(&self);

    /// COMMAND was written, and its INTx-disable bit is `intx_disabled` for the user now. The
    /// hardware's bit is the host's: it may have changed while the register was written.
    fn follow_command(&self, intx_disabled: bool);

    /// Runs `f` with the state of MSI, which does not change while it runs.
    ///
    /// # Errors
    ///
    /// Those of `f`.
    fn with_msi(&self, f: &mut dyn FnMut(MsiState) -> Result) -> Result;
}
