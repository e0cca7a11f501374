// SPDX-License-Identifier: GPL-2.0-only

//! How much a program may map.

use super::Finding;
use crate::roots::{
    text,
    Roots, //
};
use vfio_user::Limit;

/// The number of the capability that makes the limit void, CAP_IPC_LOCK.
const IPC_LOCK: u32 = 14;

/// A limit below which no virtual machine of today starts.
const LITTLE: u64 = 1 << 30;

/// Mappings that a virtual machine may well need.
const FEW: u32 = 1024;

/// Returns how much the caller may map.
pub(super) fn memory(roots: &Roots, limit: Limit) -> Finding {
    const CHECK: &str = "memory";
    if may_lock(roots) {
        return Finding::ok(CHECK, "you may map all of it (CAP_IPC_LOCK)");
    }
    match limit {
        Limit::Unlimited => Finding::ok(CHECK, "you may map all of it (RLIMIT_MEMLOCK is unlimited)"),
        Limit::Bytes(bytes) if bytes >= LITTLE => {
            Finding::ok(CHECK, format!("you may map {} MiB (RLIMIT_MEMLOCK)", bytes >> 20))
        }
        Limit::Bytes(bytes) => Finding::warn(
            CHECK,
            format!(
                "you may map {} KiB (RLIMIT_MEMLOCK): a virtual machine maps all its memory, and fails \
                 with ENOMEM",
                bytes >> 10
            ),
            "raise it to the memory of the machine and 1 GiB: memlock in /etc/security/limits.conf, \
             LimitMEMLOCK= of a systemd unit; libvirt does it itself",
        ),
    }
}

/// Returns whether the limit does not count for the caller.
fn may_lock(roots: &Roots) -> bool {
    let status = text(&roots.proc.join("self/status")).unwrap_or_default();
    let find = |line: &str| line.strip_prefix("CapEff:").map(str::to_owned);
    let capabilities = status.lines().find_map(find).unwrap_or_default();
    u64::from_str_radix(capabilities.trim(), 16).is_ok_and(|set| set & (1 << IPC_LOCK) != 0)
}

/// Returns how many mappings a container may have; [`None`] without that backend.
pub(super) fn mappings(roots: &Roots) -> Option<Finding> {
    const CHECK: &str = "mappings";
    let most = roots.parameter("vfio_iommu_type1", "dma_entry_limit")?;
    let most: u32 = most.parse().ok()?;
    let text = format!("a container may have {most} (vfio_iommu_type1.dma_entry_limit)");
    Some(match most < FEW {
        false => Finding::ok(CHECK, text),
        true => Finding::warn(
            CHECK,
            text,
            "raise it if MAP_DMA fails with ENOSPC: 65535 is what the module begins with",
        ),
    })
}
