// SPDX-License-Identifier: GPL-2.0-only

//! The interrupt pin, delivered to an eventfd.
//!
//! A pin is a level: it stays asserted until user space has dealt with the cause, which the host
//! cannot do for it. So the handler masks the pin before it signals, and user space unmasks when
//! it is done, by ioctl or through an eventfd of its own ([`Virqfd`]). If the pin is asserted still,
//! it is not unmasked but signalled again at once.
//!
//! Where DisINTx works the pin is masked in the device, and the line may be shared. Elsewhere it is masked at the interrupt controller, which is only fair if nobody
//! else is on the line. There, the controller counts: `State::masked` is true exactly while we hold
//! one of its counts.
//!
//! Locks: `Level::state` is taken by the handler and, with the queue lock of the unmask eventfd held,
//! by [`Level::unmask`]. No eventfd is signalled while it is held.
//!
//! C counterpart: [`drivers/vfio/pci/vfio_pci_intrs.c`](srctree/drivers/vfio/pci/vfio_pci_intrs.c)

use super::{
    Hardware,
    IntxMasking, //
};
use crate::trace::vfio_pci_irq;
use kernel::{
    irq::{
        Handler,
        IrqReturn, //
    },
    new_spinlock_irq,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    str::CString,
    sync::{
        Arc,
        SpinLockIrq, //
    }, //
};
use kernel_ext::{
    eventfd::{
        EventFdCtx,
        Wake, //
    },
    irq::{
        IrqLine,
        Sharing,
        Source, //
    },
    pci::{
        Device,
        IntxLine, //
    },
    refuse, //
};
use vfio::{
    irq_set::{
        IrqData,
        IrqSet, //
    },
    virqfd::Virqfd, //
};

/// The pin, in use.
///
/// Fields are dropped in this order: first nobody unmasks any more, then nobody fires.
pub(super) struct Intx {
    unmask: Virqfd,
    line: Pin<KBox<IrqLine<OnIrq, IntxLine>>>,
    level: Arc<Level>,

    /// Whether the device fell asleep and the pin was masked for that, so that waking unmasks it.
    hushed: bool,
}

/// What the handler, the unmask eventfd and the ioctls share.
#[pin_data]
struct Level {
    dev: Device,
    source: IntxLine,

    masking: IntxMasking,

    #[pin]
    state: SpinLockIrq<State>,
}

/// What `Level::state` protects.
struct State {
    /// Whether the pin is masked, at the device or the controller.
    masked: bool,

    /// Whether the virtual DisINTx is set. Then it stays masked and nothing is signalled.
    disabled: bool,

    /// Where to deliver to. User space may take it away at any time.
    trigger: Option<Arc<EventFdCtx>>,
}

impl State {
    /// Returns the eventfd to signal, if it may be.
    fn deliver_to(&self) -> Option<Arc<EventFdCtx>> {
        self.trigger.as_ref().filter(|_| !self.disabled).cloned()
    }
}

impl Intx {
    /// Starts to deliver to the eventfd in `set`, or to none if it is negative.
    ///
    /// # Errors
    ///
    /// `EINVAL` for anything but one descriptor; `EBADF` or `EINVAL` if it is not an eventfd;
    /// `ENODEV` if the pin is not connected; `EBUSY` if the line is in use and cannot be shared;
    /// `ENOMEM`.
    pub(super) fn enable(hw: &Hardware, set: &IrqSet, disabled: bool) -> Result<Self> {
        let trigger = match Entry::of(set)? {
            Entry::Fd(fd) => trigger_from_fd(fd)?,
            Entry::Nothing | Entry::Bool(_) => return Err(EINVAL),
        };
        let source = hw.dev.intx_line()?;
        // As `str`: formatting a C string looks at each byte twice, and takes as long as the rest.
        let name = hw.dev.name().to_str().unwrap_or_default();
        let name = CString::try_from_fmt(fmt!("vfio-intx({name})"))?;
        let masking = hw.geometry.masking;
        let in_device = masking == IntxMasking::Device;
        let state = State {
            masked: in_device || disabled,
            disabled,
            trigger,
        };
        let level = Level::new(hw.dev.clone(), source.clone(), masking, state)?;
        let sharing = match in_device {
            true => Sharing::Shared,
            // Starting it disabled takes the count that `masked` stands for.
            false => Sharing::Masked { enabled: !disabled },
        };
        let line = IrqLine::new(source, sharing, name, OnIrq(level.clone()));
        let line = KBox::pin_init(line, GFP_KERNEL_ACCOUNT).inspect_err(|&err| {
            if err == EBUSY {
                refuse!(
                    "{}: its interrupt line is in use and cannot be shared; use MSI, or unbind the \
                     driver of the other device on the line\n",
                    hw.dev.name()
                );
            }
        })?;
        if !in_device {
            level.dev.set_intx(true);
        } else if !disabled {
            level.begin();
        }
        Ok(Self {
            unmask: Virqfd::new(),
            line,
            level,
            hushed: false,
        })
    }

