// SPDX-License-Identifier: GPL-2.0-only
/* Inline functions of the scheduler, for rust/kernel/sched.rs. */

#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/workqueue.h>
#include "helpers.h"

void vfio_helper_cond_resched(void)
{
	cond_resched();
}

bool vfio_helper_fatal_signal_pending(void)
{
	return fatal_signal_pending(current);
}

void vfio_helper_init_work(struct work_struct *work, work_func_t func)
{
	INIT_WORK(work, func);
}
