// SPDX-License-Identifier: GPL-2.0-only

//! The module parameter, declared in `params.c` and readable and writable in
//! `/sys/module/vfio_iommu_spapr_tce/parameters/`.

kernel_ext::extern_param!(
    /// Whether entries are tied to the process that made them; looked at when a container gets its
    /// process.
    pub(crate) static MM_TIE: bool = vfio_spapr_tce_mm_tie;
);
