/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of eventfds share: making and ringing them, and how long to
 * wait for what comes of it.
 */
#ifndef VFIO_EVENTFD_H
#define VFIO_EVENTFD_H

#include <fcntl.h>
#include <sys/eventfd.h>

#include "vfio_test.h"

/* Long enough for an interrupt under emulation, and for one not to come. */
#define SOON		2000
#define QUIET		100

static inline int eventfd_new(void)
{
	return must(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

static inline void ring(int fd)
{
	const uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		fail("write to an eventfd: %s", strerror(errno));
}

/* A descriptor that is no eventfd. */
static inline int no_eventfd(void)
{
	return must(open("/dev/null", O_RDWR | O_CLOEXEC));
}

#endif /* VFIO_EVENTFD_H */
