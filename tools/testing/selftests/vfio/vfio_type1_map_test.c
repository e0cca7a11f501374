// SPDX-License-Identifier: GPL-2.0-only
/*
 * Type 1 mappings: what GET_INFO says, what MAP_DMA and UNMAP_DMA take and
 * refuse, and what a device can reach afterwards.
 *
 * Uses one edu device, two for the shared container. Addresses for the device
 * stay below 256 MiB, which is all that an edu can reach.
 */
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "vfio_test.h"

#define IOVA	0x1000000ULL

static void fill(void *mem, size_t size, uint8_t seed)
{
	uint8_t *byte = mem;
	size_t i;

	for (i = 0; i < size; i++)
		byte[i] = seed + i * 7 + (i >> 8);
}

static bool is_filled(const void *mem, size_t size, uint8_t seed)
{
	const uint8_t *byte = mem;
	size_t i;

	for (i = 0; i < size; i++)
		if (byte[i] != (uint8_t)(seed + i * 7 + (i >> 8)))
			return false;
	return true;
}

static bool is_all(const void *mem, size_t size, uint8_t value)
{
	const uint8_t *byte = mem;
	size_t i;

	for (i = 0; i < size; i++)
		if (byte[i] != value)
			return false;
	return true;
}

/* ---- Both versions --------------------------------------------------------- */

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

TEST_F(type1, info_of_any_size)
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

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, 0, PAGE, bad[i])) {
			TH_LOG("flags %#x", bad[i]);
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

/* ---- With a device that does DMA -------------------------------------------- */

FIXTURE(dma)
{
	struct vfio vfio;
	struct edu edu;
	int fd;
	char *mem;	/* 16 pages */
};

FIXTURE_SETUP(dma)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	edu_open(&self->edu, self->vfio.device);
	self->fd = self->vfio.container;
	self->mem = memory(16 * PAGE);
}

FIXTURE_TEARDOWN(dma)
{
	edu_close(&self->edu);
	vfio_close(&self->vfio);
}

TEST_F(dma, reads_and_writes)
{
	size_t i;

	dma_map(self->fd, self->mem, IOVA, 16 * PAGE, DMA_RW);
	for (i = 0; i < 4; i++) {
		char *from = self->mem + i * PAGE, *to = self->mem + (15 - i) * PAGE;

		fill(from, PAGE, i);
		edu_copy(&self->edu, IOVA + i * PAGE, IOVA + (15 - i) * PAGE, PAGE);
		EXPECT_TRUE(is_filled(to, PAGE, i));
	}
	/* Odd places and sizes. */
	fill(self->mem, 100, 77);
	edu_copy(&self->edu, IOVA, IOVA + 2 * PAGE + 13, 100);
	EXPECT_TRUE(is_filled(self->mem + 2 * PAGE + 13, 100, 77));
}

TEST_F(dma, reaches_the_last_address_it_can)
{
	dma_map(self->fd, self->mem, EDU_IOVA_MAX + 1 - PAGE, PAGE, DMA_RW);
	dma_map(self->fd, self->mem + PAGE, 0, PAGE, DMA_RW);
	fill(self->mem, PAGE, 3);
	edu_copy(&self->edu, EDU_IOVA_MAX + 1 - PAGE, 0, PAGE);
	EXPECT_TRUE(is_filled(self->mem + PAGE, PAGE, 3));
}

TEST_F(dma, same_memory_at_two_addresses)
{
	dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW);
	dma_map(self->fd, self->mem, 2 * IOVA, PAGE, DMA_RW);
	fill(self->mem, PAGE / 2, 9);
	edu_copy(&self->edu, IOVA, 2 * IOVA + PAGE / 2, PAGE / 2);
	EXPECT_TRUE(is_filled(self->mem + PAGE / 2, PAGE / 2, 9));
}

TEST_F(dma, is_stopped_outside_of_mappings)
{
	char *middle = self->mem + PAGE;

	/* A page, with untouchable neighbours on both sides. */
	memset(self->mem, 0xc1, 3 * PAGE);
	dma_map(self->fd, middle, IOVA, PAGE, DMA_RW);
	fill(middle, PAGE, 5);
	edu_dma_from(&self->edu, IOVA, PAGE);
	edu_dma_to(&self->edu, IOVA - PAGE, PAGE);
	edu_dma_to(&self->edu, IOVA + PAGE, PAGE);
	EXPECT_TRUE(is_all(self->mem, PAGE, 0xc1));
	EXPECT_TRUE(is_all(self->mem + 2 * PAGE, PAGE, 0xc1));

	/* Inside, the same device still works. */
	memset(middle, 0, PAGE);
	edu_dma_to(&self->edu, IOVA, PAGE);
	EXPECT_TRUE(is_filled(middle, PAGE, 5));
}

