// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tie to the owning process: memory that is unmapped or moved is taken from
 * the devices, that memory only, and before the call returns.
 *
 * Uses an edu device alone in its group.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "vfio_tie.h"

/* ---- munmap ------------------------------------------------------------------ */

TEST_F(tie, whole)
{
	struct tie *tie = &self->tie;
	char *mem = private_memory(8 * PAGE);

	give(tie, mem, IOVA, 8 * PAGE, IOVA, 8 * PAGE);
	ASSERT_EQ(0, munmap(mem, 8 * PAGE));
	canary_at(tie, mem, 8 * PAGE);
	expect_taken(tie, IOVA, 8 * PAGE, VFIO_MM_STALE_UNMAP);
	expect_unmaps(tie, IOVA, 8 * PAGE);
}

TEST_F(tie, part)
{
	const uint64_t part = IOVA + 2 * PAGE;
	struct tie *tie = &self->tie;
	char *mem = memory(8 * PAGE);

	give(tie, mem, IOVA, 8 * PAGE, part, 3 * PAGE);
	ASSERT_EQ(0, munmap(mem + 2 * PAGE, 3 * PAGE));
	canary_at(tie, mem + 2 * PAGE, 3 * PAGE);
	expect_taken(tie, part, 3 * PAGE, VFIO_MM_STALE_UNMAP);
	/* The neighbours are none of its business. */
	EXPECT_TRUE(works(tie, mem + PAGE, IOVA + PAGE));
	EXPECT_TRUE(works(tie, mem + 5 * PAGE, IOVA + 5 * PAGE));
	expect_unmaps(tie, IOVA, 8 * PAGE);
}

/* One part after the other, some twice; the list has what is new. */
TEST_F(tie, bit_by_bit)
{
	struct tie *tie = &self->tie;
	char *mem = private_memory(8 * PAGE);

	give(tie, mem, IOVA, 8 * PAGE, IOVA, PAGE);
	ASSERT_EQ(0, munmap(mem, PAGE));
	expect_taken(tie, IOVA, PAGE, VFIO_MM_STALE_UNMAP);
	ASSERT_EQ(0, munmap(mem, 3 * PAGE));
	expect_taken(tie, IOVA + PAGE, 2 * PAGE, VFIO_MM_STALE_UNMAP);
	ASSERT_EQ(0, munmap(mem, 3 * PAGE));
	expect_nothing_taken(tie);
	/* New memory there belongs to nobody's mapping: giving it up changes nothing. */
	canary_at(tie, mem, 3 * PAGE);
	ASSERT_EQ(0, munmap(mem + PAGE, PAGE));
	tie->nr_canaries--;
	expect_nothing_taken(tie);
	ASSERT_EQ(0, munmap(mem, 8 * PAGE));
	expect_taken(tie, IOVA + 3 * PAGE, 5 * PAGE, VFIO_MM_STALE_UNMAP);
	expect_unmaps(tie, IOVA, 8 * PAGE);
}

