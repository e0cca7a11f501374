// SPDX-License-Identifier: GPL-2.0-only

//! Small kernel-free parts of vfio-pci as a crate of their own, so that their tests run on the
//! host.

#![allow(dead_code)]

#[path = "../../../../rust/kernel/pci/ids/dynamic.rs"]
mod dynamic;
#[path = "../../../../drivers/vfio/pci/region/pieces.rs"]
mod pieces;
#[path = "../../../../drivers/vfio/pci/token.rs"]
mod token;
