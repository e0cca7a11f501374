// SPDX-License-Identifier: GPL-2.0-only
/*
 * POWER: the windows that a container and a group describe are those that there are,
 * and those of the machine's device tree; groups and descriptors of a container. The kernel's own modules have no such call.
 */
#include <limits.h>

#include "kselftest_harness.h"
#include "vfio_test.h"
#include "tie.h"
#include "vfio_dma_fd.h"
#include "vfio_domains.h"
#include "vfio_spapr.h"
#include "vfio_windows.h"

#define GB	(1ULL << 30)

SPAPR_SETUP(VFIO_SPAPR_TCE_v2_IOMMU)

/* Reads big-endian cells of a property of the node of a device, or of one above it. */
static int node_cells(const char *bdf, const char *property, uint32_t *cells, int max)
{
	char link[128], path[PATH_MAX], *end;
	int i, count = -1;

	snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s/of_node", bdf);
	if (!realpath(link, path))
		return -1;
	while (count < 0 && (end = strrchr(path, '/')) && end > path) {
		char name[PATH_MAX + 64];
		FILE *file;

		snprintf(name, sizeof(name), "%s/%s", path, property);
		file = fopen(name, "r");
		if (file) {
			count = fread(cells, sizeof(*cells), max, file);
			fclose(file);
		}
		*end = '\0';
	}
	for (i = 0; i < count; i++)
		cells[i] = be32toh(cells[i]);
	return count;
}

/* Whether a hypervisor tells of the windows in the device tree. */
static bool in_tree(const char *bdf)
{
	uint32_t cells[8];

	return node_cells(bdf, "ibm,dma-window", cells, 8) >= 0;
}

#define ONLY_OURS()						\
	do {							\
		if (!driver_is_rust())				\
			SKIP(return, "no such call");		\
	} while (0)

TEST_F(spapr, the_default_window)
{
	struct vfio_iommu_spapr_tce_info info;
	struct container_windows answer;
	uint32_t cells[5];

	ONLY_OURS();
	ASSERT_EQ(0, __spapr_info(self->fd, &info));
	ASSERT_EQ(0, __container_windows(self->fd, &answer));
	ASSERT_EQ(1, answer.data.count);
	EXPECT_EQ(VFIO_DMA_WINDOW_DEFAULT | VFIO_DMA_WINDOW_PENDING, answer.windows[0].flags);
	EXPECT_EQ(info.dma32_window_start, answer.windows[0].start);
	EXPECT_EQ(info.dma32_window_size, answer.windows[0].last + 1 - answer.windows[0].start);
	EXPECT_EQ(12, answer.windows[0].page_shift);
	EXPECT_EQ(1, answer.windows[0].levels);
	EXPECT_EQ(0, answer.windows[0].slot);
	if (in_tree(self->vfio.bdf)) {
		ASSERT_EQ(5, node_cells(self->vfio.bdf, "ibm,dma-window", cells, 5));
		EXPECT_EQ((uint64_t)cells[1] << 32 | cells[2], answer.windows[0].start);
		EXPECT_EQ((uint64_t)cells[3] << 32 | cells[4],
			  answer.windows[0].last + 1 - answer.windows[0].start);
	}

	/* Made by the first that needs it. */
	ASSERT_EQ(0, __spapr_register(self->fd, self->mem, PAGE));
	ASSERT_EQ(0, __dma_map(self->fd, self->mem, SPAPR_IOVA, PAGE, DMA_RW));
	ASSERT_EQ(0, __container_windows(self->fd, &answer));
	ASSERT_EQ(1, answer.data.count);
	EXPECT_EQ(VFIO_DMA_WINDOW_DEFAULT, answer.windows[0].flags);
	EXPECT_EQ(info.dma32_window_size, answer.windows[0].last + 1 - answer.windows[0].start);

	ASSERT_EQ(0, __spapr_remove(self->fd, 0));
	ASSERT_EQ(0, __container_windows(self->fd, &answer));
	EXPECT_EQ(0, answer.data.count);
}

TEST_F(spapr, the_default_window_that_nobody_wants)
{
	struct container_windows answer;

	ONLY_OURS();
	ASSERT_EQ(0, __spapr_remove(self->fd, 0));
	ASSERT_EQ(0, __container_windows(self->fd, &answer));
	EXPECT_EQ(0, answer.data.count);
}

