// SPDX-License-Identifier: GPL-2.0-only

//! What a program may ask of type1, checked before anything is touched.
//!
//! Every number in a `MAP_DMA`, `UNMAP_DMA` or `DIRTY_PAGES` call comes from a program and is
//! hostile until it has passed through here. The result is a type whose existence is the check:
//! the rest of the driver never sees a range that wraps or an access of no kind.
//!
//! The order of the checks is part of the ABI, because the first that fails decides the errno.
//!
//! This file knows nothing of the kernel and is tested on the host.
//!
//! C counterpart: the heads of `vfio_dma_do_map()`, `vfio_dma_do_unmap()` and
//! `vfio_iommu_type1_dirty_pages()` in [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

use super::iova::IovaRange;

/// Why a request is refused. Each is one errno.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// `EINVAL`: the request makes no sense.
    Invalid,
    /// `EOVERFLOW`: an address does not fit, or a range wraps around.
    Overflow,
}

/// What the device may do with the mapped memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    /// The device may read.
    Read,
    /// The device may write.
    Write,
    /// The device may do both.
    ReadWrite,
}

/// What `MAP_DMA` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapAction {
    /// A new mapping.
    New(Rights),
    /// A new user address for an existing mapping whose address was invalidated.
    UpdateVaddr,
}

/// A `MAP_DMA` request: nothing in it wraps, and it asks for exactly one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MapRequest {
    /// The addresses the device will use.
    pub(crate) iova: IovaRange,
    /// The length in bytes, not 0. Both ranges of this length end without wrapping.
    pub(crate) size: usize,
    /// The program's address of the first byte.
    pub(crate) vaddr: usize,
    /// What to do.
    pub(crate) action: MapAction,
}

impl MapRequest {
    /// Checks the fields of `struct vfio_iommu_type1_dma_map`.
    ///
    /// `read`, `write` and `update` say which flags are set; unknown flags were refused before.
    pub(crate) fn parse(
        (vaddr, iova, size): (u64, u64, u64),
        (read, write, update): (bool, bool, bool),
    ) -> Result<Self, Refusal> {
        let length = usize::try_from(size).map_err(|_| Refusal::Overflow)?;
        let vaddr = usize::try_from(vaddr).map_err(|_| Refusal::Overflow)?;
        if length == 0 {
            return Err(Refusal::Invalid);
        }
        let iova = IovaRange::from_len(iova, size).ok_or(Refusal::Overflow)?;
        vaddr.checked_add(length - 1).ok_or(Refusal::Overflow)?;
        let action = match (read, write, update) {
            (true, false, false) => MapAction::New(Rights::Read),
            (false, true, false) => MapAction::New(Rights::Write),
            (true, true, false) => MapAction::New(Rights::ReadWrite),
            (false, false, true) => MapAction::UpdateVaddr,
            _ => return Err(Refusal::Invalid),
        };
        Ok(Self {
            iova,
            size: length,
            vaddr,
            action,
        })
    }

    /// Checks that both addresses and the length are multiples of `page`, a power of two.
    pub(crate) fn check_alignment(&self, page: u64) -> Result<(), Refusal> {
        // CAST: `usize` has at most 64 bits.
        let bits = self.iova.first() | self.vaddr as u64 | self.size as u64;
        aligned(bits, page)
    }
}

/// Which mappings `UNMAP_DMA` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnmapTarget {
    /// Those in this range.
    Range(IovaRange),
    /// All of them.
    All,
}

impl UnmapTarget {
    /// Checks the fields of `struct vfio_iommu_type1_dma_unmap` against the smallest `page` size.
    pub(crate) fn parse(iova: u64, size: u64, all: bool, page: u64) -> Result<Self, Refusal> {
        usize::try_from(size).map_err(|_| Refusal::Overflow)?;
        aligned(iova, page)?;
        if all {
            return match (iova, size) {
                (0, 0) => Ok(Self::All),
                _ => Err(Refusal::Invalid),
            };
        }
        if size == 0 {
            return Err(Refusal::Invalid);
        }
        aligned(size, page)?;
        IovaRange::from_len(iova, size)
            .map(Self::Range)
            .ok_or(Refusal::Overflow)
    }

