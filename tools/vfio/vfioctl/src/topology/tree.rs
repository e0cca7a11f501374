// SPDX-License-Identifier: GPL-2.0-only

//! The devices as a tree, as text and in the form that programs read.

use crate::{
    list::{
        device_report,
        DeviceReport, //
    },
    machine::{
        class_name,
        Device,
        HostBridge,
        Machine, //
    },
    table, //
};
use serde::Serialize;

/// The devices below the host bridges, and those that are not PCI.
pub(super) struct Tree<'a> {
    pub(super) roots: Vec<(HostBridge, Vec<Node<'a>>)>,
    pub(super) others: Vec<&'a Device>,
}

/// A device, with those behind it.
pub(super) struct Node<'a> {
    pub(super) device: &'a Device,
    pub(super) children: Vec<Node<'a>>,
}

impl<'a> Tree<'a> {
    /// Returns the tree of a machine.
    pub(super) fn of(machine: &'a Machine) -> Self {
        let pci = || {
            machine
                .devices
                .iter()
                .filter(|device| device.function.is_some())
        };
        let mut hosts: Vec<Option<HostBridge>> = pci().map(|device| device.host_bridge).collect();
        hosts.sort();
        hosts.dedup();
        let below = |host: HostBridge| {
            let devices: Vec<&Device> = pci()
                .filter(|device| device.host_bridge == Some(host))
                .collect();
            (host, children(&devices, 0))
        };
        Self {
            roots: hosts.into_iter().flatten().map(below).collect(),
            others: machine
                .devices
                .iter()
                .filter(|device| device.function.is_none())
                .collect(),
        }
    }

    /// Returns it for people.
    pub(super) fn text(&self, machine: &Machine) -> String {
        let mut rows = Vec::new();
        for (host, nodes) in &self.roots {
            let mut row: [String; 6] = Default::default();
            row[0] = format!("host bridge {}", host.text());
            rows.push(row);
            add_rows(machine, nodes, "", &mut rows);
        }
        if !self.others.is_empty() {
            let mut row: [String; 6] = Default::default();
            row[0] = "not PCI".to_owned();
            rows.push(row);
            let nodes = self.others.iter().map(|&device| Node {
                device,
                children: Vec::new(),
            });
            add_rows(machine, &nodes.collect::<Vec<_>>(), "", &mut rows);
        }
        match rows.is_empty() {
            true => "There are neither PCI devices nor groups.\n".to_owned(),
            false => table::lines(&rows).join("\n") + "\n",
        }
    }

    /// Returns it for programs.
    pub(super) fn report(&self, machine: &Machine) -> impl Serialize {
        Report {
            host_bridges: self
                .roots
                .iter()
                .map(|(host, nodes)| HostReport {
                    host_bridge: host.text(),
                    devices: nodes.iter().map(Node::report).collect(),
                })
                .collect(),
            others: self.others.iter().copied().map(device_report).collect(),
            groups: machine
                .groups
                .keys()
                .map(|&group| GroupReport {
                    group,
                    viable: machine.viability(group).is_viable(),
                    bound: machine.is_bound(group),
                    unit: machine.unit(group),
                })
                .collect(),
        }
    }
}

impl Node<'_> {
    fn report(&self) -> NodeReport {
        NodeReport {
            device: device_report(self.device),
            buses: buses(self.device),
            devices: self.children.iter().map(Self::report).collect(),
        }
    }
}

/// Returns the nodes of devices whose first `depth` bridges are the same.
fn children<'a>(devices: &[&'a Device], depth: usize) -> Vec<Node<'a>> {
    let here = devices
        .iter()
        .filter(|device| device.bridges.len() == depth);
    here.map(|&device| {
        let behind: Vec<&Device> = devices
            .iter()
            .copied()
            .filter(|other| other.bridges.get(depth).copied() == device.address())
            .collect();
        Node {
            device,
            children: children(&behind, depth + 1),
        }
    })
    .collect()
}

