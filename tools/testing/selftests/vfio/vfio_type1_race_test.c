// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several threads at one container. Whatever they do at the same time, each gets
 * an answer that it could have got one after another: of two maps that overlap
 * one wins, an unmap takes whole mappings, and what was mapped is what is
 * unmapped, byte by byte.
 *
 * Uses an edu device alone in its group.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "vfio_mapping.h"

#define START	VFIO_IOMMU_DIRTY_PAGES_FLAG_START
#define ALL	VFIO_DMA_UNMAP_FLAG_ALL

/* Long enough that many calls of each thread meet, on one processor too. */
#define LONG	1.5

/* A thread, what it is told, and what it tells. */
struct worker {
	int container;
	char *mem;
	uint64_t iova, size;
	pthread_barrier_t *barrier;
	volatile bool *stop;
	int result;		/* of one call */
	int64_t bytes;		/* of one call, or all together */
	int strange;		/* answers that must not be */
	unsigned int rounds;
	pthread_t thread;
};

static void start(struct worker *worker, void *(*run)(void *arg))
{
	if (pthread_create(&worker->thread, NULL, run, worker))
		fail("no thread");
}

static void end(struct worker *worker)
{
	pthread_join(worker->thread, NULL);
}

/* ---- One call of each, at the same moment ----------------------------------------- */

static void *map_and_unmap_once(void *arg)
{
	struct worker *me = arg;

	pthread_barrier_wait(me->barrier);
	me->result = __dma_map(me->container, me->mem, me->iova, me->size, DMA_RW);
	pthread_barrier_wait(me->barrier);
	/* Both take the whole neighbourhood. */
	me->bytes = __dma_unmap(me->container, IOVA, MEM_PAGES * PAGE);
	return NULL;
}

TEST_F(mapping, one_of_two_that_overlap_wins)
{
	static const struct {
		unsigned int first[2], count[2];
	} pairs[] = {
		{ { 0, 0 }, { 1, 1 } }, { { 0, 0 }, { 40, 40 } }, { { 0, 20 }, { 21, 20 } },
		{ { 0, 3 }, { 40, 1 } }, { { 5, 0 }, { 3, 40 } },
	};
	pthread_barrier_t barrier;
	size_t i, k;
	int round;

	pthread_barrier_init(&barrier, NULL, 2);
	for (round = 0; round < 100; round++) {
		struct worker both[2];

		i = round % ARRAY_SIZE(pairs);
		for (k = 0; k < 2; k++) {
			both[k] = (struct worker){
				.container = self->fd,
				.mem = self->mem,
				.iova = IOVA + pairs[i].first[k] * PAGE,
				.size = pairs[i].count[k] * PAGE,
				.barrier = &barrier,
			};
			start(&both[k], map_and_unmap_once);
		}
		end(&both[0]);
		end(&both[1]);
		k = !!both[0].result;
		EXPECT_EQ(0, both[k].result);
		EXPECT_EQ(-EEXIST, both[!k].result);
		/* The winner's mapping goes once, as a whole. */
		EXPECT_EQ(both[k].size, both[0].bytes + both[1].bytes) {
			TH_LOG("%ld and %ld bytes of %lu", both[0].bytes, both[1].bytes,
			       both[k].size);
		}
		EXPECT_TRUE(!both[0].bytes || !both[1].bytes);
		ASSERT_EQ(self->locked, my_locked());
	}
	EXPECT_EQ(65535, dma_avail(self->fd));
}

/* ---- Many calls -------------------------------------------------------------------- */

static void *map_and_unmap(void *arg)
{
	struct worker *me = arg;

	for (; !*me->stop; me->rounds++) {
		if (__dma_map(me->container, me->mem, me->iova, me->size, DMA_RW) ||
		    __dma_unmap(me->container, me->iova, me->size) != (int64_t)me->size)
			me->strange++;
	}
	return NULL;
}