    /// Returns the addresses meant.
    pub(crate) fn range(self) -> IovaRange {
        match self {
            Self::Range(range) => range,
            Self::All => IovaRange::ALL,
        }
    }
}

/// Checks that `value` is a multiple of `page`, a power of two.
pub(crate) fn aligned(value: u64, page: u64) -> Result<(), Refusal> {
    if value & page.wrapping_sub(1) == 0 {
        Ok(())
    } else {
        Err(Refusal::Invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: (bool, bool, bool) = (true, false, false);

    #[test]
    fn a_plain_request_passes() {
        let request = MapRequest::parse((0x7000, 0x1000, 0x2000), (true, true, false)).unwrap();
        assert_eq!(request.iova.last(), 0x2fff);
        assert_eq!(request.action, MapAction::New(Rights::ReadWrite));
        assert_eq!(request.check_alignment(0x1000), Ok(()));
        assert_eq!(request.check_alignment(0x2000), Err(Refusal::Invalid));
    }

    #[test]
    fn size_zero_comes_before_wrapping_and_flags() {
        let parse = |fields, flags| MapRequest::parse(fields, flags);
        assert_eq!(parse((0, u64::MAX, 0), READ), Err(Refusal::Invalid));
        assert_eq!(
            parse((0, u64::MAX, 2), (false, false, false)),
            Err(Refusal::Overflow)
        );
        assert_eq!(parse((u64::MAX, 0, 2), READ), Err(Refusal::Overflow));
        assert_eq!(
            parse((0, 0, 0x1000), (false, false, false)),
            Err(Refusal::Invalid)
        );
        assert_eq!(
            parse((0, 0, 0x1000), (true, false, true)),
            Err(Refusal::Invalid)
        );
    }

    #[test]
    fn the_last_page_of_the_address_space_may_be_mapped() {
        let request = MapRequest::parse((0, u64::MAX - 0xfff, 0x1000), READ).unwrap();
        assert_eq!(request.iova.last(), u64::MAX);
    }

    #[test]
    fn unmap_all_takes_no_range() {
        let parse = |iova, size, all| UnmapTarget::parse(iova, size, all, 0x1000);
        assert_eq!(parse(0, 0, true), Ok(UnmapTarget::All));
        assert_eq!(parse(0x1000, 0, true), Err(Refusal::Invalid));
        assert_eq!(parse(0, 0x1000, true), Err(Refusal::Invalid));
        assert_eq!(parse(0, 0, false), Err(Refusal::Invalid));
        assert_eq!(parse(0x800, 0x1000, false), Err(Refusal::Invalid));
        assert_eq!(parse(0, 0x1800, false), Err(Refusal::Invalid));
        assert_eq!(
            parse(u64::MAX - 0xfff, 0x2000, false),
            Err(Refusal::Overflow)
        );
        assert_eq!(
            parse(u64::MAX - 0xfff, 0x1000, false)
                .unwrap()
                .range()
                .last(),
            u64::MAX
        );
    }

    #[test]
    fn accepted_requests_never_wrap() {
        let interesting = [
            0,
            1,
            0xfff,
            0x1000,
            1 << 47,
            1 << 63,
            u64::MAX - 0xfff,
            u64::MAX - 1,
            u64::MAX,
        ];
        for vaddr in interesting {
            for iova in interesting {
                for size in interesting {
                    let Ok(request) = MapRequest::parse((vaddr, iova, size), READ) else {
                        continue;
                    };
                    assert!(size != 0);
                    assert_eq!(
                        request.iova.first().checked_add(size - 1),
                        Some(request.iova.last())
                    );
                    assert!(vaddr.checked_add(size - 1).is_some());
                }
            }
        }
    }
}
