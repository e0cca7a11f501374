// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel macros and inline functions that Rust cannot call, made callable.
 * Included here one file per topic, so that vfio.ko carries one object.
 */
#include "helpers.h"

#include "completion.c"
#include "idr.c"
#include "iommu.c"
#include "kvm.c"
#include "mm.c"
#include "pci.c"
#include "pm_runtime.c"
#include "ratelimit.c"
#include "sched.c"
#include "tce.c"
#include "vga.c"
#include "vma.c"
#include "wait.c"
