// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the IOMMU is used for a group: whether it makes DMA coherent, and how large
 * its pages are. The kernel's own modules have none of this.
 *
 * Uses two edu devices that are alone in their groups.
 */
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "vfio_two_groups.h"
#include "vfio_domains.h"

#define FORCE_SNOOP	VFIO_IOMMU_OPTION_FORCE_SNOOP
#define MAX_PAGE	VFIO_IOMMU_OPTION_MAX_PAGE
#define HUGE		(2UL << 20)
#define IOVA		(32 * HUGE)

FIXTURE(option)
{
	struct two_groups two;
};

FIXTURE_SETUP(option)
{
	if (!find_two_alone(&self->two))
		SKIP(return, "no two edu devices alone in their groups");
	if (!open_two(&self->two))
		SKIP(return, "no such call");
}

FIXTURE_TEARDOWN(option)
{
	close_two(&self->two);
}

static int __get(int group, uint32_t id, uint64_t *value)
{
	struct vfio_group_feature_iommu_option data = { .id = id, .value = ~0ULL };
	int result = __group_feature(group, VFIO_GROUP_FEATURE_GET |
				     VFIO_GROUP_FEATURE_IOMMU_OPTION, &data, sizeof(data));

	*value = data.value;
	return result;
}

TEST_F(option, get_and_set)
{
	uint64_t value;

	ASSERT_EQ(0, __get(self->two.group[0], FORCE_SNOOP, &value));
	EXPECT_EQ(1, value);
	ASSERT_EQ(0, __get(self->two.group[0], MAX_PAGE, &value));
	EXPECT_EQ(0, value);
	EXPECT_EQ(0, __group_set_option(self->two.group[0], FORCE_SNOOP, 0));
	EXPECT_EQ(0, __group_set_option(self->two.group[0], MAX_PAGE, HUGE));
	ASSERT_EQ(0, __get(self->two.group[0], FORCE_SNOOP, &value));
	EXPECT_EQ(0, value);
	ASSERT_EQ(0, __get(self->two.group[0], MAX_PAGE, &value));
	EXPECT_EQ(HUGE, value);
	/* They are the group's own. */
	ASSERT_EQ(0, __get(self->two.group[1], MAX_PAGE, &value));
	EXPECT_EQ(0, value);
	EXPECT_EQ(0, __group_set_option(self->two.group[0], FORCE_SNOOP, 1));
	EXPECT_EQ(0, __group_set_option(self->two.group[0], MAX_PAGE, 0));
}

TEST_F(option, refusals)
{
	struct vfio_group_feature_iommu_option data = { .id = MAX_PAGE, .reserved = 1 };
	uint64_t value;

	EXPECT_EQ(-ENOTTY, __get(self->two.group[0], 0, &value));
	EXPECT_EQ(-ENOTTY, __get(self->two.group[0], 3, &value));
	EXPECT_EQ(-ENOTTY, __group_set_option(self->two.group[0], 3, 0));
	EXPECT_EQ(-EINVAL, __group_set_option(self->two.group[0], FORCE_SNOOP, 2));
	EXPECT_EQ(-EINVAL, __group_set_option(self->two.group[0], MAX_PAGE, 1));
	EXPECT_EQ(-EINVAL, __group_set_option(self->two.group[0], MAX_PAGE, PAGE / 2));
	EXPECT_EQ(-EINVAL, __group_set_option(self->two.group[0], MAX_PAGE, 3 * PAGE));
	EXPECT_EQ(-EINVAL, __group_feature(self->two.group[0], VFIO_GROUP_FEATURE_SET |
					   VFIO_GROUP_FEATURE_IOMMU_OPTION, &data, sizeof(data)));
	group_set_container(self->two.group[0], self->two.container);
	EXPECT_EQ(-EBUSY, __group_set_option(self->two.group[0], MAX_PAGE, 0));
	EXPECT_EQ(0, __get(self->two.group[0], MAX_PAGE, &value));
}

