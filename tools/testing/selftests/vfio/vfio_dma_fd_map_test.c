// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a descriptor for DMA maps, within its addresses and up to its number of mappings,
 * and how it takes down its own alone. The kernel's own modules have no such descriptor.
 *
 * Uses an edu device alone in its group.
 */
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "vfio_dma_part.h"

#define VADDR	VFIO_DMA_MAP_FLAG_VADDR

/* ---- Addresses ------------------------------------------------------------------- */

TEST_F(part, range)
{
	int fd = self->fd;

	EXPECT_EQ(0, __map_page(self, fd, 0));
	EXPECT_EQ(0, __map_page(self, fd, PAGES - 1));
	EXPECT_EQ(-ERANGE, __dma_map(fd, self->mem, FIRST - PAGE, PAGE, DMA_RW));
	EXPECT_EQ(-ERANGE, __dma_map(fd, self->mem, LAST + 1, PAGE, DMA_RW));
	EXPECT_EQ(-ERANGE, __dma_map(fd, self->mem, FIRST - PAGE, 2 * PAGE, DMA_RW));
	EXPECT_EQ(-ERANGE, __dma_map(fd, self->mem, LAST + 1 - PAGE, 2 * PAGE, DMA_RW));
	EXPECT_EQ(-ERANGE, __dma_map(fd, self->mem, FIRST - PAGE, (PAGES + 2) * PAGE, DMA_RW));
	EXPECT_EQ(-ERANGE, __dma_map(fd, self->mem, -PAGE, PAGE, DMA_RW));
	EXPECT_EQ(-ERANGE, __dma_map(fd, self->mem, 0, PAGE, DMA_RW));
	/* What makes no sense comes before. */
	EXPECT_EQ(-EOVERFLOW, __dma_map(fd, self->mem, -PAGE, 2 * PAGE, DMA_RW));
	EXPECT_EQ(-EINVAL, __dma_map(fd, self->mem, 0, 0, DMA_RW));
	EXPECT_EQ(-EINVAL, __dma_map(fd, self->mem, 0, PAGE, 0));
	EXPECT_EQ(-EINVAL, __dma_map(fd, self->mem, FIRST + 1, PAGE, DMA_RW));
	EXPECT_EQ(-EEXIST, __map_page(self, fd, 0));

	EXPECT_EQ(-ERANGE, __dma_unmap(fd, FIRST - PAGE, PAGE));
	EXPECT_EQ(-ERANGE, __dma_unmap(fd, LAST + 1, PAGE));
	EXPECT_EQ(-ERANGE, __dma_unmap(fd, FIRST - PAGE, 2 * PAGE));
	EXPECT_EQ(-ERANGE, __dma_unmap(fd, LAST + 1 - PAGE, 2 * PAGE));
	EXPECT_EQ(-ERANGE, __dma_unmap(fd, 0, PAGE));
	EXPECT_EQ(-EOVERFLOW, __dma_unmap(fd, -PAGE, 2 * PAGE));
	EXPECT_EQ(-EINVAL, __dma_unmap(fd, FIRST, 0));
	EXPECT_EQ(-EINVAL, __dma_unmap(fd, FIRST + 1, PAGE));
	EXPECT_EQ(2 * PAGE, __dma_unmap(fd, FIRST, PAGES * PAGE));
}

/* Half a page at an end is no page. */
TEST_F(part, range_of_odd_ends)
{
	int fd = __dma_fd(self->container, ALL_RIGHTS, 0, FIRST + 1, FIRST + 3 * PAGE - 2, 9);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-ERANGE, __map_page(self, fd, 0));
	EXPECT_EQ(0, __map_page(self, fd, 1));
	EXPECT_EQ(-ERANGE, __map_page(self, fd, 2));
	EXPECT_EQ(PAGE, __dma_unmap_all(fd));
	close(fd);
}

/* ---- The number of mappings -------------------------------------------------------- */

