// SPDX-License-Identifier: GPL-2.0-only

//! Configuration space as a user meets it: one place that sends each access to the rules of the
//! capability that owns it.
//!
//! [`Model`] is everything that user writes can change.  [`Route`] tells, before anything is
//! touched, which outer lock a write needs; [`Effect`] tells afterwards what is left to do once the
//! lock around the model is gone.
//!
//! This file uses nothing of the kernel.
//!
//! C counterpart: `vfio_pci_config_rw_single` of
//! [`drivers/vfio/pci/vfio_pci_config.c`](srctree/drivers/vfio/pci/vfio_pci_config.c)

use core::ops::DerefMut;

use super::{
    cap::{
        Effect,
        VpdAccess, //
    },
    header::{
        self,
        Facts,
        Forms,
        RealBars, //
    },
    map::{
        Chunk,
        Layout,
        Owner, //
    },
    msi::{
        self,
        MsiState, //
    },
    perm::{
        Hw,
        Masks, //
    },
    regs::{
        COMMAND,
        COMMAND_IO,
        COMMAND_MEMORY,
        INTERRUPT_PIN, //
    },
    space::Space,
    walk::Built, //
};

/// How a write has to be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// It changes nothing; the user's memory need not be read.
    Ignore,
    /// [`Model::write_bits`].
    Bits,
    /// [`Model::write`].
    Plain,
    /// [`Model::write_command`], while memory accesses are held off.
    Command,
    /// [`Model::write_msi`], while the interrupt mode cannot change.
    Msi,
}

impl Route {
    /// Returns the route of a write to `chunk`.
    pub(crate) fn of(chunk: &Chunk) -> Route {
        match chunk.owner {
            _ if chunk.ignores_writes() => Route::Ignore,
            _ if is_command(chunk) => Route::Command,
            _ if has_intx_disable(chunk) => Route::Plain,
            Owner::Msi(_) if chunk.covers(msi::FLAGS) => Route::Msi,
            Owner::Pm | Owner::Vpd | Owner::Exp | Owner::Af => Route::Plain,
            _ => Route::Bits,
        }
    }
}

/// Returns whether a read of `chunk`, which has these `masks`, shows nothing but the hardware, so that the
/// model need not be asked.
pub(crate) fn is_hardware(chunk: &Chunk, masks: Masks) -> bool {
    masks.virt == 0 && !is_command(chunk)
}

/// Returns whether `chunk` begins with COMMAND.
fn is_command(chunk: &Chunk) -> bool {
    chunk.owner == Owner::Header && chunk.offset == COMMAND
}

/// Returns whether `chunk` covers the byte of COMMAND that has the INTx-disable bit.
pub(crate) fn has_intx_disable(chunk: &Chunk) -> bool {
    chunk.owner == Owner::Header && chunk.covers(COMMAND + 1)
}

/// The state behind a user's view of configuration space.
pub(crate) struct Model<B> {
    /// The virtual copy.
    space: Space<B>,
    /// What the registers do not tell.
    facts: Facts,
    /// What the hardware's BARs have to be.
    real_bars: RealBars,
    /// What the user sees of their registers.
    forms: Forms,
}

impl<B: DerefMut<Target = [[u8; 4]]>> Model<B> {
    /// Puts together what a [`walk`](super::walk) has found, and gives back the layout.
    pub(crate) fn new<C>(built: Built<B, C>, facts: Facts) -> (Self, Layout<C>) {
        let model = Model {
            space: built.space,
            facts,
            real_bars: built.real_bars,
            forms: built.forms,
        };
        (model, built.layout)
    }

    /// Returns the virtual COMMAND register; its memory and I/O bits are what the user last wrote.
    pub(crate) fn command(&self) -> u16 {
        self.space.word(COMMAND)
    }

    /// Returns the INTx pin that the user sees: 1 for INTA, 0 for none.
    pub(crate) fn intx_pin(&self) -> u8 {
        // CAST: the upper byte of a word.
        (self.space.word(INTERRUPT_PIN & !1) >> 8) as u8
    }

