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

/// How a caller shows that all that a reset would hit is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// By open groups: so many descriptors behind the fixed part.
    Groups(usize),
    /// By the context of IOMMUFD that its device is bound to.
    Context,
}

/// Returns how a caller shows what it owns; `by_node` says whether it got at its device by the node.
///
/// `None` if `argsz` does not reach the end of the fixed part, a flag is set, or it is not the way for
/// such a caller. As always, `argsz` says nothing of the descriptors.
pub(crate) fn proof(argsz: u32, flags: u32, count: u32, by_node: bool) -> Option<Proof> {
    room(argsz)?;
    match (flags, count, by_node) {
        (0, 0, true) => Some(Proof::Context),
        (0, 1.., false) => usize::try_from(count).ok().map(Proof::Groups),
        _ => None,
    }
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
    #[test]
    fn groups_to_show() {
        let groups = |argsz, count| proof(argsz, 0, count, false);
        assert_eq!(groups(12, 1), Some(Proof::Groups(1)));
        assert_eq!(groups(16, 3), Some(Proof::Groups(3)));
        assert_eq!(groups(12, u32::MAX), Some(Proof::Groups(u32::MAX as usize)));
    }

    #[test]
    fn no_groups_to_show() {
        assert_eq!(proof(11, 0, 1, false), None);
        assert_eq!(proof(12, 1, 1, false), None);
        assert_eq!(proof(12, 1 << 31, 1, false), None);
        assert_eq!(proof(12, 0, 0, false), None);
    }

    #[test]
    fn a_context_instead() {
        assert_eq!(proof(12, 0, 0, true), Some(Proof::Context));
        assert_eq!(proof(11, 0, 0, true), None);
        assert_eq!(proof(12, 1, 0, true), None);
        assert_eq!(proof(12, 0, 1, true), None);
    }
}
