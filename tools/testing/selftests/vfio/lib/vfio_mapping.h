/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fixture "mapping": a type 1 container with an edu device alone in its
 * group, and some memory to map. When a test is over and the container closed,
 * nothing may be left pinned or charged, whatever the test did.
 *
 * Included once by each test program, after kselftest_harness.h.
 */
#ifndef VFIO_MAPPING_H
#define VFIO_MAPPING_H

#include "vfio_test.h"

#define IOVA		0x1000000ULL
#define MEM_PAGES	64

FIXTURE(mapping)
{
	struct vfio vfio;
	int fd;			/* the container */
	char *mem;		/* MEM_PAGES pages */
	long locked, pinned;	/* before the test */
};

FIXTURE_SETUP(mapping)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	self->pinned = pinned_pages();
	self->locked = my_locked();
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	self->fd = self->vfio.container;
	self->mem = memory(MEM_PAGES * PAGE);
}

FIXTURE_TEARDOWN(mapping)
{
	vfio_close(&self->vfio);
	EXPECT_EQ(self->pinned, pinned_until(self->pinned));
	EXPECT_EQ(self->locked, my_locked());
}

#endif /* VFIO_MAPPING_H */
