// SPDX-License-Identifier: GPL-2.0-only

//! A PCI device that is bound to a VFIO driver.
//!
//! [`CoreDevice`] is what a bus driver such as `vfio-pci` keeps for a bound device. While nobody
//! has the device open, it sleeps. When it is opened, it becomes an [`OpenPci`], see [`open`].
//!
//! C counterpart: `vfio_pci_core_register_device` and `vfio_pci_core_unregister_device` in
//! [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c)

mod host;
mod open;

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
        Device,
        LegacyUse,
        PowerState,
        ResetScope,
        SriovRequest,
        VgaCard, //
    },
    pm::runtime::Idle,
    refuse, //
};
use vfio::device::{
    DeviceOps,
    LockedSet,
    OpenContext,
    OpenDevice,
    Registration,
    SetId, //
};

use crate::{
    hot_reset,
    irq::Irqs,
    last_reset::{
        LastReset,
        ResetKind, //
    },
    memory::MemoryGate,
    power::{
        self,
        Floor, //
    },
    reset::Traces,
    show,
    sriov::{
        Offspring,
        Role, //
    },
    token::{
        Request,
        Token, //
    }, //
};

pub(crate) use self::open::OpenPci;

/// The header type of devices that are not bridges.
const HEADER_NORMAL: u8 = 0;

/// How a bus driver wants a device to be treated; fixed while the device is bound.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Mask the interrupt pin at the interrupt controller only, even if the device could.
    pub nointxmask: bool,

    /// Keep the device awake while nobody uses it.
    pub disable_idle_d3: bool,

    /// Do not offer the legacy addresses of a VGA card.
    pub disable_vga: bool,
}

/// A device that is bound to a VFIO driver.
///
/// Dropping it waits until nobody uses the device.
// Nobody may open the device once it is on its way out, so the registration goes first; and before
// that its virtual functions, which do not work without it.
pub struct CoreDevice {
    offspring: Pin<KBox<Offspring>>,
    _registration: Registration,
    _files: show::Files,
    _idle: Idle,
    bound: Arc<Bound>,
}

impl CoreDevice {
    /// Makes `pdev` available to programs, on behalf of the bus driver `driver` in `module`.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a bridge, `EBUSY` for a device that has virtual functions, those of the core
    /// and of [`VgaCard::new`].
    pub fn new(
        pdev: Device,
        driver: &'static CStr,
        module: &'static ThisModule,
        options: Options,
    ) -> Result<Self> {
        refuse_unfit(&pdev)?;
        let legacy = match options.disable_vga {
            true => LegacyUse::Unused,
            false => LegacyUse::Used,
        };
        let vga = VgaCard::new(&pdev, driver, legacy)?
            .map(|card| Arc::new(card, GFP_KERNEL))
            .transpose()?;
        // The PCI core does not know the power state of a device that had no driver, and first of
        // all wants to see it awake.
        let _ = pdev.set_power_state(PowerState::D0);
        let bound = Arc::new(
            Bound {
                forgets: power::forgets_registers(&pdev),
                traces: Traces::none()?,
                floor: Floor::new()?,
                role: Role::of(&pdev)?,
                last_reset: LastReset::never(&pdev)?,
                current: Arc::pin_init(Current::new(), GFP_KERNEL)?,
                vga,
                pdev,
                driver,
                options,
            },
            GFP_KERNEL,
        )?;
        // Not all machines let devices reach each other.
        #[cfg(CONFIG_VFIO_PCI_DMABUF)]
        if let Err(error) = bound.pdev.init_providers() {
            if error != EOPNOTSUPP {
                return Err(error);
            }
        }
        let idle = Idle::new(bound.pdev.device(), !options.disable_idle_d3);
        let set = match bound.pdev.reset_scope() {
            ResetScope::Device => SetId::Device(bound.pdev.address()),
            ResetScope::Slot(slot) => SetId::Slot(slot),
            ResetScope::Bus(bus) => SetId::Bus(bus),
        };
        let offspring = Offspring::none()?;
        let registration = Registration::new(bound.pdev.device(), module, set, bound.clone())?;
        let files = show::Files::new(registration.debug(), &bound)?;
        Ok(Self {
            offspring,
            _registration: registration,
            _files: files,
            _idle: idle,
            bound,
        })
    }

    /// Tells the user of the device, if there is one, that the bus reported an error.
    pub fn error_detected(&self) {
        self.bound.current.with(|user| user.irqs.notify_err());
    }

    /// Prepares the device to be put to sleep by runtime power management.
    pub fn runtime_suspend(&self) {
        self.bound.current.with(|user| {
            user.gate.prepare_sleep();
            user.irqs.sleep();
        });
    }

