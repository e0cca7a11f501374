// SPDX-License-Identifier: GPL-2.0-only

//! Files in sysfs that belong to a path in `/dev`.
//!
//! The device of a [`Node`](super::Node) has a folder in sysfs, where an administrator expects to find
//! what can be read and set about it. An [`Attribute`] is such a file. They are there before user space
//! is told of the device, and taking the node away waits for whoever reads or writes one, so an
//! attribute must not take a lock that is held while a node is dropped.
//!
//! C headers: [`include/linux/sysfs.h`](srctree/include/linux/sysfs.h),
//! [`include/linux/device.h`](srctree/include/linux/device.h)

use super::Inner;
use crate::{
    bindings,
    fs::OpenFile, //
};
use core::{
    marker::PhantomData,
    mem::zeroed,
    ptr, //
};
use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    str::Formatter,
    types::Opaque, //
};

/// A file in the folder of a node's device, for nodes that stand for an `O`.
pub trait Attribute<O> {
    /// The name of the file.
    const NAME: &'static CStr;

    /// Whether it can be written, by root. Everybody can read it.
    const WRITABLE: bool = false;

    /// Writes what the file says, with a newline at the end.
    ///
    /// # Errors
    ///
    /// What `read` shall fail with.
    fn show(owner: &O, text: &mut Formatter<'_>) -> Result;

    /// Handles what was written to the file.
    ///
    /// # Errors
    ///
    /// What `write` shall fail with; `EIO` unless overridden.
    fn store(_owner: &O, _text: &[u8]) -> Result {
        Err(EIO)
    }
}

/// One file, as the kernel sees it. Made by [`node_attributes!`](crate::node_attributes).
#[repr(transparent)]
pub struct RawAttribute<T: OpenFile>(bindings::device_attribute, PhantomData<T>);

// SAFETY: It is never written to, and only refers to static data and to functions.
unsafe impl<T: OpenFile> Sync for RawAttribute<T> {}

impl<T: OpenFile> RawAttribute<T> {
    /// Returns the file that `A` is.
    pub const fn new<A: Attribute<T::Owner>>() -> Self {
        // SAFETY: The structure consists of integers, of pointers that may be null, and of optional
        // functions.
        let mut raw: bindings::device_attribute = unsafe { zeroed() };
        raw.attr.name = kernel::str::as_char_ptr_in_const_context(A::NAME);
        raw.attr.mode = if A::WRITABLE { 0o644 } else { 0o444 };
        raw.__bindgen_anon_1.show = Some(show::<T, A>);
        if A::WRITABLE {
            raw.__bindgen_anon_2.store = Some(store::<T, A>);
        }
        Self(raw, PhantomData)
    }
}

/// A pointer in static data, which the kernel only reads through.
#[repr(transparent)]
struct Const<P>(*const P);

// SAFETY: It is never written to, and leads to static data.
unsafe impl<P> Sync for Const<P> {}

/// The files of a kind of node. Made by [`node_attributes!`](crate::node_attributes).
///
/// # Invariants
///
/// `list` ends with null, and all before it are [`RawAttribute`]s for nodes whose files are `T`.
pub struct Attributes<T: OpenFile, const N: usize> {
    list: [Const<bindings::attribute>; N],
    _node: PhantomData<T>,
}

impl<T: OpenFile, const N: usize> Attributes<T, N> {
    /// Makes the list; `N` is one more than there are files.
    pub const fn new(files: &[&'static RawAttribute<T>]) -> Self {
        let mut list = [const { Const(ptr::null()) }; N];
        let mut at = 0;
        // The last one stays null.
        while at + 1 < N {
            list[at] = Const(&raw const files[at].0.attr);
            at += 1;
        }
        // INVARIANT: See above.
        Self {
            list,
            _node: PhantomData,
        }
    }
}

/// The group that a list of files forms. Made by [`node_attributes!`](crate::node_attributes).
#[repr(transparent)]
pub struct AttributeGroup<T: OpenFile>(bindings::attribute_group, PhantomData<T>);

// SAFETY: It is never written to, and only refers to static data.
unsafe impl<T: OpenFile> Sync for AttributeGroup<T> {}

impl<T: OpenFile> AttributeGroup<T> {
    /// Makes a group, in the device's own folder.
    pub const fn new<const N: usize>(files: &'static Attributes<T, N>) -> Self {
        // SAFETY: As in `RawAttribute::new`.
        let mut raw: bindings::attribute_group = unsafe { zeroed() };
        // CAST: The list is one of pointers, which the kernel only reads.
        raw.__bindgen_anon_2.attrs = (&raw const files.list).cast_mut().cast();
        Self(raw, PhantomData)
    }
}

/// What the device of a node is given: the list of its one group. Made by
/// [`node_attributes!`](crate::node_attributes).
pub struct NodeAttributes<T: OpenFile>([Const<bindings::attribute_group>; 2], PhantomData<T>);

impl<T: OpenFile> NodeAttributes<T> {
    /// Makes the list.
    pub const fn new(group: &'static AttributeGroup<T>) -> Self {
        Self([Const(&raw const group.0), Const(ptr::null())], PhantomData)
    }

