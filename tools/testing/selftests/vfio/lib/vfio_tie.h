/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of the tie share: the fixture "tie", and what must hold after
 * memory was given up, or was not.
 *
 * A test says what the program does; what follows depends on the modules. With
 * the tie the device loses the memory. Without it, on the kernel's own modules
 * and where mm_tie is off, it keeps the memory until UNMAP_DMA, and the same lines
 * check that.
 *
 * Included once by each test program, after kselftest_harness.h.
 */
#ifndef VFIO_TIE_H
#define VFIO_TIE_H

#include "tie.h"

/* Not every program uses every one of these. */
#pragma GCC diagnostic ignored "-Wunused-function"

FIXTURE(tie)
{
	struct tie tie;
	long pinned;
};

FIXTURE_SETUP(tie)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	self->pinned = pinned_pages();
	tie_open(&self->tie, bdf, true);
}

FIXTURE_TEARDOWN(tie)
{
	tie_close(&self->tie);
	EXPECT_EQ(self->pinned, pinned_until(self->pinned));
}

/* With the tie, the device reaches nothing at the ends of a part; without, it does. */
#define expect_gone(...) __expect_gone(_metadata, __VA_ARGS__)
static void __expect_gone(struct __test_metadata *_metadata, struct tie *tie,
			  uint64_t iova, size_t size)
{
	uint64_t last = iova + size - PAGE;

	EXPECT_EQ(!tie->on, reads(tie, iova, SECRET));
	edu_dma_to(&tie->edu, iova, TOKEN);
	if (last != iova) {
		EXPECT_EQ(!tie->on, reads(tie, last, SECRET));
		edu_dma_to(&tie->edu, last, TOKEN);
	}
	EXPECT_TRUE(canaries_live(tie));
}

/* Exactly these ranges are listed, once. */
#define expect_stale(...) __expect_stale(_metadata, __VA_ARGS__)
static void __expect_stale(struct __test_metadata *_metadata, struct tie *tie,
			   const struct vfio_iommu_mm_stale *want, int count)
{
	struct vfio_iommu_mm_stale got[16];
	int i, seen = __mm_stale(tie->fd, got, 16);

	if (!tie->on) {
		EXPECT_EQ(driver_is_rust() ? 0 : -ENOTTY, seen);
		return;
	}
	EXPECT_EQ(count, seen);
	for (i = 0; i < seen; i++) {
		TH_LOG("stale: %#llx + %#llx, reason %u", got[i].iova, got[i].size, got[i].reason);
		if (i >= count)
			continue;
		EXPECT_EQ(want[i].iova, got[i].iova);
		EXPECT_EQ(want[i].size, got[i].size);
		EXPECT_EQ(want[i].reason, got[i].reason);
		EXPECT_EQ(0, got[i].reserved);
	}
	EXPECT_EQ(0, __mm_stale(tie->fd, got, 16));
	EXPECT_EQ(!!count, !!eventfd_wait(tie->event, 0));
}

/* A part that held SECRET was given up, by whichever process. */
#define expect_lost(...) __expect_lost(_metadata, __VA_ARGS__)
static void __expect_lost(struct __test_metadata *_metadata, struct tie *tie,
			  uint64_t iova, size_t size, uint32_t reason)
{
	const struct vfio_iommu_mm_stale want = { iova, size, reason, 0 };
	/* The others are over when the program goes on; these are looked into later. */
	bool later = reason == VFIO_MM_STALE_DISCARD;

	if (!later)
		expect_gone(tie, iova, size);
	expect_stale(tie, &want, 1);
	if (later)
		expect_gone(tie, iova, size);
	/* The address is not free. */
	EXPECT_EQ(-EEXIST, __dma_map(tie->fd, tie->window, iova, PAGE, DMA_RW));
}

/* The same, by this process: it is paid back. */
#define expect_taken(...) __expect_taken(_metadata, __VA_ARGS__)
static void __expect_taken(struct __test_metadata *_metadata, struct tie *tie,
			   uint64_t iova, size_t size, uint32_t reason)
{
	expect_lost(tie, iova, size, reason);
	if (tie->on)
		tie->locked -= KB(size / PAGE);
	EXPECT_EQ(tie->locked, my_locked());
}

/* Nothing was taken, and nothing is paid back. */
#define expect_nothing_taken(...) __expect_nothing_taken(_metadata, __VA_ARGS__)
static void __expect_nothing_taken(struct __test_metadata *_metadata, struct tie *tie)
{
	expect_stale(tie, NULL, 0);
	EXPECT_EQ(tie->locked, my_locked());
}

/* The mapping unmaps as the whole that it was, and then costs nothing. */
#define expect_unmaps(...) __expect_unmaps(_metadata, __VA_ARGS__)
static void __expect_unmaps(struct __test_metadata *_metadata, struct tie *tie,
			    uint64_t iova, size_t size)
{
	EXPECT_EQ(size, __dma_unmap(tie->fd, iova, size));
	EXPECT_EQ(tie->base, my_locked());
	/* The address is free, and what is mapped there now can be reached. */
	EXPECT_EQ(0, __dma_map(tie->fd, tie->window, iova, PAGE, VFIO_DMA_MAP_FLAG_READ));
	EXPECT_EQ(PAGE, __dma_unmap(tie->fd, iova, PAGE));
}

#endif /* VFIO_TIE_H */
