// SPDX-License-Identifier: GPL-2.0-only
/*
 * What devices can reach: memory that is mapped, and nothing else. One device
 * alone, and two groups that share a container.
 *
 * Uses one edu device, two for the shared container. Addresses for the device
 * stay below 256 MiB, which is all that an edu can reach.
 */
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "vfio_test.h"

#define IOVA	0x1000000ULL

static void fill(void *mem, size_t size, uint8_t seed)
{
	uint8_t *byte = mem;
	size_t i;

	for (i = 0; i < size; i++)
		byte[i] = seed + i * 7 + (i >> 8);
}

static bool is_filled(const void *mem, size_t size, uint8_t seed)
{
	const uint8_t *byte = mem;
	size_t i;

	for (i = 0; i < size; i++)
		if (byte[i] != (uint8_t)(seed + i * 7 + (i >> 8)))
			return false;
	return true;
}

/* ---- With a device that does DMA -------------------------------------------- */

FIXTURE(dma)
{
	struct vfio vfio;
	struct edu edu;
	int fd;
	char *mem;	/* 16 pages */
};

FIXTURE_SETUP(dma)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	edu_open(&self->edu, self->vfio.device);
	self->fd = self->vfio.container;
	self->mem = memory(16 * PAGE);
}

FIXTURE_TEARDOWN(dma)
{
	edu_close(&self->edu);
	vfio_close(&self->vfio);
}

TEST_F(dma, reads_and_writes)
{
	size_t i;

	dma_map(self->fd, self->mem, IOVA, 16 * PAGE, DMA_RW);
	for (i = 0; i < 4; i++) {
		char *from = self->mem + i * PAGE, *to = self->mem + (15 - i) * PAGE;

		fill(from, PAGE, i);
		edu_copy(&self->edu, IOVA + i * PAGE, IOVA + (15 - i) * PAGE, PAGE);
		EXPECT_TRUE(is_filled(to, PAGE, i));
	}
	/* Odd places and sizes. */
	fill(self->mem, 100, 77);
	edu_copy(&self->edu, IOVA, IOVA + 2 * PAGE + 13, 100);
	EXPECT_TRUE(is_filled(self->mem + 2 * PAGE + 13, 100, 77));
}

TEST_F(dma, reaches_the_last_address_it_can)
{
	dma_map(self->fd, self->mem, EDU_IOVA_MAX + 1 - PAGE, PAGE, DMA_RW);
	dma_map(self->fd, self->mem + PAGE, 0, PAGE, DMA_RW);
	fill(self->mem, PAGE, 3);
	edu_copy(&self->edu, EDU_IOVA_MAX + 1 - PAGE, 0, PAGE);
	EXPECT_TRUE(is_filled(self->mem + PAGE, PAGE, 3));
}

TEST_F(dma, same_memory_at_two_addresses)
{
	dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW);
	dma_map(self->fd, self->mem, 2 * IOVA, PAGE, DMA_RW);
	fill(self->mem, PAGE / 2, 9);
	edu_copy(&self->edu, IOVA, 2 * IOVA + PAGE / 2, PAGE / 2);
	EXPECT_TRUE(is_filled(self->mem + PAGE / 2, PAGE / 2, 9));
}

TEST_F(dma, is_stopped_outside_of_mappings)
{
	char *middle = self->mem + PAGE;

	/* A page, with untouchable neighbours on both sides. */
	memset(self->mem, 0xc1, 3 * PAGE);
	dma_map(self->fd, middle, IOVA, PAGE, DMA_RW);
	fill(middle, PAGE, 5);
	edu_dma_from(&self->edu, IOVA, PAGE);
	edu_dma_to(&self->edu, IOVA - PAGE, PAGE);
	edu_dma_to(&self->edu, IOVA + PAGE, PAGE);
	EXPECT_TRUE(is_all(self->mem, PAGE, 0xc1));
	EXPECT_TRUE(is_all(self->mem + 2 * PAGE, PAGE, 0xc1));

	/* Inside, the same device still works. */
	memset(middle, 0, PAGE);
	edu_dma_to(&self->edu, IOVA, PAGE);
	EXPECT_TRUE(is_filled(middle, PAGE, 5));
}

TEST_F(dma, is_stopped_by_unmap)
{
	dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW);
	dma_map(self->fd, self->mem + PAGE, 2 * IOVA, PAGE, DMA_RW);
	fill(self->mem, PAGE, 5);
	/* The second one is in the IOTLB when it goes. */
	edu_copy(&self->edu, IOVA, 2 * IOVA, PAGE);
	EXPECT_EQ(PAGE, __dma_unmap(self->fd, 2 * IOVA, PAGE));
	memset(self->mem + PAGE, 0xc1, PAGE);
	edu_dma_to(&self->edu, 2 * IOVA, PAGE);
	EXPECT_TRUE(is_all(self->mem + PAGE, PAGE, 0xc1));
}

