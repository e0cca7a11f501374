// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a program can tell a guest of DMA: the windows of a container, and those of
 * a group with the node of a device tree that they belong to. The kernel's own
 * modules have none of this.
 *
 * Uses an edu device alone in its group, and two below a bridge.
 */
#include <limits.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "vfio_windows.h"

FIXTURE(windows)
{
	struct vfio vfio;
};

FIXTURE_SETUP(windows)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	if (driver_is_rust())
		return;
	EXPECT_EQ(-ENOTTY, __call(self->vfio.group, VFIO_GROUP_FEATURE, NULL));
	vfio_close(&self->vfio);
	SKIP(return, "no such call");
}

FIXTURE_TEARDOWN(windows)
{
	vfio_close(&self->vfio);
}

TEST_F(windows, header_of_the_container)
{
	check_feature_head(_metadata, self->vfio.container, VFIO_IOMMU_FEATURE,
			   VFIO_IOMMU_FEATURE_WINDOWS, sizeof(struct vfio_iommu_feature_windows));
}

TEST_F(windows, header_of_the_group)
{
	check_feature_head(_metadata, self->vfio.group, VFIO_GROUP_FEATURE,
			   VFIO_GROUP_FEATURE_DMA_WINDOW,
			   sizeof(struct vfio_group_feature_dma_window));
}

TEST_F(windows, buffer_too_short)
{
	struct container_windows all, some;
	struct group_windows group;
	uint32_t size, needed;

	ASSERT_EQ(0, __container_windows(self->vfio.container, &all));
	ASSERT_LT(0, all.data.count);
	EXPECT_EQ(sizeof(struct vfio_dma_window), all.data.entry_size);
	needed = 16 + all.data.count * sizeof(struct vfio_dma_window);
	for (size = 16; size < needed; size++) {
		memset(&some, 0, sizeof(some));
		some.head.argsz = size;
		some.head.flags = GET_WINDOWS;
		ASSERT_EQ(-ENOSPC, __call(self->vfio.container, VFIO_IOMMU_FEATURE, &some));
		EXPECT_EQ(needed, some.head.argsz);
		EXPECT_EQ(all.data.count, some.data.count);
		EXPECT_EQ(0, some.windows[0].last);
	}
	some.head.argsz = needed;
	EXPECT_EQ(0, __call(self->vfio.container, VFIO_IOMMU_FEATURE, &some));
	EXPECT_EQ(needed, some.head.argsz);
	EXPECT_EQ(0, memcmp(all.windows, some.windows, needed - 16));

	memset(&group, 0, sizeof(group));
	group.head.argsz = 8 + sizeof(group.data);
	group.head.flags = GET_DMA_WINDOW;
	EXPECT_EQ(-ENOSPC, __call(self->vfio.group, VFIO_GROUP_FEATURE, &group));
	EXPECT_EQ(needed + sizeof(group.data) - sizeof(all.data), group.head.argsz);
	EXPECT_EQ(all.data.count, group.data.count);
	EXPECT_EQ(VFIO_DMA_PLACE_DEVICE, group.data.place);
}

