/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of resets of a whole slot or bus share: the two calls, and the
 * devices that they are tried on: the two edu below a PCI bridge (one group, one
 * bus), and an igb below a root port (in a hotplug slot).
 *
 * Included once by each test program, after kselftest_harness.h.
 */
#ifndef VFIO_HOT_RESET_H
#define VFIO_HOT_RESET_H

#include <limits.h>

#include "vfio_region.h"

#define HEADER		12	/* argsz, flags, count */
#define ENTRY		8
#define MANY		8

/* ---- What would be hit ---------------------------------------------------- */

union answer {
	struct vfio_pci_hot_reset_info head;
	struct {
		char head_bytes[HEADER];
		struct vfio_pci_dependent_device devices[MANY];
	};
};

static int __info(int device, union answer *answer, uint32_t argsz)
{
	memset(answer, 0x5a, sizeof(*answer));
	answer->head.argsz = argsz;
	return __call(device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, answer);
}

/* Whether the list names the device, with its group. */
static bool lists(const union answer *answer, const char *bdf)
{
	char name[32];
	uint32_t i;

	for (i = 0; i < answer->head.count && i < MANY; i++) {
		const struct vfio_pci_dependent_device *device = &answer->devices[i];

		snprintf(name, sizeof(name), "%04x:%02x:%02x.%x", device->segment, device->bus,
			 device->devfn >> 3, device->devfn & 7);
		if (!strcmp(name, bdf))
			return (int)device->group_id == pci_group(bdf);
	}
	return false;
}

/* ---- The reset ------------------------------------------------------------ */

union request {
	struct vfio_pci_hot_reset head;
	struct {
		char head_bytes[HEADER];
		int32_t groups[MANY];
	};
};

/* Shows the same group @count times. */
static int __reset(int device, int group, uint32_t count)
{
	union request request = { .head = { .argsz = sizeof(request), .count = count } };
	int i;

	for (i = 0; i < MANY; i++)
		request.groups[i] = group;
	return __call(device, VFIO_DEVICE_PCI_HOT_RESET, &request);
}

/* Whether the device hangs on a host bridge: nothing resets such a bus. */
static bool on_root_bus(const char *bdf)
{
	char path[PATH_MAX], real[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/..", bdf);
	return realpath(path, real) && !strncmp(strrchr(real, '/'), "/pci", strlen("/pci"));
}

/* ---- Two on a bus --------------------------------------------------------- */

FIXTURE(pair)
{
	struct vfio vfio;
	char other[BDF_LEN];
	int fd;
	int other_fd;		/* -1 until a test opens it */
};

FIXTURE_SETUP(pair)
{
	char bdf[BDF_LEN];

	if (!pci_find_pair(ID_EDU, bdf, self->other))
		SKIP(return, "no pair of edu");
	if (on_root_bus(bdf))
		SKIP(return, "a host bridge is not reset");
	pci_bind(self->other, "vfio-pci");
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	self->fd = self->vfio.device;
	self->other_fd = -1;
}

FIXTURE_TEARDOWN(pair)
{
	if (self->other_fd >= 0)
		close(self->other_fd);
	vfio_close(&self->vfio);
	pci_unbind(self->other);
}

/* ---- One in a slot -------------------------------------------------------- */

FIXTURE(port)
{
	struct vfio vfio;
	int fd;
};

FIXTURE_SETUP(port)
{
	unsigned int nth = 0;
	char bdf[BDF_LEN];

	do {
		if (!pci_find(ID_IGB, nth++, bdf))
			SKIP(return, "no igb below a port");
	} while (on_root_bus(bdf) || bdf[11] != '0');
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	self->fd = self->vfio.device;
}

FIXTURE_TEARDOWN(port)
{
	vfio_close(&self->vfio);
}

#endif /* VFIO_HOT_RESET_H */
