// SPDX-License-Identifier: GPL-2.0-only

//! An open PCI device.
//!
//! Opening wakes the device, enables and resets it, and takes stock. Closing undoes all of it: the
//! fields of [`OpenPci`] are what opening acquired, last things first, and are dropped in that
//! order.
//!
//! C counterpart: `vfio_pci_core_enable` and `vfio_pci_core_disable` in
//! [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c)

use kernel::{
    dev_warn,
    prelude::*,
    sync::Arc,
    uaccess::{
        UserSliceReader,
        UserSliceWriter, //
    }, //
};
use kernel_ext::{
    mm::NewVma,
    pci::{
        Device,
        Enabled,
        PowerState,
        VgaCard, //
    },
    pm::runtime::RuntimeRef,
    refuse,
    uaccess::UserArg, //
};
use vfio::{
    device::{
        wake_for_user,
        DeviceSet,
        HeldDevice,
        OpenContext,
        OpenDevice,
        Way, //
    },
    feature::FeatureRequest, //
};
use vfio_uapi::Restrictions;

use super::{
    Bound,
    Current,
    User, //
};
use crate::{
    config::Config,
    feature,
    ioctl,
    irq::{
        Geometry,
        IntxMasking,
        Irqs, //
    },
    memory::MemoryGate,
    region::{
        self,
        bar::Bars,
        igd::Igd,
        ioeventfd::Ioeventfds,
        rom,
        vga,
        Region, //
    },
    reset::CleanState,
    sriov::{
        Trust,
        VfUser, //
    }, //
};

/// A device that a program has access to.
// The order of the fields is the order of the close.
pub(crate) struct OpenPci {
    _vf_user: Option<VfUser>,
    pub(crate) ioeventfds: Pin<KBox<Ioeventfds>>,
    _quiet: Quiet,
    _announced: Announced,
    pub(crate) irqs: Arc<Irqs>,
    pub(crate) gate: Arc<MemoryGate>,
    pub(crate) config: Arc<Config>,
    pub(crate) bars: Bars,
    /// The card whose legacy VGA addresses are offered.
    pub(crate) vga: Option<Arc<VgaCard>>,
    /// The regions of Intel's graphics.
    pub(crate) igd: Igd,
    pub(crate) clean: CleanState,
    _enabled: Enabled,
    _awake: Option<RuntimeRef>,
    pub(crate) set: Arc<DeviceSet>,
    pub(crate) way: Way,

    /// What the user shares with those of the virtual functions, if the device can have any.
    pub(crate) trust: Option<Arc<Trust>>,

    pub(crate) pdev: Device,
}

impl OpenPci {
    /// Opens a device.
    ///
    /// # Errors
    ///
    /// `EAGAIN` if somebody else has the device locked, `ENOMEM`, those of waking and enabling the
    /// device and of reading its configuration space, `EINVAL` as [`Igd::find`] says.
    pub(super) fn new(bound: &Bound, cx: &OpenContext) -> Result<Arc<Self>> {
        let pdev = &bound.pdev;
        let awake = match bound.options.disable_idle_d3 {
            true => None,
            false => Some(RuntimeRef::resume(pdev.device())?),
        };
        // The state to go back to is one without DMA.
        pdev.clear_master();
        let enabled = pdev.enable()?;
        // Enabling has unmasked the pin, which the last user may have left asserted.
        let masking = IntxMasking::choose(pdev, bound.options.nointxmask);
        masking.silence(pdev);
        let clean = CleanState::new(pdev, bound.traces.clone(), bound.last_reset.clone())?;
        let igd = Igd::find(pdev)?;
        let config = Config::build(pdev, masking)?;
        let bars = Bars::new(pdev, config.msix());
        let gate = MemoryGate::new(
            pdev,
            config.clone(),
            cx.mapping().clone(),
            bound.forgets,
            bound.floor.clone(),
        )?;
        let geometry = Geometry::probe(pdev, config.intx_pin() != 0, masking);
        let irqs = Irqs::new(pdev.clone(), gate.clone(), geometry)?;
        let open = Self {
            _vf_user: bound.role.enter(),
            _quiet: Quiet {
                pdev: pdev.clone(),
                gate: gate.clone(),
            },
            ioeventfds: Ioeventfds::new(pdev)?,
            _announced: Announced::new(&bound.current, &irqs, &gate),
            irqs,
            gate,
            config,
            bars,
            vga: bound.vga.clone().filter(|_| !bound.options.disable_vga),
            igd,
            clean,
            _enabled: enabled,
            _awake: awake,
            set: cx.set().clone(),
            way: cx.way(),
            trust: bound.role.owned_trust().cloned(),
            pdev: pdev.clone(),
        };
        let open = Arc::new(open, GFP_KERNEL_ACCOUNT)?;
        bound.traces.leave();
        Ok(open)
    }
}