/* Neighbours, page by page: nobody notices anybody. */
TEST_F(mapping, disjoint_ranges)
{
	struct worker workers[3];
	volatile bool stop = false;
	int i;

	for (i = 0; i < 3; i++) {
		workers[i] = (struct worker){
			.container = self->fd, .mem = self->mem + i * PAGE, .stop = &stop,
			.iova = IOVA + i * 20 * PAGE, .size = 20 * PAGE,
		};
		start(&workers[i], map_and_unmap);
	}
	usleep(LONG * 1e6);
	stop = true;
	for (i = 0; i < 3; i++) {
		end(&workers[i]);
		EXPECT_EQ(0, workers[i].strange);
		EXPECT_LT(3, workers[i].rounds);
	}
	EXPECT_EQ(self->locked, my_locked());
	EXPECT_EQ(self->pinned, pinned_until(self->pinned));
	EXPECT_EQ(65535, dma_avail(self->fd));
}

/* Maps mappings of one to five pages, and counts their bytes. */
static void *only_map(void *arg)
{
	struct worker *me = arg;
	unsigned int slot;

	for (; !*me->stop; me->rounds++) {
		uint64_t size = (1 + me->rounds % 5) * PAGE;
		int ret;

		slot = me->rounds * 7 % 16;
		ret = __dma_map(me->container, me->mem, me->iova + slot * 5 * PAGE, size, DMA_RW);
		if (!ret)
			me->bytes += size;
		else if (ret != -EEXIST)
			me->strange++;
	}
	return NULL;
}

/* Unmaps one mapping's place, a range of them, or all, and counts the bytes. */
static void *only_unmap(void *arg)
{
	struct worker *me = arg;

	for (; !*me->stop; me->rounds++) {
		unsigned int slot = me->rounds * 5 % 16;
		int64_t ret;

		if (me->rounds % 50 == 49)
			ret = __dma_unmap_flags(me->container, 0, 0, ALL);
		else if (me->rounds % 7 == 6)
			ret = __dma_unmap(me->container, me->iova, 8 * 5 * PAGE);
		else
			ret = __dma_unmap(me->container, me->iova + slot * 5 * PAGE, 5 * PAGE);
		if (ret < 0 || ret % PAGE)
			me->strange++;
		else
			me->bytes += ret;
	}
	return NULL;
}

/* All of a mapping is dirty, or it is not there: nothing in between. */
static void *only_look(void *arg)
{
	struct worker *me = arg;

	for (; !*me->stop; me->rounds++) {
		uint64_t bits = 0;
		struct vfio_bitmap bitmap = { PAGE, 8, (__u64 *)&bits };

		/* The first place, which is the start of a word: C is right only there. */
		if (__dirty_bitmap(me->container, me->iova, 5 * PAGE, bitmap) ||
		    (bits & (bits + 1)) || bits > 31)
			me->strange++;
		if (dma_avail(me->container) > 65535)
			me->strange++;
	}
	return NULL;
}

TEST_F(mapping, what_is_mapped_is_unmapped)
{
	struct worker workers[4];
	volatile bool stop = false;
	int64_t mapped, unmapped;
	int i;

	ASSERT_EQ(0, __dirty_pages(self->fd, START));
	for (i = 0; i < 4; i++) {
		workers[i] = (struct worker){
			.container = self->fd, .mem = self->mem, .iova = IOVA, .stop = &stop,
		};
		start(&workers[i], i < 2 ? only_map : i == 2 ? only_unmap : only_look);
	}
	usleep(2 * LONG * 1e6);
	stop = true;
	for (i = 0; i < 4; i++) {
		end(&workers[i]);
		EXPECT_EQ(0, workers[i].strange) {
			TH_LOG("worker %d", i);
		}
	}
	mapped = workers[0].bytes + workers[1].bytes;
	unmapped = workers[2].bytes + __dma_unmap_flags(self->fd, 0, 0, ALL);
	EXPECT_LT(0, mapped);
	EXPECT_EQ(mapped, unmapped);
	EXPECT_EQ(self->locked, my_locked());
	EXPECT_EQ(self->pinned, pinned_until(self->pinned));
	EXPECT_EQ(65535, dma_avail(self->fd));
}

/* ---- Something else goes away ------------------------------------------------------- */

