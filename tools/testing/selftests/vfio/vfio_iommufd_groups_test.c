// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups that are more than one IOMMU group, with a context of IOMMUFD in place of a
 * container: captured and synthetic ones go in, those with a larger isolation unit do
 * not. After each refusal all is as before. The kernel's own modules have none of this.
 *
 * Uses two edu devices in groups of their own below one bridge; the kernel needs
 * CONFIG_IOMMUFD.
 */
#include "kselftest_harness.h"
#include "vfio_ioas.h"
#include "vfio_two_places.h"

/* Maps two pages, lets both devices of @group copy the one to the other, and unmaps. */
static bool both_reach(FIXTURE_DATA(two) *self, int group)
{
	char *mem = memory(2 * PAGE);
	bool reach = true;
	struct edu edu;
	int device, i;

	set_iommu(self->iommu, VFIO_TYPE1v2_IOMMU);
	dma_map(self->iommu, mem, IOVA, 2 * PAGE, DMA_RW);
	for (i = 0; i < 2; i++) {
		device = group_get_device(group, self->bdf[i]);
		memset(mem, 0x40 + i, PAGE);
		memset(mem + PAGE, 0, PAGE);
		edu_open(&edu, device);
		edu_copy(&edu, IOVA, IOVA + PAGE, EDU_BUFFER);
		reach &= is_all(mem + PAGE, EDU_BUFFER, 0x40 + i);
		edu_close(&edu);
		close(device);
	}
	dma_unmap(self->iommu, IOVA, 2 * PAGE);
	return reach;
}

/* ---- Captured ------------------------------------------------------------- */

TEST_F(two, a_captured_group_goes_along)
{
	int device;

	ASSERT_EQ(0, __group_capture(self->group[0], self->group[1]));
	EXPECT_EQ(0, __group_set_container(self->group[0], self->iommu));
	EXPECT_EQ(VIABLE | CONTAINER_SET, group_status(self->group[0]));
	EXPECT_EQ(VIABLE | CONTAINER_SET, group_status(self->group[1]));
	EXPECT_TRUE(both_reach(self, self->group[0]));

	device = group_get_device(self->group[0], self->bdf[1]);
	EXPECT_EQ(-EBUSY, __group_release(self->group[0], self->id[1]));
	EXPECT_EQ(-EBUSY, __group_unset_container(self->group[0]));
	close(device);
	EXPECT_EQ(0, __group_unset_container(self->group[0]));
	EXPECT_TRUE(works_with_container(self, self->group[0], self->bdf[1]));
	EXPECT_EQ(0, __group_release(self->group[0], self->id[1]));
	EXPECT_TRUE(works_with_container(self, self->group[1], self->bdf[1]));
}

TEST_F(two, a_captured_group_joins_at_once)
{
	ASSERT_EQ(0, __group_set_container(self->group[0], self->iommu));
	ASSERT_EQ(0, __group_capture(self->group[0], self->group[1]));
	EXPECT_EQ(VIABLE | CONTAINER_SET, group_status(self->group[1]));
	EXPECT_TRUE(both_reach(self, self->group[0]));
	EXPECT_EQ(0, __group_release(self->group[0], self->id[1]));
	EXPECT_EQ(VIABLE, group_status(self->group[1]));
	EXPECT_EQ(VIABLE | CONTAINER_SET, group_status(self->group[0]));
	EXPECT_TRUE(works_with_container(self, self->group[1], self->bdf[1]));
	/* Also by itself. */
	EXPECT_EQ(0, __group_set_container(self->group[1], self->iommu));
}

TEST_F(two, a_captured_group_has_no_say)
{
	int log = log_open();
	char name[32];

	sprintf(name, "group %d:", self->id[1]);
	ASSERT_EQ(0, __group_capture(self->group[0], self->group[1]));
	EXPECT_EQ(-EBUSY, __group_set_container(self->group[1], self->iommu));
	EXPECT_TRUE(log_says(log, name, "is captured"));
	ASSERT_EQ(0, __group_set_container(self->group[0], self->iommu));
	EXPECT_EQ(-EBUSY, __group_set_container(self->group[1], self->iommu));
	EXPECT_EQ(-EBUSY, __group_unset_container(self->group[1]));
	EXPECT_EQ(-EBUSY, __group_get_device(self->group[1], self->bdf[1]));
	close(log);
}

TEST_F(two, a_group_in_a_context_is_not_captured)
{
	int log = log_open();
	char name[32];

	sprintf(name, "group %d:", self->id[1]);
	ASSERT_EQ(0, __group_set_container(self->group[1], self->iommu));
	EXPECT_EQ(-EBUSY, __group_capture(self->group[0], self->group[1]));
	EXPECT_TRUE(log_says(log, name, "cannot be captured"));
	EXPECT_EQ(0, __group_unset_container(self->group[1]));
	EXPECT_EQ(0, __group_capture(self->group[0], self->group[1]));
	close(log);
}

