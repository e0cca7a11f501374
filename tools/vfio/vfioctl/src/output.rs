// SPDX-License-Identifier: GPL-2.0-only

//! How a command ends, and how results are written.

use crate::failure::Failure;
use serde::Serialize;
use std::{
    io::Write,
    process::ExitCode, //
};

/// How a command ended that did what it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// All is well.
    Fine,
    /// There are warnings.
    Warnings,
    /// Something that was looked at is wrong.
    Wrong,
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Fine => Self::SUCCESS,
            Verdict::Warnings => Self::from(3),
            Verdict::Wrong => Self::FAILURE,
        }
    }
}

/// Returns a value as JSON of several lines.
///
/// # Errors
///
/// None for what this program prints: its keys are strings.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value).map_err(failure)?;
    Ok(text + "\n")
}

/// Returns a value as JSON of one line.
///
/// # Errors
///
/// As for [`json`].
pub(crate) fn json_line(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string(value).map_err(failure)?;
    Ok(text + "\n")
}

fn failure(error: serde_json::Error) -> Failure {
    Failure::of("no JSON", error.into())
}

/// Writes results. A reader that has gone away has seen what it wanted.
pub(crate) fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}