TEST_F(part, entries)
{
	int fd = self->fd, other = dma_fd(self->container, ALL_RIGHTS, 1);
	unsigned int i;

	for (i = 0; i < ENTRIES; i++)
		EXPECT_EQ(0, __map_page(self, fd, i));
	EXPECT_EQ(-ENOSPC, __map_page(self, fd, i));
	EXPECT_EQ(-EEXIST, __map_page(self, fd, 0));
	/* Nobody else is in the way, nor has the room. */
	EXPECT_EQ(0, __map_page(self, other, 20));
	EXPECT_EQ(-ENOSPC, __map_page(self, other, 21));
	EXPECT_EQ(0, __map_page(self, self->container, 21));
	EXPECT_EQ(PAGE, __unmap_page(fd, 3));
	EXPECT_EQ(0, __map_page(self, fd, 30));
	EXPECT_EQ(-ENOSPC, __map_page(self, fd, 3));
	/* What the container takes down, too. */
	EXPECT_EQ(PAGE, __unmap_page(self->container, 30));
	EXPECT_EQ(0, __map_page(self, fd, 3));
	EXPECT_EQ(-ENOSPC, __map_page(self, fd, 30));
	EXPECT_EQ(PAGE, __unmap_page(fd, 3));
	/* A mapping that fails takes no room. */
	for (i = 0; i < 2 * ENTRIES; i++)
		EXPECT_EQ(-EFAULT, __dma_map(fd, NULL, FIRST + 40 * PAGE, PAGE, DMA_RW));
	EXPECT_EQ(0, __map_page(self, fd, 3));
	/* All at once. */
	EXPECT_EQ((ENTRIES + 3) * PAGE, __dma_unmap_all(self->container));
	for (i = 0; i < ENTRIES; i++)
		EXPECT_EQ(0, __map_page(self, fd, i));
	EXPECT_EQ(-ENOSPC, __map_page(self, fd, i));
	dma_map(self->container, self->tie.window, WINDOW, PAGE, DMA_RW);
	close(other);
}

/* ---- Taking down --------------------------------------------------------------------- */

TEST_F(part, unmaps_its_own_alone)
{
	int fd = self->fd, other = dma_fd(self->container, ALL_RIGHTS, 4);

	EXPECT_EQ(0, __map_page(self, fd, 0));
	EXPECT_EQ(0, __map_page(self, fd, 2));
	EXPECT_EQ(0, __dma_map(fd, self->mem, FIRST + 10 * PAGE, 4 * PAGE, DMA_RW));
	EXPECT_EQ(0, __map_page(self, self->container, 1));
	EXPECT_EQ(0, __map_page(self, other, 5));

	EXPECT_EQ(-EPERM, __unmap_page(fd, 1));
	EXPECT_EQ(-EPERM, __unmap_page(fd, 5));
	EXPECT_EQ(-EPERM, __dma_unmap(fd, FIRST, 2 * PAGE));
	EXPECT_EQ(-EPERM, __dma_unmap(fd, FIRST + PAGE, 2 * PAGE));
	EXPECT_EQ(-EPERM, __dma_unmap(fd, FIRST, 3 * PAGE));
	EXPECT_EQ(-EPERM, __dma_unmap(fd, FIRST, PAGES * PAGE));
	EXPECT_EQ(-EPERM, __unmap_page(other, 0));
	/* Nothing has changed. */
	EXPECT_EQ(-EEXIST, __map_page(self, fd, 0));
	EXPECT_EQ(-EEXIST, __map_page(self, fd, 1));
	EXPECT_EQ(-EEXIST, __map_page(self, fd, 2));

	/* The rules of version 2. */
	EXPECT_EQ(-EINVAL, __dma_unmap(fd, FIRST + 10 * PAGE, PAGE));
	EXPECT_EQ(-EINVAL, __dma_unmap(fd, FIRST + 11 * PAGE, 5 * PAGE));
	EXPECT_EQ(-EINVAL, __dma_unmap(fd, FIRST + 8 * PAGE, 4 * PAGE));
	EXPECT_EQ(0, __dma_unmap(fd, FIRST + 20 * PAGE, PAGE));
	EXPECT_EQ(4 * PAGE, __dma_unmap(fd, FIRST + 8 * PAGE, 10 * PAGE));

	EXPECT_EQ(-EINVAL, __dma_unmap_flags(fd, FIRST, 0, VFIO_DMA_UNMAP_FLAG_ALL));
	EXPECT_EQ(-EINVAL, __dma_unmap_flags(fd, 0, PAGE, VFIO_DMA_UNMAP_FLAG_ALL));
	EXPECT_EQ(2 * PAGE, __dma_unmap_all(fd));
	EXPECT_EQ(0, __dma_unmap_all(fd));
	EXPECT_EQ(PAGE, __unmap_page(self->container, 1));
	EXPECT_EQ(PAGE, __dma_unmap_all(other));
	close(other);
}

