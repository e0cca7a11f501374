// SPDX-License-Identifier: GPL-2.0-only

//! Being told what becomes of virtual functions.
//!
//! The driver core announces on a list of callbacks whatever happens to the devices of a bus. A
//! [`VfWatch`] is on that of the PCI bus, and passes on to its [`VfWatcher`] what concerns the
//! virtual functions of one device.
//!
//! Lock order: a watcher runs with the list held, and possibly the lock of the virtual function. A
//! [`VfWatch`] is dropped with none of the locks held that its watcher takes.
//!
//! C headers: [`include/linux/device/bus.h`](srctree/include/linux/device/bus.h),
//! [`include/linux/notifier.h`](srctree/include/linux/notifier.h)

use super::Device;
use crate::{
    bindings,
    device::DriverName, //
};
use core::{
    marker::PhantomData,
    ptr, //
};
use kernel::{
    container_of,
    device,
    error::to_result,
    prelude::*,
    types::Opaque, //
};

/// Who is told by a [`VfWatch`].
pub trait VfWatcher: Send + Sync {
    /// A virtual function was found. No driver was looked for yet.
    fn found(&self, vf: &FoundVf<'_>);

    /// A virtual function was bound to a driver that is not the physical function's.
    fn strayed(&self, vf: &device::Device, driver: DriverName);
}

/// A virtual function that has just been found.
///
/// # Invariants
///
/// `dev` is the device of a `struct pci_dev`, and valid during `'a`.
pub struct FoundVf<'a> {
    dev: *mut bindings::device,
    _device: PhantomData<&'a ()>,
}

impl FoundVf<'_> {
    /// Returns the device as the driver core sees it.
    pub fn device(&self) -> &device::Device {
        // SAFETY: The device is valid by the type invariant.
        unsafe { device::Device::from_raw(self.dev) }
    }

    /// Leaves the device to the driver called `driver`, and to no other.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn set_driver_override(&self, driver: &CStr) -> Result {
        let name = driver.to_bytes();
        // SAFETY: The device is valid by the type invariant; the call copies the name, whose length
        // is given.
        to_result(unsafe {
            bindings::__device_set_driver_override(self.dev, driver.as_char_ptr(), name.len())
        })
    }
}

/// Tells a [`VfWatcher`] what becomes of the virtual functions of one device.
#[pin_data(PinnedDrop)]
pub struct VfWatch<W: VfWatcher> {
    /// On the list of the PCI bus as long as this value lives.
    #[pin]
    block: Opaque<bindings::notifier_block>,
    pf: Device,
    watcher: W,
}

// SAFETY: The block may be taken off the list by any thread, and its callback runs on any.
unsafe impl<W: VfWatcher> Send for VfWatch<W> {}
// SAFETY: Nothing can be done through a shared reference.
unsafe impl<W: VfWatcher> Sync for VfWatch<W> {}

impl<W: VfWatcher> VfWatch<W> {
    /// Starts to watch the virtual functions of `pf`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, those of the driver core.
    pub fn new(pf: &Device, watcher: W) -> Result<Pin<KBox<Self>>> {
        let pf = pf.clone();
        KBox::pin_init(
            // The list comes last: the callback may run at once.
            try_pin_init!(&this in Self {
                pf,
                watcher,
                block: Opaque::new(bindings::notifier_block {
                    notifier_call: Some(Self::notify),
                    next: ptr::null_mut(),
                    priority: 0,
                }),
                _: {
                    // SAFETY: All fields of the slot are initialised.
                    let block = Opaque::cast_into(unsafe { &raw const (*this.as_ptr()).block });
                    // SAFETY: The block is complete and pinned, and taken off the list before its
                    // memory goes. Should the call fail, it is not on it.
                    to_result(unsafe {
                        bindings::bus_register_notifier(&raw const bindings::pci_bus_type, block)
                    })?;
                },
            }? Error),
            GFP_KERNEL,
        )
    }

    /// Something happens to a device of the PCI bus.
    ///
    /// # Safety
    ///
    /// Only for the kernel, as `notifier_block::notifier_call` of a block that [`VfWatch::new`] put
    /// on the list of the PCI bus.
    unsafe extern "C" fn notify(
        block: *mut bindings::notifier_block,
        action: c_ulong,
        data: *mut c_void,
    ) -> c_int {
        // SAFETY: The block is that of a `VfWatch<W>`, complete when it was put on the list, and
        // dropping that waits for this call.
        let watch = unsafe { &*container_of!(Opaque::cast_from(block), Self, block) };
        let dev = data.cast::<bindings::device>();
        // SAFETY: The list of the PCI bus passes devices of that bus, which are the field `dev` of
        // a `struct pci_dev`, and keeps them valid during the call.
        let vf = unsafe { container_of!(dev, bindings::pci_dev, dev) };
        // SAFETY: As above.
        if unsafe { watch.is_parent_of(vf) } {
            match u32::try_from(action) {
                Ok(bindings::bus_notifier_event_BUS_NOTIFY_ADD_DEVICE) => {
                    // INVARIANT: The device is valid during the call, which the value does not
                    // leave.
                    watch.watcher.found(&FoundVf {
                        dev,
                        _device: PhantomData,
                    });
                }
                // SAFETY: The driver core makes this announcement with the device's lock held, and
                // the device is valid, see above.
                Ok(bindings::bus_notifier_event_BUS_NOTIFY_BOUND_DRIVER) => unsafe {
                    watch.bound(dev)
                },
                _ => {}
            }
        }
        // CAST: Zero.
        bindings::NOTIFY_DONE as c_int
    }

    /// Returns whether `vf` is a virtual function of the device.
    ///
    /// # Safety
    ///
    /// `vf` is valid.
    unsafe fn is_parent_of(&self, vf: *mut bindings::pci_dev) -> bool {
        // SAFETY: By the requirements of this function; a virtual function keeps its physical
        // function alive.
        unsafe {
            bindings::vfio_helper_pci_dev_is_virtfn(vf)
                && ptr::eq(bindings::vfio_helper_pci_physfn(vf), self.pf.as_raw())
        }
    }

    /// A virtual function was bound to a driver.
    ///
    /// # Safety
    ///
    /// `dev` is valid, and its lock is held.
    unsafe fn bound(&self, dev: *mut bindings::device) {
        // SAFETY: By the requirements of this function. The physical function is bound to us while
        // its handle exists, so its driver does not change.
        let (driver, ours) = unsafe { ((*dev).driver, (*self.pf.as_raw()).dev.driver) };
        if driver.is_null() || ptr::eq(driver, ours) {
            return;
        }
        // SAFETY: A device that is locked keeps its driver, and that its name, a C string.
        let name = DriverName::new(unsafe { CStr::from_char_ptr((*driver).name) });
        // SAFETY: The device is valid during the call.
        let vf = unsafe { device::Device::from_raw(dev) };
        self.watcher.strayed(vf, name);
    }
}

#[pinned_drop]
impl<W: VfWatcher> PinnedDrop for VfWatch<W> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: The block was put on the list by `new`. The call waits for callbacks that run.
        unsafe {
            bindings::bus_unregister_notifier(&raw const bindings::pci_bus_type, self.block.get())
        };
    }
}
