// SPDX-License-Identifier: GPL-2.0-only
/* Regions, config space and interrupts of an open device. */
#include <endian.h>
#include <poll.h>
#include <sys/mman.h>

#include "vfio_test.h"

int __region_info(int device, uint32_t index, struct vfio_region_info *info)
{
	*info = (struct vfio_region_info){ .argsz = sizeof(*info), .index = index };
	return __call(device, VFIO_DEVICE_GET_REGION_INFO, info);
}

struct vfio_region_info region_info(int device, uint32_t index)
{
	struct vfio_region_info info;

	must(__region_info(device, index, &info));
	return info;
}

void *region_map(int device, uint32_t index)
{
	struct vfio_region_info info = region_info(device, index);
	void *mem = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, device, info.offset);

	if (mem == MAP_FAILED)
		fail("mmap of region %u: %s", index, strerror(errno));
	return mem;
}

ssize_t __region_read(int device, uint32_t index, uint64_t at, void *data, size_t size)
{
	ssize_t ret = pread(device, data, size, region_info(device, index).offset + at);

	return ret < 0 ? -errno : ret;
}

ssize_t __region_write(int device, uint32_t index, uint64_t at, const void *data, size_t size)
{
	ssize_t ret = pwrite(device, data, size, region_info(device, index).offset + at);

	return ret < 0 ? -errno : ret;
}

uint32_t config_read(int device, uint32_t at, unsigned int width)
{
	uint32_t value = 0;
	ssize_t ret = __region_read(device, VFIO_PCI_CONFIG_REGION_INDEX, at, &value, width);

	if (ret != (ssize_t)width)
		fail("config read of %u bytes at %#x: %zd", width, at, ret);
	return le32toh(value);
}

void config_write(int device, uint32_t at, unsigned int width, uint32_t value)
{
	uint32_t little = htole32(value);
	ssize_t ret = __region_write(device, VFIO_PCI_CONFIG_REGION_INDEX, at, &little, width);

	if (ret != (ssize_t)width)
		fail("config write of %u bytes at %#x: %zd", width, at, ret);
}

void pci_command(int device, uint16_t set, uint16_t clear)
{
	uint16_t value = config_read(device, 0x04, 2);

	config_write(device, 0x04, 2, (value & ~clear) | set);
}

uint32_t pci_capability(int device, uint8_t id)
{
	unsigned int left = 48;
	uint32_t at;

	if (!(config_read(device, 0x06, 2) & 0x10))
		return 0;
	at = config_read(device, 0x34, 1);
	while (at >= 0x40 && left--) {
		if (config_read(device, at, 1) == id)
			return at;
		at = config_read(device, at + 1, 1);
	}
	return 0;
}

int __irq_set(int device, uint32_t flags, uint32_t index, uint32_t start, uint32_t count,
	      const void *data, size_t size)
{
	size_t argsz = sizeof(struct vfio_irq_set) + size;
	struct vfio_irq_set *set = calloc(1, argsz);
	int ret;

	if (!set)
		fail("no memory");
	*set = (struct vfio_irq_set){
		.argsz = argsz,
		.flags = flags,
		.index = index,
		.start = start,
		.count = count,
	};
	if (size)
		memcpy(set->data, data, size);
	ret = __call(device, VFIO_DEVICE_SET_IRQS, set);
	free(set);
	return ret;
}

int __irq_eventfds(int device, uint32_t index, uint32_t start, uint32_t count, const int *fds)
{
	return __irq_set(device, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			 index, start, count, fds, count * sizeof(*fds));
}

int __irq_disable(int device, uint32_t index)
{
	return __irq_set(device, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
			 index, 0, 0, NULL, 0);
}

int __ioeventfd(int device, uint32_t width, uint32_t index, uint64_t at, uint64_t value, int fd)
{
	/* The flag of a width is the number of its bytes. */
	struct vfio_device_ioeventfd request = {
		.argsz = sizeof(request),
		.flags = width,
		.offset = ((uint64_t)index << 40) + at,
		.data = value,
		.fd = fd,
	};

	return __call(device, VFIO_DEVICE_IOEVENTFD, &request);
}

uint64_t eventfd_wait(int fd, int milliseconds)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	uint64_t count = 0;

	if (poll(&poll_fd, 1, milliseconds) == 1 && read(fd, &count, sizeof(count)) < 0)
		fail("read of an eventfd: %s", strerror(errno));
	return count;
}
