// SPDX-License-Identifier: GPL-2.0-only
/*
 * Refusals of VFIO_IOMMU_DIRTY_PAGES, in the order in which the rules are
 * checked. vfio_type1_errno_test does the other calls of a type 1 container.
 *
 * Uses an edu device alone in its group.
 */
#include "kselftest_harness.h"
#include "vfio_mapping.h"

#define KERNEL	((void *)0xffff888000000000UL)
#define START	VFIO_IOMMU_DIRTY_PAGES_FLAG_START
#define STOP	VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP
#define GET	VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP

TEST_F(mapping, dirty_flags)
{
	static const uint32_t bad[] = {
		0, START | STOP, START | GET, STOP | GET, START | STOP | GET, 8, 8 | START,
		8 | GET, 1U << 31, 1U << 31 | START,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, __dirty_pages(self->fd, bad[i])) {
			TH_LOG("flags %#x", bad[i]);
		}
	}
	/* None of these started it. */
	dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW);
	EXPECT_EQ(-EINVAL, __dirty_bitmap(self->fd, IOVA, PAGE, (struct vfio_bitmap){
		PAGE, 8, (__u64 *)self->mem }));
}

TEST_F(mapping, dirty_bitmap_order)
{
	const uint64_t top = -PAGE, there = (uintptr_t)self->mem + PAGE;
	const uint64_t nowhere = PAGE, kernel = (uintptr_t)KERNEL;
	const struct {
		bool tracking;
		uint64_t iova, size, pgsize, bytes, data;
		int result;
	} rows[] = {
		/* size 0 and a wrap, before all that is said of the bitmap */
		{ true, top, 0, 3, 0, kernel, -EINVAL },
		{ true, top, 2 * PAGE, 3, 0, kernel, -EOVERFLOW },
		{ false, top + 1, 2 * PAGE, PAGE, 8, there, -EOVERFLOW },
		{ true, IOVA, 1ULL << 63, PAGE, 8, there, -EINVAL },
		/* the bitmap's memory and size, its page size, alignment, tracking, a cut */
		{ true, 0, 2 * PAGE, PAGE, 8, kernel, -EINVAL },
		{ true, 0, 2 * PAGE, PAGE, 8, -8ULL, -EINVAL },
		{ true, 0, 2 * PAGE, PAGE, 0, nowhere, -EINVAL },
		{ true, 0, 2 * PAGE, PAGE, 7, nowhere, -EINVAL },
		{ true, 0, 2 * PAGE, PAGE, 0x10000008, nowhere, -EINVAL },
		{ true, 0, 2 * PAGE, 2 * PAGE, 8, nowhere, -EINVAL },
		{ true, 1, 2 * PAGE, PAGE, 8, nowhere, -EINVAL },
		{ true, 0, 2 * PAGE + 1, PAGE, 8, nowhere, -EINVAL },
		{ false, 0, 2 * PAGE, PAGE, 8, nowhere, -EINVAL },
		{ true, 0, PAGE, PAGE, 8, nowhere, -EINVAL },
		{ true, PAGE, PAGE, PAGE, 8, nowhere, -EINVAL },
		{ true, PAGE, 4 * PAGE, PAGE, 8, nowhere, -EINVAL },
		/* then it is written, if there is anything to write */
		{ true, 0, 2 * PAGE, PAGE, 8, nowhere, -EFAULT },
		{ true, IOVA, 2 * PAGE, PAGE, 8, nowhere, 0 },
		{ true, 0, 2 * PAGE, PAGE, 8, there, 0 },
		{ true, top, PAGE, PAGE, 8, there, 0 },
	};
	size_t i;

	dma_map(self->fd, self->mem, 0, 2 * PAGE, DMA_RW);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vfio_bitmap bitmap = { rows[i].pgsize, rows[i].bytes, (__u64 *)rows[i].data };

		ASSERT_EQ(0, __dirty_pages(self->fd, rows[i].tracking ? START : STOP));
		EXPECT_EQ(rows[i].result,
			  __dirty_bitmap(self->fd, rows[i].iova, rows[i].size, bitmap)) {
			TH_LOG("row %zu", i);
		}
	}
}

TEST_F(mapping, dirty_range_that_is_not_there)
{
	struct vfio_iommu_type1_dirty_bitmap *head;
	uint32_t argsz;

	ASSERT_EQ(0, __dirty_pages(self->fd, START));
	head = (void *)(memory_end() - sizeof(*head));
	for (argsz = 8; argsz < 48; argsz++) {
		*head = (struct vfio_iommu_type1_dirty_bitmap){ argsz, GET };
		EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_IOMMU_DIRTY_PAGES, head)) {
			TH_LOG("argsz %u", argsz);
		}
	}
	*head = (struct vfio_iommu_type1_dirty_bitmap){ 48, GET };
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_IOMMU_DIRTY_PAGES, head));
}

/* Version 1 has no dirty pages, and says so before it looks at anything. */
TEST_F(mapping, dirty_pages_of_version_1)
{
	close(self->vfio.device);
	self->vfio.device = -1;
	ASSERT_EQ(0, __group_unset_container(self->vfio.group));
	group_set_container(self->vfio.group, self->fd);
	set_iommu(self->fd, VFIO_TYPE1_IOMMU);

	EXPECT_EQ(-EACCES, __call(self->fd, VFIO_IOMMU_DIRTY_PAGES, NULL));
	EXPECT_EQ(-EACCES, __dirty_pages(self->fd, START));
	EXPECT_EQ(-EACCES, __dirty_pages(self->fd, 0));
	dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW);
	EXPECT_EQ(-EINVAL, __dma_unmap_bitmap(self->fd, IOVA, PAGE, (struct vfio_bitmap){
		PAGE, 8, (__u64 *)self->mem }));
	EXPECT_EQ(PAGE, dma_unmap(self->fd, IOVA, PAGE));
}

TEST_HARNESS_MAIN