TEST_F(tie, replaced)
{
	struct tie *tie = &self->tie;
	char *mem = memory(4 * PAGE);

	give(tie, mem, IOVA, 4 * PAGE, IOVA + PAGE, PAGE);
	ASSERT_EQ(mem + PAGE, mmap(mem + PAGE, PAGE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	canary(tie, mem + PAGE, PAGE);
	expect_taken(tie, IOVA + PAGE, PAGE, VFIO_MM_STALE_UNMAP);
	EXPECT_TRUE(works(tie, mem, IOVA));
	expect_unmaps(tie, IOVA, 4 * PAGE);
}

TEST_F(tie, inside_a_huge_page)
{
	struct tie *tie = &self->tie;
	char *mem = huge_memory(HUGE);

	if (!is_huge(mem))
		SKIP(return, "no transparent huge page");
	give(tie, mem, IOVA, HUGE, IOVA + 5 * PAGE, PAGE);
	ASSERT_EQ(0, munmap(mem + 5 * PAGE, PAGE));
	canary_at(tie, mem + 5 * PAGE, PAGE);
	expect_taken(tie, IOVA + 5 * PAGE, PAGE, VFIO_MM_STALE_UNMAP);
	EXPECT_TRUE(works(tie, mem + 4 * PAGE, IOVA + 4 * PAGE));
	EXPECT_TRUE(works(tie, mem + HUGE - PAGE, IOVA + HUGE - PAGE));
	expect_unmaps(tie, IOVA, HUGE);
	munmap(mem, HUGE);
}

TEST_F(tie, hugetlb)
{
	struct tie *tie = &self->tie;
	char *mem = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	if (mem == MAP_FAILED)
		SKIP(return, "no reserved huge pages");
	give(tie, mem, IOVA, 2 * HUGE, IOVA, HUGE);
	ASSERT_EQ(0, munmap(mem, HUGE));
	canary_at(tie, mem, HUGE);
	expect_taken(tie, IOVA, HUGE, VFIO_MM_STALE_UNMAP);
	EXPECT_TRUE(works(tie, mem + HUGE, IOVA + HUGE));
	expect_unmaps(tie, IOVA, 2 * HUGE);
	munmap(mem + HUGE, HUGE);
}

/* The same memory at two addresses of the device: both go. */
TEST_F(tie, mapped_twice)
{
	const struct vfio_iommu_mm_stale both[] = {
		{ IOVA, PAGE, VFIO_MM_STALE_UNMAP, 0 },
		{ 3 * IOVA + PAGE, PAGE, VFIO_MM_STALE_UNMAP, 0 },
	};
	struct tie *tie = &self->tie;
	char *mem = memory(2 * PAGE);

	dma_map(tie->fd, mem, 3 * IOVA, 2 * PAGE, DMA_RW);
	edu_dma_from(&tie->edu, 3 * IOVA + PAGE, TOKEN);
	give(tie, mem + PAGE, IOVA, PAGE, IOVA, PAGE);
	ASSERT_EQ(0, munmap(mem + PAGE, PAGE));
	canary_at(tie, mem + PAGE, PAGE);
	expect_gone(tie, IOVA, PAGE);
	expect_gone(tie, 3 * IOVA + PAGE, PAGE);
	expect_stale(tie, both, 2);
	EXPECT_EQ(tie->locked - (tie->on ? KB(2) : 0), my_locked());
	EXPECT_TRUE(works(tie, mem, 3 * IOVA));
	EXPECT_EQ(PAGE, __dma_unmap(tie->fd, IOVA, PAGE));
	expect_unmaps(tie, 3 * IOVA, 2 * PAGE);
}

/* One file at two addresses of the program: each mapping follows its own. */
TEST_F(tie, file_mapped_twice)
{
	int file = memory_file(2 * PAGE, 0);
	char *one = file_memory(file, 2 * PAGE, MAP_SHARED);
	char *two = file_memory(file, 2 * PAGE, MAP_SHARED);
	struct tie *tie = &self->tie;

	dma_map(tie->fd, two, 2 * IOVA, 2 * PAGE, DMA_RW);
	give(tie, one, IOVA, 2 * PAGE, IOVA, PAGE);
	ASSERT_EQ(0, munmap(one, PAGE));
	canary_at(tie, one, PAGE);
	expect_taken(tie, IOVA, PAGE, VFIO_MM_STALE_UNMAP);
	/* The page is still the program's, there. */
	EXPECT_TRUE(works(tie, two, 2 * IOVA));
	EXPECT_EQ(2 * PAGE, __dma_unmap(tie->fd, 2 * IOVA, 2 * PAGE));
	expect_unmaps(tie, IOVA, 2 * PAGE);
	close(file);
}

/* Two processes, one address: only the one that gives up loses. */
TEST_F(tie, same_address_in_two_processes)
{
	const struct vfio_iommu_mm_stale want = { 2 * IOVA, PAGE, VFIO_MM_STALE_UNMAP, 0 };
	struct tie *tie = &self->tie;
	char *mem = private_memory(2 * PAGE);
	struct child child;

	if (start_child(&child)) {
		memset(mem, SECRET, 2 * PAGE);
		dma_map(tie->fd, mem, 2 * IOVA, 2 * PAGE, DMA_RW);
		tell(&child);
		wait_for(&child);
		munmap(mem, PAGE);
		canary_at(tie, mem, PAGE);
		tell(&child);
		wait_for(&child);
		if (!canaries_live(tie))
			fail("the device wrote into the child");
		if (my_locked() != (tie->on ? KB(1) : KB(2)))
			fail("the child pays %ld KiB", my_locked());
		_exit(0);
	}
	wait_for(&child);
	edu_dma_from(&tie->edu, 2 * IOVA, TOKEN);
	give(tie, mem, IOVA, 2 * PAGE, IOVA, PAGE);
	tell(&child);
	wait_for(&child);
	expect_gone(tie, 2 * IOVA, PAGE);
	expect_stale(tie, &want, 1);
	EXPECT_EQ(tie->locked, my_locked());
	EXPECT_TRUE(works(tie, mem, IOVA));
	EXPECT_TRUE(reads(tie, 2 * IOVA + PAGE, SECRET));
	tell(&child);
	EXPECT_EQ(0, end_of(&child));
	EXPECT_EQ(2 * PAGE, __dma_unmap(tie->fd, 2 * IOVA, 2 * PAGE));
	expect_unmaps(tie, IOVA, 2 * PAGE);
}

/* ---- mremap -------------------------------------------------------------------- */

/* What was moved is at another address: the device must not write there either. */
static bool moved_is_safe(struct tie *tie, void *to)
{
	return is_all(to, TOKEN, SECRET) || !tie->on;
}

TEST_F(tie, moved)
{
	struct tie *tie = &self->tie;
	char *mem = private_memory(4 * PAGE), *to = private_memory(4 * PAGE);

	give(tie, mem, IOVA, 4 * PAGE, IOVA + PAGE, 2 * PAGE);
	ASSERT_EQ(to, mremap(mem + PAGE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to));
	canary_at(tie, mem + PAGE, 2 * PAGE);
	expect_taken(tie, IOVA + PAGE, 2 * PAGE, VFIO_MM_STALE_REMAP);
	EXPECT_TRUE(moved_is_safe(tie, to));
	EXPECT_TRUE(works(tie, mem, IOVA));
	expect_unmaps(tie, IOVA, 4 * PAGE);
	/* At its new address it can be given again. */
	give(tie, to, IOVA, 2 * PAGE, IOVA, PAGE);
	EXPECT_TRUE(works(tie, to, IOVA));
	expect_unmaps(tie, IOVA, 2 * PAGE);
}

TEST_F(tie, moved_but_not_unmapped)
{
	struct tie *tie = &self->tie;
	char *mem = private_memory(2 * PAGE), *to;

	give(tie, mem, IOVA, 2 * PAGE, IOVA, 2 * PAGE);
	to = mremap(mem, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	ASSERT_NE(MAP_FAILED, to);
	canary(tie, mem, 2 * PAGE);
	expect_taken(tie, IOVA, 2 * PAGE, VFIO_MM_STALE_REMAP);
	EXPECT_TRUE(moved_is_safe(tie, to));
	expect_unmaps(tie, IOVA, 2 * PAGE);
}

TEST_F(tie, moved_onto)
{
	struct tie *tie = &self->tie;
	char *mem = private_memory(2 * PAGE), *from = private_memory(PAGE);

	memset(from, CANARY, PAGE);
	give(tie, mem, IOVA, 2 * PAGE, IOVA, PAGE);
	ASSERT_EQ(mem, mremap(from, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, mem));
	canary(tie, mem, PAGE);
	expect_taken(tie, IOVA, PAGE, VFIO_MM_STALE_UNMAP);
	EXPECT_TRUE(works(tie, mem + PAGE, IOVA + PAGE));
	expect_unmaps(tie, IOVA, 2 * PAGE);
}

TEST_F(tie, shrunk)
{
	struct tie *tie = &self->tie;
	char *mem = private_memory(4 * PAGE);

	give(tie, mem, IOVA, 4 * PAGE, IOVA + PAGE, 3 * PAGE);
	ASSERT_EQ(mem, mremap(mem, 4 * PAGE, PAGE, 0));
	canary_at(tie, mem + PAGE, 3 * PAGE);
	expect_taken(tie, IOVA + PAGE, 3 * PAGE, VFIO_MM_STALE_UNMAP);
	EXPECT_TRUE(works(tie, mem, IOVA));
	expect_unmaps(tie, IOVA, 4 * PAGE);
}

TEST_F(tie, moved_huge_page)
{
	struct tie *tie = &self->tie;
	char *mem = huge_memory(HUGE), *to = huge_memory(HUGE);

	if (!is_huge(mem))
		SKIP(return, "no transparent huge page");
	give(tie, mem, IOVA, HUGE, IOVA, HUGE);
	ASSERT_EQ(to, mremap(mem, HUGE, HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, to));
	canary_at(tie, mem, HUGE);
	expect_taken(tie, IOVA, HUGE, VFIO_MM_STALE_REMAP);
	EXPECT_TRUE(moved_is_safe(tie, to));
	expect_unmaps(tie, IOVA, HUGE);
	munmap(to, HUGE);
}

TEST_HARNESS_MAIN
