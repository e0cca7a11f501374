// SPDX-License-Identifier: GPL-2.0-only
/*
 * Export lines for the Rust items of vfio-pci-core.ko that other modules use; the list
 * is generated from what they leave undefined (rust/Makefile).  The rest is what
 * IOMMUFD looks up by name (region/buffers.rs).
 */
#include <linux/export.h>
#include <linux/vfio_pci_core.h>
#include "vfio_pci_core_exports.h"

#ifdef CONFIG_VFIO_PCI_DMABUF
EXPORT_SYMBOL_FOR_MODULES(vfio_pci_dma_buf_iommufd_map, "iommufd");
#endif
