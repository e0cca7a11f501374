// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tie to the owning process: what must not take memory from the devices.
 * Much that the kernel does with memory looks from below as if it were given up,
 * until one looks for the page again. All of this is the same without the tie.
 *
 * Uses an edu device alone in its group.
 */
#include <linux/mman.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "kselftest_harness.h"
#include "vfio_tie.h"

#define PAGES	8UL
#define SIZE	(PAGES * PAGE)

/* Nothing was taken; the device and the program still see the same memory. */
#define expect_kept(...) __expect_kept(_metadata, __VA_ARGS__)
static void __expect_kept(struct __test_metadata *_metadata, struct tie *tie, char *mem,
			  size_t size)
{
	expect_nothing_taken(tie);
	EXPECT_TRUE(works(tie, mem, IOVA));
	EXPECT_TRUE(works(tie, mem + size - PAGE, IOVA + size - PAGE));
	/* A late one would show by now. */
	expect_nothing_taken(tie);
	EXPECT_TRUE(canaries_live(tie));
	expect_unmaps(tie, IOVA, size);
	munmap(mem, size);
}

static char *given(struct tie *tie)
{
	char *mem = private_memory(SIZE);

	give(tie, mem, IOVA, SIZE, IOVA, SIZE);
	return mem;
}

/* ---- Protection, copies ----------------------------------------------------------- */

TEST_F(tie, protect)
{
	struct tie *tie = &self->tie;
	char *mem = given(tie);

	ASSERT_EQ(0, mprotect(mem, SIZE, PROT_READ));
	EXPECT_TRUE(reads(tie, IOVA, SECRET));
	ASSERT_EQ(0, mprotect(mem, SIZE, PROT_NONE));
	expect_nothing_taken(tie);
	memset(tie->window, 0x77, TOKEN);
	edu_copy(&tie->edu, WINDOW, IOVA, TOKEN);
	ASSERT_EQ(0, mprotect(mem, SIZE, PROT_READ | PROT_WRITE));
	EXPECT_TRUE(is_all(mem, TOKEN, 0x77));
	EXPECT_TRUE(is_all(mem + PAGE, SIZE - PAGE, SECRET));
	expect_kept(tie, mem, SIZE);
}

TEST_F(tie, protect_shared)
{
	struct tie *tie = &self->tie;
	char *mem = memory(SIZE);

	give(tie, mem, IOVA, SIZE, IOVA, SIZE);
	ASSERT_EQ(0, mprotect(mem + PAGE, PAGE, PROT_NONE));
	ASSERT_EQ(0, mprotect(mem + 2 * PAGE, PAGE, PROT_READ));
	EXPECT_TRUE(reads(tie, IOVA + PAGE, SECRET));
	edu_copy(&tie->edu, WINDOW, IOVA + 2 * PAGE, TOKEN);
	EXPECT_EQ(0, memcmp(tie->window, mem + 2 * PAGE, TOKEN));
	ASSERT_EQ(0, mprotect(mem, SIZE, PROT_READ | PROT_WRITE));
	expect_kept(tie, mem, SIZE);
}

/* The child gets copies, whoever writes first; the device stays with the parent. */
TEST_F(tie, fork)
{
	struct tie *tie = &self->tie;
	char *mem = given(tie);
	struct child child;

	if (start_child(&child)) {
		wait_for(&child);
		if (!is_all(mem, SIZE, SECRET))
			fail("the child sees what the parent wrote");
		memset(mem, CANARY, SIZE);
		tell(&child);
		wait_for(&child);
		if (!is_all(mem, SIZE, CANARY))
			fail("the device wrote into the child");
		_exit(0);
	}
	memset(mem, 0x66, SIZE / 2);
	tell(&child);
	wait_for(&child);
	memset(mem + SIZE / 2, 0x66, SIZE / 2);
	EXPECT_TRUE(works(tie, mem, IOVA));
	EXPECT_TRUE(works(tie, mem + SIZE - PAGE, IOVA + SIZE - PAGE));
	tell(&child);
	EXPECT_EQ(0, end_of(&child));
	expect_kept(tie, mem, SIZE);
}

/* Memory that was never written, for the device to read: the first write is seen. */
TEST_F(tie, first_write)
{
	struct tie *tie = &self->tie;
	char *mem = private_memory(2 * PAGE);

	dma_map(tie->fd, mem, IOVA, 2 * PAGE, VFIO_DMA_MAP_FLAG_READ);
	tie->locked = my_locked();
	EXPECT_TRUE(reads(tie, IOVA, 0));
	memset(mem, 0x55, 2 * PAGE);
	EXPECT_TRUE(reads(tie, IOVA, 0x55));
	expect_nothing_taken(tie);
	expect_unmaps(tie, IOVA, 2 * PAGE);
	munmap(mem, 2 * PAGE);
}

