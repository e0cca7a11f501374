// SPDX-License-Identifier: GPL-2.0-only

//! What there is to draw: texts and how they belong together, without any measure.

use super::tree::{
    state,
    what,
    Node,
    Tree, //
};
use crate::machine::{
    Blocker,
    Device,
    Machine,
    Viability, //
};

/// A picture.
#[derive(Clone, Debug, Default)]
pub(super) struct Scene {
    pub(super) title: String,
    /// What is beside the groups: host bridges, and devices in bridges.
    pub(super) items: Vec<Item>,
    pub(super) groups: Vec<Band>,
    /// What is handed out together, where it is more than a group.
    pub(super) units: Vec<Band>,
}

/// A host bridge or a device. Each takes a row.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) kind: Kind,
    /// Address, what it is, numbers, IOMMU.
    pub(super) cells: [String; 4],
    pub(super) driver: Option<Driver>,
    /// An index into [`Scene::groups`].
    pub(super) group: Option<usize>,
    pub(super) children: Vec<Item>,
}

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    HostBridge,
    Bridge,
    Device,
}

/// What drives a device.
#[derive(Clone, Debug)]
pub(super) struct Driver {
    pub(super) name: String,
    pub(super) tone: DriverTone,
}

/// Whose driver it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DriverTone {
    Vfio,
    Host,
    /// Of a bridge, which is no obstacle.
    Bridge,
    None,
}

/// What spans several rows: a group, or several that are handed out together.
#[derive(Clone, Debug)]
pub(super) struct Band {
    pub(super) label: String,
    pub(super) state: String,
    /// What else there is to say, in lines; as many are shown as there is room for, all when the pointer
    /// is on it.
    pub(super) notes: Vec<String>,
    pub(super) tone: BandTone,
    /// For a unit the groups, as indices into [`Scene::groups`].
    pub(super) groups: Vec<usize>,
}

/// How a band stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BandTone {
    Viable,
    /// VFIO has a device of it, and something is in the way.
    Blocked,
    /// All of it is the host's.
    Host,
    Bridges,
    Unit,
}

/// Returns what there is to draw of a machine.
pub(super) fn make(title: String, machine: &Machine, tree: &Tree<'_>) -> Scene {
    let numbers: Vec<u32> = machine.groups.keys().copied().collect();
    let index = |group: u32| numbers.iter().position(|&number| number == group);
    let mut items: Vec<Item> = tree
        .roots
        .iter()
        .map(|(host, nodes)| Item {
            children: nodes.iter().map(|node| item(node, &index)).collect(),
            ..heading(format!("host bridge {}", host.text()))
        })
        .collect();
    if !tree.others.is_empty() {
        let others = tree.others.iter().map(|&device| Node {
            device,
            children: Vec::new(),
        });
        items.push(Item {
            children: others.map(|node| item(&node, &index)).collect(),
            ..heading("not PCI".to_owned())
        });
    }
    Scene {
        title,
        items,
        groups: numbers.iter().map(|&group| band(machine, group)).collect(),
        units: units(machine, &index),
    }
}

fn heading(text: String) -> Item {
    Item {
        kind: Kind::HostBridge,
        cells: [text, String::new(), String::new(), String::new()],
        driver: None,
        group: None,
        children: Vec::new(),
    }
}

fn item(node: &Node<'_>, index: &dyn Fn(u32) -> Option<usize>) -> Item {
    let device = node.device;
    let id = device
        .function
        .as_ref()
        .map(|function| format!("{:04x}:{:04x}", function.vendor, function.device));
    Item {
        kind: match device.is_bridge() {
            true => Kind::Bridge,
            false => Kind::Device,
        },
        cells: [
            device.name.clone(),
            what(device),
            id.unwrap_or_default(),
            device.iommu.clone().unwrap_or_default(),
        ],
        driver: driver(device),
        group: device.group.and_then(index),
        children: node.children.iter().map(|node| item(node, index)).collect(),
    }
}

fn driver(device: &Device) -> Option<Driver> {
    let tone = match (&device.driver, device.is_bridge()) {
        (None, true) => return None,
        (None, false) => DriverTone::None,
        (Some(_), true) => DriverTone::Bridge,
        (Some(_), false) if device.vfio.is_some() => DriverTone::Vfio,
        (Some(_), false) => DriverTone::Host,
    };
    Some(Driver {
        name: device
            .driver
            .clone()
            .unwrap_or_else(|| "no driver".to_owned()),
        tone,
    })
}

fn band(machine: &Machine, group: u32) -> Band {
    let viability = machine.viability(group);
    let name = machine
        .groups
        .get(&group)
        .and_then(|group| group.class_name.clone())
        .unwrap_or_else(|| group.to_string());
    Band {
        label: format!("group {name}"),
        state: match &viability {
            Viability::Bridges => "bridges".to_owned(),
            _ => state(machine, group).to_owned(),
        },
        tone: match &viability {
            Viability::Bridges => BandTone::Bridges,
            Viability::Viable { .. } => BandTone::Viable,
            Viability::Blocked(_) if machine.is_bound(group) => BandTone::Blocked,
            Viability::Blocked(_) => BandTone::Host,
        },
        notes: match &viability {
            Viability::Blocked(blockers) => blockers.iter().map(Blocker::to_string).collect(),
            Viability::Viable { bound: false } => vec!["not bound to VFIO yet".to_owned()],
            Viability::Viable { bound: true } | Viability::Bridges => Vec::new(),
        },
        groups: Vec::new(),
    }
}

/// Returns what is handed out together: isolation units, and groups that somebody made of several.
fn units(machine: &Machine, index: &dyn Fn(u32) -> Option<usize>) -> Vec<Band> {
    let text = |groups: &[u32]| {
        let groups: Vec<String> = groups.iter().map(u32::to_string).collect();
        groups.join(" ")
    };
    let mut units: Vec<Vec<u32>> = machine
        .groups
        .keys()
        .map(|&group| machine.unit(group))
        .filter(|unit| unit.len() > 1)
        .collect();
    units.iter_mut().for_each(|unit| unit.sort_unstable());
    units.sort();
    units.dedup();
    let of_kernel = units.iter().map(|unit| ("unit".to_owned(), unit));
    let synthetic = machine
        .synthetic
        .iter()
        .map(|group| (group.name.clone(), &group.members));
    of_kernel
        .chain(synthetic)
        .map(|(label, groups)| Band {
            label,
            state: text(groups),
            notes: Vec::new(),
            tone: BandTone::Unit,
            groups: groups.iter().filter_map(|&group| index(group)).collect(),
        })
        .collect()
}
