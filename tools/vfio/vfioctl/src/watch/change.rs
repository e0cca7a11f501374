// SPDX-License-Identifier: GPL-2.0-only

//! A change, as people and as programs read it.

use crate::machine::Viability;
use serde::Serialize;
use std::fmt;

/// What has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Added {
        device: String,
    },
    Removed {
        device: String,
    },
    Bound {
        device: String,
        driver: String,
    },
    Unbound {
        device: String,
        driver: String,
    },
    GroupAdded {
        group: u32,
    },
    GroupRemoved {
        group: u32,
    },
    /// The group can be handed out now, or cannot, or for another reason.
    Viability {
        group: u32,
        viability: Viability,
    },
    Opened {
        file: String,
        pid: u32,
        command: String,
    },
    Closed {
        file: String,
        pid: u32,
        command: String,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added { device } => write!(f, "{device} added"),
            Self::Removed { device } => write!(f, "{device} removed"),
            Self::Bound { device, driver } => write!(f, "{device} bound to {driver}"),
            Self::Unbound { device, driver } => write!(f, "{device} unbound from {driver}"),
            Self::GroupAdded { group } => write!(f, "group {group} added"),
            Self::GroupRemoved { group } => write!(f, "group {group} removed"),
            Self::Viability { group, viability } => write!(f, "group {group} is {viability}"),
            Self::Opened { file, pid, command } => write!(f, "{file} opened by {pid} ({command})"),
            Self::Closed { file, pid, command } => write!(f, "{file} closed by {pid} ({command})"),
        }
    }
}

/// A change for programs. Fields that make no sense for it are left out.
#[derive(Default, Serialize)]
pub(super) struct Report {
    /// Seconds since 1970.
    time: f64,
    change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    driver: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
}

impl Change {
    /// Returns it for programs, as of `time`.
    pub(super) fn report(&self, time: f64) -> Report {
        let mut report = Report {
            time,
            change: self.word(),
            ..Report::default()
        };
        match self {
            Self::Added { device } | Self::Removed { device } => {
                report.device = Some(device.clone());
            }
            Self::Bound { device, driver } | Self::Unbound { device, driver } => {
                report.device = Some(device.clone());
                report.driver = Some(driver.clone());
            }
            Self::GroupAdded { group } | Self::GroupRemoved { group } => {
                report.group = Some(*group);
            }
            Self::Viability { group, viability } => {
                report.group = Some(*group);
                report.state = Some(viability.to_string());
            }
            Self::Opened { file, pid, command } | Self::Closed { file, pid, command } => {
                report.file = Some(file.clone());
                report.pid = Some(*pid);
                report.command = Some(command.clone());
            }
        }
        report
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Added { .. } => "added",
            Self::Removed { .. } => "removed",
            Self::Bound { .. } => "bound",
            Self::Unbound { .. } => "unbound",
            Self::GroupAdded { .. } => "group-added",
            Self::GroupRemoved { .. } => "group-removed",
            Self::Viability { viability, .. } if viability.is_viable() => "viable",
            Self::Viability { .. } => "not-viable",
            Self::Opened { .. } => "opened",
            Self::Closed { .. } => "closed",
        }
    }
}
