// SPDX-License-Identifier: GPL-2.0-only
/*
 * The demo's own VFIO client: asks for a group, and lets the edu device do DMA.
 *
 *   vfio-demo group GROUP BDF   open the group and the device; says what happened
 *   vfio-demo dma GROUP BDF     DMA with an edu device: mapped, then unmapped
 *
 * Exit status: 0 done, 1 refused or failed, 2 usage.
 *
 * edu is QEMU's teaching device: it copies between its 4 KiB buffer and any bus
 * address it is told, so it shows whether the IOMMU stands in between.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096
/* edu's DMA engine takes 28-bit bus addresses. */
#define IOVA_MAPPED 0x100000
#define IOVA_UNMAPPED 0x200000

/* Registers of edu's BAR 0, see docs/specs/edu.rst of QEMU. */
#define EDU_DMA_FROM 0x80
#define EDU_DMA_TO 0x88
#define EDU_DMA_COUNT 0x90
#define EDU_DMA_COMMAND 0x98
#define EDU_DMA_START 1
#define EDU_DMA_TO_RAM 2
#define EDU_BUFFER 0x40000

struct client {
	int container;
	int group;
	int device;
};

/* Prints what was refused and how, for the narrator to quote. */
static int refused(const char *what)
{
	printf("%s: refused, %s\n", what, strerror(errno));
	return 1;
}

/* Opens group, container and device in the order that every client does. */
static int client_open(struct client *c, const char *group, const char *bdf)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[64];

	snprintf(path, sizeof(path), "/dev/vfio/%s", group);
	c->container = open("/dev/vfio/vfio", O_RDWR);
	if (c->container < 0)
		return refused("open /dev/vfio/vfio");
	c->group = open(path, O_RDWR);
	if (c->group < 0)
		return refused(path);
	if (ioctl(c->group, VFIO_GROUP_GET_STATUS, &status))
		return refused("VFIO_GROUP_GET_STATUS");
	printf("group %s: %s\n", group,
	       status.flags & VFIO_GROUP_FLAGS_VIABLE ? "viable" : "not viable");
	if (ioctl(c->group, VFIO_GROUP_SET_CONTAINER, &c->container))
		return refused("VFIO_GROUP_SET_CONTAINER");
	if (ioctl(c->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return refused("VFIO_SET_IOMMU");
	c->device = ioctl(c->group, VFIO_GROUP_GET_DEVICE_FD, bdf);
	if (c->device < 0)
		return refused("VFIO_GROUP_GET_DEVICE_FD");
	printf("device %s: open\n", bdf);
	return 0;
}

/* Sets bits of the COMMAND register: 2 memory, 4 bus master. */
static int enable_bus_master(int device)
{
	struct vfio_region_info config = {
		.argsz = sizeof(config),
		.index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	uint16_t command;

	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config) ||
	    pread(device, &command, 2, config.offset + 4) != 2)
		return refused("read COMMAND");
	command |= 2 | 4;
	if (pwrite(device, &command, 2, config.offset + 4) != 2)
		return refused("write COMMAND");
	return 0;
}

static volatile uint8_t *map_bar0(int device)
{
	struct vfio_region_info bar = { .argsz = sizeof(bar), .index = 0 };
	void *at;

	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &bar))
		return NULL;
	at = mmap(NULL, bar.size, PROT_READ | PROT_WRITE, MAP_SHARED, device, bar.offset);
	return at == MAP_FAILED ? NULL : at;
}

static void edu_write64(volatile uint8_t *bar, size_t reg, uint64_t value)
{
	*(volatile uint64_t *)(bar + reg) = value;
}

/* Copies one page between edu's buffer and bus address @iova; false if it never ended. */
static bool edu_copy(volatile uint8_t *bar, uint64_t iova, bool to_ram)
{
	int patience = 2000;

	edu_write64(bar, EDU_DMA_FROM, to_ram ? EDU_BUFFER : iova);
	edu_write64(bar, EDU_DMA_TO, to_ram ? iova : EDU_BUFFER);
	edu_write64(bar, EDU_DMA_COUNT, PAGE);
	edu_write64(bar, EDU_DMA_COMMAND, EDU_DMA_START | (to_ram ? EDU_DMA_TO_RAM : 0));
	while (*(volatile uint64_t *)(bar + EDU_DMA_COMMAND) & EDU_DMA_START) {
		if (!patience--)
			return false;
		usleep(1000);
	}
	return true;
}

/* A page goes into the device and comes back; then the same to an address nobody mapped. */
static int dma(const struct client *c)
{
	volatile uint8_t *bar = map_bar0(c->device);
	uint8_t *ram = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)ram,
		.iova = IOVA_MAPPED,
		.size = 2 * PAGE,
	};
	size_t i;

	if (!bar || ram == MAP_FAILED)
		return refused("mmap");
	if (enable_bus_master(c->device))
		return 1;
	if (ioctl(c->container, VFIO_IOMMU_MAP_DMA, &map))
		return refused("VFIO_IOMMU_MAP_DMA");
	for (i = 0; i < PAGE; i++)
		ram[i] = (uint8_t)(i * 7 + 3);
	if (!edu_copy(bar, IOVA_MAPPED, false) || !edu_copy(bar, IOVA_MAPPED + PAGE, true))
		return refused("DMA timed out");
	if (memcmp(ram, ram + PAGE, PAGE)) {
		printf("mapped IOVA 0x%x: the page came back damaged\n", IOVA_MAPPED);
		return 1;
	}
	printf("mapped IOVA 0x%x: 4096 bytes went into the device and came back whole\n",
	       IOVA_MAPPED);
	edu_copy(bar, IOVA_UNMAPPED, true);
	printf("unmapped IOVA 0x%x: the device was told to write there\n", IOVA_UNMAPPED);
	return 0;
}

int main(int argc, char **argv)
{
	struct client c;
	int status;

	if (argc != 4 || (strcmp(argv[1], "group") && strcmp(argv[1], "dma"))) {
		fprintf(stderr, "usage: vfio-demo group|dma GROUP BDF\n");
		return 2;
	}
	status = client_open(&c, argv[2], argv[3]);
	if (!status && !strcmp(argv[1], "dma"))
		status = dma(&c);
	return status;
}
