// SPDX-License-Identifier: GPL-2.0-only
/*
 * R27: maps that take long. A program can be killed in the middle of one, and
 * others can use the container after it, or beside it.
 *
 * A little memory, mapped again and again into one long range, makes a map as
 * long as wanted; how long that takes is measured first.
 *
 * Uses an edu device alone in its group.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "vfio_mapping.h"

#define PIECE	(4UL << 20)

/* Mappings that one process can have, less what it has already. */
#define PIECES	60000UL

/* Far from what the other tests use, with room for everything. */
#define FAR	(1ULL << 40)

/* Returns @pieces times the same pages. */
static char *long_memory(size_t pieces)
{
	int fd = syscall(SYS_memfd_create, "vfio test", MFD_CLOEXEC);
	char *mem;
	size_t i;

	if (fd < 0 || ftruncate(fd, PIECE))
		fail("a file in memory: %s", strerror(errno));
	mem = mmap(NULL, pieces * PIECE, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED)
		fail("%zu bytes of addresses: %s", pieces * PIECE, strerror(errno));
	for (i = 0; i < pieces; i++)
		if (mmap(mem + i * PIECE, PIECE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED | MAP_NORESERVE, fd, 0) == MAP_FAILED)
			fail("piece %zu: %s", i, strerror(errno));
	close(fd);
	return mem;
}

/* How many pieces can be mapped in @wanted seconds, about; or what there can be. */
static size_t pieces_in(int container, double wanted)
{
	const size_t sample = 16;
	char *mem = long_memory(sample);
	double start, took;

	/* The first time, the pages are made; it does not count. */
	dma_map(container, mem, FAR, PIECE, DMA_RW);
	dma_unmap(container, FAR, PIECE);
	start = seconds();
	dma_map(container, mem, FAR, sample * PIECE, DMA_RW);
	took = seconds() - start;
	dma_unmap(container, FAR, sample * PIECE);
	munmap(mem, sample * PIECE);
	return wanted * sample / took < PIECES ? wanted * sample / took + 1 : PIECES;
}

/* Waits until a process has begun to pin, or for 3 s. */
static void wait_for_pins(long before)
{
	double end = seconds() + 3;

	while (pinned_pages() < before + 1000 && seconds() < end)
		usleep(10000);
}

/*
 * Pinning has to look at signals, and undoing must not take longer than doing.
 * The bound is far above what it takes, and far below what is left of the map.
 */
TEST_F_TIMEOUT(mapping, r27_kill_in_the_middle, 120)
{
	const double bound = 10;
	size_t pieces = pieces_in(self->fd, 4 * bound);
	struct child child;
	double start, took;
	char byte;

	if (start_child(&child)) {
		char *mem = long_memory(pieces);

		tell(&child);
		__dma_map(self->fd, mem, FAR, pieces * PIECE, DMA_RW);
		/* Should not come to this. */
		tell(&child);
		pause();
	}
	wait_for(&child);
	wait_for_pins(self->pinned);
	usleep(200000);
	start = seconds();
	ASSERT_EQ(0, kill(child.pid, SIGKILL));
	EXPECT_EQ(0, read(child.from, &byte, 1)) {
		TH_LOG("the map was over before the signal came");
	}
	EXPECT_EQ(SIGKILL, end_of(&child));
	took = seconds() - start;
	EXPECT_GT(bound, took);
	TH_LOG("%zu MiB; gone after %.2f s", pieces * PIECE >> 20, took);

	/* All of it was taken back, and the container works. */
	EXPECT_EQ(self->pinned, pinned_until(self->pinned));
	EXPECT_EQ(self->locked, my_locked());
	EXPECT_EQ(65535, dma_avail(self->fd));
	EXPECT_EQ(0, dma_unmap(self->fd, FAR, pieces * PIECE));
	dma_map(self->fd, self->mem, FAR, MEM_PAGES * PAGE, DMA_RW);
	EXPECT_EQ(MEM_PAGES * PAGE, dma_unmap(self->fd, FAR, MEM_PAGES * PAGE));
}

/* ---- Beside a long map ------------------------------------------------------------ */

/* A map in a thread of its own. */
struct map {
	int container, result;
	char *mem;
	size_t size;
	pthread_t thread;
	volatile bool over;
};

