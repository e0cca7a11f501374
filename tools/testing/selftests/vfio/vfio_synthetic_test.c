// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups that are made of groups, by directories in configfs: one path for all,
 * which go into a container together or not at all. The kernel's own modules have
 * none of this.
 *
 * Uses two edu devices that are alone in their groups, and two in one group.
 */
#include <fcntl.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "kselftest_harness.h"
#include "vfio_test.h"
#include "vfio_domains.h"
#include "vfio_group_feature.h"
#include "vfio_synthetic.h"

#define VIABLE		VFIO_GROUP_FLAGS_VIABLE
#define CONTAINER_SET	VFIO_GROUP_FLAGS_CONTAINER_SET
#define IOVA		0x100000
#define HOST_DRIVER	"uio_pci_generic"

FIXTURE(synthetic)
{
	char bdf[2][BDF_LEN];
	int id[2], container;
};

FIXTURE_SETUP(synthetic)
{
	int i;

	self->container = -1;
	if (!groups_share())
		SKIP(return, "groups do not share tables here");
	if (!pci_find_alone(ID_EDU, 1, self->bdf[1]))
		SKIP(return, "no two edu devices alone in their groups");
	pci_find_alone(ID_EDU, 0, self->bdf[0]);
	mount("none", CONFIGFS, "configfs", 0, NULL);
	if (access(FOLDER, F_OK)) {
		EXPECT_FALSE(driver_is_rust());
		SKIP(return, "no such directory");
	}
	for (i = 0; i < 2; i++) {
		pci_bind(self->bdf[i], "vfio-pci");
		self->id[i] = pci_group(self->bdf[i]);
	}
	self->container = container_open();
	/* What a test has left that did not come to its end. */
	__enable(false);
	__remove(NAME);
	ASSERT_EQ(0, __make(NAME));
	ASSERT_EQ(0, __set_members(self->id[0], self->id[1]));
}

FIXTURE_TEARDOWN(synthetic)
{
	int i;

	close_fd(&self->container);
	if (!access(FOLDER "/" NAME, F_OK)) {
		EXPECT_EQ(0, __enable(false));
		EXPECT_EQ(0, __remove(NAME));
	}
	for (i = 0; i < 2; i++)
		if (self->bdf[i][0])
			pci_unbind(self->bdf[i]);
}

TEST_F(synthetic, reaches_memory_from_both)
{
	char *mem = memory(2 * PAGE);
	int group, device[2], i;

	ASSERT_EQ(0, __enable(true));
	group = must(__open_node());
	EXPECT_EQ(VIABLE, group_status(group));
	group_set_container(group, self->container);
	EXPECT_EQ(VIABLE | CONTAINER_SET, group_status(group));
	set_iommu(self->container, HOST_IOMMU);
	dma_register(self->container, mem, 2 * PAGE);
	dma_map(self->container, mem, IOVA, 2 * PAGE, DMA_RW);
	for (i = 0; i < 2; i++) {
		device[i] = group_get_device(group, self->bdf[i]);
		EXPECT_TRUE(edu_copies(device[i], mem, IOVA, 0x60 + i));
	}
	EXPECT_EQ(-EBUSY, __group_unset_container(group));
	close(device[0]);
	close(device[1]);
	EXPECT_EQ(0, __group_unset_container(group));
	close(group);
}

TEST_F(synthetic, is_one_translation)
{
	struct container_domains answer;
	int group;

	ASSERT_EQ(0, __enable(true));
	group = must(__open_node());
	group_set_container(group, self->container);
	set_iommu(self->container, HOST_IOMMU);
	ASSERT_EQ(0, __container_domains(self->container, &answer));
	EXPECT_EQ(2, answer.data.count);
	EXPECT_EQ(answer.domains[0].domain, answer.domains[1].domain);
	close(group);
}

