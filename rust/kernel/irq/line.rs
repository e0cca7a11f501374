// SPDX-License-Identifier: GPL-2.0-only

//! An interrupt line with a handler that we own.
//!
//! A [`Source`] is the right to an interrupt number: it keeps the number valid. [`IrqLine`] takes
//! one, installs a handler on it, and owns handler, name and source until it is dropped; the drop
//! waits for a running handler, so nothing that the handler uses can go away under it.
//!
//! C header: [`include/linux/interrupt.h`](srctree/include/linux/interrupt.h)

use crate::bindings;
use core::{
    cell::UnsafeCell,
    marker::PhantomPinned, //
};
use kernel::{
    error::to_result,
    irq::{
        Handler,
        IrqReturn, //
    },
    prelude::*,
    str::CString, //
};

/// The right to use an interrupt number.
///
/// # Safety
///
/// For as long as a value of the type exists,
///
/// - [`irq`](Self::irq) returns the same number, and
/// - that number is an interrupt of a device that is bound to our driver, and stays one.
pub unsafe trait Source: Send + Sync + 'static {
    /// Returns the Linux interrupt number.
    fn irq(&self) -> u32;

    /// Masks the line at the interrupt controller, without waiting for a running handler.
    ///
    /// Calls nest: each needs its own [`enable`](Self::enable). May be called from any context.
    fn disable_nosync(&self) {
        // SAFETY: The number is an interrupt of ours by the requirements of this trait.
        unsafe { bindings::disable_irq_nosync(self.irq()) };
    }

    /// Takes back one [`disable_nosync`](Self::disable_nosync).
    ///
    /// One too many is reported in the kernel log and has no effect. May be called from any
    /// context as long as the interrupt controller is not behind a slow bus; a PCI line's never is.
    fn enable(&self) {
        // SAFETY: The number is an interrupt of ours by the requirements of this trait.
        unsafe { bindings::enable_irq(self.irq()) };
    }
}

/// Who else may use a line, and whether it is masked at the interrupt controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Other devices may be on the line; the handler must recognise its own interrupts.
    Shared,

    /// The line is ours alone.
    Exclusive,

    /// The line is ours alone, and [`Source::disable_nosync`] is how it is masked.
    ///
    /// Masking then takes effect at once; the kernel otherwise waits for one more interrupt before
    /// it touches the controller.
    Masked {
        /// Whether the line starts enabled. If not, the first [`Source::enable`] starts it, so
        /// that it has to be called exactly once as if for a call of [`Source::disable_nosync`].
        enabled: bool,
    },
}

impl Sharing {
    /// Returns the `IRQF_*` flags to request the line with.
    fn flags(self) -> c_ulong {
        // CAST: Widening, the flags are `u32`.
        match self {
            Self::Shared => bindings::IRQF_SHARED as c_ulong,
            Self::Masked { enabled: false } => bindings::IRQF_NO_AUTOEN as c_ulong,
            Self::Exclusive | Self::Masked { enabled: true } => 0,
        }
    }

    /// Returns the line status flags to hold while the line is in use.
    fn status(self) -> c_ulong {
        match self {
            // CAST: Widening, the flag is `u32`.
            Self::Masked { .. } => bindings::IRQ_DISABLE_UNLAZY as c_ulong,
            Self::Shared | Self::Exclusive => 0,
        }
    }
}

/// A handler on an interrupt line.
///
/// # Invariants
///
/// `request_irq` has installed [`on_irq`] for `source.irq()` with the address of this value as its
/// cookie, and the name in `name`.
#[pin_data(PinnedDrop)]
pub struct IrqLine<H: Handler + Send + 'static, S: Source> {
    handler: H,
    handled: Count,
    source: S,
    sharing: Sharing,

    /// Shown in `/proc/interrupts`; the kernel keeps the pointer.
    name: CString,

    /// The address is the cookie.
    #[pin]
    _pin: PhantomPinned,
}

