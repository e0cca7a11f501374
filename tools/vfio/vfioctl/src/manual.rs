// SPDX-License-Identifier: GPL-2.0-only

//! `vfioctl manual` and `vfioctl completions`: what comes with a program, made from its command line.
//!
//! The page is one for all commands, so that `man vfioctl` has everything.

use crate::failure::Failure;
use clap::Command;
use clap_complete::Shell;
use clap_mangen::{
    roff::{
        bold,
        roman,
        Roff, //
    },
    Man, //
};
use std::io;

/// What the command line of `completions` says.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The shell
    shell: Shell,
}

/// Sections with terms and what they mean.
const TERMS: [(&str, &[(&str, &str)]); 2] = [
    (
        "EXIT STATUS",
        &[
            ("0", "All went well."),
            (
                "1",
                "Something could not be done, and one sentence on the standard error says why; for doctor, \
                 something is wrong.",
            ),
            ("2", "The command line makes no sense."),
            ("3", "doctor has warnings, and nothing worse."),
        ],
    ),
    (
        "FILES",
        &[
            ("/sys/kernel/iommu_groups", "The groups and their devices."),
            (
                "/sys/bus/pci/devices/*/driver_override",
                "Which driver a device is for; bind and unbind write it.",
            ),
            (
                "/sys/class/vfio/GROUP/isolation, strict, unit",
                "What isolate shows and sets; of the Rust modules only.",
            ),
            (
                "/sys/kernel/config/vfio",
                "Where merge makes groups of several; of the Rust modules only.",
            ),
            ("/dev/vfio/GROUP", "What a program opens to have a group."),
            ("/proc/PID/fd", "Where list and watch see who has a group open."),
        ],
    ),
];

const EXAMPLES: [(&str, &str); 6] = [
    (
        "Why can this device not be handed out?",
        "vfioctl list 0000:01:00.0",
    ),
    (
        "Give it, with all of its group, to vfio-pci:",
        "vfioctl bind 0000:01:00.0",
    ),
    (
        "The same in a script, and back:",
        "vfioctl bind --yes 12; vfioctl unbind --yes 12",
    ),
    (
        "A picture of the machine:",
        "vfioctl topology --svg machine.svg",
    ),
    (
        "Wait until the group can be handed out:",
        "vfioctl watch --json | grep -m 1 '\"change\":\"viable\",\"group\":12'",
    ),
    ("What is missing on this machine?", "vfioctl doctor"),
];

/// Returns the manual page of a command line.
///
/// # Errors
///
/// None: it is written to memory.
pub(crate) fn page(command: Command) -> Result<String, Failure> {
    let failure = |e| Failure::of("no manual", e);
    let page = write_page(command).map_err(failure)?;
    String::from_utf8(page).map_err(|_| Failure::new("the manual is no text"))
}

fn write_page(mut command: Command) -> io::Result<Vec<u8>> {
    command.build();
    let mut page = Vec::new();
    let man = Man::new(command.clone()).section("8").manual("VFIO");
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    let mut heading = Roff::new();
    heading.control("SH", ["COMMANDS"]);
    heading.to_writer(&mut page)?;
    for each in command.get_subcommands() {
        if each.get_name() != "help" {
            write_command(each, &mut page)?;
        }
    }
    terms().to_writer(&mut page)?;
    Ok(page)
}

/// Writes what there is to say of one command, as a part of the section.
fn write_command(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let mut command = command.clone().mut_arg("help", |help| help.hide(true));
    let mut heading = Roff::new();
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    heading.control("SS", [name]);
    if let Some(about) = command.get_about() {
        heading.text([roman(format!("{about}."))]);
    }
    heading.control("PP", []);
    let usage = command.render_usage().to_string();
    heading.text([bold(usage.trim_start_matches("Usage: "))]);
    heading.to_writer(page)?;
    let man = Man::new(command);
    let mut part = Vec::new();
    man.render_options_section(&mut part)?;
    // Its heading is that of a page of its own.
    for line in part.split_inclusive(|&byte| byte == b'\n') {
        if !line.starts_with(b".SH ") && !line.starts_with(b".ie ") && !line.starts_with(b".el ") {
            page.extend_from_slice(line);
        }
    }
    Ok(())
}

fn terms() -> Roff {
    let mut roff = Roff::new();
    for (section, terms) in TERMS {
        roff.control("SH", [section]);
        for (term, meaning) in terms {
            roff.control("TP", []);
            roff.text([bold(*term)]);
            roff.text([roman(*meaning)]);
        }
    }
    roff.control("SH", ["EXAMPLES"]);
    for (purpose, line) in EXAMPLES {
        roff.control("TP", []);
        roff.text([roman(purpose)]);
        roff.text([bold(line)]);
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([
        bold("lspci"),
        roman("(8), "),
        bold("driverctl"),
        roman("(8)"),
    ]);
    roff
}

/// Returns the completions of a command line.
///
/// # Errors
///
/// If the shell takes something that is no text.
pub(crate) fn completions(mut command: Command, arguments: &Arguments) -> Result<String, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "vfioctl", &mut script);
    String::from_utf8(script).map_err(|_| Failure::new("the completions are no text"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_page_has_all_commands_and_sections() {
        let page = page(crate::Arguments::command()).unwrap();
        for heading in [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "COMMANDS",
            "FILES",
            "EXAMPLES",
        ] {
            assert_eq!(
                page.matches(&format!(".SH {heading}\n")).count(),
                1,
                "{heading}: {page}"
            );
        }
        for command in crate::Arguments::command().get_subcommands() {
            let heading = format!(".SS \"vfioctl {}\"\n", command.get_name());
            assert_eq!(page.matches(&heading).count(), 1, "{heading}: {page}");
        }
        assert!(page.contains(r"\-\-dry\-run"), "{page}");
        assert!(
            page.contains(r"<GROUP|DEVICE> <GROUP|DEVICE>... \-\- <COMMAND>..."),
            "{page}"
        );
        assert!(!page.contains(".SH OPTIONS"), "{page}");
    }

    #[test]
    fn shells_complete_all_commands() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = completions(crate::Arguments::command(), &Arguments { shell }).unwrap();
            for command in crate::Arguments::command().get_subcommands() {
                assert!(
                    script.contains(command.get_name()),
                    "{shell}: {}",
                    command.get_name()
                );
            }
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        crate::Arguments::command().debug_assert();
    }
}
