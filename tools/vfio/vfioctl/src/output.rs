// SPDX-License-Identifier: GPL-2.0-only

//! How results are written for programs.

use crate::failure::Failure;
use serde::Serialize;
use std::io::Write;

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
