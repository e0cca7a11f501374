// SPDX-License-Identifier: GPL-2.0-only

//! The devices of a group with the bridges that lead to them, for those who describe them to a guest.

use crate::{
    failure::Failure,
    machine::{
        Device,
        Function,
        Machine, //
    }, //
};

/// A device of a group, with the bridges from the host bridge down to it.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) function: Function,
    pub(crate) bridges: Vec<Function>,
    /// The bus behind the host bridge.
    pub(crate) root_bus: u8,
}

/// Returns the devices of a group, bridges left out, in order of their addresses.
///
/// # Errors
///
/// If there is no such group, or a device of it is not PCI.
pub(crate) fn members(machine: &Machine, group: u32) -> Result<Vec<Member>, Failure> {
    machine.group(group)?;
    machine
        .members(group)
        .filter(|device| !device.is_bridge())
        .map(|device| member(machine, device))
        .collect()
}

fn member(machine: &Machine, device: &Device) -> Result<Member, Failure> {
    let (Some(function), Some(host)) = (&device.function, device.host_bridge) else {
        return Err(Failure::new(format!("{} is no PCI device", device.name)));
    };
    let bridges = device
        .bridges
        .iter()
        .filter_map(|&bridge| machine.at(bridge)?.function.clone())
        .collect();
    Ok(Member {
        function: function.clone(),
        bridges,
        root_bus: host.bus,
    })
}
