// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a program learns from a group's descriptor: which devices there are, what
 * each of them is, which is in the way, and when any of that changes. The kernel's
 * own modules have none of this.
 *
 * Uses two edu devices in one group.
 */
#include <dirent.h>
#include <limits.h>
#include <sys/eventfd.h>

#include "kselftest_harness.h"
#include "vfio_test.h"
#include "vfio_group_feature.h"

#define HOST_DRIVER	"uio_pci_generic"	/* does DMA, for all that the kernel knows */
#define NO_DMA_DRIVER	"pci-stub"

#define VFIO		VFIO_GROUP_MEMBER_VFIO
#define BLOCKS		VFIO_GROUP_MEMBER_BLOCKS
#define MEMBERSHIP	VFIO_GROUP_EVENT_MEMBERSHIP
#define VIABILITY	VFIO_GROUP_EVENT_VIABILITY

FIXTURE(members)
{
	char bdf[2][BDF_LEN];
	int id, group;
	struct group_members answer;
};

FIXTURE_SETUP(members)
{
	int i;

	self->group = -1;
	if (!pci_find_pair(ID_EDU, self->bdf[0], self->bdf[1]))
		SKIP(return, "no two edu devices in one group");
	for (i = 0; i < 2; i++)
		pci_bind(self->bdf[i], "vfio-pci");
	self->id = pci_group(self->bdf[0]);
	self->group = group_open(self->id);
	if (!group_has_features(self->group)) {
		EXPECT_FALSE(driver_is_rust());
		SKIP(return, "no such call");
	}
}

FIXTURE_TEARDOWN(members)
{
	int i;

	close_fd(&self->group);
	for (i = 0; i < 2; i++)
		if (self->bdf[i][0])
			pci_unbind(self->bdf[i]);
}

