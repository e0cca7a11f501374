// SPDX-License-Identifier: GPL-2.0-only
/*
 * POWER: what once went wrong, here or in the C implementation. The cases that C
 * fails, or that bring the kernel down with it, are skipped there; they are among
 * the differences in Documentation/driver-api/vfio-parity.rst.
 */
#include <pthread.h>

#include "kselftest_harness.h"
#include "vfio_test.h"
#include "vfio_spapr.h"

#define IOVA	SPAPR_IOVA
#define GB	(1ULL << 30)

SPAPR_SETUP(VFIO_SPAPR_TCE_v2_IOMMU)

#define NOT_ON_C(why) do { if (!driver_is_rust()) SKIP(return, why); } while (0)

/* Of a range only the first page was compared with the window. */
TEST_F(spapr, mapping_past_the_end_of_a_window)
{
	uint64_t start, end;

	NOT_ON_C("C writes behind the table");
	ASSERT_EQ(0, __spapr_register(self->fd, self->mem, SPAPR_PAGES * PAGE));
	ASSERT_EQ(0, __spapr_create(self->fd, 16, GB, 1, &start));
	end = start + GB;
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, end - PAGE, 2 * PAGE, DMA_RW));
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, end - PAGE, -PAGE, DMA_RW));
	EXPECT_EQ(-ENXIO, __dma_map(self->fd, self->mem, end, PAGE, DMA_RW));
	EXPECT_EQ(0, __dma_map(self->fd, self->mem, end - PAGE, PAGE, DMA_RW));
}

/* Answered 0, and forgot the memory with its pins and its charge. */
TEST_F(spapr, unregistering_what_is_mapped)
{
	NOT_ON_C("C leaves it pinned and charged for the life of the process");
	ASSERT_EQ(0, __spapr_register(self->fd, self->mem, 2 * PAGE));
	ASSERT_EQ(0, __dma_map(self->fd, self->mem + PAGE, IOVA, PAGE, DMA_RW));
	EXPECT_EQ(-EBUSY, __spapr_unregister(self->fd, self->mem, 2 * PAGE));
	EXPECT_EQ(-EBUSY, __spapr_unregister(self->fd, self->mem, 2 * PAGE));
	EXPECT_EQ(PAGE, __dma_unmap(self->fd, IOVA, PAGE));
	EXPECT_EQ(0, __spapr_unregister(self->fd, self->mem, 2 * PAGE));
}

/* Was charged, up to 4 GiB, and stayed so. */
TEST_F(spapr, a_window_that_cannot_be)
{
	long locked;
	uint64_t start;

	NOT_ON_C("C leaves the table charged that it did not make");
	ASSERT_EQ(0, __spapr_remove(self->fd, 0));
	locked = my_locked();
	EXPECT_EQ(-EINVAL, __spapr_create(self->fd, 16, GB, 9, &start));
	EXPECT_EQ(-EINVAL, __spapr_create(self->fd, 16, 3 * GB, 1, &start));
	EXPECT_EQ(-EINVAL, __spapr_create(self->fd, 16, 4096, 1, &start));
	EXPECT_EQ(-EINVAL, __spapr_create(self->fd, 64 + 16, GB, 1, &start));
	EXPECT_EQ(locked, my_locked());
}

/* MAP, UNMAP and GET_INFO took no lock, and REMOVE frees the tables. */
struct racer {
	int fd;
	char *mem;
	uint64_t start;
	double end;
	int wrong;
};

static void *map_and_unmap(void *arg)
{
	struct racer *racer = arg;
	struct vfio_iommu_spapr_tce_info info;

	while (seconds() < racer->end) {
		int mapped = __dma_map(racer->fd, racer->mem, racer->start, 2 * PAGE, DMA_RW);
		int64_t unmapped = __dma_unmap(racer->fd, racer->start, 2 * PAGE);

		if (mapped && mapped != -ENXIO)
			racer->wrong = mapped;
		if (unmapped != 2 * PAGE && unmapped != -ENXIO)
			racer->wrong = unmapped;
		if (__spapr_info(racer->fd, &info))
			racer->wrong = 1;
	}
	return NULL;
}

TEST_F(spapr, mapping_while_windows_come_and_go)
{
	struct racer racer = { .fd = self->fd, .mem = self->mem, .end = seconds() + 5 };
	pthread_t threads[2];
	uint64_t start;
	int i;

	NOT_ON_C("C maps in tables that are being freed");
	ASSERT_EQ(0, __spapr_register(self->fd, self->mem, SPAPR_PAGES * PAGE));
	ASSERT_EQ(0, __spapr_create(self->fd, 16, GB, 1, &racer.start));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, map_and_unmap, &racer));
	for (i = 0; seconds() < racer.end; i++) {
		ASSERT_EQ(0, __spapr_remove(self->fd, racer.start));
		ASSERT_EQ(0, __spapr_create(self->fd, 16, GB, 1, &start));
		ASSERT_EQ(racer.start, start);
	}
	EXPECT_LT(1, i);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, racer.wrong);
	EXPECT_EQ(2 * PAGE, __dma_unmap(self->fd, racer.start, 2 * PAGE));
	EXPECT_EQ(0, __spapr_unregister(self->fd, self->mem, SPAPR_PAGES * PAGE));
}

/* Mapping what was just being unregistered stopped early and reported success. */
static void *register_and_unregister(void *arg)
{
	struct racer *racer = arg;

	while (seconds() < racer->end) {
		int result = __spapr_register(racer->fd, racer->mem, 2 * PAGE);

		if (result && result != -EBUSY)
			racer->wrong = result;
		result = __spapr_unregister(racer->fd, racer->mem, 2 * PAGE);
		if (result && result != -EBUSY)
			racer->wrong = result;
	}
	return NULL;
}

TEST_F(spapr, mapping_while_memory_is_unregistered)
{
	struct racer racer = { .fd = self->fd, .mem = self->mem, .end = seconds() + 5 };
	pthread_t thread;
	int mapped = 0, refused = 0;

	NOT_ON_C("C forgets memory that is unregistered while it is mapped");
	ASSERT_EQ(0, __spapr_register(self->fd, self->mem + 2 * PAGE, PAGE));
	ASSERT_EQ(0, pthread_create(&thread, NULL, register_and_unregister, &racer));
	while (seconds() < racer.end) {
		int result = __dma_map(self->fd, self->mem, IOVA, 2 * PAGE, DMA_RW);

		if (!result) {
			/* Then it is there, and stays. */
			EXPECT_EQ(-EBUSY, __spapr_unregister(self->fd, self->mem, 2 * PAGE));
			EXPECT_EQ(2 * PAGE, __dma_unmap(self->fd, IOVA, 2 * PAGE));
			mapped++;
		} else {
			EXPECT_EQ(-EINVAL, result);
			refused++;
		}
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(0, racer.wrong);
	EXPECT_LT(0, mapped + refused);
}

TEST_HARNESS_MAIN