    /// Returns the list as `device::groups` has it.
    pub(super) fn as_raw(&'static self) -> *mut *const bindings::attribute_group {
        // CAST: `Const` is a transparent wrapper of a pointer.
        (&raw const self.0).cast_mut().cast()
    }
}

// SAFETY: It is never written to, and leads to static data.
unsafe impl<T: OpenFile> Sync for NodeAttributes<T> {}

/// # Safety
///
/// `dev` is the field of that name of an [`Inner<T>`], and valid during the call with its owner.
unsafe fn owner_of<'a, T: OpenFile>(dev: *mut bindings::device) -> &'a T::Owner {
    // SAFETY: By the requirements of this function. `owner` is set before the device is added and does
    // not change; the other fields are not accessed.
    unsafe {
        let inner = kernel::container_of!(Opaque::cast_from(dev), Inner<T>, dev);
        &(*inner).owner
    }
}

/// # Safety
///
/// The kernel calls this for the device of an [`Inner<T>`], with `page` of that size for the text.
unsafe extern "C" fn show<T: OpenFile, A: Attribute<T::Owner>>(
    dev: *mut bindings::device,
    _attr: *mut bindings::device_attribute,
    page: *mut c_char,
) -> isize {
    // SAFETY: By the requirements of this function; the file is removed, which waits for this call,
    // before the device goes.
    let owner = unsafe { owner_of::<T>(dev) };
    // SAFETY: By the requirements of this function nobody else uses the page during the call.
    let page = unsafe { &mut *page.cast::<[u8; PAGE_SIZE]>() };
    let mut text = Formatter::new(page);
    match A::show(owner, &mut text) {
        // CAST: At most a page.
        Ok(()) => text.bytes_written().min(PAGE_SIZE) as isize,
        Err(error) => error.to_errno() as isize,
    }
}

/// # Safety
///
/// The kernel calls this for the device of an [`Inner<T>`], with `size` bytes at `text`.
unsafe extern "C" fn store<T: OpenFile, A: Attribute<T::Owner>>(
    dev: *mut bindings::device,
    _attr: *mut bindings::device_attribute,
    text: *const c_char,
    size: usize,
) -> isize {
    // SAFETY: As in `show`.
    let owner = unsafe { owner_of::<T>(dev) };
    // SAFETY: By the requirements of this function.
    let text = unsafe { core::slice::from_raw_parts(text.cast::<u8>(), size) };
    match A::store(owner, text) {
        // CAST: At most a page.
        Ok(()) => size as isize,
        Err(error) => error.to_errno() as isize,
    }
}

/// Declares the files of the nodes whose open files are of type `$file`.
///
/// ```ignore
/// kernel_ext::node_attributes!(static ATTRIBUTES: GroupFile = [Isolation, Strict]);
/// ```
#[macro_export]
macro_rules! node_attributes {
    ($vis:vis static $name:ident: $file:ty = [$($attribute:ty),+ $(,)?]) => {
        $vis static $name: $crate::chrdev::NodeAttributes<$file> = {
            const COUNT: usize = [$(stringify!($attribute)),+].len();
            static FILES: $crate::chrdev::Attributes<$file, { COUNT + 1 }> =
                $crate::chrdev::Attributes::new(&[$({
                    static FILE: $crate::chrdev::RawAttribute<$file> =
                        $crate::chrdev::RawAttribute::new::<$attribute>();
                    &FILE
                }),+]);
            static GROUP: $crate::chrdev::AttributeGroup<$file> =
                $crate::chrdev::AttributeGroup::new(&FILES);
            $crate::chrdev::NodeAttributes::new(&GROUP)
        };
    };
}
