// SPDX-License-Identifier: GPL-2.0-only

//! The IOMMU API: groups, the domains they are attached to, and what is mapped there.
//!
//! - [`Group`]: the smallest set of devices that the hardware can isolate.
//! - [`DmaOwner`]: the right to use a group, which keeps the drivers of the host away.
//! - [`Domain`]: one set of I/O page tables and the groups that use it.
//! - [`AddressSpace`]: the domains of one user, kept alike, and the mappings in all of them. It is
//!   the only way to let a device reach memory, and it keeps the memory pinned until no device can.
//! - [`NewMapping`]: a mapping in the making.
//!
//! C header: [`include/linux/iommu.h`](srctree/include/linux/iommu.h).

mod dma_owner;
mod domain;
mod fake_group;
mod group;
mod resv;
mod space;
mod tables;

pub use self::dma_owner::DmaOwner;
pub use self::domain::{
    Access,
    Domain, //
};
pub use self::fake_group::FakeGroup;
pub use self::group::{
    enforces_cache_coherency,
    is_cache_coherent,
    Group, //
};
pub use self::resv::{
    ReservedKind,
    ReservedRegion,
    ReservedRegions, //
};
pub use self::space::{
    AddressSpace,
    Cut,
    Domains,
    Held,
    Lane,
    NewMapping,
    Reason,
    Stale,
    Users, //
};
pub use self::tables::MaxPage;