TEST_F(spapr, a_dynamic_window)
{
	struct container_windows answer;
	struct group_windows group;
	uint64_t start;
	uint32_t cells[6];

	ONLY_OURS();
	ASSERT_EQ(0, __spapr_create(self->fd, 16, GB, 1, &start));
	ASSERT_EQ(0, __container_windows(self->fd, &answer));
	/* Making it has made the default window, too. */
	ASSERT_EQ(2, answer.data.count);
	EXPECT_EQ(VFIO_DMA_WINDOW_DEFAULT, answer.windows[0].flags);
	EXPECT_EQ(VFIO_DMA_WINDOW_DYNAMIC, answer.windows[1].flags);
	EXPECT_EQ(start, answer.windows[1].start);
	EXPECT_EQ(start + GB - 1, answer.windows[1].last);
	EXPECT_EQ(16, answer.windows[1].page_shift);
	EXPECT_EQ(1, answer.windows[1].levels);
	EXPECT_EQ(1, answer.windows[1].slot);
	if (in_tree(self->vfio.bdf)) {
		/* Bus number, a hole, address, sizes of page and window as powers of two. */
		ASSERT_EQ(6, node_cells(self->vfio.bdf, "linux,dma64-ddr-window-info", cells, 6));
		EXPECT_EQ((uint64_t)cells[2] << 32 | cells[3], answer.windows[1].start);
		EXPECT_EQ(cells[4], answer.windows[1].page_shift);
		EXPECT_EQ(1ULL << cells[5], answer.windows[1].last + 1 - answer.windows[1].start);
	}
	ASSERT_EQ(0, __group_windows(self->vfio.group, &group));
	ASSERT_EQ(2, group.data.count);
	EXPECT_EQ(0, memcmp(answer.windows, group.windows, 2 * sizeof(group.windows[0])));

	ASSERT_EQ(0, __spapr_remove(self->fd, start));
	ASSERT_EQ(0, __container_windows(self->fd, &answer));
	ASSERT_EQ(1, answer.data.count);
	EXPECT_EQ(VFIO_DMA_WINDOW_DEFAULT, answer.windows[0].flags);
	EXPECT_GE(0, node_cells(self->vfio.bdf, "linux,dma64-ddr-window-info", cells, 6));
}

/* A mapping can be made at both ends, and not one page further. */
TEST_F(spapr, say_what_can_be_mapped)
{
	struct container_windows answer;
	uint64_t start;
	uint32_t i;

	ONLY_OURS();
	ASSERT_EQ(0, __spapr_register(self->fd, self->mem, PAGE));
	ASSERT_EQ(0, __spapr_create(self->fd, 16, GB, 1, &start));
	ASSERT_EQ(0, __container_windows(self->fd, &answer));
	ASSERT_EQ(2, answer.data.count);
	for (i = 0; i < 2; i++) {
		uint64_t size = 1ULL << answer.windows[i].page_shift;
		uint64_t last = answer.windows[i].last + 1 - size;

		EXPECT_EQ(0, __dma_map(self->fd, self->mem, answer.windows[i].start, size, DMA_RW));
		EXPECT_EQ(0, __dma_map(self->fd, self->mem, last, size, DMA_RW));
		EXPECT_EQ(-ENXIO, __dma_map(self->fd, self->mem, last + size, size, DMA_RW));
	}
}

/* Anybody with the container may ask, and a group says where its windows belong. */
TEST_F(spapr, asked_by_another_process)
{
	struct container_windows answer;
	struct group_windows group;
	struct child child;
	bool ok;

	ONLY_OURS();
	ASSERT_EQ(0, __spapr_register(self->fd, self->mem, PAGE));
	if (start_child(&child))
		_exit(__container_windows(self->fd, &answer) != 0);
	EXPECT_EQ(0, end_of(&child));
	ASSERT_EQ(0, __group_windows(self->vfio.group, &group));
	ok = group.data.place == VFIO_DMA_PLACE_DEVICE && group.data.devices == 1;
	EXPECT_TRUE(ok) TH_LOG("place %u, %u devices", group.data.place, group.data.devices);
}

/* In a partition the first flavour knows its one window as well. */
TEST(first_flavour)
{
	struct vfio_iommu_spapr_tce_info info;
	struct container_windows answer;
	struct vfio vfio;

	if (!driver_is_rust() || !spapr_fixture(&vfio, VFIO_SPAPR_TCE_IOMMU))
		SKIP(return, "no such call, no TCE tables, or no edu alone in its group");
	ASSERT_EQ(0, __spapr_info(vfio.container, &info));
	ASSERT_EQ(0, __container_windows(vfio.container, &answer));
	ASSERT_EQ(1, answer.data.count);
	EXPECT_EQ(VFIO_DMA_WINDOW_DEFAULT | VFIO_DMA_WINDOW_PENDING, answer.windows[0].flags);
	EXPECT_EQ(info.dma32_window_start, answer.windows[0].start);
	EXPECT_EQ(info.dma32_window_size, answer.windows[0].last + 1 - answer.windows[0].start);
	vfio_close(&vfio);
}

/* A container is one process's, so there is nothing to give to another one. */
TEST_F(spapr, no_descriptors_for_dma)
{
	ONLY_OURS();
	EXPECT_EQ(-EOPNOTSUPP, __dma_fd(self->vfio.container, ALL_RIGHTS, 0, 0, GB - 1, 1));
}

/* That has one group, under one set of tables. */
TEST(domain_of_the_first_flavour)
{
	struct container_domains domains;
	struct vfio vfio;
	char bdf[BDF_LEN];

	ONLY_OURS();
	if (!spapr_exists() || !pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no TCE tables, or no edu alone in its group");
	vfio_open(&vfio, bdf, VFIO_SPAPR_TCE_IOMMU);
	ASSERT_EQ(0, __container_domains(vfio.container, &domains));
	ASSERT_EQ(1, domains.data.count);
	EXPECT_EQ(vfio.group_id, domains.domains[0].group);
	EXPECT_EQ(0, domains.domains[0].domain);
	EXPECT_EQ(-EOPNOTSUPP, __dma_fd(vfio.container, ALL_RIGHTS, 0, 0, GB - 1, 1));
	vfio_close(&vfio);
}

TEST_HARNESS_MAIN
