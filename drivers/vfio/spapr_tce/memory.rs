// SPDX-License-Identifier: GPL-2.0-only

//! Memory that devices may be given: all that there is room for, or what was registered.
//!
//! In the first flavour a container is enabled, which pays for its whole window, and each page is
//! pinned when it is mapped. In the second one memory is registered before, which pins it and pays for
//! it.
//!
//! C counterpart: `tce_iommu_enable()` and `tce_iommu_register_pages()` in
//! [`drivers/vfio/vfio_iommu_spapr_tce.c`](srctree/drivers/vfio/vfio_iommu_spapr_tce.c)

use super::{
    charge::Locked,
    container::{
        Container,
        State,
        Use, //
    }, //
};
use kernel::{
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*, //
};
use kernel_ext::{
    iommu::Access,
    refuse,
    tce::window::Entries, //
};

/// Checks that a range of user memory is whole pages and does not wrap; returns its first address and
/// the number of pages.
///
/// Fails with `EINVAL`.
fn parse(vaddr: u64, size: u64) -> Result<(usize, usize)> {
    // CAST: A small constant.
    let page = PAGE_SIZE as u64;
    if !vaddr.is_multiple_of(page) || !size.is_multiple_of(page) {
        return Err(EINVAL);
    }
    vaddr.checked_add(size).ok_or(EINVAL)?;
    Ok((
        usize::try_from(vaddr)?,
        usize::try_from(size >> PAGE_SHIFT)?,
    ))
}

impl Container {
    /// Answers `VFIO_IOMMU_ENABLE`.
    ///
    /// # Errors
    ///
    /// `EBUSY` if it is enabled, `ENODEV` without a group, `EPERM` if the group has no window, or the
    /// container is another process's, `ENOMEM` beyond `RLIMIT_MEMLOCK`.
    pub(super) fn enable(&self) -> Result {
        let mut state = self.enter()?;
        if matches!(state.usable, Use::Enabled { .. }) {
            return Err(EBUSY);
        }
        let bytes = state.groups.last().ok_or(ENODEV)?.abilities().size;
        if bytes == 0 {
            return Err(EPERM);
        }
        let paid = Locked::new(self.owner(&mut state)?.account(), bytes.into()).inspect_err(|_| {
            refuse!(
                "VFIO_IOMMU_ENABLE locks {bytes:#x} bytes, all that the window can hold, which is more than RLIMIT_MEMLOCK leaves\n"
            );
        })?;
        state.usable = Use::Enabled { _paid: Some(paid) };
        Ok(())
    }

    /// Answers `VFIO_IOMMU_DISABLE`; what is mapped stays so.
    pub(super) fn disable(&self) -> Result {
        let mut state = self.enter()?;
        state.usable = Use::Disabled;
        Ok(())
    }

    /// Registers `size` bytes of the current process's memory from `vaddr` on.
    ///
    /// # Errors
    ///
    /// `EINVAL` for parts of pages, nothing, or an overlap with what is registered, `EBUSY` if it is
    /// registered in this container, `ENOMEM` beyond `RLIMIT_MEMLOCK`, `EFAULT` for memory that is not
    /// there or may not be written.
    pub(super) fn register(&self, state: &mut State, vaddr: u64, size: u64) -> Result {
        let (first, pages) = parse(vaddr, size)?;
        if pages == 0 {
            return Err(EINVAL);
        }
        let current = kernel::current!();
        let mm = current.mm().ok_or(ENODEV)?;
        let disturbed = self.space.register(mm, first, pages)?;
        if let (true, Some(owner)) = (disturbed, &state.owner) {
            // OVERFLOW: There is a page, and the range does not wrap.
            owner.check((first, first + (pages * PAGE_SIZE - 1)));
        }
        if matches!(state.usable, Use::Disabled) {
            state.usable = Use::Enabled { _paid: None };
        }
        Ok(())
    }

    /// Gives back what [`Container::register`] has registered with the same numbers.
    ///
    /// # Errors
    ///
    /// `EINVAL` for parts of pages, `ENOENT` if it is not registered in this container, `EBUSY` if a
    /// part of it is mapped.
    pub(super) fn unregister(&self, _locked: &State, vaddr: u64, size: u64) -> Result {
        let (first, pages) = parse(vaddr, size)?;
        self.space.unregister(first, pages)
    }

    /// Maps memory of the current process, after pinning it.
    ///
    /// Fails as [`Space::map_pinned`](kernel_ext::tce::Space::map_pinned) does.
    pub(super) fn map_pinned(
        &self,
        state: &State,
        (number, entries): (usize, Entries),
        (vaddr, size): (u64, u64),
        access: Access,
    ) -> Result {
        let current = kernel::current!();
        let mm = current.mm().ok_or(ENODEV)?;
        let disturbed = self.space.map_pinned(mm, number, entries, vaddr, access)?;
        if let (true, Some(owner)) = (disturbed, &state.owner) {
            let end = usize::try_from(vaddr.saturating_add(size))?;
            owner.check((usize::try_from(vaddr)?, end.saturating_sub(1)));
        }
        Ok(())
    }
}
