/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of device nodes share: opening a node and a context of IOMMUFD,
 * binding the one to the other, and a fixture with both.
 *
 * Included once by each test program, after kselftest_harness.h.
 */
#ifndef VFIO_CDEV_H
#define VFIO_CDEV_H

#include <dirent.h>
#include <fcntl.h>

#include "vfio_test.h"

/* Not every program uses every one of these. */
#pragma GCC diagnostic ignored "-Wunused-function"

/* Finds the node of a device that is bound to vfio-pci. */
static bool node_find(const char *bdf, char *path, size_t size)
{
	char folder[64];
	struct dirent *entry;
	DIR *dir;

	*path = '\0';
	snprintf(folder, sizeof(folder), "/sys/bus/pci/devices/%s/vfio-dev", bdf);
	dir = opendir(folder);
	if (!dir)
		return false;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			snprintf(path, size, "/dev/vfio/devices/%s", entry->d_name);
	closedir(dir);
	return !access(path, F_OK);
}

static int node_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int __bind(int fd, int iommu)
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind), .iommufd = iommu };

	return __call(fd, VFIO_DEVICE_BIND_IOMMUFD, &bind);
}

static int __attach(int fd, uint32_t pt)
{
	struct vfio_device_attach_iommufd_pt attach = { .argsz = 12, .pt_id = pt };

	return __call(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
}

static int __detach(int fd)
{
	struct vfio_device_detach_iommufd_pt detach = { .argsz = 8 };

	return __call(fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach);
}

/* A device that is alone in its group, an open file of its node, and a context. */
FIXTURE(node)
{
	char bdf[BDF_LEN];
	char path[280];
	int fd, iommu;
};

FIXTURE_SETUP(node)
{
	char bdf[BDF_LEN];

	self->fd = self->iommu = -1;
	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	pci_bind(bdf, "vfio-pci");
	strcpy(self->bdf, bdf);
	if (!node_find(bdf, self->path, sizeof(self->path)))
		SKIP(return, "devices have no nodes");
	self->iommu = must(__iommu_open());
	self->fd = must(node_open(self->path));
}

FIXTURE_TEARDOWN(node)
{
	close_fd(&self->fd);
	close_fd(&self->iommu);
	if (*self->bdf)
		pci_unbind(self->bdf);
}

#endif /* VFIO_CDEV_H */
