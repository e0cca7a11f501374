// SPDX-License-Identifier: GPL-2.0-only

//! `vfioctl topology`: how devices hang together, with their groups and drivers.
//!
//! Groups follow from the hierarchy: what is behind a bridge that does not tell its devices apart is in
//! one group. So seeing both at once answers most questions about groups.

mod layout;
mod scene;
mod svg;
mod tree;

use crate::{
    failure::Failure,
    machine::Machine,
    output::{
        json,
        print, //
    },
    roots::{
        self,
        Roots, //
    }, //
};
use std::{
    fs,
    path::{
        Path,
        PathBuf, //
    }, //
};
use tree::Tree;

/// What the command line says.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Draw a picture, into this file or to the standard output
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    svg: Option<PathBuf>,

    /// Print one JSON object instead of text
    #[arg(long, conflicts_with = "svg")]
    json: bool,
}

/// Prints the tree, or draws it.
///
/// # Errors
///
/// If sysfs makes no sense, or the file cannot be written.
pub(crate) fn run(roots: &Roots, arguments: &Arguments) -> Result<(), Failure> {
    let machine = Machine::read(roots)?;
    let tree = Tree::of(&machine);
    let text = match &arguments.svg {
        None if arguments.json => json(&tree.report(&machine))?,
        None => tree.text(&machine),
        Some(_) => picture(roots, &machine, &tree),
    };
    match arguments.svg.as_deref() {
        Some(file) if file != Path::new("-") => {
            fs::write(file, text).map_err(|e| Failure::of(file.display().to_string(), e))
        }
        _ => {
            print(&text);
            Ok(())
        }
    }
}

fn picture(roots: &Roots, machine: &Machine, tree: &Tree<'_>) -> String {
    let host = roots::text(&roots.proc.join("sys/kernel/hostname"));
    let title = match host {
        Ok(host) => format!("PCI devices and IOMMU groups of {host}"),
        Err(_) => "PCI devices and IOMMU groups".to_owned(),
    };
    svg::draw(&layout::arrange(&scene::make(title, machine, tree)))
}
