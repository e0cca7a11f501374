// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tie to the owning process, against the clock: memory comes and goes while
 * it is mapped and unmapped for the devices. Whatever the order, in the end
 * nothing is pinned, nothing is paid for, and no device wrote where it should not.
 *
 * Uses an nvme alone in its group.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#include "kselftest_harness.h"
#include "nvme.h"
#include "vfio_tie.h"

#define SIZE	(16 * PAGE)
#define QUEUES	(3 * IOVA)
#define SECONDS	2

/*
 * Memory between two pages that stay. Without them, a hole that a test makes could
 * become one with free addresses below, and a thread's stack be put there.
 */
static char *fenced_memory(size_t size)
{
	char *mem = private_memory(size + 2 * PAGE);

	if (mprotect(mem, PAGE, PROT_NONE) || mprotect(mem + PAGE + size, PAGE, PROT_NONE))
		fail("mprotect: %s", strerror(errno));
	return mem + PAGE;
}

FIXTURE(race)
{
	struct vfio vfio;
	struct nvme nvme;
	int fd;
	char *mem;
	long locked;
	long pinned;
	bool stop;
};

FIXTURE_SETUP(race)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_NVME, 0, bdf))
		SKIP(return, "no nvme alone in its group");
	self->pinned = pinned_pages();
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	self->fd = self->vfio.container;
	nvme_open(&self->nvme, self->vfio.device, self->fd, QUEUES);
	self->locked = my_locked();
	self->mem = fenced_memory(SIZE);
}

FIXTURE_TEARDOWN(race)
{
	struct vfio_iommu_mm_stale got[256];

	__dma_unmap(self->fd, IOVA, IOVA);
	if (driver_is_rust())
		EXPECT_EQ(0, __mm_stale(self->fd, got, 256));
	EXPECT_EQ(self->locked, my_locked());
	nvme_close(&self->nvme);
	vfio_close(&self->vfio);
	EXPECT_EQ(self->pinned, pinned_until(self->pinned));
}

static bool over(time_t end)
{
	return time(NULL) >= end;
}

/* Both are normal: the memory may not be there, or the address not be free. */
static int map_maybe(FIXTURE_DATA(race) *self)
{
	int ret = __dma_map(self->fd, self->mem, IOVA, SIZE, DMA_RW);

	if (ret && ret != -EFAULT && ret != -EEXIST)
		fail("MAP_DMA: %s", strerror(-ret));
	return ret;
}

/* ---- Threads that disturb, until they are told to stop ------------------------------------- */

static bool stopped(FIXTURE_DATA(race) *self)
{
	return __atomic_load_n(&self->stop, __ATOMIC_ACQUIRE);
}

