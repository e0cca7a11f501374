// SPDX-License-Identifier: GPL-2.0-only
/* Module parameters; Rust reads them, the administrator writes them. */

#include <linux/limits.h>
#include <linux/module.h>

bool vfio_type1_allow_unsafe_interrupts;
module_param_named(allow_unsafe_interrupts, vfio_type1_allow_unsafe_interrupts,
		   bool, 0644);
MODULE_PARM_DESC(allow_unsafe_interrupts,
		 "Let groups in whose interrupts are not isolated from each other.");

bool vfio_type1_disable_hugepages;
module_param_named(disable_hugepages, vfio_type1_disable_hugepages, bool, 0644);
MODULE_PARM_DESC(disable_hugepages,
		 "Map every page on its own, never several as one large one.");

unsigned int vfio_type1_dma_entry_limit = U16_MAX;
module_param_named(dma_entry_limit, vfio_type1_dma_entry_limit, uint, 0644);
MODULE_PARM_DESC(dma_entry_limit,
		 "Most mappings in a container that is set up from now on (65535).");

bool vfio_type1_mm_tie = true;
module_param_named(mm_tie, vfio_type1_mm_tie, bool, 0644);
MODULE_PARM_DESC(mm_tie,
		 "Take memory from the devices when its owner gives it up, in containers that are set up from now on (Y).");
