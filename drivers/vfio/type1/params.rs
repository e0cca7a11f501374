// SPDX-License-Identifier: GPL-2.0-only

//! The module parameters, declared in `params.c` and readable and writable in
//! `/sys/module/vfio_iommu_type1/parameters/`.
//!
//! C counterpart: the head of
//! [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

kernel_ext::extern_param!(
    /// Whether groups may join whose devices could forge each other's interrupts.
    pub(crate) static ALLOW_UNSAFE_INTERRUPTS: bool = vfio_type1_allow_unsafe_interrupts;
);

kernel_ext::extern_param!(
    /// Whether every page is pinned and mapped on its own.
    pub(crate) static DISABLE_HUGEPAGES: bool = vfio_type1_disable_hugepages;
);

kernel_ext::extern_param!(
    /// How many mappings a container may have; looked at when the container is set up.
    pub(crate) static DMA_ENTRY_LIMIT: u32 = vfio_type1_dma_entry_limit;
);

kernel_ext::extern_param!(
    /// Whether mappings are tied to the address space that made them; looked at when the container
    /// is set up.
    pub(crate) static MM_TIE: bool = vfio_type1_mm_tie;
);
