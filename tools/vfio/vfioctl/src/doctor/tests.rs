// SPDX-License-Identifier: GPL-2.0-only

//! What is said of machines that are not there.

use super::*;
use crate::fake::Fake;
use std::{
    fs,
    os::unix::fs::PermissionsExt, //
};

/// Returns a machine on which all is well.
fn well() -> Fake {
    let fake = Fake::desk();
    fs::remove_dir_all(fake.path("sys/kernel/iommu_groups/10")).unwrap();
    fake.write(
        "proc/interrupts",
        "  25: 0 0 IR-PCI-MSIX-0000:00:1c.0 0-edge aerdrv\n",
    );
    fake.write("proc/cmdline", "root=/dev/sda1 quiet\n");
    fake.write(
        "proc/self/status",
        "Name:\tvfioctl\nCapEff:\t0000000000000000\n",
    );
    fake.write(
        "sys/kernel/security/lockdown",
        "[none] integrity confidentiality\n",
    );
    fake.write(
        "sys/module/vfio_iommu_type1/parameters/dma_entry_limit",
        "65535\n",
    );
    fake.write(
        "sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts",
        "N\n",
    );
    fake.write("dev/vfio/vfio", "");
    fs::set_permissions(
        fake.path("dev/vfio/vfio"),
        fs::Permissions::from_mode(0o666),
    )
    .unwrap();
    for device in ["0000:01:01.0", "0000:01:02.0", "0000:00:15.0"] {
        fs::remove_file(fake.path(&format!("sys/bus/pci/devices/{device}"))).unwrap();
    }
    fake
}

fn found(fake: &Fake, check: &str) -> Option<Finding> {
    let findings = look(&fake.roots(), Limit::Unlimited).unwrap();
    findings.into_iter().find(|finding| finding.check == check)
}

/// Returns status, sentence and advice of a check.
fn say(fake: &Fake, check: &str) -> (Status, String) {
    let finding = found(fake, check).unwrap();
    let advice = finding.advice.unwrap_or_default();
    (finding.status, format!("{} => {advice}", finding.text))
}

fn assert_says(fake: &Fake, check: &str, status: Status, part: &str) {
    let (said, text) = say(fake, check);
    assert_eq!(said, status, "{text}");
    assert!(text.contains(part), "{text}");
}

#[test]
fn all_is_well() {
    let findings = look(&well().roots(), Limit::Unlimited).unwrap();
    let expected = "\
ok    iommu       there are 4 groups, translated by dmar0
ok    interrupts  they are remapped
ok    vfio        the Rust modules are loaded; every device of a group must be bound
ok    vfio-pci    the driver is there
ok    /dev/vfio   everybody can open /dev/vfio/vfio, as is usual: a group is what counts
ok    memory      you may map all of it (RLIMIT_MEMLOCK is unlimited)
ok    mappings    a container may have 65535 (vfio_iommu_type1.dma_entry_limit)
ok    lockdown    it is off
";
    assert_eq!(text(&findings), expected);
}

#[test]
fn an_iommu_that_is_off() {
    let fake = well();
    fs::remove_dir_all(fake.path("sys/kernel/iommu_groups")).unwrap();
    assert_says(&fake, "iommu", Status::Fail, "VT-d on Intel");
    fake.write("sys/firmware/acpi/tables/IVRS", "");
    assert_says(&fake, "iommu", Status::Fail, "add amd_iommu=on");
    fake.write("sys/firmware/acpi/tables/DMAR", "");
    assert_says(&fake, "iommu", Status::Fail, "add intel_iommu=on");
    fake.write("proc/cmdline", "quiet intel_iommu=off\n");
    assert_says(&fake, "iommu", Status::Fail, "take intel_iommu=off from");
}

#[test]
fn interrupts_that_are_not_remapped() {
    let fake = well();
    fake.write(
        "proc/interrupts",
        "  25: 0 0 PCI-MSIX-0000:00:1c.0 0-edge aerdrv\n",
    );
    assert_says(&fake, "interrupts", Status::Fail, "VFIO refuses its group");
    let switch = "sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts";
    fake.write(switch, "Y\n");
    assert_says(
        &fake,
        "interrupts",
        Status::Warn,
        "trusted as the kernel is",
    );
    fake.write(
        "proc/interrupts",
        "  25: 0 0 IR-PCI-MSIX-0000:00:1c.0 0-edge aerdrv\n",
    );
    assert_says(&fake, "interrupts", Status::Warn, "need not be on");
    fake.write(
        "proc/interrupts",
        "  25: 0 0 PNV-PCI-MSI-0002:00:00.0 0-edge aerdrv\n",
    );
    assert_says(&fake, "interrupts", Status::Ok, "not of the kind");
}

#[test]
fn modules() {
    let fake = well();
    fake.write("sys/module/vfio/parameters/strict_viability", "N\n");
    assert_says(&fake, "vfio", Status::Warn, "strict_viability off");
    fake.write(
        "sys/module/vfio/parameters/enable_unsafe_noiommu_mode",
        "Y\n",
    );
    assert_says(&fake, "noiommu", Status::Warn, "without an IOMMU");
    fs::set_permissions(
        fake.path("dev/vfio/vfio"),
        fs::Permissions::from_mode(0o600),
    )
    .unwrap();
    assert_says(&fake, "/dev/vfio", Status::Warn, "mode 0600");
    fs::remove_file(fake.path("dev/vfio/vfio")).unwrap();
    assert_says(&fake, "/dev/vfio", Status::Fail, "cannot be looked at");
    fs::remove_dir_all(fake.path("sys/module/vfio/parameters")).unwrap();
    assert_says(&fake, "vfio", Status::Ok, "the C modules");
    fs::remove_dir_all(fake.path("sys/module/vfio")).unwrap();
    fs::remove_dir_all(fake.path("sys/bus/pci/drivers/vfio-pci")).unwrap();
    assert_says(&fake, "vfio", Status::Warn, "modprobe vfio-pci");
    assert_says(&fake, "vfio-pci", Status::Warn, "modprobe vfio-pci");
    assert_eq!(found(&fake, "/dev/vfio"), None);
}

#[test]
fn devices_that_are_not_told_apart() {
    let said = "group 10 (0000:01:01.0, 0000:01:02.0)";
    assert_says(&Fake::desk(), "groups", Status::Warn, said);
    assert_eq!(found(&well(), "groups"), None);
}

#[test]
fn memory() {
    let fake = well();
    let say = |limit| limits::memory(&fake.roots(), limit);
    assert_eq!(say(Limit::Bytes(8 << 20)).status, Status::Warn);
    assert!(say(Limit::Bytes(8 << 20)).text.contains("8192 KiB"));
    assert!(say(Limit::Bytes(4 << 30)).text.contains("4096 MiB"));
    fake.write("proc/self/status", "CapEff:\t000001ffffffffff\n");
    assert_eq!(say(Limit::Bytes(8 << 20)).status, Status::Ok);
    fake.write(
        "sys/module/vfio_iommu_type1/parameters/dma_entry_limit",
        "64\n",
    );
    assert_says(&fake, "mappings", Status::Warn, "ENOSPC");
}

#[test]
fn how_the_kernel_was_started() {
    let fake = well();
    fake.write("proc/cmdline", "quiet iommu=pt\n");
    assert_says(&fake, "iommu=pt", Status::Ok, "translated with it, too");
    fake.write(
        "sys/kernel/security/lockdown",
        "none [integrity] confidentiality\n",
    );
    assert_says(&fake, "lockdown", Status::Warn, "at integrity");
}