/* More than go at once, with others in between. */
TEST_F(part, unmaps_many)
{
	const unsigned int count = 1500;
	char *mem = memory(PAGE);
	uint64_t at = FIRST;
	unsigned int i;
	int fd;

	fd = __dma_fd(self->container, ALL_RIGHTS, 0, FIRST, FIRST + 2 * count * PAGE, ~0ULL);
	ASSERT_LE(0, fd);
	for (i = 0; i < count; i++, at += 2 * PAGE) {
		ASSERT_EQ(0, __dma_map(fd, mem, at, PAGE, DMA_RW));
		if (i % 3 == 0)
			ASSERT_EQ(0, __dma_map(self->container, mem, at + PAGE, PAGE, DMA_RW));
	}
	EXPECT_EQ(-EPERM, __dma_unmap(fd, FIRST, 2 * count * PAGE));
	EXPECT_EQ(count * PAGE, __dma_unmap_all(fd));
	EXPECT_EQ(count / 3 * PAGE, __dma_unmap(self->container, FIRST, 2 * count * PAGE));
	munmap(mem, PAGE);
	close(fd);
}

TEST_F(part, no_moving_of_memory)
{
	int fd = self->fd;

	EXPECT_EQ(0, __map_page(self, fd, 0));
	EXPECT_EQ(-EINVAL, __dma_unmap_flags(fd, FIRST, PAGE, VFIO_DMA_UNMAP_FLAG_VADDR));
	EXPECT_EQ(-EINVAL, __dma_unmap_flags(fd, 0, 0, VFIO_DMA_UNMAP_FLAG_VADDR |
					     VFIO_DMA_UNMAP_FLAG_ALL));
	EXPECT_EQ(-EINVAL, __dma_map(fd, self->mem, FIRST, PAGE, VADDR));
	/* The container can. */
	EXPECT_EQ(PAGE, __dma_unmap_flags(self->container, FIRST, PAGE, VFIO_DMA_UNMAP_FLAG_VADDR));
	EXPECT_EQ(-EINVAL, __dma_map(fd, self->mem, FIRST, PAGE, VADDR));
	EXPECT_EQ(0, __dma_map(self->container, self->mem, FIRST, PAGE, VADDR));
	EXPECT_EQ(PAGE, __unmap_page(fd, 0));
}

TEST_F(part, closing_unmaps)
{
	struct tie *tie = &self->tie;
	int fd = self->fd, copy = dup(fd);

	EXPECT_EQ(0, __map_page(self, fd, 0));
	EXPECT_EQ(0, __map_page(self, self->container, 1));
	EXPECT_TRUE(works(tie, self->mem, FIRST));
	close(fd);
	/* There is still a copy. */
	EXPECT_TRUE(works(tie, self->mem, FIRST));
	close(copy);
	self->fd = -1;
	memset(self->mem, SECRET, PAGE);
	EXPECT_FALSE(reads(tie, FIRST, SECRET));
	EXPECT_EQ(0, __map_page(self, self->container, 0));
	EXPECT_TRUE(works(tie, self->mem, FIRST));
	EXPECT_TRUE(works(tie, self->mem + PAGE, FIRST + PAGE));
	EXPECT_TRUE(canaries_live(tie));
}

