// SPDX-License-Identifier: GPL-2.0-only

//! The memory gate: nobody touches a BAR while the device cannot answer.
//!
//! A device whose memory decoding is off, or that sleeps, does not answer to its BARs; some
//! machines treat such an access as a fatal error. So each access holds [`MemoryGate`] for reading
//! and looks first, and whoever is about to stop the device from answering takes it for writing
//! and takes the mappings of programs away. They come back, page by page, as they are touched
//! again ([`region::mmap`](super::region::mmap)). Other devices that reach the BARs lose and get
//! back their access in the same way ([`region::buffers`](super::region::buffers)).
//!
//! | guard | right |
//! |---|---|
//! | [`MemoryEnabled`] | access BARs: the device answers, and goes on answering |
//! | [`Exclusive`] | change whether the device answers |
//! | [`Zapped`] | the same, with no BAR mapped by any program |
//! | [`MemoryForced`] | access BARs alone, with decoding on whatever the user chose |
//!
//! # Lock order
//!
//! ```text
//! mmap_lock → gate (read)             a fault on a BAR mapping
//! Config::writer, Irqs::igate → gate  configuration writes, interrupt set-up
//! Current::user → gate                falling asleep and waking up
//! gate (write) → page table locks     taking mappings away
//! gate (write) → reservation locks    the same of other devices
//! gate → gate (write, only tried)     a hot reset holds those of all devices of a set
//! gate → Config::model, the PCI core's locks
//! ```
//!
//! By the first line, user memory must not be touched with the gate held. Eventfds that trigger
//! writes ([`region::ioeventfd`](super::region::ioeventfd)) only try it, in any context.
//!
//! C counterpart: `memory_lock` and its helpers in
//! [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c)

use core::ops::{
    Deref,
    DerefMut, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::{
    fs::Mapping,
    new_rwsem,
    pci::{
        Device,
        SavedState, //
    },
    sync::{
        ReadGuard,
        RwSemaphore,
        WriteGuard, //
    }, //
};

use crate::{
    config::{
        regs::{
            COMMAND,
            COMMAND_MEMORY, //
        },
        Config, //
    },
    irq::IrqHost,
    low_power::LowPower,
    power::Floor,
    region::{
        self,
        buffers::Buffers, //
    },
};

/// Decides whether the BARs of an open device may be accessed.
#[pin_data]
pub(crate) struct MemoryGate {
    #[pin]
    state: RwSemaphore<State>,

    pdev: Device,

    /// Has the user's choice of memory decoding.
    config: Arc<Config>,

    /// The mappings that programs have of the device.
    mapping: Mapping,
}

/// What the gate protects besides the hardware.
pub(super) struct State {
    /// Whether the device may sleep between the calls of its user.
    pub(super) low_power: LowPower,

    /// What other devices may reach of the BARs.
    buffers: Buffers,

    /// Registers from before the device went to sleep, if it forgets them.
    pub(super) asleep: Option<SavedState>,

    /// Whether the device forgets its registers when it comes back from D3.
    pub(super) forgets: bool,

    /// How far down its power states go.
    pub(super) floor: Arc<Floor>,
}

impl MemoryGate {
    /// Makes the gate of a device that is being opened.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(
        pdev: &Device,
        config: Arc<Config>,
        mapping: Mapping,
        forgets: bool,
        floor: Arc<Floor>,
    ) -> Result<Arc<Self>> {
        let state = State {
            low_power: LowPower::Off,
            buffers: Buffers::new(),
            asleep: None,
            forgets,
            floor,
        };
        Arc::pin_init(
            pin_init!(Self {
                state <- new_rwsem!(state, "MemoryGate::state"),
                pdev: pdev.clone(),
                config,
                mapping,
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// Returns the device.
    pub(crate) fn device(&self) -> &Device {
        &self.pdev
    }

    /// Waits for changes to end and returns the right to access memory BARs.
    ///
    /// # Errors
    ///
    /// `EIO` if memory decoding is off or the device sleeps.
    pub(crate) fn enabled(&self) -> Result<MemoryEnabled<'_>> {
        self.check(self.state.read())
    }

    /// Returns the right to access memory BARs without waiting. For any context.
    ///
    /// # Errors
    ///
    /// `EAGAIN` if it takes waiting; `EIO` if memory decoding is off or the device sleeps.
    pub(crate) fn try_enabled(&self) -> Result<MemoryEnabled<'_>> {
        self.check(self.state.try_read().ok_or(EAGAIN)?)
    }

    /// Waits for changes to end and returns the right to map memory BARs into programs.
    ///
    /// # Errors
    ///
    /// `EIO` if memory decoding is off, the device sleeps, or may fall asleep between calls.
    pub(crate) fn mappable(&self) -> Result<MemoryEnabled<'_>> {
        let state = self.state.read();
        if state.low_power.is_on() {
            return Err(EIO);
        }
        self.check(state)
    }

    /// Returns the right to access memory BARs if the device answers to them.
    fn check<'a>(&self, state: ReadGuard<'a, State>) -> Result<MemoryEnabled<'a>> {
        if self.config.memory_enabled() {
            Ok(MemoryEnabled { _state: state })
        } else {
            Err(EIO)
        }
    }

    /// Holds off all accesses, without taking mappings away.
    pub(crate) fn exclusive(&self) -> Exclusive<'_> {
        Exclusive {
            state: self.state.write(),
            pdev: &self.pdev,
            config: &self.config,
        }
    }

    /// Holds off all accesses and takes the mappings of all BARs away, other devices' as well.
    pub(crate) fn zap(&self) -> Zapped<'_> {
        self.take_mappings(self.exclusive())
    }

    /// The same, if that takes no waiting.
    pub(crate) fn try_zap(&self) -> Option<Zapped<'_>> {
        let exclusive = Exclusive {
            state: self.state.try_write()?,
            pdev: &self.pdev,
            config: &self.config,
        };
        Some(self.take_mappings(exclusive))
    }

    fn take_mappings<'a>(&'a self, exclusive: Exclusive<'a>) -> Zapped<'a> {
        self.mapping.unmap_range(
            region::offset_of(region::FIRST_BAR),
            region::offset_of(region::ROM) - region::offset_of(region::FIRST_BAR),
        );
        exclusive.state.buffers.revoke();
        Zapped(exclusive)
    }

    /// Holds off all accesses and turns memory decoding on, until the result is dropped.
    pub(crate) fn force(&self) -> MemoryForced<'_> {
        let exclusive = self.exclusive();
        let command = self.pdev.config_read_u16(COMMAND);
        if command & COMMAND_MEMORY == 0 {
            self.pdev
                .config_write_u16(COMMAND, command | COMMAND_MEMORY);
        }
        MemoryForced { command, exclusive }
    }
}

