// SPDX-License-Identifier: GPL-2.0-only

//! `vfioctl list`: groups, what is in them, whether they can be handed out, and who has them.

mod report;

pub(crate) use report::{
    device_report,
    DeviceReport, //
};

use crate::{
    failure::Failure,
    machine::{
        Holders,
        Machine,
        Modules, //
    },
    output::json,
    roots::Roots,
    table,
    wanted::{
        self,
        Wanted, //
    }, //
};
use report::{
    GroupReport,
    HolderReport,
    Report, //
};
use std::fmt::Write;

/// What the command line says.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The groups to show, by number, node or PCI address of a device [default: all]
    #[arg(value_name = "GROUP|DEVICE", value_parser = wanted::parse)]
    groups: Vec<Wanted>,

    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Returns what is to be printed.
///
/// # Errors
///
/// If sysfs makes no sense, or a group that was named is not there.
pub(crate) fn run(roots: &Roots, arguments: &Arguments) -> Result<String, Failure> {
    let machine = Machine::read(roots)?;
    let holders = Holders::read(roots, &machine);
    let report = report::make(&machine, &holders, &arguments.groups)?;
    match arguments.json {
        true => json(&report),
        false => Ok(text(&report, machine.modules)),
    }
}

fn text(report: &Report, modules: Modules) -> String {
    let mut text = String::new();
    let devices = report.groups.iter().flat_map(|group| &group.devices);
    let rows: Vec<[String; 4]> = devices.chain(&report.ungrouped).map(row).collect();
    let mut lines = table::lines(&rows).into_iter();
    for group in &report.groups {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "group {}: {}", group.name, group.state);
        for line in lines.by_ref().take(group.devices.len()) {
            let _ = writeln!(text, "    {line}");
        }
        notes(group, report.strict, &mut text);
    }
    if !report.ungrouped.is_empty() {
        text.push_str("in no group:\n");
        lines.for_each(|line| {
            let _ = writeln!(text, "    {line}");
        });
    }
    for group in &report.synthetic {
        let members: Vec<String> = group.members.iter().map(u32::to_string).collect();
        let state = if group.enabled {
            "enabled"
        } else {
            "not enabled"
        };
        let _ = writeln!(
            text,
            "synthetic group {}: groups {}, {state}",
            group.name,
            members.join(" ")
        );
        holders_of(&group.holders, &mut text);
    }
    text.push_str(closing(report, modules).as_str());
    text
}

/// Returns a device as a row of the table.
fn row(device: &DeviceReport) -> [String; 4] {
    let id = match (&device.vendor, &device.id) {
        (Some(vendor), Some(id)) => format!("{vendor}:{id}"),
        _ => String::new(),
    };
    [
        device.device.clone(),
        id,
        device.class_name.clone().unwrap_or_default(),
        device.driver.clone().unwrap_or_else(|| "-".into()),
    ]
}

/// Adds what else there is to say of a group, where `strict` is the rule for all.
fn notes(group: &GroupReport, strict: bool, text: &mut String) {
    if let [_, others @ ..] = group.unit.as_slice() {
        if !others.is_empty() {
            let others: Vec<String> = others.iter().map(u32::to_string).collect();
            let _ = writeln!(text, "    handed out with: {}", others.join(" "));
        }
    }
    match group.isolation.as_deref() {
        None | Some("group") => {}
        Some(level) => {
            let _ = writeln!(text, "    isolation: {level}");
        }
    }
    if let Some(strict) = group.strict.filter(|&own| own != strict) {
        let _ = writeln!(text, "    strict: {}", if strict { "on" } else { "off" });
    }
    holders_of(&group.holders, text);
}

fn holders_of(holders: &[HolderReport], text: &mut String) {
    for holder in holders {
        let files = holder.files.join(", ");
        let _ = writeln!(
            text,
            "    open in {} ({}): {files}",
            holder.pid, holder.command
        );
    }
}

/// Returns what goes for all groups.
fn closing(report: &Report, modules: Modules) -> String {
    let mut text = match modules {
        Modules::Rust { strict: true } => {
            "Every device of a group must be bound to VFIO (vfio.strict_viability is on).\n"
        }
        Modules::Rust { strict: false } => {
            "Devices without a driver do not block (vfio.strict_viability is off).\n"
        }
        Modules::C => "Devices without a driver do not block (C VFIO).\n",
        Modules::None => {
            "VFIO is not loaded; C VFIO's rule: devices without a driver do not block.\n"
        }
    }
    .to_owned();
    if report.hidden_processes > 0 {
        let _ = writeln!(
            text,
            "Who has a group open cannot be told for {} processes of other users; root can see them.",
            report.hidden_processes
        );
    }
    if report.groups.is_empty() && report.ungrouped.is_empty() {
        return "There are neither groups nor PCI devices.\n".to_owned();
    }
    if report.groups.is_empty() {
        text.push_str("There are no groups: no IOMMU is on. \"vfioctl doctor\" says what to do.\n");
    }
    text
}

#[cfg(test)]
mod tests;
