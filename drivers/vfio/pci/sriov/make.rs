// SPDX-License-Identifier: GPL-2.0-only

//! Making the virtual functions of a device, and taking them away.
//!
//! The administrator asks for them with a write to `sriov_numvfs`. They are left to the driver of
//! their physical function before any other driver can have them ([`Capture`]): the host has no
//! reason to trust what a program does to them through the physical function. As long as they
//! exist, the physical function stays awake, as they do not work without it.
//!
//! C counterpart: `vfio_pci_core_sriov_configure` and `vfio_pci_bus_notifier` in
//! [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c)

use kernel::{
    dev_info,
    dev_warn,
    device,
    new_mutex,
    prelude::*,
    sync::Mutex, //
};
use kernel_ext::{
    device::DriverName,
    pci::{
        Device,
        FoundVf,
        SriovRequest,
        VfWatch,
        VfWatcher,
        VirtualFunctions, //
    },
    pm::runtime::RuntimeRef,
    refuse, //
};

use super::Listed;
use crate::{
    device::Bound,
    power::StaysAwake, //
};

/// The virtual functions of a bound device, if it has some; dropping this takes them away.
#[pin_data]
pub(crate) struct Offspring {
    #[pin]
    made: Mutex<Option<Made>>,
}

impl Offspring {
    /// Starts without any.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn none() -> Result<Pin<KBox<Self>>> {
        KBox::pin_init(
            pin_init!(Self {
                made <- new_mutex!(None, "Offspring::made"),
            }),
            GFP_KERNEL,
        )
    }

    /// Makes as many as `request` asks for, or takes them away; returns how many there are.
    ///
    /// To take them away waits until nobody uses them. `request` excludes others who would do the
    /// same, so the lock is not held meanwhile.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there are some already; those of waking the device and of the PCI core.
    pub(crate) fn configure(&self, pf: &Bound, request: &SriovRequest<'_>) -> Result<u32> {
        if request.count() == 0 {
            let made = self.made.lock().take();
            drop(made);
        } else {
            let made = Made::new(pf, request).inspect_err(|error| {
                refuse!(
                    "{}: could not make {} virtual functions: {:?}\n",
                    pf.pdev.name(),
                    request.count(),
                    error
                );
            })?;
            *self.made.lock() = Some(made);
        }
        Ok(request.count())
    }
}

/// Virtual functions, and what they need.
// The order of the fields is the order in which all of it goes.
struct Made {
    _functions: VirtualFunctions,
    _capture: VfWatch<Capture>,
    _stays_awake: StaysAwake,
    _awake: RuntimeRef,
    _listed: Listed,
}

impl Made {
    fn new(pf: &Bound, request: &SriovRequest<'_>) -> Result<Self> {
        let pdev = &pf.pdev;
        let trust = pf.role.owned_trust().ok_or(EINVAL)?;
        let listed = Listed::new(pdev.address(), trust.clone())?;
        let awake = RuntimeRef::resume(pdev.device())?;
        let stays_awake = StaysAwake::new(pdev, &pf.floor, || pf.gate());
        let capture = Capture {
            pf: pdev.clone(),
            driver: pf.driver,
        };
        Ok(Self {
            _capture: VfWatch::new(pdev, capture)?,
            _functions: VirtualFunctions::new(pdev, request)?,
            _stays_awake: stays_awake,
            _awake: awake,
            _listed: listed,
        })
    }
}

/// Leaves new virtual functions to the driver of their physical function.
struct Capture {
    pf: Device,
    driver: &'static CStr,
}

impl VfWatcher for Capture {
    fn found(&self, vf: &FoundVf<'_>) {
        match vf.set_driver_override(self.driver) {
            Ok(()) => dev_info!(
                self.pf.device(),
                "left its virtual function {} to {}\n",
                vf.device().name(),
                self.driver
            ),
            Err(error) => dev_warn!(
                self.pf.device(),
                "any driver may take its virtual function {}: {:?}\n",
                vf.device().name(),
                error
            ),
        }
    }

    fn strayed(&self, vf: &device::Device, driver: DriverName) {
        dev_warn!(
            self.pf.device(),
            "its virtual function {} is bound to {}, which trusts whoever uses this device\n",
            vf.name(),
            driver
        );
    }
}
