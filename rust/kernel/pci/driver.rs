// SPDX-License-Identifier: GPL-2.0-only

//! Registration of PCI drivers that hand their devices to user space.
//!
//! `kernel::pci::Driver` cannot say that a driver manages DMA itself, that its ids only match by
//! override, or that it wants to hear of bus errors. [`Driver`] can. It also gives the driver a
//! [`Device`] that may be kept and cloned: `remove` drops what `probe` returned and then waits
//! until the last clone is gone.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use super::{
    device::Drain,
    ids::{
        DynamicId,
        OverrideTable, //
    },
    Device,
    SriovRequest, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    mem::offset_of, //
};
use kernel::{
    device::{
        self,
        CoreInternal, //
    },
    driver::{
        self,
        DriverLayout,
        RegistrationOps, //
    },
    error::{
        from_result,
        to_result, //
    },
    new_mutex,
    pci,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
    types::Opaque, //
};

/// A PCI driver whose devices are used by programs.
pub trait Driver: 'static {
    /// What the driver keeps for each bound device. Dropping it gives the device up.
    type Data: Send + Sync + 'static;

    /// The ids the driver matches, see [`pci_override_table!`](crate::pci_override_table).
    const ID_TABLE: OverrideTable;

    /// Takes a device, or refuses it with an error.
    fn probe(pdev: Device) -> Result<Arc<Self::Data>>;

    /// Calls `add` for each further id that the driver shall match from the start.
    fn add_ids(add: &mut dyn FnMut(&DynamicId) -> Result) {
        let _ = add;
    }

    /// The bus reported an error of the device, which will try to go on.
    fn error_detected(data: &Self::Data) {
        let _ = data;
    }

    /// The administrator asks for virtual functions, or for none; returns how many there are now.
    ///
    /// # Errors
    ///
    /// Whatever the write to `sriov_numvfs` shall report.
    fn sriov_configure(data: &Self::Data, request: &SriovRequest<'_>) -> Result<u32> {
        let _ = (data, request);
        Err(ENOENT)
    }

    /// The device, which nobody uses at the moment, is about to sleep.
    fn runtime_suspend(data: &Self::Data) {
        let _ = data;
    }

    /// The device woke up.
    fn runtime_resume(data: &Self::Data) {
        let _ = data;
    }
}

/// The registration of a [`Driver`]; dropping it unbinds all devices.
pub type Registration<T> = driver::Registration<Adapter<T>>;

/// Translates between the PCI core and a [`Driver`].
pub struct Adapter<T>(PhantomData<T>);

/// The private data that the driver core keeps for a bound device.
///
/// It is there before `probe` of the driver runs, because power management may call back at once.
#[pin_data]
pub struct Slot<T> {
    #[pin]
    state: Mutex<State<T>>,
}

/// How far a device is bound.
enum State<T> {
    /// The driver's `probe` is running, has failed, or the driver has let go.
    Unbound,

    /// From the end of `probe` to the beginning of `remove`.
    Bound { data: Arc<T>, drain: Drain },
}

impl<T: Send + Sync + 'static> Slot<T> {
    fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            state <- new_mutex!(State::Unbound, "pci::Slot::state"),
        })
    }

    /// Returns what the driver keeps for the device, while it is bound.
    fn data(&self) -> Option<Arc<T>> {
        match &*self.state.lock() {
            State::Unbound => None,
            State::Bound { data, .. } => Some(data.clone()),
        }
    }

    /// Gives the device up and waits until it is unused.
    fn unbind(&self) {
        let state = core::mem::replace(&mut *self.state.lock(), State::Unbound);
        if let State::Bound { data, drain } = state {
            // First ask every holder of the device to let go of it, then wait for them.
            drop(data);
            drain.wait();
        }
    }
}

