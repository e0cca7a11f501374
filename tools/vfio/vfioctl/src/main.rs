// SPDX-License-Identifier: GPL-2.0-only

//! `vfioctl`: look at VFIO's groups, from a shell.
//!
//! Ends with status 0 when all went well, 1 when something could not be done, and 2 for a command line
//! that makes no sense. Results go to the standard output, everything else to the standard error.

#![forbid(unsafe_code)]

mod address;
mod device_tree;
mod dts;
mod failure;
mod topology;

use clap::{
    Parser,
    Subcommand, //
};
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
    /// Print what a guest's device tree says of the DMA of a group
    DeviceTree(device_tree::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::DeviceTree(arguments) => device_tree::run(&arguments),
    };
    // A reader that has gone away has seen what it wanted.
    match done {
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
