// SPDX-License-Identifier: GPL-2.0-only

//! Paths in `/dev` that come and go with what they stand for.
//!
//! A [`Region`] is a set of device numbers. A [`Node`] is one of them: a character device and the
//! device of a [`Class`] that makes user space create the path.
//!
//! C header: [`include/linux/cdev.h`](srctree/include/linux/cdev.h)

mod attributes;

pub use attributes::{
    Attribute,
    AttributeGroup,
    Attributes,
    NodeAttributes,
    RawAttribute, //
};

use crate::{
    bindings,
    class::Class,
    device::as_raw,
    fs::{
        entry_table,
        install,
        OpenFile, //
    }, //
};
use core::{
    marker::{
        PhantomData,
        PhantomPinned, //
    },
    ptr::NonNull, //
};
use kernel::{
    device,
    error::to_result,
    prelude::*,
    sync::Arc,
    types::Opaque, //
};

/// A set of device numbers with the same major number.
///
/// # Invariants
///
/// The numbers `first` to `first + minors - 1` are registered as ours, and `first` has minor 0.
/// `ida` has the minors below `minors` that are in use.
#[pin_data(PinnedDrop)]
pub struct Region {
    first: bindings::dev_t,
    minors: u32,
    #[pin]
    ida: Opaque<bindings::ida>,
    #[pin]
    _pin: PhantomPinned,
}

// SAFETY: Device numbers belong to no thread, and the allocator has a lock of its own.
unsafe impl Send for Region {}
// SAFETY: As above.
unsafe impl Sync for Region {}

impl Region {
    /// Takes the minor numbers from 0 to `minors - 1` of a major number that is free.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `minors` is not from 1 to 2^20, `EBUSY` if no major number is free, `ENOMEM`.
    pub fn alloc(name: &'static CStr, minors: u32) -> Result<Arc<Self>> {
        if minors == 0 || minors > 1 << bindings::MINORBITS {
            return Err(EINVAL);
        }
        let mut first = 0;
        // SAFETY: `first` is valid for writes, and `name` is a static C string.
        to_result(unsafe {
            bindings::alloc_chrdev_region(&mut first, 0, minors, name.as_char_ptr())
        })?;
        let init = pin_init!(Self {
            first,
            minors,
            // SAFETY: `slot` is valid for writes.
            ida <- Opaque::ffi_init(|slot| unsafe { bindings::vfio_helper_ida_init(slot) }),
            _pin: PhantomPinned,
        });
        // INVARIANT: The numbers were just registered; none is in use.
        Arc::pin_init(init, GFP_KERNEL).inspect_err(|_| {
            // SAFETY: The numbers were just registered and nobody else knows them.
            unsafe { bindings::unregister_chrdev_region(first, minors) };
        })
    }

    /// Takes the lowest minor that is not in use.
    fn take(self: Arc<Self>) -> Result<Minor> {
        // SAFETY: The allocator is initialised and pinned; it may be used concurrently.
        let number = unsafe {
            bindings::ida_alloc_range(self.ida.get(), 0, self.minors - 1, bindings::GFP_KERNEL)
        };
        to_result(number)?;
        // INVARIANT: The number was just taken.
        Ok(Minor {
            number: u32::try_from(number)?,
            region: self,
        })
    }
}

#[pinned_drop]
impl PinnedDrop for Region {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: The allocator is initialised and nobody uses it any more.
        unsafe { bindings::ida_destroy(self.ida.get()) };
        // SAFETY: The numbers are ours by the type invariant. Devices that use them keep an `Arc`
        // of this, so there are none.
        unsafe { bindings::unregister_chrdev_region(self.first, self.minors) };
    }
}

/// A device number in use.
///
/// # Invariants
///
/// `number` is taken from `region` by this value.
struct Minor {
    region: Arc<Region>,
    number: u32,
}

impl Minor {
    /// Returns the number with the major number.
    fn devt(&self) -> bindings::dev_t {
        // The minor numbers are the low bits, which are 0 in the first number.
        self.region.first | self.number
    }
}

impl Drop for Minor {
    fn drop(&mut self) {
        // SAFETY: The allocator is initialised, and the number was taken from it.
        unsafe { bindings::ida_free(self.region.ida.get(), self.number) };
    }
}

/// What a [`Node`] consists of, in one allocation, as the character device must not go before the
/// last file is closed.
///
/// # Invariants
///
/// The allocation is a `KBox` that the reference count of `dev` owns: `dev`'s release callback
/// frees it. `cdev` has `dev` as its parent and so keeps it.
struct Inner<T: OpenFile> {
    cdev: Opaque<bindings::cdev>,
    dev: Opaque<bindings::device>,
    owner: Arc<T::Owner>,
    /// Given back when the last file is closed.
    _minor: Minor,
    /// Kept registered, as `dev` points to it.
    _class: Arc<Class>,
}

impl<T: OpenFile> Inner<T> {
    const ENTRY: bindings::file_operations = entry_table::<T>(Self::open);

