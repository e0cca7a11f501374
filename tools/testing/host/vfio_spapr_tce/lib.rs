// SPDX-License-Identifier: GPL-2.0-only

//! The arithmetic of the sPAPR TCE backend as a crate of its own, so that its tests run on the host.

#![allow(dead_code)]

#[path = "../../../../drivers/vfio/spapr_tce"]
mod spapr_tce {
    mod window;

    #[cfg(test)]
    #[path = "../../../tools/testing/host/vfio_spapr_tce/properties.rs"]
    mod properties;
}
