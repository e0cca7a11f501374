/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel headers whose items the Rust code needs beyond kernel::bindings.
 * What is taken from them is listed in allow.fn, allow.ty and allow.var.
 */
#include <linux/hrtimer_types.h>
#include <linux/anon_inodes.h>
#include <linux/cdev.h>
#include <linux/dma-buf-mapping.h>
#include <linux/eventfd.h>
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/irqbypass.h>
#include <linux/mmu_notifier.h>
#include <linux/msi.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/pseudo_fs.h>
#include <linux/vfio.h>
#include <linux/vfio_pci_core.h>
#include <linux/vgaarb.h>
#ifdef CONFIG_SPAPR_TCE_IOMMU
#include <asm/eeh.h>
#include <asm/iommu.h>
#include <asm/mmu_context.h>
#endif
#include "../helpers/helpers.h"
