// SPDX-License-Identifier: GPL-2.0-only

//! How the kernel was started.

use super::Finding;
use crate::roots::{
    text,
    Roots, //
};

/// Returns a word on `iommu=pt`, which is often thought to matter; [`None`] without it.
pub(super) fn pass_through(roots: &Roots) -> Option<Finding> {
    let line = text(&roots.proc.join("cmdline")).ok()?;
    let mut words = line.split_whitespace();
    words
        .any(|word| matches!(word, "iommu=pt" | "iommu.passthrough=1"))
        .then(|| {
            Finding::ok(
                "iommu=pt",
                "it is for the host's own drivers: what VFIO hands out is translated with it, too",
            )
        })
}

/// Returns how far the kernel keeps root out.
pub(super) fn lockdown(roots: &Roots) -> Finding {
    const CHECK: &str = "lockdown";
    let Ok(levels) = text(&roots.sys.join("kernel/security/lockdown")) else {
        return Finding::ok(CHECK, "the kernel has none, or securityfs is not mounted");
    };
    let chosen = levels.split_whitespace().find_map(|level| {
        let level = level.strip_prefix('[')?;
        level.strip_suffix(']')
    });
    match chosen {
        None | Some("none") => Finding::ok(CHECK, "it is off"),
        Some(level) => Finding::warn(
            CHECK,
            format!("it is at {level}: modules without a signature that the kernel knows are not loaded"),
            "the kernel's own modules are signed; sign others with a key that the firmware knows \
             (mokutil --import)",
        ),
    }
}