#ifdef __powerpc64__
TEST_F(option, has_none_of_them)
{
	ASSERT_EQ(0, __group_set_option(self->two.group[0], MAX_PAGE, PAGE));
	group_set_container(self->two.group[0], self->two.container);
	EXPECT_EQ(-EOPNOTSUPP, __set_iommu(self->two.container, HOST_IOMMU));
}
#else
/* Pages that page tables of IOMMUs take. */
static long table_pages(void)
{
	char text[32 << 10], *at;
	size_t size;
	FILE *file;

	/* Processors count for themselves until they are asked. */
	write_text("/proc/sys/vm/stat_refresh", "1");
	file = fopen("/proc/vmstat", "r");
	size = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[size] = '\0';
	at = strstr(text, "nr_iommu_pages ");
	return at ? atol(at + strlen("nr_iommu_pages ")) : -1;
}

/* Whether groups share a translation. */
static bool one_domain(int container)
{
	struct container_domains answer;

	must(__container_domains(container, &answer));
	if (answer.data.count != 2)
		fail("%u groups", answer.data.count);
	return answer.domains[0].domain == answer.domains[1].domain;
}

TEST_F(option, snooping)
{
	group_set_container(self->two.group[0], self->two.container);
	set_iommu(self->two.container, HOST_IOMMU);
	if (!__call(self->two.container, VFIO_CHECK_EXTENSION, (void *)VFIO_DMA_CC_IOMMU))
		SKIP(return, "the IOMMU cannot");
	ASSERT_EQ(0, __group_unset_container(self->two.group[0]));
	ASSERT_EQ(0, __group_set_option(self->two.group[0], FORCE_SNOOP, 0));
	group_set_container(self->two.group[0], self->two.container);
	set_iommu(self->two.container, HOST_IOMMU);
	EXPECT_EQ(0, __call(self->two.container, VFIO_CHECK_EXTENSION, (void *)VFIO_DMA_CC_IOMMU));
	/* Who wants something else has a translation of its own. */
	group_set_container(self->two.group[1], self->two.container);
	EXPECT_FALSE(one_domain(self->two.container));
}

/* How many pages of tables it takes to map 32 MiB of huge pages. */
static long tables_for(FIXTURE_DATA(option) *self, void *mem)
{
	long before;

	group_set_container(self->two.group[0], self->two.container);
	set_iommu(self->two.container, HOST_IOMMU);
	before = table_pages();
	dma_map(self->two.container, mem, IOVA, 16 * HUGE, DMA_RW);
	before = table_pages() - before;
	must(__group_unset_container(self->two.group[0]));
	return before;
}

TEST_F(option, size_of_pages)
{
	void *mem = mmap(NULL, 16 * HUGE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	long large, small;

	if (mem == MAP_FAILED)
		SKIP(return, "no huge pages");
	if (table_pages() < 0)
		SKIP(return, "the kernel does not count tables");
	large = tables_for(self, mem);
	ASSERT_EQ(0, __group_set_option(self->two.group[0], MAX_PAGE, PAGE));
	small = tables_for(self, mem);
	/* A table of the lowest level for each. */
	EXPECT_EQ(large + 16, small);
	munmap(mem, 16 * HUGE);
}

TEST_F(option, works_with_small_pages)
{
	char *mem = memory(4 * PAGE);
	struct edu edu;
	int device, i;

	ASSERT_EQ(0, __group_set_option(self->two.group[1], MAX_PAGE, PAGE));
	for (i = 0; i < 2; i++)
		group_set_container(self->two.group[i], self->two.container);
	set_iommu(self->two.container, HOST_IOMMU);
	EXPECT_FALSE(one_domain(self->two.container));
	dma_map(self->two.container, mem, IOVA, 4 * PAGE, DMA_RW);
	for (i = 0; i < 2; i++) {
		device = group_get_device(self->two.group[i], self->two.bdf[i]);
		memset(mem, 0x70 + i, PAGE);
		edu_open(&edu, device);
		edu_copy(&edu, IOVA, IOVA + 3 * PAGE, EDU_BUFFER);
		EXPECT_TRUE(is_all(mem + 3 * PAGE, EDU_BUFFER, 0x70 + i));
		edu_close(&edu);
		close(device);
	}
	EXPECT_EQ(4 * PAGE, dma_unmap(self->two.container, IOVA, 4 * PAGE));
}
#endif

TEST_HARNESS_MAIN
