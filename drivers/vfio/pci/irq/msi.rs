// SPDX-License-Identifier: GPL-2.0-only

//! The vectors of MSI and MSI-X, each delivered to an eventfd.
//!
//! The first request allocates the vectors ([`Msi::enable`]); later ones wire them to eventfds,
//! rewire or unwire them. A vector that was unwired stays allocated. MSI cannot get more vectors
//! than it started with; MSI-X gets one when it is first wired, where the platform can do that.
//!
//! The MSI-X table is in a BAR, so whatever touches it runs with memory decoding on; [`Forced`]
//! sees to it where a value is dropped.
//!
//! C counterpart: [`drivers/vfio/pci/vfio_pci_intrs.c`](srctree/drivers/vfio/pci/vfio_pci_intrs.c)

use super::{
    Hardware,
    IntxMasking, //
};
use crate::trace::vfio_pci_irq;
use kernel::{
    irq::{
        Handler,
        IrqReturn, //
    },
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    str::CString,
    sync::Arc, //
};
use kernel_ext::{
    eventfd::EventFdCtx,
    irq::{
        bypass::Producer,
        IrqLine,
        Sharing, //
    },
    pci::msi::{
        Allocation,
        Kind,
        Vector,
        Vectors, //
    },
    refuse, //
};
use vfio::irq_set::{
    IrqData,
    IrqSet, //
};

/// MSI or MSI-X, in use.
///
/// Fields are dropped in this order: handlers, vectors, and then what the kernel did to the pin.
pub(super) struct Msi {
    /// By vector; as long as the highest that was ever wired.
    wired: KVec<Option<Wired>>,

    vectors: Forced<Arc<Vectors>>,
    _pin: PinSilence,

    kind: Kind,

    /// The number of vectors that were allocated at first.
    first: u32,

    hw: Arc<Hardware>,
}

/// What came of enabling.
pub(super) enum Enabled {
    /// All is wired.
    Yes(Msi),

    /// There are only this many vectors, and all is as before.
    OnlyFor(u32),
}

impl Msi {
    /// Allocates vectors up to the end of the range in `set` and wires those in it.
    ///
    /// # Errors
    ///
    /// `EINVAL` without descriptors; `ERANGE` if the range ends at 0; `ENOSPC` if there is no
    /// vector at all; those of [`set_trigger`](Self::set_trigger). All is then as before.
    pub(super) fn enable(hw: &Arc<Hardware>, kind: Kind, set: &IrqSet) -> Result<Enabled> {
        if !matches!(set.data, IrqData::Fds(_)) {
            return Err(EINVAL);
        }
        let first = set.start.checked_add(set.count).ok_or(EINVAL)?;
        let pin = PinSilence::new(hw);
        let vectors = match hw.with_memory(|| Vectors::alloc(&hw.dev, kind, first))?? {
            Allocation::All(vectors) => Forced::new(hw, vectors),
            Allocation::Fewer(vectors) => return Ok(Enabled::OnlyFor(vectors)),
        };
        let mut msi = Self {
            wired: KVec::new(),
            vectors,
            _pin: pin,
            kind,
            first,
            hw: hw.clone(),
        };
        msi.set_trigger(set)?;
        Ok(Enabled::Yes(msi))
    }

    /// Handles TRIGGER: wires a block of vectors, or signals those of the block that are wired.
    ///
    /// If one of a block cannot be wired, those before it in the block are unwired again.
    ///
    /// # Errors
    ///
    /// Those of the first vector that cannot be wired: `EINVAL` if it is not allocated and cannot
    /// be, `ENOSPC`; `EBADF` or `EINVAL` if its descriptor is not an eventfd; `ENOMEM`; `EIO` if
    /// the device's memory cannot be reached.
    pub(super) fn set_trigger(&mut self, set: &IrqSet) -> Result {
        match &set.data {
            IrqData::Fds(fds) => self.wire_block(set.start, fds),
            IrqData::None => {
                let block = (set.start..).zip(0..set.count);
                block.for_each(|(vector, _)| self.signal(vector));
                Ok(())
            }
            IrqData::Bools(bools) => {
                let block = (set.start..).zip(bools).filter(|(_, &ring)| ring);
                block.for_each(|(vector, _)| self.signal(vector));
                Ok(())
            }
        }
    }

    /// Returns the logarithm to base 2, rounded up, of the number of vectors at first.
    pub(super) fn log2_vectors(&self) -> u8 {
        // CAST: At most 32.
        self.first.checked_next_power_of_two().unwrap_or(1).ilog2() as u8
    }

    /// Writes how many vectors there are, and how often each of those that are wired has fired.
    ///
    /// What KVM takes from the device directly does not come by here, and is not counted.
    pub(super) fn show(&self, m: &SeqFile) {
        let wired = self.wired.iter().flatten().count();
        seq_print!(m, "vectors wired: {wired}\n");
        for (vector, wired) in self.wired.iter().enumerate() {
            if let Some(line) = wired.as_ref().and_then(|wired| wired.line.get()) {
                seq_print!(m, "vector {vector}: {}\n", line.handled());
            }
        }
    }

    /// Signals the eventfd of `vector`, if it is wired.
    fn signal(&self, vector: u32) {
        if let Some(wired) = self.wired.get(vector as usize).and_then(Option::as_ref) {
            wired.trigger.signal();
        }
    }

    /// Wires the vectors from `start` on to `fds`, all or none.
    fn wire_block(&mut self, start: u32, fds: &[i32]) -> Result {
        for (done, (vector, &fd)) in (start..).zip(fds).enumerate() {
            if let Err(err) = self.wire(vector, fd) {
                (start..).take(done).for_each(|vector| self.unwire(vector));
                return Err(err);
            }
        }
        Ok(())
    }

