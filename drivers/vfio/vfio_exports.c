// SPDX-License-Identifier: GPL-2.0-only
/*
 * Export lines for the Rust items of vfio.ko that other modules use; the list
 * is generated from what they leave undefined (rust/Makefile).
 */
#include <linux/export.h>
#include "vfio_exports.h"
