// SPDX-License-Identifier: GPL-2.0-only

//! Power states of an open device.
//!
//! A user may put the device to sleep through its power management capability. Some devices
//! forget all registers on the way back (they lack No_Soft_Reset); for those the registers are
//! kept by us and restored. A device that nobody uses at the moment is put to sleep by runtime power
//! management instead, see [`device`](super::device) and [`low_power`](super::low_power).
//!
//! C counterpart: `vfio_pci_set_power_state` and `vfio_pci_probe_power_state` in
//! [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c)

use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    }, //
};
use kernel_ext::{
    pci::{
        Device,
        PowerState, //
    },
    refuse, //
};

use crate::memory::{
    Exclusive,
    MemoryGate, //
};

/// The control register in the power management capability, and its bit No_Soft_Reset.
const PM_CTRL: u16 = 4;
const PM_CTRL_NO_SOFT_RESET: u16 = 1 << 3;

/// Returns whether the device forgets its registers when it comes back from D3.
pub(crate) fn forgets_registers(pdev: &Device) -> bool {
    pdev.pm_cap().is_some_and(|cap| {
        let control = pdev.config_read_u16(u16::from(cap).saturating_add(PM_CTRL));
        control & PM_CTRL_NO_SOFT_RESET == 0
    })
}

/// How far down the power states of a bound device go: to D0 only while it has virtual functions,
/// which do not work without it.
///
/// It is raised before the device is looked for among the open ones (under the lock of
/// `device::Current`) and put into D0 (with the memory gate held), and asked with the gate held. So
/// whoever does not see it raised is followed by a change to D0, and no order of memory accesses
/// beyond that is needed.
pub(crate) struct Floor(Atomic<bool>);

impl Floor {
    /// Makes one that lets the device sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new() -> Result<Arc<Self>> {
        Ok(Arc::new(Self(Atomic::new(false)), GFP_KERNEL)?)
    }

    fn is_raised(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// While this exists, a device is in D0 and its user cannot put it to sleep.
#[must_use = "the device may be put to sleep as soon as this is dropped"]
pub(crate) struct StaysAwake(Arc<Floor>);

impl StaysAwake {
    /// Wakes `pdev`; `gate` is called for its memory gate, if it is open.
    pub(crate) fn new(
        pdev: &Device,
        floor: &Arc<Floor>,
        gate: impl FnOnce() -> Option<Arc<MemoryGate>>,
    ) -> Self {
        floor.0.store(true, Relaxed);
        let stays = Self(floor.clone());
        let woken = match gate() {
            Some(gate) => gate.exclusive().set_power_state(PowerState::D0),
            None => pdev.set_power_state(PowerState::D0),
        };
        // What comes next fails by itself if the device does not wake up.
        let _ = woken;
        stays
    }
}

impl Drop for StaysAwake {
    fn drop(&mut self) {
        self.0 .0.store(false, Relaxed);
    }
}

impl MemoryGate {
    /// Prepares the device to be put to sleep by runtime power management.
    ///
    /// Its user may have put it to sleep through its registers. It is woken from that, because the PCI
    /// core keeps and restores the registers only if it finds the device in D0.
    pub(crate) fn prepare_sleep(&self) {
        let mut exclusive = self.exclusive();
        if let Err(error) = exclusive.set_power_state(PowerState::D0) {
            refuse!(
                "{}: does not wake up to be put to sleep in order: {:?}\n",
                exclusive.pdev.name(),
                error
            );
        }
    }
}

impl Exclusive<'_> {
    /// Changes the power state, and keeps or restores the registers if the device forgets them.
    ///
    /// The caller has taken mappings away if the device is not to answer afterwards.
    ///
    /// # Errors
    ///
    /// `EBUSY` if the device must stay awake for its virtual functions; those of the PCI core, and
    /// the device is in some state then.
    pub(crate) fn set_power_state(&mut self, state: PowerState) -> Result {
        let pdev = self.pdev;
        if state != PowerState::D0 && self.state.floor.is_raised() {
            return Err(EBUSY);
        }
        let slept = pdev.in_d3();
        let sleeps = state >= PowerState::D3Hot;
        let keep = self.state.forgets && !slept && sleeps;
        let restore = self.state.forgets && slept && state == PowerState::D0;
        if keep {
            pdev.save_state();
        }
        pdev.set_power_state(state)?;
        // A quirk may keep the device out of D3.
        if keep && pdev.in_d3() {
            self.state.asleep = pdev.store_saved_state();
        } else if restore {
            // What does not fit the device is not restored; it is the device's own state, so it
            // fits.
            let _ = pdev.load_saved_state(self.state.asleep.take());
            pdev.restore_state();
        }
        Ok(())
    }
}
