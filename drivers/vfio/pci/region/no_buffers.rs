// SPDX-License-Identifier: GPL-2.0-only

//! The list of DMA-BUFs on a kernel that has none: it stays empty.

/// The buffers of an open device.
pub(crate) struct Buffers;

impl Buffers {
    /// Returns a list of none.
    pub(crate) const fn new() -> Self {
        Self
    }

    /// Does nothing.
    pub(crate) fn revoke(&self) {}

    /// Does nothing.
    pub(crate) fn allow(&self) {}

    /// Does nothing.
    pub(crate) fn clear(&mut self) {}
}