/* The number of entries in the group's folder of sysfs. */
static uint32_t devices_of(int id)
{
	char path[PATH_MAX];
	struct dirent *entry;
	uint32_t count = 0;
	DIR *folder;

	sprintf(path, "/sys/kernel/iommu_groups/%d/devices", id);
	folder = opendir(path);
	while (folder && (entry = readdir(folder)))
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

static uint32_t number_in(const char *bdf, const char *name)
{
	char path[PATH_MAX], text[32];

	sprintf(path, "/sys/bus/pci/devices/%s/%s", bdf, name);
	must(__read_text(path, text, sizeof(text)));
	return strtoul(text, NULL, 16);
}

/* Flags of the second device when it has that driver. */
static uint32_t flags_with(FIXTURE_DATA(members) *self, const char *driver)
{
	if (driver)
		pci_bind(self->bdf[1], driver);
	else
		pci_unbind(self->bdf[1]);
	must(__group_members(self->group, &self->answer));
	return find_member(&self->answer, self->bdf[1])->flags;
}

TEST_F(members, are_those_of_sysfs)
{
	uint32_t i;

	ASSERT_EQ(0, __group_members(self->group, &self->answer));
	EXPECT_EQ(devices_of(self->id), self->answer.data.count);
	EXPECT_EQ(sizeof(struct vfio_group_member), self->answer.data.entry_size);
	for (i = 0; i < self->answer.data.count; i++) {
		const struct vfio_group_member *member = &self->answer.members[i];
		const char *name = member_text(&self->answer, member->name);
		char path[PATH_MAX], here[PATH_MAX], there[PATH_MAX], address[BDF_LEN];

		EXPECT_EQ(VFIO_GROUP_MEMBER_BUS_PCI, member->bus);
		sprintf(address, "%04x:%02x:%02x.%x", member->domain, member->bus_number,
			member->devfn >> 3, member->devfn & 7);
		EXPECT_STREQ(address, name);
		EXPECT_EQ(number_in(name, "vendor"), member->vendor);
		EXPECT_EQ(number_in(name, "device"), member->device);
		EXPECT_EQ(number_in(name, "class"), member->class);
		EXPECT_EQ(self->id, member->group);
		snprintf(path, sizeof(path), "/sys%s", member_text(&self->answer, member->path));
		ASSERT_NE(NULL, realpath(path, here));
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", name);
		ASSERT_NE(NULL, realpath(path, there));
		EXPECT_STREQ(there, here);
	}
}

TEST_F(members, names_open_devices)
{
	const struct vfio_group_member *member;
	int container = container_open(), device;

	ASSERT_EQ(0, __group_members(self->group, &self->answer));
	member = find_member(&self->answer, self->bdf[1]);
	ASSERT_NE(NULL, member);
	EXPECT_EQ(VFIO, member->flags);
	EXPECT_STREQ("vfio-pci", member_text(&self->answer, member->driver));

	group_set_container(self->group, container);
	set_iommu(container, HOST_IOMMU);
	device = group_get_device(self->group, member_text(&self->answer, member->name));
	ASSERT_EQ(0, __group_members(self->group, &self->answer));
	EXPECT_EQ(VFIO | VFIO_GROUP_MEMBER_OPEN, find_member(&self->answer, self->bdf[1])->flags);
	EXPECT_EQ(VFIO, find_member(&self->answer, self->bdf[0])->flags);
	close(device);
	ASSERT_EQ(0, __group_members(self->group, &self->answer));
	EXPECT_EQ(VFIO, find_member(&self->answer, self->bdf[1])->flags);
	close(container);
}

TEST_F(members, say_what_blocks)
{
	EXPECT_EQ(BLOCKS | VFIO_GROUP_MEMBER_DRIVERLESS, flags_with(self, NULL));
	EXPECT_EQ(0, find_member(&self->answer, self->bdf[1])->driver);
	EXPECT_EQ(0, group_status(self->group));
	EXPECT_EQ(BLOCKS | VFIO_GROUP_MEMBER_HOST, flags_with(self, HOST_DRIVER));
	EXPECT_STREQ(HOST_DRIVER,
		     member_text(&self->answer, find_member(&self->answer, self->bdf[1])->driver));
	EXPECT_EQ(BLOCKS | VFIO_GROUP_MEMBER_NO_DMA, flags_with(self, NO_DMA_DRIVER));
	EXPECT_EQ(VFIO, flags_with(self, "vfio-pci"));
	EXPECT_EQ(VFIO_GROUP_FLAGS_VIABLE, group_status(self->group));
}

/* The rule of the kernel's own modules, for this group. */
TEST_F(members, less_blocks_without_strictness)
{
	struct vfio_group_feature_isolation lax = { .level = VFIO_ISOLATION_GROUP };

	ASSERT_EQ(0, __group_isolate(self->group, lax));
	EXPECT_EQ(VFIO_GROUP_MEMBER_DRIVERLESS, flags_with(self, NULL));
	EXPECT_EQ(VFIO_GROUP_FLAGS_VIABLE, group_status(self->group));
	EXPECT_EQ(VFIO_GROUP_MEMBER_NO_DMA, flags_with(self, NO_DMA_DRIVER));
	EXPECT_EQ(VFIO_GROUP_FLAGS_VIABLE, group_status(self->group));
	EXPECT_EQ(BLOCKS | VFIO_GROUP_MEMBER_HOST, flags_with(self, HOST_DRIVER));
	EXPECT_EQ(0, group_status(self->group));
}

TEST_F(members, bridges_do_not_block)
{
	char path[PATH_MAX], real[PATH_MAX], *bridge;
	const struct vfio_group_member *member;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/..", self->bdf[0]);
	ASSERT_NE(NULL, realpath(path, real));
	bridge = strrchr(real, '/') + 1;
	ASSERT_EQ(0, __group_members(self->group, &self->answer));
	member = find_member(&self->answer, bridge);
	if (!member)
		SKIP(return, "the bridge is in another group");
	EXPECT_TRUE(member->flags & VFIO_GROUP_MEMBER_BRIDGE);
	EXPECT_FALSE(member->flags & (BLOCKS | VFIO));
}

TEST_F(members, short_buffers)
{
	uint32_t need, size;
	const uint32_t fixed = offsetof(struct group_members, members);

	ASSERT_EQ(0, __group_members(self->group, &self->answer));
	EXPECT_EQ(-ENOSPC, __group_members_sized(self->group, &self->answer, fixed));
	need = self->answer.head.argsz;
	EXPECT_EQ(devices_of(self->id), self->answer.data.count);
	EXPECT_LT(fixed + self->answer.data.count * sizeof(struct vfio_group_member), need);
	EXPECT_EQ(-ENOSPC, __group_members_sized(self->group, &self->answer, need - 1));
	EXPECT_EQ(need, self->answer.head.argsz);
	EXPECT_EQ(0, __group_members_sized(self->group, &self->answer, need));
	EXPECT_NE(NULL, find_member(&self->answer, self->bdf[0]));
	for (size = 8; size < fixed; size++)
		EXPECT_EQ(-EINVAL, __group_members_sized(self->group, &self->answer, size));
}

TEST_F(members, of_a_dead_group)
{
	pci_unbind(self->bdf[0]);
	ASSERT_EQ(0, __group_members(self->group, &self->answer));
	pci_unbind(self->bdf[1]);
	EXPECT_EQ(-ENODEV, __group_members(self->group, &self->answer));
}

TEST_F(members, generation_grows)
{
	uint32_t before;

	ASSERT_EQ(0, __group_members(self->group, &self->answer));
	before = self->answer.data.generation;
	ASSERT_EQ(0, __group_members(self->group, &self->answer));
	EXPECT_EQ(before, self->answer.data.generation);
	flags_with(self, NULL);
	EXPECT_LT(before, self->answer.data.generation);
	before = self->answer.data.generation;
	flags_with(self, "vfio-pci");
	EXPECT_LT(before, self->answer.data.generation);
}

TEST_F(members, events)
{
	int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	ASSERT_EQ(0, __group_event(self->group, event, VIABILITY));
	pci_unbind(self->bdf[1]);
	EXPECT_LT(0, eventfd_wait(event, 1000));
	pci_bind(self->bdf[1], HOST_DRIVER);
	EXPECT_LT(0, eventfd_wait(event, 1000));

	ASSERT_EQ(0, __group_event(self->group, event, MEMBERSHIP));
	pci_unbind(self->bdf[1]);
	EXPECT_EQ(0, eventfd_wait(event, 50));

	ASSERT_EQ(0, __group_event(self->group, event, VIABILITY));
	ASSERT_EQ(0, __group_event(self->group, -1, 0));
	pci_bind(self->bdf[1], "vfio-pci");
	EXPECT_EQ(0, eventfd_wait(event, 50));
	close(event);
}

TEST_F(members, come_and_go)
{
	int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	char path[PATH_MAX];
	uint32_t count;

	/* It lists its devices, and does not say of the first that there are more functions. */
	if (in_partition())
		SKIP(return, "the kernel does not find a function again");
	ASSERT_EQ(0, __group_members(self->group, &self->answer));
	count = self->answer.data.count;
	ASSERT_EQ(0, __group_event(self->group, event, MEMBERSHIP));
	sprintf(path, "/sys/bus/pci/devices/%s/remove", self->bdf[1]);
	write_text(path, "1");
	EXPECT_LT(0, eventfd_wait(event, 1000));
	ASSERT_EQ(0, __group_members(self->group, &self->answer));
	EXPECT_EQ(count - 1, self->answer.data.count);
	EXPECT_EQ(NULL, find_member(&self->answer, self->bdf[1]));

	write_text("/sys/bus/pci/rescan", "1");
	EXPECT_LT(0, eventfd_wait(event, 1000));
	ASSERT_EQ(0, __group_members(self->group, &self->answer));
	EXPECT_EQ(count, self->answer.data.count);
	EXPECT_EQ(0, group_status(self->group));
	close(event);
}

TEST_F(members, event_refusals)
{
	int event = eventfd(0, EFD_CLOEXEC);

	EXPECT_EQ(-EBADF, __group_event(self->group, 1000, VIABILITY));
	EXPECT_EQ(-EINVAL, __group_event(self->group, self->group, VIABILITY));
	EXPECT_EQ(-EINVAL, __group_event(self->group, event, 0));
	EXPECT_EQ(-EINVAL, __group_event(self->group, event, 4));
	EXPECT_EQ(-EINVAL, __group_event(self->group, -1, VIABILITY));
	EXPECT_EQ(0, __group_event(self->group, -1, 0));
	close(event);
}

TEST_HARNESS_MAIN
