// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices with nodes of their own whose groups are captured, part of a synthetic group,
 * or have a larger isolation unit: who has a group has all of its devices, and what
 * IOMMUFD cannot own it does not get. The kernel's own modules have none of this.
 *
 * Uses two edu devices in groups of their own below one bridge, and two in one group;
 * the kernel needs CONFIG_VFIO_DEVICE_CDEV.
 */
#include "kselftest_harness.h"
#include "vfio_cdev.h"
#include "vfio_two_places.h"

/* Opens the node of a device and binds it. Returns the file, or -errno. */
static int __node_bind(FIXTURE_DATA(two) *self, const char *bdf)
{
	char path[280];
	int fd, ret;

	if (!node_find(bdf, path, sizeof(path)))
		fail("%s has no node", bdf);
	fd = must(node_open(path));
	ret = __bind(fd, self->iommu);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

/* The beginning of a line of the log about a group. */
static const char *group_name(int id)
{
	static char name[32];

	sprintf(name, "group %d:", id);
	return name;
}

TEST_F(two, of_a_captured_group)
{
	int log = log_open(), node;

	ASSERT_EQ(0, __group_capture(self->group[0], self->group[1]));
	EXPECT_EQ(-EBUSY, __node_bind(self, self->bdf[1]));
	EXPECT_TRUE(log_says(log, group_name(self->id[1]), "is open"));
	/* The captor has it, also when its own file is closed. */
	close_fd(&self->group[1]);
	EXPECT_EQ(-EBUSY, __node_bind(self, self->bdf[1]));
	EXPECT_EQ(-EBUSY, __node_bind(self, self->bdf[0]));
	EXPECT_EQ(0, __group_set_container(self->group[0], self->iommu));
	EXPECT_EQ(-EBUSY, __node_bind(self, self->bdf[1]));
	EXPECT_EQ(0, __group_release(self->group[0], self->id[1]));
	node = __node_bind(self, self->bdf[1]);
	ASSERT_LE(0, node);
	EXPECT_EQ(-EBUSY, __group_open(self->id[1]));
	EXPECT_TRUE(log_says(log, group_name(self->id[1]), "by their own nodes"));
	close(node);
	self->group[1] = group_open(self->id[1]);
	EXPECT_TRUE(works_with_container(self, self->group[1], self->bdf[1]));
	close(log);
}

TEST_F(two, of_a_synthetic_group)
{
	int log = log_open(), node, group;

	synthetic_make(self);
	ASSERT_EQ(0, __enable(true));
	EXPECT_EQ(-EBUSY, __node_bind(self, self->bdf[0]));
	EXPECT_TRUE(log_says(log, group_name(self->id[0]), "made in configfs"));
	group = must(__open_node());
	EXPECT_EQ(0, __group_set_container(group, self->iommu));
	EXPECT_EQ(-EBUSY, __node_bind(self, self->bdf[1]));
	close(group);
	ASSERT_EQ(0, __enable(false));

	node = __node_bind(self, self->bdf[1]);
	ASSERT_LE(0, node);
	EXPECT_EQ(-EBUSY, __enable(true));
	EXPECT_TRUE(log_says(log, group_name(self->id[1]), "before it becomes part of another"));
	/* The first is not reserved, either. */
	self->group[0] = group_open(self->id[0]);
	close_fd(&self->group[0]);
	close(node);
	ASSERT_EQ(0, __enable(true));
	group = must(__open_node());
	EXPECT_TRUE(works_with_container(self, group, self->bdf[1]));
	close(group);
	close(log);
}

TEST_F(two, of_a_larger_unit)
{
	char isolation[64], strict[64];
	int log = log_open(), node;

	sprintf(isolation, "/sys/class/vfio/%d/isolation", self->id[0]);
	sprintf(strict, "/sys/class/vfio/%d/strict", self->id[0]);
	ASSERT_EQ(0, __group_isolate(self->group[0], below(self->bridge)));
	close_fd(&self->group[0]);
	EXPECT_EQ(-EOPNOTSUPP, __node_bind(self, self->bdf[0]));
	EXPECT_TRUE(log_says(log, group_name(self->id[0]), NO_UNIT));
	/* It is not in use by that, and its neighbour is free. */
	self->group[0] = group_open(self->id[0]);
	EXPECT_TRUE(works_with_container(self, self->group[0], self->bdf[0]));
	close_fd(&self->group[0]);
	close_fd(&self->group[1]);
	node = __node_bind(self, self->bdf[1]);
	EXPECT_LE(0, node);
	close(node);

	ASSERT_EQ(0, __write_text(isolation, "group"));
	node = __node_bind(self, self->bdf[0]);
	ASSERT_LE(0, node);
	EXPECT_EQ(-EBUSY, __write_text(isolation, "bus"));
	EXPECT_EQ(-EBUSY, __write_text(strict, "0"));
	close(node);
	EXPECT_EQ(0, __write_text(isolation, "bus"));
	close(log);
}

TEST_F(two, of_a_larger_unit_by_default)
{
	int node;

	close_fd(&self->group[0]);
	ASSERT_EQ(0, __write_text(DEFAULT_LEVEL, "1"));
	EXPECT_EQ(-EOPNOTSUPP, __node_bind(self, self->bdf[0]));
	ASSERT_EQ(0, __write_text(DEFAULT_LEVEL, "0"));
	node = __node_bind(self, self->bdf[0]);
	EXPECT_LE(0, node);
	close(node);
}

TEST_F(two, of_a_group_with_options)
{
	int log = log_open(), node;

	ASSERT_EQ(0, __group_set_option(self->group[0], VFIO_IOMMU_OPTION_MAX_PAGE, PAGE));
	close_fd(&self->group[0]);
	EXPECT_EQ(-EOPNOTSUPP, __node_bind(self, self->bdf[0]));
	EXPECT_TRUE(log_says(log, group_name(self->id[0]), NO_OPTIONS));
	self->group[0] = group_open(self->id[0]);
	EXPECT_TRUE(works_with_container(self, self->group[0], self->bdf[0]));
	ASSERT_EQ(0, __group_set_option(self->group[0], VFIO_IOMMU_OPTION_MAX_PAGE, 0));
	close_fd(&self->group[0]);
	node = __node_bind(self, self->bdf[0]);
	EXPECT_LE(0, node);
	close(node);
	close(log);
}

/* A container owns the neighbours of its group, and needs them. */
TEST_F(two, of_a_neighbour)
{
	int node, log = log_open();

	ASSERT_EQ(0, __group_isolate(self->group[0], below(self->bridge)));
	close_fd(&self->group[1]);
	group_set_container(self->group[0], self->container);
	EXPECT_EQ(-EPERM, __node_bind(self, self->bdf[1]));
	EXPECT_TRUE(log_says(log, group_name(self->id[1]), "belongs to somebody else"));
	EXPECT_EQ(0, __group_unset_container(self->group[0]));

	node = __node_bind(self, self->bdf[1]);
	ASSERT_LE(0, node);
	EXPECT_EQ(0, group_status(self->group[0]));
	EXPECT_EQ(-EPERM, __group_set_container(self->group[0], self->container));
	EXPECT_TRUE(log_says(log, group_name(self->id[0]), "belongs to somebody else"));
	close(node);
	EXPECT_TRUE(works_with_container(self, self->group[0], self->bdf[0]));
	close(log);
}

/* Strict or not is the group's policy, whatever the way to its devices. */
TEST_F(two, of_a_group_that_is_not_whole)
{
	char first[BDF_LEN], second[BDF_LEN], strict[64];
	int node, log;

	if (!pci_find_pair(ID_EDU, first, second))
		SKIP(return, "no two edu devices in one group");
	pci_bind(first, "vfio-pci");
	sprintf(strict, "/sys/class/vfio/%d/strict", pci_group(first));
	log = log_open();
	EXPECT_EQ(-EPERM, __node_bind(self, first));
	EXPECT_TRUE(log_says(log, second, "has no driver"));
	ASSERT_EQ(0, __write_text(strict, "0"));
	node = __node_bind(self, first);
	ASSERT_LE(0, node);
	EXPECT_EQ(-EBUSY, __write_text(strict, "1"));
	close(node);
	ASSERT_EQ(0, __write_text(strict, "1"));
	EXPECT_EQ(-EPERM, __node_bind(self, first));
	pci_unbind(first);
	close(log);
}

TEST_HARNESS_MAIN
