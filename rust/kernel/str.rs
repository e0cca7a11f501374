// SPDX-License-Identifier: GPL-2.0-only

//! Text for user space.

use kernel::{
    fmt,
    prelude::*,
    str::Formatter, //
};

/// Writes to a text; what does not fit fails with `ENOSPC`.
pub fn write_text(text: &mut Formatter<'_>, args: fmt::Arguments<'_>) -> Result {
    fmt::Write::write_fmt(text, args).map_err(|_| ENOSPC)
}