TEST(version_1)
{
	struct vfio vfio;
	char bdf[BDF_LEN], *mem;
	uint64_t bits = 0;
	struct vfio_bitmap bitmap = { PAGE, sizeof(bits), (void *)&bits };
	int fd;

	if (ON_POWER)
		SKIP(return, "a container of TCE tables is one process's");
	if (!driver_is_rust() || !pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no such call, or no edu device alone in its group");
	vfio_open(&vfio, bdf, VFIO_TYPE1_IOMMU);
	mem = memory(4 * PAGE);
	fd = dma_fd(vfio.container, ALL_RIGHTS, 2);
	EXPECT_EQ(0, __dma_map(fd, mem, FIRST, 4 * PAGE, DMA_RW));
	EXPECT_EQ(-EINVAL, __dma_unmap(fd, FIRST, PAGE));
	EXPECT_EQ(-EINVAL, __dma_unmap(fd, FIRST + PAGE, PAGE));
	EXPECT_EQ(-EACCES, __dirty_bitmap(fd, FIRST, PAGE, bitmap));
	/* The container has its own rules. */
	EXPECT_EQ(0, __dma_unmap(vfio.container, FIRST + PAGE, PAGE));
	EXPECT_EQ(4 * PAGE, __dma_unmap(vfio.container, FIRST, PAGE));
	EXPECT_EQ(0, __dma_map(fd, mem, FIRST, 4 * PAGE, DMA_RW));
	EXPECT_EQ(4 * PAGE, __dma_unmap(fd, FIRST, 4 * PAGE));
	close(fd);
	vfio_close(&vfio);
}

/* ---- Dirty pages ------------------------------------------------------------------------ */

TEST_F(part, dirty)
{
	uint64_t bits[2] = { 0 };
	struct vfio_bitmap bitmap = { PAGE, sizeof(bits[0]), (void *)bits };
	int fd = self->fd;

	EXPECT_EQ(0, __map_page(self, fd, 1));
	EXPECT_EQ(0, __map_page(self, self->container, 3));
	EXPECT_EQ(-EINVAL, __dirty_bitmap(fd, FIRST, PAGES * PAGE, bitmap));
	EXPECT_EQ(-EINVAL, __dma_unmap_bitmap(fd, FIRST + PAGE, PAGE, bitmap));
	ASSERT_EQ(0, __dirty_pages(self->container, VFIO_IOMMU_DIRTY_PAGES_FLAG_START));
	EXPECT_EQ(0, __dirty_bitmap(fd, FIRST, PAGES * PAGE, bitmap));
	EXPECT_EQ(0xa, bits[0]);
	bitmap.size = sizeof(bits);
	EXPECT_EQ(-ERANGE, __dirty_bitmap(fd, FIRST - PAGE, PAGE, bitmap));
	EXPECT_EQ(-ERANGE, __dirty_bitmap(fd, FIRST, (PAGES + 1) * PAGE, bitmap));
	EXPECT_EQ(-EOVERFLOW, __dirty_bitmap(fd, -PAGE, 2 * PAGE, bitmap));
	EXPECT_EQ(-EINVAL, __dirty_bitmap(fd, FIRST, 0, bitmap));
	bits[0] = 0;
	EXPECT_EQ(-EPERM, __dma_unmap_bitmap(fd, FIRST, 4 * PAGE, bitmap));
	EXPECT_EQ(-ERANGE, __dma_unmap_bitmap(fd, FIRST - PAGE, 4 * PAGE, bitmap));
	EXPECT_EQ(0, bits[0]);
	EXPECT_EQ(PAGE, __dma_unmap_bitmap(fd, FIRST, 3 * PAGE, bitmap));
	EXPECT_EQ(2, bits[0]);
	EXPECT_EQ(0, __unmap_page(fd, 1));
}

TEST_HARNESS_MAIN
