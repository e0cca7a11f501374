// SPDX-License-Identifier: GPL-2.0-only

//! `vfioctl capture`: start a program with several groups as one.
//!
//! The first group captures the others: it then stands for all of them, in a container and for their
//! devices. The program gets its descriptor, and the number of that in the environment.

use crate::{
    failure::Failure,
    machine::Machine,
    roots::Roots,
    wanted::{
        self,
        Wanted, //
    }, //
};
use std::{
    ffi::OsString,
    io,
    os::unix::process::CommandExt,
    process::Command, //
};
use vfio_user::Group;

/// The variable that tells the program the number of its descriptor.
const VARIABLE: &str = "VFIO_GROUP_FD";

/// What the command line says.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The group that captures, by number, node or PCI address of a device, and those that it captures
    #[arg(value_name = "GROUP|DEVICE", required = true, num_args = 2.., value_parser = wanted::parse)]
    groups: Vec<Wanted>,

    /// The program to run, with its arguments
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

/// Becomes the program. Returns only if that fails.
pub(crate) fn run(roots: &Roots, arguments: &Arguments) -> Failure {
    match become_program(roots, arguments) {
        Err(failure) => failure,
        Ok(never) => match never {},
    }
}

fn become_program(
    roots: &Roots,
    arguments: &Arguments,
) -> Result<std::convert::Infallible, Failure> {
    let machine = Machine::read(roots)?;
    let mut opened = Vec::new();
    for &wanted in &arguments.groups {
        let number = machine.find(wanted)?;
        if opened.iter().any(|&(other, _)| other == number) {
            return Err(Failure::new(format!("group {number} is named twice")));
        }
        opened.push((number, open(roots, &machine, number)?));
    }
    let Some(((first, captor), others)) = opened.split_first() else {
        return Err(Failure::new("no group was named"));
    };
    for (number, group) in others {
        captor.capture(group).map_err(|e| match e.raw_os_error() {
            Some(libc::ENOTTY) => {
                Failure::new("the VFIO modules that are loaded cannot let a group capture another")
            }
            _ => Failure::of(format!("group {first} cannot capture group {number}"), e),
        })?;
    }
    let fd = captor
        .pass_on()
        .map_err(|e| Failure::of(format!("group {first}"), e))?;
    let Some((program, rest)) = arguments.command.split_first() else {
        return Err(Failure::new("there is no program to run"));
    };
    let error = Command::new(program)
        .args(rest)
        .env(VARIABLE, fd.to_string())
        .exec();
    Err(Failure::of(program.to_string_lossy(), error))
}

fn open(roots: &Roots, machine: &Machine, number: u32) -> Result<Group, Failure> {
    let Some(name) = &machine.group(number)?.class_name else {
        return Err(Failure::new(format!(
            "no device of group {number} is bound to VFIO; \"vfioctl bind {number}\" does that"
        )));
    };
    let path = roots.dev.join("vfio").join(name);
    Group::open(&path).map_err(|e| match e.kind() {
        io::ErrorKind::ResourceBusy => {
            Failure::new(format!("group {number} is open in another program"))
        }
        _ => Failure::of(path.display().to_string(), e),
    })
}
