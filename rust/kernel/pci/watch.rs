// SPDX-License-Identifier: GPL-2.0-only

//! Being told what becomes of the devices of the PCI bus.
//!
//! The driver core announces on a list of callbacks whatever happens to the devices of a bus. A
//! [`BusWatch`] is on that list, and passes on to its [`BusWatcher`] what changes who can use a device.
//!
//! Lock order: a watcher runs with the list held, and possibly the lock of the device. A [`BusWatch`]
//! is dropped with none of the locks held that its watcher takes.
//!
//! C headers: [`include/linux/device/bus.h`](srctree/include/linux/device/bus.h),
//! [`include/linux/notifier.h`](srctree/include/linux/notifier.h)

use crate::{
    bindings,
    device::DriverName, //
};
use core::ptr;
use kernel::{
    container_of,
    device::Device,
    error::to_result,
    prelude::*,
    types::Opaque, //
};

/// The driver that a device was bound to.
#[derive(Clone, Copy)]
pub struct BoundDriver {
    /// Its name.
    pub name: DriverName,
    /// Tells it apart from other drivers, as long as it is registered.
    pub(super) id: usize,
}

/// What happens to a device.
#[derive(Clone, Copy)]
pub enum BusEvent {
    /// It was found, and is in its IOMMU group. No driver was looked for yet.
    Added,
    /// It is about to be taken away; it is still in its group, and has no driver.
    Leaving,
    /// It was taken away, and has left its group.
    Left,
    /// It was bound to a driver.
    Bound(BoundDriver),
    /// It was taken from its driver.
    Unbound,
}

impl BusEvent {
    /// Returns what the driver core announces as `action`, if it is one of these.
    ///
    /// # Safety
    ///
    /// `dev` is the device that it is about, valid, and locked if it was bound.
    unsafe fn of(action: c_ulong, dev: *mut bindings::device) -> Option<Self> {
        Some(match u32::try_from(action).ok()? {
            bindings::bus_notifier_event_BUS_NOTIFY_ADD_DEVICE => Self::Added,
            bindings::bus_notifier_event_BUS_NOTIFY_DEL_DEVICE => Self::Leaving,
            bindings::bus_notifier_event_BUS_NOTIFY_REMOVED_DEVICE => Self::Left,
            bindings::bus_notifier_event_BUS_NOTIFY_BOUND_DRIVER => {
                // SAFETY: By the requirements of this function the device is locked, so it keeps the
                // driver that it has just been bound to, and that its name, a C string.
                let (driver, name) = unsafe {
                    let driver = (*dev).driver;
                    (driver, CStr::from_char_ptr((*driver).name))
                };
                Self::Bound(BoundDriver {
                    name: DriverName::new(name),
                    id: driver.addr(),
                })
            }
            bindings::bus_notifier_event_BUS_NOTIFY_UNBOUND_DRIVER => Self::Unbound,
            _ => return None,
        })
    }
}

/// Who is told by a [`BusWatch`].
pub trait BusWatcher: Send + Sync {
    /// Something has happened to a device.
    fn happened(&self, dev: &Device, event: BusEvent);
}

/// Tells a [`BusWatcher`] what becomes of the devices of the PCI bus.
#[pin_data(PinnedDrop)]
pub struct BusWatch<W: BusWatcher> {
    /// On the list of the PCI bus as long as this value lives.
    #[pin]
    block: Opaque<bindings::notifier_block>,
    watcher: W,
}

// SAFETY: The block may be taken off the list by any thread, and its callback runs on any.
unsafe impl<W: BusWatcher> Send for BusWatch<W> {}
// SAFETY: Nothing can be done through a shared reference.
unsafe impl<W: BusWatcher> Sync for BusWatch<W> {}

impl<W: BusWatcher> BusWatch<W> {
    /// Starts to watch. Who has started later is told later, and of what has left, too.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, those of the driver core.
    pub fn new(watcher: W) -> Result<Pin<KBox<Self>>> {
        KBox::pin_init(
            // The list comes last: the callback may run at once.
            try_pin_init!(&this in Self {
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
    /// Only for the kernel, as `notifier_block::notifier_call` of a block that [`BusWatch::new`] put
    /// on the list of the PCI bus.
    unsafe extern "C" fn notify(
        block: *mut bindings::notifier_block,
        action: c_ulong,
        data: *mut c_void,
    ) -> c_int {
        // SAFETY: The list of a bus passes devices, and keeps them valid during the call; the driver core
        // makes the announcement that one was bound with its lock held.
        if let Some(event) = unsafe { BusEvent::of(action, data.cast()) } {
            // SAFETY: The block is that of a `BusWatch<W>`, complete when it was put on the list, and
            // dropping that waits for this call.
            let watch = unsafe { &*container_of!(Opaque::cast_from(block), Self, block) };
            // SAFETY: As above.
            let dev = unsafe { Device::from_raw(data.cast()) };
            watch.watcher.happened(dev, event);
        }
        // CAST: Zero.
        bindings::NOTIFY_DONE as c_int
    }
}

#[pinned_drop]
impl<W: BusWatcher> PinnedDrop for BusWatch<W> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: The block was put on the list by `new`. The call waits for callbacks that run.
        unsafe {
            bindings::bus_unregister_notifier(&raw const bindings::pci_bus_type, self.block.get())
        };
    }
}
