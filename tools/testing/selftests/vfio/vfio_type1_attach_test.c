// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups that come into a container and leave it: which addresses they leave for
 * mappings, what becomes of the mappings, and whom type 1 does not let in.
 *
 * Uses an edu device, and an nvme and an igb as further groups.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "vfio_test.h"

#define IOVA	0x1000000ULL
#define PAGES	16
#define UNSAFE	"/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts"

/* The addresses that can be mapped. */
struct ranges {
	uint32_t count;
	struct vfio_iova_range range[16];
	uint64_t page_sizes;
};

static struct ranges ranges_of(int container)
{
	struct vfio_iommu_type1_info *info = iommu_info(container);
	const struct vfio_iommu_type1_info_cap_iova_range *cap;
	struct ranges ranges = { .page_sizes = info->iova_pgsizes };

	cap = iommu_cap(info, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
	if (!cap || cap->nr_iovas > ARRAY_SIZE(ranges.range))
		fail("no ranges, or too many");
	ranges.count = cap->nr_iovas;
	memcpy(ranges.range, cap->iova_ranges, cap->nr_iovas * sizeof(ranges.range[0]));
	free(info);
	return ranges;
}

static bool same(const struct ranges *a, const struct ranges *b)
{
	return a->count == b->count && a->page_sizes == b->page_sizes &&
	       !memcmp(a->range, b->range, a->count * sizeof(a->range[0]));
}

/* Whether any address from @first to @last can be mapped. */
static bool offers(const struct ranges *ranges, uint64_t first, uint64_t last)
{
	uint32_t i;

	for (i = 0; i < ranges->count; i++)
		if (ranges->range[i].start <= last && first <= ranges->range[i].end)
			return true;
	return false;
}

/*
 * Whether the ranges leave out what the kernel says is reserved for a group, and,
 * if it is the only one, leave out nothing else: each gap begins with a reserved
 * region and ends with one.
 */
static bool respects(const struct ranges *ranges, int group, bool alone)
{
	uint64_t first, last;
	char path[80], kind[32];
	uint32_t i, edges = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/reserved_regions", group);
	file = fopen(path, "re");
	if (!file)
		fail("%s: %s", path, strerror(errno));
	while (fscanf(file, "%lx %lx %31s", &first, &last, kind) == 3) {
		if (!strcmp(kind, "direct-relaxable"))
			continue;
		if (offers(ranges, first, last))
			fail("%#lx to %#lx is reserved (%s)", first, last, kind);
		for (i = 0; i < ranges->count; i++) {
			edges += ranges->range[i].end == first - 1;
			edges += ranges->range[i].start == last + 1;
		}
	}
	fclose(file);
	return !alone || edges >= 2 * (ranges->count - 1);
}

FIXTURE(groups)
{
	struct vfio edu;
	char bdf[2][BDF_LEN];	/* nvme and igb */
	int group[2];
	int fd;
	char *mem;
	long locked, pinned;
};

FIXTURE_SETUP(groups)
{
	char bdf[BDF_LEN];
	int i;

	if (!pci_find_alone(ID_EDU, 0, bdf) || !pci_find_alone(ID_NVME, 0, self->bdf[0]) ||
	    !pci_find_alone(ID_IGB, 0, self->bdf[1]))
		SKIP(return, "no edu, nvme and igb in groups of their own");
	self->pinned = pinned_pages();
	self->locked = my_locked();
	vfio_open_group(&self->edu, bdf);
	self->fd = self->edu.container;
	for (i = 0; i < 2; i++) {
		pci_bind(self->bdf[i], "vfio-pci");
		self->group[i] = group_open(pci_group(self->bdf[i]));
	}
	self->mem = memory(PAGES * PAGE);
}

FIXTURE_TEARDOWN(groups)
{
	int i;

	for (i = 0; i < 2; i++) {
		close(self->group[i]);
		pci_unbind(self->bdf[i]);
	}
	vfio_close(&self->edu);
	EXPECT_EQ(self->pinned, pinned_until(self->pinned));
	EXPECT_EQ(self->locked, my_locked());
}

/* ---- Addresses -------------------------------------------------------------------- */

TEST_F(groups, ranges_before_and_after_a_second_group)
{
	struct ranges before, with, after;
	uint32_t i;

	set_iommu(self->fd, VFIO_TYPE1v2_IOMMU);
	before = ranges_of(self->fd);
	EXPECT_TRUE(respects(&before, self->edu.group_id, true));

	group_set_container(self->group[0], self->fd);
	group_set_container(self->group[1], self->fd);
	with = ranges_of(self->fd);
	EXPECT_TRUE(respects(&with, self->edu.group_id, false));
	EXPECT_TRUE(respects(&with, pci_group(self->bdf[0]), false));
	EXPECT_TRUE(respects(&with, pci_group(self->bdf[1]), false));
	EXPECT_EQ(with.page_sizes, with.page_sizes & before.page_sizes);
	/* A group can only take away. */
	for (i = 0; i + 1 < before.count; i++)
		EXPECT_FALSE(offers(&with, before.range[i].end + 1, before.range[i + 1].start - 1));
	if (before.range[before.count - 1].end != UINT64_MAX)
		EXPECT_FALSE(offers(&with, before.range[before.count - 1].end + 1, UINT64_MAX));

	/* What it took is given back, whoever goes first. */
	ASSERT_EQ(0, __group_unset_container(self->group[0]));
	ASSERT_EQ(0, __group_unset_container(self->group[1]));
	after = ranges_of(self->fd);
	EXPECT_TRUE(same(&before, &after));
	group_set_container(self->group[1], self->fd);
	ASSERT_EQ(0, __group_unset_container(self->edu.group));
	after = ranges_of(self->fd);
	EXPECT_TRUE(respects(&after, pci_group(self->bdf[1]), true));
}

/* All that is in the container before a type is chosen joins with it. */
TEST_F(groups, all_join_with_the_type)
{
	struct ranges all, one;

	group_set_container(self->group[0], self->fd);
	group_set_container(self->group[1], self->fd);
	set_iommu(self->fd, VFIO_TYPE1v2_IOMMU);
	all = ranges_of(self->fd);
	EXPECT_TRUE(respects(&all, self->edu.group_id, false));
	EXPECT_TRUE(respects(&all, pci_group(self->bdf[0]), false));
	dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW);
	ASSERT_EQ(0, __group_unset_container(self->group[0]));
	ASSERT_EQ(0, __group_unset_container(self->group[1]));
	one = ranges_of(self->fd);
	EXPECT_TRUE(respects(&one, self->edu.group_id, true));
	EXPECT_EQ(PAGE, dma_unmap(self->fd, IOVA, PAGE));
}

