// SPDX-License-Identifier: GPL-2.0-only

//! `VFIO_EEH_PE_OP`: a program looks after the errors of its devices.
//!
//! A group is a *partitionable endpoint* (PE), which the hardware stops as a whole. What is asked for
//! is done with the PE of each group of the container, until one has something to say: an error or a
//! state that is not the normal one.
//!
//! C counterpart: `vfio_spapr_ioctl_eeh_pe_op()` in
//! [`drivers/vfio/vfio_iommu_spapr_tce.c`](srctree/drivers/vfio/vfio_iommu_spapr_tce.c)

use super::{
    container::Container,
    ioctl::checked, //
};
use core::mem::offset_of;
use kernel::prelude::*;
use kernel_ext::{
    eeh::{
        Injection,
        Pe,
        Reset,
        Switch, //
    },
    uaccess::UserArg, //
};
use vfio_uapi::{
    padded::EehPeOp,
    VFIO_EEH_PE_CONFIGURE,
    VFIO_EEH_PE_DISABLE,
    VFIO_EEH_PE_ENABLE,
    VFIO_EEH_PE_GET_STATE,
    VFIO_EEH_PE_INJECT_ERR,
    VFIO_EEH_PE_RESET_DEACTIVATE,
    VFIO_EEH_PE_RESET_FUNDAMENTAL,
    VFIO_EEH_PE_RESET_HOT,
    VFIO_EEH_PE_UNFREEZE_DMA,
    VFIO_EEH_PE_UNFREEZE_IO, //
};

/// Bytes that every caller provides: up to and with the operation.
const HEAD: usize = offset_of!(EehPeOp, hole);

/// Bytes of the whole structure, which says what error to cause.
const SIZE: usize = size_of::<EehPeOp>();

/// What a program asks for.
enum Request {
    Switch(Switch),
    State,
    Reset(Reset),
    Configure,
    Inject(Injection),
}

impl Request {
    /// Fails with `EFAULT`, and with `EINVAL` for what there is not.
    fn read(arg: UserArg) -> Result<Self> {
        let raw: Result<EehPeOp> = arg.read_head(HEAD);
        let raw = checked(raw, HEAD, |raw| (raw.argsz, raw.flags), 0)?;
        Ok(match raw.op {
            VFIO_EEH_PE_DISABLE => Self::Switch(Switch::Disable),
            VFIO_EEH_PE_ENABLE => Self::Switch(Switch::Enable),
            VFIO_EEH_PE_UNFREEZE_IO => Self::Switch(Switch::ThawMmio),
            VFIO_EEH_PE_UNFREEZE_DMA => Self::Switch(Switch::ThawDma),
            VFIO_EEH_PE_GET_STATE => Self::State,
            VFIO_EEH_PE_RESET_DEACTIVATE => Self::Reset(Reset::Deactivate),
            VFIO_EEH_PE_RESET_HOT => Self::Reset(Reset::Hot),
            VFIO_EEH_PE_RESET_FUNDAMENTAL => Self::Reset(Reset::Fundamental),
            VFIO_EEH_PE_CONFIGURE => Self::Configure,
            // CAST: 32 bits fit.
            VFIO_EEH_PE_INJECT_ERR if (raw.argsz as usize) < SIZE => return Err(EINVAL),
            VFIO_EEH_PE_INJECT_ERR => Self::injection(&arg.read()?),
            _ => return Err(EINVAL),
        })
    }

    fn injection(raw: &EehPeOp) -> Self {
        Self::Inject(Injection {
            kind: raw.err.type_,
            function: raw.err.func,
            address: raw.err.addr,
            mask: raw.err.mask,
        })
    }

    /// Does it; returns a state, or 0.
    fn run(&self, pe: &Pe) -> Result<u32> {
        match self {
            Self::Switch(what) => pe.switch(*what)?,
            Self::State => return pe.state(),
            Self::Reset(step) => pe.reset(*step)?,
            Self::Configure => pe.configure()?,
            Self::Inject(error) => pe.inject(error)?,
        }
        Ok(0)
    }
}

impl Container {
    /// Answers `VFIO_EEH_PE_OP`.
    ///
    /// # Errors
    ///
    /// `EPERM` if the container is another process's, `ENODEV` if a group has no PE, `EFAULT`,
    /// `EINVAL`, and as the platform does.
    pub(super) fn eeh(&self, arg: UserArg) -> Result<isize> {
        let request = Request::read(arg);
        let state = self.enter()?;
        for group in state.groups.iter().rev() {
            let pe = Pe::of(group.group()).ok_or(ENODEV)?;
            let request = request.as_ref().map_err(|error| *error)?;
            match request.run(&pe)? {
                0 => {}
                said => return Ok(isize::try_from(said)?),
            }
        }
        Ok(0)
    }
}
