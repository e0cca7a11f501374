// SPDX-License-Identifier: GPL-2.0-only

//! How the OpRegion of Intel's integrated graphics is laid out, and how a user sees it.
//!
//! The OpRegion is 8 KiB of memory through which firmware and graphics driver talk. Its longest part
//! is the VBT, which describes the displays. A VBT that does not fit is elsewhere, and two fields
//! tell where: as a physical address in version 2.0, as a distance from the OpRegion from 2.1 on.
//!
//! A user can follow neither, so he sees both in one piece: the OpRegion, and right behind it such a
//! VBT, with the fields changed to say so.
//!
//! This file knows nothing of the kernel, so that its tests run anywhere.
//!
//! Source: Intel, *IGD OpRegion/Software SCI for Broadwell processors*, and
//! `drivers/gpu/drm/i915/display/intel_opregion.c` for what came later.

/// The size of the OpRegion without a VBT behind it, in bytes.
pub(crate) const SIZE: usize = 8192;

/// How much of it [`Header::parse`] has to see.
pub(crate) const HEAD: usize = RVDS + 4;

/// What it begins with.
const SIGNATURE: &[u8] = b"IntelGraphicsMem";
/// Its size in KiB, four bytes.
const KIB: usize = 0x10;
/// Its version, two bytes: the minor number, the major number.
const VERSION: usize = 0x16;
/// Where the VBT is, eight bytes.
const RVDA: usize = 0x3ba;
/// Length of the VBT, four bytes.
const RVDS: usize = 0x3c2;

/// The version in which a VBT elsewhere came up, with its physical address.
const ABSOLUTE: u16 = 0x0200;
/// The version from which on it is a distance.
const RELATIVE: u16 = 0x0201;

/// A VBT outside of the OpRegion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Vbt {
    /// Its physical address.
    pub(crate) address: u64,
    /// Its length in bytes, at least one.
    pub(crate) len: u32,
}

/// What has to be known of an OpRegion to show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    version: u16,
    kib: u32,
    vbt: Option<Vbt>,
}

impl Header {
    /// Reads the header of the OpRegion at the physical address `address`; `None` if there is none,
    /// or it says that its VBT lies beyond all memory.
    pub(crate) fn parse(head: &[u8; HEAD], address: u64) -> Option<Self> {
        if !head.starts_with(SIGNATURE) {
            return None;
        }
        let kib = u32::from_le_bytes(field(head, KIB)?);
        let version = u16::from_le_bytes(field(head, VERSION)?);
        let rvda = u64::from_le_bytes(field(head, RVDA)?);
        let len = u32::from_le_bytes(field(head, RVDS)?);
        let vbt = match version {
            _ if rvda == 0 || len == 0 => None,
            ..ABSOLUTE => None,
            ABSOLUTE => Some(Vbt { address: rvda, len }),
            RELATIVE.. => Some(Vbt {
                address: address.checked_add(rvda)?,
                len,
            }),
        };
        (kib != 0).then_some(Self { version, kib, vbt })
    }

    /// Returns the VBT that is not in the OpRegion, if there is one.
    pub(crate) fn vbt(&self) -> Option<Vbt> {
        self.vbt
    }

    /// Returns how many bytes the user sees.
    pub(crate) fn len(&self) -> u64 {
        // CAST: Widening.
        let size = SIZE as u64;
        match self.vbt {
            // OVERFLOW: 8 KiB and less than 4 GiB.
            Some(vbt) => size + u64::from(vbt.len),
            None => size.min(u64::from(self.kib) << 10),
        }
    }

    /// Changes `bytes`, which were copied from `at` bytes into the OpRegion, into what the user sees.
    pub(crate) fn patch(&self, at: usize, bytes: &mut [u8]) {
        // CAST: Widening.
        let rvda = self.vbt.map_or(0, |_| SIZE as u64);
        patch_field(at, bytes, RVDA, &rvda.to_le_bytes());
        if self.vbt.is_some() && self.version == ABSOLUTE {
            patch_field(at, bytes, VERSION, &RELATIVE.to_le_bytes());
        }
    }
}

/// Returns the `N` bytes at `at`.
fn field<const N: usize>(head: &[u8; HEAD], at: usize) -> Option<[u8; N]> {
    head.get(at..)?.first_chunk().copied()
}