impl IrqHost for MemoryGate {
    fn with_memory(&self, f: &mut dyn FnMut()) {
        let _forced = self.force();
        f();
    }
}

/// Proof that the device answers to its memory BARs.
#[must_use = "the device may stop answering as soon as this is dropped"]
pub(crate) struct MemoryEnabled<'a> {
    _state: ReadGuard<'a, State>,
}

/// Proof that nobody accesses BARs but the holder.
#[must_use = "accesses go on as soon as this is dropped"]
pub(crate) struct Exclusive<'a> {
    pub(super) state: WriteGuard<'a, State>,
    pub(super) pdev: &'a Device,
    config: &'a Config,
}

impl Exclusive<'_> {
    /// Returns what other devices may reach of the BARs.
    pub(super) fn buffers(&mut self) -> &mut Buffers {
        &mut self.state.buffers
    }
}

impl Drop for Exclusive<'_> {
    /// Lets other devices reach the BARs again, if the device answers now.
    fn drop(&mut self) {
        if !self.state.low_power.is_on() && self.config.memory_enabled() {
            self.state.buffers.allow();
        }
    }
}

/// An [`Exclusive`] from whose beginning on no program has a BAR mapped, and no other device.
#[must_use = "accesses go on as soon as this is dropped"]
pub(crate) struct Zapped<'a>(Exclusive<'a>);

impl<'a> Deref for Zapped<'a> {
    type Target = Exclusive<'a>;

    fn deref(&self) -> &Exclusive<'a> {
        &self.0
    }
}

impl<'a> DerefMut for Zapped<'a> {
    fn deref_mut(&mut self) -> &mut Exclusive<'a> {
        &mut self.0
    }
}

/// An [`Exclusive`] while which memory decoding is on.
#[must_use = "memory decoding goes back as soon as this is dropped"]
pub(crate) struct MemoryForced<'a> {
    /// COMMAND as it was.
    command: u16,
    exclusive: Exclusive<'a>,
}

impl Drop for MemoryForced<'_> {
    fn drop(&mut self) {
        self.exclusive.pdev.config_write_u16(COMMAND, self.command);
    }
}
