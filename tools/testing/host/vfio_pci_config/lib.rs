// SPDX-License-Identifier: GPL-2.0-only

//! The model of configuration space as a crate of its own, so that its tests run on the host.

#![allow(dead_code)]

#[path = "../../../../drivers/vfio/pci/config"]
mod config {
    mod cap;
    mod ecap;
    mod header;
    mod map;
    mod model;
    mod msi;
    mod perm;
    mod regs;
    mod space;
    mod walk;

    #[cfg(test)]
    #[path = "../../../../tools/testing/host/vfio_pci_config/properties.rs"]
    mod properties;
}
