// SPDX-License-Identifier: GPL-2.0-only
/*
 * Isolation coarser than the IOMMU group: what must be owned together with it, by
 * the call on the group and by the files in sysfs. The kernel's own modules have
 * none of this.
 *
 * Uses two edu devices in groups of their own below one bridge, one more edu, and
 * an igb with virtual functions.
 */
#include <limits.h>

#include "kselftest_harness.h"
#include "vfio_two_groups.h"
#include "vfio_log.h"
#include "vfio_sriov.h"
#include "vfio_unit.h"

#define VIABLE		VFIO_GROUP_FLAGS_VIABLE
#define CONTAINER_SET	VFIO_GROUP_FLAGS_CONTAINER_SET
#define HOST_DRIVER	"uio_pci_generic"
#define DEFAULT_LEVEL	"/sys/module/vfio/parameters/isolation"
#define IOVA		0x100000

/* ---- Two groups below a switch -------------------------------------------- */

FIXTURE(neighbours)
{
	struct two_groups two;
	char bridge[BDF_LEN];
};

FIXTURE_SETUP(neighbours)
{
	if (!find_neighbours(self->two.bdf, self->bridge))
		SKIP(return, "no two edu devices below one bridge in groups of their own");
	if (!open_two(&self->two))
		SKIP(return, "no such call");
}

FIXTURE_TEARDOWN(neighbours)
{
	close_two(&self->two);
}

TEST_F(neighbours, are_apart_by_default)
{
	struct group_isolation is;

	ASSERT_EQ(0, __group_isolation(self->two.group[0], &is));
	EXPECT_EQ(VFIO_ISOLATION_GROUP, is.data.level);
	EXPECT_EQ(STRICT, is.data.flags);
	EXPECT_EQ(0, is.data.bridge);
	EXPECT_EQ(1, is.data.count);
	EXPECT_EQ(self->two.id[0], is.groups[0]);

	close_fd(&self->two.group[1]);
	pci_bind(self->two.bdf[1], HOST_DRIVER);
	EXPECT_EQ(VIABLE, group_status(self->two.group[0]));
	group_set_container(self->two.group[0], self->two.container);
}

TEST_F(neighbours, are_together_below_the_bridge)
{
	struct group_isolation is;

	ASSERT_EQ(0, __group_isolate(self->two.group[0], below(self->bridge)));
	ASSERT_EQ(0, __group_isolation(self->two.group[0], &is));
	EXPECT_EQ(VFIO_ISOLATION_BRIDGE, is.data.level);
	EXPECT_EQ(below(self->bridge).bridge, is.data.bridge);
	EXPECT_EQ(2, is.data.count);
	EXPECT_EQ(self->two.id[0], is.groups[0]);
	EXPECT_TRUE(in_unit(&is, self->two.id[1]));
	EXPECT_EQ(VIABLE, group_status(self->two.group[0]));
	/* It is the policy of that group only. */
	ASSERT_EQ(0, __group_isolation(self->two.group[1], &is));
	EXPECT_EQ(1, is.data.count);
}

TEST_F(neighbours, refuse_while_one_is_not_ours)
{
	int log;

	close_fd(&self->two.group[1]);
	ASSERT_EQ(0, __group_isolate(self->two.group[0], below(self->bridge)));
	pci_unbind(self->two.bdf[1]);
	EXPECT_EQ(0, group_status(self->two.group[0]));
	EXPECT_EQ(-EPERM, __group_set_container(self->two.group[0], self->two.container));
	pci_bind(self->two.bdf[1], HOST_DRIVER);
	log = log_open();
	EXPECT_EQ(0, group_status(self->two.group[0]));
	EXPECT_TRUE(log_says(log, self->two.bdf[1], "not viable"));
	EXPECT_EQ(-EPERM, __group_set_container(self->two.group[0], self->two.container));
	ASSERT_EQ(0, __group_isolate(self->two.group[0], alone));
	EXPECT_EQ(VIABLE, group_status(self->two.group[0]));
	group_set_container(self->two.group[0], self->two.container);
	close(log);
}

