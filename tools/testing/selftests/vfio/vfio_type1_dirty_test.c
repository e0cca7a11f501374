// SPDX-License-Identifier: GPL-2.0-only
/*
 * What migration and live update need of type 1: bitmaps of written pages, and
 * mappings whose memory moves to another address or process.
 *
 * Uses an edu device alone in its group.
 */
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "vfio_test.h"

#define IOVA	0x100000ULL
#define START	VFIO_IOMMU_DIRTY_PAGES_FLAG_START
#define STOP	VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP
#define GET	VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP

FIXTURE(dirty)
{
	struct vfio vfio;
	int fd;
	char *mem;	/* 128 pages */
	uint64_t bits[4];
	struct vfio_bitmap bitmap;
};

FIXTURE_SETUP(dirty)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	self->fd = self->vfio.container;
	self->mem = memory(128 * PAGE);
	memset(self->bits, 0, sizeof(self->bits));
	self->bitmap = (struct vfio_bitmap){ PAGE, sizeof(self->bits), (__u64 *)self->bits };
}

FIXTURE_TEARDOWN(dirty)
{
	vfio_close(&self->vfio);
}

/* ---- Dirty pages ------------------------------------------------------------ */

TEST_F(dirty, exactly_one_flag)
{
	EXPECT_EQ(-EINVAL, __dirty_pages(self->fd, START | STOP));
	EXPECT_EQ(-EINVAL, __dirty_pages(self->fd, 8));
	EXPECT_EQ(-EINVAL, __dirty_pages(self->fd, GET));
	EXPECT_EQ(0, __dirty_pages(self->fd, START));
	EXPECT_EQ(0, __dirty_pages(self->fd, START));
	EXPECT_EQ(0, __dirty_pages(self->fd, STOP));
	EXPECT_EQ(0, __dirty_pages(self->fd, STOP));
}

TEST_F(dirty, needs_tracking_and_a_bitmap_that_fits)
{
	struct vfio_bitmap bad = self->bitmap;

	dma_map(self->fd, self->mem, IOVA, 128 * PAGE, DMA_RW);
	EXPECT_EQ(-EINVAL, __dirty_bitmap(self->fd, IOVA, 128 * PAGE, self->bitmap));
	ASSERT_EQ(0, __dirty_pages(self->fd, START));
	EXPECT_EQ(0, __dirty_bitmap(self->fd, IOVA, 128 * PAGE, self->bitmap));

	EXPECT_EQ(-EINVAL, __dirty_bitmap(self->fd, IOVA, 0, self->bitmap));
	EXPECT_EQ(-EOVERFLOW, __dirty_bitmap(self->fd, -PAGE, 2 * PAGE, self->bitmap));
	EXPECT_EQ(-EINVAL, __dirty_bitmap(self->fd, IOVA + 1, 128 * PAGE, self->bitmap));
	EXPECT_EQ(-EINVAL, __dirty_bitmap(self->fd, IOVA, 64 * PAGE, self->bitmap));
	bad.size = 15;
	EXPECT_EQ(-EINVAL, __dirty_bitmap(self->fd, IOVA, 128 * PAGE, bad));
	bad.size = 0x10000008;
	EXPECT_EQ(-EINVAL, __dirty_bitmap(self->fd, IOVA, 128 * PAGE, bad));
	bad = self->bitmap;
	bad.pgsize = 2 * PAGE;
	EXPECT_EQ(-EINVAL, __dirty_bitmap(self->fd, IOVA, 128 * PAGE, bad));
	bad = self->bitmap;
	bad.data = (__u64 *)PAGE;
	EXPECT_EQ(-EFAULT, __dirty_bitmap(self->fd, IOVA, 128 * PAGE, bad));
}

TEST_F(dirty, all_that_is_mapped_may_be_dirty)
{
	dma_map(self->fd, self->mem, IOVA, 3 * PAGE, DMA_RW);
	dma_map(self->fd, self->mem, IOVA + 60 * PAGE, 10 * PAGE, DMA_RW);
	ASSERT_EQ(0, __dirty_pages(self->fd, START));
	self->bits[2] = 42;
	ASSERT_EQ(0, __dirty_bitmap(self->fd, IOVA, 128 * PAGE, self->bitmap));
	EXPECT_EQ(0xf000000000000007ULL, self->bits[0]);
	EXPECT_EQ(0x3fULL, self->bits[1]);
	EXPECT_EQ(42, self->bits[2]);
}

TEST_F(dirty, unmap_reports_on_the_way)
{
	dma_map(self->fd, self->mem, IOVA, 5 * PAGE, DMA_RW);
	EXPECT_EQ(-EINVAL, __dma_unmap_bitmap(self->fd, IOVA, 8 * PAGE, self->bitmap));
	ASSERT_EQ(0, __dirty_pages(self->fd, START));
	EXPECT_EQ(5 * PAGE, __dma_unmap_bitmap(self->fd, IOVA, 8 * PAGE, self->bitmap));
	EXPECT_EQ(0x1fULL, self->bits[0]);
	EXPECT_EQ(0, dma_unmap(self->fd, IOVA, 8 * PAGE));
}

