// SPDX-License-Identifier: GPL-2.0-only

//! PCI, beyond what `kernel::pci` offers.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

// Keep the list sorted, one line each.
mod bar;
mod config;
mod device;
mod driver;
mod groups;
mod hot_reset;
mod identity;
mod ids;
mod intx;
pub mod msi;
mod neighbour;
mod notifier;
mod reset;
mod route;
mod sriov;
mod state;
mod vga;
mod watch;

pub use bar::{
    BarIndex,
    BarPages,
    ClaimedBar,
    OwnPages,
    Resource,
    Rom,
    NUM_BARS, //
};
pub use config::BarKind;
pub use device::{
    AtomicWidths,
    Device,
    Drain, //
};
pub use driver::{
    Adapter,
    Driver,
    Registration,
    Slot, //
};
pub use groups::iommu_groups;
pub use hot_reset::{
    Affected,
    HotReset, //
};
pub use identity::Identity;
pub use ids::{
    DynamicId,
    OverrideId,
    OverrideTable, //
};
pub use intx::IntxLine;
pub use neighbour::Neighbour;
pub use notifier::{
    FoundVf,
    VfWatch,
    VfWatcher, //
};
pub use reset::{
    ResetLock,
    ResetScope, //
};
pub use route::{
    Address,
    Route,
    Routes, //
};
pub use sriov::{
    SriovRequest,
    VirtualFunctions, //
};
pub use state::{
    Enabled,
    PowerState,
    SavedState, //
};
pub use vga::{
    LegacyRange,
    LegacyUse,
    VgaAccess,
    VgaCard, //
};
pub use watch::{
    BoundDriver,
    BusEvent,
    BusWatch,
    BusWatcher, //
};
