// SPDX-License-Identifier: GPL-2.0-only

//! The interrupts of an open device.
//!
//! [`Irqs`] is what `VFIO_DEVICE_GET_IRQ_INFO` and `VFIO_DEVICE_SET_IRQS` act on. A device delivers
//! in one [`IrqMode`] at a time: by its pin, by MSI or by MSI-X. Two more indexes are no interrupts
//! of the device but messages from the host: ERR (the device failed) and REQ (the host wants it
//! back).
//!
//! | part | what it owns |
//! |---|---|
//! | [`intx`] | the pin in use: a level, masked when it fires, unmasked by user space |
//! | [`masking`] | how the pin is masked, and kept silent while it is not in use |
//! | [`msi`] | the vectors of MSI or MSI-X |
//! | [`notify`] | the eventfds of ERR and REQ |
//! | [`show`] | what debugfs shows |
//!
//! Locks: `igate` is held throughout a request. Inside of it come the host's memory lock
//! ([`IrqHost`]) and the spinlocks of [`intx`] and [`notify`]. It must not be taken with the memory
//! lock held, nor on the way to the host's wish to have the device back: that runs under the
//! device's own lock, which a reset takes inside of the memory lock. It is taken when the device falls
//! asleep and wakes up, so nobody wakes the device with it held.
//!
//! C counterpart: [`drivers/vfio/pci/vfio_pci_intrs.c`](srctree/drivers/vfio/pci/vfio_pci_intrs.c)

mod geometry;
mod intx;
mod masking;
mod msi;
mod notify;
mod show;

use self::{
    intx::Intx,
    msi::Msi,
    notify::Notify, //
};
use crate::config::MsiState;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::{
    pci::{
        msi::Kind,
        Device, //
    },
    refuse, //
};
use vfio::irq_set::{
    Action,
    IrqData,
    IrqSet, //
};
use vfio_uapi::IrqInfoFlags;

pub(crate) use self::{
    geometry::{
        Geometry,
        IrqIndex,
        INDEXES, //
    },
    masking::IntxMasking, //
};

/// What the interrupts need from the rest of the open device.
pub(crate) trait IrqHost: Send + Sync {
    /// Calls `f` once, while the device decodes memory whatever user space wrote to its command
    /// register. `f` touches the MSI-X table.
    fn with_memory(&self, f: &mut dyn FnMut());
}

/// What all parts refer to.
struct Hardware {
    dev: Device,
    host: Arc<dyn IrqHost>,
    geometry: Geometry,
}

impl Hardware {
    /// Masks the pin while it is not in use.
    fn silence_pin(&self) {
        self.geometry.masking.silence(&self.dev);
    }

    /// Runs `f` while the device decodes memory, see [`IrqHost::with_memory`].
    ///
    /// # Errors
    ///
    /// `EIO` if the host did not run it.
    fn with_memory<R>(&self, f: impl FnOnce() -> R) -> Result<R> {
        let mut f = Some(f);
        let mut result = None;
        self.host.with_memory(&mut || {
            if let Some(f) = f.take() {
                result = Some(f());
            }
        });
        result.ok_or(EIO)
    }
}

/// How the device delivers. Each variant owns its handlers; leaving it frees them.
enum IrqMode {
    /// Not at all. Left by setting an eventfd.
    None,
    /// By its pin.
    Intx(Intx),
    /// By MSI.
    Msi(Msi),
    /// By MSI-X.
    Msix(Msi),
}

/// What `igate` protects.
struct Gate {
    mode: IrqMode,

    /// DisINTx as the virtual command register shows it.
    intx_disabled: bool,

    /// What [`MsiState::queue_max`] was when MSI was last enabled.
    queue_max: u8,
}

/// The interrupts of an open device.
///
/// Dropping it frees everything: `gate` with all handlers goes before the rest.
#[pin_data]
pub(crate) struct Irqs {
    #[pin]
    gate: Mutex<Gate>,

    #[pin]
    err: Notify,
    #[pin]
    req: Notify,

    hw: Arc<Hardware>,
}

