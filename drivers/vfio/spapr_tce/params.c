// SPDX-License-Identifier: GPL-2.0-only
/* Module parameters; Rust reads them, the administrator writes them. */

#include <linux/module.h>

bool vfio_spapr_tce_mm_tie = true;
module_param_named(mm_tie, vfio_spapr_tce_mm_tie, bool, 0644);
MODULE_PARM_DESC(mm_tie,
		 "Take memory from the devices when its owner gives it up, in containers that are set up from now on (Y).");
