// SPDX-License-Identifier: GPL-2.0-only

//! When a group may be handed out.
//!
//! The members of a group cannot be told apart by the IOMMU, so a program that owns one of them
//! can reach whatever the others can. The founding rule of VFIO is therefore that a group gives no
//! access until **every** member is bound to a VFIO driver. Bridges and root ports are exempt: the
//! host must drive them for anything below to work.
//!
//! C VFIO is laxer: it accepts members without a driver, which anybody may bind later. The module
//! parameter `strict_viability=0` brings that rule back.
//!
//! Every refusal names the device in the way, because that is what its reader has to know.
//!
//! C counterpart: `vfio_group_ioctl_get_status` in
//! [`drivers/vfio/group.c`](srctree/drivers/vfio/group.c)

use kernel::{
    device,
    prelude::*,
    sync::aref::ARef, //
};
use kernel_ext::{
    device::{
        driver_of,
        pci_kind,
        same_device,
        Driver,
        PciKind, //
    },
    refuse, //
};

use crate::group::Group;

kernel_ext::extern_param!(
    /// Whether every member of a group must be bound to a VFIO driver; 0 accepts members without
    /// any driver, as C does.
    static STRICT: bool = vfio_strict_viability;
);

/// Checks that nothing stands in the way of handing out `group`, and logs what does.
///
/// # Errors
///
/// `EPERM` if a member is not bound to a VFIO driver, `ENOMEM`.
pub(crate) fn check(group: &Group) -> Result {
    if !STRICT.get() {
        return Ok(());
    }
    match blocker(group, |_| true)? {
        None => Ok(()),
        Some(device) => {
            report(group, &device);
            Err(EPERM)
        }
    }
}

/// Returns whether somebody, a host driver or another owner, holds the DMA of `group`.
pub(crate) fn is_claimed(group: &Group) -> bool {
    let claimed = group.iommu().is_dma_owner_claimed();
    if claimed {
        explain(group, EPERM);
    }
    claimed
}

/// Logs why the DMA of `group` could not be taken.
pub(crate) fn explain(group: &Group, error: Error) {
    let id = group.iommu().id();
    // Only a driver can hold DMA, so look for a member that has one.
    if let Ok(Some(device)) = blocker(group, |dev| !matches!(driver_of(dev), Driver::None)) {
        report(group, &device);
    } else if error == EPERM {
        refuse!("group {id}: its DMA belongs to somebody else, or its interrupts cannot be isolated; see the lines above\n");
    } else {
        refuse!(
            "group {id}: the IOMMU does not give its DMA to programs ({:?})\n",
            error
        );
    }
}

/// Returns the first member that is neither exempt nor bound to a VFIO driver, and `counts`.
fn blocker(
    group: &Group,
    counts: impl Fn(&device::Device) -> bool,
) -> Result<Option<ARef<device::Device>>> {
    let ours = group.devices()?;
    let mut found = None;
    group.iommu().for_each_device(&mut |dev| {
        let is_ours = ours.iter().any(|ours| same_device(ours.dev(), dev));
        let exempt = matches!(pci_kind(dev), PciKind::Bridge);
        if found.is_none() && !is_ours && !exempt && counts(dev) {
            found = Some(dev.into());
        }
        Ok(())
    })?;
    Ok(found)
}

/// Logs that `device` stands in the way, and what to do.
fn report(group: &Group, device: &device::Device) {
    let id = group.iommu().id();
    let name = device.name();
    match driver_of(device) {
        Driver::Bound(driver) => refuse!(
            "group {id} is not viable: {name} is bound to {driver}; bind it to vfio-pci, as every device of the group must be\n"
        ),
        Driver::Changing => refuse!(
            "group {id} is not viable: {name} is being bound or unbound; try again when that is done\n"
        ),
        Driver::None => refuse!(
            "group {id} is not viable: {name} has no driver; bind it to vfio-pci, as every device of the group must be\n"
        ),
    }
}
