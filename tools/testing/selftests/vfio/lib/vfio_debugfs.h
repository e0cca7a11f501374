/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of debugfs share: where it is, and looking for lines in a file
 * of it. Included once by each test program, after kselftest_harness.h.
 */
#ifndef VFIO_DEBUGFS_H
#define VFIO_DEBUGFS_H

#include <fcntl.h>
#include <sys/mount.h>
#include <time.h>

#include "vfio_test.h"

/* Not every program uses every one of these. */
#pragma GCC diagnostic ignored "-Wunused-function"

#define DEBUG		"/sys/kernel/debug"
#define TEXT_MAX	8192

/* Whether the loaded modules show anything. */
static bool has_debugfs(void)
{
	if (access(DEBUG "/vfio", F_OK))
		mount("none", DEBUG, "debugfs", 0, NULL);
	return !access(DEBUG "/vfio", F_OK);
}

/* Reads a file of a device, all of it; returns -errno. */
static int __show(const char *bdf, const char *file, char *text)
{
	char path[128];
	size_t at = 0;
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), DEBUG "/vfio/%s/%s", bdf, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while ((len = read(fd, text + at, TEXT_MAX - 1 - at)) > 0)
		at += len;
	len = len < 0 ? -errno : 0;
	close(fd);
	text[at] = '\0';
	return len;
}

/* The file of a group. */
static int __show_group(int group, char *text)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", group);
	return __show("groups", number, text);
}

/* Finds a whole line that begins with @start; returns what follows, in place. */
static const char *line_of(const char *text, const char *start)
{
	const char *at = text;

	while (at) {
		if (!strncmp(at, start, strlen(start)))
			return at + strlen(start);
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	return NULL;
}

/* Whether there is a line that is just this. */
static bool has_line(const char *text, const char *line)
{
	const char *rest = line_of(text, line);

	return rest && (*rest == '\n' || !*rest);
}

/* The number after @start, -1 if there is no such line. */
static long number_of(const char *text, const char *start)
{
	const char *rest = line_of(text, start);

	return rest ? strtol(rest, NULL, 10) : -1;
}

/* Whether a line tells that this process holds it. */
static inline bool held_by(const char *text, pid_t pid, const char *comm)
{
	char start[64];

	snprintf(start, sizeof(start), "held by: %d (%s) for ", pid, comm);
	return line_of(text, start);
}

#endif /* VFIO_DEBUGFS_H */
