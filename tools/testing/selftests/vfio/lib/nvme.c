// SPDX-License-Identifier: GPL-2.0-only
/* An NVMe disk, as far as its admin queue. */
#include <endian.h>
#include <sys/mman.h>
#include <time.h>

#include "nvme.h"

/* Registers, as words of 32 bits. */
#define CC	(0x14 / 4)
#define  CC_ENABLE	(4 << 20 | 6 << 16 | 1)	/* entries of 16 and 64 bytes */
#define CSTS	(0x1c / 4)
#define AQA	(0x24 / 4)
#define ASQ	(0x28 / 4)
#define ACQ	(0x30 / 4)
#define TAIL	(0x1000 / 4)
#define HEAD	(0x1004 / 4)

#define ENTRIES		16
#define IDENTIFY	0x06
#define CONTROLLER	1

static void set(struct nvme *nvme, unsigned int at, uint32_t value)
{
	nvme->regs[at] = htole32(value);
}

static void wait_ready(struct nvme *nvme, uint32_t ready)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	int left = 10000;	/* 10 s */

	while ((le32toh(nvme->regs[CSTS]) & 1) != ready) {
		if (!left--)
			fail("the disk does not become ready (%u)", ready);
		nanosleep(&moment, NULL);
	}
}

void nvme_open(struct nvme *nvme, int device, int container, uint64_t iova)
{
	void *queues = memory(2 * PAGE);

	dma_map(container, queues, iova, 2 * PAGE, DMA_RW);
	nvme_start(nvme, device, queues, iova);
}

void nvme_start(struct nvme *nvme, int device, void *queues, uint64_t iova)
{
	pci_command(device, 0x6, 0);
	nvme->regs = region_map(device, VFIO_PCI_BAR0_REGION_INDEX);
	nvme->size = region_info(device, VFIO_PCI_BAR0_REGION_INDEX).size;
	nvme->queues = queues;
	nvme->tail = nvme->head = 0;
	set(nvme, CC, 0);
	wait_ready(nvme, 0);
	set(nvme, AQA, (ENTRIES - 1) << 16 | (ENTRIES - 1));
	set(nvme, ASQ, iova);
	set(nvme, ASQ + 1, iova >> 32);
	set(nvme, ACQ, iova + PAGE);
	set(nvme, ACQ + 1, (iova + PAGE) >> 32);
	set(nvme, CC, CC_ENABLE);
	wait_ready(nvme, 1);
}

void nvme_close(struct nvme *nvme)
{
	set(nvme, CC, 0);
	wait_ready(nvme, 0);
	munmap((void *)nvme->regs, nvme->size);
	munmap(nvme->queues, 2 * PAGE);
}

void nvme_identify(struct nvme *nvme, uint64_t iova)
{
	uint32_t *command = (uint32_t *)(nvme->queues + 64 * nvme->tail);
	volatile uint32_t *answer;
	const struct timespec moment = { .tv_nsec = 100000 };
	unsigned int phase, tries = 0;
	time_t end = time(NULL) + 15;

	memset(command, 0, 64);
	command[0] = htole32(IDENTIFY | nvme->tail << 16);
	command[6] = htole32(iova);
	command[7] = htole32(iova >> 32);
	command[10] = htole32(CONTROLLER);
	nvme->tail = (nvme->tail + 1) % ENTRIES;
	set(nvme, TAIL, nvme->tail);

	/* The phase bit is new in each round. */
	phase = !(nvme->head / ENTRIES % 2);
	answer = (volatile uint32_t *)(nvme->queues + PAGE + 16 * (nvme->head % ENTRIES));
	while ((le32toh(answer[3]) >> 16 & 1) != phase) {
		/* At once if it can be; but a busy machine may have to run QEMU first. */
		if (++tries < 1000)
			continue;
		if (time(NULL) > end)
			fail("the disk does not answer");
		nanosleep(&moment, NULL);
	}
	nvme->head++;
	set(nvme, HEAD, nvme->head % ENTRIES);
}

bool nvme_is_identity(const void *page)
{
	static const uint8_t vendor[] = { 0x36, 0x1b };

	return !memcmp(page, vendor, sizeof(vendor));
}
