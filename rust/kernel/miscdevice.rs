// SPDX-License-Identifier: GPL-2.0-only

//! A path in `/dev` with a fixed number among the misc devices.
//!
//! `kernel::miscdevice` gives only numbers that the kernel chooses, and no say on path and mode.
//!
//! C header: [`include/linux/miscdevice.h`](srctree/include/linux/miscdevice.h)

use crate::{
    bindings,
    fs::{
        entry_table,
        install,
        OpenFile, //
    }, //
};
use core::marker::{
    PhantomData,
    PhantomPinned, //
};
use kernel::{
    device,
    error::to_result,
    prelude::*,
    sync::Arc,
    types::Opaque, //
};

/// What a misc device is called and who may open it.
#[derive(Clone, Copy)]
pub struct MiscOptions {
    /// The minor number, below 255.
    pub minor: u32,
    /// The name in sysfs.
    pub name: &'static CStr,
    /// The path below `/dev`.
    pub nodename: &'static CStr,
    /// The access mode of the path, as in `chmod`.
    pub mode: u16,
}

/// A registered misc device whose open files are of type `T`.
///
/// # Invariants
///
/// `misc` is registered and pinned.
#[pin_data(PinnedDrop)]
pub struct MiscNode<T: OpenFile<Owner = ()>> {
    #[pin]
    misc: Opaque<bindings::miscdevice>,
    #[pin]
    _pin: PhantomPinned,
    _type: PhantomData<fn(T)>,
}

// SAFETY: A misc device may be removed by any thread, and a shared reference gives no access.
unsafe impl<T: OpenFile<Owner = ()>> Send for MiscNode<T> {}
// SAFETY: As above.
unsafe impl<T: OpenFile<Owner = ()>> Sync for MiscNode<T> {}

impl<T: OpenFile<Owner = ()>> MiscNode<T> {
    const ENTRY: bindings::file_operations = entry_table::<T>(Self::open);

    /// Adds the misc device; files can be opened before this returns.
    ///
    /// # Errors
    ///
    /// `EBUSY` if the minor is taken, `EEXIST` if the name is, `EINVAL` for a minor that is no
    /// such number, `ENOMEM`.
    pub fn register(options: MiscOptions) -> Result<Pin<KBox<Self>>> {
        let misc = bindings::miscdevice {
            minor: c_int::try_from(options.minor)?,
            name: options.name.as_char_ptr(),
            fops: &Self::ENTRY,
            nodename: options.nodename.as_char_ptr(),
            mode: options.mode,
            ..pin_init::zeroed()
        };
        KBox::try_pin_init(
            try_pin_init!(Self {
                misc <- Opaque::try_ffi_init(|slot: *mut bindings::miscdevice| {
                    // SAFETY: `slot` is valid for writes.
                    unsafe { slot.write(misc) };
                    // SAFETY:
                    // - `slot` was just filled in with what the call needs; strings and table are
                    //   static.
                    // - It is pinned, and removed by `drop` before its memory is freed.
                    // INVARIANT: If this succeeds, the device is registered.
                    to_result(unsafe { bindings::misc_register(slot) })
                }),
                _pin: PhantomPinned,
                _type: PhantomData,
            }),
            GFP_KERNEL,
        )
    }

    /// Returns the device as the driver core sees it.
    pub fn device(&self) -> &device::Device {
        // SAFETY: The misc device is registered by the type invariant, and valid.
        let dev = unsafe { (*self.misc.get()).this_device };
        // SAFETY: Registering made this device, which lives until `drop`.
        unsafe { device::Device::from_raw(dev) }
    }

    /// # Safety
    ///
    /// The kernel calls this for a file that is being opened with [`Self::ENTRY`].
    unsafe extern "C" fn open(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        let installed = Arc::new((), GFP_KERNEL)
            .map_err(Error::from)
            .and_then(|owner| {
                // SAFETY: The file is being opened, with a table made by `entry_table::<T>`.
                unsafe { install::<T>(&owner, file) }
            });
        installed.map_or_else(Error::to_errno, |()| 0)
    }
}

#[pinned_drop]
impl<T: OpenFile<Owner = ()>> PinnedDrop for MiscNode<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: The device is registered by the type invariant, and not used afterwards. The
        // call waits for `open` callbacks that are running.
        unsafe { bindings::misc_deregister(self.misc.get()) };
    }
}