    /// Frees the handler of `vector`, if there is one. The vector stays allocated.
    fn unwire(&mut self, vector: u32) {
        if let Some(slot) = self.wired.get_mut(vector as usize) {
            *slot = None;
        }
    }

    /// Makes `vector` deliver to `fd` instead of to what it did; to nothing if `fd` is negative or
    /// on an error.
    fn wire(&mut self, vector: u32, fd: i32) -> Result {
        self.unwire(vector);
        if fd < 0 {
            return Ok(());
        }
        let source = self.allocated(vector)?;
        let slot = self.slot(vector)?;
        let name = self.name(vector)?;
        let trigger = Arc::new(EventFdCtx::from_fd(fd)?, GFP_KERNEL_ACCOUNT)?;
        let wired = Wired::new(&self.hw, (self.kind, vector), source, name, trigger)?;
        if let Some(slot) = self.wired.get_mut(slot) {
            *slot = Some(wired);
        }
        Ok(())
    }

    /// Returns `vector`, allocated if need be.
    fn allocated(&self, vector: u32) -> Result<Vector> {
        let vectors = self.vectors.get().ok_or(EIO)?;
        if let Ok(found) = vectors.get(vector) {
            return Ok(found);
        }
        self.hw
            .with_memory(|| vectors.get_or_alloc(vector))?
            .inspect_err(|&err| {
                if err == EINVAL {
                    refuse!(
                        "{}: {} vectors were enabled and vector {} cannot be added; \
                         disable them and enable as many as are needed\n",
                        self.hw.dev.name(),
                        self.first,
                        vector
                    );
                }
            })
    }

    /// Makes room for `vector` and returns its place in `wired`.
    fn slot(&mut self, vector: u32) -> Result<usize> {
        let slot = vector as usize;
        while self.wired.len() <= slot {
            self.wired.push(None, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(slot)
    }

    /// Returns what `/proc/interrupts` shows for `vector`.
    fn name(&self, vector: u32) -> Result<CString> {
        // As `str`: formatting a C string looks at each byte twice, and takes as long as wiring.
        let kind = word(self.kind).to_str().unwrap_or_default();
        let name = self.hw.dev.name().to_str().unwrap_or_default();
        CString::try_from_fmt(fmt!("vfio-{kind}[{vector}]({name})"))
    }
}

/// Returns what people call `kind`.
fn word(kind: Kind) -> &'static CStr {
    match kind {
        Kind::Msi => c"msi",
        Kind::Msix => c"msix",
    }
}

/// A vector that delivers to an eventfd.
///
/// Fields are dropped in this order: the offer to KVM goes before the handler.
struct Wired {
    _bypass: Option<Pin<KBox<Producer<Vector>>>>,
    line: Forced<Pin<KBox<IrqLine<OnVector, Vector>>>>,
    trigger: Arc<EventFdCtx>,
}

impl Wired {
    fn new(
        hw: &Arc<Hardware>,
        (kind, vector): (Kind, u32),
        source: Vector,
        name: CString,
        trigger: Arc<EventFdCtx>,
    ) -> Result<Self> {
        let line = hw.with_memory(|| {
            // The device may have been reset without the kernel's knowledge.
            source.refresh();
            let handler = OnVector {
                trigger: trigger.clone(),
                hw: hw.clone(),
                kind,
                vector,
            };
            let line = IrqLine::new(source.clone(), Sharing::Exclusive, name, handler);
            KBox::pin_init(line, GFP_KERNEL_ACCOUNT)
        })??;
        let line = Forced::new(hw, line);
        let bypass = KBox::pin_init(Producer::new(source, trigger.clone()), GFP_KERNEL_ACCOUNT)
            .inspect_err(|err| {
                dev_info!(
                    hw.dev.device(),
                    "an interrupt cannot be offered to KVM, and goes the long way: {:?}\n",
                    err
                );
            })
            .ok();
        Ok(Self {
            _bypass: bypass,
            line,
            trigger,
        })
    }
}

/// The handler of a vector.
struct OnVector {
    trigger: Arc<EventFdCtx>,

    /// Only for tracing, as the rest.
    hw: Arc<Hardware>,
    kind: Kind,
    vector: u32,
}

impl Handler for OnVector {
    fn handle(&self) -> IrqReturn {
        vfio_pci_irq(|fire| fire(self.hw.dev.name(), word(self.kind), self.vector));
        self.trigger.signal();
        IrqReturn::Handled
    }
}

/// A value that is dropped while the device decodes memory.
struct Forced<T> {
    /// Only taken by `drop`.
    value: Option<T>,
    hw: Arc<Hardware>,
}

impl<T> Forced<T> {
    fn new(hw: &Arc<Hardware>, value: T) -> Self {
        Self {
            value: Some(value),
            hw: hw.clone(),
        }
    }

    fn get(&self) -> Option<&T> {
        self.value.as_ref()
    }
}

impl<T> Drop for Forced<T> {
    fn drop(&mut self) {
        let value = self.value.take();
        if self.hw.with_memory(|| drop(value)).is_err() {
            dev_warn!(
                self.hw.dev.device(),
                "interrupts freed without access to the device's memory\n"
            );
        }
    }
}

/// Silences the pin again when MSI goes off, for the kernel then lets the device drive it.
struct PinSilence(Arc<Hardware>);

impl PinSilence {
    /// Prepares for MSI to go on, or to fail to.
    fn new(hw: &Arc<Hardware>) -> Self {
        if hw.geometry.masking != IntxMasking::Broken && hw.dev.needs_intx_for_msi() {
            hw.dev.set_intx(true);
        }
        Self(hw.clone())
    }
}

impl Drop for PinSilence {
    fn drop(&mut self) {
        self.0.silence_pin();
    }
}
