// SPDX-License-Identifier: GPL-2.0-only

//! What the last reset of a device was, for people who ask.
//!
//! "Was it reset at all?" is the first question when a device comes up wrong in its next use. Resets
//! happen in several places; each notes here what it did.
//!
//! Lock order: the lock of a [`LastReset`] is a leaf.

use kernel::{
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::{
        new_mutex,
        Arc,
        Mutex, //
    },
    time::{
        Instant,
        Monotonic, //
    }, //
};
use kernel_ext::pci::Device;

use crate::trace;

/// Why a device was reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResetKind {
    /// It was being opened.
    Open,
    /// It was being closed.
    Close,
    /// `VFIO_DEVICE_RESET`.
    Ioctl,
    /// Its user wrote to the reset bit in configuration space.
    Config,
    /// `VFIO_DEVICE_PCI_HOT_RESET`, of this device or another one of its set.
    Hot,
    /// The last device of its set was closed.
    Unused,
}

impl ResetKind {
    /// Returns the word for it.
    fn name(self) -> &'static CStr {
        match self {
            Self::Open => c"open",
            Self::Close => c"close",
            Self::Ioctl => c"ioctl",
            Self::Config => c"config",
            Self::Hot => c"hot",
            Self::Unused => c"unused",
        }
    }
}

/// A reset.
#[derive(Clone, Copy)]
struct Record {
    kind: ResetKind,
    at: Instant<Monotonic>,
    result: Result,
}

/// The last reset of a device, if it had one since it was bound.
#[pin_data]
pub(crate) struct LastReset {
    pdev: Device,

    #[pin]
    record: Mutex<Option<Record>>,
}

impl LastReset {
    /// Makes one for `pdev` that says never.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn never(pdev: &Device) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                pdev: pdev.clone(),
                record <- new_mutex!(None, "LastReset::record"),
            }),
            GFP_KERNEL,
        )
    }

    /// Notes a reset that has just ended with `result`, and tells whoever traces.
    pub(crate) fn note(&self, kind: ResetKind, result: Result) {
        trace::vfio_pci_reset(|fire| {
            fire(self.pdev.name(), kind.name(), trace::errno(result));
        });
        let at = Instant::now();
        *self.record.lock() = Some(Record { kind, at, result });
    }

    /// Writes the lines for debugfs.
    pub(crate) fn show(&self, m: &SeqFile) {
        // A copy, so that the lock is not held while the text is written.
        let record = *self.record.lock();
        let Some(Record { kind, at, result }) = record else {
            seq_print!(m, "last reset: never\n");
            return;
        };
        let ms = at.elapsed().as_millis().max(0);
        seq_print!(m, "last reset: {}\n", kind.name());
        seq_print!(m, "ago: {}.{:03} s\n", ms / 1000, ms % 1000);
        match result {
            Ok(()) => seq_print!(m, "result: done\n"),
            Err(error) => seq_print!(m, "result: failed ({error:?})\n"),
        }
    }
}
