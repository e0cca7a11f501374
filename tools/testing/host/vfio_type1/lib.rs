// SPDX-License-Identifier: GPL-2.0-only

//! The arithmetic of the type1 backend as a crate of its own, so that its tests run on the host.

#![allow(dead_code)]

#[path = "../../../../drivers/vfio/type1"]
mod type1 {
    mod bitmap;
    mod iova;
    mod request;

    #[cfg(test)]
    #[path = "../../../tools/testing/host/vfio_type1/properties.rs"]
    mod properties;
}
