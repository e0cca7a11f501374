// SPDX-License-Identifier: GPL-2.0-only

//! Extended error handling (EEH) of POWER machines.
//!
//! When a device causes an error, the hardware stops all traffic of its *partitionable endpoint* (PE)
//! until somebody has looked after it. A guest that has the device does so itself, by way of the calls
//! here.
//!
//! C header: [`arch/powerpc/include/asm/eeh.h`](srctree/arch/powerpc/include/asm/eeh.h)

use crate::{
    bindings,
    iommu::Group, //
};
use core::ptr::NonNull;
use kernel::{
    error::to_result,
    prelude::*, //
};

/// Returns whether the platform has EEH and uses it.
pub fn is_enabled() -> bool {
    // SAFETY: This only looks at settings of the platform.
    unsafe { bindings::vfio_helper_eeh_enabled() }
}

/// What can be switched for a PE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// EEH off.
    Disable,
    /// EEH on.
    Enable,
    /// Lets accesses to registers through again.
    ThawMmio,
    /// Lets DMA through again.
    ThawDma,
}

/// A step of a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// Ends a reset.
    Deactivate,
    /// Begins a hot reset.
    Hot,
    /// Begins a fundamental reset.
    Fundamental,
}

/// An error to cause, by way of trial. The numbers are the firmware's.
#[derive(Clone, Copy, Debug)]
pub struct Injection {
    /// What kind of error.
    pub kind: u32,
    /// For what accesses.
    pub function: u32,
    /// At what bus address.
    pub address: u64,
    /// Which bits of the address count.
    pub mask: u64,
}

/// The partitionable endpoint of a group.
pub struct Pe {
    _group: Group,
    raw: NonNull<bindings::eeh_pe>,
}

impl Pe {
    /// Returns the PE of `group`, of which the caller has a device as long as the result lives.
    /// Returns [`None`] if there is no EEH for it.
    pub fn of(group: &Group) -> Option<Self> {
        // SAFETY: The group is live.
        let raw = unsafe { bindings::eeh_iommu_group_to_pe(group.as_raw()) };
        // A PE lives while it has devices.
        NonNull::new(raw).map(|raw| Self {
            _group: group.clone(),
            raw,
        })
    }

    /// Switches something on or off. Fails with `EIO` if EEH is off, and as the platform does.
    pub fn switch(&self, what: Switch) -> Result {
        let option = match what {
            Switch::Disable => bindings::EEH_OPT_DISABLE,
            Switch::Enable => bindings::EEH_OPT_ENABLE,
            Switch::ThawMmio => bindings::EEH_OPT_THAW_MMIO,
            Switch::ThawDma => bindings::EEH_OPT_THAW_DMA,
        };
        // SAFETY: The PE has a device, so it is live.
        outcome(unsafe { bindings::eeh_pe_set_option(self.raw.as_ptr(), option as c_int) })
            .map(drop)
    }

    /// Returns its state as a number of `VFIO_EEH_PE_STATE_*`. Fails as the platform does.
    pub fn state(&self) -> Result<u32> {
        // SAFETY: As above.
        outcome(unsafe { bindings::eeh_pe_get_state(self.raw.as_ptr()) })
    }

    /// Makes a step of a reset. Fails as the platform does.
    pub fn reset(&self, step: Reset) -> Result {
        let option = match step {
            Reset::Deactivate => bindings::EEH_RESET_DEACTIVATE,
            Reset::Hot => bindings::EEH_RESET_HOT,
            Reset::Fundamental => bindings::EEH_RESET_FUNDAMENTAL,
        };
        // SAFETY: As above.
        outcome(unsafe { bindings::eeh_pe_reset(self.raw.as_ptr(), option as c_int, true) })
            .map(drop)
    }

    /// Sets up the bridges after a reset. Fails as the platform does.
    pub fn configure(&self) -> Result {
        // SAFETY: As above.
        outcome(unsafe { bindings::eeh_pe_configure(self.raw.as_ptr()) }).map(drop)
    }

    /// Causes an error. Fails with `EINVAL` for one that there is not, and as the platform does.
    pub fn inject(&self, error: &Injection) -> Result {
        // CAST: The platform checks the numbers. SAFETY: As above.
        let result = unsafe {
            bindings::eeh_pe_inject_err(
                self.raw.as_ptr(),
                error.kind as c_int,
                error.function as c_int,
                error.address as c_ulong,
                error.mask as c_ulong,
            )
        };
        outcome(result).map(drop)
    }
}

/// Turns what a call returns into a result; what is positive stays so.
fn outcome(result: c_int) -> Result<u32> {
    to_result(result.min(0))?;
    Ok(u32::try_from(result)?)
}
