// SPDX-License-Identifier: GPL-2.0-only

//! The modules of VFIO, and their node.

use super::Finding;
use crate::{
    machine::{
        Machine,
        Modules, //
    },
    roots::Roots, //
};
use std::{
    fs,
    os::unix::fs::MetadataExt, //
};

/// Returns which modules are loaded.
pub(super) fn loaded(machine: &Machine) -> Finding {
    const CHECK: &str = "vfio";
    match machine.modules {
        Modules::None => Finding::warn(CHECK, "VFIO is not loaded", "modprobe vfio-pci"),
        Modules::C => Finding::ok(
            CHECK,
            "the C modules are loaded; they accept groups with devices that have no driver",
        ),
        Modules::Rust { strict: true } => Finding::ok(
            CHECK,
            "the Rust modules are loaded; every device of a group must be bound",
        ),
        Modules::Rust { strict: false } => Finding::warn(
            CHECK,
            "the Rust modules are loaded, with strict_viability off: anybody may bind a device of a \
             group that is in use",
            "echo 1 > /sys/module/vfio/parameters/strict_viability",
        ),
    }
}

/// Returns whether there is the driver that devices are given to.
pub(super) fn driver(roots: &Roots) -> Finding {
    const CHECK: &str = "vfio-pci";
    match roots.pci_driver("vfio-pci").exists() {
        true => Finding::ok(CHECK, "the driver is there"),
        false => Finding::warn(
            CHECK,
            "the driver is not loaded",
            "modprobe vfio-pci; \"vfioctl bind\" does that, too",
        ),
    }
}

/// Returns who can make containers; [`None`] without VFIO.
pub(super) fn node(roots: &Roots, machine: &Machine) -> Option<Finding> {
    const CHECK: &str = "/dev/vfio";
    if machine.modules == Modules::None {
        return None;
    }
    Some(match fs::metadata(roots.dev.join("vfio/vfio")) {
        Err(error) => Finding::fail(
            CHECK,
            format!("/dev/vfio/vfio cannot be looked at: {error}"),
            "look at what makes the nodes in /dev (devtmpfs, udev)",
        ),
        Ok(node) if node.mode() & 0o006 == 0o006 => {
            Finding::ok(CHECK, "everybody can open /dev/vfio/vfio, as is usual: a group is what counts")
        }
        Ok(node) => Finding::warn(
            CHECK,
            format!(
                "/dev/vfio/vfio has mode {:04o} and belongs to user {}, group {}: not everybody can \
                 open it",
                node.mode() & 0o7777,
                node.uid(),
                node.gid()
            ),
            "chmod 0666 /dev/vfio/vfio, in a udev rule to make it last; without a group it is harmless",
        ),
    })
}

/// Returns whether devices are handed out that no IOMMU watches; [`None`] if they are not.
pub(super) fn without_iommu(roots: &Roots) -> Option<Finding> {
    roots
        .switch("vfio", "enable_unsafe_noiommu_mode")
        .filter(|&on| on)
        .map(|_| {
            Finding::warn(
                "noiommu",
                "devices are handed out without an IOMMU: their DMA reaches all memory, and the kernel \
                 is tainted",
                "echo 0 > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode",
            )
        })
}
