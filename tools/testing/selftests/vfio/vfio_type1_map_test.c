// SPDX-License-Identifier: GPL-2.0-only
/*
 * Type 1 mappings: what GET_INFO says, and what MAP_DMA and UNMAP_DMA take and
 * refuse, in both versions. vfio_type1_dma_test shows what devices can reach.
 *
 * Uses an edu device alone in its group.
 */
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "vfio_test.h"

#define IOVA	0x1000000ULL

FIXTURE(type1)
{
	struct vfio vfio;
	int fd;		/* the container */
	char *mem;	/* 16 pages */
};

FIXTURE_VARIANT(type1)
{
	unsigned long type;
};

FIXTURE_VARIANT_ADD(type1, v1)
{
	.type = VFIO_TYPE1_IOMMU,
};

FIXTURE_VARIANT_ADD(type1, v2)
{
	.type = VFIO_TYPE1v2_IOMMU,
};

FIXTURE_SETUP(type1)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	vfio_open(&self->vfio, bdf, variant->type);
	self->fd = self->vfio.container;
	self->mem = memory(16 * PAGE);
}

FIXTURE_TEARDOWN(type1)
{
	vfio_close(&self->vfio);
}

/* One call of GET_INFO into a buffer of 0xa5, with room behind it. */
static int info_of_size(int fd, uint8_t *buffer, size_t size, uint32_t argsz)
{
	memset(buffer, 0xa5, size);
	memcpy(buffer, &argsz, sizeof(argsz));
	return __call(fd, VFIO_IOMMU_GET_INFO, buffer);
}

/* No byte that nobody wrote may get out of the kernel. */
TEST_F(type1, r20_info_of_any_size)
{
	struct vfio_iommu_type1_info *whole = iommu_info(self->fd);
	struct vfio_iommu_type1_info info;
	uint8_t buffer[1024];
	uint32_t argsz, untouched;

	ASSERT_LT(whole->argsz + 64, sizeof(buffer));
	for (argsz = 0; argsz < 16; argsz++) {
		EXPECT_EQ(-EINVAL, info_of_size(self->fd, buffer, sizeof(buffer), argsz));
		EXPECT_TRUE(is_all(buffer + 4, sizeof(buffer) - 4, 0xa5));
	}
	for (; argsz < whole->argsz + 64; argsz++) {
		ASSERT_EQ(0, info_of_size(self->fd, buffer, sizeof(buffer), argsz)) {
			TH_LOG("argsz %u", argsz);
		}
		memcpy(&info, buffer, sizeof(info));
		EXPECT_EQ(VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS, info.flags);
		EXPECT_EQ(whole->iova_pgsizes, info.iova_pgsizes);
		if (argsz < whole->argsz) {
			/* Too short for the chain: asks for more, gives the fixed part. */
			EXPECT_EQ(whole->argsz, info.argsz);
			if (argsz >= 20)
				EXPECT_EQ(0, info.cap_offset);
			untouched = argsz < sizeof(info) ? argsz : sizeof(info);
		} else {
			EXPECT_EQ(argsz, info.argsz);
			EXPECT_EQ(sizeof(info), info.cap_offset);
			EXPECT_EQ(0, memcmp(buffer + sizeof(info), whole + 1,
					    whole->argsz - sizeof(info)));
			untouched = whole->argsz;
		}
		/* Not a byte more than that was written. */
		ASSERT_TRUE(is_all(buffer + untouched, sizeof(buffer) - untouched, 0xa5)) {
			TH_LOG("argsz %u", argsz);
		}
	}
	free(whole);
}

