// SPDX-License-Identifier: GPL-2.0-only

//! Configuration space, as a user of the device reads and writes it.
//!
//! Configuration space decides where a device answers, how it interrupts and whether it has power,
//! so a user gets a view of it rather than the thing itself. [`Config`] is that view. It is made
//! from the hardware when the device is opened; afterwards each access is cut into naturally
//! aligned pieces within one capability, and each piece follows the rules of its capability:
//!
//! | file | what it decides |
//! |---|---|
//! | `perm` | what a set of permissions does to a read or a write |
//! | `map`, `walk` | which capability owns a byte, and which capabilities are shown |
//! | `space` | the virtual copy |
//! | `header`, `cap`, `msi`, `ecap` | permissions, lengths and side effects of each capability |
//! | `model` | the way from an access to its rules |
//! | `host` | what the rest of the device has to do for us |
//! | `hardware` | what the model needs to know of the real device |
//!
//! All but this file, `host` and `hardware` know nothing of the kernel and are tested on the host over made-up
//! devices.
//!
//! # Lock order
//!
//! `Config::writer` puts writes that have side effects one after another, so that these happen in the
//! order of the registers they come from. It is taken before anything else in the device. `Config::model` guards
//! the state itself and is a leaf: hardware accessors of the PCI core are called under it, nothing
//! else of ours. What is the hardware's alone is read without it. User memory is never touched with either held. See [`host`] for the whole chain.
//!
//! C counterpart:
//! [`drivers/vfio/pci/vfio_pci_config.c`](srctree/drivers/vfio/pci/vfio_pci_config.c)

mod cap;
mod ecap;
mod hardware;
mod header;
mod host;
mod map;
mod model;
mod msi;
mod perm;
pub(crate) mod regs;
mod space;
mod walk;

use kernel::{
    dev_info,
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex, //
    },
    uaccess::{
        UserSliceReader,
        UserSliceWriter, //
    }, //
};

use kernel_ext::{
    pci,
    ratelimit::Ratelimit, //
};

use self::{
    cap::{
        Effect,
        PowerState,
        VpdAccess, //
    },
    hardware::{
        facts,
        msix_geometry,
        report,
        Registers, //
    },
    map::{
        Cell,
        Chunk,
        Layout, //
    },
    model::{
        has_intx_disable,
        is_hardware,
        Model,
        Route, //
    },
    perm::{
        Hw,
        Width, //
    },
    regs::{
        COMMAND_INTX_DISABLE,
        COMMAND_MEMORY, //
    }, //
};

use crate::irq::IntxMasking;

pub(crate) use self::{
    hardware::MsixGeometry,
    host::ConfigHost,
    msi::MsiState,
    regs::ASLS, //
};

/// The view that a user has of a device's configuration space.
#[pin_data]
pub(crate) struct Config {
    /// The device.
    pdev: pci::Device,

    /// Who owns each byte.
    layout: Layout<KVVec<[Cell; 4]>>,
    /// The INTx pin that the user sees.
    intx_pin: u8,
    /// The MSI-X table, if there is one.
    msix: Option<MsixGeometry>,
    /// COMMAND has no memory bit.
    no_command_memory: bool,

    /// The virtual COMMAND register. Changes only under `model`; for the memory bit, also only
    /// while the memory gate is taken for writing.
    command: Atomic<u32>,

    /// Taken for the whole of a write that has an effect beyond its bits.
    #[pin]
    writer: Mutex<()>,

    /// What user writes change.
    #[pin]
    model: Mutex<Model<KVVec<[u8; 4]>>>,
}