TEST_F(neighbours, keep_their_drivers_out)
{
	char driver[64];

	close_fd(&self->two.group[1]);
	ASSERT_EQ(0, __group_isolate(self->two.group[0], below(self->bridge)));
	group_set_container(self->two.group[0], self->two.container);
	set_iommu(self->two.container, HOST_IOMMU);
	EXPECT_EQ(-EBUSY, __pci_bind(self->two.bdf[1], HOST_DRIVER));
	pci_driver(self->two.bdf[1], driver, sizeof(driver));
	EXPECT_STREQ("", driver);
	/* It is not bound now, so that no device is given out. */
	EXPECT_EQ(-EPERM, __group_get_device(self->two.group[0], self->two.bdf[0]));
	EXPECT_EQ(0, __group_unset_container(self->two.group[0]));
	EXPECT_EQ(0, __pci_bind(self->two.bdf[1], HOST_DRIVER));
}

/* What is plugged in while the unit is in use belongs to it, too. */
TEST_F(neighbours, own_newcomers)
{
	char path[PATH_MAX];

	close_fd(&self->two.group[1]);
	ASSERT_EQ(0, __group_isolate(self->two.group[0], below(self->bridge)));
	sprintf(path, "/sys/bus/pci/devices/%s/remove", self->two.bdf[1]);
	write_text(path, "1");
	group_set_container(self->two.group[0], self->two.container);
	write_text("/sys/bus/pci/rescan", "1");
	EXPECT_EQ(-EBUSY, __pci_bind(self->two.bdf[1], HOST_DRIVER));
	EXPECT_EQ(0, __group_unset_container(self->two.group[0]));
	EXPECT_EQ(0, __pci_bind(self->two.bdf[1], HOST_DRIVER));
}

TEST_F(neighbours, go_into_one_container)
{
	int other = container_open(), device[2], i;
	char *mem = memory(2 * PAGE);

	ASSERT_EQ(0, __group_isolate(self->two.group[0], below(self->bridge)));
	group_set_container(self->two.group[0], self->two.container);
	/* A client looks at this first. */
	EXPECT_EQ(VIABLE, group_status(self->two.group[1]));
	EXPECT_EQ(-EPERM, __group_set_container(self->two.group[1], other));
	group_set_container(self->two.group[1], self->two.container);
	set_iommu(self->two.container, HOST_IOMMU);
	dma_register(self->two.container, mem, 2 * PAGE);
	dma_map(self->two.container, mem, IOVA, 2 * PAGE, DMA_RW);
	for (i = 0; i < 2; i++) {
		device[i] = group_get_device(self->two.group[i], self->two.bdf[i]);
		EXPECT_TRUE(edu_copies(device[i], mem, IOVA, 0x20 + i));
	}
	close(device[0]);
	/* The unit is owned until the group that asks for it has left. */
	EXPECT_EQ(0, __group_unset_container(self->two.group[0]));
	close(device[1]);
	EXPECT_EQ(0, __group_unset_container(self->two.group[1]));
	group_set_container(self->two.group[1], other);
	EXPECT_EQ(-EPERM, __group_set_container(self->two.group[0], self->two.container));
	EXPECT_EQ(0, __group_unset_container(self->two.group[1]));
	group_set_container(self->two.group[0], self->two.container);
	close(other);
}

TEST_F(neighbours, set_refusals)
{
	struct vfio_group_feature_isolation data;
	char single[BDF_LEN];

	data = (struct vfio_group_feature_isolation){ .level = 4 };
	EXPECT_EQ(-EINVAL, __group_isolate(self->two.group[0], data));
	data = (struct vfio_group_feature_isolation){ .flags = 2 };
	EXPECT_EQ(-EINVAL, __group_isolate(self->two.group[0], data));
	data = (struct vfio_group_feature_isolation){ .count = 1 };
	EXPECT_EQ(-EINVAL, __group_isolate(self->two.group[0], data));
	data = (struct vfio_group_feature_isolation){ .reserved = 1 };
	EXPECT_EQ(-EINVAL, __group_isolate(self->two.group[0], data));
	data = (struct vfio_group_feature_isolation){ .level = VFIO_ISOLATION_BUS, .bridge = 8 };
	EXPECT_EQ(-EINVAL, __group_isolate(self->two.group[0], data));
	data = below(self->bridge);
	data.bridge |= 1 << 16;
	EXPECT_EQ(-EINVAL, __group_isolate(self->two.group[0], data));
	data = below(self->bridge);
	data.bridge_domain = 5;
	EXPECT_EQ(-EINVAL, __group_isolate(self->two.group[0], data));
	/* Not a bridge, or not above it. */
	EXPECT_EQ(-EINVAL, __group_isolate(self->two.group[0], below(self->two.bdf[0])));
	if (pci_find_alone(ID_EDU, 0, single))
		EXPECT_EQ(-EINVAL, __group_isolate(self->two.group[0], below(single)));

	must(seteuid(1000));
	EXPECT_EQ(-EPERM, __group_isolate(self->two.group[0], alone));
	must(seteuid(0));

	group_set_container(self->two.group[0], self->two.container);
	EXPECT_EQ(-EBUSY, __group_isolate(self->two.group[0], alone));
	EXPECT_EQ(0, __group_unset_container(self->two.group[0]));
	EXPECT_EQ(0, __group_isolate(self->two.group[0], alone));
}

