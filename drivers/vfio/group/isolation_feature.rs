// SPDX-License-Identifier: GPL-2.0-only

//! `VFIO_GROUP_FEATURE_ISOLATION`: the policy of a group, by its descriptor.
//!
//! It is about the group that was opened; one that it has captured keeps its own.

use kernel::prelude::*;
use kernel_ext::pci::Address;
use vfio_uapi::{
    vfio_group_feature_isolation,
    IsolationFlags,
    VFIO_ISOLATION_BRIDGE,
    VFIO_ISOLATION_BUS,
    VFIO_ISOLATION_GROUP,
    VFIO_ISOLATION_SLOT, //
};

use super::{
    holding::Holding,
    isolation::Level, //
};
use crate::feature::{
    FeatureOp,
    FeatureRequest, //
};

impl Holding {
    /// Reads or sets the policy of the own group.
    ///
    /// # Errors
    ///
    /// Those that the header says.
    pub(super) fn isolation(&self, request: &FeatureRequest) -> Result {
        match request.op {
            FeatureOp::Set => self.set_isolation(request),
            _ => self.get_isolation(request),
        }
    }

    fn set_isolation(&self, request: &FeatureRequest) -> Result {
        let data: vfio_group_feature_isolation = request.data.read()?;
        let level = level_of(&data)?;
        let flags = IsolationFlags::from_bits(data.flags).ok_or(EINVAL)?;
        if data.count != 0 || data.reserved != 0 {
            return Err(EINVAL);
        }
        let strict = flags.contains(IsolationFlags::STRICT);
        self.home().set_isolation(level, strict)
    }

    fn get_isolation(&self, request: &FeatureRequest) -> Result {
        let group = self.home();
        let unit = group.unit()?;
        let mut flags = IsolationFlags::empty();
        flags.set(IsolationFlags::STRICT, group.is_strict());
        let (level, bridge) = match group.level() {
            Level::Group => (VFIO_ISOLATION_GROUP, None),
            Level::Slot => (VFIO_ISOLATION_SLOT, None),
            Level::Bus => (VFIO_ISOLATION_BUS, None),
            Level::Bridge(bridge) => (VFIO_ISOLATION_BRIDGE, Some(bridge)),
        };
        let fixed = vfio_group_feature_isolation {
            level,
            flags: flags.bits(),
            bridge_domain: bridge.map_or(0, |at| at.domain),
            bridge: bridge.map_or(0, |at| u32::from(at.bus) << 8 | u32::from(at.devfn)),
            count: u32::try_from(unit.len())?,
            ..Default::default()
        };
        request.write_list(&fixed, unit.iter().map(|group| group.number()))
    }
}

/// Returns the level that `data` says.
///
/// # Errors
///
/// `EINVAL` if there is no such level, or a bridge where none belongs.
fn level_of(data: &vfio_group_feature_isolation) -> Result<Level> {
    if data.level == VFIO_ISOLATION_BRIDGE {
        let [0, 0, bus, devfn] = data.bridge.to_be_bytes() else {
            return Err(EINVAL);
        };
        return Ok(Level::Bridge(Address {
            domain: data.bridge_domain,
            bus,
            devfn,
        }));
    }
    if data.bridge != 0 || data.bridge_domain != 0 {
        return Err(EINVAL);
    }
    match data.level {
        VFIO_ISOLATION_GROUP => Ok(Level::Group),
        VFIO_ISOLATION_SLOT => Ok(Level::Slot),
        VFIO_ISOLATION_BUS => Ok(Level::Bus),
        _ => Err(EINVAL),
    }
}
