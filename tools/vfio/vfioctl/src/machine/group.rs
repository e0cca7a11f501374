// SPDX-License-Identifier: GPL-2.0-only

//! A group: the devices that the IOMMU cannot tell apart. And the groups that somebody made of several.

use crate::roots::{
    names,
    text,
    Roots, //
};
use std::path::PathBuf;

/// A group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) number: u32,
    /// The names of its devices.
    pub(crate) members: Vec<String>,
    /// What VFIO calls it, its number or "noiommu-0"; [`None`] if VFIO has no device of it.
    pub(crate) class_name: Option<String>,
    /// How far it is set apart: "group", "slot", "bus" or "bridge 0000:00:1c.0". Ours only.
    pub(crate) isolation: Option<String>,
    /// Whether a member without a driver blocks, if that is set for this group alone. Ours only.
    pub(crate) strict: Option<bool>,
    /// The groups that are handed out together with it, itself first. Ours only.
    pub(crate) unit: Option<Vec<u32>>,
}

/// A group that somebody made of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Synthetic {
    pub(crate) name: String,
    pub(crate) members: Vec<u32>,
    pub(crate) enabled: bool,
}

impl Group {
    pub(super) fn read(roots: &Roots, number: u32) -> Self {
        let folder = roots.sys.join(format!("kernel/iommu_groups/{number}"));
        let class_name = [number.to_string(), format!("noiommu-{number}")]
            .into_iter()
            .find(|name| roots.vfio_class().join(name).exists());
        let attribute = |name: &str| {
            let class_name = class_name.as_ref()?;
            text(&roots.vfio_class().join(class_name).join(name)).ok()
        };
        Self {
            number,
            members: names(&folder.join("devices")),
            isolation: attribute("isolation"),
            strict: attribute("strict").map(|value| value == "1"),
            unit: attribute("unit").map(|value| numbers(&value)),
            class_name,
        }
    }
}

impl Synthetic {
    pub(super) fn read_all(roots: &Roots) -> Vec<Self> {
        let Some(folder) = configfs(roots) else {
            return Vec::new();
        };
        let read = |name: String| {
            let folder = folder.join(&name);
            Some(Self {
                members: numbers(&text(&folder.join("members")).ok()?),
                enabled: text(&folder.join("enable")).is_ok_and(|value| value == "1"),
                name,
            })
        };
        names(&folder).into_iter().filter_map(read).collect()
    }
}

/// Returns the folder in configfs where groups are made of several; [`None`] if the modules have none,
/// or configfs is not mounted.
pub(crate) fn configfs(roots: &Roots) -> Option<PathBuf> {
    let folder = mount_of(roots, "configfs")?.join("vfio");
    folder.is_dir().then_some(folder)
}

/// Returns where a file system of that kind is mounted.
pub(crate) fn mount_of(roots: &Roots, kind: &str) -> Option<PathBuf> {
    let mounts = text(&roots.proc.join("mounts")).ok()?;
    let find = |line: &str| {
        let mut words = line.split(' ');
        let place = words.nth(1)?;
        (words.next()? == kind).then(|| PathBuf::from(place))
    };
    mounts.lines().find_map(find)
}

/// Returns the numbers in a text that has nothing else.
fn numbers(text: &str) -> Vec<u32> {
    text.split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect()
}
