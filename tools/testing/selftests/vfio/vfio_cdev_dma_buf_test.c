// SPDX-License-Identifier: GPL-2.0-only
/*
 * A part of a BAR that is mapped for another device by IOMMUFD: it is within
 * reach until its own device stops answering.
 *
 * Uses an edu device and an ivshmem of 16 MiB, each alone in its group; the
 * kernel needs CONFIG_VFIO_DEVICE_CDEV and CONFIG_VFIO_PCI_DMABUF.
 */
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "vfio_cdev.h"
#include "vfio_ioas.h"

#define BAR	VFIO_PCI_BAR2_REGION_INDEX
#define AT	0x200000UL	/* where in the BAR */
#define SIZE	(4 * PAGE)
#define MEMORY	2		/* of the command register */

/* Shares `count` ranges of a BAR; returns the buffer's descriptor, or -errno. */
static int __share(int device, uint32_t count)
{
	struct {
		struct vfio_device_feature head;
		uint32_t region, open_flags, flags, count;
		struct vfio_region_dma_range ranges[2];
	} request = {
		.head.argsz = sizeof(request),
		.head.flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF,
		.region = BAR, .open_flags = O_RDWR | O_CLOEXEC, .count = count,
		.ranges = { { AT, SIZE }, { AT + 2 * SIZE, SIZE } },
	};

	return __call(device, VFIO_DEVICE_FEATURE, &request);
}

/* An edu that is attached to an address space, and the memory of an ivshmem. */
FIXTURE(peer)
{
	struct vfio other;
	struct edu edu;
	char bdf[BDF_LEN], *bar;
	int fd, iommu, buffer;
	uint32_t ioas;
	size_t size;
};

FIXTURE_SETUP(peer)
{
	char bdf[BDF_LEN], other[BDF_LEN], path[280];

	self->fd = self->iommu = self->buffer = -1;
	if (!pci_find_alone(ID_EDU, 0, bdf) || !pci_find_alone(ID_IVSHMEM, 0, other))
		SKIP(return, "no edu and ivshmem in groups of their own");
	pci_bind(bdf, "vfio-pci");
	strcpy(self->bdf, bdf);
	if (!node_find(bdf, path, sizeof(path)))
		SKIP(return, "devices have no nodes");
	self->iommu = must(__iommu_open());
	self->ioas = ioas_alloc(self->iommu);
	self->fd = must(node_open(path));
	must(__bind(self->fd, self->iommu));
	must(__attach(self->fd, self->ioas));
	edu_open(&self->edu, self->fd);

	vfio_open(&self->other, other, VFIO_TYPE1v2_IOMMU);
	pci_command(self->other.device, MEMORY, 0);
	self->size = region_info(self->other.device, BAR).size;
	self->bar = region_map(self->other.device, BAR);
	self->buffer = __share(self->other.device, 1);
	if (self->buffer == -ENOTTY)
		SKIP(return, "no DMA-BUFs of BARs");
	ASSERT_GE(self->buffer, 0);
}

FIXTURE_TEARDOWN(peer)
{
	if (self->bar) {
		munmap(self->bar, self->size);
		edu_close(&self->edu);
	}
	close_fd(&self->buffer);
	close_fd(&self->fd);
	close_fd(&self->iommu);
	if (*self->other.bdf)
		vfio_close(&self->other);
	if (*self->bdf)
		pci_unbind(self->bdf);
}

/* Whether the edu reads the shared memory and writes to the page behind. */
static bool reaches(struct edu *edu, char *shared, int value)
{
	memset(shared, value, PAGE);
	memset(shared + PAGE, ~value, PAGE);
	edu_dma_from(edu, IOVA, PAGE);
	edu_dma_to(edu, IOVA + PAGE, PAGE);
	return is_all(shared + PAGE, PAGE, value);
}

TEST_F(peer, within_reach)
{
	char *shared = self->bar + AT;

	EXPECT_FALSE(reaches(&self->edu, shared, 0x21));
	ASSERT_EQ(0, __ioas_map_file(self->iommu, self->ioas, self->buffer, SIZE));
	EXPECT_TRUE(reaches(&self->edu, shared, 0x31));
	/* The last page, and not the one behind it. */
	edu_dma_to(&self->edu, IOVA + SIZE - PAGE, PAGE);
	EXPECT_TRUE(is_all(shared + SIZE - PAGE, PAGE, 0x31));
	memset(shared + SIZE, 0x41, PAGE);
	edu_dma_to(&self->edu, IOVA + SIZE, PAGE);
	EXPECT_TRUE(is_all(shared + SIZE, PAGE, 0x41));
	EXPECT_EQ(0, __ioas_unmap(self->iommu, self->ioas, SIZE));
	EXPECT_FALSE(reaches(&self->edu, shared, 0x51));
}

/* The mapping outlives the buffer's descriptor. */
TEST_F(peer, without_descriptor)
{
	ASSERT_EQ(0, __ioas_map_file(self->iommu, self->ioas, self->buffer, SIZE));
	close_fd(&self->buffer);
	EXPECT_TRUE(reaches(&self->edu, self->bar + AT, 0x21));
}

/* What was taken away comes back only by another mapping. */
TEST_F(peer, until_memory_is_off)
{
	char *shared = self->bar + AT;

	ASSERT_EQ(0, __ioas_map_file(self->iommu, self->ioas, self->buffer, SIZE));
	EXPECT_TRUE(reaches(&self->edu, shared, 0x21));
	pci_command(self->other.device, 0, MEMORY);
	pci_command(self->other.device, MEMORY, 0);
	EXPECT_FALSE(reaches(&self->edu, shared, 0x31));
	EXPECT_EQ(0, __ioas_unmap(self->iommu, self->ioas, SIZE));
	ASSERT_EQ(0, __ioas_map_file(self->iommu, self->ioas, self->buffer, SIZE));
	EXPECT_TRUE(reaches(&self->edu, shared, 0x41));
}

TEST_F(peer, not_while_memory_is_off)
{
	pci_command(self->other.device, 0, MEMORY);
	EXPECT_EQ(-ENODEV, __ioas_map_file(self->iommu, self->ioas, self->buffer, SIZE));
	pci_command(self->other.device, MEMORY, 0);
	EXPECT_EQ(0, __ioas_map_file(self->iommu, self->ioas, self->buffer, SIZE));
}

TEST_F(peer, until_the_device_is_closed)
{
	ASSERT_EQ(0, __ioas_map_file(self->iommu, self->ioas, self->buffer, SIZE));
	munmap(self->bar, self->size);
	close_fd(&self->other.device);
	EXPECT_EQ(-ENODEV, __ioas_map_file(self->iommu, self->ioas, self->buffer, SIZE));
	EXPECT_EQ(0, __ioas_unmap(self->iommu, self->ioas, SIZE));

	self->other.device = __group_get_device(self->other.group, self->other.bdf);
	ASSERT_GE(self->other.device, 0);
	pci_command(self->other.device, MEMORY, 0);
	self->bar = region_map(self->other.device, BAR);
	EXPECT_FALSE(reaches(&self->edu, self->bar + AT, 0x21));
}

TEST_F(peer, refused)
{
	int two = __share(self->other.device, 2);

	ASSERT_GE(two, 0);
	EXPECT_EQ(-EOPNOTSUPP, __ioas_map_file(self->iommu, self->ioas, two, SIZE));
	EXPECT_EQ(-EINVAL, __ioas_map_file(self->iommu, self->ioas, self->buffer, SIZE + PAGE));
	close(two);
}

TEST_HARNESS_MAIN
