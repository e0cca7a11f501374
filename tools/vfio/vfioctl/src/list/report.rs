// SPDX-License-Identifier: GPL-2.0-only

//! What `list` says, in the form that programs read.
//!
//! The fields are described in Documentation/driver-api/vfioctl.rst, and keep their names and meanings.

use crate::{
    failure::Failure,
    machine::{
        class_name,
        Blocker,
        Device,
        Group,
        Held,
        Holder,
        Holders,
        Machine,
        Modules,
        Reason, //
    },
    wanted::Wanted, //
};
use serde::Serialize;

/// All of it.
#[derive(Serialize)]
pub(super) struct Report {
    /// "rust", "c", or "none".
    modules: &'static str,
    /// Whether a member without a driver blocks, for groups that do not say otherwise.
    pub(super) strict: bool,
    pub(super) groups: Vec<GroupReport>,
    /// Only when no group was named.
    pub(super) ungrouped: Vec<DeviceReport>,
    pub(super) synthetic: Vec<SyntheticReport>,
    pub(super) hidden_processes: usize,
}

/// A group.
#[derive(Serialize)]
pub(super) struct GroupReport {
    group: u32,
    /// Its number, or "noiommu-0".
    pub(super) name: String,
    /// Its node, if VFIO has made one.
    node: Option<String>,
    viable: bool,
    bound: bool,
    /// The same as a sentence.
    pub(super) state: String,
    blockers: Vec<BlockerReport>,
    pub(super) devices: Vec<DeviceReport>,
    pub(super) holders: Vec<HolderReport>,
    pub(super) isolation: Option<String>,
    pub(super) strict: Option<bool>,
    /// The groups that are handed out together, itself first.
    pub(super) unit: Vec<u32>,
}

/// A device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct DeviceReport {
    pub(crate) device: String,
    pub(crate) vendor: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) class: Option<String>,
    pub(crate) class_name: Option<String>,
    pub(crate) driver: Option<String>,
    /// Its name among the devices of VFIO.
    pub(crate) vfio: Option<String>,
    pub(crate) bridge: bool,
    pub(crate) group: Option<u32>,
    pub(crate) iommu: Option<String>,
}

/// A device that is in the way.
#[derive(Serialize)]
struct BlockerReport {
    device: String,
    group: u32,
    /// "host-driver" or "no-driver".
    reason: &'static str,
    driver: Option<String>,
}

/// A program that has something open.
#[derive(Serialize)]
pub(crate) struct HolderReport {
    pub(crate) pid: u32,
    pub(crate) command: String,
    pub(crate) files: Vec<String>,
}

/// A group that was made of several.
#[derive(Serialize)]
pub(super) struct SyntheticReport {
    pub(super) name: String,
    pub(super) members: Vec<u32>,
    pub(super) enabled: bool,
    pub(super) holders: Vec<HolderReport>,
}

/// Returns what there is to say of the groups that were named, or of all.
pub(super) fn make(
    machine: &Machine,
    holders: &Holders,
    wanted: &[Wanted],
) -> Result<Report, Failure> {
    let groups = machine.choose(wanted)?;
    let all = wanted.is_empty();
    let ungrouped = machine
        .devices
        .iter()
        .filter(|device| all && device.group.is_none())
        .map(device_report);
    let synthetic = machine
        .synthetic
        .iter()
        .filter(|group| all || groups.iter().any(|of| group.members.contains(&of.number)))
        .map(|group| SyntheticReport {
            name: group.name.clone(),
            members: group.members.clone(),
            enabled: group.enabled,
            holders: holders_of_node(holders, &group.name),
        });
    Ok(Report {
        modules: match machine.modules {
            Modules::None => "none",
            Modules::C => "c",
            Modules::Rust { .. } => "rust",
        },
        strict: machine.modules.strict(),
        ungrouped: ungrouped.collect(),
        synthetic: synthetic.collect(),
        groups: groups
            .iter()
            .map(|group| group_report(machine, holders, group))
            .collect(),
        hidden_processes: holders.hidden,
    })
}

fn group_report(machine: &Machine, holders: &Holders, group: &Group) -> GroupReport {
    let viability = machine.viability(group.number);
    let name = group.class_name.clone();
    GroupReport {
        group: group.number,
        node: name.as_ref().map(|name| format!("/dev/vfio/{name}")),
        name: name.unwrap_or_else(|| group.number.to_string()),
        viable: viability.is_viable(),
        bound: machine.is_bound(group.number),
        state: viability.to_string(),
        blockers: viability.blockers().iter().map(blocker_report).collect(),
        devices: machine.members(group.number).map(device_report).collect(),
        holders: holders
            .of_group(machine, group.number)
            .iter()
            .map(holder_report)
            .collect(),
        isolation: group.isolation.clone(),
        strict: group.strict,
        unit: machine.unit(group.number),
    }
}

/// Returns what there is to say of a device.
pub(crate) fn device_report(device: &Device) -> DeviceReport {
    let function = device.function.as_ref();
    DeviceReport {
        device: device.name.clone(),
        vendor: function.map(|function| format!("{:04x}", function.vendor)),
        id: function.map(|function| format!("{:04x}", function.device)),
        class: function.map(|function| format!("{:06x}", function.class)),
        class_name: function.map(|function| class_name(function.class)),
        driver: device.driver.clone(),
        vfio: device.vfio.clone(),
        bridge: device.is_bridge(),
        group: device.group,
        iommu: device.iommu.clone(),
    }
}

fn blocker_report(blocker: &Blocker) -> BlockerReport {
    let (reason, driver) = match &blocker.reason {
        Reason::HostDriver(driver) => ("host-driver", Some(driver.clone())),
        Reason::NoDriver => ("no-driver", None),
    };
    BlockerReport {
        device: blocker.device.clone(),
        group: blocker.group,
        reason,
        driver,
    }
}

fn holder_report(holder: &Holder) -> HolderReport {
    HolderReport {
        pid: holder.pid,
        command: holder.command.clone(),
        files: holder.files(),
    }
}

fn holders_of_node(holders: &Holders, name: &str) -> Vec<HolderReport> {
    let node = Held::Node(name.to_owned());
    holders
        .holders
        .iter()
        .filter(|holder| holder.held.contains(&node))
        .map(holder_report)
        .collect()
}