TEST_F(dma, is_stopped_by_unmap)
{
	dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW);
	dma_map(self->fd, self->mem + PAGE, 2 * IOVA, PAGE, DMA_RW);
	fill(self->mem, PAGE, 5);
	/* The second one is in the IOTLB when it goes. */
	edu_copy(&self->edu, IOVA, 2 * IOVA, PAGE);
	EXPECT_EQ(PAGE, __dma_unmap(self->fd, 2 * IOVA, PAGE));
	memset(self->mem + PAGE, 0xc1, PAGE);
	edu_dma_to(&self->edu, 2 * IOVA, PAGE);
	EXPECT_TRUE(is_all(self->mem + PAGE, PAGE, 0xc1));
}

TEST_F(dma, read_only_mapping)
{
	dma_map(self->fd, self->mem, IOVA, PAGE, VFIO_DMA_MAP_FLAG_READ);
	dma_map(self->fd, self->mem + PAGE, 2 * IOVA, PAGE, DMA_RW);
	fill(self->mem, PAGE, 5);
	edu_copy(&self->edu, IOVA, 2 * IOVA, PAGE);
	EXPECT_TRUE(is_filled(self->mem + PAGE, PAGE, 5));

	memset(self->mem, 0xc1, PAGE);
	edu_dma_to(&self->edu, IOVA, PAGE);
	EXPECT_TRUE(is_all(self->mem, PAGE, 0xc1));
}

TEST_F(dma, write_only_mapping)
{
	dma_map(self->fd, self->mem, IOVA, PAGE, VFIO_DMA_MAP_FLAG_WRITE);
	dma_map(self->fd, self->mem + PAGE, 2 * IOVA, PAGE, DMA_RW);
	fill(self->mem + PAGE, PAGE, 5);
	edu_copy(&self->edu, 2 * IOVA, IOVA, PAGE);
	EXPECT_TRUE(is_filled(self->mem, PAGE, 5));

	/* What is there must not get out. */
	fill(self->mem, PAGE, 99);
	edu_copy(&self->edu, IOVA, 2 * IOVA, PAGE);
	EXPECT_FALSE(is_filled(self->mem + PAGE, PAGE, 99));
}

TEST_F(dma, private_memory)
{
	char *mem = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* Never touched before it is mapped. */
	dma_map(self->fd, mem, IOVA, 2 * PAGE, DMA_RW);
	fill(mem, PAGE, 11);
	edu_copy(&self->edu, IOVA, IOVA + PAGE, PAGE);
	EXPECT_TRUE(is_filled(mem + PAGE, PAGE, 11));
}

TEST_F(dma, large_mapping)
{
	const size_t size = 64UL << 20;
	char *mem = memory(size);
	size_t at;

	madvise(mem, size, MADV_HUGEPAGE);
	dma_map(self->fd, mem, IOVA, size, DMA_RW);
	for (at = 0; at < size; at += size / 4 + PAGE) {
		fill(mem + at, PAGE, at >> 12);
		edu_copy(&self->edu, IOVA + at, IOVA + size - PAGE, PAGE);
		EXPECT_TRUE(is_filled(mem + size - PAGE, PAGE, at >> 12));
	}
	EXPECT_EQ(size, __dma_unmap(self->fd, IOVA, size));
	munmap(mem, size);
}

/* The memory of a device, for another device to reach. */
TEST_F(dma, device_memory)
{
	void *bar = (void *)self->edu.regs;
	long locked = vm_locked_kb(getpid());

	EXPECT_EQ(0, __dma_map(self->fd, bar, IOVA, 1 << 20, DMA_RW));
	EXPECT_EQ(locked, vm_locked_kb(getpid()));
	EXPECT_EQ(1 << 20, __dma_unmap(self->fd, IOVA, 1 << 20));

	/* With decoding off there is no memory. */
	pci_command(self->vfio.device, 0, 2);
	EXPECT_EQ(-EFAULT, __dma_map(self->fd, bar, IOVA, 1 << 20, DMA_RW));
	EXPECT_EQ(-EFAULT, __dma_map(self->fd, bar, IOVA, PAGE, VFIO_DMA_MAP_FLAG_READ));

	pci_command(self->vfio.device, 2, 0);
	EXPECT_EQ(0, __dma_map(self->fd, bar, IOVA, 1 << 20, DMA_RW));
	EXPECT_EQ(1 << 20, __dma_unmap(self->fd, IOVA, 1 << 20));
	EXPECT_EQ(locked, vm_locked_kb(getpid()));
}

