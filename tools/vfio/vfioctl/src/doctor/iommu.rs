// SPDX-License-Identifier: GPL-2.0-only

//! The IOMMU: whether it translates, keeps interrupts apart, and tells devices apart.

use super::Finding;
use crate::{
    address,
    machine::{
        Device,
        Machine, //
    },
    roots::{
        text,
        Roots, //
    }, //
};
use std::collections::BTreeSet;

/// Returns whether there is an IOMMU that is on.
pub(super) fn on(roots: &Roots, machine: &Machine) -> Finding {
    const CHECK: &str = "iommu";
    let is_real = |device: &&Device| device.group.is_some() && device.iommu.is_some();
    let units: BTreeSet<&str> = machine
        .devices
        .iter()
        .filter(is_real)
        .filter_map(|device| device.iommu.as_deref())
        .collect();
    let no_iommu = |name: &Option<String>| {
        name.as_ref()
            .is_some_and(|name| name.starts_with("noiommu-"))
    };
    let groups = machine.groups.values();
    let count = groups.filter(|group| !no_iommu(&group.class_name)).count();
    if count > 0 {
        let units: Vec<&str> = units.into_iter().collect();
        return Finding::ok(
            CHECK,
            match units.is_empty() {
                true => format!("there are {count} groups"),
                false => format!(
                    "there are {count} groups, translated by {}",
                    units.join(", ")
                ),
            },
        );
    }
    let table = |name: &str| roots.sys.join("firmware/acpi/tables").join(name).exists();
    let off = switched_off(roots);
    if let Some(word) = off {
        Finding::fail(
            CHECK,
            format!("there are no groups: the kernel was started with {word}"),
            format!("take {word} from the kernel's command line and reboot"),
        )
    } else if table("DMAR") {
        Finding::fail(
            CHECK,
            "there are no groups: the machine has an IOMMU (ACPI table DMAR), which is off",
            "add intel_iommu=on to the kernel's command line and reboot",
        )
    } else if table("IVRS") {
        Finding::fail(
            CHECK,
            "there are no groups: the machine has an IOMMU (ACPI table IVRS), which is off",
            "add amd_iommu=on to the kernel's command line and reboot; if that does not help, look \
             for AMD-Vi in the kernel's log",
        )
    } else {
        Finding::fail(
            CHECK,
            "there are no groups: the firmware tells of no IOMMU",
            "switch it on in the firmware's settings (VT-d on Intel; IOMMU, AMD-Vi or SVM on AMD); for \
             a virtual machine give it one (QEMU: -device intel-iommu,intremap=on)",
        )
    }
}

/// Returns the word of the kernel's command line that switches the IOMMU off.
fn switched_off(roots: &Roots) -> Option<String> {
    let line = text(&roots.proc.join("cmdline")).ok()?;
    let is_off = |word: &&str| matches!(*word, "iommu=off" | "intel_iommu=off" | "amd_iommu=off");
    line.split_whitespace().find(is_off).map(str::to_owned)
}

/// Returns whether a device can only raise interrupts that are its own.
///
/// What remaps is part of the name of the interrupts' chip.
pub(super) fn interrupts(roots: &Roots) -> Finding {
    const CHECK: &str = "interrupts";
    let table = text(&roots.proc.join("interrupts")).unwrap_or_default();
    let has = |prefix: &str| {
        let words = table.split_whitespace();
        words.into_iter().any(|word| word.starts_with(prefix))
    };
    let allowed = roots.switch("vfio_iommu_type1", "allow_unsafe_interrupts") == Some(true);
    if has("IR-PCI-MSI") || has("IR-IO-APIC") {
        return match allowed {
            false => Finding::ok(CHECK, "they are remapped"),
            true => Finding::warn(
                CHECK,
                "they are remapped, so vfio_iommu_type1.allow_unsafe_interrupts need not be on",
                "echo 0 > /sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts",
            ),
        };
    }
    if !has("PCI-MSI") && !has("IO-APIC") {
        return Finding::ok(CHECK, "they are not of the kind that has to be remapped");
    }
    match allowed {
        false => Finding::fail(
            CHECK,
            "they are not remapped: a device could raise any interrupt of the host, so VFIO refuses \
             its group",
            "switch interrupt remapping on (firmware; no intremap=off and no nox2apic on the command \
             line). If all programs that get devices are trusted: modprobe vfio_iommu_type1 \
             allow_unsafe_interrupts=1",
        ),
        true => Finding::warn(
            CHECK,
            "they are not remapped, and vfio_iommu_type1.allow_unsafe_interrupts is on: a device can \
             raise any interrupt of the host",
            "only give devices to programs that are trusted as the kernel is",
        ),
    }
}

/// Returns the groups with devices of several slots, if there are any.
///
/// The functions of one device are often together, and rarely wanted apart.
pub(super) fn shared(machine: &Machine) -> Option<Finding> {
    let mut texts = Vec::new();
    for &group in machine.groups.keys() {
        let devices: Vec<&Device> = machine
            .members(group)
            .filter(|device| !device.is_bridge())
            .collect();
        let slots: BTreeSet<Option<(u32, u8, u8)>> = devices
            .iter()
            .map(|device| {
                let at = device.address()?;
                Some((at.domain, at.bus, address::slot(at)))
            })
            .collect();
        if slots.len() > 1 {
            let names: Vec<&str> = devices.iter().map(|device| device.name.as_str()).collect();
            texts.push(format!("{group} ({})", names.join(", ")));
        }
    }
    (!texts.is_empty()).then(|| {
        Finding::warn(
            "groups",
            format!("devices that are not told apart: group {}", texts.join(", group ")),
            "what is above them passes requests between them (no ACS), so they can only be handed out \
             together; try another slot, or ACS in the firmware's settings",
        )
    })
}
