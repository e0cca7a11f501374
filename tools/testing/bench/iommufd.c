// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's IOMMUFD as a backend: an address space of its own, with the device in it,
 * so that mapping reaches a real page table. Memory is named by address, or by file.
 */
#include <dirent.h>
#include <fcntl.h>

#include IOMMUFD_HEADER

#include "bench.h"

/* The character device of a PCI device that vfio-pci has. */
static int open_device(const char *bdf)
{
	struct dirent *entry;
	char path[512];
	int fd = -1;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", bdf);
	dir = opendir(path);
	if (!dir)
		fail("%s: %s", path, strerror(errno));
	while (fd < 0 && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "vfio", 4))
			continue;
		snprintf(path, sizeof(path), "/dev/vfio/devices/%s", entry->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			fail("%s: %s", path, strerror(errno));
	}
	closedir(dir);
	if (fd < 0)
		fail("%s has no character device", bdf);
	return fd;
}

static void open_iommufd(struct target *target, const char *bdf)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct vfio_device_bind_iommufd bind = {
		.argsz = offsetof(struct vfio_device_bind_iommufd, out_devid) + sizeof(__u32),
	};
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = offsetof(struct vfio_device_attach_iommufd_pt, pt_id) + sizeof(__u32),
	};

	snprintf(target->vfio.bdf, sizeof(target->vfio.bdf), "%s", bdf);
	pci_bind(bdf, "vfio-pci");
	target->device = open_device(bdf);
	target->iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (target->iommufd < 0)
		fail("/dev/iommu: %s", strerror(errno));
	bind.iommufd = target->iommufd;
	call(target->device, VFIO_DEVICE_BIND_IOMMUFD, &bind);
	call(target->iommufd, IOMMU_IOAS_ALLOC, &alloc);
	target->ioas = alloc.out_ioas_id;
	attach.pt_id = target->ioas;
	call(target->device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
}

static void close_iommufd(struct target *target)
{
	close(target->device);
	close(target->iommufd);
	pci_unbind(target->vfio.bdf);
}

#define FLAGS	(IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE)

static void map(struct target *target, const struct memory *mem, size_t at, uint64_t iova,
		size_t size)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = FLAGS,
		.ioas_id = target->ioas,
		.user_va = (uintptr_t)mem->addr + at,
		.length = size,
		.iova = iova,
	};

	call(target->iommufd, IOMMU_IOAS_MAP, &map);
}

static void map_file(struct target *target, const struct memory *mem, size_t at, uint64_t iova,
		     size_t size)
{
	struct iommu_ioas_map_file map = {
		.size = sizeof(map),
		.flags = FLAGS,
		.ioas_id = target->ioas,
		.fd = mem->fd,
		.start = at,
		.length = size,
		.iova = iova,
	};

	call(target->iommufd, IOMMU_IOAS_MAP_FILE, &map);
}

static void unmap(struct target *target, uint64_t iova, size_t size)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = target->ioas,
		.iova = iova,
		.length = size,
	};

	call(target->iommufd, IOMMU_IOAS_UNMAP, &unmap);
	if (unmap.length != size)
		fail("unmapped %llu of %zu bytes", (unsigned long long)unmap.length, size);
}

static void info(struct target *target)
{
	struct iommu_iova_range ranges[16];
	struct iommu_ioas_iova_ranges get = {
		.size = sizeof(get),
		.ioas_id = target->ioas,
		.num_iovas = ARRAY_SIZE(ranges),
		.allowed_iovas = (uintptr_t)ranges,
	};

	call(target->iommufd, IOMMU_IOAS_IOVA_RANGES, &get);
}

/* Its bitmaps need an IOMMU that records writes; the emulated ones do not. */
const struct backend iommufd_backend = {
	.name = "iommufd",
	.open = open_iommufd,
	.close = close_iommufd,
	.map = map,
	.unmap = unmap,
	.info = info,
};

const struct backend iommufd_file_backend = {
	.name = "iommufd-file",
	.needs_file = true,
	.open = open_iommufd,
	.close = close_iommufd,
	.map = map_file,
	.unmap = unmap,
	.info = info,
};