impl<H: Handler + Send + 'static, S: Source> IrqLine<H, S> {
    /// Installs `handler`, which may be called before this returns.
    ///
    /// # Errors
    ///
    /// `EBUSY` if the line is in use and cannot be shared, `EINVAL` if the number has no
    /// interrupt controller, `ENOMEM`.
    pub fn new(
        source: S,
        sharing: Sharing,
        name: CString,
        handler: H,
    ) -> impl PinInit<Self, Error> {
        // INVARIANT: If the initialiser succeeds, the handler is installed with this address.
        try_pin_init!(&this in Self {
            handler,
            handled: Count(UnsafeCell::new(0)),
            source,
            sharing,
            name,
            _pin: PhantomPinned,
            _: {
                let irq = source.irq();
                modify_status(irq, 0, sharing.status());
                // SAFETY:
                // - `on_irq` is a handler for the cookie: a pinned, initialised `Self`. All fields
                //   are initialised, so it may run at once.
                // - The name stays in place until `drop`, as the string's bytes are on the heap.
                // - Should the call succeed, nothing after it fails, and `drop` takes the handler
                //   back before the memory goes away.
                let result = to_result(unsafe {
                    bindings::request_irq(
                        irq,
                        Some(on_irq::<H, S>),
                        sharing.flags(),
                        name.as_char_ptr(),
                        this.as_ptr().cast::<c_void>(),
                    )
                });
                if result.is_err() {
                    modify_status(irq, sharing.status(), 0);
                }
                result?
            },
        })
    }

    /// Returns the handler that was given to [`new`](Self::new).
    pub fn handler(&self) -> &H {
        &self.handler
    }

    /// Returns the source that was given to [`new`](Self::new).
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Returns how many interrupts the handler has claimed so far.
    pub fn handled(&self) -> u64 {
        // SAFETY: The field is valid; the handler writes it in one piece, and this reads it so.
        unsafe { self.handled.0.get().read_volatile() }
    }

    /// Waits until no handler of this line runs on any processor.
    ///
    /// Sleeps; must not be called by the handler, nor with a lock that the handler takes.
    pub fn synchronize(&self) {
        // SAFETY: By the type invariant the number is an interrupt with our handler on it.
        unsafe { bindings::synchronize_irq(self.source.irq()) };
    }
}

#[pinned_drop]
impl<H: Handler + Send + 'static, S: Source> PinnedDrop for IrqLine<H, S> {
    fn drop(self: Pin<&mut Self>) {
        let irq = self.source.irq();
        let sharing = self.sharing;
        // SAFETY: The value is not moved, only its address is taken.
        let cookie = core::ptr::from_mut(unsafe { self.get_unchecked_mut() });
        // SAFETY: By the type invariant a handler with this number and cookie is installed. The
        // call waits until no handler runs any more.
        unsafe { bindings::free_irq(irq, cookie.cast::<c_void>()) };
        modify_status(irq, sharing.status(), 0);
    }
}

/// A number that only the handler of one line changes.
///
/// The kernel never runs the handler of one line on two processors at once, so this needs neither a
/// lock nor a locked instruction: adding is one more access to memory that the handler reads anyway.
/// (`kernel::sync::atomic` would do, but each access is a call of a C function there.)
struct Count(UnsafeCell<u64>);

// SAFETY: The number is read and written in one piece, and written by one thread at a time.
unsafe impl Sync for Count {}

impl Count {
    /// Adds one. Only for the handler.
    #[inline(always)]
    fn add_one(&self) {
        let at = self.0.get();
        // SAFETY: The pointer is valid, and nobody else writes: see above.
        unsafe { at.write_volatile(at.read_volatile().wrapping_add(1)) };
    }
}

/// Clears and sets status flags of line `irq`.
fn modify_status(irq: u32, clear: c_ulong, set: c_ulong) {
    if clear | set != 0 {
        // SAFETY: The call looks the number up and does nothing if it has no descriptor. Only
        // `IRQ_DISABLE_UNLAZY` is ever passed, which changes when masking takes effect.
        unsafe { bindings::irq_modify_status(irq, clear, set) };
    }
}

/// Calls the handler of an [`IrqLine`].
///
/// # Safety
///
/// `cookie` points to a pinned `IrqLine<H, S>` whose fields are initialised.
unsafe extern "C" fn on_irq<H: Handler + Send + 'static, S: Source>(
    _irq: c_int,
    cookie: *mut c_void,
) -> bindings::irqreturn_t {
    // SAFETY: By the requirements of this function. Only shared references exist until `drop`
    // has taken the handler back.
    let line = unsafe { &*cookie.cast_const().cast::<IrqLine<H, S>>() };
    let answer = line.handler.handle();
    if matches!(answer, IrqReturn::Handled) {
        line.handled.add_one();
    }
    // CAST: The enum's values are those of `irqreturn_t`.
    bindings::irqreturn(answer as c_uint)
}
