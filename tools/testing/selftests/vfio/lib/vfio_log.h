/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's log, as tests read it.
 */
#ifndef VFIO_LOG_H
#define VFIO_LOG_H

#include <fcntl.h>

#include "vfio_test.h"

/* The kernel's log, from now on. */
static inline int log_open(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (log < 0 || lseek(log, 0, SEEK_END) < 0)
		fail("/dev/kmsg: %s", strerror(errno));
	return log;
}

#endif /* VFIO_LOG_H */
