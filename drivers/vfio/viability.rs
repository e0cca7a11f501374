// SPDX-License-Identifier: GPL-2.0-only

//! When a group may be handed out.
//!
//! The members of a group cannot be told apart by the IOMMU, so a program that owns one of them
//! can reach whatever the others can. The founding rule of VFIO is therefore that a group gives no
//! access until **every** member is bound to a VFIO driver. Bridges and root ports are exempt: the
//! host must drive them for anything below to work.
//!
//! C VFIO is laxer: it accepts members without a driver, which anybody may bind later. The module
//! parameter `strict_viability=0` brings that rule back, and each group can have a rule of its own, see
//! [`crate::group::isolation`]. Where the isolation unit of a group is larger than the group, the rule
//! holds for all devices of the unit.
//!
//! Every refusal names the device in the way, because that is what its reader has to know.
//!
//! C counterpart: `vfio_group_ioctl_get_status` in
//! [`drivers/vfio/group.c`](srctree/drivers/vfio/group.c)

use kernel::{
    device,
    fmt,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::aref::ARef, //
};
use kernel_ext::{
    device::{
        driver_of,
        pci_kind,
        Driver,
        PciKind, //
    },
    iommu,
    refuse, //
};
use vfio_uapi::MemberFlags;

use crate::group::Group;

/// Checks that nothing stands in the way of handing out `group`, and logs what does.
///
/// # Errors
///
/// `EPERM` if a member is not bound to a VFIO driver, `ENOMEM`.
pub(crate) fn check(group: &Group) -> Result {
    if !group.is_strict() {
        return Ok(());
    }
    match blocker(group, |_| true)? {
        None => Ok(()),
        Some(device) => {
            refuse!("{}\n", InTheWay::new(group, &device));
            Err(EPERM)
        }
    }
}

/// Returns whether somebody, a host driver or another owner, holds the DMA of the unit of `group`,
/// which is in no container itself.
pub(crate) fn is_claimed(group: &Group) -> bool {
    let claimed = is_unit_claimed(group);
    if claimed {
        explain(group, EPERM);
    }
    claimed
}

/// The same, and logs nothing.
fn is_unit_claimed(group: &Group) -> bool {
    // Without memory to look it cannot be had, either.
    group.unit().map_or(true, |unit| {
        unit.iter().any(|iommu| is_claimed_by_others(group, iommu))
    })
}

/// Returns whether `iommu`, which is in the unit of `group`, is held by other than a container that has
/// a neighbour of the unit: whether `group` can go there, too, is seen when it does.
fn is_claimed_by_others(group: &Group, iommu: &iommu::Group) -> bool {
    iommu.is_dma_owner_claimed() && !group.ownership().has(iommu)
}

/// Returns whether a member with these flags is in the way of handing out its group.
pub(crate) fn blocks(member: MemberFlags, strict: bool) -> bool {
    let exempt = MemberFlags::VFIO | MemberFlags::BRIDGE;
    match strict {
        true => !member.intersects(exempt),
        false => !member.contains(MemberFlags::BRIDGE) && member.contains(MemberFlags::HOST),
    }
}

/// Logs why the DMA of `group` could not be taken.
pub(crate) fn explain(group: &Group, error: Error) {
    let id = group.iommu().id();
    // Only a driver can hold DMA, so look for a member that has one.
    if let Ok(Some(device)) = blocker(group, |dev| !matches!(driver_of(dev), Driver::None)) {
        refuse!("{}\n", InTheWay::new(group, &device));
    } else if error == EPERM {
        refuse!("{}\n", Claimed(id));
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
    let mut found = None;
    for iommu in group.unit()? {
        iommu.for_each_device(&mut |dev| {
            let exempt = group.bound().has(dev) || matches!(pci_kind(dev), PciKind::Bridge);
            if found.is_none() && !exempt && counts(dev) {
                found = Some(dev.into());
            }
            Ok(())
        })?;
    }
    Ok(found)
}

/// A device that stands in the way; shown as what is wrong and what to do.
pub(crate) struct InTheWay<'a> {
    group: i32,
    device: &'a device::Device,
    driver: Driver,
}

impl<'a> InTheWay<'a> {
    fn new(group: &Group, device: &'a device::Device) -> Self {
        Self {
            group: group.iommu().id(),
            device,
            driver: driver_of(device),
        }
    }
}

impl fmt::Display for InTheWay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (group, name) = (self.group, self.device.name());
        f.write_fmt(fmt!("group {group} is not viable: {name} "))?;
        match self.driver {
            Driver::Bound(driver) => f.write_fmt(fmt!(
                "is bound to {driver}; bind it to vfio-pci, as every device of the group must be"
            )),
            Driver::Changing => {
                f.write_str("is being bound or unbound; try again when that is done")
            }
            Driver::None => f.write_str(
                "has no driver; bind it to vfio-pci, as every device of the group must be",
            ),
        }
    }
}

/// Writes whether `group` could be handed out, and why not: the sentence that a refusal logs.
///
/// `owned` is whether a program owns its DMA already, through us.
pub(crate) fn show(group: &Group, owned: bool, m: &SeqFile) {
    let blocker = match group.is_strict() {
        true => blocker(group, |_| true),
        false => Ok(None),
    };
    match blocker {
        Ok(Some(device)) => {
            let reason = InTheWay::new(group, &device);
            seq_print!(m, "viable: no\nreason: {reason}\n");
        }
        Ok(None) if !owned && is_unit_claimed(group) => show_claimed(group, m),
        Ok(None) => seq_print!(m, "viable: yes\n"),
        Err(error) => seq_print!(m, "viable: unknown ({error:?})\n"),
    }
}

/// Writes who holds the DMA of `group`.
fn show_claimed(group: &Group, m: &SeqFile) {
    let id = group.iommu().id();
    match blocker(group, |dev| !matches!(driver_of(dev), Driver::None)) {
        Ok(Some(device)) => {
            let reason = InTheWay::new(group, &device);
            seq_print!(m, "viable: no\nreason: {reason}\n");
        }
        _ => seq_print!(m, "viable: no\nreason: {}\n", Claimed(id)),
    }
}

/// A group whose DMA cannot be taken, for no reason that its devices show.
struct Claimed(i32);

impl fmt::Display for Claimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "group {}: its DMA belongs to somebody else, or its interrupts cannot be isolated; see \
             the lines above",
            self.0
        )
    }
}

/// Writes one line for each member of `group`: its name, its driver, and what it is to us.
pub(crate) fn show_members(group: &Group, m: &SeqFile) -> Result {
    group.iommu().for_each_device(&mut |dev| {
        let role = if group.bound().has(dev) {
            "vfio"
        } else if matches!(pci_kind(dev), PciKind::Bridge) {
            "bridge"
        } else {
            "other"
        };
        match driver_of(dev) {
            Driver::Bound(driver) => {
                seq_print!(m, "member: {} {driver} {role}\n", dev.name());
            }
            Driver::Changing => seq_print!(m, "member: {} (changing) {role}\n", dev.name()),
            Driver::None => seq_print!(m, "member: {} (none) {role}\n", dev.name()),
        }
        Ok(())
    })
}
