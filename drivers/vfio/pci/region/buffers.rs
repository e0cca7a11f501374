// SPDX-License-Identifier: GPL-2.0-only

//! Parts of BARs that a program has given to other devices, as DMA-BUFs.
//!
//! `VFIO_DEVICE_FEATURE_DMA_BUF` makes a file of parts of a BAR. Another driver that gets the file
//! lets its device reach the BAR without the processor. That must end before the device stops to
//! answer, and may go on when it answers again; so the list of buffers is behind the memory gate,
//! and [`Exclusive`](crate::memory::Exclusive) revokes and allows them together with the mappings
//! of programs.
//!
//! C counterpart: [`drivers/vfio/pci/vfio_pci_dmabuf.c`](srctree/drivers/vfio/pci/vfio_pci_dmabuf.c)

use core::mem::offset_of;
use kernel::{
    alloc::flags::__GFP_NOWARN,
    module::this_module,
    page::PAGE_SIZE,
    prelude::*, //
};
use kernel_ext::{
    dma_buf::{
        BarBuffer,
        Part, //
    },
    pci::{
        BarIndex,
        Resource, //
    },
    uaccess::UserArg, //
};
use vfio::feature::FeatureRequest;
use vfio_uapi::{
    vfio_device_feature_dma_buf,
    vfio_region_dma_range,
    FeatureFlags, //
};

use super::ranges::{
    self,
    BadRange,
    Range, //
};
use crate::device::OpenPci;

// IOMMUFD maps a buffer into an address space.
kernel_ext::iommufd_buffer_hook!();

/// Bytes of `struct vfio_device_feature_dma_buf` before its array.
const HEAD: usize = offset_of!(vfio_device_feature_dma_buf, dma_ranges);

/// How many ranges a buffer may have: as many as fit into the largest piece of memory that C can
/// copy them to.
const MOST: usize = (4 << 20) / size_of::<vfio_region_dma_range>();

/// The buffers of an open device.
pub(crate) struct Buffers(KVec<BarBuffer>);

impl Buffers {
    /// Returns a list of none.
    pub(crate) const fn new() -> Self {
        Self(KVec::new())
    }

    /// Makes other devices stop using the BARs; returns when they have.
    pub(crate) fn revoke(&self) {
        self.0.iter().for_each(BarBuffer::revoke);
    }

    /// Lets other devices use the BARs again.
    pub(crate) fn allow(&self) {
        self.0.iter().for_each(BarBuffer::allow);
    }

    /// Revokes all buffers for good.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    fn add(&mut self, buffer: BarBuffer) -> Result {
        self.0.retain(|buffer| !buffer.is_closed());
        Ok(self.0.push(buffer, GFP_KERNEL_ACCOUNT)?)
    }
}

impl From<BadRange> for Error {
    fn from(bad: BadRange) -> Self {
        match bad {
            BadRange::Invalid => EINVAL,
            BadRange::Overflow => EOVERFLOW,
        }
    }
}

impl From<Resource> for Range {
    fn from(bar: Resource) -> Self {
        Self {
            at: bar.start,
            len: bar.len,
        }
    }
}

/// Handles `VFIO_DEVICE_FEATURE_DMA_BUF`; returns the descriptor of a new buffer.
///
/// # Errors
///
/// The first that applies: `EINVAL` to set it, without ranges, or with flags; `EFAULT`; `ENODEV` if
/// the region is not a BAR that the driver could claim; `ENOMEM`; `EINVAL` for ranges that are not
/// whole pages, or too long together, and if the BAR is not memory; `EOVERFLOW` and `EINVAL` for
/// ranges that do not end in the BAR; `EMFILE`, `ENFILE`.
pub(crate) fn export(open: &OpenPci, request: &FeatureRequest) -> Result<isize> {
    if !request.check(FeatureFlags::GET, HEAD)? {
        return Ok(0);
    }
    let wanted: vfio_device_feature_dma_buf = request.data.read_head(HEAD)?;
    if wanted.nr_ranges == 0 || wanted.flags != 0 {
        return Err(EINVAL);
    }
    let bar = BarIndex::new(wanted.region_index).ok_or(ENODEV)?;
    open.bars.claim(bar).map_err(|_| ENODEV)?;
    let count = usize::try_from(wanted.nr_ranges)?;
    let ranges = read_ranges(request.data.at(HEAD), count)?;
    // CAST: `usize` fits in `u64`.
    let total = ranges::total(ranges.iter().copied(), PAGE_SIZE as u64)?;
    let provider = open.pdev.provider(bar).ok_or(EINVAL)?;
    let parts = place(&ranges, open.pdev.resource(bar).into())?;
    let (buffer, file) = BarBuffer::new(
        &open.pdev,
        provider,
        (parts, usize::try_from(total)?),
        wanted.open_flags,
        this_module::<crate::LocalModule>(),
    )?;
    // With the right given back, the buffer may be used if the device answers.
    open.gate.exclusive().buffers().add(buffer)?;
    let fd = file.install(wanted.open_flags)?;
    // CAST: A file descriptor is a small number.
    Ok(fd as isize)
}

/// Copies an array of ranges.
fn read_ranges(from: UserArg, count: usize) -> Result<KVVec<Range>> {
    if count > MOST {
        return Err(ENOMEM);
    }
    let mut ranges = KVVec::with_capacity(count, GFP_KERNEL_ACCOUNT | __GFP_NOWARN)?;
    for index in 0..count {
        // OVERFLOW: At most 4 MiB.
        let at = from.at(index * size_of::<vfio_region_dma_range>());
        let raw: vfio_region_dma_range = at.read()?;
        let range = Range {
            at: raw.offset,
            len: raw.length,
        };
        ranges.push(range, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(ranges)
}

/// Returns where in physical memory the ranges of a BAR are.
fn place(ranges: &[Range], bar: Range) -> Result<KVVec<Part>> {
    let mut parts = KVVec::with_capacity(ranges.len(), GFP_KERNEL_ACCOUNT | __GFP_NOWARN)?;
    for range in ranges {
        let place = ranges::place(*range, bar)?;
        let part = Part {
            paddr: place.at,
            len: usize::try_from(place.len)?,
        };
        parts.push(part, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(parts)
}
