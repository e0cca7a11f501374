// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device memory as memory for another device (peer to peer): the BAR of an
 * ivshmem, mapped for an edu. It is neither pinned nor paid for.
 *
 * Uses an edu device and an ivshmem of 16 MiB, each alone in its group.
 */
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "vfio_test.h"

#define IOVA		0x1000000ULL
#define OWN		(8 * IOVA)	/* self->mem, for what goes through the device */
#define BAR		VFIO_PCI_BAR2_REGION_INDEX
#define READ_ONLY	VFIO_DMA_MAP_FLAG_READ

FIXTURE(peer)
{
	struct vfio vfio, other;
	struct edu edu;
	int fd;
	char *mem, *bar;
	size_t size;
	long locked, pinned;
};

FIXTURE_SETUP(peer)
{
	char bdf[BDF_LEN], other[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf) || !pci_find_alone(ID_IVSHMEM, 0, other))
		SKIP(return, "no edu and ivshmem in groups of their own");
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	vfio_open(&self->other, other, VFIO_TYPE1v2_IOMMU);
	edu_open(&self->edu, self->vfio.device);
	pci_command(self->other.device, 2, 0);
	self->fd = self->vfio.container;
	self->size = region_info(self->other.device, BAR).size;
	self->bar = region_map(self->other.device, BAR);
	self->mem = memory(PAGE);
	dma_map(self->fd, self->mem, OWN, PAGE, DMA_RW);
	self->locked = my_locked();
	self->pinned = pinned_pages();
}

FIXTURE_TEARDOWN(peer)
{
	EXPECT_EQ(self->locked, my_locked());
	EXPECT_EQ(self->pinned, pinned_until(self->pinned));
	munmap(self->bar, self->size);
	edu_close(&self->edu);
	vfio_close(&self->other);
	vfio_close(&self->vfio);
}

TEST_F(peer, whole)
{
	dma_map(self->fd, self->bar, IOVA, self->size, DMA_RW);
	EXPECT_EQ(self->locked, my_locked());
	EXPECT_EQ(self->pinned, pinned_until(self->pinned));
	EXPECT_TRUE(edu_shares(&self->edu, self->mem, OWN, self->bar, IOVA, 0x21));
	EXPECT_TRUE(edu_shares(&self->edu, self->mem, OWN, self->bar + self->size - PAGE,
			       IOVA + self->size - PAGE, 0x31));
	EXPECT_EQ(self->size, dma_unmap(self->fd, IOVA, self->size));
	/* Out of reach. */
	memset(self->bar, 0xc1, PAGE);
	edu_dma_to(&self->edu, IOVA, PAGE);
	EXPECT_TRUE(is_all(self->bar, PAGE, 0xc1));
}

/* A part from the middle; what is on both sides of it is not in reach. */
TEST_F(peer, part)
{
	char *part = self->bar + 0x201000;
	const size_t size = 0x203000;

	dma_map(self->fd, part, IOVA, size, DMA_RW);
	memset(part - PAGE, 0xc1, 2 * PAGE);
	memset(part + size - PAGE, 0xc1, 2 * PAGE);
	EXPECT_TRUE(edu_shares(&self->edu, self->mem, OWN, part, IOVA, 0x21));
	EXPECT_TRUE(edu_shares(&self->edu, self->mem, OWN, part + size - PAGE, IOVA + size - PAGE, 0x31));
	edu_dma_to(&self->edu, IOVA - PAGE, PAGE);
	edu_dma_to(&self->edu, IOVA + size, PAGE);
	EXPECT_TRUE(is_all(part - PAGE, PAGE, 0xc1));
	EXPECT_TRUE(is_all(part + size, PAGE, 0xc1));
	EXPECT_EQ(size, dma_unmap(self->fd, IOVA, size));
}

/* Memory, registers and memory in one request, each counted as what it is. */
TEST_F(peer, between_memory)
{
	const size_t size = 9 * PAGE;
	char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vfio_region_info info = region_info(self->other.device, BAR);
	int i;

	ASSERT_EQ(mem + 3 * PAGE, mmap(mem + 3 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_FIXED, self->other.device,
				       info.offset + 5 * PAGE));
	dma_map(self->fd, mem, IOVA, size, DMA_RW);
	EXPECT_EQ(self->locked + KB(7), my_locked());
	EXPECT_EQ(self->pinned + 7, pinned_until(self->pinned + 7));
	for (i = 2; i < 6; i++)
		EXPECT_TRUE(edu_shares(&self->edu, self->mem, OWN, mem + i * PAGE, IOVA + i * PAGE,
				       16 * i));
	/* The middle is the BAR's. */
	EXPECT_TRUE(is_all(self->bar + 5 * PAGE, PAGE, 16 * 3 + 1));
	EXPECT_TRUE(is_all(self->bar + 6 * PAGE, PAGE, 16 * 4 + 1));
	EXPECT_EQ(size, dma_unmap(self->fd, IOVA, size));
	munmap(mem, size);
}

TEST_F(peer, read_only)
{
	struct vfio_region_info info = region_info(self->other.device, BAR);
	void *constant = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->other.device, info.offset);

	ASSERT_NE(MAP_FAILED, constant);
	EXPECT_EQ(-EFAULT, __dma_map(self->fd, constant, IOVA, PAGE, DMA_RW));
	EXPECT_EQ(-EFAULT, __dma_map(self->fd, constant, IOVA, PAGE, VFIO_DMA_MAP_FLAG_WRITE));
	EXPECT_EQ(0, __dma_map(self->fd, constant, IOVA, PAGE, READ_ONLY));
	memset(self->bar, 0x21, PAGE);
	edu_copy(&self->edu, IOVA, OWN, PAGE);
	EXPECT_TRUE(is_all(self->mem, PAGE, 0x21));
	/* The buffer holds 0x21 now. */
	memset(self->bar, 0xc1, PAGE);
	edu_dma_to(&self->edu, IOVA, PAGE);
	EXPECT_TRUE(is_all(self->bar, PAGE, 0xc1));
	EXPECT_EQ(PAGE, dma_unmap(self->fd, IOVA, PAGE));
	munmap(constant, PAGE);
}

TEST_HARNESS_MAIN
