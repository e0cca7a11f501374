// SPDX-License-Identifier: GPL-2.0-only

//! The fixed parts of the arguments of the hot reset ioctls, checked.
//!
//! No kernel types here, so that the rules can be tested on the host. The ioctls assert that the
//! constants are those of the header.
//!
//! C counterpart: `vfio_pci_ioctl_get_pci_hot_reset_info` and `vfio_pci_ioctl_pci_hot_reset` in
//! [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c)

/// Size of the fixed part of both structs: `argsz`, `flags`, `count`.
pub(crate) const HEADER_SIZE: usize = 12;

/// Size of `struct vfio_pci_dependent_device`, of which the answer is a list.
pub(crate) const ENTRY_SIZE: usize = 8;

/// Returns how many entries a caller has room for behind the fixed part.
///
/// `None` if `argsz` does not reach the end of the fixed part.
pub(crate) fn room(argsz: u32) -> Option<usize> {
    let argsz = usize::try_from(argsz).ok()?;
    Some(argsz.checked_sub(HEADER_SIZE)? / ENTRY_SIZE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_short() {
        assert_eq!(room(0), None);
        assert_eq!(room(11), None);
    }

    #[test]
    fn only_whole_entries_count() {
        assert_eq!(room(12), Some(0));
        assert_eq!(room(19), Some(0));
        assert_eq!(room(20), Some(1));
        assert_eq!(room(27), Some(1));
        assert_eq!(room(28), Some(2));
    }

    #[test]
    fn any_argsz() {
        assert_eq!(room(u32::MAX), Some((u32::MAX as usize - 12) / 8));
    }
}