/// Puts what of `new`, which begins at `field`, lies in `bytes`, which begin at `at`.
fn patch_field(at: usize, bytes: &mut [u8], field: usize, new: &[u8]) {
    for (byte, place) in bytes.iter_mut().zip(at..) {
        let new = place.checked_sub(field).and_then(|offset| new.get(offset));
        if let Some(&new) = new {
            *byte = new;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: u64 = 0x7f00_0000;

    fn head(version: u16, rvda: u64, rvds: u32) -> [u8; HEAD] {
        let mut head = [0x5a; HEAD];
        let mut put = |at: usize, bytes: &[u8]| head[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, SIGNATURE);
        put(KIB, &8u32.to_le_bytes());
        put(VERSION, &version.to_le_bytes());
        put(RVDA, &rvda.to_le_bytes());
        put(RVDS, &rvds.to_le_bytes());
        head
    }

    fn seen(head: &[u8; HEAD]) -> [u8; HEAD] {
        let mut seen = *head;
        Header::parse(head, AT).unwrap().patch(0, &mut seen);
        seen
    }

    #[test]
    fn a_vbt_elsewhere_needs_version_address_and_length() {
        let vbt = |version, rvda, rvds| Header::parse(&head(version, rvda, rvds), AT)?.vbt();
        for version in [0, 0x0100, 0x01ff] {
            assert_eq!(vbt(version, 8192, 100), None);
        }
        for version in [0x0200, 0x0201, 0x0300] {
            assert_eq!(vbt(version, 0, 100), None);
            assert_eq!(vbt(version, 8192, 0), None);
        }
        let len = 100;
        let address = 0x1_2345_6000;
        assert_eq!(vbt(0x0200, address, len), Some(Vbt { address, len }));
        let address = AT + 9000;
        assert_eq!(vbt(0x0201, 9000, len), Some(Vbt { address, len }));
        assert_eq!(vbt(0x0300, 9000, len), Some(Vbt { address, len }));
    }

    #[test]
    fn what_is_no_opregion_is_refused() {
        let mut other = head(0x0201, 8192, 100);
        other[15] = b'n';
        assert_eq!(Header::parse(&other, AT), None);
        let mut empty = head(0x0201, 0, 0);
        empty[KIB] = 0;
        assert_eq!(Header::parse(&empty, AT), None);
        assert_eq!(Header::parse(&head(0x0201, u64::MAX, 100), AT), None);
    }

    #[test]
    fn the_user_sees_one_piece() {
        let len =
            |version, rvda, rvds| Header::parse(&head(version, rvda, rvds), AT).unwrap().len();
        assert_eq!(len(0x0201, 8192, 100), 8292);
        assert_eq!(len(0x0200, 1, u32::MAX), 8192 + u64::from(u32::MAX));
        assert_eq!(len(0x0201, 8192, 0), 8192);

        assert_eq!(seen(&head(0x0200, 0x1000, 9)), head(0x0201, 8192, 9));
        assert_eq!(seen(&head(0x0201, 0x1000, 9)), head(0x0201, 8192, 9));
        assert_eq!(seen(&head(0x0300, 0x1000, 9)), head(0x0300, 8192, 9));
        assert_eq!(seen(&head(0x0200, 0, 9)), head(0x0200, 0, 9));
        assert_eq!(seen(&head(0x0100, 77, 9)), head(0x0100, 0, 9));
    }

    #[test]
    fn a_size_that_was_never_seen_stays_inside() {
        let mut long = head(0x0100, 0, 0);
        long[KIB] = 200;
        assert_eq!(Header::parse(&long, AT).unwrap().len(), 8192);
        long[KIB] = 4;
        assert_eq!(Header::parse(&long, AT).unwrap().len(), 4096);
        long[KIB..KIB + 4].fill(0xff);
        assert_eq!(Header::parse(&long, AT).unwrap().len(), 8192);
    }

    #[test]
    fn every_part_is_changed_as_the_whole_is() {
        let head = head(0x0200, 0x1000, 9);
        let header = Header::parse(&head, AT).unwrap();
        let whole = seen(&head);
        for at in (0..40).chain(RVDA - 10..HEAD) {
            for end in at..HEAD.min(at + 20) {
                let mut part = head[at..end].to_vec();
                header.patch(at, &mut part);
                assert_eq!(part, whole[at..end], "{at}..{end}");
            }
        }
    }
}
