// SPDX-License-Identifier: GPL-2.0-only

//! Structures whose C layout has holes, with every hole a field.
//!
//! A hole in a C structure holds whatever was in memory before; copied to user space, it leaks. The
//! types here have the layout of their C namesakes, checked below, and no hole, so they are [`Pod`]
//! and zeroed ones stay zero all over.
//!
//! [`Pod`]: crate::Pod
//!
//! C counterpart: `struct vfio_iommu_type1_info_cap_migration`, `struct vfio_eeh_pe_op`.

use crate::pod::pod;
use crate::{
    vfio_eeh_pe_err,
    vfio_eeh_pe_op,
    vfio_info_cap_header,
    vfio_iommu_type1_info_cap_migration, //
};
use core::mem::{
    align_of,
    offset_of,
    size_of, //
};

/// The migration capability of `VFIO_IOMMU_GET_INFO`: `vfio_iommu_type1_info_cap_migration`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct IommuCapMigration {
    /// Id `VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION`, version 1.
    pub header: vfio_info_cap_header,
    /// Zero.
    pub flags: u32,
    /// The hole: zero.
    pub hole: u32,
    /// Page sizes that a dirty bitmap can count; bit n stands for 2^n bytes.
    pub pgsize_bitmap: u64,
    /// Longest dirty bitmap, in bytes.
    pub max_dirty_bitmap_size: u64,
}

/// What follows the header in [`IommuCapMigration`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct IommuCapMigrationBody {
    /// Zero.
    pub flags: u32,
    /// The hole: zero.
    pub hole: u32,
    /// Page sizes that a dirty bitmap can count; bit n stands for 2^n bytes.
    pub pgsize_bitmap: u64,
    /// Longest dirty bitmap, in bytes.
    pub max_dirty_bitmap_size: u64,
}

/// The argument of `VFIO_EEH_PE_OP`: `vfio_eeh_pe_op`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct EehPeOp {
    /// Size of the caller's buffer, in bytes.
    pub argsz: u32,
    /// No flag is defined.
    pub flags: u32,
    /// `VFIO_EEH_PE_*`.
    pub op: u32,
    /// The hole.
    pub hole: u32,
    /// The error to inject, for `VFIO_EEH_PE_INJECT_ERR`.
    pub err: vfio_eeh_pe_err,
}

/// Asserts that a type has the layout of its C namesake, given pairs of fields.
macro_rules! same_layout {
    ($ours:ident as $theirs:ident { $($field:ident as $their_field:ident),* $(,)? }) => {
        const _: () = {
            assert!(size_of::<$ours>() == size_of::<$theirs>());
            assert!(align_of::<$ours>() == align_of::<$theirs>());
            $(assert!(offset_of!($ours, $field) == offset_of!($theirs, $their_field));)*
        };
    };
}

same_layout!(IommuCapMigration as vfio_iommu_type1_info_cap_migration {
    header as header,
    flags as flags,
    pgsize_bitmap as pgsize_bitmap,
    max_dirty_bitmap_size as max_dirty_bitmap_size,
});
same_layout!(EehPeOp as vfio_eeh_pe_op {
    argsz as argsz,
    flags as flags,
    op as op,
    err as __bindgen_anon_1,
});
const _: () = assert!(
    size_of::<IommuCapMigrationBody>() + size_of::<vfio_info_cap_header>()
        == size_of::<IommuCapMigration>()
);

pod! {
    IommuCapMigration { header, flags, hole, pgsize_bitmap, max_dirty_bitmap_size }
    IommuCapMigrationBody { flags, hole, pgsize_bitmap, max_dirty_bitmap_size }
    EehPeOp { argsz, flags, op, hole, err }
}
