// SPDX-License-Identifier: GPL-2.0-only

//! Offering an interrupt to a hypervisor.
//!
//! Where the hardware can post interrupts straight into a virtual machine, the host's handler is
//! only in the way. The kernel's bypass manager pairs the *producer* of an interrupt with the
//! *consumer* that injects it, by the event file descriptor that both use. [`Producer`] is the
//! first half; the second is KVM's irqfd.
//!
//! C header: [`include/linux/irqbypass.h`](srctree/include/linux/irqbypass.h)

use super::Source;
use crate::{
    bindings,
    eventfd::EventFdCtx, //
};
use core::marker::PhantomPinned;
use kernel::{
    error::to_result,
    prelude::*,
    sync::Arc,
    types::Opaque, //
};

/// An interrupt that is on offer.
///
/// # Invariants
///
/// `producer` is registered with the bypass manager under the address of `eventfd`.
#[pin_data(PinnedDrop)]
pub struct Producer<S: Source> {
    #[pin]
    producer: Opaque<bindings::irq_bypass_producer>,

    /// Its address is the token, so it must not be reused while registered.
    eventfd: Arc<EventFdCtx>,

    /// Keeps the interrupt number valid.
    source: S,

    /// The bypass manager keeps the address.
    #[pin]
    _pin: PhantomPinned,
}

// SAFETY: The bypass manager serialises its use of the producer with its own mutex, and a producer
// may be unregistered from any task.
unsafe impl<S: Source> Send for Producer<S> {}

// SAFETY: A shared reference gives no access to the C struct.
unsafe impl<S: Source> Sync for Producer<S> {}

impl<S: Source> Producer<S> {
    /// Offers the interrupt of `source`, whose handler signals `eventfd`.
    ///
    /// # Errors
    ///
    /// `EBUSY` if another interrupt is on offer for the same event file descriptor, `ENOMEM`, or
    /// what the consumer answers.
    pub fn new(source: S, eventfd: Arc<EventFdCtx>) -> impl PinInit<Self, Error> {
        // INVARIANT: If the initialiser succeeds, the producer is registered.
        try_pin_init!(Self {
            producer: Opaque::zeroed(),
            eventfd,
            source,
            _pin: PhantomPinned,
            _: {
                let irq = c_int::try_from(source.irq())?;
                // SAFETY:
                // - `producer` is zeroed, which means no callbacks and not registered, and stays
                //   at its address until `drop`.
                // - The token is a live context, of which this value owns a reference.
                // - `irq` is valid while `source` lives, which is until after `drop`.
                to_result(unsafe {
                    bindings::irq_bypass_register_producer(producer.get(), eventfd.as_raw(), irq)
                })?
            },
        })
    }
}

#[pinned_drop]
impl<S: Source> PinnedDrop for Producer<S> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant the producer is registered. After the call the manager
        // has forgotten its address.
        unsafe { bindings::irq_bypass_unregister_producer(self.producer.get()) };
    }
}
