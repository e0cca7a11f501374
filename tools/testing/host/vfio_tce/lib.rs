// SPDX-License-Identifier: GPL-2.0-only

//! The arithmetic of TCE tables as a crate of its own, so that its tests run on the host.

#![allow(dead_code)]

#[path = "../../../../rust/kernel/tce"]
mod tce {
    mod record;
    mod window;

    #[cfg(test)]
    #[path = "../../../tools/testing/host/vfio_tce/properties.rs"]
    mod properties;
}