/* On x86: the addresses that VFIO_IOMMU_GET_INFO lists. */
TEST_F(windows, same_as_the_usable_addresses)
{
	const struct vfio_iommu_type1_info_cap_iova_range *cap;
	struct vfio_iommu_type1_info *info;
	struct container_windows answer;
	uint32_t i;

	if (HOST_IOMMU != VFIO_TYPE1v2_IOMMU)
		SKIP(return, "another kind of IOMMU");
	ASSERT_EQ(0, __container_windows(self->vfio.container, &answer));
	info = iommu_info(self->vfio.container);
	cap = iommu_cap(info, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
	ASSERT_NE(NULL, cap);
	ASSERT_EQ(cap->nr_iovas, answer.data.count);
	for (i = 0; i < cap->nr_iovas; i++) {
		EXPECT_EQ(cap->iova_ranges[i].start, answer.windows[i].start);
		EXPECT_EQ(cap->iova_ranges[i].end, answer.windows[i].last);
		EXPECT_EQ(info->iova_pgsizes & -info->iova_pgsizes,
			  1ULL << answer.windows[i].page_shift);
		EXPECT_EQ(0, answer.windows[i].levels);
		EXPECT_EQ(i, answer.windows[i].slot);
		EXPECT_EQ(VFIO_DMA_WINDOW_DEFAULT, answer.windows[i].flags);
	}
	free(info);
}

/* A mapping can be made at both ends of each window, and not one page further. */
TEST_F(windows, say_what_can_be_mapped)
{
	struct container_windows answer;
	void *mem = memory(PAGE);
	uint32_t i;

	if (HOST_IOMMU != VFIO_TYPE1v2_IOMMU)
		SKIP(return, "vfio_spapr_describe_test does this");
	ASSERT_EQ(0, __container_windows(self->vfio.container, &answer));
	for (i = 0; i < answer.data.count; i++) {
		uint64_t last = answer.windows[i].last - PAGE + 1;

		EXPECT_EQ(0, __dma_map(self->vfio.container, mem, answer.windows[i].start, PAGE, DMA_RW));
		EXPECT_EQ(0, __dma_map(self->vfio.container, mem, last, PAGE, DMA_RW));
		if (last + PAGE)
			EXPECT_EQ(-EINVAL, __dma_map(self->vfio.container, mem, last + PAGE, PAGE, DMA_RW));
	}
	munmap(mem, PAGE);
}

/* The address of a device as the call has it. */
static void expect_at(struct __test_metadata *_metadata, const struct group_windows *answer,
		      const char *bdf)
{
	unsigned int domain, bus, slot, function;

	ASSERT_EQ(4, sscanf(bdf, "%x:%x:%x.%x", &domain, &bus, &slot, &function));
	EXPECT_EQ(domain, answer->data.domain);
	EXPECT_EQ(bus, answer->data.bus);
	EXPECT_EQ(slot << 3 | function, answer->data.devfn);
	EXPECT_EQ(0, answer->data.reserved);
}

TEST_F(windows, of_a_device_alone)
{
	struct container_windows container;
	struct group_windows group;

	ASSERT_EQ(0, __container_windows(self->vfio.container, &container));
	ASSERT_EQ(0, __group_windows(self->vfio.group, &group));
	EXPECT_EQ(VFIO_DMA_PLACE_DEVICE, group.data.place);
	EXPECT_EQ(1, group.data.devices);
	expect_at(_metadata, &group, self->vfio.bdf);
	ASSERT_EQ(container.data.count, group.data.count);
	EXPECT_EQ(container.data.entry_size, group.data.entry_size);
	EXPECT_EQ(0, memcmp(container.windows, group.windows,
			    group.data.count * sizeof(group.windows[0])));
}

/* Where the group belongs is known from the start, windows only with an IOMMU. */
TEST(windows_come_with_the_iommu)
{
	struct group_windows group;
	struct vfio vfio;
	char bdf[BDF_LEN];
	int container;

	if (!driver_is_rust() || !pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no such call, or no edu device alone in its group");
	vfio_open_group(&vfio, bdf);
	/* Every call on a container without a backend. */
	EXPECT_EQ(-EINVAL, __feature_head(vfio.container, VFIO_IOMMU_FEATURE, 256, GET_WINDOWS));
	EXPECT_EQ(0, __group_windows(vfio.group, &group));
	EXPECT_EQ(0, group.data.count);
	ASSERT_EQ(0, __group_unset_container(vfio.group));
	EXPECT_EQ(0, __group_windows(vfio.group, &group));
	EXPECT_EQ(0, group.data.count);
	EXPECT_EQ(sizeof(struct vfio_dma_window), group.data.entry_size);
	EXPECT_EQ(VFIO_DMA_PLACE_DEVICE, group.data.place);
	expect_at(_metadata, &group, bdf);
	/* A container that its user has closed, and one that is still open. */
	container = container_open();
	group_set_container(vfio.group, container);
	set_iommu(container, HOST_IOMMU);
	close(container);
	EXPECT_EQ(0, __group_windows(vfio.group, &group));
	EXPECT_LT(0, group.data.count);
	vfio_close(&vfio);
}

TEST(group_that_is_gone)
{
	struct group_windows group;
	struct vfio vfio;
	char bdf[BDF_LEN];

	if (!driver_is_rust() || !pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no such call, or no edu device alone in its group");
	vfio_open_group(&vfio, bdf);
	pci_unbind(bdf);
	EXPECT_EQ(-ENODEV, __group_windows(vfio.group, &group));
	vfio_close(&vfio);
}

/* Two devices behind one bridge: theirs is the node of the bridge, or of the host bridge. */
TEST(of_two_devices)
{
	char first[BDF_LEN], second[BDF_LEN], link[128], path[PATH_MAX], at[BDF_LEN + 8], *bridge;
	struct group_windows group;
	struct vfio vfio;

	if (!driver_is_rust() || !pci_find_pair(ID_EDU, first, second))
		SKIP(return, "no such call, or no two edu in one group");
	pci_bind(second, "vfio-pci");
	vfio_open_group(&vfio, first);
	set_iommu(vfio.container, HOST_IOMMU);
	ASSERT_EQ(0, __group_windows(vfio.group, &group));
	EXPECT_EQ(2, group.data.devices);
	EXPECT_LT(0, group.data.count);
	snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s", first);
	ASSERT_NE(NULL, realpath(link, path));
	*strrchr(path, '/') = '\0';
	bridge = strrchr(path, '/') + 1;
	if (strncmp(bridge, "pci", 3)) {
		EXPECT_EQ(VFIO_DMA_PLACE_BRIDGE, group.data.place);
		expect_at(_metadata, &group, bridge);
	} else {
		EXPECT_EQ(VFIO_DMA_PLACE_HOST_BRIDGE, group.data.place);
		/* Named by its first bus, pciDDDD:BB, as it has no address of its own. */
		snprintf(at, sizeof(at), "%.7s:00.0", bridge + 3);
		expect_at(_metadata, &group, at);
	}
	vfio_close(&vfio);
	pci_unbind(second);
}

TEST_HARNESS_MAIN