/// While it exists, messages from the host reach the user of the device, and the device is prepared
/// for sleeping and waking.
struct Announced(Arc<Current>);

impl Announced {
    fn new(current: &Arc<Current>, irqs: &Arc<Irqs>, gate: &Arc<MemoryGate>) -> Self {
        current.set(Some(User {
            irqs: irqs.clone(),
            gate: gate.clone(),
        }));
        Self(current.clone())
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

/// Stops a device when it is dropped: awake, so that it can be reset, without DMA, and out of reach
/// of other devices.
///
/// Its user is gone, so the eventfd that tells of waking is not rung.
struct Quiet {
    pdev: Device,
    gate: Arc<MemoryGate>,
}

impl Drop for Quiet {
    fn drop(&mut self) {
        self.gate.zap().buffers().clear();
        self.gate.exclusive().leave_low_power();
        let awake = RuntimeRef::resume(self.pdev.device());
        let woken = self.gate.exclusive().set_power_state(PowerState::D0);
        if let Err(error) = awake.map(drop).and(woken) {
            dev_warn!(
                self.pdev.device(),
                "does not wake up to be reset after use: {:?}\n",
                error
            );
        }
        self.pdev.clear_master();
    }
}

impl OpenDevice for OpenPci {
    fn ioctl(&self, cmd: u32, arg: UserArg) -> Result<isize> {
        ioctl::dispatch(self, cmd, arg)
    }

    fn ioctl_uses(&self, cmd: u32) -> Restrictions {
        ioctl::uses(cmd)
    }

    fn write_uses(&self, pos: u64) -> Restrictions {
        match Region::new(region::split(pos).0) {
            Ok(Region::Config) => Restrictions::CONFIG_WRITE,
            _ => Restrictions::empty(),
        }
    }

    fn feature_uses(&self, index: u32) -> Restrictions {
        feature::uses(index)
    }

    fn feature(&self, request: &FeatureRequest) -> Result<isize> {
        feature::dispatch(self, request)
    }

    fn read(&self, to: &mut UserSliceWriter, count: usize, pos: u64) -> Result<usize> {
        if count == 0 {
            return Ok(0);
        }
        let (index, at) = region::split(pos);
        let region = Region::new(index)?;
        let _awake = wake_for_user(self.pdev.device())?;
        match region {
            Region::Config => self.config.read(to, count, at),
            Region::Rom => rom::read(&self.pdev, &self.gate, to, count, at),
            Region::Bar(bar) => self.bars.read(&self.gate, bar, to, count, at),
            Region::Vga => vga::read(self.vga.as_deref(), to, count, at),
            Region::Own(number) => self.igd.read(number, to, count, at),
        }
    }

    fn write(&self, from: &mut UserSliceReader, count: usize, pos: u64) -> Result<usize> {
        if count == 0 {
            return Ok(0);
        }
        let (index, at) = region::split(pos);
        let region = Region::new(index)?;
        let _awake = wake_for_user(self.pdev.device())?;
        match region {
            Region::Config => self.config.write(self, from, count, at),
            Region::Rom | Region::Own(_) => Err(EINVAL),
            Region::Bar(bar) => self.bars.write(&self.gate, bar, from, count, at),
            Region::Vga => vga::write(self.vga.as_deref(), from, count, at),
        }
    }

    fn mmap(&self, vma: &mut NewVma<'_>) -> Result {
        self.bars.mmap(&self.gate, vma)
    }

    fn hold(&self) -> Result<KBox<dyn HeldDevice + '_>> {
        let zapped = self.gate.try_zap().ok_or_else(|| {
            refuse!(
                "{}: is being accessed, so it is not reset together with others; try again\n",
                self.pdev.name()
            );
            EBUSY
        })?;
        Ok(KBox::new(zapped, GFP_KERNEL)?)
    }

    fn request(&self, count: u32) {
        self.irqs.notify_req(count);
    }
}
