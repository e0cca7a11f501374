// SPDX-License-Identifier: GPL-2.0-only
/* PCI devices through sysfs: which are there, in which group, on which driver. */
#include <dirent.h>
#include <limits.h>
#include <sys/wait.h>

#include "vfio_test.h"

#define DEVICES	"/sys/bus/pci/devices"
#define DRIVERS	"/sys/bus/pci/drivers"

static unsigned int id_of(const char *bdf, const char *what)
{
	char path[PATH_MAX], text[32];

	snprintf(path, sizeof(path), DEVICES "/%s/%s", bdf, what);
	must(__read_text(path, text, sizeof(text)));
	return strtoul(text, NULL, 16);
}

static bool is_bridge(const char *bdf)
{
	return id_of(bdf, "class") >> 16 == 0x06;
}

/* Calls @match for each entry of a directory, in order, until it says true. */
static bool each(const char *dir, bool (*match)(const char *name, void *arg), void *arg)
{
	struct dirent **names;
	bool found = false;
	int i, count = scandir(dir, &names, NULL, alphasort);

	for (i = 0; i < count; i++) {
		if (!found && names[i]->d_name[0] != '.')
			found = match(names[i]->d_name, arg);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	return found;
}

struct search {
	unsigned int vendor, device, left;
	int group;		/* >= 0: only in this one */
	bool alone;
	char *bdf;
};

static bool count_end_points(const char *bdf, void *arg)
{
	*(int *)arg += !is_bridge(bdf);
	return false;
}

static int group_size(int group)
{
	char path[PATH_MAX];
	int count = 0;

	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/devices", group);
	each(path, count_end_points, &count);
	return count;
}

static bool matches(const char *bdf, void *arg)
{
	struct search *search = arg;

	if (id_of(bdf, "vendor") != search->vendor || id_of(bdf, "device") != search->device)
		return false;
	if (search->group >= 0 && pci_group(bdf) != search->group)
		return false;
	if (search->alone && group_size(pci_group(bdf)) != 1)
		return false;
	if (search->left--)
		return false;
	strncpy(search->bdf, bdf, BDF_LEN - 1);
	search->bdf[BDF_LEN - 1] = '\0';
	return true;
}

bool pci_find(unsigned int vendor, unsigned int device, unsigned int nth, char *bdf)
{
	struct search search = { vendor, device, nth, .group = -1, .bdf = bdf };

	return each(DEVICES, matches, &search);
}

bool pci_find_alone(unsigned int vendor, unsigned int device, unsigned int nth, char *bdf)
{
	struct search search = { vendor, device, nth, .group = -1, .alone = true, .bdf = bdf };

	return each(DEVICES, matches, &search);
}

bool pci_find_pair(unsigned int vendor, unsigned int device, char *first, char *second)
{
	unsigned int nth;

	for (nth = 0; pci_find(vendor, device, nth, first); nth++) {
		struct search search = {
			vendor, device, 1, .group = pci_group(first), .bdf = second,
		};

		if (search.group >= 0 && each(DEVICES, matches, &search))
			return true;
	}
	return false;
}

int pci_group(const char *bdf)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t len;

	snprintf(path, sizeof(path), DEVICES "/%s/iommu_group", bdf);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return -errno;
	target[len] = '\0';
	return atoi(strrchr(target, '/') + 1);
}

void pci_driver(const char *bdf, char *name, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t len;

	snprintf(path, sizeof(path), DEVICES "/%s/driver", bdf);
	len = readlink(path, target, sizeof(target) - 1);
	target[len < 0 ? 0 : len] = '\0';
	snprintf(name, size, "%s", len < 0 ? "" : strrchr(target, '/') + 1);
}

static void set_override(const char *bdf, const char *driver)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DEVICES "/%s/driver_override", bdf);
	write_text(path, driver);
}

/*
 * The write waits, unkillable, until all files of the device are closed. A
 * process that waits for itself would stay forever, so a child without files
 * does it: when the harness ends a test that left one open, the child goes on.
 */
static void leave_driver(const char *bdf)
{
	char path[PATH_MAX], driver[64];
	int status;
	pid_t child;

	pci_driver(bdf, driver, sizeof(driver));
	if (!driver[0])
		return;
	snprintf(path, sizeof(path), DRIVERS "/%s/unbind", driver);
	fflush(NULL);
	child = fork();
	if (child < 0)
		fail("fork: %s", strerror(errno));
	if (!child) {
		close_range(3, ~0U, 0);
		_exit(-__write_text(path, bdf));
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (status)
		fail("%s does not leave %s: status %#x", bdf, driver, status);
}

int __pci_bind(const char *bdf, const char *driver)
{
	char path[PATH_MAX], current[64];

	pci_driver(bdf, current, sizeof(current));
	if (!strcmp(current, driver))
		return 0;
	leave_driver(bdf);
	set_override(bdf, driver);
	snprintf(path, sizeof(path), DRIVERS "/%s/bind", driver);
	return __write_text(path, bdf);
}

void pci_bind(const char *bdf, const char *driver)
{
	int ret = __pci_bind(bdf, driver);

	if (ret)
		fail("%s does not bind to %s: %s", bdf, driver, strerror(-ret));
}

void pci_unbind(const char *bdf)
{
	leave_driver(bdf);
	set_override(bdf, "\n");
}
