// SPDX-License-Identifier: GPL-2.0-only

//! `VFIO_IOMMU_DIRTY_PAGES`: which pages the devices may have written.
//!
//! The devices of a container reach everything that is mapped, and the page tables do not tell
//! what they wrote. So the honest answer is that all of it may be dirty, as on C for groups that
//! never announced what they pin. It needs no bitmap in the kernel: the ones are written to the
//! program's bitmap directly.
//!
//! C counterpart: `vfio_iommu_type1_dirty_pages()` in
//! [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

use super::{
    bitmap::{
        self,
        Ones,
        WORD_BYTES, //
    },
    iommu::{
        Flavour,
        Iommu, //
    },
    iova::IovaRange,
    request::aligned, //
};
use core::mem::offset_of;
use kernel::{
    prelude::*,
    sync::atomic::Relaxed, //
};
use kernel_ext::{
    iommu::Users,
    sched::{
        check_killed,
        cond_resched, //
    },
    uaccess::{
        access_ok,
        UserArg, //
    }, //
};
use vfio_uapi::{
    vfio_bitmap,
    vfio_iommu_type1_dirty_bitmap,
    vfio_iommu_type1_dirty_bitmap_get,
    DirtyPagesFlags, //
};

/// Bytes of the fixed part of the argument.
const HEAD: usize = offset_of!(vfio_iommu_type1_dirty_bitmap, data);

/// Words of ones, written to the program at once.
static ONES: [u64; 512] = [u64::MAX; 512];

/// What `VFIO_IOMMU_DIRTY_PAGES` asks for.
pub(crate) enum DirtyCall {
    /// To start tracking.
    Start,
    /// To stop it.
    Stop,
    /// The bitmap of a range.
    Get(vfio_iommu_type1_dirty_bitmap_get),
}

/// A program's bitmap, checked to be large enough.
pub(crate) struct UserBitmap {
    data: UserArg,

    /// Bytes that one bit stands for, as the program says; not checked.
    pub(crate) page_size: u64,
}

impl UserBitmap {
    /// Checks the description of a bitmap for `range` bytes. Fails with `EINVAL`.
    pub(crate) fn parse(raw: &vfio_bitmap, range: u64) -> Result<Self> {
        let data = UserArg::new(raw.data.addr());
        let size = usize::try_from(raw.size).map_err(|_| EINVAL)?;
        if !access_ok(data, size) {
            return Err(EINVAL);
        }
        bitmap::check_size(range, raw.pgsize, raw.size)?;
        Ok(Self {
            data,
            page_size: raw.pgsize,
        })
    }

    /// Marks all pages of `dma` as dirty; the bitmap starts at the first address of `range`.
    ///
    /// Fails with `EFAULT`, and with `EINTR` when the caller is being killed.
    pub(crate) fn mark(&self, range: IovaRange, dma: IovaRange) -> Result {
        let shift = self.page_size.trailing_zeros();
        let page = |bytes: u64| bytes.checked_shr(shift).unwrap_or_default();
        let offset = dma.first().checked_sub(range.first()).ok_or(EINVAL)?;
        // The length less one, then one page more: the length itself may not fit.
        let pages = page(dma.last() - dma.first()).saturating_add(1);
        let ones = Ones::new(page(offset), pages);

        let base = self.word(ones.first_word)?;
        let (from, to) = ones.full();
        if from > 0 {
            // What is below belongs to others, and what is above is as the program left it.
            let before = base.read::<u64>()?;
            base.write(&(ones.word(0) | before))?;
        }
        let mut index = from;
        while index < to {
            // CAST: At most the length of the array.
            let words = (to - index).min(ONES.len() as u64);
            let at = self.word(ones.first_word.saturating_add(index))?;
            at.write_head(&ONES, words as usize * size_of::<u64>())?;
            index = index.saturating_add(words);
            cond_resched();
            check_killed()?;
        }
        if to < ones.words() && to >= 1 || from == 0 && to == 0 {
            let at = self.word(ones.first_word.saturating_add(to))?;
            at.write(&ones.word(to))?;
        }
        Ok(())
    }

    /// Returns the place of a word.
    fn word(&self, index: u64) -> Result<UserArg> {
        let at = usize::try_from(index.saturating_mul(WORD_BYTES))?;
        Ok(self.data.at(at))
    }
}

