// SPDX-License-Identifier: GPL-2.0-only
/* Inline functions of the ID allocator, for rust/kernel/chrdev.rs. */

#include <linux/idr.h>
#include "helpers.h"

void vfio_helper_ida_init(struct ida *ida)
{
	ida_init(ida);
}
