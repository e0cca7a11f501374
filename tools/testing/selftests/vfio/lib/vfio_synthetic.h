/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Groups that are made of groups: what the tests write to the files in configfs.
 *
 * Included once by each test program.
 */
#ifndef VFIO_SYNTHETIC_H
#define VFIO_SYNTHETIC_H

#include <fcntl.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "vfio_test.h"

/* Not every program uses every one of these. */
#pragma GCC diagnostic ignored "-Wunused-function"

#define CONFIGFS	"/sys/kernel/config"
#define FOLDER		CONFIGFS "/vfio"
#define NAME		"vfio-test-pair"
#define NODE		"/dev/vfio/" NAME

static int __set(const char *name, const char *file, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), FOLDER "/%s/%s", name, file);
	return __write_text(path, text);
}

static int __enable(bool on)
{
	return __set(NAME, "enable", on ? "1" : "0");
}

static int __make(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), FOLDER "/%s", name);
	return mkdir(path, 0755) ? -errno : 0;
}

static int __remove(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), FOLDER "/%s", name);
	return rmdir(path) ? -errno : 0;
}

static int __set_members(int first, int second)
{
	char text[64];

	sprintf(text, "%d %d\n", first, second);
	return __set(NAME, "members", text);
}

static int __open_node(void)
{
	int fd = open(NODE, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

#endif /* VFIO_SYNTHETIC_H */