impl Iommu {
    /// Answers `VFIO_IOMMU_DIRTY_PAGES`.
    ///
    /// Fails as [`Iommu::read_dirty_pages`] and [`Iommu::get_bitmap`], and with `EINVAL` if a mapping
    /// is too large for a bitmap.
    pub(crate) fn dirty_pages(&self, arg: UserArg) -> Result {
        match self.read_dirty_pages(arg)? {
            DirtyCall::Start => self.start_tracking(),
            DirtyCall::Stop => {
                self.tracking.store(false, Relaxed);
                Ok(())
            }
            DirtyCall::Get(raw) => self.get_bitmap(&raw),
        }
    }

    /// Reads the argument of `VFIO_IOMMU_DIRTY_PAGES`.
    ///
    /// Fails with `EACCES` for version 1, with `EFAULT`, and with `EINVAL` for a short argument and
    /// flags that make no sense.
    pub(crate) fn read_dirty_pages(&self, arg: UserArg) -> Result<DirtyCall> {
        if self.flavour == Flavour::V1 {
            return Err(EACCES);
        }
        let head: vfio_iommu_type1_dirty_bitmap = arg.read_head(HEAD)?;
        // CAST: 32 bits fit.
        let rest = (head.argsz as usize).checked_sub(HEAD).ok_or(EINVAL)?;
        match DirtyPagesFlags::from_bits(head.flags).ok_or(EINVAL)? {
            DirtyPagesFlags::START => Ok(DirtyCall::Start),
            DirtyPagesFlags::STOP => Ok(DirtyCall::Stop),
            DirtyPagesFlags::GET_BITMAP => {
                if rest < size_of::<vfio_iommu_type1_dirty_bitmap_get>() {
                    return Err(EINVAL);
                }
                Ok(DirtyCall::Get(arg.at(HEAD).read()?))
            }
            _ => Err(EINVAL),
        }
    }

    /// Starts tracking. Fails with `EINVAL` if a mapping is too large for a bitmap.
    fn start_tracking(&self) -> Result {
        let users = self.space.users();
        let largest = self.largest_trackable();
        if !self.tracking.load(Relaxed) {
            for dma in mappings(&users, IovaRange::ALL) {
                if dma.last() - dma.first() >= largest {
                    return Err(EINVAL);
                }
            }
        }
        self.tracking.store(true, Relaxed);
        Ok(())
    }

    /// Returns the size in bytes of the largest mapping that a bitmap can describe.
    pub(crate) fn largest_trackable(&self) -> u64 {
        bitmap::MAX_PAGES.saturating_mul(self.page())
    }

    /// Writes the bitmap of a range.
    ///
    /// Fails with `EFAULT`, with `EINVAL` for sizes and ranges that make no sense or if tracking is
    /// off, and with `EOVERFLOW` for a range that wraps.
    ///
    /// No lock is held while that goes on, so others can map and unmap; it would make no
    /// difference if they did so before or after.
    pub(crate) fn get_bitmap(&self, raw: &vfio_iommu_type1_dirty_bitmap_get) -> Result {
        usize::try_from(raw.size).map_err(|_| EOVERFLOW)?;
        if raw.size == 0 {
            return Err(EINVAL);
        }
        let range = IovaRange::from_len(raw.iova, raw.size).ok_or(EOVERFLOW)?;
        let bitmap = UserBitmap::parse(&raw.bitmap, raw.size)?;

        let users = self.space.users();
        let page = self.page();
        if bitmap.page_size != page {
            return Err(EINVAL);
        }
        aligned(raw.iova | raw.size, page)?;
        if !self.tracking.load(Relaxed) {
            return Err(EINVAL);
        }
        users.check_uncut((range.first(), range.last()))?;
        for dma in mappings(&users, range) {
            // Others may have mapped across an end of the range meanwhile.
            if let Some(dma) = dma.intersect(range) {
                bitmap.mark(range, dma)?;
            }
        }
        Ok(())
    }
}

/// Returns the addresses of the mappings in `range`, one after the other.
fn mappings<'a>(users: &'a Users<'_>, range: IovaRange) -> impl Iterator<Item = IovaRange> + 'a {
    let mut rest = Some(range);
    core::iter::from_fn(move || {
        let part = rest?;
        let (first, last) = users.next_mapping((part.first(), part.last()))?;
        rest = range.above(last);
        IovaRange::new(first, last)
    })
}

/// Bytes that a `vfio_bitmap` takes behind the head of another struct.
pub(crate) const BITMAP: usize = size_of::<vfio_bitmap>();

/// Reads the description of a bitmap for `range` bytes. Fails with `EFAULT` and `EINVAL`.
pub(crate) fn read_bitmap(arg: UserArg, range: u64) -> Result<UserBitmap> {
    let raw: vfio_bitmap = arg.read()?;
    UserBitmap::parse(&raw, range)
}
