// SPDX-License-Identifier: GPL-2.0-only
/*
 * Export lines for the Rust items of vfio.ko that other modules use; the list
 * is generated from what they leave undefined (rust/Makefile).  The rest is what
 * KVM looks up by name (kvm.rs).
 */
#include <linux/export.h>
#include <linux/vfio.h>
#include "vfio_exports.h"

EXPORT_SYMBOL_GPL(vfio_file_is_valid);
EXPORT_SYMBOL_GPL(vfio_file_enforced_coherent);
EXPORT_SYMBOL_GPL(vfio_file_set_kvm);
#ifdef CONFIG_SPAPR_TCE_IOMMU
EXPORT_SYMBOL_GPL(vfio_file_iommu_group);
#endif
