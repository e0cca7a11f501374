// SPDX-License-Identifier: GPL-2.0-only

//! `vfioctl`: look at VFIO's groups, and what is in them, from a shell.
//!
//! Ends with status 0 when all went well, 1 when something could not be done, and 2 for a command line
//! that makes no sense. Results go to the standard output, everything else to the standard error.

#![forbid(unsafe_code)]

mod address;
mod device_tree;
mod dts;
mod failure;
#[cfg(test)]
mod fake;
mod list;
mod machine;
mod members;
mod output;
mod roots;
mod table;
mod wanted;

use clap::{
    Parser,
    Subcommand, //
};
use failure::Failure;
use roots::Roots;
use std::{
    io::Write,
    process::ExitCode, //
};

/// Look at VFIO's groups.
#[derive(Parser)]
#[command(version, about, long_about = None)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show groups: their devices, whether they can be handed out and if not why, and who has them
    List(list::Arguments),
    /// Print what a guest's device tree says of the DMA of a group
    DeviceTree(device_tree::Arguments),
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        // A reader that has gone away has seen what it wanted.
        Ok(text) => {
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("vfioctl: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<String, Failure> {
    let roots = Roots::host();
    match command {
        Command::List(arguments) => list::run(&roots, &arguments),
        Command::DeviceTree(arguments) => device_tree::run(&roots, &arguments),
    }
}
