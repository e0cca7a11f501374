// SPDX-License-Identifier: GPL-2.0-only
#include <linux/completion.h>

void vfio_helper_init_completion(struct completion *x)
{
	init_completion(x);
}
