// SPDX-License-Identifier: GPL-2.0-only

//! `vfioctl`: look at VFIO's groups, and what is in them, from a shell.
//!
//! Ends with status 0 when all went well, 1 when something could not be done, 2 for a command line
//! that makes no sense, and 3 when `doctor` has only warnings. Results go to the standard output,
//! everything else to the standard error.

#![forbid(unsafe_code)]

mod address;
mod bind;
mod capture;
mod device_tree;
mod doctor;
mod dts;
mod failure;
#[cfg(test)]
mod fake;
mod isolate;
mod kernel;
mod list;
mod machine;
mod manual;
mod members;
mod merge;
mod output;
mod roots;
mod table;
mod topology;
mod wanted;
mod watch;

use clap::{
    CommandFactory,
    Parser,
    Subcommand, //
};
use failure::Failure;
use kernel::Live;
use output::{
    print,
    Verdict, //
};
use roots::Roots;
use std::process::ExitCode;

/// Look at VFIO's groups, and hand devices out
///
/// VFIO hands PCI devices to programs and virtual machines, by groups: all devices that the IOMMU cannot
/// tell apart go together. This program shows the groups, says why one cannot be handed out, and gives
/// devices to VFIO and back to the host. It works with the C modules of the kernel and with those in
/// Rust; isolate, merge, unmerge, capture and device-tree take the latter.
#[derive(Parser)]
#[command(version, about, subcommand_value_name = "COMMAND")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show groups: their devices, whether they can be handed out and if not why, and who has them
    List(list::Arguments),
    /// Show the devices as a tree, or as a picture, with their groups and drivers
    Topology(topology::Arguments),
    /// Give whole groups to a VFIO driver
    Bind(bind::BindArguments),
    /// Give whole groups back to the host
    Unbind(bind::Arguments),
    /// Show how far a group is set apart from others, or set it
    Isolate(isolate::Arguments),
    /// Make a group of several, which programs open as one
    Merge(merge::Arguments),
    /// Take a group that was made of several apart
    Unmerge(merge::UnmergeArguments),
    /// Open groups, let the first capture the others, and run a program with its descriptor
    Capture(capture::Arguments),
    /// Print a line for each change: of devices, of groups, of who has them open
    Watch(watch::Arguments),
    /// Look whether this machine can hand devices out, and say what to do if it cannot
    Doctor(doctor::Arguments),
    /// Print what a guest's device tree says of the DMA of a group
    DeviceTree(device_tree::Arguments),
    /// Print what lets a shell complete command lines
    Completions(manual::Arguments),
    /// Print the manual page, for "man -l -"
    Manual,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(verdict) => verdict.into(),
        Err(failure) => {
            eprintln!("vfioctl: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<Verdict, Failure> {
    let roots = Roots::host();
    match command {
        Command::List(arguments) => print(&list::run(&roots, &arguments)?),
        Command::Topology(arguments) => topology::run(&roots, &arguments)?,
        Command::Bind(arguments) => bind::bind(&roots, &arguments)?,
        Command::Unbind(arguments) => bind::unbind(&roots, &arguments)?,
        Command::Isolate(arguments) => print(&isolate::run(&roots, &Live, &arguments)?),
        Command::Merge(arguments) => print(&merge::merge(&roots, &Live, &arguments)?),
        Command::Unmerge(arguments) => print(&merge::unmerge(&roots, &Live, &arguments)?),
        Command::Capture(arguments) => return Err(capture::run(&roots, &arguments)),
        Command::Watch(arguments) => watch::run(&roots, &arguments)?,
        Command::Doctor(arguments) => return doctor::run(&roots, &arguments),
        Command::Manual => print(&manual::page(Arguments::command())?),
        Command::Completions(arguments) => {
            print(&manual::completions(Arguments::command(), &arguments)?);
        }
        Command::DeviceTree(arguments) => print(&device_tree::run(&roots, &arguments)?),
    }
    Ok(Verdict::Fine)
}
