// SPDX-License-Identifier: GPL-2.0-only

//! The arithmetic of type1 as a crate of its own, so that its tests run on the host.

#![allow(dead_code)]

#[path = "../../../../drivers/vfio/type1/bitmap.rs"]
mod bitmap;
#[path = "../../../../drivers/vfio/type1/iova.rs"]
mod iova;
#[path = "../../../../drivers/vfio/type1/request.rs"]
mod request;
