// SPDX-License-Identifier: GPL-2.0-only
/* QEMU's edu device: a page of memory of its own, and a DMA engine. */
#include <endian.h>
#include <sys/mman.h>
#include <time.h>

#include "vfio_test.h"

#define EDU_IDENTITY		0x00	/* 0xRRrr00ed */
#define EDU_DMA_SOURCE	0x80
#define EDU_DMA_TARGET	0x88
#define EDU_DMA_COUNT	0x90
#define EDU_DMA_COMMAND	0x98
#define  EDU_DMA_RUN	1
#define  EDU_DMA_TO_RAM	2

/* Where the device's own page is in its DMA address space. */
#define EDU_BUFFER_AT	0x40000

#define EDU_BAR_SIZE	(1 << 20)

uint32_t edu_read(struct edu *edu, uint32_t at)
{
	return from_edu(*(volatile uint32_t *)(edu->regs + at));
}

void edu_write(struct edu *edu, uint32_t at, uint32_t value)
{
	*(volatile uint32_t *)(edu->regs + at) = to_edu(value);
}

void edu_open(struct edu *edu, int device)
{
	pci_command(device, 0x6, 0);
	edu->regs = region_map(device, VFIO_PCI_BAR0_REGION_INDEX);
	if ((edu_read(edu, EDU_IDENTITY) & 0xffff) != 0x00ed)
		fail("this is no edu: id %#x", edu_read(edu, EDU_IDENTITY));
}

void edu_close(struct edu *edu)
{
	munmap((void *)edu->regs, EDU_BAR_SIZE);
}

/* The registers are 64 bits wide, but all addresses fit into 32. */
static void run(struct edu *edu, uint32_t source, uint32_t target, uint32_t size, uint32_t command)
{
	const struct timespec moment = { .tv_nsec = 5000000 };
	int left = 2000;	/* 10 s, a hundred times what it takes */

	edu_write(edu, EDU_DMA_SOURCE, source);
	edu_write(edu, EDU_DMA_TARGET, target);
	edu_write(edu, EDU_DMA_COUNT, size);
	edu_write(edu, EDU_DMA_COMMAND, command | EDU_DMA_RUN);
	while (edu_read(edu, EDU_DMA_COMMAND) & EDU_DMA_RUN) {
		if (!left--)
			fail("the edu does not finish its DMA");
		nanosleep(&moment, NULL);
	}
}

void edu_dma_from(struct edu *edu, uint64_t iova, size_t size)
{
	run(edu, iova, EDU_BUFFER_AT, size, 0);
}

void edu_dma_to(struct edu *edu, uint64_t iova, size_t size)
{
	run(edu, EDU_BUFFER_AT, iova, size, EDU_DMA_TO_RAM);
}

void edu_copy(struct edu *edu, uint64_t from, uint64_t to, size_t size)
{
	edu_dma_from(edu, from, size);
	edu_dma_to(edu, to, size);
}

bool edu_shares(struct edu *edu, char *mem, uint64_t at, char *page, uint64_t iova, uint8_t value)
{
	memset(page, value, PAGE);
	edu_copy(edu, iova, at, PAGE);
	if (!is_all(mem, PAGE, value))
		return false;
	memset(mem, value + 1, PAGE);
	edu_copy(edu, at, iova, PAGE);
	return is_all(page, PAGE, value + 1);
}

bool edu_copies(int device, char *mem, uint64_t iova, uint8_t value)
{
	struct edu edu;

	memset(mem, value, PAGE);
	memset(mem + PAGE, 0, PAGE);
	edu_open(&edu, device);
	edu_copy(&edu, iova, iova + PAGE, EDU_BUFFER);
	edu_close(&edu);
	return is_all(mem + PAGE, EDU_BUFFER, value);
}