TEST_F(dma, read_only_mapping)
{
	dma_map(self->fd, self->mem, IOVA, PAGE, VFIO_DMA_MAP_FLAG_READ);
	dma_map(self->fd, self->mem + PAGE, 2 * IOVA, PAGE, DMA_RW);
	fill(self->mem, PAGE, 5);
	edu_copy(&self->edu, IOVA, 2 * IOVA, PAGE);
	EXPECT_TRUE(is_filled(self->mem + PAGE, PAGE, 5));

	memset(self->mem, 0xc1, PAGE);
	edu_dma_to(&self->edu, IOVA, PAGE);
	EXPECT_TRUE(is_all(self->mem, PAGE, 0xc1));
}

TEST_F(dma, write_only_mapping)
{
	dma_map(self->fd, self->mem, IOVA, PAGE, VFIO_DMA_MAP_FLAG_WRITE);
	dma_map(self->fd, self->mem + PAGE, 2 * IOVA, PAGE, DMA_RW);
	fill(self->mem + PAGE, PAGE, 5);
	edu_copy(&self->edu, 2 * IOVA, IOVA, PAGE);
	EXPECT_TRUE(is_filled(self->mem, PAGE, 5));

	/* What is there must not get out. */
	fill(self->mem, PAGE, 99);
	edu_copy(&self->edu, IOVA, 2 * IOVA, PAGE);
	EXPECT_FALSE(is_filled(self->mem + PAGE, PAGE, 99));
}

TEST_F(dma, private_memory)
{
	char *mem = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* Never touched before it is mapped. */
	dma_map(self->fd, mem, IOVA, 2 * PAGE, DMA_RW);
	fill(mem, PAGE, 11);
	edu_copy(&self->edu, IOVA, IOVA + PAGE, PAGE);
	EXPECT_TRUE(is_filled(mem + PAGE, PAGE, 11));
}

TEST_F(dma, large_mapping)
{
	const size_t size = 64UL << 20;
	char *mem = memory(size);
	size_t at;

	madvise(mem, size, MADV_HUGEPAGE);
	dma_map(self->fd, mem, IOVA, size, DMA_RW);
	for (at = 0; at < size; at += size / 4 + PAGE) {
		fill(mem + at, PAGE, at >> 12);
		edu_copy(&self->edu, IOVA + at, IOVA + size - PAGE, PAGE);
		EXPECT_TRUE(is_filled(mem + size - PAGE, PAGE, at >> 12));
	}
	EXPECT_EQ(size, __dma_unmap(self->fd, IOVA, size));
	munmap(mem, size);
}

/*
 * Pages that are neighbours in the machine, one to three at a time, in any order of
 * these lengths, elsewhere or with a gap of one page between: each must be found
 * where it is.
 */
TEST_F(dma, pages_from_many_places)
{
	static const unsigned int lengths[] = { 1, 1, 2, 1, 3, 2, 2, 3, 3, 1, 1 };
	const size_t huge = 2UL << 20, room = 2 * huge, most = 32;
	char *all = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *from = (char *)(((uintptr_t)all + huge - 1) & -huge);
	char *mem = mmap(NULL, most * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t run, place = 0, count = 0, i;

	/* A huge page, if there is one, makes neighbours; cutting it up leaves them so. */
	madvise(from, huge, MADV_HUGEPAGE);
	memset(from, 1, huge);
	for (run = 0; run < ARRAY_SIZE(lengths); run++) {
		place = run % 2 ? place + 1 : 450 - 40 * run;
		for (i = 0; i < lengths[run]; i++, place++, count++)
			ASSERT_EQ(mem + count * PAGE,
				  mremap(from + place * PAGE, PAGE, PAGE,
					 MREMAP_MAYMOVE | MREMAP_FIXED, mem + count * PAGE));
	}
	fill(mem, count * PAGE, 1);
	dma_map(self->fd, mem, IOVA, count * PAGE, DMA_RW);
	dma_map(self->fd, self->mem, 2 * IOVA, PAGE, DMA_RW);
	/* The end of one page and the start of the next. */
	for (i = 0; i + 1 < count; i += 2) {
		const size_t at = i * PAGE + PAGE / 2;

		edu_copy(&self->edu, IOVA + at, 2 * IOVA, PAGE);
		EXPECT_EQ(0, memcmp(mem + at, self->mem, PAGE)) {
			TH_LOG("pages %zu and %zu", i, i + 1);
		}
	}
	EXPECT_EQ(count * PAGE, __dma_unmap(self->fd, IOVA, count * PAGE));
	munmap(all, room);
	munmap(mem, most * PAGE);
}

/* The memory of a device, for another device to reach. */
TEST_F(dma, device_memory)
{
	void *bar = (void *)self->edu.regs;
	long locked = vm_locked_kb(getpid());

	EXPECT_EQ(0, __dma_map(self->fd, bar, IOVA, 1 << 20, DMA_RW));
	EXPECT_EQ(locked, vm_locked_kb(getpid()));
	EXPECT_EQ(1 << 20, __dma_unmap(self->fd, IOVA, 1 << 20));

	/* With decoding off there is no memory. */
	pci_command(self->vfio.device, 0, 2);
	EXPECT_EQ(-EFAULT, __dma_map(self->fd, bar, IOVA, 1 << 20, DMA_RW));
	EXPECT_EQ(-EFAULT, __dma_map(self->fd, bar, IOVA, PAGE, VFIO_DMA_MAP_FLAG_READ));

	pci_command(self->vfio.device, 2, 0);
	EXPECT_EQ(0, __dma_map(self->fd, bar, IOVA, 1 << 20, DMA_RW));
	EXPECT_EQ(1 << 20, __dma_unmap(self->fd, IOVA, 1 << 20));
	EXPECT_EQ(locked, vm_locked_kb(getpid()));
}

/* ---- Two groups, one container ---------------------------------------------- */

FIXTURE(shared)
{
	struct vfio first;
	char bdf[BDF_LEN];
	int group;
	int device;
	struct edu edu[2];
	char *mem;
};

FIXTURE_SETUP(shared)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf) || !pci_find_alone(ID_EDU, 1, self->bdf))
		SKIP(return, "no two edu devices in groups of their own");
	vfio_open(&self->first, bdf, VFIO_TYPE1v2_IOMMU);
	edu_open(&self->edu[0], self->first.device);
	self->mem = memory(4 * PAGE);
	pci_bind(self->bdf, "vfio-pci");
	self->group = group_open(pci_group(self->bdf));
	self->device = -1;
}