    /// Follows the device being woken by runtime power management.
    ///
    /// Whoever wakes it holds none of the locks of the open device: this takes them.
    pub fn runtime_resume(&self) {
        self.bound.current.with(|user| {
            user.gate.note_waking();
            user.irqs.wake();
        });
    }

    /// Makes the virtual functions that the administrator asks for, or takes them away, which waits
    /// until nobody uses them; returns how many there are.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there are some already; those of waking the device and of the PCI core.
    pub fn sriov_configure(&self, request: &SriovRequest<'_>) -> Result<u32> {
        self.offspring.configure(&self.bound, request)
    }
}

/// Refuses devices that must stay with the host.
fn refuse_unfit(pdev: &Device) -> Result {
    if pdev.header_type() != HEADER_NORMAL {
        refuse!(
            "{}: is a bridge, which only the host can drive; leave it to its own driver\n",
            pdev.name()
        );
        return Err(EINVAL);
    }
    if pdev.virtual_functions() != 0 {
        refuse!(
            "{}: has virtual functions, which others may use; write 0 to its sriov_numvfs first\n",
            pdev.name()
        );
        return Err(EBUSY);
    }
    Ok(())
}

/// What stays the same while the device is bound.
pub(crate) struct Bound {
    pub(crate) pdev: Device,
    pub(crate) driver: &'static CStr,
    pub(crate) role: Role,
    pub(crate) options: Options,

    /// Whether the device forgets its registers when it comes back from D3.
    forgets: bool,

    /// How far down its power states go.
    pub(crate) floor: Arc<Floor>,

    /// What is left of the last use.
    traces: Arc<Traces>,

    pub(crate) last_reset: Arc<LastReset>,

    pub(crate) current: Arc<Current>,

    /// The card's place in the arbitration of VGA's legacy addresses, if it is one.
    vga: Option<Arc<VgaCard>>,
}

impl Bound {
    /// Returns the memory gate, if the device is open.
    pub(crate) fn gate(&self) -> Option<Arc<MemoryGate>> {
        Some(self.current.user.lock().as_ref()?.gate.clone())
    }
}

/// The parts of the device that the host needs while it is open.
///
/// Lock order: the lock of the device's set, `user`, then the locks of the open device:
/// `Irqs::igate`, the memory gate.
#[pin_data]
pub(crate) struct Current {
    #[pin]
    user: Mutex<Option<User>>,
}

/// What the host needs of an open device: the interrupts for messages to its user, the gate to change
/// its power state, and both when it falls asleep and wakes up.
pub(crate) struct User {
    pub(crate) irqs: Arc<Irqs>,
    gate: Arc<MemoryGate>,
}

impl Current {
    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            user <- new_mutex!(None, "Current::user"),
        })
    }

    /// Calls `f` with the parts, if the device is open.
    ///
    /// The lock is held meanwhile: the device must not be closed with an `Arc` of them elsewhere,
    /// as they are freed in their place in the order of things.
    pub(crate) fn with(&self, f: impl FnOnce(&User)) {
        if let Some(user) = &*self.user.lock() {
            f(user);
        }
    }

    fn set(&self, user: Option<User>) {
        let old = core::mem::replace(&mut *self.user.lock(), user);
        drop(old);
    }
}

impl DeviceOps for Bound {
    fn driver_name(&self) -> &'static CStr {
        self.driver
    }

    fn matches(&self, requested: &CStr) -> Result<bool> {
        let name = self.pdev.name();
        match Request::parse(name.to_bytes(), requested.to_bytes()) {
            Request::Other => Ok(false),
            Request::Invalid => Err(EINVAL),
            Request::This(token) => self.role.admit(name, token).map(|()| true),
        }
    }

    fn check_token(&self, token: Option<[u8; 16]>) -> Result {
        self.role.admit(self.pdev.name(), token.map(Token))
    }

    fn open(&self, cx: &OpenContext) -> Result<Arc<dyn OpenDevice>> {
        Ok(OpenPci::new(self, cx)?)
    }

    fn closed(&self, set: &LockedSet<'_>) {
        hot_reset::reset_unused(&self.pdev, set);
    }

    fn has_traces(&self) -> bool {
        self.traces.any()
    }

    fn was_reset(&self) {
        self.traces.remove();
        self.last_reset.note(ResetKind::Unused, Ok(()));
    }

    fn hot_reset_ended(&self, result: Result) {
        self.last_reset.note(ResetKind::Hot, result);
        self.current.with(|user| user.irqs.follow_reset());
    }
}