static void *do_map(void *arg)
{
	struct map *map = arg;

	map->result = __dma_map(map->container, map->mem, FAR, map->size, DMA_RW);
	map->over = true;
	return NULL;
}

/* Begins to map @pieces; @hole bytes more are asked for than there are. */
static void begin(struct map *map, int container, size_t pieces, size_t hole)
{
	long before = pinned_pages();

	*map = (struct map){ .container = container, .size = pieces * PIECE + hole };
	map->mem = long_memory(pieces + 1);
	if (munmap(map->mem + pieces * PIECE, PIECE))
		fail("munmap: %s", strerror(errno));
	if (pthread_create(&map->thread, NULL, do_map, map))
		fail("no thread");
	wait_for_pins(before);
}

static int result_of(struct map *map)
{
	pthread_join(map->thread, NULL);
	return map->result;
}

/* Whoever comes meanwhile may have to wait, but is answered as if all was one after another. */
TEST_F_TIMEOUT(mapping, others_come_in_between, 120)
{
	size_t pieces = pieces_in(self->fd, 1);
	int64_t early;
	uint32_t left;
	struct map map;
	int i;

	begin(&map, self->fd, pieces, 0);
	for (i = 0; i < 20 && !map.over; i++) {
		left = dma_avail(self->fd);
		EXPECT_TRUE(left == 65535 || left == 65534);
		EXPECT_EQ(0, __dma_map(self->fd, self->mem, IOVA, 3 * PAGE, DMA_RW));
		EXPECT_EQ(3 * PAGE, dma_unmap(self->fd, IOVA, 3 * PAGE));
	}
	EXPECT_EQ(-EEXIST, __dma_map(self->fd, self->mem, FAR + PAGE, PAGE, DMA_RW));
	EXPECT_EQ(0, result_of(&map));
	EXPECT_EQ(self->locked + KB(map.size / PAGE), my_locked());
	EXPECT_EQ(map.size, dma_unmap(self->fd, FAR, map.size));
	EXPECT_EQ(self->locked, my_locked());

	/* Unmapping the range itself: all of it if that comes after, nothing if before. */
	begin(&map, self->fd, pieces, 0);
	early = dma_unmap(self->fd, FAR, map.size);
	EXPECT_TRUE(early == 0 || early == (int64_t)map.size) {
		TH_LOG("%ld of %zu bytes", early, map.size);
	}
	EXPECT_EQ(0, result_of(&map));
	EXPECT_EQ(map.size, early + dma_unmap(self->fd, FAR, map.size));

	/* A part of it: cut if after, not there if before; never there in part. */
	begin(&map, self->fd, pieces, 0);
	early = __dma_unmap(self->fd, FAR, PIECE);
	EXPECT_TRUE(early == 0 || early == -EINVAL) {
		TH_LOG("%ld", early);
	}
	EXPECT_EQ(0, result_of(&map));
	EXPECT_EQ(map.size, __dma_unmap_flags(self->fd, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL));
}

/* A map that is going to fail has never been there: it is in nobody's way. */
TEST_F_TIMEOUT(mapping, nothing_is_seen_of_a_map_that_fails, 120)
{
	size_t pieces = pieces_in(self->fd, 1);
	int ours, theirs;
	struct map map;

	begin(&map, self->fd, pieces, PAGE);
	ours = __dma_map(self->fd, self->mem, FAR + map.size - PAGE, PAGE, DMA_RW);
	theirs = result_of(&map);
	EXPECT_TRUE((ours == 0 && theirs == -EFAULT) || (ours == 0 && theirs == -EEXIST)) {
		TH_LOG("ours %d, theirs %d", ours, theirs);
	}
	EXPECT_EQ(self->locked + KB(1), my_locked());
	EXPECT_EQ(PAGE, __dma_unmap_flags(self->fd, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL));

	begin(&map, self->fd, pieces, PAGE);
	EXPECT_EQ(0, dma_unmap(self->fd, FAR, map.size));
	EXPECT_EQ(-EFAULT, result_of(&map));
	EXPECT_EQ(self->locked, my_locked());
	EXPECT_EQ(65535, dma_avail(self->fd));
}

TEST_HARNESS_MAIN