/* The bits of one mapping, in a word that it shares and in words of its own. */
TEST_F(dirty, bits_at_every_offset)
{
	static const unsigned int offsets[] = { 0, 1, 5, 62, 63, 64, 65, 100, 127 };
	static const unsigned int counts[] = { 1, 2, 58, 59, 63, 64, 65, 100, 128 };
	size_t i, j;
	unsigned int bit;

	for (i = 0; i < ARRAY_SIZE(offsets); i++)
		for (j = 0; j < ARRAY_SIZE(counts); j++) {
			const unsigned int first = offsets[i], end = first + counts[j];
			unsigned int wrong = 0;

			dma_map(self->fd, self->mem, IOVA + first * PAGE, counts[j] * PAGE, DMA_RW);
			/* The bitmap of a mapping is new each time: C is right only once. */
			ASSERT_EQ(0, __dirty_pages(self->fd, START));
			memset(self->bits, 0, sizeof(self->bits));
			/* What others said of the pages below in the same word stays. */
			if (first % 64)
				self->bits[first / 64] = 1;
			ASSERT_EQ(0, __dirty_bitmap(self->fd, IOVA, 256 * PAGE, self->bitmap));
			for (bit = 0; bit < 256; bit++) {
				bool kept = first % 64 && bit == first / 64 * 64;

				wrong += (self->bits[bit / 64] >> bit % 64 & 1) !=
					 (kept || (bit >= first && bit < end));
			}
			EXPECT_EQ(0, wrong) {
				TH_LOG("%u pages at %u", counts[j], first);
			}
			ASSERT_EQ(0, __dirty_pages(self->fd, STOP));
			EXPECT_EQ(counts[j] * PAGE,
				  dma_unmap(self->fd, IOVA + first * PAGE, counts[j] * PAGE));
		}
}

/* Words of pages that are not mapped, and what lies behind the bitmap, are not touched. */
TEST_F(dirty, only_words_of_mappings_are_written)
{
	struct vfio_bitmap bitmap = { PAGE, 16, (__u64 *)(self->bits + 1) };

	dma_map(self->fd, self->mem, IOVA, 3 * PAGE, DMA_RW);
	ASSERT_EQ(0, __dirty_pages(self->fd, START));
	memset(self->bits, 0x5a, sizeof(self->bits));
	ASSERT_EQ(0, __dirty_bitmap(self->fd, IOVA, 128 * PAGE, bitmap));
	EXPECT_EQ(7, self->bits[1]);
	EXPECT_EQ(0x5a5a5a5a5a5a5a5aULL, self->bits[0]);
	EXPECT_EQ(0x5a5a5a5a5a5a5a5aULL, self->bits[2]);
	EXPECT_EQ(0x5a5a5a5a5a5a5a5aULL, self->bits[3]);
}

TEST_F(dirty, tracking_starts_and_stops)
{
	dma_map(self->fd, self->mem, IOVA, 2 * PAGE, DMA_RW);
	ASSERT_EQ(0, __dirty_pages(self->fd, START));
	/* What is mapped meanwhile is tracked as well. */
	dma_map(self->fd, self->mem, IOVA + 64 * PAGE, 3 * PAGE, VFIO_DMA_MAP_FLAG_READ);
	ASSERT_EQ(0, __dirty_bitmap(self->fd, IOVA, 128 * PAGE, self->bitmap));
	EXPECT_EQ(3, self->bits[0]);
	EXPECT_EQ(7, self->bits[1]);

	ASSERT_EQ(0, __dirty_pages(self->fd, STOP));
	memset(self->bits, 0, sizeof(self->bits));
	EXPECT_EQ(-EINVAL, __dirty_bitmap(self->fd, IOVA, 128 * PAGE, self->bitmap));
	EXPECT_EQ(-EINVAL, __dma_unmap_bitmap(self->fd, IOVA, 128 * PAGE, self->bitmap));
	EXPECT_EQ(0, self->bits[0]);
	EXPECT_EQ(2 * PAGE, dma_unmap(self->fd, IOVA, 2 * PAGE));
	dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW);

	/* A second start is a new one. */
	ASSERT_EQ(0, __dirty_pages(self->fd, START));
	EXPECT_EQ(4 * PAGE, __dma_unmap_bitmap(self->fd, IOVA, 128 * PAGE, self->bitmap));
	EXPECT_EQ(1, self->bits[0]);
	EXPECT_EQ(7, self->bits[1]);
	/* Nothing is left to report, and nothing is written. */
	EXPECT_EQ(0, __dirty_bitmap(self->fd, IOVA, 128 * PAGE, self->bitmap));
	EXPECT_EQ(1, self->bits[0]);
}