TEST_F(two, a_captors_end_sets_the_other_free)
{
	ASSERT_EQ(0, __group_set_container(self->group[0], self->iommu));
	ASSERT_EQ(0, __group_capture(self->group[0], self->group[1]));
	EXPECT_TRUE(both_reach(self, self->group[0]));
	close_fd(&self->group[0]);
	EXPECT_EQ(VIABLE, group_status(self->group[1]));
	EXPECT_TRUE(works_with_container(self, self->group[1], self->bdf[1]));
}

TEST_F(two, a_captured_group_is_lost)
{
	int device;

	ASSERT_EQ(0, __group_capture(self->group[0], self->group[1]));
	ASSERT_EQ(0, __group_set_container(self->group[0], self->iommu));
	close_fd(&self->group[1]);
	device = group_get_device(self->group[0], self->bdf[0]);
	pci_unbind(self->bdf[1]);
	EXPECT_EQ(0x1234, config_read(device, 0, 2));
	EXPECT_EQ(-ENODEV, __group_get_device(self->group[0], self->bdf[1]));
	close(device);
	EXPECT_EQ(0, __group_unset_container(self->group[0]));
	EXPECT_TRUE(works_with_container(self, self->group[0], self->bdf[0]));
}

/* ---- Synthetic ------------------------------------------------------------ */

TEST_F(two, a_synthetic_group_goes_in)
{
	int group, device;

	synthetic_make(self);
	ASSERT_EQ(0, __enable(true));
	group = must(__open_node());
	EXPECT_EQ(0, __group_set_container(group, self->iommu));
	EXPECT_EQ(VIABLE | CONTAINER_SET, group_status(group));
	EXPECT_EQ(-EINVAL, __group_set_container(group, self->container));
	EXPECT_TRUE(both_reach(self, group));
	device = group_get_device(group, self->bdf[1]);
	EXPECT_EQ(-EBUSY, __group_unset_container(group));
	close(device);
	EXPECT_EQ(0, __group_unset_container(group));
	EXPECT_TRUE(works_with_container(self, group, self->bdf[1]));
	close(group);
}

TEST_F(two, a_synthetic_group_goes_in_as_a_whole)
{
	int group, single, log;
	char name[32];

	ASSERT_EQ(0, __group_isolate(self->group[1], below(self->bridge)));
	synthetic_make(self);
	ASSERT_EQ(0, __enable(true));
	group = must(__open_node());
	sprintf(name, "group %d:", self->id[1]);
	log = log_open();
	EXPECT_EQ(-EOPNOTSUPP, __group_set_container(group, self->iommu));
	EXPECT_TRUE(log_says(log, name, NO_UNIT));
	/* The first was there for a moment, and is not any more. */
	EXPECT_EQ(VIABLE, group_status(group));
	EXPECT_EQ(-EINVAL, __group_unset_container(group));
	EXPECT_EQ(-EINVAL, __group_get_device(group, self->bdf[0]));
	EXPECT_TRUE(works_with_container(self, group, self->bdf[0]));
	close(group);
	ASSERT_EQ(0, __enable(false));
	single = group_open(self->id[0]);
	EXPECT_EQ(0, __group_set_container(single, self->iommu));
	close(single);
	close(log);
}

/* ---- Larger units --------------------------------------------------------- */

TEST_F(two, a_larger_unit_stays_out)
{
	const struct vfio_group_feature_isolation levels[] = {
		{ .level = VFIO_ISOLATION_SLOT }, { .level = VFIO_ISOLATION_BUS }, below(self->bridge),
	};
	struct group_isolation is;
	int log = log_open(), i;
	char name[32];

	sprintf(name, "group %d:", self->id[0]);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, __group_isolate(self->group[0], levels[i]));
		EXPECT_EQ(-EOPNOTSUPP, __group_set_container(self->group[0], self->iommu));
		EXPECT_TRUE(log_says(log, name, NO_UNIT));
		EXPECT_EQ(VIABLE, group_status(self->group[0]));
		ASSERT_EQ(0, __group_isolation(self->group[0], &is));
		EXPECT_EQ(levels[i].level, is.data.level);
		EXPECT_TRUE(works_with_container(self, self->group[0], self->bdf[0]));
	}
	ASSERT_EQ(0, __group_isolate(self->group[0], alone));
	EXPECT_EQ(0, __group_set_container(self->group[0], self->iommu));
	EXPECT_EQ(-EBUSY, __group_isolate(self->group[0], alone));
	close(log);
}

TEST_F(two, a_larger_unit_by_default_stays_out)
{
	ASSERT_EQ(0, __write_text(DEFAULT_LEVEL, "2"));
	EXPECT_EQ(-EOPNOTSUPP, __group_set_container(self->group[0], self->iommu));
	ASSERT_EQ(0, __group_isolate(self->group[0], alone));
	EXPECT_EQ(0, __group_set_container(self->group[0], self->iommu));
}

