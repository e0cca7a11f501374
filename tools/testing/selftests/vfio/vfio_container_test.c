// SPDX-License-Identifier: GPL-2.0-only
/*
 * The container: /dev/vfio/vfio, before and after an IOMMU type is chosen.
 *
 * Uses an edu device, alone in its group.
 */
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "kselftest_harness.h"
#include "vfio_test.h"

#define UNKNOWN	_IO(VFIO_TYPE, VFIO_BASE + 27)

static int extension(int container, unsigned long id)
{
	return __call(container, VFIO_CHECK_EXTENSION, (void *)id);
}

/* ---- Without a group ------------------------------------------------------ */

FIXTURE(container)
{
	int fd;
};

FIXTURE_SETUP(container)
{
	self->fd = container_open();
}

FIXTURE_TEARDOWN(container)
{
	close(self->fd);
}

TEST(node)
{
	struct stat stat;

	ASSERT_EQ(0, lstat("/dev/vfio/vfio", &stat));
	EXPECT_EQ(S_IFCHR | 0666, stat.st_mode);
	EXPECT_EQ(10, major(stat.st_rdev));
	EXPECT_EQ(196, minor(stat.st_rdev));
}

TEST_F(container, api_version)
{
	EXPECT_EQ(VFIO_API_VERSION, __call(self->fd, VFIO_GET_API_VERSION, NULL));
	EXPECT_EQ(VFIO_API_VERSION, __call(self->fd, VFIO_GET_API_VERSION, (void *)-1));
}

TEST_F(container, extensions)
{
	unsigned long id;

	for (id = 0; id < 64; id++) {
		int want = id == VFIO_TYPE1_IOMMU || id == VFIO_TYPE1v2_IOMMU ||
			   id == VFIO_UNMAP_ALL;

		EXPECT_EQ(want, extension(self->fd, id)) {
			TH_LOG("extension %lu", id);
		}
	}
	EXPECT_EQ(0, extension(self->fd, 0xffffffff));
}