    /// Reads `chunk`.
    ///
    /// # Errors
    ///
    /// Those of the hardware.
    #[cfg(test)]
    pub(crate) fn read<H: Hw>(&self, hw: &H, chunk: &Chunk) -> Result<u32, H::Error> {
        self.read_masked(hw, chunk, chunk.masks())
    }

    /// Reads `chunk`, which has these `masks`.
    ///
    /// # Errors
    ///
    /// Those of the hardware.
    pub(crate) fn read_masked<H: Hw>(
        &self,
        hw: &H,
        chunk: &Chunk,
        masks: Masks,
    ) -> Result<u32, H::Error> {
        let mut value = self.space.read(hw, chunk, masks)?;
        if is_command(chunk) && self.facts.no_command_memory {
            value |= u32::from(self.command() & COMMAND_MEMORY);
        }
        Ok(value)
    }

    /// Writes `value` to `chunk`, whose [`Route`] is [`Route::Bits`]: nothing follows from it.
    ///
    /// # Errors
    ///
    /// Those of the hardware.
    pub(crate) fn write_bits<H: Hw>(
        &mut self,
        hw: &H,
        chunk: &Chunk,
        value: u32,
    ) -> Result<(), H::Error> {
        self.space.write(hw, chunk, value)?;
        if chunk.owner == Owner::Header && header::is_bar(chunk.at) {
            self.space.size_bar(&self.forms, chunk.at);
        }
        Ok(())
    }

    /// Writes `value` to `chunk`, whose [`Route`] is [`Route::Bits`] or [`Route::Plain`].
    ///
    /// # Errors
    ///
    /// Those of the hardware.
    pub(crate) fn write<H: Hw>(
        &mut self,
        hw: &H,
        chunk: &Chunk,
        value: u32,
    ) -> Result<Effect, H::Error> {
        match chunk.owner {
            Owner::Pm => return self.space.write_pm(hw, chunk, value),
            Owner::Vpd => return self.space.write_vpd(hw, chunk, value),
            Owner::Exp => return self.space.write_exp(hw, chunk, value),
            Owner::Af => return self.space.write_af(hw, chunk, value),
            _ => self.write_bits(hw, chunk, value)?,
        }
        Ok(Effect::None)
    }

    /// Writes `value` to `chunk`, whose [`Route`] is [`Route::Command`].
    ///
    /// The caller holds off memory accesses, and has done so with the user's mappings taken away
    /// if the memory bit of `value` is clear.  Returns whether the function had been reset behind
    /// our back and was given its BARs again.
    ///
    /// # Errors
    ///
    /// Those of the hardware.
    pub(crate) fn write_command<H: Hw>(
        &mut self,
        hw: &H,
        chunk: &Chunk,
        value: u32,
    ) -> Result<bool, H::Error> {
        // CAST: COMMAND is the lower half, whatever the width.
        let wanted = value as u16;
        let recovered = self
            .space
            .recover_bars(hw, &self.facts, &self.real_bars, wanted)?;
        self.space.write(hw, chunk, value)?;
        self.space
            .change_word(COMMAND, COMMAND_MEMORY | COMMAND_IO, wanted);
        Ok(recovered)
    }

    /// Writes `value` to `chunk`, whose [`Route`] is [`Route::Msi`].
    ///
    /// # Errors
    ///
    /// Those of the hardware.
    pub(crate) fn write_msi<H: Hw>(
        &mut self,
        hw: &H,
        chunk: &Chunk,
        value: u32,
        state: MsiState,
    ) -> Result<(), H::Error> {
        self.space.write_msi(hw, chunk, value, state)
    }

    /// Ends a VPD transfer that succeeded with `data`.
    pub(crate) fn finish_vpd(&mut self, access: VpdAccess, data: u32) {
        self.space.finish_vpd(access, data);
    }
}

#[cfg(test)]
pub(super) mod fake;

#[cfg(test)]
mod rarities;

#[cfg(test)]
mod tests;
