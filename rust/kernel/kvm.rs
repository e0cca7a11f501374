// SPDX-License-Identifier: GPL-2.0-only

//! Virtual machines of KVM that devices are assigned to.
//!
//! VFIO and KVM work without each other, so neither module depends on the other: each looks up by
//! name what it needs. A program introduces them. It gives the file of a group to the "VFIO device"
//! of its virtual machine, and KVM tells VFIO, by [`hooks`], which machine that is. The machine is
//! noted in a [`VmSlot`]; when a device is opened, VFIO takes a reference to it, a [`Vm`], so that
//! it cannot end before the device is closed.
//!
//! C header: [`include/linux/kvm_host.h`](srctree/include/linux/kvm_host.h)

pub mod hooks;

use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    prelude::*,
    sync::{
        new_spinlock,
        SpinLock, //
    }, //
};

/// A function of KVM that was found by name.
///
/// # Invariants
///
/// This value owns the reference to KVM's module that the look-up of `function` took, which `put`
/// gives back.
struct Found<F> {
    function: F,
    put: unsafe extern "C" fn(),
}

/// `kvm_get_kvm_safe`: takes a reference to a machine, unless it is ending.
fn find_get() -> Option<Found<unsafe extern "C" fn(*mut bindings::kvm) -> bool>> {
    // SAFETY: The look-up has no requirements.
    let function = unsafe { bindings::vfio_helper_symbol_get_kvm_get_kvm_safe() }?;
    // INVARIANT: The look-up took a reference, and the other helper is its undo.
    Some(Found {
        function,
        put: bindings::vfio_helper_symbol_put_kvm_get_kvm_safe,
    })
}

/// `kvm_put_kvm`: gives a reference back.
fn find_put() -> Option<Found<unsafe extern "C" fn(*mut bindings::kvm)>> {
    // SAFETY: The look-up has no requirements.
    let function = unsafe { bindings::vfio_helper_symbol_get_kvm_put_kvm() }?;
    // INVARIANT: The look-up took a reference, and the other helper is its undo.
    Some(Found {
        function,
        put: bindings::vfio_helper_symbol_put_kvm_put_kvm,
    })
}

impl<F> Drop for Found<F> {
    fn drop(&mut self) {
        // SAFETY: The reference is ours by the type invariant, and the function is not called any
        // more.
        unsafe { (self.put)() };
    }
}

/// A counted reference to a virtual machine. KVM stays loaded as long as it exists.
///
/// Dropping the last one ends the machine, which sleeps.
///
/// # Invariants
///
/// This value owns a reference to the machine that `kvm` points to; `put` gives it back.
pub struct Vm {
    kvm: NonNull<bindings::kvm>,
    put: Found<unsafe extern "C" fn(*mut bindings::kvm)>,
}

// SAFETY: References to a machine are counted atomically and belong to no thread.
unsafe impl Send for Vm {}
// SAFETY: A shared reference gives no access.
unsafe impl Sync for Vm {}

impl Vm {
    /// Takes a reference, unless the machine is ending.
    ///
    /// # Safety
    ///
    /// `kvm` points to a machine whose memory is not freed during the call.
    unsafe fn get(kvm: NonNull<bindings::kvm>) -> Option<Self> {
        // The undo first: there may be no time to find it later.
        let put = find_put()?;
        let get = find_get()?;
        // SAFETY: `get` is `kvm_get_kvm_safe`, which takes a machine that may be ending.
        let taken = unsafe { (get.function)(kvm.as_ptr()) };
        // INVARIANT: The reference was taken just above.
        // (Made only then: dropping one that is not true would give back a foreign reference.)
        taken.then(|| Self { kvm, put })
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        // SAFETY: The function is `kvm_put_kvm`, and the reference is ours by the type invariant.
        unsafe { (self.put.function)(self.kvm.as_ptr()) };
    }
}

/// The address of a machine, for as long as KVM has not taken it back.
struct Address(Option<NonNull<bindings::kvm>>);

// SAFETY: It is only an address.
unsafe impl Send for Address {}

/// Where KVM notes which machine a file was given to. It starts empty.
///
/// # Invariants
///
/// The memory of the machine in `vm` is not freed before another address is put there.
#[pin_data]
pub struct VmSlot {
    #[pin]
    vm: SpinLock<Address>,
}

impl VmSlot {
    /// Makes an empty slot.
    pub fn new() -> impl PinInit<Self> {
        // INVARIANT: There is no machine in it.
        pin_init!(Self {
            vm <- new_spinlock!(Address(None), "VmSlot::vm"),
        })
    }

    /// Notes another machine, or with null none.
    ///
    /// # Safety
    ///
    /// The memory of the machine is not freed before the next call for this slot.
    unsafe fn set(&self, kvm: *mut bindings::kvm) {
        // INVARIANT: By the requirements of this function.
        self.vm.lock().0 = NonNull::new(kvm);
    }

    /// Takes a reference to the machine that is noted, if there is one and it is not ending.
    pub fn get(&self) -> Option<Vm> {
        let vm = self.vm.lock();
        // SAFETY: By the type invariant the memory is not freed while the slot is locked, as the
        // lock keeps others from putting another address there.
        vm.0.and_then(|kvm| unsafe { Vm::get(kvm) })
    }
}
