// SPDX-License-Identifier: GPL-2.0-only
/* Container, group and device files. */
#include <fcntl.h>
#include <sys/ioctl.h>

#include "vfio_test.h"

int __call(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

int __iommu_open(void)
{
	int fd;

	if (access("/dev/iommu", F_OK) && system("modprobe -q iommufd"))
		return -ENOENT;
	fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int container_open(void)
{
	int fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		fail("/dev/vfio/vfio: %s", strerror(errno));
	return fd;
}

int __group_open(int group)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/vfio/%d", group);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int group_open(int group)
{
	return must(__group_open(group));
}

uint32_t group_status(int group_fd)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };

	call(group_fd, VFIO_GROUP_GET_STATUS, &status);
	return status.flags;
}

int __group_set_container(int group_fd, int container_fd)
{
	return __call(group_fd, VFIO_GROUP_SET_CONTAINER, &container_fd);
}

void group_set_container(int group_fd, int container_fd)
{
	must(__group_set_container(group_fd, container_fd));
}

int __group_unset_container(int group_fd)
{
	return __call(group_fd, VFIO_GROUP_UNSET_CONTAINER, NULL);
}

int __group_get_device(int group_fd, const char *name)
{
	return __call(group_fd, VFIO_GROUP_GET_DEVICE_FD, (void *)name);
}

int group_get_device(int group_fd, const char *name)
{
	return must(__group_get_device(group_fd, name));
}

int __set_iommu(int container_fd, unsigned long type)
{
	return __call(container_fd, VFIO_SET_IOMMU, (void *)type);
}

void set_iommu(int container_fd, unsigned long type)
{
	must(__set_iommu(container_fd, type));
}

void vfio_open_group(struct vfio *vfio, const char *bdf)
{
	snprintf(vfio->bdf, sizeof(vfio->bdf), "%s", bdf);
	pci_bind(bdf, "vfio-pci");
	vfio->group_id = must(pci_group(bdf));
	vfio->container = container_open();
	vfio->group = group_open(vfio->group_id);
	vfio->device = -1;
	group_set_container(vfio->group, vfio->container);
}

void vfio_open(struct vfio *vfio, const char *bdf, unsigned long type)
{
	vfio_open_group(vfio, bdf);
	set_iommu(vfio->container, type);
	vfio->device = group_get_device(vfio->group, bdf);
}

void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void vfio_close(struct vfio *vfio)
{
	close_fd(&vfio->device);
	close_fd(&vfio->group);
	close_fd(&vfio->container);
	pci_unbind(vfio->bdf);
}
