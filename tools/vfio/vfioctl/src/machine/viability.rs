// SPDX-License-Identifier: GPL-2.0-only

//! Whether a group can be handed out, and what is in the way.
//!
//! A program that has one device of a group reaches what the others can. So each must be bound to a
//! VFIO driver, except bridges, which the host has to drive. The C modules also accept members
//! without a driver, and so do ours with `strict_viability=0`.

use super::Machine;
use std::fmt;

/// Drivers that leave DMA alone: with them a device is as good as without a driver.
const HARMLESS: [&str; 1] = ["pci-stub"];

/// Whether a group can be handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Viability {
    /// There is nothing in it but bridges.
    Bridges,
    /// Nothing is in the way.
    Viable {
        /// Whether VFIO has a device of it.
        bound: bool,
    },
    /// These are in the way.
    Blocked(Vec<Blocker>),
}

/// A device that is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blocker {
    pub(crate) device: String,
    /// Its group: another one of the same isolation unit perhaps.
    pub(crate) group: u32,
    pub(crate) reason: Reason,
}

/// Why it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The host uses it.
    HostDriver(String),
    /// Anybody may bind it later.
    NoDriver,
}

impl Machine {
    /// Returns whether a group can be handed out.
    pub(crate) fn viability(&self, group: u32) -> Viability {
        let strict = self.is_strict(group);
        let groups = self.unit(group);
        let members = || {
            let of = |&group: &u32| self.members(group).map(move |device| (group, device));
            groups.iter().flat_map(of)
        };
        let mut endpoints = members()
            .filter(|(_, device)| !device.is_bridge())
            .peekable();
        if endpoints.peek().is_none() {
            return Viability::Bridges;
        }
        let blockers: Vec<Blocker> = endpoints
            .filter(|(_, device)| device.vfio.is_none())
            .filter_map(|(group, device)| {
                let reason = match &device.driver {
                    Some(driver) if strict || !HARMLESS.contains(&driver.as_str()) => {
                        Reason::HostDriver(driver.clone())
                    }
                    None if strict => Reason::NoDriver,
                    _ => return None,
                };
                Some(Blocker {
                    device: device.name.clone(),
                    group,
                    reason,
                })
            })
            .collect();
        match blockers.is_empty() {
            true => Viability::Viable {
                bound: self.is_bound(group),
            },
            false => Viability::Blocked(blockers),
        }
    }

    /// Returns whether VFIO has a device of a group.
    pub(crate) fn is_bound(&self, group: u32) -> bool {
        self.members(group).any(|device| device.vfio.is_some())
    }

    /// Returns whether a member without a driver blocks this group.
    fn is_strict(&self, group: u32) -> bool {
        let own = self.groups.get(&group).and_then(|group| group.strict);
        own.unwrap_or(self.modules.strict())
    }

    /// Returns the groups that are handed out together with one, itself first.
    pub(crate) fn unit(&self, group: u32) -> Vec<u32> {
        let unit = self
            .groups
            .get(&group)
            .and_then(|group| group.unit.clone())
            .unwrap_or_default();
        match unit.contains(&group) {
            true => unit,
            false => vec![group],
        }
    }
}

impl Viability {
    /// Returns whether nothing is in the way of a group that has devices.
    pub(crate) fn is_viable(&self) -> bool {
        matches!(self, Self::Viable { .. })
    }

    /// Returns the devices in the way.
    pub(crate) fn blockers(&self) -> &[Blocker] {
        match self {
            Self::Blocked(blockers) => blockers,
            Self::Bridges | Self::Viable { .. } => &[],
        }
    }
}

impl fmt::Display for Viability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bridges => f.write_str("only bridges, which stay with the host"),
            Self::Viable { bound: true } => f.write_str("viable"),
            Self::Viable { bound: false } => f.write_str("viable, but not bound to VFIO yet"),
            Self::Blocked(blockers) => {
                let blockers: Vec<String> = blockers.iter().map(Blocker::to_string).collect();
                write!(f, "not viable: {}", blockers.join("; "))
            }
        }
    }
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::HostDriver(driver) => write!(f, "{} is bound to {driver}", self.device),
            Reason::NoDriver => write!(f, "{} has no driver", self.device),
        }
    }
}
