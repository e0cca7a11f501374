// SPDX-License-Identifier: GPL-2.0-only

//! What writes to configuration space do to the rest of an open device.
//!
//! C counterpart: the side effects in
//! [`drivers/vfio/pci/vfio_pci_config.c`](srctree/drivers/vfio/pci/vfio_pci_config.c)

use kernel::prelude::*;
use kernel_ext::{
    pci::PowerState,
    refuse, //
};

use super::OpenPci;
use crate::{
    config::{
        ConfigHost,
        MsiState, //
    },
    last_reset::ResetKind, //
};

impl ConfigHost for OpenPci {
    fn memory_disable(&self, f: &mut dyn FnMut() -> Result) -> Result {
        let _zapped = self.gate.zap();
        f()
    }

    fn memory_update(&self, f: &mut dyn FnMut() -> Result) -> Result {
        let _exclusive = self.gate.exclusive();
        f()
    }

    fn set_power_state(&self, state: PowerState) {
        let changed = if state >= PowerState::D3Hot {
            self.gate.zap().set_power_state(state)
        } else {
            self.gate.exclusive().set_power_state(state)
        };
        if changed == Err(EBUSY) {
            refuse!(
                "{}: stays awake whatever its user wants, as it has virtual functions\n",
                self.pdev.name()
            );
        } else if let Err(error) = changed {
            refuse!(
                "{}: did not follow its user to power state {:?}: {:?}\n",
                self.pdev.name(),
                state,
                error
            );
        }
    }

    fn function_reset(&self) {
        let zapped = self.gate.zap();
        let result = self.pdev.try_reset_function();
        drop(zapped);
        self.irqs.follow_reset();
        self.clean.last_reset.note(ResetKind::Config, result);
        if let Err(error) = result {
            refuse!(
                "{}: not reset, although its user asked it to reset itself: {:?}\n",
                self.pdev.name(),
                error
            );
        }
    }

    fn follow_command(&self, intx_disabled: bool) {
        self.irqs.follow_command(intx_disabled);
    }

    fn with_msi(&self, f: &mut dyn FnMut(MsiState) -> Result) -> Result {
        self.irqs.with_msi(f)
    }
}