/* ---- Mappings ---------------------------------------------------------------------- */

/* Pinned and paid for once, however many groups reach them; gone with the last. */
TEST_F(groups, mappings_stay_until_the_last_group_leaves)
{
	set_iommu(self->fd, VFIO_TYPE1v2_IOMMU);
	dma_map(self->fd, self->mem, IOVA, 4 * PAGE, DMA_RW);
	group_set_container(self->group[0], self->fd);
	EXPECT_EQ(self->pinned + 4, pinned_until(self->pinned + 4));
	dma_map(self->fd, self->mem, 2 * IOVA, 3 * PAGE, VFIO_DMA_MAP_FLAG_READ);
	group_set_container(self->group[1], self->fd);
	EXPECT_EQ(self->locked + KB(7), my_locked());
	EXPECT_EQ(self->pinned + 7, pinned_until(self->pinned + 7));

	/* The one that came first leaves first. */
	ASSERT_EQ(0, __group_unset_container(self->edu.group));
	ASSERT_EQ(0, __group_unset_container(self->group[0]));
	EXPECT_EQ(self->locked + KB(7), my_locked());
	EXPECT_EQ(-EEXIST, __dma_map(self->fd, self->mem, IOVA + PAGE, PAGE, DMA_RW));
	EXPECT_EQ(3 * PAGE, dma_unmap(self->fd, 2 * IOVA, 3 * PAGE));
	group_set_container(self->edu.group, self->fd);
	EXPECT_EQ(self->locked + KB(4), my_locked());
	ASSERT_EQ(0, __group_unset_container(self->group[1]));
	EXPECT_EQ(self->locked + KB(4), my_locked());
	ASSERT_EQ(0, __group_unset_container(self->edu.group));
	EXPECT_EQ(self->locked, my_locked());
	EXPECT_EQ(self->pinned, pinned_until(self->pinned));
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW));
}

