// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tie to the owning process: memory whose contents are given up, while the
 * addresses stay, is taken from the devices soon after. Reading the list of what
 * was taken waits for that.
 *
 * Uses an edu device alone in its group.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "vfio_tie.h"

/* ---- Private memory ------------------------------------------------------------- */

TEST_F(tie, dont_need)
{
	struct tie *tie = &self->tie;
	char *mem = private_memory(8 * PAGE);

	give(tie, mem, IOVA, 8 * PAGE, IOVA + 3 * PAGE, 2 * PAGE);
	ASSERT_EQ(0, madvise(mem + 3 * PAGE, 2 * PAGE, MADV_DONTNEED));
	canary(tie, mem + 3 * PAGE, 2 * PAGE);
	expect_taken(tie, IOVA + 3 * PAGE, 2 * PAGE, VFIO_MM_STALE_DISCARD);
	EXPECT_TRUE(works(tie, mem + 2 * PAGE, IOVA + 2 * PAGE));
	EXPECT_TRUE(works(tie, mem + 5 * PAGE, IOVA + 5 * PAGE));
	expect_unmaps(tie, IOVA, 8 * PAGE);
}

/* The same, and nobody touches the memory again. */
TEST_F(tie, dont_need_all)
{
	struct tie *tie = &self->tie;
	char *mem = private_memory(4 * PAGE);

	give(tie, mem, IOVA, 4 * PAGE, IOVA, 4 * PAGE);
	ASSERT_EQ(0, madvise(mem, 4 * PAGE, MADV_DONTNEED));
	if (tie->on)
		EXPECT_LT(0, eventfd_wait(tie->event, 5000));
	expect_gone(tie, IOVA, 4 * PAGE);
	EXPECT_TRUE(is_all(mem, 4 * PAGE, 0));
	canary(tie, mem, 4 * PAGE);
	expect_gone(tie, IOVA, 4 * PAGE);
	expect_unmaps(tie, IOVA, 4 * PAGE);
}

TEST_F(tie, dont_need_inside_a_huge_page)
{
	struct tie *tie = &self->tie;
	char *mem = huge_memory(HUGE);

	if (!is_huge(mem))
		SKIP(return, "no transparent huge page");
	give(tie, mem, IOVA, HUGE, IOVA + 7 * PAGE, 2 * PAGE);
	ASSERT_EQ(0, madvise(mem + 7 * PAGE, 2 * PAGE, MADV_DONTNEED));
	canary(tie, mem + 7 * PAGE, 2 * PAGE);
	expect_taken(tie, IOVA + 7 * PAGE, 2 * PAGE, VFIO_MM_STALE_DISCARD);
	EXPECT_TRUE(works(tie, mem + 6 * PAGE, IOVA + 6 * PAGE));
	expect_unmaps(tie, IOVA, HUGE);
	munmap(mem, HUGE);
}

TEST_F(tie, dont_need_hugetlb)
{
	struct tie *tie = &self->tie;
	char *mem = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	if (mem == MAP_FAILED)
		SKIP(return, "no reserved huge pages");
	give(tie, mem, IOVA, 2 * HUGE, IOVA + HUGE, HUGE);
	ASSERT_EQ(0, madvise(mem + HUGE, HUGE, MADV_DONTNEED));
	canary(tie, mem + HUGE, HUGE);
	expect_taken(tie, IOVA + HUGE, HUGE, VFIO_MM_STALE_DISCARD);
	EXPECT_TRUE(works(tie, mem, IOVA));
	expect_unmaps(tie, IOVA, 2 * HUGE);
	munmap(mem, 2 * HUGE);
}

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#define MADV_GUARD_REMOVE	103
#endif

/* A guard takes the page's place, and makes room for an empty page later. */
TEST_F(tie, guard)
{
	struct tie *tie = &self->tie;
	char *mem = private_memory(4 * PAGE);

	give(tie, mem, IOVA, 4 * PAGE, IOVA + PAGE, PAGE);
	if (madvise(mem + PAGE, PAGE, MADV_GUARD_INSTALL))
		SKIP(return, "no guards: %s", strerror(errno));
	expect_taken(tie, IOVA + PAGE, PAGE, VFIO_MM_STALE_DISCARD);
	ASSERT_EQ(0, madvise(mem + PAGE, PAGE, MADV_GUARD_REMOVE));
	canary(tie, mem + PAGE, PAGE);
	expect_gone(tie, IOVA + PAGE, PAGE);
	EXPECT_TRUE(works(tie, mem, IOVA));
	expect_unmaps(tie, IOVA, 4 * PAGE);
}

/* Discarded, and unmapped before or after somebody looked: on the list once, whole. */
TEST_F(tie, dont_need_then_unmap)
{
	struct tie *tie = &self->tie;
	char *mem = private_memory(4 * PAGE);
	struct vfio_iommu_mm_stale got[4];
	uint64_t end = IOVA;
	int i, count;

	give(tie, mem, IOVA, 4 * PAGE, IOVA, 4 * PAGE);
	ASSERT_EQ(0, madvise(mem, 4 * PAGE, MADV_DONTNEED));
	ASSERT_EQ(0, munmap(mem, 4 * PAGE));
	canary_at(tie, mem, 4 * PAGE);
	expect_gone(tie, IOVA, 4 * PAGE);
	if (tie->on) {
		count = mm_stale(tie->fd, got, 4);
		for (i = 0; i < count; end += got[i++].size)
			EXPECT_EQ(end, got[i].iova);
		EXPECT_EQ(IOVA + 4 * PAGE, end);
		tie->locked -= KB(4);
	}
	EXPECT_EQ(tie->locked, my_locked());
	expect_unmaps(tie, IOVA, 4 * PAGE);
}