TEST_F(synthetic, takes_the_place_of_its_members)
{
	struct group_composition made_of;
	struct group_members answer;
	int group;

	ASSERT_EQ(0, __enable(true));
	EXPECT_EQ(0, __enable(true));
	EXPECT_EQ(-EBUSY, __group_open(self->id[0]));
	EXPECT_EQ(-EBUSY, __group_open(self->id[1]));
	group = must(__open_node());
	EXPECT_EQ(-EBUSY, __open_node());
	ASSERT_EQ(0, __group_composition(group, &made_of));
	EXPECT_EQ(VFIO_COMPOSITION_SYNTHETIC, made_of.data.kind);
	EXPECT_EQ(2, made_of.data.count);
	EXPECT_EQ(self->id[0], made_of.groups[0]);
	EXPECT_EQ(self->id[1], made_of.groups[1]);
	ASSERT_EQ(0, __group_members(group, &answer));
	EXPECT_NE(NULL, find_member(&answer, self->bdf[0]));
	EXPECT_NE(NULL, find_member(&answer, self->bdf[1]));
	close(group);
	EXPECT_EQ(-EBUSY, __group_open(self->id[0]));
	ASSERT_EQ(0, __enable(false));
	EXPECT_EQ(-ENOENT, __open_node());
	group = group_open(self->id[0]);
	close(group);
}

TEST_F(synthetic, stays_while_it_is_used)
{
	int group;

	ASSERT_EQ(0, __enable(true));
	EXPECT_EQ(-EBUSY, __remove(NAME));
	EXPECT_EQ(-EBUSY, __set_members(self->id[1], self->id[0]));
	group = must(__open_node());
	EXPECT_EQ(-EBUSY, __remove(NAME));
	EXPECT_EQ(-EBUSY, __enable(false));
	close(group);
	EXPECT_EQ(0, __enable(false));
	EXPECT_EQ(0, __remove(NAME));
	EXPECT_EQ(0, __make(NAME));
}

TEST_F(synthetic, shows_what_was_written)
{
	char text[64], want[64];

	ASSERT_EQ(0, __read_text(FOLDER "/" NAME "/members", text, sizeof(text)));
	sprintf(want, "%d %d", self->id[0], self->id[1]);
	EXPECT_STREQ(want, text);
	ASSERT_EQ(0, __read_text(FOLDER "/" NAME "/enable", text, sizeof(text)));
	EXPECT_STREQ("0", text);
	ASSERT_EQ(0, __enable(true));
	ASSERT_EQ(0, __read_text(FOLDER "/" NAME "/enable", text, sizeof(text)));
	EXPECT_STREQ("1", text);
}

TEST_F(synthetic, refuses_to_be_enabled)
{
	char text[16];
	int group;

	/* Without members, with one that is not there, that is open, that is reserved. */
	EXPECT_EQ(0, __set(NAME, "members", "\n"));
	EXPECT_EQ(-EINVAL, __enable(true));
	EXPECT_EQ(0, __set_members(self->id[0], 9999));
	EXPECT_EQ(-ENODEV, __enable(true));
	EXPECT_EQ(0, __set_members(self->id[0], self->id[1]));
	group = group_open(self->id[1]);
	EXPECT_EQ(-EBUSY, __enable(true));
	/* None of it stays reserved. */
	close(group);
	group = group_open(self->id[0]);
	close(group);

	ASSERT_EQ(0, __make("vfio-test-other"));
	EXPECT_EQ(0, __enable(true));
	sprintf(text, "%d", self->id[1]);
	EXPECT_EQ(0, __set("vfio-test-other", "members", text));
	EXPECT_EQ(-EBUSY, __set("vfio-test-other", "enable", "1"));
	EXPECT_EQ(0, __remove("vfio-test-other"));
	EXPECT_EQ(0, __enable(false));
}

TEST_F(synthetic, refuses_names_and_texts)
{
	EXPECT_EQ(-EINVAL, __make("123"));
	EXPECT_EQ(-EINVAL, __make("vfio"));
	EXPECT_EQ(-EINVAL, __make("devices"));
	EXPECT_EQ(-EINVAL, __make("noiommu-1"));
	EXPECT_EQ(-EINVAL, __make("a!b"));
	EXPECT_EQ(-EEXIST, __make(NAME));
	EXPECT_EQ(-EINVAL, __set_members(self->id[0], self->id[0]));
	EXPECT_EQ(-EINVAL, __set(NAME, "members", "one two"));
	EXPECT_EQ(-EINVAL, __set(NAME, "members", "-1"));
	EXPECT_EQ(-EINVAL, __set(NAME, "enable", "2"));
}