TEST_F(neighbours, by_sysfs)
{
	char isolation[PATH_MAX], strict[PATH_MAX], unit[PATH_MAX], text[128], want[128];

	sprintf(isolation, "/sys/class/vfio/%d/isolation", self->two.id[0]);
	sprintf(strict, "/sys/class/vfio/%d/strict", self->two.id[0]);
	sprintf(unit, "/sys/class/vfio/%d/unit", self->two.id[0]);
	ASSERT_EQ(0, __read_text(isolation, text, sizeof(text)));
	EXPECT_STREQ("group", text);
	ASSERT_EQ(0, __read_text(strict, text, sizeof(text)));
	EXPECT_STREQ("1", text);

	sprintf(want, "bridge %s", self->bridge);
	EXPECT_EQ(0, __write_text(isolation, want));
	ASSERT_EQ(0, __read_text(isolation, text, sizeof(text)));
	EXPECT_STREQ(want, text);
	ASSERT_EQ(0, __read_text(unit, text, sizeof(text)));
	sprintf(want, "%d %d", self->two.id[0], self->two.id[1]);
	EXPECT_STREQ(want, text);

	EXPECT_EQ(0, __write_text(isolation, "slot\n"));
	EXPECT_EQ(0, __write_text(isolation, "bus"));
	ASSERT_EQ(0, __read_text(unit, text, sizeof(text)));
	sprintf(want, "%d", self->two.id[0]);
	EXPECT_STREQ(want, text);
	EXPECT_EQ(-EINVAL, __write_text(isolation, "house"));
	EXPECT_EQ(-EINVAL, __write_text(isolation, "bridge 0000:00:40.0"));
	EXPECT_EQ(-EINVAL, __write_text(strict, "2"));
	EXPECT_EQ(0, __write_text(strict, "0\n"));
	ASSERT_EQ(0, __read_text(strict, text, sizeof(text)));
	EXPECT_STREQ("0", text);

	group_set_container(self->two.group[0], self->two.container);
	EXPECT_EQ(-EBUSY, __write_text(isolation, "group"));
	EXPECT_EQ(-EBUSY, __write_text(strict, "1"));
	EXPECT_EQ(0, __group_unset_container(self->two.group[0]));
}

TEST_F(neighbours, forget_when_they_leave)
{
	struct group_isolation is;

	ASSERT_EQ(0, __group_isolate(self->two.group[0], below(self->bridge)));
	close_fd(&self->two.group[0]);
	self->two.group[0] = group_open(self->two.id[0]);
	ASSERT_EQ(0, __group_isolation(self->two.group[0], &is));
	EXPECT_EQ(VFIO_ISOLATION_BRIDGE, is.data.level);
	close_fd(&self->two.group[0]);
	pci_unbind(self->two.bdf[0]);
	pci_bind(self->two.bdf[0], "vfio-pci");
	self->two.group[0] = group_open(self->two.id[0]);
	ASSERT_EQ(0, __group_isolation(self->two.group[0], &is));
	EXPECT_EQ(VFIO_ISOLATION_GROUP, is.data.level);
}

/* ---- The level of all groups ---------------------------------------------- */

FIXTURE(by_default)
{
	struct vfio vfio;
};

FIXTURE_SETUP(by_default)
{
	char bdf[BDF_LEN];

	self->vfio.group = -1;
	if (ON_POWER)
		SKIP(return, "each device is alone on its bus");
	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	if (!driver_is_rust())
		SKIP(return, "no such parameter");
	pci_bind(bdf, "vfio-pci");
	strcpy(self->vfio.bdf, bdf);
	self->vfio.group = group_open(pci_group(bdf));
}