/* Private pages of a file, read by the device before the program writes to them. */
TEST_F(tie, first_write_to_a_file)
{
	int file = memory_file(2 * PAGE, 0);
	char *mem = file_memory(file, 2 * PAGE, MAP_PRIVATE);
	struct tie *tie = &self->tie;

	dma_map(tie->fd, mem, IOVA, 2 * PAGE, VFIO_DMA_MAP_FLAG_READ);
	tie->locked = my_locked();
	memset(mem, 0x55, 2 * PAGE);
	EXPECT_TRUE(reads(tie, IOVA, 0x55));
	expect_nothing_taken(tie);
	expect_unmaps(tie, IOVA, 2 * PAGE);
	munmap(mem, 2 * PAGE);
	close(file);
}

static void *map_in_thread(void *arg)
{
	return given(arg);
}

/* A thread's end is not the end of its memory. */
TEST_F(tie, thread_ends)
{
	struct tie *tie = &self->tie;
	pthread_t thread;
	void *mem;

	ASSERT_EQ(0, pthread_create(&thread, NULL, map_in_thread, tie));
	ASSERT_EQ(0, pthread_join(thread, &mem));
	expect_kept(tie, mem, SIZE);
}

/* ---- Hints -------------------------------------------------------------------------- */

TEST_F(tie, hints)
{
	static const int advice[] = {
		MADV_COLD, MADV_PAGEOUT, MADV_FREE, MADV_DONTFORK, MADV_DOFORK, MADV_WILLNEED,
		MADV_SEQUENTIAL, MADV_NOHUGEPAGE, MADV_HUGEPAGE,
	};
	struct tie *tie = &self->tie;
	char *mem = given(tie);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(advice); i++) {
		EXPECT_EQ(0, madvise(mem, SIZE, advice[i])) {
			TH_LOG("advice %d: %s", advice[i], strerror(errno));
		}
		EXPECT_TRUE(is_all(mem, SIZE, SECRET));
		expect_nothing_taken(tie);
	}
	EXPECT_EQ(0, mlock(mem, SIZE));
	EXPECT_EQ(0, munlock(mem, SIZE));
	expect_kept(tie, mem, SIZE);
}

TEST_F(tie, hints_for_a_file)
{
	int file = memory_file(SIZE, 0);
	char *mem = file_memory(file, SIZE, MAP_SHARED);
	struct tie *tie = &self->tie;

	give(tie, mem, IOVA, SIZE, IOVA, SIZE);
	EXPECT_EQ(0, madvise(mem, SIZE, MADV_COLD));
	EXPECT_EQ(0, madvise(mem, SIZE, MADV_PAGEOUT));
	EXPECT_EQ(0, msync(mem, SIZE, MS_SYNC));
	write_text("/proc/sys/vm/drop_caches", "3");
	expect_kept(tie, mem, SIZE);
	close(file);
}

TEST_F(tie, clear_refs)
{
	struct tie *tie = &self->tie;
	char *mem = given(tie);

	/* Referenced bits, then soft-dirty bits, which write-protects everything. */
	write_text("/proc/self/clear_refs", "1");
	write_text("/proc/self/clear_refs", "4");
	expect_kept(tie, mem, SIZE);
}

TEST_F(tie, grown)
{
	struct tie *tie = &self->tie;
	char *mem = private_memory(2 * SIZE);

	ASSERT_EQ(0, munmap(mem + SIZE, SIZE));
	give(tie, mem, IOVA, SIZE, IOVA, SIZE);
	ASSERT_EQ(mem, mremap(mem, SIZE, 2 * SIZE, 0));
	ASSERT_EQ(0, munmap(mem + SIZE, SIZE));
	expect_kept(tie, mem, SIZE);
}

/* ---- Pages that are to move or to merge ------------------------------------------- */

TEST_F(tie, compaction)
{
	struct tie *tie = &self->tie;
	char *mem = given(tie);

	write_text("/proc/sys/vm/compact_memory", "1");
	expect_kept(tie, mem, SIZE);
}

/* Each page gets a migration entry before the kernel sees that it is pinned. */
TEST_F(tie, soft_offline)
{
	struct tie *tie = &self->tie;
	char *mem = given(tie);

	EXPECT_EQ(-1, madvise(mem, PAGE, MADV_SOFT_OFFLINE));
	if (errno == EINVAL || errno == EOPNOTSUPP)
		SKIP(return, "no soft offline");
	expect_kept(tie, mem, SIZE);
}