TEST_F(synthetic, all_or_none_go_into_a_container)
{
	char first[BDF_LEN], second[BDF_LEN];
	int group, single, pair;

	if (!pci_find_pair(ID_EDU, first, second))
		SKIP(return, "no two edu devices in one group");
	pci_bind(first, "vfio-pci");
	pci_bind(second, HOST_DRIVER);
	pair = pci_group(first);
	ASSERT_EQ(0, __set_members(self->id[0], pair));
	ASSERT_EQ(0, __enable(true));
	group = must(__open_node());
	EXPECT_EQ(0, group_status(group));
	EXPECT_EQ(-EPERM, __group_set_container(group, self->container));
	/* The first one was there for a moment, and is not any more. */
	EXPECT_EQ(-EINVAL, __set_iommu(self->container, HOST_IOMMU));
	pci_bind(second, "vfio-pci");
	EXPECT_EQ(VIABLE, group_status(group));
	group_set_container(group, self->container);
	close(group);
	EXPECT_EQ(0, __enable(false));
	single = group_open(self->id[0]);
	close(single);
	pci_unbind(first);
	pci_unbind(second);
}

TEST_F(synthetic, loses_a_member)
{
	int group;

	ASSERT_EQ(0, __enable(true));
	group = must(__open_node());
	pci_unbind(self->bdf[1]);
	EXPECT_EQ(-ENODEV, __group_set_container(group, self->container));
	close(group);
	EXPECT_EQ(-ENODEV, __open_node());
	pci_bind(self->bdf[1], "vfio-pci");
	EXPECT_EQ(-ENODEV, __open_node());
	EXPECT_EQ(0, __enable(false));
	EXPECT_EQ(0, __enable(true));
	group = must(__open_node());
	group_set_container(group, self->container);
	close(group);
}

/* The other one goes on where it is, until it is taken out. */
TEST_F(synthetic, loses_a_member_in_a_container)
{
	char *mem = memory(2 * PAGE);
	struct edu edu;
	int group, device;

	ASSERT_EQ(0, __enable(true));
	group = must(__open_node());
	group_set_container(group, self->container);
	set_iommu(self->container, HOST_IOMMU);
	dma_register(self->container, mem, 2 * PAGE);
	dma_map(self->container, mem, IOVA, 2 * PAGE, DMA_RW);
	device = group_get_device(group, self->bdf[0]);
	pci_unbind(self->bdf[1]);
	EXPECT_EQ(-ENODEV, __group_get_device(group, self->bdf[1]));
	memset(mem, 0x71, PAGE);
	edu_open(&edu, device);
	edu_copy(&edu, IOVA, IOVA + PAGE, EDU_BUFFER);
	EXPECT_TRUE(is_all(mem + PAGE, EDU_BUFFER, 0x71));
	edu_close(&edu);
	close(device);
	EXPECT_EQ(VIABLE | CONTAINER_SET, group_status(group));
	EXPECT_EQ(0, __group_unset_container(group));
	EXPECT_EQ(-ENODEV, __group_set_container(group, self->container));
	close(group);
	EXPECT_EQ(-ENODEV, __open_node());
	/* Also a group of its number that is new. */
	pci_bind(self->bdf[1], "vfio-pci");
	EXPECT_EQ(-ENODEV, __open_node());
	group = group_open(self->id[1]);
	close(group);
}

TEST_F(synthetic, captures_but_is_not_captured)
{
	char first[BDF_LEN], second[BDF_LEN];
	struct group_composition made_of;
	int group, pair;

	if (!pci_find_pair(ID_EDU, first, second))
		SKIP(return, "no two edu devices in one group");
	pci_bind(first, "vfio-pci");
	pci_bind(second, "vfio-pci");
	pair = group_open(pci_group(first));
	ASSERT_EQ(0, __enable(true));
	group = must(__open_node());
	EXPECT_EQ(-ELOOP, __group_capture(pair, group));
	ASSERT_EQ(0, __group_capture(group, pair));
	ASSERT_EQ(0, __group_composition(group, &made_of));
	EXPECT_EQ(VFIO_COMPOSITION_SYNTHETIC, made_of.data.kind);
	EXPECT_EQ(3, made_of.data.count);
	close(group);
	EXPECT_EQ(VIABLE, group_status(pair));
	close(pair);
	pci_unbind(first);
	pci_unbind(second);
}

TEST_HARNESS_MAIN
