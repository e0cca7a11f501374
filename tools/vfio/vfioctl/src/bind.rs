// SPDX-License-Identifier: GPL-2.0-only

//! `vfioctl bind` and `vfioctl unbind`: give whole groups to a VFIO driver, and back to the host.
//!
//! Both say what is going to happen, refuse what would hurt the host, and ask. A change is made for all
//! devices or for none: when one fails, those before it go back.

mod changes;
mod plan;
mod uses;

#[cfg(test)]
mod tests;

use crate::{
    failure::Failure,
    kernel::{
        Kernel,
        Live, //
    },
    machine::{
        Holders,
        Machine, //
    },
    output::print,
    roots::Roots,
    wanted::{
        self,
        Wanted, //
    }, //
};
use changes::Changes;
use plan::{
    Direction,
    Plan, //
};
use std::{
    fmt::Write,
    io::{
        self,
        IsTerminal, //
    }, //
};

/// What the command line of `bind` says.
#[derive(clap::Args)]
pub(crate) struct BindArguments {
    #[command(flatten)]
    common: Arguments,

    /// The VFIO driver [default: vfio-pci, and devices that have another VFIO driver keep it]
    #[arg(long)]
    driver: Option<String>,
}

/// What both command lines say.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The groups, by number, node or PCI address of a device; each is taken as a whole
    #[arg(value_name = "GROUP|DEVICE", required = true, value_parser = wanted::parse)]
    groups: Vec<Wanted>,

    /// Go ahead without asking
    #[arg(short, long)]
    yes: bool,

    /// Only say what would happen
    #[arg(short = 'n', long)]
    dry_run: bool,

    /// Also take disks with mounted file systems or swap, and devices that a program has open
    #[arg(long)]
    force: bool,
}

/// Gives groups to a VFIO driver.
///
/// # Errors
///
/// If a device is needed by the host, nobody agreed, or the kernel refused.
pub(crate) fn bind(roots: &Roots, arguments: &BindArguments) -> Result<(), Failure> {
    let driver = arguments.driver.as_deref();
    change(roots, &Live, &arguments.common, Direction::ToVfio(driver))
}

/// Gives groups back to the host.
///
/// # Errors
///
/// As for [`bind`].
pub(crate) fn unbind(roots: &Roots, arguments: &Arguments) -> Result<(), Failure> {
    change(roots, &Live, arguments, Direction::ToHost)
}

fn change(
    roots: &Roots,
    kernel: &dyn Kernel,
    arguments: &Arguments,
    direction: Direction<'_>,
) -> Result<(), Failure> {
    let machine = Machine::read(roots)?;
    let holders = Holders::read(roots, &machine);
    let plan = Plan::make(roots, &machine, &holders, &arguments.groups, direction)?;
    print(&plan.to_string());
    let count = plan.moves().count();
    if count == 0 {
        print("There is nothing to do.\n");
        return Ok(());
    }
    if !arguments.force {
        plan.refuse_harm()?;
    }
    if arguments.dry_run {
        return Ok(());
    }
    confirm(&plan.question(), arguments.yes)?;
    let mut changes = Changes::begin(roots, kernel);
    for (device, target) in plan.moves() {
        match target {
            Some(driver) => changes.bind(device, driver)?,
            None => changes.unbind(device)?,
        }
    }
    changes.keep();
    print(&outcome(&Machine::read(roots)?, &plan));
    Ok(())
}

/// Asks at the terminal.
fn confirm(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::new(
            "nothing was done: the standard input is no terminal to ask at; --yes goes ahead without",
        ));
    }
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(|e| Failure::of("nothing was done", e))?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::new("nothing was done")),
    }
}

/// Returns what has become of the devices and their groups.
fn outcome(machine: &Machine, plan: &Plan) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    for (name, _) in plan.moves() {
        let driver = machine
            .device(name)
            .and_then(|device| device.driver.as_deref());
        let _ = match driver {
            Some(driver) => writeln!(text, "{name} is bound to {driver}"),
            None => writeln!(text, "{name} has no driver: no driver of the host takes it"),
        };
    }
    for group in plan.groups() {
        let _ = writeln!(text, "group {group}: {}", machine.viability(group));
    }
    text
}
