// SPDX-License-Identifier: GPL-2.0-only
/*
 * POWER: the container of type sPAPR TCE, version 1: one group, one window,
 * which is paid for as a whole when the container is enabled.
 */
#include "kselftest_harness.h"
#include "vfio_test.h"
#include "vfio_spapr.h"

#define IOVA	SPAPR_IOVA
#define TCE	4096	/* page size of the window, whatever the processor's is */

SPAPR_SETUP(VFIO_SPAPR_TCE_IOMMU)

static int __enable(int fd)
{
	return __call(fd, VFIO_IOMMU_ENABLE, NULL);
}

static int __disable(int fd)
{
	return __call(fd, VFIO_IOMMU_DISABLE, NULL);
}

TEST_F(spapr, enabling_pays_for_the_window)
{
	struct vfio_iommu_spapr_tce_info info;

	ASSERT_EQ(0, __spapr_info(self->fd, &info));
	EXPECT_EQ(0, info.flags);
	EXPECT_EQ(0, __disable(self->fd));
	ASSERT_EQ(0, __enable(self->fd));
	EXPECT_EQ(self->locked + info.dma32_window_size / 1024, my_locked());
	EXPECT_EQ(-EBUSY, __enable(self->fd));
	EXPECT_EQ(0, __disable(self->fd));
	EXPECT_EQ(self->locked, my_locked());
	ASSERT_EQ(0, __enable(self->fd));
}

TEST_F(spapr, nothing_is_mapped_before_it_is_enabled)
{
	EXPECT_EQ(-EPERM, __dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW));
	EXPECT_EQ(-EPERM, __dma_unmap(self->fd, IOVA, PAGE));
	/* That comes before all else. */
	EXPECT_EQ(-EPERM, __call(self->fd, VFIO_IOMMU_MAP_DMA, NULL));
	ASSERT_EQ(0, __enable(self->fd));
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_IOMMU_MAP_DMA, NULL));
	EXPECT_EQ(0, __dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW));
	EXPECT_EQ(PAGE, __dma_unmap(self->fd, IOVA, PAGE));
}

TEST_F(spapr, calls_of_version_2)
{
	uint64_t start;

	EXPECT_EQ(-ENOTTY, __spapr_register(self->fd, self->mem, PAGE));
	EXPECT_EQ(-ENOTTY, __spapr_unregister(self->fd, self->mem, PAGE));
	EXPECT_EQ(-ENOTTY, __spapr_create(self->fd, 16, 1 << 30, 1, &start));
	EXPECT_EQ(-ENOTTY, __spapr_remove(self->fd, 0));
	EXPECT_EQ(-ENOTTY, __call(self->fd, VFIO_IOMMU_FEATURE + 100, NULL));
}

TEST_F(spapr, dma)
{
	int i;

	ASSERT_EQ(0, __enable(self->fd));
	dma_map(self->fd, self->mem, IOVA, SPAPR_PAGES * PAGE, DMA_RW);
	for (i = 0; i < EDU_BUFFER; i++)
		self->mem[i] = i * 11 + (i >> 8);
	edu_copy(&self->edu, IOVA, IOVA + (SPAPR_PAGES - 1) * PAGE, EDU_BUFFER);
	EXPECT_EQ(0, memcmp(self->mem, self->mem + (SPAPR_PAGES - 1) * PAGE, EDU_BUFFER));
	EXPECT_EQ(SPAPR_PAGES * PAGE, __dma_unmap(self->fd, IOVA, SPAPR_PAGES * PAGE));
}

/* Entries are of 4 KiB, and several of them may be for one page of the processor. */
TEST_F(spapr, parts_of_a_page)
{
	long pinned = pinned_pages();
	char *part = self->mem + PAGE - TCE;

	ASSERT_EQ(0, __enable(self->fd));
	dma_map(self->fd, part, IOVA, 2 * TCE, DMA_RW);
	memset(part, 0x11, TCE);
	memset(part + TCE, 0x22, TCE);
	edu_copy(&self->edu, IOVA, IOVA + TCE, EDU_BUFFER);
	EXPECT_TRUE(is_all(part + TCE, TCE, 0x11));

	EXPECT_EQ(TCE, __dma_unmap(self->fd, IOVA, TCE));
	memset(part + TCE, 0x33, TCE);
	edu_dma_from(&self->edu, IOVA + TCE, EDU_BUFFER);
	EXPECT_EQ(TCE, __dma_unmap(self->fd, IOVA + TCE, TCE));
	EXPECT_EQ(pinned, pinned_until(pinned));
}