impl Irqs {
    /// Makes the interrupts of a device that delivers none yet, and whose pin is silent.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(
        dev: Device,
        host: Arc<dyn IrqHost>,
        geometry: Geometry,
    ) -> Result<Arc<Self>> {
        let hw = Arc::new(
            Hardware {
                dev,
                host,
                geometry,
            },
            GFP_KERNEL_ACCOUNT,
        )?;
        Arc::pin_init(
            pin_init!(Self {
                gate <- new_mutex!(
                    Gate {
                        mode: IrqMode::None,
                        intx_disabled: false,
                        queue_max: 0,
                    },
                    "Irqs::igate"
                ),
                err <- Notify::new(),
                req <- Notify::new(),
                hw,
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// Returns how many interrupts there are at index `number`; 0 for one that does not exist.
    pub(crate) fn count(&self, number: u32) -> u32 {
        IrqIndex::new(number).map_or(0, |index| self.hw.geometry.count(index))
    }

    /// Returns the flags and the number of the interrupts at index `number`.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no such index.
    pub(crate) fn info(&self, number: u32) -> Result<(IrqInfoFlags, u32)> {
        let index = IrqIndex::new(number).ok_or(EINVAL)?;
        let geometry = &self.hw.geometry;
        Ok((geometry.flags(index), geometry.count(index)))
    }

    /// Does what `VFIO_DEVICE_SET_IRQS` asks.
    ///
    /// Returns 0, or how many vectors could have been had if there are fewer than asked for; then
    /// nothing was changed.
    ///
    /// # Errors
    ///
    /// `ENOTTY` for an action that the index does not have; `EINVAL` if another mode is on, or the
    /// range or data does not suit the action; what [`intx`], [`msi`] and [`notify`] document.
    pub(crate) fn set(&self, set: &IrqSet) -> Result<isize> {
        let index = IrqIndex::new(set.index).ok_or(EINVAL)?;
        let action = set.action.ok_or(ENOTTY)?;
        if action != Action::Trigger && index != IrqIndex::Intx {
            return Err(ENOTTY);
        }
        let mut gate = self.gate.lock();
        match (index, action) {
            (IrqIndex::Intx, Action::Trigger) => self.trigger_intx(&mut gate, set)?,
            (IrqIndex::Intx, Action::Mask) => gate.intx()?.set_mask(set)?,
            (IrqIndex::Intx, Action::Unmask) => gate.intx()?.set_unmask(set)?,
            (IrqIndex::Msi, _) => return self.trigger_msi(&mut gate, Kind::Msi, set),
            (IrqIndex::Msix, _) => return self.trigger_msi(&mut gate, Kind::Msix, set),
            (IrqIndex::Err, _) => self.err.set(set)?,
            (IrqIndex::Req, _) => self.req.set(set)?,
        }
        Ok(0)
    }

    /// Handles TRIGGER on the pin.
    fn trigger_intx(&self, gate: &mut Gate, set: &IrqSet) -> Result {
        let disabled = gate.intx_disabled;
        match (&mut gate.mode, &set.data) {
            (IrqMode::Intx(_), IrqData::None) if set.count == 0 => gate.mode = IrqMode::None,
            (IrqMode::Intx(intx), _) => intx.set_trigger(set)?,
            (IrqMode::None, IrqData::Fds(_)) => {
                gate.mode = IrqMode::Intx(Intx::enable(&self.hw, set, disabled)?);
            }
            (IrqMode::None, _) => return Err(EINVAL),
            (IrqMode::Msi(_) | IrqMode::Msix(_), _) => return Err(self.busy(set)),
        }
        Ok(())
    }

    /// Handles TRIGGER on MSI or MSI-X.
    fn trigger_msi(&self, gate: &mut Gate, kind: Kind, set: &IrqSet) -> Result<isize> {
        match (&mut gate.mode, kind) {
            (IrqMode::Msi(msi), Kind::Msi) | (IrqMode::Msix(msi), Kind::Msix) => match &set.data {
                IrqData::None if set.count == 0 => gate.mode = IrqMode::None,
                _ => msi.set_trigger(set)?,
            },
            (IrqMode::None, _) => match (Msi::enable(&self.hw, kind, set)?, kind) {
                (msi::Enabled::Yes(msi), Kind::Msix) => gate.mode = IrqMode::Msix(msi),
                (msi::Enabled::Yes(msi), Kind::Msi) => {
                    gate.queue_max = msi.log2_vectors();
                    gate.mode = IrqMode::Msi(msi);
                }
                // CAST: At most 2048.
                (msi::Enabled::OnlyFor(vectors), _) => return Ok(vectors as isize),
            },
            _ => return Err(self.busy(set)),
        }
        Ok(0)
    }

    /// Says why the wrong mode is on, and returns the errno for it.
    #[cold]
    fn busy(&self, set: &IrqSet) -> Error {
        if !matches!(set.data, IrqData::None) {
            refuse!(
                "{}: interrupt index {} asked for while another one is on; disable that one first\n",
                self.hw.dev.name(),
                set.index
            );
        }
        EINVAL
    }

    /// Calls `f` with what the virtual MSI capability has to show; it does not change meanwhile.
    ///
    /// # Errors
    ///
    /// Those of `f`.
    pub(crate) fn with_msi(&self, f: &mut dyn FnMut(MsiState) -> Result) -> Result {
        let gate = self.gate.lock();
        f(MsiState {
            active: matches!(gate.mode, IrqMode::Msi(_)),
            queue_max: gate.queue_max,
        })
    }

    /// Follows a write of COMMAND, in which the virtual DisINTx is now `disabled`: while it is set,
    /// the pin is silent.
    pub(crate) fn follow_command(&self, disabled: bool) {
        let mut gate = self.gate.lock();
        let before = core::mem::replace(&mut gate.intx_disabled, disabled);
        if let (IrqMode::Intx(intx), true) = (&gate.mode, disabled != before) {
            intx.set_disabled(disabled);
        }
        self.settle_pin(&gate);
    }

    /// Follows a reset of the device, which has kept its registers.
    pub(crate) fn follow_reset(&self) {
        self.settle_pin(&self.gate.lock());
    }

    /// Masks or unmasks the pin in the device as it was last meant to be.
    ///
    /// Whoever writes the COMMAND register as a whole has read it before, and brings back a mask
    /// that has changed since.
    fn settle_pin(&self, gate: &Gate) {
        match &gate.mode {
            IrqMode::Intx(intx) => intx.settle(),
            IrqMode::None | IrqMode::Msi(_) | IrqMode::Msix(_) => self.hw.silence_pin(),
        }
    }

    /// Prepares for the device to sleep: its pin is silent until [`Self::wake`].
    pub(crate) fn sleep(&self) {
        if let IrqMode::Intx(intx) = &mut self.gate.lock().mode {
            intx.hush();
        }
    }

    /// Follows the device waking up.
    pub(crate) fn wake(&self) {
        if let IrqMode::Intx(intx) = &mut self.gate.lock().mode {
            intx.unhush();
        }
    }

    /// Tells user space that the device reported an error.
    pub(crate) fn notify_err(&self) {
        self.err.ring();
    }

    /// Tells user space, for the `count`th time, that the host wants the device back.
    ///
    /// Returns whether user space listens; if not, the host can only wait.
    pub(crate) fn notify_req(&self, count: u32) -> bool {
        let heard = self.req.ring();
        if heard && count % 10 == 0 {
            dev_notice!(
                self.hw.dev.device(),
                "asked the program that uses the device to give it back (#{})\n",
                count
            );
        } else if !heard && count == 0 {
            dev_warn!(
                self.hw.dev.device(),
                "the program that uses the device does not listen for requests to give it back; \
                 waiting until it closes it\n"
            );
        }
        heard
    }
}

impl Gate {
    /// Returns the pin if it is on.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it is not.
    fn intx(&mut self) -> Result<&mut Intx> {
        match &mut self.mode {
            IrqMode::Intx(intx) => Ok(intx),
            _ => Err(EINVAL),
        }
    }
}
