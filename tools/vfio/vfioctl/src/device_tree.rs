// SPDX-License-Identifier: GPL-2.0-only

//! `vfioctl device-tree`: what a guest is told of the DMA of a group.
//!
//! The devices of a group share their DMA windows. So a guest needs *one* description of them: on the
//! node of the device if it is alone, else on that of a bridge above all devices of the group. The
//! kernel knows the windows and the place; the bridges and devices around it come from sysfs.
//!
//! [`bridges`](Form::Bridges) shows the group where it is on the host.
//! [`host-bridge`](Form::HostBridge) gives it a host bridge of its own, as guests on POWER have for
//! each partitionable endpoint.
//!
//! The property is that of PAPR, `ibm,dma-window`: for each window a number by which hypercalls name
//! its table (LIOBN), the first address, and the size.

mod nodes;

use crate::{
    dts::Tree,
    failure::Failure,
    machine::Machine,
    members::members,
    roots::Roots,
    wanted::{
        self,
        Wanted, //
    }, //
};
use std::{
    io,
    os::fd::RawFd,
    path::PathBuf, //
};
use vfio_uapi::{
    VFIO_SPAPR_TCE_v2_IOMMU as VFIO_SPAPR_TCE_V2_IOMMU,
    VFIO_TYPE1v2_IOMMU as VFIO_TYPE1V2_IOMMU, //
};
use vfio_user::{
    Container,
    DmaWindows,
    Group, //
};

/// What the command line says.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The number of the group, its node in /dev/vfio, or the PCI address of a device in it
    #[arg(value_parser = wanted::parse)]
    group: Wanted,

    /// How to show the group
    #[arg(long, value_enum, default_value_t = Form::Bridges)]
    form: Form,

    /// The number of the first window's table; the others follow [default: 0x80000000 + GROUP * 0x100]
    #[arg(long, value_parser = parse_number)]
    liobn: Option<u32>,

    /// Ask an open group: the number of a descriptor that this program was started with
    ///
    /// Otherwise the group is opened and put into a container, as a virtual machine monitor does, and
    /// the windows are those that it begins with.
    #[arg(long)]
    fd: Option<RawFd>,
}

/// How a group is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Form {
    /// With the bridges that it is behind on the host
    Bridges,
    /// With a host bridge of its own
    HostBridge,
}

fn parse_number(text: &str) -> Result<u32, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|e| e.to_string())
}

/// Returns the source of the tree.
pub(crate) fn run(roots: &Roots, arguments: &Arguments) -> Result<String, Failure> {
    let machine = Machine::read(roots)?;
    let number = machine.find(arguments.group)?;
    let members = members(&machine, number)?;
    let answer = match arguments.fd {
        Some(fd) => ask(number, &open_fd(fd)?)?,
        None => ask_in_container(number)?,
    };
    if answer.windows.is_empty() {
        return Err(Failure::new(format!(
            "group {number} has no windows: it is in no container, or that has no IOMMU yet"
        )));
    }
    let windows = nodes::Windows {
        first_liobn: arguments.liobn.unwrap_or_else(|| default_liobn(number)),
        windows: &answer.windows,
    };
    let root = match arguments.form {
        Form::Bridges => nodes::with_bridges(number, &members, answer.place, &windows)?,
        Form::HostBridge => nodes::with_host_bridge(number, &members, &windows),
    };
    Ok(Tree { root }.to_string())
}

/// Returns the number that QEMU would give the first window of the host bridge with this index.
fn default_liobn(group: u32) -> u32 {
    0x8000_0000 | group.wrapping_shl(8)
}

fn open_fd(fd: RawFd) -> Result<Group, Failure> {
    Group::from_number(fd).map_err(|e| Failure::of(format!("--fd {fd}"), e))
}

/// Opens the group and asks what windows it begins with.
fn ask_in_container(number: u32) -> Result<DmaWindows, Failure> {
    let container = Container::open().map_err(|e| Failure::of("/dev/vfio/vfio", e))?;
    let path = PathBuf::from(format!("/dev/vfio/{number}"));
    let group = Group::open(&path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => Failure::new(format!(
            "no device of group {number} is bound to VFIO: {} is not there",
            path.display()
        )),
        io::ErrorKind::ResourceBusy => Failure::new(format!(
            "group {number} is open in another program; start vfioctl from that, with --fd"
        )),
        _ => Failure::of(path.display().to_string(), e),
    })?;
    group.set_container(&container).map_err(|e| {
        let text = format!("group {number} cannot be had; the kernel's log says why");
        Failure::of(text, e)
    })?;
    let kind = match container.has(VFIO_SPAPR_TCE_V2_IOMMU) {
        true => VFIO_SPAPR_TCE_V2_IOMMU,
        false => VFIO_TYPE1V2_IOMMU,
    };
    container.set_iommu(kind).map_err(|e| {
        let text = format!("no IOMMU for group {number}; the kernel's log says why");
        Failure::of(text, e)
    })?;
    ask(number, &group)
}

fn ask(number: u32, group: &Group) -> Result<DmaWindows, Failure> {
    group.dma_windows().map_err(|e| match e.raw_os_error() {
        Some(libc::ENOTTY) => Failure::of("these VFIO modules do not describe windows", e),
        _ => Failure::of(format!("group {number}: its windows"), e),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal_or_hexadecimal() {
        assert_eq!(parse_number("0x80000100"), Ok(0x8000_0100));
        assert_eq!(parse_number("16"), Ok(16));
        assert!(parse_number("0x100000000").is_err());
    }
}
