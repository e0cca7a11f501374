// SPDX-License-Identifier: GPL-2.0-only
/*
 * POWER: DMA windows that a program makes and removes, and what devices reach
 * through them.
 */
#include "kselftest_harness.h"
#include "vfio_test.h"
#include "nvme.h"
#include "vfio_spapr.h"

#define IOVA	SPAPR_IOVA
#define GB	(1ULL << 30)

SPAPR_SETUP(VFIO_SPAPR_TCE_v2_IOMMU)

TEST_F(spapr, each_page_size)
{
	struct vfio_iommu_spapr_tce_info info;
	unsigned int shift, sizes = 0;
	uint64_t start;
	long locked;

	ASSERT_EQ(0, __spapr_info(self->fd, &info));
	ASSERT_EQ(0, __spapr_register(self->fd, self->mem, SPAPR_PAGES * PAGE));
	/* The first of all makes the 32-bit window. */
	ASSERT_EQ(0, __dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW));
	locked = my_locked();
	for (shift = 12; shift < 35; shift++) {
		int result = __spapr_create(self->fd, shift, 4 * GB, 1, &start);

		if (!(info.ddw.pgsizes & 1ULL << shift)) {
			EXPECT_EQ(-EINVAL, result);
			continue;
		}
		ASSERT_EQ(0, result) TH_LOG("pages of 2^%u", shift);
		EXPECT_LE(locked, my_locked());
		EXPECT_LE(4 * GB, start);
		/* Ordinary memory, which has small pages, is none for a window with large ones. */
		result = __dma_map(self->fd, self->mem, start, 1ULL << shift, DMA_RW);
		EXPECT_EQ(1ULL << shift <= PAGE ? 0 : -EINVAL, result) TH_LOG("2^%u", shift);
		/* The table takes a page at least, so a window of large pages may be larger. */
		if (1ULL << shift <= PAGE)
			EXPECT_EQ(-ENXIO, __dma_unmap(self->fd, start + 4 * GB, PAGE));
		EXPECT_EQ(0, __spapr_remove(self->fd, start));
		EXPECT_EQ(locked, my_locked());
		sizes++;
	}
	EXPECT_LE(2, sizes);
}

TEST_F(spapr, tables_are_paid_for)
{
	long locked = my_locked();
	uint64_t start;

	/* Drop the 32-bit window, which was not made yet. */
	ASSERT_EQ(0, __spapr_remove(self->fd, 0));
	ASSERT_EQ(0, __spapr_create(self->fd, 16, GB, 1, &start));
	/* 8 bytes for each of 16384 entries, and on bare machines again for the user view. */
	EXPECT_LE(locked + 128, my_locked());
	EXPECT_GE(locked + 256, my_locked());
	EXPECT_EQ(0, __spapr_remove(self->fd, start));
	EXPECT_EQ(locked, my_locked());
}

TEST_F(spapr, any_address_names_a_window)
{
	uint64_t start;

	ASSERT_EQ(0, __spapr_create(self->fd, 16, GB, 1, &start));
	EXPECT_EQ(-EINVAL, __spapr_remove(self->fd, start + GB));
	EXPECT_EQ(0, __spapr_remove(self->fd, start + GB - 1));
	EXPECT_EQ(-EINVAL, __spapr_remove(self->fd, start));
}

/* Removing a window takes what is mapped from the devices, and lets go of the memory. */
TEST_F(spapr, removing_a_window_that_is_in_use)
{
	uint64_t start;
	int round;

	ASSERT_EQ(0, __spapr_register(self->fd, self->mem, SPAPR_PAGES * PAGE));
	for (round = 0; round < 3; round++) {
		ASSERT_EQ(0, __spapr_create(self->fd, 16, GB, 1, &start));
		ASSERT_EQ(0, __dma_map(self->fd, self->mem, start, SPAPR_PAGES * PAGE, DMA_RW));
		ASSERT_EQ(0, __dma_map(self->fd, self->mem, start + GB - PAGE, PAGE, DMA_RW));
		ASSERT_EQ(0, __spapr_remove(self->fd, start));
		EXPECT_EQ(-ENXIO, __dma_unmap(self->fd, start, PAGE));
	}
	EXPECT_EQ(0, __spapr_unregister(self->fd, self->mem, SPAPR_PAGES * PAGE));
	EXPECT_EQ(-ENOENT, __spapr_unregister(self->fd, self->mem, SPAPR_PAGES * PAGE));
}