/* ---- Two groups, one container ---------------------------------------------- */

FIXTURE(shared)
{
	struct vfio first;
	char bdf[BDF_LEN];
	int group;
	int device;
	struct edu edu[2];
	char *mem;
};

FIXTURE_SETUP(shared)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf) || !pci_find_alone(ID_EDU, 1, self->bdf))
		SKIP(return, "no two edu devices in groups of their own");
	vfio_open(&self->first, bdf, VFIO_TYPE1v2_IOMMU);
	edu_open(&self->edu[0], self->first.device);
	self->mem = memory(4 * PAGE);
	pci_bind(self->bdf, "vfio-pci");
	self->group = group_open(pci_group(self->bdf));
	self->device = -1;
}

FIXTURE_TEARDOWN(shared)
{
	edu_close(&self->edu[0]);
	close(self->device);
	close(self->group);
	pci_unbind(self->bdf);
	vfio_close(&self->first);
}

TEST_F(shared, both_reach_the_mappings)
{
	int fd = self->first.container;

	/* One mapping from before the second group, one from after. */
	dma_map(fd, self->mem, IOVA, PAGE, DMA_RW);
	group_set_container(self->group, fd);
	dma_map(fd, self->mem + PAGE, 2 * IOVA, 2 * PAGE, DMA_RW);
	self->device = group_get_device(self->group, self->bdf);
	edu_open(&self->edu[1], self->device);

	fill(self->mem, PAGE, 1);
	edu_copy(&self->edu[0], IOVA, 2 * IOVA, PAGE);
	EXPECT_TRUE(is_filled(self->mem + PAGE, PAGE, 1));
	edu_copy(&self->edu[1], IOVA, 2 * IOVA + PAGE, PAGE);
	EXPECT_TRUE(is_filled(self->mem + 2 * PAGE, PAGE, 1));
	edu_close(&self->edu[1]);
}

TEST_F(shared, mappings_stay_when_one_leaves)
{
	int fd = self->first.container;
	long locked = vm_locked_kb(getpid());

	group_set_container(self->group, fd);
	dma_map(fd, self->mem, IOVA, 2 * PAGE, DMA_RW);
	EXPECT_EQ(0, __group_unset_container(self->group));
	fill(self->mem, PAGE, 1);
	edu_copy(&self->edu[0], IOVA, IOVA + PAGE, PAGE);
	EXPECT_TRUE(is_filled(self->mem + PAGE, PAGE, 1));
	EXPECT_EQ(locked + 8, vm_locked_kb(getpid()));

	/* It can come back. */
	group_set_container(self->group, fd);
	EXPECT_EQ(2 * PAGE, __dma_unmap(fd, IOVA, 2 * PAGE));
}

TEST_F(shared, one_group_cannot_join_two)
{
	int other = container_open();

	group_set_container(self->group, other);
	EXPECT_EQ(-EINVAL, __group_set_container(self->group, self->first.container));
	EXPECT_EQ(0, __group_unset_container(self->group));
	EXPECT_EQ(0, __group_set_container(self->group, self->first.container));
	close(other);
}

/* While addresses are invalid no group can join: there is no memory to map. */
TEST_F(shared, nobody_joins_with_invalid_addresses)
{
	int fd = self->first.container;

	dma_map(fd, self->mem, IOVA, PAGE, DMA_RW);
	EXPECT_EQ(PAGE, __dma_unmap_flags(fd, IOVA, PAGE, VFIO_DMA_UNMAP_FLAG_VADDR));
	EXPECT_EQ(-EBUSY, __group_set_container(self->group, fd));
	EXPECT_EQ(0, __dma_map(fd, self->mem, IOVA, PAGE, VFIO_DMA_MAP_FLAG_VADDR));
	EXPECT_EQ(0, __group_set_container(self->group, fd));
}

TEST_HARNESS_MAIN
