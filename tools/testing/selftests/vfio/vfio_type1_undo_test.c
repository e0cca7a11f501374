// SPDX-License-Identifier: GPL-2.0-only
/*
 * Maps that fail half-way: what was pinned, charged and mapped up to there is
 * taken back before the call returns, and the place is free again.
 *
 * Uses an edu device alone in its group.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "vfio_mapping.h"

#define HUGE	(2UL << 20)

/* More than the kernel's modules pin at a time, which is 512 pages. */
#define PAGES	1300
#define SIZE	(PAGES * PAGE)

/* Where the map fails: at the ends, and on both sides of such a batch. */
static const size_t places[] = { 0, 1, 511, 512, 513, 1024, PAGES - 1 };

/* Expects a map to fail so, and then to have left nothing behind. */
#define fails(error, mem, size, flags) \
	do { \
		EXPECT_EQ(error, __dma_map(self->fd, mem, IOVA, size, flags)); \
		EXPECT_EQ(self->locked, my_locked()); \
		EXPECT_EQ(self->pinned, pinned_until(self->pinned)); \
		EXPECT_EQ(65535, dma_avail(self->fd)); \
		EXPECT_EQ(0, dma_unmap(self->fd, IOVA, size)); \
	} while (0)

TEST_F(mapping, nothing_in_the_middle)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		char *mem = private_memory(SIZE);

		ASSERT_EQ(0, munmap(mem + places[i] * PAGE, PAGE));
		fails(-EFAULT, mem, SIZE, DMA_RW);
		fails(-EFAULT, mem, SIZE, VFIO_DMA_MAP_FLAG_READ);
		/* Up to there it works. */
		if (places[i]) {
			EXPECT_EQ(0, __dma_map(self->fd, mem, IOVA, places[i] * PAGE, DMA_RW));
			EXPECT_EQ(places[i] * PAGE, dma_unmap(self->fd, IOVA, places[i] * PAGE));
		}
		munmap(mem, SIZE);
	}
}

TEST_F(mapping, no_access_in_the_middle)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		char *mem = private_memory(SIZE), *page = mem + places[i] * PAGE;

		memset(mem, 1, SIZE);
		ASSERT_EQ(0, mprotect(page, PAGE, PROT_NONE));
		fails(-EFAULT, mem, SIZE, DMA_RW);
		fails(-EFAULT, mem, SIZE, VFIO_DMA_MAP_FLAG_READ);
		/* What can only be read is good enough for a device that only reads. */
		ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ));
		fails(-EFAULT, mem, SIZE, DMA_RW);
		fails(-EFAULT, mem, SIZE, VFIO_DMA_MAP_FLAG_WRITE);
		EXPECT_EQ(0, __dma_map(self->fd, mem, IOVA, SIZE, VFIO_DMA_MAP_FLAG_READ));
		EXPECT_EQ(self->locked + KB(PAGES), my_locked());
		EXPECT_EQ(SIZE, dma_unmap(self->fd, IOVA, SIZE));
		munmap(mem, SIZE);
	}
}

/* A file ends before its mapping does. */
TEST_F(mapping, end_of_a_file_in_the_middle)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		int file = syscall(SYS_memfd_create, "vfio test", MFD_CLOEXEC);
		char *mem;

		ASSERT_EQ(0, ftruncate(file, places[i] * PAGE));
		mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
		ASSERT_NE(MAP_FAILED, mem);
		fails(-EFAULT, mem, SIZE, DMA_RW);
		munmap(mem, SIZE);
		close(file);
	}
}

/* Behind huge pages, so that a whole one has to be given back, and parts of one. */
TEST_F(mapping, nothing_behind_huge_pages)
{
	const long free = huge_pages_free(HUGE);
	char *mem = mmap(NULL, 3 * HUGE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | 21 << 26, -1, 0);

	if (mem == MAP_FAILED)
		SKIP(return, "no huge pages");
	ASSERT_EQ(0, munmap(mem + 2 * HUGE, HUGE));
	fails(-EFAULT, mem, 2 * HUGE + PAGE, DMA_RW);
	fails(-EFAULT, mem + HUGE / 2 + PAGE, 2 * HUGE, DMA_RW);
	fails(-EFAULT, mem + 2 * HUGE - PAGE, 2 * PAGE, DMA_RW);
	fails(-EFAULT, mem + 2 * HUGE - PAGE, 2 * PAGE, VFIO_DMA_MAP_FLAG_READ);
	munmap(mem, 2 * HUGE);
	EXPECT_EQ(free, huge_pages_free(HUGE));
}

