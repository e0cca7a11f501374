/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of descriptors for DMA share that use them in the process that made
 * them: the fixture "part", a container and a descriptor of it.
 *
 * Included once by each test program, after kselftest_harness.h.
 */
#ifndef VFIO_DMA_PART_H
#define VFIO_DMA_PART_H

#include "vfio_dma_fd.h"

/* How many mappings the descriptor may have. */
#define ENTRIES	8

FIXTURE(part)
{
	struct tie tie;
	char *mem;
	long pinned;
	int container, fd;
};

FIXTURE_SETUP(part)
{
	char bdf[BDF_LEN];

	if (ON_POWER)
		SKIP(return, "a container of TCE tables is one process's");
	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	self->pinned = pinned_pages();
	tie_open(&self->tie, bdf, true);
	self->container = self->tie.fd;
	if (!driver_is_rust()) {
		EXPECT_EQ(-ENOTTY, __dma_fd(self->container, ALL_RIGHTS, 0, FIRST, LAST, 1));
		tie_close(&self->tie);
		SKIP(return, "no such call");
	}
	self->mem = memory(PAGES * PAGE);
	self->fd = dma_fd(self->container, ALL_RIGHTS, ENTRIES);
}

FIXTURE_TEARDOWN(part)
{
	close_fd(&self->fd);
	tie_close(&self->tie);
	EXPECT_EQ(self->pinned, pinned_until(self->pinned));
}

/* One page, at its place. */
static int __map_page(FIXTURE_DATA(part) *self, int fd, unsigned int page)
{
	return __dma_map(fd, self->mem + page * PAGE, FIRST + page * PAGE, PAGE, DMA_RW);
}

static int64_t __unmap_page(int fd, unsigned int page)
{
	return __dma_unmap(fd, FIRST + page * PAGE, PAGE);
}

#endif /* VFIO_DMA_PART_H */
