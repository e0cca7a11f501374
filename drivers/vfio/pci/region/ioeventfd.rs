// SPDX-License-Identifier: GPL-2.0-only

//! Writes to a BAR that happen whenever an eventfd is rung.
//!
//! A program that emulates a device for a guest can let the guest's writes to a doorbell go to the
//! real one without being woken up: KVM rings an eventfd, and the write happens right there, in
//! the context of whoever rings. That context may be an interrupt handler, so the write must not
//! wait. If the memory gate is not free, a worker does it as soon as it is. If the device does not
//! answer, the write is lost, as it would be on the bus.
//!
//! When the eventfd is closed, nothing is written any more. The trigger keeps its place in the list
//! until the program takes it away, which is how the list behaves in C.
//!
//! Locks: `Ioeventfds::list` is taken before the queue lock of an eventfd, and under that the gate
//! is tried, never waited for. The worker does wait for the gate; whoever waits for the worker
//! must not hold it, nor a lock that a holder of the gate may want.
//!
//! C counterpart: `vfio_pci_ioeventfd` in
//! [`drivers/vfio/pci/vfio_pci_rdwr.c`](srctree/drivers/vfio/pci/vfio_pci_rdwr.c)

use core::mem::offset_of;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::{
    eventfd::Wake,
    pci::{
        ClaimedBar,
        Device, //
    },
    refuse,
    uaccess::UserArg, //
};
use vfio::virqfd::Virqfd;
use vfio_uapi::{
    vfio_device_ioeventfd,
    IoeventfdFlags, //
};

use super::{
    bar::Bars,
    pieces::Piece,
    trigger::{
        Request,
        Trigger,
        Width,
        MIN_SIZE, //
    },
};
use crate::memory::{
    MemoryEnabled,
    MemoryGate, //
};

// The numbers in `trigger` are those of the header.
const _: () = {
    assert!(MIN_SIZE == offset_of!(vfio_device_ioeventfd, reserved));
    assert!(Width::Byte as u32 == IoeventfdFlags::WIDTH_8.bits());
    assert!(Width::Word as u32 == IoeventfdFlags::WIDTH_16.bits());
    assert!(Width::Long as u32 == IoeventfdFlags::WIDTH_32.bits());
    assert!(Width::Quad as u32 == IoeventfdFlags::WIDTH_64.bits());
};

/// How many triggers a device may have.
const MAX: usize = 1000;

/// The triggers of an open device.
///
/// Dropping it takes all of them away and waits for writes that are under way.
#[pin_data]
pub(crate) struct Ioeventfds {
    pdev: Device,

    #[pin]
    list: Mutex<KVVec<Entry>>,
}

/// One trigger of the list.
// The order is that of the end: first nobody calls the target any more.
struct Entry {
    _virqfd: Virqfd,
    target: Arc<Target>,
}

/// What an eventfd calls.
struct Target {
    trigger: Trigger,
    bar: Arc<ClaimedBar>,
    at: usize,

    /// The gate, if the BAR is memory.
    gate: Option<Arc<MemoryGate>>,
}

impl Ioeventfds {
    /// Makes the list of a device that is being opened.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(pdev: &Device) -> Result<Pin<KBox<Self>>> {
        KBox::pin_init(
            pin_init!(Self {
                pdev: pdev.clone(),
                list <- new_mutex!(KVVec::new(), "Ioeventfds::list"),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// Handles `VFIO_DEVICE_IOEVENTFD`.
    ///
    /// # Errors
    ///
    /// The first that applies: `EFAULT`; `EINVAL` for a request that [`Request::parse`] refuses;
    /// those of [`Bars::trigger`]; to take a trigger away, `ENODEV` if it is not there; to add one,
    /// `EEXIST` if it is there already, `ENOSPC` if there are [`MAX`], `ENOMEM`, `EBADF` if the
    /// descriptor is not open, `EINVAL` if it is not an eventfd.
    pub(crate) fn handle(&self, bars: &Bars, gate: &Arc<MemoryGate>, arg: UserArg) -> Result {
        let raw: vfio_device_ioeventfd = arg.read_head(MIN_SIZE)?;
        let request = Request::parse(raw.argsz, raw.flags, raw.offset, raw.data, raw.fd);
        let request = request.ok_or(EINVAL)?;
        let trigger = request.trigger();
        let place = bars.trigger(&trigger)?;
        match request {
            Request::Deassign(trigger) => self.deassign(&trigger),
            Request::Assign(trigger, fd) => {
                let target = Target {
                    trigger,
                    bar: place.bar.clone(),
                    at: place.at,
                    gate: place.is_memory.then(|| gate.clone()),
                };
                self.assign(target, fd)
            }
        }
    }

    /// Adds a trigger that listens on `fd`. If that is rung already, the write happens now.
    fn assign(&self, target: Target, fd: i32) -> Result {
        let mut list = self.list.lock();
        if list.iter().any(|entry| entry.is(&target.trigger)) {
            return Err(EEXIST);
        }
        if list.len() >= MAX {
            refuse!(
                "{}: has {MAX} ioeventfds, which is the most; take some away first\n",
                self.pdev.name()
            );
            return Err(ENOSPC);
        }
        list.reserve(1, GFP_KERNEL_ACCOUNT)?;
        let target = Arc::new(target, GFP_KERNEL_ACCOUNT)?;
        let mut virqfd = Virqfd::new();
        virqfd.enable(fd, target.clone())?;
        let entry = Entry {
            _virqfd: virqfd,
            target,
        };
        list.push(entry, GFP_KERNEL_ACCOUNT)?;
        Ok(())
    }

    /// Takes a trigger away. Nothing is written on its behalf when this returns.
    fn deassign(&self, trigger: &Trigger) -> Result {
        let mut list = self.list.lock();
        let index = list.iter().position(|entry| entry.is(trigger));
        let entry = list.remove(index.ok_or(ENODEV)?).map_err(|_| ENODEV)?;
        // Others need not wait for the worker with us.
        drop(list);
        drop(entry);
        Ok(())
    }
}

impl Entry {
    fn is(&self, trigger: &Trigger) -> bool {
        self.target.trigger == *trigger
    }
}

impl Target {
    /// Writes. `_enabled` says that the BAR answers, if it is memory.
    fn put(&self, _enabled: Option<MemoryEnabled<'_>>) {
        self.trigger.each_piece(self.at, |piece, at, value| {
            // CAST: The piece is in the low bytes.
            // The range is inside the BAR and the pieces are aligned, so none is refused.
            let _ = match piece {
                Piece::Byte => self.bar.write(at, value as u8),
                Piece::Word => self.bar.write(at, value as u16),
                Piece::Long => self.bar.write(at, value as u32),
                Piece::Quad => self.bar.write(at, value),
                Piece::Closed(_) => Ok(()),
            };
        });
    }
}

impl Wake for Target {
    fn wake(&self) -> bool {
        match self
            .gate
            .as_deref()
            .map(MemoryGate::try_enabled)
            .transpose()
        {
            Ok(enabled) => self.put(enabled),
            Err(error) => return error == EAGAIN,
        }
        false
    }

    fn run(&self) {
        if let Ok(enabled) = self.gate.as_deref().map(MemoryGate::enabled).transpose() {
            self.put(enabled);
        }
    }
}