static void *map_what_may_be_gone(void *arg)
{
	struct worker *me = arg;

	for (; !*me->stop; me->rounds++) {
		int ret = __dma_map(me->container, me->mem, me->iova, me->size, DMA_RW);
		int64_t bytes;

		/* The memory may not be there, or nothing to map it into. */
		if (ret && ret != -EFAULT && ret != -EINVAL)
			me->strange++;
		bytes = __dma_unmap(me->container, me->iova, me->size);
		if (bytes && bytes != -EINVAL && (ret || bytes != (int64_t)me->size))
			me->strange++;
		me->bytes += !ret;
	}
	return NULL;
}

/* The program gives memory up and gets it back while it is being mapped. */
TEST_F(mapping, memory_comes_and_goes)
{
	const size_t size = MEM_PAGES * PAGE;
	char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile bool stop = false;
	struct worker worker = {
		.container = self->fd, .mem = mem, .iova = IOVA, .size = size, .stop = &stop,
	};
	double until = seconds() + 2 * LONG;
	unsigned int round;
	int status;
	pid_t pid;

	start(&worker, map_what_may_be_gone);
	for (round = 0; seconds() < until; round++) {
		ASSERT_EQ(0, munmap(mem + 3 * PAGE, 9 * PAGE));
		ASSERT_EQ(mem + 3 * PAGE, mmap(mem + 3 * PAGE, 9 * PAGE, PROT_READ | PROT_WRITE,
					       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
		memset(mem, round, size);
		ASSERT_EQ(0, madvise(mem + 20 * PAGE, 20 * PAGE, MADV_DONTNEED));
		mprotect(mem, size, PROT_READ);
		mprotect(mem, size, PROT_READ | PROT_WRITE);
		if (round % 20 == 0) {
			pid = fork();
			if (!pid)
				_exit(0);
			ASSERT_EQ(pid, waitpid(pid, &status, 0));
		}
	}
	stop = true;
	end(&worker);
	EXPECT_EQ(0, worker.strange);
	EXPECT_LT(0, worker.bytes);
	EXPECT_EQ(0, dma_unmap(self->fd, IOVA, size));
	EXPECT_EQ(self->locked, my_locked());
	EXPECT_EQ(self->pinned, pinned_until(self->pinned));
	munmap(mem, size);
}

/*
 * The group leaves the container, and all mappings go; then it comes back. C looks
 * up the backend without a lock or a reference and may use it when it is freed,
 * which has locked a guest up.
 */
TEST_F(mapping, group_comes_and_goes)
{
	volatile bool stop = false;
	struct worker worker = {
		.container = self->fd, .mem = self->mem, .iova = IOVA, .size = MEM_PAGES * PAGE,
		.stop = &stop,
	};
	double until = seconds() + 2 * LONG;

	if (!driver_is_rust())
		SKIP(return, "C uses the backend after it is freed");
	close(self->vfio.device);
	self->vfio.device = -1;
	start(&worker, map_what_may_be_gone);
	while (seconds() < until) {
		ASSERT_EQ(0, __group_unset_container(self->vfio.group));
		ASSERT_EQ(0, __group_set_container(self->vfio.group, self->fd));
		ASSERT_EQ(0, __set_iommu(self->fd, VFIO_TYPE1v2_IOMMU));
		usleep(1000);
	}
	stop = true;
	end(&worker);
	EXPECT_EQ(0, worker.strange);
	EXPECT_LT(0, worker.bytes);
	EXPECT_EQ(self->locked, my_locked());
	EXPECT_EQ(self->pinned, pinned_until(self->pinned));
	EXPECT_EQ(65535, dma_avail(self->fd));
}

/* ---- Across the end of somebody's range ------------------------------------------- */

static void *map_across_the_end(void *arg)
{
	struct worker *me = arg;

	while (!*me->stop) {
		if (__dma_map(me->container, me->mem, me->iova, me->size, DMA_RW))
			continue;
		me->rounds++;
		/* Nobody else names all of it, so nobody else takes it. */
		if (__dma_unmap(me->container, me->iova, me->size) != (int64_t)me->size)
			me->strange++;
	}
	return NULL;
}

TEST_F(mapping, an_unmap_never_takes_what_leads_out_of_its_range)
{
	const double until = seconds() + LONG;
	volatile bool stop = false;
	struct worker other = {
		.container = self->fd,
		.mem = self->mem,
		.iova = IOVA + 30 * PAGE,
		.size = 4 * PAGE,
		.stop = &stop,
	};
	unsigned int refused = 0, taken = 0;

	start(&other, map_across_the_end);
	while (seconds() < until) {
		int64_t bytes;

		/* Several, so that they do not go all at once. */
		dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW);
		dma_map(self->fd, self->mem + PAGE, IOVA + 4 * PAGE, PAGE, DMA_RW);
		dma_map(self->fd, self->mem + PAGE, IOVA + 8 * PAGE, PAGE, DMA_RW);
		do {
			bytes = __dma_unmap(self->fd, IOVA, 32 * PAGE);
			if (bytes == -EINVAL)
				refused++;
		} while (bytes == -EINVAL);
		if (bytes == 3 * PAGE)
			taken++;
		else
			EXPECT_EQ(3 * PAGE, bytes);
	}
	stop = true;
	end(&other);
	EXPECT_EQ(0, other.strange);
	TH_LOG("%u and %u rounds, %u refused", taken, other.rounds, refused);
}

/* ---- Behind somebody's unmap ------------------------------------------------------ */

/* So many that they do not go all at once. */
#define MANY	2000

/* All ways to take down the same mappings. */
static int64_t unmap_many(int container, unsigned int way)
{
	uint64_t bits[MANY / 64 + 1] = { 0 };
	struct vfio_bitmap bitmap = { PAGE, sizeof(bits), (__u64 *)bits };

	switch (way) {
	case 0:
		return __dma_unmap(container, IOVA, MANY * PAGE);
	case 1:
		return __dma_unmap_flags(container, 0, 0, ALL);
	default:
		return __dma_unmap_bitmap(container, IOVA, MANY * PAGE, bitmap);
	}
}

static void *map_as_soon_as_it_is_free(void *arg)
{
	struct worker *me = arg;

	pthread_barrier_wait(me->barrier);
	do {
		me->result = __dma_map(me->container, me->mem, me->iova, me->size, DMA_RW);
	} while (me->result == -EEXIST);
	/* Beside the unmap, unless it was over and nobody had told so yet. */
	me->rounds = !*me->stop;
	return NULL;
}

/* The unmap made the room, so what is there now came after it, even if it is not over yet. */
TEST_F(mapping, an_unmap_never_takes_what_is_mapped_behind_it)
{
	const double until = seconds() + 2 * LONG;
	unsigned int round, i, beside[3] = { 0 };
	pthread_barrier_t barrier;

	pthread_barrier_init(&barrier, NULL, 2);
	ASSERT_EQ(0, __dirty_pages(self->fd, START));
	for (round = 0; round < 6 || seconds() < until; round++) {
		volatile bool over = false;
		/* What goes first, or what goes when something in front of it has gone. */
		struct worker other = {
			.container = self->fd, .mem = self->mem + PAGE, .size = PAGE,
			.iova = IOVA + (round / 3 % 2 ? MANY / 3 : 0) * PAGE,
			.barrier = &barrier, .stop = &over,
		};

		for (i = 0; i < MANY; i++)
			dma_map(self->fd, self->mem, IOVA + i * PAGE, PAGE, DMA_RW);
		start(&other, map_as_soon_as_it_is_free);
		pthread_barrier_wait(&barrier);
		EXPECT_EQ(MANY * PAGE, unmap_many(self->fd, round % 3)) {
			TH_LOG("round %u", round);
		}
		over = true;
		end(&other);
		beside[round % 3] += other.rounds;
		ASSERT_EQ(0, other.result);
		ASSERT_EQ(PAGE, dma_unmap(self->fd, other.iova, PAGE)) {
			TH_LOG("round %u", round);
		}
		ASSERT_EQ(65535, dma_avail(self->fd));
		ASSERT_EQ(self->locked, my_locked());
	}
	TH_LOG("%u rounds; beside an unmap of a range %u, of all %u, with a bitmap %u",
	       round, beside[0], beside[1], beside[2]);
}

TEST_HARNESS_MAIN