/* A failed map leaves nothing that would be reported; an invalid address changes nothing. */
TEST_F(dirty, only_mappings_are_reported)
{
	ASSERT_EQ(0, __dirty_pages(self->fd, START));
	EXPECT_EQ(-EFAULT, __dma_map(self->fd, NULL, IOVA, PAGE, DMA_RW));
	ASSERT_EQ(0, __dirty_bitmap(self->fd, IOVA, 128 * PAGE, self->bitmap));
	EXPECT_EQ(0, self->bits[0]);
	dma_map(self->fd, self->mem, IOVA, 2 * PAGE, DMA_RW);
	EXPECT_EQ(2 * PAGE,
		  __dma_unmap_flags(self->fd, IOVA, 2 * PAGE, VFIO_DMA_UNMAP_FLAG_VADDR));
	ASSERT_EQ(0, __dirty_bitmap(self->fd, IOVA, 128 * PAGE, self->bitmap));
	EXPECT_EQ(3, self->bits[0]);
}

/* C leaves bits of an earlier answer in its own bitmap and reports them again. */
TEST_F(dirty, answers_do_not_depend_on_earlier_ones)
{
	if (!driver_is_rust())
		SKIP(return, "C reports pages that are not mapped");
	dma_map(self->fd, self->mem, IOVA, 3 * PAGE, DMA_RW);
	dma_map(self->fd, self->mem, IOVA + 5 * PAGE, 2 * PAGE, DMA_RW);
	ASSERT_EQ(0, __dirty_pages(self->fd, START));
	for (int i = 0; i < 3; i++) {
		memset(self->bits, 0, sizeof(self->bits));
		ASSERT_EQ(0, __dirty_bitmap(self->fd, IOVA, 128 * PAGE, self->bitmap));
		EXPECT_EQ(0x67ULL, self->bits[0]);
	}
}

/* The page size of C's UBSAN report: a shift by 64. */
TEST_F(dirty, page_size_zero_is_refused)
{
	struct vfio_bitmap bad = self->bitmap;

	if (!driver_is_rust())
		SKIP(return, "C shifts by 64 first");
	ASSERT_EQ(0, __dirty_pages(self->fd, START));
	bad.pgsize = 0;
	EXPECT_EQ(-EINVAL, __dirty_bitmap(self->fd, IOVA, 128 * PAGE, bad));
}

/* ---- Memory that moves ------------------------------------------------------ */

#define VADDR	VFIO_DMA_MAP_FLAG_VADDR

TEST_F(dirty, addresses_are_invalidated_once)
{
	const uint32_t flag = VFIO_DMA_UNMAP_FLAG_VADDR;

	dma_map(self->fd, self->mem, IOVA, 4 * PAGE, DMA_RW);
	dma_map(self->fd, self->mem, 2 * IOVA, 2 * PAGE, DMA_RW);
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, IOVA, 4 * PAGE, VADDR));
	EXPECT_EQ(-ENOENT, __dma_map(self->fd, self->mem, 8 * IOVA, PAGE, VADDR));
	EXPECT_EQ(4 * PAGE, __dma_unmap_flags(self->fd, IOVA, 4 * PAGE, flag));
	/* One of them is invalid already, so neither changes. */
	EXPECT_EQ(-EINVAL, __dma_unmap_flags(self->fd, 0, 0, flag | VFIO_DMA_UNMAP_FLAG_ALL));
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, 2 * IOVA, 2 * PAGE, VADDR));

	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, IOVA, 3 * PAGE, VADDR));
	EXPECT_EQ(0, __dma_map(self->fd, self->mem, IOVA, 4 * PAGE, VADDR));
	EXPECT_EQ(6 * PAGE, __dma_unmap_flags(self->fd, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL));
}

TEST_F(dirty, the_new_owner_pays)
{
	long before = vm_locked_kb(getpid());
	int status;
	pid_t pid;

	dma_map(self->fd, self->mem, IOVA, 4 * PAGE, DMA_RW);
	ASSERT_EQ(4 * PAGE,
		  __dma_unmap_flags(self->fd, IOVA, 4 * PAGE, VFIO_DMA_UNMAP_FLAG_VADDR));
	pid = fork();
	if (!pid) {
		dma_map(self->fd, self->mem, IOVA, 4 * PAGE, VADDR);
		_exit(vm_locked_kb(getpid()) == 16 ? 0 : 1);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(before, vm_locked_kb(getpid()));
	EXPECT_EQ(4 * PAGE, dma_unmap(self->fd, IOVA, 4 * PAGE));
	EXPECT_EQ(before, vm_locked_kb(getpid()));
}

TEST_HARNESS_MAIN