FIXTURE_TEARDOWN(by_default)
{
	__write_text(DEFAULT_LEVEL, "0");
	close_fd(&self->vfio.group);
	if (self->vfio.bdf[0])
		pci_unbind(self->vfio.bdf);
}

TEST_F(by_default, the_bus)
{
	int container = container_open();
	struct group_isolation is;

	EXPECT_EQ(-EINVAL, __write_text(DEFAULT_LEVEL, "3"));
	ASSERT_EQ(0, __write_text(DEFAULT_LEVEL, "2"));
	ASSERT_EQ(0, __group_isolation(self->vfio.group, &is));
	EXPECT_EQ(VFIO_ISOLATION_BUS, is.data.level);
	/* The host itself has devices on that bus. */
	EXPECT_LT(1, is.data.count);
	EXPECT_EQ(0, group_status(self->vfio.group));
	EXPECT_EQ(-EPERM, __group_set_container(self->vfio.group, container));
	/* What is said of the group holds for it. */
	ASSERT_EQ(0, __group_isolate(self->vfio.group, alone));
	EXPECT_EQ(VIABLE, group_status(self->vfio.group));
	close(container);
}

/* ---- Virtual functions ---------------------------------------------------- */

FIXTURE(functions)
{
	char pf[BDF_LEN], vf[2][BDF_LEN];
	int group;
};

FIXTURE_SETUP(functions)
{
	int i;

	self->group = -1;
	if (!pci_find(ID_IGB, 0, self->pf))
		SKIP(return, "no igb");
	if (ON_POWER)
		SKIP(return, "no virtual functions");
	if (!driver_is_rust())
		SKIP(return, "no such call");
	sriov_begin(self->pf);
	sriov_set(self->pf, 2);
	for (i = 0; i < 2; i++) {
		ASSERT_TRUE(sriov_vf(self->pf, i, self->vf[i]));
		pci_bind(self->vf[i], "vfio-pci");
	}
	self->group = group_open(pci_group(self->vf[0]));
}

FIXTURE_TEARDOWN(functions)
{
	close_fd(&self->group);
	if (self->pf[0] && driver_is_rust() && !ON_POWER)
		sriov_end(self->pf);
}

TEST_F(functions, slot_and_bus)
{
	struct vfio_group_feature_isolation slot = { .level = VFIO_ISOLATION_SLOT, .flags = STRICT };
	struct vfio_group_feature_isolation bus = { .level = VFIO_ISOLATION_BUS, .flags = STRICT };
	int pf = pci_group(self->pf), second = pci_group(self->vf[1]);
	struct group_isolation is;

	if (strncmp(self->vf[0], self->vf[1], strlen("0000:00:00")))
		SKIP(return, "the functions are in two slots");
	ASSERT_EQ(0, __group_isolate(self->group, slot));
	ASSERT_EQ(0, __group_isolation(self->group, &is));
	EXPECT_EQ(VFIO_ISOLATION_SLOT, is.data.level);
	EXPECT_TRUE(in_unit(&is, second));
	EXPECT_FALSE(in_unit(&is, pf));
	EXPECT_EQ(VIABLE, group_status(self->group));
	pci_unbind(self->vf[1]);
	EXPECT_EQ(0, group_status(self->group));
	pci_bind(self->vf[1], "vfio-pci");

	ASSERT_EQ(0, __group_isolate(self->group, bus));
	ASSERT_EQ(0, __group_isolation(self->group, &is));
	EXPECT_TRUE(in_unit(&is, second));
	EXPECT_TRUE(in_unit(&is, pf));
}

/* What goes is not owned any more: the kernel warns of an owner of nothing. The first one goes first. */
TEST_F(functions, let_go_of_who_leaves)
{
	struct vfio_group_feature_isolation slot = { .level = VFIO_ISOLATION_SLOT, .flags = STRICT };
	int container = container_open(), last;

	if (strncmp(self->vf[0], self->vf[1], strlen("0000:00:00")))
		SKIP(return, "the functions are in two slots");
	close_fd(&self->group);
	last = group_open(pci_group(self->vf[1]));
	ASSERT_EQ(0, __group_isolate(last, slot));
	group_set_container(last, container);
	sriov_set(self->pf, 0);
	close(last);
	close(container);
}

TEST_HARNESS_MAIN
