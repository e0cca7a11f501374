// SPDX-License-Identifier: GPL-2.0-only
/*
 * Refusals of a type 1 container: calls that break one or two rules, in the
 * order in which the rules are checked, so that the errno tells which comes
 * first. vfio_errno_test drives the fixed structures through every argsz and
 * through bad pointers, vfio_type1_dirty_errno_test does DIRTY_PAGES.
 *
 * Uses an edu device alone in its group.
 */
#include <sys/mman.h>
#include <sys/resource.h>

#include "kselftest_harness.h"
#include "vfio_mapping.h"

#define KERNEL	((void *)0xffff888000000000UL)
#define START	VFIO_IOMMU_DIRTY_PAGES_FLAG_START
#define STOP	VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP

/* ---- GET_INFO ----------------------------------------------------------------- */

TEST_F(mapping, info_that_does_not_fit)
{
	char *end = memory_end();
	struct vfio_iommu_type1_info *info, *whole = iommu_info(self->fd);

	/* There is room for the chain by argsz, and none in memory: nothing is written. */
	info = (void *)(end - sizeof(*info));
	memset(info, 0x5a, sizeof(*info));
	info->argsz = whole->argsz;
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_IOMMU_GET_INFO, info));
	EXPECT_TRUE(is_all(&info->flags, sizeof(*info) - 4, 0x5a));
	EXPECT_EQ(whole->argsz, info->argsz);

	/* The same but the last byte. */
	info = (void *)(end - whole->argsz + 1);
	info->argsz = whole->argsz;
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_IOMMU_GET_INFO, info));

	/* A smaller argsz asks for less. */
	info = (void *)(end - sizeof(*info));
	info->argsz = sizeof(*info);
	EXPECT_EQ(0, __call(self->fd, VFIO_IOMMU_GET_INFO, info));
	EXPECT_EQ(whole->argsz, info->argsz);
	free(whole);
}

/* ---- MAP_DMA ------------------------------------------------------------------- */

TEST_F(mapping, map_order)
{
	const uint64_t top = -PAGE, vaddr = (uintptr_t)self->mem;
	const struct {
		uint32_t argsz, flags;
		uint64_t vaddr, iova, size;
		int result;
	} rows[] = {
		/* argsz, unknown flags: before all numbers */
		{ 31, DMA_RW, vaddr, top, 2 * PAGE, -EINVAL },
		{ 32, DMA_RW | 8, vaddr, top, 2 * PAGE, -EINVAL },
		/* size 0, before a wrap */
		{ 32, DMA_RW, vaddr, top, 0, -EINVAL },
		/* a wrap, before the combination of flags and alignment */
		{ 32, 0, vaddr, top, 2 * PAGE, -EOVERFLOW },
		{ 32, 7, top, IOVA, 2 * PAGE, -EOVERFLOW },
		{ 32, DMA_RW, vaddr + 1, top, 2 * PAGE + 1, -EOVERFLOW },
		/* the combination of flags, then alignment, before an overlap */
		{ 32, 0, vaddr, 0, PAGE, -EINVAL },
		{ 32, 5, vaddr, 0, PAGE, -EINVAL },
		{ 32, DMA_RW, vaddr, 0, PAGE / 2, -EINVAL },
		/* VADDR of nothing, of something that is valid */
		{ 32, VFIO_DMA_MAP_FLAG_VADDR, vaddr, IOVA, PAGE, -ENOENT },
		{ 32, VFIO_DMA_MAP_FLAG_VADDR, vaddr, 0, PAGE, -EINVAL },
		/* an overlap, before addresses outside and bad memory */
		{ 32, DMA_RW, 0, 0, PAGE, -EEXIST },
		{ 32, DMA_RW, vaddr, 0, 1ULL << 62, -EEXIST },
		/* addresses outside, before bad memory */
		{ 32, DMA_RW, 0, 0xfee00000, PAGE, -EINVAL },
		{ 32, DMA_RW, 0, IOVA, PAGE, -EFAULT },
		{ 32, DMA_RW, top, IOVA, PAGE, -EFAULT },
	};
	size_t i;

	dma_map(self->fd, self->mem, 0, PAGE, DMA_RW);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vfio_iommu_type1_dma_map map = {
			rows[i].argsz, rows[i].flags, rows[i].vaddr, rows[i].iova, rows[i].size,
		};

		EXPECT_EQ(rows[i].result, __call(self->fd, VFIO_IOMMU_MAP_DMA, &map)) {
			TH_LOG("row %zu", i);
		}
	}
}

