/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lib/nvme.c: just enough of an NVMe disk to make it write a page at once, where an
 * edu device takes 100 ms.
 */
#ifndef NVME_H
#define NVME_H

#include "vfio_test.h"

struct nvme {
	volatile uint32_t *regs;	/* BAR 0 */
	size_t size;
	uint8_t *queues;	/* a page of commands, a page of answers */
	unsigned int tail, head;
};

/* Enables the disk with its queues at @iova, two pages. */
void nvme_open(struct nvme *nvme, int device, int container, uint64_t iova);
/* The same with queues that the caller has mapped: two pages, which nvme_close() frees. */
void nvme_start(struct nvme *nvme, int device, void *queues, uint64_t iova);
void nvme_close(struct nvme *nvme);
/*
 * Lets the disk write what it says about itself, a page, to an address. When this
 * returns it has written, or tried to; QEMU's does not tell which.
 */
void nvme_identify(struct nvme *nvme, uint64_t iova);
/* Whether this is what it wrote. */
bool nvme_is_identity(const void *page);

#endif /* NVME_H */