    /// # Safety
    ///
    /// The kernel calls this for a file that is being opened with [`Self::ENTRY`], which only the
    /// `cdev` of an [`Inner<T>`] has.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: The inode is valid, and is that of a character device, so the union has `i_cdev`.
        let cdev = unsafe { (*inode).__bindgen_anon_5.i_cdev };
        // SAFETY:
        // - The caller holds a reference to the character device, which keeps the allocation.
        // - By the requirements of this function it is the field of that name.
        // - `owner` is set before the device is added and does not change; the other fields are not
        //   accessed.
        let owner = unsafe {
            let inner = kernel::container_of!(Opaque::cast_from(cdev), Self, cdev);
            &(*inner).owner
        };
        // SAFETY: The file is being opened, with a table made by `entry_table::<T>`.
        match unsafe { install::<T>(owner, file) } {
            Ok(()) => 0,
            Err(error) => error.to_errno(),
        }
    }

    /// # Safety
    ///
    /// The driver core calls this when the last reference to the `dev` of an [`Inner<T>`] is gone.
    unsafe extern "C" fn release(dev: *mut bindings::device) {
        // SAFETY: By the requirements of this function `dev` is the field of that name.
        let inner = unsafe { kernel::container_of!(Opaque::cast_from(dev), Self, dev) };
        // SAFETY: By the type invariant the allocation is a `KBox`, which the reference count
        // owned; the driver core does not touch the device after this.
        drop(unsafe { KBox::from_raw(inner.cast_mut()) });
    }
}

/// A path in `/dev` whose open files are of type `T`.
///
/// Dropping it removes the path. An `open` that runs at that time may still reach the owner; files
/// stay open.
///
/// # Invariants
///
/// `inner` points to a valid [`Inner<T>`] whose `cdev` and `dev` are added; this value owns one
/// reference to the latter.
pub struct Node<T: OpenFile> {
    inner: NonNull<Inner<T>>,
    _owns: PhantomData<KBox<Inner<T>>>,
}

// SAFETY: The device may be used and removed by any thread. It shares `T::Owner`, which is `Send`
// and `Sync`, with all who open files.
unsafe impl<T: OpenFile> Send for Node<T> {}
// SAFETY: As above; a shared reference gives no access.
unsafe impl<T: OpenFile> Sync for Node<T> {}

impl<T: OpenFile> Node<T> {
    /// Adds a path with the name that the class gives to `name`; files can be opened before this
    /// returns. In sysfs its device is below `parent`, or among all that have none, with the files
    /// that `attributes` are.
    ///
    /// What has opened the path may keep `owner` for some time after the node is dropped, and after
    /// the last file was closed.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if the region has no minor left, `EEXIST` if the name is taken, `ENOMEM`.
    pub fn new(
        class: &Arc<Class>,
        region: &Arc<Region>,
        parent: Option<&device::Device>,
        name: &CStr,
        owner: Arc<T::Owner>,
        attributes: Option<&'static NodeAttributes<T>>,
    ) -> Result<Self> {
        let minor = region.clone().take()?;
        let devt = minor.devt();
        let inner = KBox::new(
            Inner::<T> {
                cdev: Opaque::zeroed(),
                dev: Opaque::zeroed(),
                owner,
                _minor: minor,
                _class: class.clone(),
            },
            GFP_KERNEL,
        )?;
        let inner = NonNull::from(KBox::leak(inner));
        // SAFETY: `inner` was just allocated and is freed only by `release`.
        let (cdev, dev) = unsafe {
            let inner = inner.as_ptr();
            (
                Opaque::cast_into(&raw const (*inner).cdev),
                Opaque::cast_into(&raw const (*inner).dev),
            )
        };
        // SAFETY:
        // - Both are zeroed memory that stays where it is.
        // - The fields set are those that a device must have before it is added. The class lives as
        //   long as the device. The parent is valid during this call; adding the device takes a
        //   reference to it, until the device is removed. The attributes are those of such nodes.
        unsafe {
            bindings::device_initialize(dev);
            (*dev).devt = devt;
            (*dev).class = class.as_raw();
            (*dev).parent = parent.map_or(core::ptr::null_mut(), as_raw);
            (*dev).release = Some(Inner::<T>::release);
            (*dev).groups = attributes.map_or(core::ptr::null_mut(), NodeAttributes::as_raw);
            bindings::cdev_init(cdev, &Inner::<T>::ENTRY);
            (*cdev).owner = T::MODULE.as_ptr();
        }
        // SAFETY: The device is initialised but not added; the format fits its one argument.
        let named = to_result(unsafe {
            bindings::dev_set_name(dev, c"%s".as_char_ptr(), name.as_char_ptr())
        });
        named
            .and_then(|()| {
                // SAFETY: Both are initialised and belong together; `release` frees the allocation
                // of both.
                to_result(unsafe { bindings::cdev_device_add(cdev, dev) })
            })
            .inspect_err(|_| {
                // SAFETY: The reference is the one that `device_initialize` made; nothing of
                // `inner` is used afterwards.
                unsafe { bindings::put_device(dev) };
            })?;
        // INVARIANT: Both were just added; the reference is that of `device_initialize`.
        Ok(Self {
            inner,
            _owns: PhantomData,
        })
    }
}

impl<T: OpenFile> Drop for Node<T> {
    fn drop(&mut self) {
        let inner = self.inner.as_ptr();
        // SAFETY: The allocation is valid by the type invariant.
        let (cdev, dev) = unsafe {
            (
                Opaque::cast_into(&raw const (*inner).cdev),
                Opaque::cast_into(&raw const (*inner).dev),
            )
        };
        // SAFETY: Both are added, and the reference is ours, by the type invariant. The allocation
        // stays until both calls are done with it, and is not used afterwards.
        unsafe {
            bindings::cdev_device_del(cdev, dev);
            bindings::put_device(dev);
        }
    }
}