TEST_F(type1, capability_chain)
{
	struct vfio_iommu_type1_info *info = iommu_info(self->fd);
	const struct vfio_iommu_type1_info_cap_migration *migration;
	const struct vfio_iommu_type1_info_cap_iova_range *ranges;
	const struct vfio_iommu_type1_info_dma_avail *avail;
	uint32_t i, hole;

	EXPECT_TRUE(info->iova_pgsizes & PAGE);
	EXPECT_EQ(0, info->iova_pgsizes & (PAGE - 1));
	EXPECT_EQ(24, info->cap_offset);
	EXPECT_EQ(0, info->pad);

	migration = (const void *)((char *)info + 24);
	ASSERT_EQ(VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION, migration->header.id);
	EXPECT_EQ(1, migration->header.version);
	EXPECT_EQ(56, migration->header.next);
	EXPECT_EQ(0, migration->flags);
	memcpy(&hole, &migration->flags + 1, sizeof(hole));
	EXPECT_EQ(0, hole);
	EXPECT_EQ(PAGE, migration->pgsize_bitmap);
	EXPECT_EQ(0x10000000, migration->max_dirty_bitmap_size);

	avail = (const void *)((char *)info + 56);
	ASSERT_EQ(VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, avail->header.id);
	EXPECT_EQ(1, avail->header.version);
	EXPECT_EQ(72, avail->header.next);
	EXPECT_EQ(65535, avail->avail);

	ranges = (const void *)((char *)info + 72);
	ASSERT_EQ(VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, ranges->header.id);
	EXPECT_EQ(1, ranges->header.version);
	EXPECT_EQ(0, ranges->header.next);
	EXPECT_EQ(0, ranges->reserved);
	EXPECT_EQ(info->argsz, 72 + sizeof(*ranges) +
		  ranges->nr_iovas * sizeof(ranges->iova_ranges[0]));

	/* Ascending, disjoint, not touching, and with the interrupt window left out. */
	ASSERT_LE(2, ranges->nr_iovas);
	EXPECT_EQ(0, ranges->iova_ranges[0].start);
	EXPECT_EQ(0xfedfffff, ranges->iova_ranges[0].end);
	EXPECT_EQ(0xfef00000, ranges->iova_ranges[1].start);
	for (i = 0; i < ranges->nr_iovas; i++) {
		EXPECT_LT(ranges->iova_ranges[i].start, ranges->iova_ranges[i].end);
		if (i)
			EXPECT_LT(ranges->iova_ranges[i - 1].end + 1, ranges->iova_ranges[i].start);
	}
	free(info);
}

TEST_F(type1, mappings_are_counted)
{
	uint32_t before = dma_avail(self->fd);

	dma_map(self->fd, self->mem, 0, PAGE, DMA_RW);
	dma_map(self->fd, self->mem, 4 * PAGE, 2 * PAGE, DMA_RW);
	EXPECT_EQ(before - 2, dma_avail(self->fd));
	EXPECT_EQ(-EEXIST, __dma_map(self->fd, self->mem, 0, PAGE, DMA_RW));
	EXPECT_EQ(-EFAULT, __dma_map(self->fd, NULL, 8 * PAGE, PAGE, DMA_RW));
	EXPECT_EQ(before - 2, dma_avail(self->fd));
	EXPECT_EQ(PAGE, dma_unmap(self->fd, 0, PAGE));
	EXPECT_EQ(before - 1, dma_avail(self->fd));
	EXPECT_EQ(2 * PAGE, dma_unmap(self->fd, 4 * PAGE, 2 * PAGE));
	EXPECT_EQ(before, dma_avail(self->fd));
}

TEST_F(type1, map_flags)
{
	static const uint32_t bad[] = {
		0, VFIO_DMA_MAP_FLAG_VADDR | VFIO_DMA_MAP_FLAG_READ,
		VFIO_DMA_MAP_FLAG_VADDR | VFIO_DMA_MAP_FLAG_WRITE,
		VFIO_DMA_MAP_FLAG_VADDR | DMA_RW, DMA_RW | 8, DMA_RW | 1U << 31,
	};
	uint32_t good;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, 0, PAGE, bad[i])) {
			TH_LOG("flags %#x", bad[i]);
		}
	}
	for (good = 1; good <= 3; good++) {
		EXPECT_EQ(0, __dma_map(self->fd, self->mem, 0, PAGE, good));
		EXPECT_EQ(PAGE, dma_unmap(self->fd, 0, PAGE));
	}
	EXPECT_EQ(-ENOENT, __dma_map(self->fd, self->mem, 0, PAGE, VFIO_DMA_MAP_FLAG_VADDR));
}

TEST_F(type1, map_alignment)
{
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, IOVA + 1, PAGE, DMA_RW));
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, IOVA + PAGE / 2, PAGE, DMA_RW));
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem + 8, IOVA, PAGE, DMA_RW));
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, IOVA, PAGE - 1, DMA_RW));
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, IOVA, 1, DMA_RW));
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, IOVA, 0, DMA_RW));
}

TEST_F(type1, map_wraps)
{
	const uint64_t top = -PAGE;

	EXPECT_EQ(-EOVERFLOW, __dma_map(self->fd, self->mem, top, 2 * PAGE, DMA_RW));
	EXPECT_EQ(-EOVERFLOW, __dma_map(self->fd, (void *)top, IOVA, 2 * PAGE, DMA_RW));
	EXPECT_EQ(-EOVERFLOW, __dma_map(self->fd, self->mem, IOVA, -PAGE, DMA_RW));
	/* Wrapping is noticed before flags and alignment, size 0 before wrapping. */
	EXPECT_EQ(-EOVERFLOW, __dma_map(self->fd, self->mem, top + 1, 2 * PAGE, 0));
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, (void *)top, top, 0, DMA_RW));
	/* A range that ends with the last byte does not wrap; but nothing is there. */
	EXPECT_EQ(-EFAULT, __dma_map(self->fd, (void *)top, IOVA, PAGE, DMA_RW));
}

