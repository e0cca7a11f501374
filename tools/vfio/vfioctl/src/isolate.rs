// SPDX-License-Identifier: GPL-2.0-only

//! `vfioctl isolate`: what is handed out together with a group.
//!
//! A group is what the IOMMU cannot tell apart. Who does not trust the hardware that far can make the unit
//! bigger: all functions of a slot, all devices of a bus, all below a bridge. Only our modules know that.

use crate::{
    address,
    failure::Failure,
    kernel::Kernel,
    machine::Machine,
    output::json,
    roots::Roots,
    wanted::{
        self,
        Wanted, //
    }, //
};
use serde::Serialize;
use std::{
    io,
    path::PathBuf, //
};

/// What the command line says.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The group, by number, node or PCI address of a device
    #[arg(value_name = "GROUP|DEVICE", value_parser = wanted::parse)]
    group: Wanted,

    /// What is handed out together [default: say what is]
    #[arg(value_enum)]
    level: Option<Level>,

    /// The bridge, for the level "bridge"
    #[arg(long, value_name = "DEVICE", value_parser = parse_bridge)]
    bridge: Option<vfio_user::Address>,

    /// Whether a device without a driver blocks this group
    #[arg(long, value_enum)]
    strict: Option<Switch>,

    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// What is handed out together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Level {
    /// The IOMMU's group
    Group,
    /// All functions of its slots
    Slot,
    /// All devices of its buses
    Bus,
    /// All devices below a bridge
    Bridge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Switch {
    On,
    Off,
}

/// How a group is set, for programs.
#[derive(Serialize)]
struct Report {
    group: u32,
    isolation: String,
    strict: bool,
    /// The groups that are handed out together, itself first.
    unit: Vec<u32>,
    viable: bool,
    state: String,
}

fn parse_bridge(text: &str) -> Result<vfio_user::Address, String> {
    address::parse(text).ok_or_else(|| "no PCI address".to_owned())
}

/// Sets what is to be set, and returns how the group is set then.
///
/// # Errors
///
/// If the modules do not know it, the group is not bound or in use, or the setting makes no sense.
pub(crate) fn run(
    roots: &Roots,
    kernel: &dyn Kernel,
    arguments: &Arguments,
) -> Result<String, Failure> {
    let machine = Machine::read(roots)?;
    let group = machine.find(arguments.group)?;
    let place = Place::find(roots, &machine, group)?;
    let level = wanted_level(arguments)?;
    if let Some(level) = &level {
        place.set(kernel, "isolation", level)?;
    }
    if let Some(strict) = arguments.strict {
        let value = if strict == Switch::On { "1" } else { "0" };
        if let Err(failure) = place.set(kernel, "strict", value) {
            // Both or none.
            if let (Some(_), Some(before)) = (&level, &place.isolation) {
                place.set(kernel, "isolation", before)?;
            }
            return Err(failure);
        }
    }
    let report = report(&Machine::read(roots)?, group)?;
    match arguments.json {
        true => json(&report),
        false => Ok(text(&report)),
    }
}

/// Returns the level as the kernel takes it.
fn wanted_level(arguments: &Arguments) -> Result<Option<String>, Failure> {
    Ok(match (arguments.level, arguments.bridge) {
        (None, None) => None,
        (None | Some(Level::Bridge), Some(bridge)) => {
            Some(format!("bridge {}", address::text(bridge)))
        }
        (Some(Level::Bridge), None) => {
            return Err(Failure::new("which bridge? --bridge says it"));
        }
        (Some(_), Some(_)) => {
            return Err(Failure::new("--bridge is for the level \"bridge\" only"));
        }
        (Some(Level::Group), None) => Some("group".to_owned()),
        (Some(Level::Slot), None) => Some("slot".to_owned()),
        (Some(Level::Bus), None) => Some("bus".to_owned()),
    })
}

/// The files of a group.
struct Place {
    group: u32,
    folder: PathBuf,
    isolation: Option<String>,
}

impl Place {
    fn find(roots: &Roots, machine: &Machine, group: u32) -> Result<Self, Failure> {
        let of = machine.group(group)?;
        let Some(name) = &of.class_name else {
            return Err(Failure::new(format!(
                "no device of group {group} is bound to VFIO; \"vfioctl bind {group}\" does that"
            )));
        };
        if of.isolation.is_none() {
            return Err(Failure::new(
                "the VFIO modules that are loaded have no levels of isolation: every group is one of \
                 the IOMMU's",
            ));
        }
        Ok(Self {
            group,
            folder: roots.vfio_class().join(name),
            isolation: of.isolation.clone(),
        })
    }

    fn set(&self, kernel: &dyn Kernel, file: &str, value: &str) -> Result<(), Failure> {
        let group = self.group;
        kernel.write(&self.folder.join(file), value).map_err(|e| {
            let text = match e.kind() {
                io::ErrorKind::PermissionDenied => "only root may set that",
                io::ErrorKind::ResourceBusy => "a program uses the group; that has to end first",
                io::ErrorKind::InvalidInput => {
                    "that is no level, or the bridge is not above all devices of the group"
                }
                io::ErrorKind::Unsupported => "not all devices of the group are on PCI buses",
                _ => "it cannot be set",
            };
            Failure::of(format!("group {group}: {text}"), e)
        })
    }
}

fn report(machine: &Machine, number: u32) -> Result<Report, Failure> {
    let group = machine.group(number)?;
    let viability = machine.viability(number);
    Ok(Report {
        group: number,
        isolation: group.isolation.clone().unwrap_or_default(),
        strict: group.strict.unwrap_or(machine.modules.strict()),
        unit: machine.unit(number),
        viable: viability.is_viable(),
        state: viability.to_string(),
    })
}

fn text(report: &Report) -> String {
    let unit: Vec<String> = report.unit.iter().map(u32::to_string).collect();
    format!(
        "group {}: {}\n    isolation: {}\n    strict: {}\n    handed out together: {}\n",
        report.group,
        report.state,
        report.isolation,
        if report.strict { "on" } else { "off" },
        unit.join(" ")
    )
}

#[cfg(test)]
mod tests;