TEST_F(tie, move_pages)
{
	void *pages[PAGES];
	int nodes[PAGES], status[PAGES];
	struct tie *tie = &self->tie;
	unsigned int i;
	char *mem;

	if (access("/sys/devices/system/node/node1", F_OK))
		SKIP(return, "one node");
	mem = given(tie);
	for (i = 0; i < PAGES; i++) {
		pages[i] = mem + i * PAGE;
		nodes[i] = 1;
	}
	syscall(SYS_move_pages, 0, PAGES, pages, nodes, status, 2 /* MPOL_MF_MOVE */);
	for (i = 0; i < PAGES; i++)
		nodes[i] = 0;
	syscall(SYS_move_pages, 0, PAGES, pages, nodes, status, 2);
	expect_kept(tie, mem, SIZE);
}

#define KSM	"/sys/kernel/mm/ksm/"

static long ksm(const char *name)
{
	char path[64], text[32];

	snprintf(path, sizeof(path), KSM "%s", name);
	must(__read_text(path, text, sizeof(text)));
	return atol(text);
}

TEST_F(tie, same_page_merging)
{
	const struct timespec moment = { .tv_nsec = 50000000 };
	struct tie *tie = &self->tie;
	int left = 200;	/* 10 s */
	char *mem, *twin;
	long scans;

	if (access(KSM "run", F_OK))
		SKIP(return, "no KSM");
	mem = given(tie);
	twin = private_memory(SIZE);
	memset(twin, SECRET, SIZE);
	ASSERT_EQ(0, madvise(mem, SIZE, MADV_MERGEABLE));
	ASSERT_EQ(0, madvise(twin, SIZE, MADV_MERGEABLE));
	write_text(KSM "run", "1");
	/* A page must be the same in two scans before it is merged. */
	for (scans = ksm("full_scans"); ksm("full_scans") < scans + 3 && left; left--)
		nanosleep(&moment, NULL);
	EXPECT_LT(0, left);
	/* The twins, which no device has, did merge. */
	EXPECT_LT(0, ksm("pages_shared"));
	EXPECT_TRUE(is_all(mem, SIZE, SECRET));
	expect_nothing_taken(tie);
	EXPECT_TRUE(works(tie, mem + PAGE, IOVA + PAGE));
	EXPECT_TRUE(is_all(twin, SIZE, SECRET));
	write_text(KSM "run", "2");
	write_text(KSM "run", "0");
	expect_kept(tie, mem, SIZE);
	munmap(twin, SIZE);
}

/* ---- Huge pages --------------------------------------------------------------------- */

TEST_F(tie, huge_page_splits)
{
	struct tie *tie = &self->tie;
	char *mem = huge_memory(HUGE);

	if (!is_huge(mem))
		SKIP(return, "no transparent huge page");
	give(tie, mem, IOVA, HUGE, IOVA, HUGE);
	ASSERT_EQ(0, mprotect(mem + 5 * PAGE, PAGE, PROT_READ));
	EXPECT_FALSE(is_huge(mem));
	expect_nothing_taken(tie);
	EXPECT_TRUE(reads(tie, IOVA + 5 * PAGE, SECRET));
	ASSERT_EQ(0, mprotect(mem + 5 * PAGE, PAGE, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, madvise(mem, HUGE, MADV_NOHUGEPAGE));
	expect_kept(tie, mem, HUGE);
}

TEST_F(tie, huge_page_collapses)
{
	struct tie *tie = &self->tie;
	char *mem = huge_memory(HUGE);

	/* From small pages, some of them given. */
	ASSERT_EQ(0, madvise(mem, HUGE, MADV_NOHUGEPAGE));
	ASSERT_EQ(0, madvise(mem, HUGE, MADV_DONTNEED));
	memset(mem, 0, HUGE);
	ASSERT_EQ(0, madvise(mem, HUGE, MADV_HUGEPAGE));
	EXPECT_FALSE(is_huge(mem));
	give(tie, mem, IOVA, SIZE, IOVA, SIZE);
	/* Pinned pages do not move together, so this fails; it must not do worse. */
	EXPECT_EQ(-1, madvise(mem, HUGE, MADV_COLLAPSE));
	EXPECT_TRUE(is_all(mem, SIZE, SECRET));
	expect_kept(tie, mem, SIZE);
	munmap(mem + SIZE, HUGE - SIZE);
}

TEST_F(tie, huge_page_splits_and_collapses)
{
	struct tie *tie = &self->tie;
	char *mem = huge_memory(HUGE);

	if (!is_huge(mem))
		SKIP(return, "no transparent huge page");
	give(tie, mem, IOVA, HUGE, IOVA, HUGE);
	ASSERT_EQ(0, mprotect(mem + PAGE, PAGE, PROT_NONE));
	ASSERT_EQ(0, mprotect(mem + PAGE, PAGE, PROT_READ | PROT_WRITE));
	/* The same huge page can be mapped as one again, or not. */
	madvise(mem, HUGE, MADV_COLLAPSE);
	expect_kept(tie, mem, HUGE);
}

TEST_HARNESS_MAIN