    /// Handles TRIGGER: another eventfd, or a test of the one there is.
    ///
    /// # Errors
    ///
    /// `EINVAL` unless for interrupt 0 alone; `EBADF` or `EINVAL` if the descriptor is not an
    /// eventfd; `ENOMEM`.
    pub(super) fn set_trigger(&mut self, set: &IrqSet) -> Result {
        match Entry::of(set)? {
            Entry::Nothing | Entry::Bool(true) => self.level.signal(),
            Entry::Bool(false) => {}
            Entry::Fd(fd) => {
                let new = trigger_from_fd(fd)?;
                let old = core::mem::replace(&mut self.level.state.lock().trigger, new);
                if old.is_some() {
                    // Whoever has a reference is done with it when the ioctl returns.
                    self.line.synchronize();
                    self.unmask.flush();
                }
            }
        }
        Ok(())
    }

    /// Handles MASK.
    ///
    /// # Errors
    ///
    /// `EINVAL` unless for interrupt 0 alone; `ENOTTY` for a descriptor.
    pub(super) fn set_mask(&self, set: &IrqSet) -> Result {
        match Entry::of(set)? {
            Entry::Nothing | Entry::Bool(true) => {
                self.level.mask();
            }
            Entry::Bool(false) => {}
            Entry::Fd(_) => return Err(ENOTTY),
        }
        Ok(())
    }

    /// Handles UNMASK: now, or from now on whenever a descriptor is signalled.
    ///
    /// # Errors
    ///
    /// `EINVAL` unless for interrupt 0 alone; for a descriptor, those of [`Virqfd::enable`].
    pub(super) fn set_unmask(&mut self, set: &IrqSet) -> Result {
        match Entry::of(set)? {
            Entry::Nothing | Entry::Bool(true) => self.level.unmask_and_resend(),
            Entry::Bool(false) => {}
            Entry::Fd(fd) if fd < 0 => self.unmask.disable(),
            Entry::Fd(fd) => self
                .unmask
                .enable(fd, self.level.clone())
                .inspect_err(|&err| {
                    if err == EBUSY {
                        refuse!(
                            "{}: an unmask eventfd is set already; take it back with -1 first\n",
                            self.level.dev.name()
                        );
                    }
                })?,
        }
        Ok(())
    }

    /// Masks the pin for as long as the device sleeps: a handler could not ask it what it wants.
    pub(super) fn hush(&mut self) {
        self.hushed = self.level.mask();
    }

    /// Ends [`Self::hush`]. A pin that was masked before stays so.
    pub(super) fn unhush(&mut self) {
        if core::mem::take(&mut self.hushed) {
            self.level.unmask_and_resend();
        }
    }

    /// Writes whether the pin is masked, and how often it has fired.
    pub(super) fn show(&self, m: &SeqFile) {
        let (masked, wired) = {
            let state = self.level.state.lock();
            (state.masked, state.trigger.is_some())
        };
        seq_print!(m, "vectors wired: {}\n", u32::from(wired));
        seq_print!(m, "masked: {}\n", if masked { "yes" } else { "no" });
        seq_print!(m, "vector 0: {}\n", self.line.handled());
    }

    /// Masks or unmasks the pin in the device again, as it was last meant to be.
    pub(super) fn settle(&self) {
        let state = self.level.state.lock();
        let masked = self.level.in_device() && state.masked;
        self.level.dev.set_intx(!masked);
    }

    /// Follows the virtual DisINTx.
    pub(super) fn set_disabled(&self, disabled: bool) {
        self.level.state.lock().disabled = disabled;
        if disabled {
            self.level.mask();
        } else {
            self.level.unmask_and_resend();
        }
    }
}

impl Drop for Intx {
    fn drop(&mut self) {
        // As long as there is a handler.
        if self.level.in_device() {
            self.unmask.disable();
            self.level.mask();
        } else {
            self.level.masking.silence(&self.level.dev);
        }
    }
}