/* What a user may lock comes last, when memory is about to be pinned. */
TEST_F(mapping, map_order_of_a_user)
{
	const struct rlimit none = { 0, 0 };
	struct child child;
	int fd = self->fd;

	dma_map(fd, self->mem, 0, PAGE, DMA_RW);
	dma_map(fd, self->mem, 2 * IOVA, PAGE, DMA_RW);
	ASSERT_EQ(PAGE, __dma_unmap_flags(fd, 2 * IOVA, PAGE, VFIO_DMA_UNMAP_FLAG_VADDR));
	if (start_child(&child)) {
		const uint32_t update = VFIO_DMA_MAP_FLAG_VADDR;

		if (setrlimit(RLIMIT_MEMLOCK, &none) || setresgid(1000, 1000, 1000) ||
		    setresuid(1000, 1000, 1000))
			fail("an ordinary user: %s", strerror(errno));
		if (__dma_map(fd, self->mem, 0, PAGE, DMA_RW) != -EEXIST)
			fail("overlap");
		if (__dma_map(fd, self->mem, 0xfee00000, PAGE, DMA_RW) != -EINVAL)
			fail("outside");
		if (__dma_map(fd, NULL, IOVA, PAGE, DMA_RW) != -EFAULT)
			fail("no memory");
		if (__dma_map(fd, self->mem, IOVA, PAGE, DMA_RW) != -ENOMEM)
			fail("limit");
		/* A new address makes the caller the one who pays. */
		if (__dma_map(fd, self->mem, IOVA, PAGE, update) != -ENOENT)
			fail("update of nothing");
		if (__dma_map(fd, self->mem, 0, PAGE, update) != -EINVAL)
			fail("update of a valid address");
		if (__dma_map(fd, self->mem, 2 * IOVA, 2 * PAGE, update) != -EINVAL)
			fail("update with another size");
		if (__dma_map(fd, self->mem, 2 * IOVA, PAGE, update) != -ENOMEM)
			fail("limit of an update");
		_exit(0);
	}
	EXPECT_EQ(0, end_of(&child));
	/* Still to be updated, and still paid for by the same. */
	EXPECT_EQ(self->locked + KB(2), my_locked());
	EXPECT_EQ(0, __dma_map(fd, self->mem, 2 * IOVA, PAGE, VFIO_DMA_MAP_FLAG_VADDR));
}

/* ---- UNMAP_DMA ----------------------------------------------------------------- */

TEST_F(mapping, unmap_order)
{
	const uint64_t top = -PAGE;
	const uint32_t all = VFIO_DMA_UNMAP_FLAG_ALL, bitmap = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	const struct {
		uint32_t argsz, flags;
		uint64_t iova, size;
		int result;
	} rows[] = {
		{ 23, 0, top, 2 * PAGE, -EINVAL },
		{ 24, 8, top, 2 * PAGE, -EINVAL },
		/* the bitmap: not with others, and only with room for it */
		{ 48, bitmap | all, 0, 0, -EINVAL },
		{ 48, bitmap | VFIO_DMA_UNMAP_FLAG_VADDR, 0, PAGE, -EINVAL },
		{ 47, bitmap, 0, PAGE, -EINVAL },
		/* alignment of the address, before ALL and a wrap */
		{ 24, 0, top + 1, 2 * PAGE, -EINVAL },
		{ 24, all, 1, 0, -EINVAL },
		{ 24, all, PAGE, 0, -EINVAL },
		{ 24, all, 0, PAGE, -EINVAL },
		/* the size, before a wrap */
		{ 24, 0, 0, 0, -EINVAL },
		{ 24, 0, top, 2 * PAGE + 1, -EINVAL },
		{ 24, 0, top, 2 * PAGE, -EOVERFLOW },
		/* a cut */
		{ 24, 0, PAGE, PAGE, -EINVAL },
		{ 24, 0, 0, PAGE, -EINVAL },
		{ 24, 0, IOVA, PAGE, 0 },
	};
	size_t i;

	dma_map(self->fd, self->mem, 0, 2 * PAGE, DMA_RW);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct {
			struct vfio_iommu_type1_dma_unmap unmap;
			struct vfio_bitmap bitmap;
		} arg = { .unmap = { rows[i].argsz, rows[i].flags, rows[i].iova, rows[i].size } };

		EXPECT_EQ(rows[i].result, __call(self->fd, VFIO_IOMMU_UNMAP_DMA, &arg)) {
			TH_LOG("row %zu", i);
		}
	}
}