/* ---- Memory of files -------------------------------------------------------------- */

enum how { PUNCH, REMOVE, TRUNCATE };

/* Takes the last of three pages (of any size) from a file and so from the mapping. */
static void discard_the_last(struct __test_metadata *_metadata, struct tie *tie, int file,
			     int flags, size_t page, enum how how)
{
	char *mem = file_memory(file, 3 * page, flags);
	const uint64_t last = IOVA + 2 * page;

	give(tie, mem, IOVA, 3 * page, last, page);
	switch (how) {
	case PUNCH:
		ASSERT_EQ(0, fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				       2 * page, page));
		canary(tie, mem + 2 * page, page);
		break;
	case REMOVE:
		ASSERT_EQ(0, madvise(mem + 2 * page, page, MADV_REMOVE));
		canary(tie, mem + 2 * page, page);
		break;
	case TRUNCATE:
		/* Behind the end there is no memory until the file grows again. */
		ASSERT_EQ(0, ftruncate(file, 2 * page));
		break;
	}
	expect_taken(tie, last, page, VFIO_MM_STALE_DISCARD);
	EXPECT_TRUE(works(tie, mem, IOVA));
	EXPECT_TRUE(works(tie, mem + page, IOVA + page));
	if (how == TRUNCATE) {
		ASSERT_EQ(0, ftruncate(file, 3 * page));
		EXPECT_TRUE(is_all(mem + 2 * page, page, 0));
		canary(tie, mem + 2 * page, page);
		expect_gone(tie, last, page);
	}
	expect_unmaps(tie, IOVA, 3 * page);
	munmap(mem, 3 * page);
	close(file);
}

TEST_F(tie, hole)
{
	discard_the_last(_metadata, &self->tie, memory_file(3 * PAGE, 0), MAP_SHARED, PAGE, PUNCH);
}

TEST_F(tie, remove)
{
	discard_the_last(_metadata, &self->tie, memory_file(3 * PAGE, 0), MAP_SHARED, PAGE, REMOVE);
}

TEST_F(tie, truncate)
{
	discard_the_last(_metadata, &self->tie, memory_file(3 * PAGE, 0), MAP_SHARED, PAGE,
			 TRUNCATE);
}

/* Truncation takes the private copies of pages as well. */
TEST_F(tie, truncate_private)
{
	discard_the_last(_metadata, &self->tie, memory_file(3 * PAGE, 0), MAP_PRIVATE, PAGE,
			 TRUNCATE);
}

TEST_F(tie, hole_hugetlb)
{
	int file = memfd_create("vfio-test", MFD_CLOEXEC | MFD_HUGETLB);

	if (file < 0 || ftruncate(file, 3 * HUGE))
		SKIP(return, "no reserved huge pages");
	discard_the_last(_metadata, &self->tie, file, MAP_SHARED, HUGE, PUNCH);
}

TEST_F(tie, truncate_hugetlb)
{
	int file = memfd_create("vfio-test", MFD_CLOEXEC | MFD_HUGETLB);

	if (file < 0 || ftruncate(file, 3 * HUGE))
		SKIP(return, "no reserved huge pages");
	discard_the_last(_metadata, &self->tie, file, MAP_SHARED, HUGE, TRUNCATE);
}

/* Another process can do it: the file is what the two share. */
TEST_F(tie, hole_by_another_process)
{
	int file = memory_file(2 * PAGE, 0);
	char *mem = file_memory(file, 2 * PAGE, MAP_SHARED);
	struct tie *tie = &self->tie;
	struct child child;

	give(tie, mem, IOVA, 2 * PAGE, IOVA, PAGE);
	if (start_child(&child))
		_exit(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE) ||
		      munmap(mem, 2 * PAGE));
	EXPECT_EQ(0, end_of(&child));
	canary(tie, mem, PAGE);
	expect_taken(tie, IOVA, PAGE, VFIO_MM_STALE_DISCARD);
	EXPECT_TRUE(works(tie, mem + PAGE, IOVA + PAGE));
	expect_unmaps(tie, IOVA, 2 * PAGE);
	close(file);
}

/* A hole in the file below leaves a private copy alone. */
TEST_F(tie, hole_below_a_private_copy)
{
	int file = memory_file(2 * PAGE, 0);
	char *mem = file_memory(file, 2 * PAGE, MAP_PRIVATE);
	struct tie *tie = &self->tie;

	give(tie, mem, IOVA, 2 * PAGE, IOVA, PAGE);
	ASSERT_EQ(0, fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
	expect_nothing_taken(tie);
	EXPECT_TRUE(is_all(mem, PAGE, SECRET));
	EXPECT_TRUE(works(tie, mem, IOVA));
	expect_unmaps(tie, IOVA, 2 * PAGE);
	close(file);
}

/* The page is still in the file, and comes back to this address when it is touched. */
TEST_F(tie, dont_need_of_shared_memory)
{
	struct tie *tie = &self->tie;
	char *mem = memory(2 * PAGE);

	give(tie, mem, IOVA, 2 * PAGE, IOVA, PAGE);
	ASSERT_EQ(0, madvise(mem, PAGE, MADV_DONTNEED));
	expect_nothing_taken(tie);
	EXPECT_TRUE(is_all(mem, PAGE, SECRET));
	EXPECT_TRUE(works(tie, mem, IOVA));
	expect_unmaps(tie, IOVA, 2 * PAGE);
}

TEST_HARNESS_MAIN
