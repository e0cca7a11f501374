// SPDX-License-Identifier: GPL-2.0-only

//! What could not be done, and why, in one sentence for the person at the terminal.

use std::{
    fmt,
    io, //
};

/// A sentence, and the error behind it if there is one.
#[derive(Debug)]
pub(crate) struct Failure {
    text: String,
    cause: Option<io::Error>,
}

impl Failure {
    /// Returns a failure that no call has reported.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            cause: None,
        }
    }

    /// Returns a failure that `cause` reported.
    pub(crate) fn of(text: impl Into<String>, cause: io::Error) -> Self {
        Self {
            text: text.into(),
            cause: Some(cause),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match &self.cause {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}
