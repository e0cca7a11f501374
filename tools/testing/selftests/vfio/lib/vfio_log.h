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

/* Whether a line of the log has both words, since @log was opened or this last looked. */
static inline bool log_says(int log, const char *first, const char *second)
{
	char line[4096];
	ssize_t size;
	bool found = false;

	while ((size = read(log, line, sizeof(line) - 1)) > 0) {
		line[size] = '\0';
		found |= strstr(line, first) && strstr(line, second);
	}
	return found;
}

#endif /* VFIO_LOG_H */