TEST_F(mapping, unmap_bitmap_order)
{
	const uint64_t top = -PAGE, there = (uintptr_t)self->mem + PAGE;
	const uint64_t nowhere = PAGE, kernel = (uintptr_t)KERNEL;
	const struct {
		bool tracking;
		uint64_t iova, size, pgsize, bytes, data;
		int result;
	} rows[] = {
		/* the bitmap's memory and size, before a wrap */
		{ true, top, 2 * PAGE, PAGE, 8, kernel, -EINVAL },
		{ true, top, 2 * PAGE, PAGE, 8, -8ULL, -EINVAL },
		{ true, top, 2 * PAGE, PAGE, 0, there, -EINVAL },
		{ true, top, 2 * PAGE, PAGE, 7, there, -EINVAL },
		{ true, top, 2 * PAGE, PAGE, 0x10000008, there, -EINVAL },
		/* a wrap, before the page size and whether there is tracking */
		{ true, top, 2 * PAGE, 2 * PAGE, 8, there, -EOVERFLOW },
		{ false, top, 2 * PAGE, PAGE, 8, there, -EOVERFLOW },
		/* these, and a cut, before the bitmap is written */
		{ true, 0, 2 * PAGE, 2 * PAGE, 8, nowhere, -EINVAL },
		{ false, 0, 2 * PAGE, PAGE, 8, nowhere, -EINVAL },
		{ true, 0, PAGE, PAGE, 8, nowhere, -EINVAL },
		{ true, PAGE, PAGE, PAGE, 8, nowhere, -EINVAL },
		{ true, 0, 2 * PAGE, PAGE, 8, nowhere, -EFAULT },
		/* nothing to write */
		{ true, IOVA, 2 * PAGE, PAGE, 8, nowhere, 0 },
	};
	size_t i;

	dma_map(self->fd, self->mem, 0, 2 * PAGE, DMA_RW);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vfio_bitmap bitmap = { rows[i].pgsize, rows[i].bytes, (__u64 *)rows[i].data };

		ASSERT_EQ(0, __dirty_pages(self->fd, rows[i].tracking ? START : STOP));
		EXPECT_EQ(rows[i].result,
			  __dma_unmap_bitmap(self->fd, rows[i].iova, rows[i].size, bitmap)) {
			TH_LOG("row %zu", i);
		}
	}
	EXPECT_EQ(2 * PAGE, dma_unmap(self->fd, 0, 2 * PAGE));
}

/* A bitmap that ends too early stops the call where it is: what is done is done. */
TEST_F(mapping, unmap_stops_at_a_bad_bitmap)
{
	char *end = memory_end();
	struct vfio_bitmap bitmap = { PAGE, 16, (__u64 *)(end - 8) };

	ASSERT_EQ(0, __dirty_pages(self->fd, START));
	dma_map(self->fd, self->mem, IOVA, 2 * PAGE, DMA_RW);
	dma_map(self->fd, self->mem, IOVA + 64 * PAGE, 3 * PAGE, DMA_RW);
	EXPECT_EQ(-EFAULT, __dma_unmap_bitmap(self->fd, IOVA, 128 * PAGE, bitmap));
	EXPECT_EQ(3, *(uint64_t *)(end - 8));
	EXPECT_EQ(self->locked + KB(3), my_locked());
	EXPECT_EQ(3 * PAGE, dma_unmap(self->fd, IOVA, 128 * PAGE));
}

/* The answer is written last: too late to undo anything. */
TEST_F(mapping, unmap_cannot_answer)
{
	struct vfio_iommu_type1_dma_unmap *unmap = memory(PAGE);
	char *end = memory_end();

	*unmap = (struct vfio_iommu_type1_dma_unmap){
		.argsz = sizeof(*unmap), .iova = IOVA, .size = 2 * PAGE,
	};
	ASSERT_EQ(0, mprotect(unmap, PAGE, PROT_READ));
	dma_map(self->fd, self->mem, IOVA, 2 * PAGE, DMA_RW);
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_IOMMU_UNMAP_DMA, unmap));
	EXPECT_EQ(2 * PAGE, unmap->size);
	EXPECT_EQ(self->locked, my_locked());
	EXPECT_EQ(0, dma_unmap(self->fd, IOVA, 2 * PAGE));

	/* The bitmap's description is not there: that is noticed before anything is done. */
	dma_map(self->fd, self->mem, IOVA, 2 * PAGE, DMA_RW);
	unmap = (void *)(end - sizeof(*unmap));
	*unmap = (struct vfio_iommu_type1_dma_unmap){
		.argsz = 48, .flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP, .iova = 1, .size = 0,
	};
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_IOMMU_UNMAP_DMA, unmap));
	unmap->argsz = 47;
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_IOMMU_UNMAP_DMA, unmap));
	unmap->argsz = 48;
	unmap->flags |= VFIO_DMA_UNMAP_FLAG_ALL;
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_IOMMU_UNMAP_DMA, unmap));
	EXPECT_EQ(2 * PAGE, dma_unmap(self->fd, IOVA, 2 * PAGE));
}

TEST_HARNESS_MAIN