TEST_F(container, r31_needs_a_group)
{
	EXPECT_EQ(-EINVAL, __set_iommu(self->fd, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(-EINVAL, __set_iommu(self->fd, 99));
}

TEST_F(container, knows_nothing_else_yet)
{
	unsigned int nr;

	for (nr = 3; nr < 28; nr++) {
		EXPECT_EQ(-EINVAL, __call(self->fd, _IO(VFIO_TYPE, VFIO_BASE + nr), NULL)) {
			TH_LOG("+%u", nr);
		}
	}
	EXPECT_EQ(-EINVAL, __call(self->fd, _IO('X', 0), NULL));
}

TEST_F(container, each_open_is_another)
{
	int other = container_open();

	EXPECT_EQ(0, __call(other, VFIO_GET_API_VERSION, NULL));
	EXPECT_EQ(0, close(other));
	EXPECT_EQ(0, __call(self->fd, VFIO_GET_API_VERSION, NULL));
}

/* ---- With a group --------------------------------------------------------- */

FIXTURE(grouped)
{
	struct vfio vfio;
};

FIXTURE_SETUP(grouped)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	vfio_open_group(&self->vfio, bdf);
}

FIXTURE_TEARDOWN(grouped)
{
	vfio_close(&self->vfio);
}

TEST_F(grouped, refuses_types_that_nobody_claims)
{
	static const unsigned long types[] = {
		0, VFIO_SPAPR_TCE_IOMMU, VFIO_DMA_CC_IOMMU, VFIO_EEH,
		__VFIO_RESERVED_TYPE1_NESTING_IOMMU, VFIO_SPAPR_TCE_v2_IOMMU, VFIO_NOIOMMU_IOMMU,
		VFIO_UPDATE_VADDR, 99, -1UL,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		EXPECT_EQ(-ENODEV, __set_iommu(self->vfio.container, types[i])) {
			TH_LOG("type %lu", types[i]);
		}
	}
	/* None of that spoilt it. */
	EXPECT_EQ(0, __set_iommu(self->vfio.container, VFIO_TYPE1v2_IOMMU));
}


TEST_F(grouped, r31_type_is_chosen_once)
{
	EXPECT_EQ(0, __set_iommu(self->vfio.container, VFIO_TYPE1_IOMMU));
	EXPECT_EQ(-EINVAL, __set_iommu(self->vfio.container, VFIO_TYPE1_IOMMU));
	EXPECT_EQ(-EINVAL, __set_iommu(self->vfio.container, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(-EINVAL, __set_iommu(self->vfio.container, 99));
}

TEST_F(grouped, r31_still_closed_without_type)
{
	EXPECT_EQ(-EINVAL, __dma_map(self->vfio.container, memory(PAGE), 0, PAGE, DMA_RW));
	EXPECT_EQ(-EINVAL, __dma_unmap(self->vfio.container, 0, PAGE));
	EXPECT_EQ(-EINVAL, __call(self->vfio.container, VFIO_IOMMU_GET_INFO, NULL));
	EXPECT_EQ(-EINVAL, __call(self->vfio.container, UNKNOWN, NULL));
	EXPECT_EQ(-EINVAL, __group_get_device(self->vfio.group, self->vfio.bdf));
}

TEST_F(grouped, extensions_are_those_of_the_backend)
{
	int coherent;

	set_iommu(self->vfio.container, VFIO_TYPE1v2_IOMMU);
	EXPECT_EQ(1, extension(self->vfio.container, VFIO_TYPE1_IOMMU));
	EXPECT_EQ(0, extension(self->vfio.container, VFIO_SPAPR_TCE_IOMMU));
	EXPECT_EQ(1, extension(self->vfio.container, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(0, extension(self->vfio.container, VFIO_EEH));
	EXPECT_EQ(0, extension(self->vfio.container, __VFIO_RESERVED_TYPE1_NESTING_IOMMU));
	EXPECT_EQ(0, extension(self->vfio.container, VFIO_SPAPR_TCE_v2_IOMMU));
	EXPECT_EQ(0, extension(self->vfio.container, VFIO_NOIOMMU_IOMMU));
	EXPECT_EQ(1, extension(self->vfio.container, VFIO_UNMAP_ALL));
	EXPECT_EQ(1, extension(self->vfio.container, VFIO_UPDATE_VADDR));
	EXPECT_EQ(0, extension(self->vfio.container, 11));

	/* Up to the IOMMU. */
	coherent = extension(self->vfio.container, VFIO_DMA_CC_IOMMU);
	EXPECT_TRUE(coherent == 0 || coherent == 1);
}

TEST_F(grouped, unknown_to_type1)
{
	static const unsigned int numbers[] = { 3, 6, 15, 16, 18, 19, 20, 21, 22, 27 };
	size_t i;

	set_iommu(self->vfio.container, VFIO_TYPE1v2_IOMMU);
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		EXPECT_EQ(-ENOTTY, __call(self->vfio.container,
					  _IO(VFIO_TYPE, VFIO_BASE + numbers[i]), NULL)) {
			TH_LOG("+%u", numbers[i]);
		}
	}
	EXPECT_EQ(-ENOTTY, __call(self->vfio.container, _IO('X', 0), NULL));
}

TEST_F(grouped, starts_afresh_when_emptied)
{
	int container = self->vfio.container;
	char *mem = memory(2 * PAGE);

	set_iommu(container, VFIO_TYPE1v2_IOMMU);
	dma_map(container, mem, 0, 2 * PAGE, DMA_RW);
	ASSERT_EQ(0, __group_unset_container(self->vfio.group));
	EXPECT_EQ(-EINVAL, __call(container, VFIO_IOMMU_GET_INFO, NULL));
	EXPECT_EQ(-EINVAL, __set_iommu(container, VFIO_TYPE1_IOMMU));

	/* The other type, without the old mappings. */
	group_set_container(self->vfio.group, container);
	ASSERT_EQ(0, __set_iommu(container, VFIO_TYPE1_IOMMU));
	EXPECT_EQ(0, __dma_unmap(container, 0, 2 * PAGE));
	dma_map(container, mem, 0, 2 * PAGE, DMA_RW);
	/* Only version 1 lets a range end inside a mapping. */
	EXPECT_EQ(2 * PAGE, __dma_unmap(container, 0, PAGE));
}

TEST_HARNESS_MAIN