/* One of the two is too large, so none goes in; both are what they were. */
TEST_F(two, a_larger_unit_keeps_its_captor_out)
{
	char name[32];
	int log;

	ASSERT_EQ(0, __group_isolate(self->group[1], below(self->bridge)));
	ASSERT_EQ(0, __group_capture(self->group[0], self->group[1]));
	sprintf(name, "group %d:", self->id[1]);
	log = log_open();
	EXPECT_EQ(-EOPNOTSUPP, __group_set_container(self->group[0], self->iommu));
	EXPECT_TRUE(log_says(log, name, NO_UNIT));
	EXPECT_EQ(VIABLE, group_status(self->group[0]));
	EXPECT_EQ(-EINVAL, __group_unset_container(self->group[0]));
	EXPECT_TRUE(works_with_container(self, self->group[0], self->bdf[1]));
	EXPECT_EQ(0, __group_release(self->group[0], self->id[1]));
	EXPECT_EQ(0, __group_set_container(self->group[0], self->iommu));
	close(log);
}

TEST_F(two, a_larger_unit_is_not_captured_in_a_context)
{
	struct group_composition made_of;
	int log = log_open();
	char name[32];

	ASSERT_EQ(0, __group_set_container(self->group[0], self->iommu));
	ASSERT_EQ(0, __group_isolate(self->group[1], below(self->bridge)));
	sprintf(name, "group %d:", self->id[1]);
	EXPECT_EQ(-EOPNOTSUPP, __group_capture(self->group[0], self->group[1]));
	EXPECT_TRUE(log_says(log, name, NO_UNIT));
	ASSERT_EQ(0, __group_composition(self->group[0], &made_of));
	EXPECT_EQ(1, made_of.data.count);
	EXPECT_EQ(VIABLE | CONTAINER_SET, group_status(self->group[0]));
	EXPECT_EQ(VIABLE, group_status(self->group[1]));
	EXPECT_TRUE(works_with_container(self, self->group[1], self->bdf[1]));
	close(log);
}

/* ---- Options -------------------------------------------------------------- */

TEST_F(two, options_stay_out)
{
	int log = log_open();
	char name[32];

	sprintf(name, "group %d:", self->id[1]);
	ASSERT_EQ(0, __group_set_option(self->group[1], VFIO_IOMMU_OPTION_MAX_PAGE, PAGE));
	EXPECT_EQ(-EOPNOTSUPP, __group_set_container(self->group[1], self->iommu));
	EXPECT_TRUE(log_says(log, name, NO_OPTIONS));
	ASSERT_EQ(0, __group_capture(self->group[0], self->group[1]));
	EXPECT_EQ(-EOPNOTSUPP, __group_set_container(self->group[0], self->iommu));
	EXPECT_TRUE(log_says(log, name, NO_OPTIONS));
	EXPECT_TRUE(works_with_container(self, self->group[0], self->bdf[1]));
	EXPECT_EQ(0, __group_release(self->group[0], self->id[1]));
	ASSERT_EQ(0, __group_set_option(self->group[1], VFIO_IOMMU_OPTION_MAX_PAGE, 0));
	EXPECT_EQ(0, __group_set_container(self->group[1], self->iommu));
	EXPECT_EQ(-EBUSY, __group_set_option(self->group[1], VFIO_IOMMU_OPTION_MAX_PAGE, 0));
	close(log);
}

/* ---- Neighbours ----------------------------------------------------------- */

/* Who is in the unit of a group in a container cannot give its devices to a context. */
TEST_F(two, a_unit_keeps_its_neighbours)
{
	char name[32];
	int log;

	ASSERT_EQ(0, __group_isolate(self->group[0], below(self->bridge)));
	group_set_container(self->group[0], self->container);
	EXPECT_EQ(0, __group_set_container(self->group[1], self->iommu));
	/* IOMMUFD takes the DMA with the first device. */
	sprintf(name, "group %d:", self->id[1]);
	log = log_open();
	EXPECT_EQ(-EPERM, __group_get_device(self->group[1], self->bdf[1]));
	EXPECT_TRUE(log_says(log, name, "belongs to somebody else"));
	EXPECT_EQ(0, __group_unset_container(self->group[0]));
	close(group_get_device(self->group[1], self->bdf[1]));
	close(log);
}

TEST_F(two, a_unit_needs_its_neighbours)
{
	char name[32];
	int log, device;

	ASSERT_EQ(0, __group_isolate(self->group[0], below(self->bridge)));
	ASSERT_EQ(0, __group_set_container(self->group[1], self->iommu));
	device = group_get_device(self->group[1], self->bdf[1]);
	sprintf(name, "group %d:", self->id[0]);
	log = log_open();
	EXPECT_EQ(0, group_status(self->group[0]));
	EXPECT_EQ(-EPERM, __group_set_container(self->group[0], self->container));
	EXPECT_TRUE(log_says(log, name, "belongs to somebody else"));
	close(device);
	EXPECT_TRUE(works_with_container(self, self->group[0], self->bdf[0]));
	close(log);
}

TEST_HARNESS_MAIN
