// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kinds of memory that a program may map: where its pages come from and how
 * large they are must not show. The whole of it and parts that begin and end in
 * the middle of a huge page; twice; to read and to write. After each unmapping
 * as many pages are unpinned as were pinned, and when the program gives the
 * memory up it is free.
 *
 * Uses an edu device alone in its group. Needs huge pages for two of the kinds
 * (a gigantic page is rare, so that one is mostly skipped).
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "vfio_test.h"

#define IOVA	0x1000000ULL
#define HUGE	(2UL << 20)
#define GIANT	(1UL << 30)

#define READ_ONLY	VFIO_DMA_MAP_FLAG_READ

/* ---- The kinds ------------------------------------------------------------------ */

static char *map_memory(size_t size, int flags, int fd)
{
	char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

static char *make_private(size_t size)
{
	return map_memory(size, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static char *make_shared(size_t size)
{
	return map_memory(size, MAP_SHARED | MAP_ANONYMOUS, -1);
}

static char *file(size_t size, int flags, unsigned int kind)
{
	int fd = syscall(SYS_memfd_create, "vfio test", kind);
	char *mem;

	if (fd < 0 || ftruncate(fd, size))
		fail("a file in memory: %s", strerror(errno));
	mem = map_memory(size, flags, fd);
	close(fd);
	return mem;
}

static char *make_memfd(size_t size)
{
	return file(size, MAP_SHARED, MFD_CLOEXEC);
}

/* Pages of the file as long as they are only read, copies of them after. */
static char *make_private_file(size_t size)
{
	return file(size, MAP_PRIVATE, MFD_CLOEXEC);
}

/* Aligned, so that the kernel can use huge pages; it need not. */
static char *make_transparent(size_t size)
{
	char *mem = make_private(size + HUGE), *start;

	start = (char *)(((uintptr_t)mem + HUGE - 1) & -HUGE);
	munmap(mem, start - mem);
	munmap(start + size, mem + HUGE - start);
	madvise(start, size, MADV_HUGEPAGE);
	return start;
}

/* Every other page from elsewhere: no two neighbours are neighbours in the machine. */
static char *make_scattered(size_t size)
{
	char *all = make_private(2 * size), *mem = make_private(size);
	size_t at;

	madvise(all, 2 * size, MADV_NOHUGEPAGE);
	for (at = 0; at < 2 * size; at += PAGE)
		all[at] = 1;
	for (at = 0; at < size; at += PAGE)
		if (mremap(all + 2 * at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			   mem + size - PAGE - at) == MAP_FAILED)
			fail("mremap: %s", strerror(errno));
	for (at = 0; at < size; at += PAGE)
		munmap(all + 2 * at + PAGE, PAGE);
	return mem;
}

static char *make_huge(size_t size)
{
	return map_memory(size, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | 21 << 26, -1);
}

static char *make_huge_private(size_t size)
{
	return map_memory(size, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | 21 << 26, -1);
}

static char *make_giant(size_t size)
{
	return map_memory(size, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | 30 << 26, -1);
}

FIXTURE(kind)
{
	struct vfio vfio;
	struct edu edu;
	int fd;
	char *mem;
	size_t size;
	long locked, pinned, huge, giant;
};

FIXTURE_VARIANT(kind)
{
	char *(*make)(size_t size);
	size_t size;
};

#define KIND(name, bytes) \
	FIXTURE_VARIANT_ADD(kind, name) { .make = make_##name, .size = bytes }

KIND(private, 4 * HUGE);
KIND(shared, 4 * HUGE);
KIND(memfd, 4 * HUGE);
KIND(private_file, 4 * HUGE);
KIND(transparent, 4 * HUGE);
KIND(scattered, 2 * HUGE);
KIND(huge, 4 * HUGE);
KIND(huge_private, 4 * HUGE);
KIND(giant, GIANT);

FIXTURE_SETUP(kind)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	self->huge = huge_pages_free(HUGE);
	self->giant = huge_pages_free(GIANT);
	self->size = variant->size;
	self->mem = variant->make(self->size);
	if (!self->mem)
		SKIP(return, "no such memory");
	self->pinned = pinned_pages();
	self->locked = my_locked();
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	edu_open(&self->edu, self->vfio.device);
	self->fd = self->vfio.container;
}

FIXTURE_TEARDOWN(kind)
{
	edu_close(&self->edu);
	EXPECT_EQ(self->locked, my_locked());
	EXPECT_EQ(self->pinned, pinned_until(self->pinned));
	vfio_close(&self->vfio);
	/* What was hugetlbfs's is free again when the program gives it up. */
	if (self->mem)
		munmap(self->mem, self->size);
	EXPECT_EQ(self->huge, huge_pages_free(HUGE));
	EXPECT_EQ(self->giant, huge_pages_free(GIANT));
}

/* ---- Whole and in parts ----------------------------------------------------------- */

/* A page through the device, from one offset of the memory to another, by its addresses. */
static bool moves(struct edu *edu, char *mem, size_t from, size_t to, uint64_t base)
{
	memset(mem + from, 0x30 + from / PAGE % 64, PAGE);
	memset(mem + to, 0, PAGE);
	edu_copy(edu, base + from, base + to, PAGE);
	return is_all(mem + to, PAGE, 0x30 + from / PAGE % 64);
}

TEST_F(kind, as_a_whole)
{
	dma_map(self->fd, self->mem, IOVA, self->size, DMA_RW);
	EXPECT_EQ(self->locked + KB(self->size / PAGE), my_locked());
	/* What is reached by the device is limited to its 256 MiB. */
	EXPECT_TRUE(moves(&self->edu, self->mem, HUGE,
			  (self->size < GIANT ? self->size : 100 * HUGE) - PAGE, IOVA));
	EXPECT_EQ(self->size, dma_unmap(self->fd, IOVA, self->size));
}

/* Parts that begin, end, or do both in the middle of a huge page; at odd addresses. */
TEST_F(kind, in_parts)
{
	const struct {
		size_t at, size;
	} parts[] = {
		{ PAGE, PAGE }, { HUGE - PAGE, 2 * PAGE }, { PAGE, HUGE - PAGE },
		{ HUGE / 2, HUGE / 2 + PAGE }, { 0, HUGE + PAGE }, { HUGE - PAGE, PAGE },
		{ HUGE + 3 * PAGE, HUGE - 5 * PAGE }, { 3 * PAGE, 2 * HUGE - 7 * PAGE },
	};
	const size_t count = ARRAY_SIZE(parts);
	uint64_t iova = IOVA + 5 * PAGE;
	size_t i, pages = 0;

	/* One by one, then all at a time: they overlap, and each counts for itself. */
	for (i = 0; i < count; i++) {
		dma_map(self->fd, self->mem + parts[i].at, iova, parts[i].size, DMA_RW);
		EXPECT_EQ(self->locked + KB(parts[i].size / PAGE), my_locked());
		EXPECT_EQ(parts[i].size, dma_unmap(self->fd, iova, parts[i].size));
		EXPECT_EQ(self->pinned, pinned_until(self->pinned)) {
			TH_LOG("part %zu", i);
		}
	}
	for (i = 0; i < count; i++) {
		dma_map(self->fd, self->mem + parts[i].at, iova + i * 4 * HUGE, parts[i].size, DMA_RW);
		pages += parts[i].size / PAGE;
	}
	EXPECT_EQ(self->locked + KB(pages), my_locked());
	/* The last: its first and last page, and what lies before and behind. */
	i = count - 1;
	iova += i * 4 * HUGE;
	EXPECT_TRUE(moves(&self->edu, self->mem, parts[i].at, parts[i].at + parts[i].size - PAGE,
			  iova - parts[i].at));
	memset(self->mem + parts[i].at - PAGE, 0x11, PAGE);
	memset(self->mem + parts[i].at + parts[i].size, 0x22, PAGE);
	edu_dma_to(&self->edu, iova - PAGE, PAGE);
	edu_dma_to(&self->edu, iova + parts[i].size, PAGE);
	EXPECT_TRUE(is_all(self->mem + parts[i].at - PAGE, PAGE, 0x11));
	EXPECT_TRUE(is_all(self->mem + parts[i].at + parts[i].size, PAGE, 0x22));
	EXPECT_EQ(pages * PAGE, __dma_unmap_flags(self->fd, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL));
}

/* To read and to write, to read only, in either order; one goes, one stays. */
TEST_F(kind, twice)
{
	const size_t size = HUGE + 2 * PAGE;
	const uint64_t other = IOVA + 8 * HUGE + PAGE;
	char *mem = self->mem + 3 * PAGE;

	dma_map(self->fd, mem, IOVA, size, READ_ONLY);
	dma_map(self->fd, mem, other, size, DMA_RW);
	EXPECT_EQ(self->locked + 2 * KB(size / PAGE), my_locked());
	EXPECT_EQ(size, dma_unmap(self->fd, IOVA, size));
	EXPECT_EQ(self->locked + KB(size / PAGE), my_locked());
	EXPECT_TRUE(moves(&self->edu, mem, 0, size - PAGE, other));

	dma_map(self->fd, mem, IOVA, size, READ_ONLY);
	EXPECT_EQ(size, dma_unmap(self->fd, other, size));
	/* The one that is left still reads, and does not write. */
	memset(mem, 0x77, PAGE);
	edu_dma_from(&self->edu, IOVA, PAGE);
	memset(mem, 0x11, PAGE);
	edu_dma_to(&self->edu, IOVA, PAGE);
	EXPECT_TRUE(is_all(mem, PAGE, 0x11));
	EXPECT_EQ(size, dma_unmap(self->fd, IOVA, size));
}

/* Given up while it is mapped, and unmapped then: nothing of it is lost. */
TEST_F(kind, given_up_while_mapped)
{
	dma_map(self->fd, self->mem + PAGE, IOVA, self->size - 2 * PAGE, DMA_RW);
	ASSERT_EQ(0, munmap(self->mem, self->size));
	self->mem = NULL;
	EXPECT_EQ(self->size - 2 * PAGE, dma_unmap(self->fd, IOVA, self->size - 2 * PAGE));
	EXPECT_EQ(self->huge, huge_pages_free(HUGE));
	EXPECT_EQ(self->giant, huge_pages_free(GIANT));
}

TEST_HARNESS_MAIN