/* The file of the container is not what keeps it: a group is. */
TEST_F(groups, mappings_outlive_the_container_file)
{
	struct edu edu;

	set_iommu(self->fd, VFIO_TYPE1v2_IOMMU);
	self->edu.device = group_get_device(self->edu.group, self->edu.bdf);
	dma_map(self->fd, self->mem, IOVA, 2 * PAGE, DMA_RW);
	close(self->edu.container);
	self->edu.container = -1;
	EXPECT_EQ(self->locked + KB(2), my_locked());
	edu_open(&edu, self->edu.device);
	memset(self->mem, 0x17, PAGE);
	edu_copy(&edu, IOVA, IOVA + PAGE, PAGE);
	EXPECT_TRUE(is_all(self->mem + PAGE, PAGE, 0x17));
	edu_close(&edu);

	/* Not even its own file: an open device is enough. */
	close(self->edu.group);
	self->edu.group = -1;
	EXPECT_EQ(self->locked + KB(2), my_locked());
	close(self->edu.device);
	self->edu.device = -1;
	EXPECT_EQ(self->locked, my_locked());
}

/* ---- Who may join ------------------------------------------------------------------- */

/* While an address is invalid there is no memory to map for a group that joins. */
TEST_F(groups, nobody_joins_with_invalid_addresses)
{
	const uint32_t flag = VFIO_DMA_UNMAP_FLAG_VADDR;

	set_iommu(self->fd, VFIO_TYPE1v2_IOMMU);
	dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW);
	dma_map(self->fd, self->mem, 2 * IOVA, PAGE, DMA_RW);
	EXPECT_EQ(PAGE, __dma_unmap_flags(self->fd, IOVA, PAGE, flag));
	EXPECT_EQ(PAGE, __dma_unmap_flags(self->fd, 2 * IOVA, PAGE, flag));
	EXPECT_EQ(-EBUSY, __group_set_container(self->group[0], self->fd));
	/* One gets an address, the other goes. */
	EXPECT_EQ(0, __dma_map(self->fd, self->mem, IOVA, PAGE, VFIO_DMA_MAP_FLAG_VADDR));
	EXPECT_EQ(-EBUSY, __group_set_container(self->group[0], self->fd));
	EXPECT_EQ(PAGE, dma_unmap(self->fd, 2 * IOVA, PAGE));
	EXPECT_EQ(0, __group_set_container(self->group[0], self->fd));
	EXPECT_EQ(-EINVAL, __group_set_container(self->group[0], self->fd));
}

/* Whether the IOMMU can make all DMA coherent, as its registers say. */
TEST_F(groups, coherency_is_that_of_the_iommu)
{
	char text[32];
	int want = 1;

	/* Bit 7 is snoop control. AMD's IOMMU can always do it. */
	if (!__read_text("/sys/class/iommu/dmar0/intel-iommu/ecap", text, sizeof(text)))
		want = strtoull(text, NULL, 16) >> 7 & 1;
	set_iommu(self->fd, VFIO_TYPE1v2_IOMMU);
	EXPECT_EQ(want, __call(self->fd, VFIO_CHECK_EXTENSION, (void *)VFIO_DMA_CC_IOMMU));
	group_set_container(self->group[0], self->fd);
	EXPECT_EQ(want, __call(self->fd, VFIO_CHECK_EXTENSION, (void *)VFIO_DMA_CC_IOMMU));
}

/* A machine that is booted with intremap=off cannot tell who sends an interrupt. */
TEST_F(groups, interrupts_must_be_isolated)
{
	char text[4096];

	ASSERT_EQ(0, __read_text("/proc/cmdline", text, sizeof(text)));
	if (!strstr(text, "intremap=off"))
		SKIP(return, "this machine isolates interrupts; boot it with intremap=off");
	EXPECT_EQ(-EPERM, __set_iommu(self->fd, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(-EPERM, __set_iommu(self->fd, VFIO_TYPE1_IOMMU));
	write_text(UNSAFE, "1");
	EXPECT_EQ(0, __set_iommu(self->fd, VFIO_TYPE1v2_IOMMU));
	write_text(UNSAFE, "0");
	EXPECT_EQ(-EPERM, __group_set_container(self->group[0], self->fd));
	write_text(UNSAFE, "1");
	EXPECT_EQ(0, __group_set_container(self->group[0], self->fd));
	write_text(UNSAFE, "0");
}

TEST_HARNESS_MAIN