impl Config {
    /// Reads the device's configuration space and makes the view.
    ///
    /// The device is enabled and in D0, and its pin is silent as `masking` has it. Its state was
    /// saved since, and the header need not be read a second time: each access takes long.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`], and those of reading configuration space.
    pub(crate) fn build(pdev: &pci::Device, masking: IntxMasking) -> Result<Arc<Config>> {
        let facts = facts(pdev, masking);
        let hw = Registers(pdev);
        let header = pdev.saved_header();
        let size = usize::try_from(pdev.config_size())? / 4;
        let dwords = KVVec::from_elem([0; 4], size, GFP_KERNEL_ACCOUNT)?;
        let cells = KVVec::from_elem(Cell::UNASSIGNED, size, GFP_KERNEL_ACCOUNT)?;
        let mut odd = |odd| report(pdev, odd);
        let built = walk::build(&hw, &header, &facts, dwords, cells, &mut odd)?;

        let (model, layout) = Model::new(built, facts);
        let intx_pin = model.intx_pin();
        let command = Atomic::new(u32::from(model.command()));
        let msix = pdev
            .msix_cap()
            .map(|cap| msix_geometry(pdev, cap))
            .transpose()?;
        let pdev = pdev.clone();
        Arc::pin_init(
            pin_init!(Config {
                pdev,
                layout,
                intx_pin,
                msix,
                no_command_memory: facts.no_command_memory,
                command,
                writer <- new_mutex!((), "Config::writer"),
                model <- new_mutex!(model, "Config::model"),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// Returns the size of configuration space in bytes, 256 or 4096.
    pub(crate) fn size(&self) -> usize {
        self.layout.size()
    }

    /// Returns whether memory may be accessed: the user has decoding on, and the device is in a
    /// power state in which it answers.
    ///
    /// Stable while the memory gate is held. Takes no lock.
    pub(crate) fn memory_enabled(&self) -> bool {
        let decoding = self.no_command_memory || self.command() & COMMAND_MEMORY != 0;
        decoding && !self.pdev.in_d3()
    }

    /// Returns the virtual COMMAND register. Takes no lock.
    pub(crate) fn command(&self) -> u16 {
        // CAST: only ever set from a word.
        self.command.load(Relaxed) as u16
    }

    /// Returns the INTx pin that the user sees: 1 for INTA, 0 for none.
    pub(crate) fn intx_pin(&self) -> u8 {
        self.intx_pin
    }

    /// Returns place and length of the MSI-X table, if there is one.
    pub(crate) fn msix(&self) -> Option<MsixGeometry> {
        self.msix
    }

    /// Reads `count` bytes at `pos` into the user's memory and returns `count`.
    ///
    /// # Errors
    ///
    /// [`EFAULT`] if the range does not lie in configuration space or the user's memory cannot be
    /// written, and those of the hardware; parts may have been copied then.
    pub(crate) fn read(&self, to: &mut UserSliceWriter, count: usize, pos: u64) -> Result<usize> {
        let hw = Registers(&self.pdev);
        let mut at = self.check(count, pos)?;
        let mut left = count;
        while left > 0 {
            let chunk = self.layout.chunk(at, left).ok_or(EFAULT)?;
            let masks = chunk.masks();
            let value = match is_hardware(&chunk, masks) {
                true => hw.read(chunk.at, chunk.width)?,
                false => self.model.lock().read_masked(&hw, &chunk, masks)?,
            };
            put(to, chunk.width, value)?;
            (at, left) = advance(at, left, chunk.width);
        }
        Ok(count)
    }

    /// Writes `count` bytes from the user's memory at `pos` and returns `count`.
    ///
    /// Bits that may not be written are dropped without an error.
    ///
    /// # Errors
    ///
    /// [`EFAULT`] if the range does not lie in configuration space or the user's memory cannot be
    /// read, and those of the hardware; parts may have been written then.
    pub(crate) fn write(
        &self,
        host: &dyn ConfigHost,
        from: &mut UserSliceReader,
        count: usize,
        pos: u64,
    ) -> Result<usize> {
        let mut at = self.check(count, pos)?;
        let mut left = count;
        while left > 0 {
            let chunk = self.layout.chunk(at, left).ok_or(EFAULT)?;
            let route = Route::of(&chunk);
            if route == Route::Ignore {
                from.skip(usize::from(chunk.width.bytes()))?;
            } else {
                let value = take(from, chunk.width)?;
                if route == Route::Bits {
                    // Nothing follows from it, so it needs no place in the order of those that have
                    // effects.
                    let hw = Registers(&self.pdev);
                    self.model.lock().write_bits(&hw, &chunk, value)?;
                } else {
                    self.write_chunk(host, route, &chunk, value)?;
                }
            }
            (at, left) = advance(at, left, chunk.width);
        }
        Ok(count)
    }

    /// Checks a range, all of it before any part is touched, and returns its start.
    fn check(&self, count: usize, pos: u64) -> Result<u16> {
        let start = usize::try_from(pos).map_err(|_| EFAULT)?;
        let end = start.checked_add(count).ok_or(EFAULT)?;
        if count > 0 && (start >= self.size() || end > self.size()) {
            return Err(EFAULT);
        }
        // A range without bytes is in order anywhere, and its start is never used.
        Ok(u16::try_from(start).unwrap_or(u16::MAX))
    }

    /// Writes one piece and does what it asks for.
    // Apart, so that what is common does not save registers for it.
    #[inline(never)]
    fn write_chunk(
        &self,
        host: &dyn ConfigHost,
        route: Route,
        chunk: &Chunk,
        value: u32,
    ) -> Result {
        let hw = Registers(&self.pdev);
        let _writer = self.writer.lock();
        match route {
            Route::Ignore | Route::Bits => {}
            Route::Command => self.write_command(host, chunk, value)?,
            Route::Msi => host.with_msi(&mut |state| {
                let mut model = self.model.lock();
                model.write_msi(&hw, chunk, value, state)
            })?,
            Route::Plain => {
                let effect = self.update(|model| model.write(&hw, chunk, value))?;
                self.apply(host, effect);
            }
        }
        if has_intx_disable(chunk) {
            host.follow_command(self.command() & COMMAND_INTX_DISABLE != 0);
        }
        Ok(())
    }

    /// Writes COMMAND with memory accesses held off, and with mappings taken away before memory
    /// decoding goes.
    fn write_command(&self, host: &dyn ConfigHost, chunk: &Chunk, value: u32) -> Result {
        let hw = Registers(&self.pdev);
        let mut write = || {
            let recovered = self.update(|model| model.write_command(&hw, chunk, value))?;
            if recovered {
                self.report_recovery();
            }
            Ok(())
        };
        if value & u32::from(COMMAND_MEMORY) == 0 {
            host.memory_disable(&mut write)
        } else {
            host.memory_update(&mut write)
        }
    }

    /// Tells the log that BARs were restored. A device that loses them again and again must not
    /// fill it.
    fn report_recovery(&self) {
        static LIMIT: Ratelimit = Ratelimit::new();
        if LIMIT.allow() {
            dev_info!(
                self.pdev.device(),
                "the device was reset behind our back, its BARs are restored\n"
            );
        }
    }

    /// Changes the model and keeps `command` equal to the register in it.
    fn update<T>(&self, f: impl FnOnce(&mut Model<KVVec<[u8; 4]>>) -> Result<T>) -> Result<T> {
        let mut model = self.model.lock();
        let result = f(&mut model);
        self.command.store(u32::from(model.command()), Relaxed);
        result
    }

    /// Does what a write asked for beyond its bits.
    fn apply(&self, host: &dyn ConfigHost, effect: Effect) {
        match effect {
            Effect::None => {}
            Effect::SetPower(state) => host.set_power_state(match state {
                PowerState::D0 => pci::PowerState::D0,
                PowerState::D1 => pci::PowerState::D1,
                PowerState::D2 => pci::PowerState::D2,
                PowerState::D3hot => pci::PowerState::D3Hot,
            }),
            Effect::Vpd(access) => self.transfer_vpd(access),
            Effect::Function {
                reset,
                read_request,
            } => {
                if reset {
                    host.function_reset();
                }
                if let Some(bytes) = read_request {
                    // Below the payload size, the device could not even fill its packets. A size
                    // that the PCI core refuses is dropped, like any bit that cannot be written.
                    let _ = self
                        .pdev
                        .set_read_request(bytes.max(self.pdev.max_payload()));
                }
            }
        }
    }

    /// Transfers VPD. On failure the user's flag stays as he wrote it, so he runs into his own
    /// time-out.
    fn transfer_vpd(&self, access: VpdAccess) {
        let done = match access.data {
            Some(data) => self.pdev.write_vpd(access.addr, data).map(|()| data),
            None => self.pdev.read_vpd(access.addr),
        };
        if let Ok(data) = done {
            self.model.lock().finish_vpd(access, data);
        }
    }
}

/// Copies a value to the user. Where the length is a constant, the kernel need not look at what it
/// copies.
fn put(to: &mut UserSliceWriter, width: Width, value: u32) -> Result {
    // CAST: the bits beyond the width are zero.
    match width {
        Width::Byte => to.write(&(value as u8)),
        Width::Word => to.write(&(value as u16).to_le_bytes()),
        Width::Dword => to.write(&value.to_le_bytes()),
    }
}

/// Copies a value from the user.
fn take(from: &mut UserSliceReader, width: Width) -> Result<u32> {
    Ok(match width {
        Width::Byte => u32::from(from.read::<u8>()?),
        Width::Word => u32::from(u16::from_le_bytes(from.read()?)),
        Width::Dword => u32::from_le_bytes(from.read()?),
    })
}

/// Steps over an access of `width`.
fn advance(at: u16, left: usize, width: Width) -> (u16, usize) {
    let len = width.bytes();
    // The range was checked to lie within 4096 bytes, and a chunk never exceeds what is left.
    (
        at.saturating_add(len),
        left.saturating_sub(usize::from(len)),
    )
}