TEST_F(spapr, a_new_page_takes_the_place_of_the_old_one)
{
	long pinned = pinned_pages();

	ASSERT_EQ(0, __enable(self->fd));
	dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW);
	dma_map(self->fd, self->mem + PAGE, IOVA, PAGE, DMA_RW);
	dma_map(self->fd, self->mem + 2 * PAGE, IOVA + PAGE, PAGE, DMA_RW);
	memset(self->mem, 0x44, PAGE);
	memset(self->mem + PAGE, 0x55, PAGE);
	edu_copy(&self->edu, IOVA, IOVA + PAGE, EDU_BUFFER);
	EXPECT_TRUE(is_all(self->mem + 2 * PAGE, EDU_BUFFER, 0x55));
	EXPECT_EQ(2 * PAGE, __dma_unmap(self->fd, IOVA, 2 * PAGE));
	EXPECT_EQ(pinned, pinned_until(pinned));
}

TEST_F(spapr, unmapping_what_is_not_mapped)
{
	ASSERT_EQ(0, __enable(self->fd));
	EXPECT_EQ(PAGE, __dma_unmap(self->fd, IOVA, PAGE));
	dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW);
	EXPECT_EQ(4 * PAGE, __dma_unmap(self->fd, IOVA - PAGE, 4 * PAGE));
	EXPECT_EQ(PAGE, __dma_unmap(self->fd, IOVA, PAGE));
}

TEST_F(spapr, memory_that_is_not_there)
{
	long pinned = pinned_pages();

	ASSERT_EQ(0, __enable(self->fd));
	/* The pages before it are taken back. */
	ASSERT_EQ(0, munmap(self->mem + 2 * PAGE, PAGE));
	EXPECT_EQ(-EFAULT, __dma_map(self->fd, self->mem, IOVA, 4 * PAGE, DMA_RW));
	EXPECT_EQ(pinned, pinned_until(pinned));

	ASSERT_EQ(0, mprotect(self->mem, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, __dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW));
	/* C wants it writable even if the device only reads. */
	EXPECT_EQ(driver_is_rust() ? 0 : -EFAULT,
		  __dma_map(self->fd, self->mem, IOVA, PAGE, VFIO_DMA_MAP_FLAG_READ));
	EXPECT_EQ(PAGE, __dma_unmap(self->fd, IOVA, PAGE));
}

TEST_F(spapr, closing_takes_everything_back)
{
	long pinned = pinned_pages();
	char bdf[BDF_LEN];

	ASSERT_EQ(0, __enable(self->fd));
	dma_map(self->fd, self->mem, IOVA, SPAPR_PAGES * PAGE, DMA_RW);
	/* A mapping of its registers keeps a device open. */
	edu_close(&self->edu);
	snprintf(bdf, sizeof(bdf), "%s", self->vfio.bdf);
	vfio_close(&self->vfio);
	EXPECT_EQ(self->locked, my_locked());
	EXPECT_EQ(pinned, pinned_until(pinned));
	vfio_open(&self->vfio, bdf, VFIO_SPAPR_TCE_IOMMU);
	edu_open(&self->edu, self->vfio.device);
}

TEST_F(spapr, another_process)
{
	struct vfio_iommu_spapr_tce_info info;
	struct child child;

	ASSERT_EQ(0, __enable(self->fd));
	if (start_child(&child)) {
		/* All but one question is refused, also what there is not. */
		if (__spapr_info(self->fd, &info) != -EPERM ||
		    __enable(self->fd) != -EPERM || __disable(self->fd) != -EPERM ||
		    __dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW) != -EPERM ||
		    __dma_unmap(self->fd, IOVA, PAGE) != -EPERM ||
		    __call(self->fd, VFIO_IOMMU_FEATURE + 100, NULL) != -EPERM ||
		    __call(self->fd, VFIO_CHECK_EXTENSION, (void *)VFIO_SPAPR_TCE_IOMMU) != 1)
			_exit(1);
		_exit(0);
	}
	EXPECT_EQ(0, end_of(&child));
	EXPECT_EQ(0, __disable(self->fd));
}

TEST_F(spapr, a_second_group)
{
	struct vfio other;
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 1, bdf))
		SKIP(return, "no second edu alone in its group");
	vfio_open_group(&other, bdf);
	ASSERT_EQ(0, __group_unset_container(other.group));
	EXPECT_EQ(-EBUSY, __group_set_container(other.group, self->fd));
	vfio_close(&other);
}

TEST_HARNESS_MAIN