static void *unmap_and_map(void *arg)
{
	FIXTURE_DATA(race) *self = arg;
	unsigned int round;

	for (round = 0; !stopped(self); round++) {
		size_t at = round % 16 * PAGE, size = round % 3 ? PAGE : SIZE - at;

		munmap(self->mem + at, size);
		if (mmap(self->mem + at, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
			fail("mmap: %s", strerror(errno));
	}
	return NULL;
}

static void *dont_need(void *arg)
{
	FIXTURE_DATA(race) *self = arg;
	unsigned int round;

	for (round = 0; !stopped(self); round++) {
		madvise(self->mem + round % 8 * 2 * PAGE, 2 * PAGE, MADV_DONTNEED);
		self->mem[round % 16 * PAGE] = 1;
	}
	return NULL;
}

static void *move_and_return(void *arg)
{
	FIXTURE_DATA(race) *self = arg;
	char *to = fenced_memory(SIZE);

	while (!stopped(self)) {
		mremap(self->mem, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
		mremap(to, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, self->mem);
	}
	return NULL;
}

static void *fork_and_write(void *arg)
{
	FIXTURE_DATA(race) *self = arg;
	int status;

	while (!stopped(self)) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		memset(self->mem, 1, SIZE);
		if (waitpid(pid, &status, 0) != pid || status)
			fail("the child ended with %#x", status);
	}
	return NULL;
}

static void *read_list(void *arg)
{
	FIXTURE_DATA(race) *self = arg;
	struct vfio_iommu_mm_stale got[64];

	while (!stopped(self)) {
		int i, count = __mm_stale(self->fd, got, 64);

		for (i = 0; i < count; i++)
			if (got[i].iova < IOVA || got[i].iova + got[i].size > IOVA + SIZE ||
			    !got[i].size)
				fail("stale: %#llx + %#llx", got[i].iova, got[i].size);
	}
	return NULL;
}

static void note_longest(long long *longest, const struct timespec *start)
{
	struct timespec now;
	long long ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (now.tv_sec - start->tv_sec) * 1000LL + (now.tv_nsec - start->tv_nsec) / 1000000;
	if (ms > *longest)
		*longest = ms;
}

/* Maps and unmaps for some seconds, with one thread against it and one that reads. */
static void against(struct __test_metadata *_metadata, FIXTURE_DATA(race) *self,
		    void *(*disturb)(void *arg))
{
	long long longest_map = 0, longest_unmap = 0;
	unsigned int mapped = 0, round;
	time_t end = time(NULL) + SECONDS;
	pthread_t thread, reader;
	struct timespec start;

	ASSERT_EQ(0, pthread_create(&thread, NULL, disturb, self));
	ASSERT_EQ(0, pthread_create(&reader, NULL, read_list, self));
	for (round = 0; !over(end); round++) {
		bool there;

		clock_gettime(CLOCK_MONOTONIC, &start);
		there = !map_maybe(self);
		note_longest(&longest_map, &start);
		if (!there)
			continue;
		mapped++;
		if (round % 4 == 0)
			nvme_identify(&self->nvme, IOVA + round % 16 * PAGE);
		clock_gettime(CLOCK_MONOTONIC, &start);
		ASSERT_EQ(SIZE, __dma_unmap(self->fd, IOVA, SIZE));
		note_longest(&longest_unmap, &start);
	}
	__atomic_store_n(&self->stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	pthread_join(reader, NULL);
	TH_LOG("%u of %u rounds mapped; longest MAP_DMA %lld ms, UNMAP_DMA %lld ms", mapped, round,
	       longest_map, longest_unmap);
	EXPECT_LT(0, mapped);
	/* Whoever disturbs, it comes to an end. */
	EXPECT_GT(10000, longest_map);
	EXPECT_GT(10000, longest_unmap);
}

TEST_F(race, unmap)
{
	against(_metadata, self, unmap_and_map);
}

TEST_F(race, discard)
{
	against(_metadata, self, dont_need);
}

TEST_F(race, move)
{
	against(_metadata, self, move_and_return);
}

/* Nothing is given up here, so each mapping works. */
TEST_F(race, fork)
{
	against(_metadata, self, fork_and_write);
}

/* ---- Processes that end -------------------------------------------------------------------------- */

TEST_F(race, exit)
{
	time_t end = time(NULL) + SECONDS;
	unsigned int round;
	int status;

	for (round = 0; !over(end); round++) {
		pid_t pid = fork();

		if (!pid) {
			unsigned int i;

			for (i = 0; i < 16; i++)
				dma_map(self->fd, self->mem, IOVA + i * SIZE, SIZE, DMA_RW);
			if (round % 2)
				_exit(0);
			raise(SIGKILL);
		}
		/* In the middle of it, and until the child is gone. */
		do {
			__dma_unmap(self->fd, IOVA, IOVA);
		} while (!waitpid(pid, &status, WNOHANG));
		ASSERT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
		__dma_unmap(self->fd, IOVA, IOVA);
	}
	TH_LOG("%u processes", round);
}

/* ---- A device that does not stop writing ------------------------------------------------------------ */

static void *keep_writing(void *arg)
{
	FIXTURE_DATA(race) *self = arg;

	while (!stopped(self))
		nvme_identify(&self->nvme, IOVA);
	return NULL;
}

TEST_F(race, write)
{
	time_t end = time(NULL) + SECONDS;
	unsigned int round, reached = 0;
	pthread_t thread;
	char *mem = self->mem;

	ASSERT_EQ(0, pthread_create(&thread, NULL, keep_writing, self));
	for (round = 0; !over(end); round++) {
		dma_map(self->fd, mem, IOVA, PAGE, DMA_RW);
		usleep(1000);
		reached += nvme_is_identity(mem);
		ASSERT_EQ(0, munmap(mem, PAGE));
		/* On the kernel's own modules the device still has the old page, not this. */
		ASSERT_EQ(mem, mmap(mem, PAGE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
		memset(mem, CANARY, PAGE);
		usleep(1000);
		ASSERT_TRUE(is_all(mem, PAGE, CANARY));
		ASSERT_EQ(PAGE, dma_unmap(self->fd, IOVA, PAGE));
		ASSERT_TRUE(is_all(mem, PAGE, CANARY));
	}
	__atomic_store_n(&self->stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	TH_LOG("the device wrote in %u of %u rounds", reached, round);
	EXPECT_LT(0, reached);
}

TEST_HARNESS_MAIN