TEST_F(type1, map_overlap)
{
	dma_map(self->fd, self->mem, IOVA, 4 * PAGE, DMA_RW);
	EXPECT_EQ(-EEXIST, __dma_map(self->fd, self->mem, IOVA, 4 * PAGE, DMA_RW));
	EXPECT_EQ(-EEXIST, __dma_map(self->fd, self->mem, IOVA + PAGE, PAGE, DMA_RW));
	EXPECT_EQ(-EEXIST, __dma_map(self->fd, self->mem, IOVA - PAGE, 2 * PAGE, DMA_RW));
	EXPECT_EQ(-EEXIST, __dma_map(self->fd, self->mem, IOVA + 3 * PAGE, 2 * PAGE, DMA_RW));
	EXPECT_EQ(-EEXIST, __dma_map(self->fd, self->mem, IOVA - PAGE, 6 * PAGE, DMA_RW));
	/* Neighbours are none of its business. */
	EXPECT_EQ(0, __dma_map(self->fd, self->mem, IOVA - PAGE, PAGE, DMA_RW));
	EXPECT_EQ(0, __dma_map(self->fd, self->mem, IOVA + 4 * PAGE, PAGE, DMA_RW));
}

TEST_F(type1, map_outside_the_ranges)
{
	struct vfio_iommu_type1_info *info = iommu_info(self->fd);
	const struct vfio_iommu_type1_info_cap_iova_range *cap;
	uint32_t i;

	cap = iommu_cap(info, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
	ASSERT_NE(NULL, cap);
	for (i = 0; i < cap->nr_iovas; i++) {
		uint64_t after = cap->iova_ranges[i].end + 1;

		/* The last page that is in, the first that is out, and both. */
		EXPECT_EQ(0, __dma_map(self->fd, self->mem, after - PAGE, PAGE, DMA_RW));
		EXPECT_EQ(PAGE, __dma_unmap(self->fd, after - PAGE, PAGE));
		if (!after)
			continue;
		EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, after, PAGE, DMA_RW));
		EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, after - PAGE, 2 * PAGE, DMA_RW));
		/* An overlap is noticed first. */
		dma_map(self->fd, self->mem, after - PAGE, PAGE, DMA_RW);
		EXPECT_EQ(-EEXIST, __dma_map(self->fd, self->mem, after - PAGE, 2 * PAGE, DMA_RW));
		EXPECT_EQ(PAGE, __dma_unmap(self->fd, after - PAGE, PAGE));
	}
	free(info);
}

TEST_F(type1, map_memory_that_is_not_there)
{
	char *hole = memory(3 * PAGE);
	char *constant = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long locked = vm_locked_kb(getpid());

	ASSERT_EQ(0, munmap(hole + PAGE, PAGE));
	EXPECT_EQ(-EFAULT, __dma_map(self->fd, hole + PAGE, IOVA, PAGE, DMA_RW));
	/* A part is enough to fail, and nothing of the rest stays. */
	EXPECT_EQ(-EFAULT, __dma_map(self->fd, hole, IOVA, 3 * PAGE, DMA_RW));
	EXPECT_EQ(0, __dma_unmap(self->fd, IOVA, 3 * PAGE));
	EXPECT_EQ(0, __dma_map(self->fd, self->mem, IOVA, 3 * PAGE, DMA_RW));
	EXPECT_EQ(3 * PAGE, __dma_unmap(self->fd, IOVA, 3 * PAGE));

	/* Memory that the caller cannot write. */
	EXPECT_EQ(-EFAULT, __dma_map(self->fd, constant, IOVA, PAGE, DMA_RW));
	EXPECT_EQ(-EFAULT, __dma_map(self->fd, constant, IOVA, PAGE, VFIO_DMA_MAP_FLAG_WRITE));
	EXPECT_EQ(0, __dma_map(self->fd, constant, IOVA, PAGE, VFIO_DMA_MAP_FLAG_READ));
	EXPECT_EQ(PAGE, __dma_unmap(self->fd, IOVA, PAGE));

	/* Memory of the kernel. */
	EXPECT_EQ(-EFAULT, __dma_map(self->fd, (void *)0xffff888000000000, IOVA, PAGE, DMA_RW));
	EXPECT_EQ(locked, vm_locked_kb(getpid()));
}

