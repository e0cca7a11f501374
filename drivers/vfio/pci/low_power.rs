// SPDX-License-Identifier: GPL-2.0-only

//! Low power: an open device may sleep between the calls of its user.
//!
//! A user that expects nothing of the device for a while says so, for one because the virtual machine
//! that has it is suspended. Then the device falls asleep whenever no call is running, and each call
//! wakes it for its own length. Whether it really does is up to the kernel's runtime power management,
//! which may take the power away altogether.
//!
//! Mapped BARs are accessed without a call, so they are taken away until low power ends. It ends when
//! the user says so, with the close, and, if the user gave an eventfd, with the first time that
//! anybody wakes the device: then the eventfd is rung.
//!
//! [`LowPower`] is inside the memory gate. Its locks and the order of events:
//!
//! ```text
//! the last use of the device ends → suspend callback → gate, igate     falling asleep
//! a use begins → resume callback → gate, igate; then the use goes on   waking
//! ```
//!
//! So nobody may begin a use with the gate or igate held.
//!
//! C counterpart: `vfio_pci_runtime_pm_entry`, `vfio_pci_runtime_pm_exit` and the runtime callbacks in
//! [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c)

use kernel::prelude::*;
use kernel_ext::{
    eventfd::EventFdCtx,
    pm::runtime::LentUse,
    refuse, //
};

use crate::memory::{
    Exclusive,
    MemoryGate, //
};

/// Whether an open device may sleep between the calls of its user.
pub(super) enum LowPower {
    /// It stays awake. Left by [`MemoryGate::enter_low_power`].
    Off,

    /// It may sleep. Left by [`Exclusive::leave_low_power`], and by waking up if somebody wants to
    /// know of that.
    On {
        /// Rung when the device wakes up.
        wakeup: Option<EventFdCtx>,

        /// The use that comes with the device being open.
        _lent: LentUse,
    },
}

impl LowPower {
    /// Returns whether it may sleep.
    pub(super) fn is_on(&self) -> bool {
        matches!(self, Self::On { .. })
    }

    /// Ends it, if its user wants to know of the device waking up.
    ///
    /// Returns what to ring.
    fn end_if_awaited(&mut self) -> Option<EventFdCtx> {
        let Self::On { wakeup, .. } = self else {
            return None;
        };
        let awaited = wakeup.take()?;
        *self = Self::Off;
        Some(awaited)
    }
}

impl MemoryGate {
    /// Lets the device sleep from the end of the current call on, and rings `wakeup` when it is
    /// woken.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it may already.
    pub(crate) fn enter_low_power(&self, wakeup: Option<EventFdCtx>) -> Result {
        let mut zapped = self.zap();
        if zapped.state.low_power.is_on() {
            refuse!(
                "{}: is in low power already; leave it first\n",
                zapped.pdev.name()
            );
            return Err(EINVAL);
        }
        let _lent = LentUse::new(zapped.pdev.device());
        zapped.state.low_power = LowPower::On { wakeup, _lent };
        Ok(())
    }

    /// Tells the user of the device that it was woken, if they want to know.
    pub(crate) fn note_waking(&self) {
        let awaited = self.exclusive().state.low_power.end_if_awaited();
        // Without the gate, which whoever hears it may want.
        if let Some(wakeup) = awaited {
            wakeup.signal();
        }
    }
}

impl Exclusive<'_> {
    /// Keeps the device awake again; but does not wake it.
    pub(crate) fn leave_low_power(&mut self) {
        self.state.low_power = LowPower::Off;
    }
}
