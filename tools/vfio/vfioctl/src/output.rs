// SPDX-License-Identifier: GPL-2.0-only

//! How results are written for programs.

use crate::failure::Failure;
use serde::Serialize;

/// Returns a value as JSON of several lines.
///
/// # Errors
///
/// None for what this program prints: its keys are strings.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Failure::of("no JSON", e.into()))?;
    Ok(text + "\n")
}
