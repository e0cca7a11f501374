// SPDX-License-Identifier: GPL-2.0-only

//! Capability chains behind an info struct.
//!
//! Several info calls append a chain of optional facts to their fixed struct. Each link starts
//! with `struct vfio_info_cap_header` (id, version, offset of the next link from the start of the
//! info struct, 0 in the last one) and begins at a multiple of eight bytes. [`CapChain`] collects
//! the links; the caller of the ioctl gets them only if they fit into `argsz`, and otherwise
//! learns how much room they need.
//!
//! C counterpart: [`drivers/vfio/vfio_main.c`](srctree/drivers/vfio/vfio_main.c),
//! `vfio_info_cap_add` and `vfio_info_cap_shift`.

use kernel::prelude::*;
use kernel_ext::uaccess::UserArg;
use vfio_uapi::Pod;

/// Bytes of `struct vfio_info_cap_header`.
const HEADER: usize = 8;

/// Offset of `next` within the header.
const NEXT: usize = 4;

/// Links start at multiples of this, so that 64-bit fields in them are aligned.
const ALIGN: usize = 8;

/// A chain under construction.
///
/// `next` offsets are kept relative to the start of the chain until it is written.
pub struct CapChain {
    bytes: KVec<u8>,

    /// Start of every link.
    links: KVec<usize>,
}

impl Default for CapChain {
    fn default() -> Self {
        Self::new()
    }
}

impl CapChain {
    /// Returns a chain without links.
    pub const fn new() -> Self {
        Self {
            bytes: KVec::new(),
            links: KVec::new(),
        }
    }

    /// Appends a link with the fixed struct `body`, which does not include the header.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn add<T: Pod>(&mut self, id: u16, version: u16, body: &T) -> Result {
        self.add_bytes(id, version, body.as_bytes())
    }

    /// Appends a link with the bytes `body`, which do not include the header.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn add_bytes(&mut self, id: u16, version: u16, body: &[u8]) -> Result {
        let size = HEADER
            .checked_add(body.len())
            .and_then(|size| size.checked_next_multiple_of(ALIGN))
            .ok_or(ENOMEM)?;
        self.bytes.reserve(size, GFP_KERNEL)?;
        self.links.push(self.bytes.len(), GFP_KERNEL)?;
        self.bytes
            .extend_from_slice(&id.to_ne_bytes(), GFP_KERNEL)?;
        self.bytes
            .extend_from_slice(&version.to_ne_bytes(), GFP_KERNEL)?;
        self.bytes.extend_from_slice(&[0; 4], GFP_KERNEL)?;
        self.bytes.extend_from_slice(body, GFP_KERNEL)?;
        self.bytes
            .extend_with(size - HEADER - body.len(), 0, GFP_KERNEL)?;
        Ok(())
    }

    /// Returns the size of the chain in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns whether there is no link.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// Writes the chain `at` bytes behind `info`, the start of the info struct.
    ///
    /// `at` must be a multiple of eight; the info structs of the ABI are.
    ///
    /// # Errors
    ///
    /// `EFAULT` if the memory is not writable.
    pub fn write_to(mut self, info: UserArg, at: u32) -> Result {
        for pair in 1..self.links.len() {
            let (from, to) = (self.links[pair - 1], self.links[pair]);
            let next = u32::try_from(to)
                .ok()
                .and_then(|to| to.checked_add(at))
                .ok_or(EINVAL)?;
            let field = from + NEXT..from + HEADER;
            if let Some(field) = self.bytes.get_mut(field) {
                field.copy_from_slice(&next.to_ne_bytes());
            }
        }
        info.at(at as usize)
            .writer(self.bytes.len())
            .write_slice(&self.bytes)
    }
}