TEST_F(spapr, the_32_bit_window_can_be_made_again)
{
	ASSERT_EQ(0, __spapr_register(self->fd, self->mem, SPAPR_PAGES * PAGE));
	ASSERT_EQ(0, __dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW));
	ASSERT_EQ(0, __spapr_remove(self->fd, 0));
	EXPECT_EQ(-ENXIO, __dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW));
}

/* Several entries of 4 KiB for one page of the processor, in the middle of others. */
TEST_F(spapr, parts_of_a_page)
{
	char *part = self->mem + PAGE - 4096;

	ASSERT_EQ(0, __spapr_register(self->fd, self->mem, SPAPR_PAGES * PAGE));
	ASSERT_EQ(0, __dma_map(self->fd, part, IOVA, 2 * 4096, DMA_RW));
	memset(part, 0x77, 4096);
	edu_copy(&self->edu, IOVA, IOVA + 4096, EDU_BUFFER);
	EXPECT_TRUE(is_all(part + 4096, 4096, 0x77));
	EXPECT_EQ(0, part[8192]);
	EXPECT_EQ(4096, __dma_unmap(self->fd, IOVA, 4096));
	EXPECT_EQ(4096, __dma_unmap(self->fd, IOVA + 4096, 4096));
	EXPECT_EQ(0, __spapr_unregister(self->fd, self->mem, SPAPR_PAGES * PAGE));
}

TEST_F(spapr, a_new_page_takes_the_place_of_the_old_one)
{
	ASSERT_EQ(0, __spapr_register(self->fd, self->mem, 2 * PAGE));
	ASSERT_EQ(0, __spapr_register(self->fd, self->mem + 2 * PAGE, 2 * PAGE));
	ASSERT_EQ(0, __dma_map(self->fd, self->mem, IOVA, 2 * PAGE, DMA_RW));
	ASSERT_EQ(0, __dma_map(self->fd, self->mem + 2 * PAGE, IOVA, 2 * PAGE, DMA_RW));
	/* The first region has no entry any more. */
	EXPECT_EQ(0, __spapr_unregister(self->fd, self->mem, 2 * PAGE));
	EXPECT_EQ(-ENOENT, __spapr_unregister(self->fd, self->mem, 2 * PAGE));
	memset(self->mem + 2 * PAGE, 0x66, PAGE);
	edu_copy(&self->edu, IOVA, IOVA + PAGE, EDU_BUFFER);
	EXPECT_TRUE(is_all(self->mem + 3 * PAGE, EDU_BUFFER, 0x66));
	EXPECT_EQ(2 * PAGE, __dma_unmap(self->fd, IOVA, 2 * PAGE));
}

/* What a real client does: all of its memory at a 64-bit address, which the disk reaches. */
TEST_F(spapr, dma_above_4_gib)
{
	struct vfio disk;
	struct nvme nvme;
	char bdf[BDF_LEN], *mem;
	uint64_t start;

	if (!pci_find_alone(ID_NVME, 0, bdf))
		SKIP(return, "no NVMe disk alone in its group");
	vfio_open(&disk, bdf, VFIO_SPAPR_TCE_v2_IOMMU);
	ASSERT_EQ(0, __spapr_create(disk.container, 16, GB, 1, &start));
	EXPECT_LT(UINT32_MAX, start);
	mem = memory(4 * PAGE);
	ASSERT_EQ(0, __spapr_register(disk.container, mem, 4 * PAGE));
	ASSERT_EQ(0, __dma_map(disk.container, mem, start + GB - 4 * PAGE, 4 * PAGE, DMA_RW));
	nvme_start(&nvme, disk.device, mem, start + GB - 4 * PAGE);
	nvme_identify(&nvme, start + GB - PAGE);
	EXPECT_TRUE(nvme_is_identity(mem + 3 * PAGE));
	EXPECT_TRUE(is_all(mem + 2 * PAGE, PAGE, 0));

	/* Not any more. */
	memset(mem + 3 * PAGE, 0, PAGE);
	EXPECT_EQ(PAGE, __dma_unmap(disk.container, start + GB - PAGE, PAGE));
	nvme_identify(&nvme, start + GB - PAGE);
	EXPECT_TRUE(is_all(mem + 3 * PAGE, PAGE, 0));
	nvme_close(&nvme);
	vfio_close(&disk);
	munmap(mem + 2 * PAGE, 2 * PAGE);
}

TEST_HARNESS_MAIN