TEST_F(type1, unmap_refusals)
{
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof(unmap) };

	dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW);
	EXPECT_EQ(-EINVAL, __dma_unmap(self->fd, IOVA, 0));
	EXPECT_EQ(-EINVAL, __dma_unmap(self->fd, IOVA + 1, PAGE));
	EXPECT_EQ(-EINVAL, __dma_unmap(self->fd, IOVA, PAGE - 1));
	EXPECT_EQ(-EOVERFLOW, __dma_unmap(self->fd, -PAGE, 2 * PAGE));
	EXPECT_EQ(-EOVERFLOW, __dma_unmap(self->fd, IOVA, -PAGE));
	EXPECT_EQ(-EINVAL, __dma_unmap_flags(self->fd, IOVA, PAGE, 8));
	EXPECT_EQ(-EINVAL, __dma_unmap_flags(self->fd, IOVA, PAGE, 1U << 31));

	/* After an error the structure is as it was. */
	unmap.iova = IOVA;
	unmap.size = PAGE + 1;
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	EXPECT_EQ(PAGE + 1, unmap.size);
	EXPECT_EQ(PAGE, __dma_unmap(self->fd, IOVA, PAGE));
}

TEST_F(type1, unmap_nothing)
{
	EXPECT_EQ(0, __dma_unmap(self->fd, IOVA, PAGE));
	EXPECT_EQ(0, __dma_unmap(self->fd, 0, 1ULL << 40));
	EXPECT_EQ(0, __dma_unmap(self->fd, -PAGE, PAGE));
	EXPECT_EQ(0, __dma_unmap_flags(self->fd, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL));
}

TEST_F(type1, unmap_across_holes)
{
	dma_map(self->fd, self->mem, IOVA, 2 * PAGE, DMA_RW);
	dma_map(self->fd, self->mem, IOVA + 4 * PAGE, PAGE, DMA_RW);
	dma_map(self->fd, self->mem, IOVA + 8 * PAGE, PAGE, DMA_RW);
	EXPECT_EQ(3 * PAGE, __dma_unmap(self->fd, IOVA - PAGE, 8 * PAGE));
	EXPECT_EQ(PAGE, __dma_unmap(self->fd, IOVA - PAGE, 16 * PAGE));
}

TEST_F(type1, unmap_all)
{
	dma_map(self->fd, self->mem, IOVA, 4 * PAGE, DMA_RW);
	dma_map(self->fd, self->mem, 0, PAGE, DMA_RW);
	EXPECT_EQ(-EINVAL, __dma_unmap_flags(self->fd, 0, PAGE, VFIO_DMA_UNMAP_FLAG_ALL));
	EXPECT_EQ(-EINVAL, __dma_unmap_flags(self->fd, PAGE, 0, VFIO_DMA_UNMAP_FLAG_ALL));
	EXPECT_EQ(5 * PAGE, __dma_unmap_flags(self->fd, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL));
	EXPECT_EQ(0, __dma_unmap_flags(self->fd, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL));
	EXPECT_EQ(65535, dma_avail(self->fd));
}

TEST_F(type1, unmap_a_part)
{
	bool cuts = variant->type == VFIO_TYPE1_IOMMU;

	dma_map(self->fd, self->mem, IOVA, 4 * PAGE, DMA_RW);
	dma_map(self->fd, self->mem, IOVA + 4 * PAGE, PAGE, DMA_RW);

	/* A range that starts inside: v1 does nothing at all, v2 refuses. */
	EXPECT_EQ(cuts ? 0 : -EINVAL, __dma_unmap(self->fd, IOVA + PAGE, PAGE));
	EXPECT_EQ(cuts ? 0 : -EINVAL, __dma_unmap(self->fd, IOVA + PAGE, 4 * PAGE));
	EXPECT_EQ(65533, dma_avail(self->fd));

	/* A range that ends inside: v1 unmaps the whole mapping, v2 refuses. */
	EXPECT_EQ(cuts ? (int64_t)(4 * PAGE) : -EINVAL, __dma_unmap(self->fd, IOVA, PAGE));
	EXPECT_EQ(cuts ? 65534 : 65533, dma_avail(self->fd));
	EXPECT_EQ(cuts ? PAGE : 5 * PAGE, __dma_unmap(self->fd, IOVA, 5 * PAGE));
}

TEST_HARNESS_MAIN