// SAFETY:
// - `bindings::pci_driver` is `repr(C)`.
// - `Slot<T::Data>` is what `probe` stores with `set_drvdata`.
// - The offset is that of the embedded `struct device_driver`.
unsafe impl<T: Driver> DriverLayout for Adapter<T> {
    type DriverType = bindings::pci_driver;
    type DriverData<'bound> = Slot<T::Data>;
    const DEVICE_DRIVER_OFFSET: usize = offset_of!(bindings::pci_driver, driver);
}

// SAFETY: `unregister` undoes what a successful `register` did.
unsafe impl<T: Driver> RegistrationOps for Adapter<T> {
    unsafe fn register(
        driver: &Opaque<bindings::pci_driver>,
        name: &'static CStr,
        module: &'static ThisModule,
    ) -> Result {
        let raw = driver.get();
        // SAFETY: The driver is not registered yet, so it is ours alone.
        unsafe {
            (*raw).name = name.as_char_ptr();
            (*raw).id_table = T::ID_TABLE.as_ptr();
            (*raw).probe = Some(Self::probe);
            (*raw).remove = Some(Self::remove);
            (*raw).sriov_configure = Some(Self::sriov_configure);
            (*raw).err_handler = &Self::ERROR_HANDLERS;
            (*raw).driver.pm = &Self::PM_OPS;
            (*raw).driver_managed_dma = true;
        }
        // SAFETY: The driver is complete, and pinned until it is unregistered.
        to_result(unsafe {
            bindings::__pci_register_driver(raw, module.as_ptr(), name.as_char_ptr())
        })?;
        T::add_ids(&mut |id: &DynamicId| {
            // SAFETY: The driver is registered.
            to_result(unsafe {
                bindings::pci_add_dynid(
                    raw,
                    id.vendor,
                    id.device,
                    id.subvendor,
                    id.subdevice,
                    id.class,
                    id.class_mask,
                    0,
                )
            })
        });
        Ok(())
    }

    unsafe fn unregister(driver: &Opaque<bindings::pci_driver>) {
        // SAFETY: By the requirements of this function the driver is registered.
        unsafe { bindings::pci_unregister_driver(driver.get()) }
    }
}

impl<T: Driver> Adapter<T> {
    const ERROR_HANDLERS: bindings::pci_error_handlers = bindings::pci_error_handlers {
        error_detected: Some(Self::error_detected),
        ..pin_init::zeroed()
    };

    const PM_OPS: bindings::dev_pm_ops = bindings::dev_pm_ops {
        runtime_suspend: Some(Self::runtime_suspend),
        runtime_resume: Some(Self::runtime_resume),
        ..pin_init::zeroed()
    };

