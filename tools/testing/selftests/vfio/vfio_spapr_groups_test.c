// SPDX-License-Identifier: GPL-2.0-only
/*
 * POWER: two groups in one container. Bare machines program a window into both;
 * in a partition a table belongs to one.
 */
#include "kselftest_harness.h"
#include "vfio_test.h"
#include "vfio_spapr.h"

#define IOVA	SPAPR_IOVA

FIXTURE(groups)
{
	struct vfio first, second;
	int fd;
	char *mem;	/* two pages, registered */
};

FIXTURE_SETUP(groups)
{
	char bdf[2][BDF_LEN];

	if (!spapr_exists() || !pci_find_alone(ID_EDU, 0, bdf[0]) ||
	    !pci_find_alone(ID_EDU, 1, bdf[1]))
		SKIP(return, "no TCE tables, or no two edu in groups of their own");
	vfio_open(&self->first, bdf[0], VFIO_SPAPR_TCE_v2_IOMMU);
	vfio_open_group(&self->second, bdf[1]);
	must(__group_unset_container(self->second.group));
	self->fd = self->first.container;
	self->mem = memory(2 * PAGE);
	must(__spapr_register(self->fd, self->mem, 2 * PAGE));
}

FIXTURE_TEARDOWN(groups)
{
	vfio_close(&self->second);
	vfio_close(&self->first);
	munmap(self->mem, 2 * PAGE);
}

/* Whether a hypervisor keeps the tables. */
static bool in_partition(void)
{
	char model[64];

	return !__read_text("/proc/device-tree/model", model, sizeof(model)) &&
	       strstr(model, "pSeries");
}

TEST_F(groups, one_window_for_both)
{
	struct edu first, second;

	ASSERT_EQ(0, __group_set_container(self->second.group, self->fd));
	EXPECT_EQ(-EINVAL, __group_set_container(self->second.group, self->fd));
	if (in_partition()) {
		EXPECT_EQ(-EPERM, __dma_map(self->fd, self->mem, IOVA, 2 * PAGE, DMA_RW));
		EXPECT_EQ(0, __group_unset_container(self->second.group));
		EXPECT_EQ(0, __dma_map(self->fd, self->mem, IOVA, 2 * PAGE, DMA_RW));
		return;
	}
	self->second.device = group_get_device(self->second.group, self->second.bdf);
	ASSERT_EQ(0, __dma_map(self->fd, self->mem, IOVA, 2 * PAGE, DMA_RW));
	edu_open(&first, self->first.device);
	edu_open(&second, self->second.device);
	memset(self->mem, 0x3c, EDU_BUFFER);
	edu_copy(&first, IOVA, IOVA + PAGE, EDU_BUFFER);
	EXPECT_TRUE(is_all(self->mem + PAGE, EDU_BUFFER, 0x3c));
	memset(self->mem, 0xc3, EDU_BUFFER);
	edu_copy(&second, IOVA, IOVA + PAGE, EDU_BUFFER);
	EXPECT_TRUE(is_all(self->mem + PAGE, EDU_BUFFER, 0xc3));
	edu_close(&second);
	edu_close(&first);
}

TEST_F(groups, a_group_that_comes_later)
{
	struct edu edu;

	ASSERT_EQ(0, __dma_map(self->fd, self->mem, IOVA, 2 * PAGE, DMA_RW));
	if (in_partition()) {
		EXPECT_EQ(-EPERM, __group_set_container(self->second.group, self->fd));
		return;
	}
	ASSERT_EQ(0, __group_set_container(self->second.group, self->fd));
	self->second.device = group_get_device(self->second.group, self->second.bdf);
	edu_open(&edu, self->second.device);
	memset(self->mem, 0x69, EDU_BUFFER);
	edu_copy(&edu, IOVA, IOVA + PAGE, EDU_BUFFER);
	EXPECT_TRUE(is_all(self->mem + PAGE, EDU_BUFFER, 0x69));
	edu_close(&edu);
}

/* What one group leaves behind is the others' as well. */
TEST_F(groups, a_group_that_leaves)
{
	struct edu edu;

	if (in_partition())
		SKIP(return, "a partition keeps a table to one group");
	ASSERT_EQ(0, __group_set_container(self->second.group, self->fd));
	ASSERT_EQ(0, __dma_map(self->fd, self->mem, IOVA, 2 * PAGE, DMA_RW));
	ASSERT_EQ(0, __group_unset_container(self->second.group));
	edu_open(&edu, self->first.device);
	memset(self->mem, 0x96, EDU_BUFFER);
	edu_dma_from(&edu, IOVA, EDU_BUFFER);
	edu_dma_to(&edu, IOVA + PAGE, EDU_BUFFER);
	/* C empties the window, and the host stops the device that uses it. */
	EXPECT_EQ(driver_is_rust(), is_all(self->mem + PAGE, EDU_BUFFER, 0x96));
	edu_close(&edu);
}

TEST_HARNESS_MAIN