FIXTURE_TEARDOWN(shared)
{
	edu_close(&self->edu[0]);
	close(self->device);
	close(self->group);
	pci_unbind(self->bdf);
	vfio_close(&self->first);
}

TEST_F(shared, both_reach_the_mappings)
{
	int fd = self->first.container;

	/* One mapping from before the second group, one from after. */
	dma_map(fd, self->mem, IOVA, PAGE, DMA_RW);
	group_set_container(self->group, fd);
	dma_map(fd, self->mem + PAGE, 2 * IOVA, 2 * PAGE, DMA_RW);
	self->device = group_get_device(self->group, self->bdf);
	edu_open(&self->edu[1], self->device);

	fill(self->mem, PAGE, 1);
	edu_copy(&self->edu[0], IOVA, 2 * IOVA, PAGE);
	EXPECT_TRUE(is_filled(self->mem + PAGE, PAGE, 1));
	edu_copy(&self->edu[1], IOVA, 2 * IOVA + PAGE, PAGE);
	EXPECT_TRUE(is_filled(self->mem + 2 * PAGE, PAGE, 1));
	edu_close(&self->edu[1]);
}

TEST_F(shared, mappings_stay_when_one_leaves)
{
	int fd = self->first.container;
	long locked = vm_locked_kb(getpid());

	group_set_container(self->group, fd);
	dma_map(fd, self->mem, IOVA, 2 * PAGE, DMA_RW);
	EXPECT_EQ(0, __group_unset_container(self->group));
	fill(self->mem, PAGE, 1);
	edu_copy(&self->edu[0], IOVA, IOVA + PAGE, PAGE);
	EXPECT_TRUE(is_filled(self->mem + PAGE, PAGE, 1));
	EXPECT_EQ(locked + 8, vm_locked_kb(getpid()));

	/* It can come back. */
	group_set_container(self->group, fd);
	EXPECT_EQ(2 * PAGE, __dma_unmap(fd, IOVA, 2 * PAGE));
}

TEST_F(shared, one_group_cannot_join_two)
{
	int other = container_open();

	group_set_container(self->group, other);
	EXPECT_EQ(-EINVAL, __group_set_container(self->group, self->first.container));
	EXPECT_EQ(0, __group_unset_container(self->group));
	EXPECT_EQ(0, __group_set_container(self->group, self->first.container));
	close(other);
}

/* While addresses are invalid no group can join: there is no memory to map. */
TEST_F(shared, nobody_joins_with_invalid_addresses)
{
	int fd = self->first.container;

	dma_map(fd, self->mem, IOVA, PAGE, DMA_RW);
	EXPECT_EQ(PAGE, __dma_unmap_flags(fd, IOVA, PAGE, VFIO_DMA_UNMAP_FLAG_VADDR));
	EXPECT_EQ(-EBUSY, __group_set_container(self->group, fd));
	EXPECT_EQ(0, __dma_map(fd, self->mem, IOVA, PAGE, VFIO_DMA_MAP_FLAG_VADDR));
	EXPECT_EQ(0, __group_set_container(self->group, fd));
}

TEST_HARNESS_MAIN