/* Behind the registers of a device, which are neither pinned nor paid for. */
TEST_F(mapping, nothing_behind_device_memory)
{
	const size_t size = 1UL << 20;
	char *mem = private_memory(size + SIZE + PAGE);

	pci_command(self->vfio.device, 2, 0);
	ASSERT_EQ(mem + SIZE, mmap(mem + SIZE, size, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_FIXED, self->vfio.device,
				   region_info(self->vfio.device, 0).offset));
	ASSERT_EQ(0, munmap(mem + SIZE + size, PAGE));
	fails(-EFAULT, mem, SIZE + size + PAGE, DMA_RW);
	EXPECT_EQ(0, __dma_map(self->fd, mem, IOVA, SIZE + size, DMA_RW));
	EXPECT_EQ(self->locked + KB(PAGES), my_locked());
	EXPECT_EQ(SIZE + size, dma_unmap(self->fd, IOVA, SIZE + size));
	munmap(mem, SIZE + size);
}

/* The part that was mapped for a moment is out of reach. */
TEST_F(mapping, device_reaches_nothing_of_it)
{
	char *mem = private_memory(SIZE);
	struct edu edu;

	edu_open(&edu, self->vfio.device);
	dma_map(self->fd, self->mem, 2 * IOVA, PAGE, DMA_RW);
	memset(self->mem, 0xee, PAGE);
	memset(mem, 0xc1, SIZE);
	ASSERT_EQ(0, munmap(mem + SIZE - PAGE, PAGE));
	EXPECT_EQ(-EFAULT, __dma_map(self->fd, mem, IOVA, SIZE, DMA_RW));
	edu_dma_from(&edu, 2 * IOVA, PAGE);
	edu_dma_to(&edu, IOVA, PAGE);
	edu_dma_to(&edu, IOVA + 600 * PAGE, PAGE);
	EXPECT_TRUE(is_all(mem, SIZE - PAGE, 0xc1));
	munmap(mem, SIZE);
	edu_close(&edu);
}

/* Over the limit of locked memory, by a page, somewhere in the request. */
TEST_F(mapping, limit_in_the_middle)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		const size_t limit = places[i] * PAGE;
		struct child child;

		if (start_child(&child)) {
			const struct rlimit some = { limit, limit };
			char *mem = private_memory(SIZE);

			if (setrlimit(RLIMIT_MEMLOCK, &some) || setresgid(1000, 1000, 1000) ||
			    setresuid(1000, 1000, 1000))
				fail("an ordinary user: %s", strerror(errno));
			if (__dma_map(self->fd, mem, IOVA, SIZE, DMA_RW) != -ENOMEM)
				fail("%zu bytes are no limit", limit);
			if (my_locked())
				fail("%ld KiB are left", my_locked());
			tell(&child);
			wait_for(&child);
			if (limit) {
				dma_map(self->fd, mem, IOVA, limit, DMA_RW);
				if (my_locked() != KB(places[i]))
					fail("%ld KiB are mapped", my_locked());
				if (__dma_map(self->fd, mem, 2 * IOVA, PAGE, DMA_RW) != -ENOMEM)
					fail("a page more");
				if (dma_unmap(self->fd, IOVA, limit) != (int64_t)limit || my_locked())
					fail("%ld KiB are left of it", my_locked());
			}
			_exit(0);
		}
		wait_for(&child);
		EXPECT_EQ(self->pinned, pinned_until(self->pinned));
		EXPECT_EQ(65535, dma_avail(self->fd));
		tell(&child);
		EXPECT_EQ(0, end_of(&child));
	}
}

TEST_HARNESS_MAIN
