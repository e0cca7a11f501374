// SPDX-License-Identifier: GPL-2.0-only
/*
 * POWER: the container of type sPAPR TCE v2, in which memory is registered
 * before it can be mapped.
 *
 * Uses an edu device alone in its group, which reaches 256 MiB: the 32-bit
 * window begins at 0. Skipped where there are no TCE tables.
 */
#include "kselftest_harness.h"
#include "vfio_test.h"
#include "vfio_spapr.h"

#define IOVA	SPAPR_IOVA
#define PAGES	SPAPR_PAGES

SPAPR_SETUP(VFIO_SPAPR_TCE_v2_IOMMU)

TEST_F(spapr, windows)
{
	struct vfio_iommu_spapr_tce_info info = { .argsz = sizeof(info) };

	ASSERT_EQ(0, __call(self->fd, VFIO_IOMMU_SPAPR_TCE_GET_INFO, &info));
	EXPECT_EQ(0, info.dma32_window_start);
	EXPECT_LT(EDU_IOVA_MAX, info.dma32_window_size);
	EXPECT_EQ(VFIO_IOMMU_SPAPR_INFO_DDW, info.flags);
	EXPECT_NE(0, info.ddw.pgsizes & getpagesize());
	EXPECT_LE(1, info.ddw.max_dynamic_windows_supported);
	EXPECT_LE(1, info.ddw.levels);

	info.argsz = 15;
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_IOMMU_SPAPR_TCE_GET_INFO, &info));
}

TEST_F(spapr, only_registered_memory_is_mapped)
{
	/* Whose container it is settles with the first call about memory. */
	EXPECT_EQ(-EPERM, __dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW));
	ASSERT_EQ(0, __spapr_register(self->fd, self->mem, PAGE));
	EXPECT_EQ(0, __dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW));
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem + PAGE, IOVA + PAGE, PAGE, DMA_RW));
	EXPECT_EQ(PAGE, __dma_unmap(self->fd, IOVA, PAGE));
	EXPECT_EQ(0, __spapr_unregister(self->fd, self->mem, PAGE));
	EXPECT_EQ(-ENOENT, __spapr_unregister(self->fd, self->mem, PAGE));
}

TEST_F(spapr, dma)
{
	int i;

	ASSERT_EQ(0, __spapr_register(self->fd, self->mem, PAGES * PAGE));
	dma_map(self->fd, self->mem, IOVA, PAGES * PAGE, DMA_RW);
	for (i = 0; i < EDU_BUFFER; i++)
		self->mem[i] = i * 7 + (i >> 8);
	edu_copy(&self->edu, IOVA, IOVA + (PAGES - 1) * PAGE, EDU_BUFFER);
	EXPECT_EQ(0, memcmp(self->mem, self->mem + (PAGES - 1) * PAGE, EDU_BUFFER));
	EXPECT_EQ(PAGES * PAGE, __dma_unmap(self->fd, IOVA, PAGES * PAGE));
	EXPECT_EQ(0, __spapr_unregister(self->fd, self->mem, PAGES * PAGE));
}

TEST_F(spapr, unmapped_memory_stays_untouched)
{
	char *far = self->mem + PAGE;

	ASSERT_EQ(0, __spapr_register(self->fd, self->mem, PAGES * PAGE));
	dma_map(self->fd, self->mem, IOVA, 2 * PAGE, DMA_RW);
	memset(self->mem, 0x5a, EDU_BUFFER);
	memset(far, 0xa5, EDU_BUFFER);
	edu_dma_from(&self->edu, IOVA, EDU_BUFFER);
	EXPECT_EQ(PAGE, __dma_unmap(self->fd, IOVA + PAGE, PAGE));
	edu_dma_to(&self->edu, IOVA + PAGE, EDU_BUFFER);
	EXPECT_TRUE(is_all(far, EDU_BUFFER, 0xa5));
	EXPECT_EQ(PAGE, __dma_unmap(self->fd, IOVA, PAGE));
	EXPECT_EQ(0, __spapr_unregister(self->fd, self->mem, PAGES * PAGE));
}

TEST_F(spapr, second_window)
{
	uint64_t start;

	ASSERT_EQ(0, __spapr_create(self->fd, __builtin_ctz(PAGE), 1ULL << 30, 1, &start));
	EXPECT_LT(UINT32_MAX, start);
	ASSERT_EQ(0, __spapr_register(self->fd, self->mem, PAGE));
	EXPECT_EQ(0, __dma_map(self->fd, self->mem, start, PAGE, DMA_RW));
	EXPECT_EQ(PAGE, __dma_unmap(self->fd, start, PAGE));
	EXPECT_EQ(0, __spapr_unregister(self->fd, self->mem, PAGE));

	EXPECT_EQ(0, __spapr_remove(self->fd, start));
	EXPECT_EQ(-EINVAL, __spapr_remove(self->fd, start));
}

TEST_HARNESS_MAIN
