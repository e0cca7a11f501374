// SPDX-License-Identifier: GPL-2.0-only
/*
 * Export lines for the Rust items of vfio-pci-core.ko that other modules use; the list
 * is generated from what they leave undefined (rust/Makefile).
 */
#include <linux/export.h>
#include "vfio_pci_core_exports.h"