    /// The PCI core found a device for the driver.
    ///
    /// # Safety
    ///
    /// Only for the PCI core, as `pci_driver::probe` of this driver.
    unsafe extern "C" fn probe(
        pdev: *mut bindings::pci_dev,
        _id: *const bindings::pci_device_id,
    ) -> c_int {
        // SAFETY: The PCI core passes a device that is being bound to this driver, and calls
        // nothing else of the driver for it at the same time.
        let pdev = unsafe { &*pdev.cast::<pci::Device<CoreInternal<'_>>>() };
        from_result(|| {
            let dev: &device::Device<CoreInternal<'_>> = pdev.as_ref();
            dev.set_drvdata(Slot::<T::Data>::new())?;
            // SAFETY: Set just above, with this type.
            let slot = unsafe { dev.drvdata_borrow::<Slot<T::Data>>() };
            // SAFETY:
            // - The device is being bound to this driver.
            // - If `probe` succeeds, `remove` waits for `drain`, through `Slot::unbind`; if it
            //   fails, the wait is below.
            let (device, drain) = unsafe { Device::new(pdev) }?;
            match T::probe(device) {
                Ok(data) => {
                    *slot.state.lock() = State::Bound { data, drain };
                    Ok(0)
                }
                Err(error) => {
                    drain.wait();
                    Err(error)
                }
            }
        })
    }

    /// Calls `f` with the private data of `dev`, if `dev` is bound.
    ///
    /// # Safety
    ///
    /// `dev` is the device of a callback that the PCI core or the power management core makes for
    /// this driver, which they do between the start of `probe` and the end of `remove`.
    unsafe fn with_data<R>(dev: *mut bindings::device, f: impl FnOnce(&T::Data) -> R) -> Option<R> {
        // SAFETY: By the requirements of this function the device is valid.
        let dev = unsafe { &*dev.cast::<device::Device<CoreInternal<'_>>>() };
        // SAFETY: As above; and the private data was set by `probe`, before anything that lets
        // the core make callbacks, and is freed after `remove`.
        let slot = unsafe { dev.drvdata_borrow::<Slot<T::Data>>() };
        slot.data().map(|data| f(&data))
    }

    /// The device leaves the driver.
    ///
    /// # Safety
    ///
    /// Only for the PCI core, as `pci_driver::remove` of this driver.
    unsafe extern "C" fn remove(pdev: *mut bindings::pci_dev) {
        // SAFETY: The PCI core passes a device that is bound to this driver.
        let pdev = unsafe { &*pdev.cast::<pci::Device<CoreInternal<'_>>>() };
        let dev: &device::Device<CoreInternal<'_>> = pdev.as_ref();
        // SAFETY: `probe` succeeded, so it has set the data with this type.
        let slot = unsafe { dev.drvdata_borrow::<Slot<T::Data>>() };
        slot.unbind();
    }

    /// The bus reported an error of the device.
    ///
    /// # Safety
    ///
    /// Only for the PCI core, as `pci_error_handlers::error_detected` of this driver.
    unsafe extern "C" fn error_detected(
        pdev: *mut bindings::pci_dev,
        _state: bindings::pci_channel_state_t,
    ) -> bindings::pci_ers_result_t {
        // SAFETY: The PCI core calls this with the lock of a bound device held.
        unsafe { Self::with_data(&raw mut (*pdev).dev, T::error_detected) };
        bindings::pci_ers_result_PCI_ERS_RESULT_CAN_RECOVER
    }

    /// Somebody wrote to `sriov_numvfs` of the device.
    ///
    /// # Safety
    ///
    /// Only for the PCI core, as `pci_driver::sriov_configure` of this driver.
    unsafe extern "C" fn sriov_configure(pdev: *mut bindings::pci_dev, count: c_int) -> c_int {
        from_result(|| {
            let count = u32::try_from(count)?;
            // SAFETY: The only caller, `sriov_numvfs_store`, holds the lock of the device and that
            // for adding and removing devices.
            let request = unsafe { SriovRequest::new(pdev, count) };
            // SAFETY: The PCI core calls this with the lock of a bound device held.
            let result = unsafe {
                Self::with_data(&raw mut (*pdev).dev, |data| {
                    T::sriov_configure(data, &request)
                })
            };
            Ok(i32::try_from(result.ok_or(ENODEV)??)?)
        })
    }

    /// The device is about to sleep.
    ///
    /// # Safety
    ///
    /// Only for the PCI core, as `dev_pm_ops::runtime_suspend` of this driver.
    unsafe extern "C" fn runtime_suspend(dev: *mut bindings::device) -> c_int {
        // SAFETY: The PCI core calls this for a device with a driver, and `remove` only begins
        // when no such call is running or can start.
        unsafe { Self::with_data(dev, T::runtime_suspend) };
        0
    }

    /// The device woke up.
    ///
    /// # Safety
    ///
    /// Only for the PCI core, as `dev_pm_ops::runtime_resume` of this driver.
    unsafe extern "C" fn runtime_resume(dev: *mut bindings::device) -> c_int {
        // SAFETY: As for `runtime_suspend`.
        unsafe { Self::with_data(dev, T::runtime_resume) };
        0
    }
}
