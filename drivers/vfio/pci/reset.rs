// SPDX-License-Identifier: GPL-2.0-only

//! Resets of an open device, and going back to a clean state when it is closed.
//!
//! A device is reset when it is opened, so that the next user finds nothing of the last one; that
//! reset also tells whether the device can be reset at all. [`CleanState`] is what it looked like
//! then. When the device is closed, it is reset again and put back into that state. If it cannot be
//! reset alone, [`Traces`] are left for a reset of the whole slot or bus.
//!
//! Resets of a whole slot or bus are in [`hot_reset`](super::hot_reset).
//!
//! Lock order: the memory gate, then the locks of the bridge and the device, which are only tried.
//!
//! C counterpart: `vfio_pci_ioctl_reset` and the ends of `vfio_pci_core_enable` and
//! `vfio_pci_core_disable` in
//! [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c)

use kernel::{
    dev_dbg,
    dev_info,
    dev_warn,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    }, //
};
use kernel_ext::pci::{
    Device,
    PowerState,
    SavedState, //
};

use crate::{
    config::regs::{
        COMMAND,
        COMMAND_INTX_DISABLE, //
    },
    irq::Irqs,
    last_reset::{
        LastReset,
        ResetKind, //
    },
    memory::MemoryGate, //
};

/// How long a close waits for whoever has the device or the bridge above it locked, in milliseconds.
///
/// Mostly that is somebody else's reset, which PCI bounds to 100 ms.
const CLOSE_PATIENCE_MS: u32 = 250;

/// Whether something of its last use may be left in a closed device.
///
/// Only asked and changed under the lock of the device's set, so no order of memory accesses is needed.
pub(crate) struct Traces(Atomic<bool>);

impl Traces {
    /// Makes one that says no.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn none() -> Result<Arc<Self>> {
        Ok(Arc::new(Self(Atomic::new(false)), GFP_KERNEL)?)
    }

    /// Returns whether there may be something.
    pub(crate) fn any(&self) -> bool {
        self.0.load(Relaxed)
    }

    /// The device is used, which leaves something.
    pub(crate) fn leave(&self) {
        self.0.store(true, Relaxed);
    }

    /// The device was reset, which leaves nothing.
    pub(crate) fn remove(&self) {
        self.0.store(false, Relaxed);
    }
}

/// The clean state of a device that is being opened; dropping it goes back there.
pub(crate) struct CleanState {
    pdev: Device,

    /// `None` if it could not be kept, for want of memory.
    saved: Option<SavedState>,

    traces: Arc<Traces>,

    pub(crate) last_reset: Arc<LastReset>,

    /// Whether the function can be reset.
    pub(crate) resets: bool,

    /// Whether its interrupt pin is masked in what is saved.
    silent: bool,
}

impl CleanState {
    /// Resets the device if it can be, and remembers what it looks like then.
    ///
    /// # Errors
    ///
    /// `EAGAIN` if somebody else has the device locked.
    pub(crate) fn new(
        pdev: &Device,
        traces: Arc<Traces>,
        last_reset: Arc<LastReset>,
    ) -> Result<Self> {
        let reset = pdev.try_reset_function();
        last_reset.note(ResetKind::Open, reset);
        if reset == Err(EAGAIN) {
            return Err(EAGAIN);
        }
        pdev.save_state();
        let saved = pdev.store_saved_state();
        if saved.is_none() {
            dev_dbg!(pdev.device(), "cannot keep the state to go back to\n");
        }
        Ok(Self {
            pdev: pdev.clone(),
            saved,
            traces,
            last_reset,
            resets: reset.is_ok(),
            // COMMAND is the lower half of the second dword.
            silent: pdev.saved_header()[1] & u32::from(COMMAND_INTX_DISABLE) != 0,
        })
    }

    /// Resets the function, whose registers are to be restored afterwards; returns whether it was.
    fn reset(&self) -> bool {
        let dev = self.pdev.device();
        let Some(lock) = self.pdev.lock_for_reset(CLOSE_PATIENCE_MS) else {
            dev_warn!(
                dev,
                "not reset after use, as it or its bridge is locked (it may be on its way to \
                 another driver); it is reset before its next use here\n"
            );
            self.last_reset.note(ResetKind::Close, Err(EAGAIN));
            return false;
        };
        let result = lock.reset();
        self.last_reset.note(ResetKind::Close, result);
        match result {
            Ok(()) => self.traces.remove(),
            Err(error) => dev_warn!(dev, "cannot be reset after use: {:?}\n", error),
        }
        result.is_ok()
    }
}

impl Drop for CleanState {
    fn drop(&mut self) {
        if self.pdev.load_saved_state(self.saved.take()).is_err() {
            dev_info!(
                self.pdev.device(),
                "cannot go back to the state before use\n"
            );
            if !self.resets {
                return;
            }
            self.pdev.save_state();
            self.silent = false;
        }
        // Silence the device: everything off, its interrupt pin included.
        self.pdev.config_write_u16(COMMAND, COMMAND_INTX_DISABLE);
        let reset = self.resets && self.reset();
        self.pdev.restore_state();
        if !reset && !self.silent {
            // It may assert its pin still, and whoever shares the line would lose it. The state that
            // was saved need not have it masked. A driver that enables the device unmasks it.
            self.pdev.set_intx(false);
        }
    }
}

/// Resets the function of an open device for its user.
///
/// # Errors
///
/// `EINVAL` if the device cannot be reset, `EAGAIN` if somebody else has it locked, others from the
/// reset itself.
pub(crate) fn reset_function(clean: &CleanState, gate: &MemoryGate, irqs: &Irqs) -> Result {
    if !clean.resets {
        return Err(EINVAL);
    }
    let mut zapped = gate.zap();
    // A reset wakes a sleeping device by itself, but does not restore the registers that it
    // forgets. If it cannot be woken, the reset fails and says so.
    let _ = zapped.set_power_state(PowerState::D0);
    let result = clean.pdev.try_reset_function();
    drop(zapped);
    clean.last_reset.note(ResetKind::Ioctl, result);
    irqs.follow_reset();
    result
}