fn add_rows(machine: &Machine, nodes: &[Node<'_>], indent: &str, rows: &mut Vec<[String; 6]>) {
    let Some(last) = nodes.len().checked_sub(1) else {
        return;
    };
    for (number, node) in nodes.iter().enumerate() {
        let (corner, line) = match number == last {
            true => ("└─ ", "   "),
            false => ("├─ ", "│  "),
        };
        let device = node.device;
        rows.push([
            format!("{indent}{corner}{}", device.name),
            what(device),
            device
                .group
                .map_or_else(String::new, |group| format!("group {group}")),
            device
                .group
                .map_or("", |group| state(machine, group))
                .to_owned(),
            device.driver.clone().unwrap_or_else(|| "-".to_owned()),
            device.iommu.clone().unwrap_or_default(),
        ]);
        add_rows(machine, &node.children, &format!("{indent}{line}"), rows);
    }
}

/// Returns what a device is.
pub(super) fn what(device: &Device) -> String {
    let Some(function) = &device.function else {
        return String::new();
    };
    let class = class_name(function.class);
    match buses(device) {
        Some(buses) => format!("{class} to {buses}"),
        None => class,
    }
}

/// Returns the buses behind a bridge, "02-05".
fn buses(device: &Device) -> Option<String> {
    let (first, last) = device.function.as_ref()?.buses?;
    Some(match first == last {
        true => format!("{first:02x}"),
        false => format!("{first:02x}-{last:02x}"),
    })
}

/// Returns whether a group can be handed out, in two words.
pub(super) fn state(machine: &Machine, group: u32) -> &'static str {
    let viability = machine.viability(group);
    match (viability.is_viable(), viability.blockers()) {
        (true, _) => "viable",
        (false, []) => "",
        (false, _) => "not viable",
    }
}

#[derive(Serialize)]
struct Report {
    host_bridges: Vec<HostReport>,
    others: Vec<DeviceReport>,
    groups: Vec<GroupReport>,
}

#[derive(Serialize)]
struct HostReport {
    host_bridge: String,
    devices: Vec<NodeReport>,
}

#[derive(Serialize)]
struct NodeReport {
    #[serde(flatten)]
    device: DeviceReport,
    buses: Option<String>,
    devices: Vec<NodeReport>,
}

#[derive(Serialize)]
struct GroupReport {
    group: u32,
    viable: bool,
    bound: bool,
    unit: Vec<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    #[test]
    fn devices_hang_below_their_bridges() {
        let machine = Machine::read(&Fake::desk().roots()).unwrap();
        let expected = "\
host bridge 0000:00
├─ 0000:00:00.0      host bridge          group 0   not viable  -         dmar0
├─ 0000:00:12.0      unclassified device  group 9   viable      vfio-pci  dmar0
├─ 0000:00:15.0      PCI bridge to 01     group 10  not viable  -         dmar0
│  ├─ 0000:01:01.0   unclassified device  group 10  not viable  vfio-pci  dmar0
│  └─ 0000:01:02.0   Ethernet controller  group 10  not viable  e1000e    dmar0
├─ 0000:00:1c.0      PCI bridge to 02     group 11              pcieport  dmar0
└─ 0000:00:1f.2      SATA controller      group 12  not viable  ahci      dmar0
";
        assert_eq!(Tree::of(&machine).text(&machine), expected);
    }

    #[test]
    fn programs_see_the_same_tree() {
        let machine = Machine::read(&Fake::desk().roots()).unwrap();
        let value = serde_json::to_value(Tree::of(&machine).report(&machine)).unwrap();
        let host = &value["host_bridges"][0];
        assert_eq!(host["host_bridge"], "0000:00");
        let bridge = &host["devices"][2];
        assert_eq!(
            (&bridge["device"], &bridge["buses"]),
            (&"0000:00:15.0".into(), &"01".into())
        );
        assert_eq!(bridge["devices"][1]["driver"], "e1000e");
        assert_eq!(value["groups"][1]["group"], 9);
        assert_eq!(value["groups"][1]["viable"], true);
    }
}