impl Level {
    fn new(dev: Device, source: IntxLine, masking: IntxMasking, state: State) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                dev,
                source,
                masking,
                state <- new_spinlock_irq!(state, "Level::state"),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// Returns whether the device masks the pin; else the controller does.
    fn in_device(&self) -> bool {
        self.masking == IntxMasking::Device
    }

    /// Unmasks the pin in the device, whether it is asserted or not: from here on it is heard.
    fn begin(&self) {
        let mut state = self.state.lock();
        self.dev.set_intx(true);
        state.masked = false;
    }

    /// Masks the pin; returns false if it is masked already.
    fn mask(&self) -> bool {
        let mut state = self.state.lock();
        if state.masked {
            return false;
        }
        // Always, not only if an interrupt is pending.
        if self.in_device() {
            self.dev.set_intx(false);
        } else {
            self.source.disable_nosync();
        }
        state.masked = true;
        true
    }

    /// Unmasks the pin; returns whether it is asserted and has to be signalled instead.
    fn unmask(&self) -> bool {
        let mut state = self.state.lock();
        if !state.masked || state.disabled {
            return false;
        }
        if self.in_device() {
            // To unmask now would only fire at once.
            state.masked = !self.dev.check_and_unmask_intx();
        } else {
            self.source.enable();
            state.masked = false;
        }
        state.masked
    }

    /// Unmasks the pin, or signals again if it is asserted.
    fn unmask_and_resend(&self) {
        if self.unmask() {
            self.signal();
        }
    }

    /// Signals the eventfd, if there is one and the virtual DisINTx is clear.
    fn signal(&self) {
        let trigger = self.state.lock().deliver_to();
        if let Some(trigger) = trigger {
            trigger.signal();
        }
    }

    /// Masks the pin if the interrupt is the device's; returns whether it is, and where it goes.
    fn fire(&self) -> Option<Option<Arc<EventFdCtx>>> {
        let mut state = self.state.lock();
        if self.in_device() {
            if state.masked {
                // Unless it has lost its mask, see `Irqs::settle_pin`: to leave it to the host would
                // lose the line.
                let lost = !self.dev.intx_is_masked() && self.dev.check_and_mask_intx();
                return lost.then_some(None);
            }
            if !self.dev.check_and_mask_intx() {
                return None;
            }
        } else if state.masked {
            // It was masked while the handler was on its way. The level stays for the unmask; to
            // take a second count of the controller would lose the line for good.
            return Some(None);
        } else {
            self.source.disable_nosync();
        }
        state.masked = true;
        Some(state.deliver_to())
    }
}

/// The unmask eventfd was signalled.
impl Wake for Level {
    fn wake(&self) -> bool {
        self.unmask()
    }

    fn run(&self) {
        self.signal();
    }
}

/// The handler of the line.
struct OnIrq(Arc<Level>);

impl Handler for OnIrq {
    fn handle(&self) -> IrqReturn {
        match self.0.fire() {
            None => IrqReturn::None,
            Some(trigger) => {
                vfio_pci_irq(|fire| fire(self.0.dev.name(), c"intx", 0));
                if let Some(trigger) = trigger {
                    trigger.signal();
                }
                IrqReturn::Handled
            }
        }
    }
}

/// The data of a request for the one interrupt that there is.
enum Entry {
    /// Unconditionally.
    Nothing,
    /// If true.
    Bool(bool),
    /// With this descriptor.
    Fd(i32),
}

impl Entry {
    /// Returns the data for interrupt 0.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the request is not for exactly that one.
    fn of(set: &IrqSet) -> Result<Self> {
        if set.start != 0 || set.count != 1 {
            return Err(EINVAL);
        }
        match &set.data {
            IrqData::None => Ok(Self::Nothing),
            IrqData::Bools(bools) => bools.first().copied().map(Self::Bool).ok_or(EINVAL),
            IrqData::Fds(fds) => fds.first().copied().map(Self::Fd).ok_or(EINVAL),
        }
    }
}

/// Looks up the eventfd to deliver to; none if `fd` is negative.
fn trigger_from_fd(fd: i32) -> Result<Option<Arc<EventFdCtx>>> {
    if fd < 0 {
        return Ok(None);
    }
    let trigger = EventFdCtx::from_fd(fd)?;
    Ok(Some(Arc::new(trigger, GFP_KERNEL_ACCOUNT)?))
}
