// SPDX-License-Identifier: GPL-2.0-only

//! Power management.

pub mod runtime;
