// SPDX-License-Identifier: GPL-2.0-only
/*
 * A reset of a whole bus whose devices are in two groups: who asks for it shows both,
 * by a file of each, or by one file that stands for both. The latter the kernel's own
 * modules do not have.
 *
 * Uses an edu and an igb that are functions of one slot below a root port: the kernel
 * knows that the functions of such an igb cannot reach others, so the two are in groups
 * of their own, but have the bus in common.
 */
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "vfio_test.h"
#include "vfio_group_feature.h"
#include "vfio_synthetic.h"
#include "vfio_hot_reset.h"
#include "vfio_log.h"

/* RDBAL, which keeps what is written, and is 0 after a reset. */
#define SCRATCH	0xc000
#define VALUE	0x12345680

FIXTURE(bus)
{
	char bdf[2][BDF_LEN];	/* the igb, and the edu */
	int id[2], group[2];
	int container, device;
	volatile uint32_t *regs;
};

/* An igb, and an edu in the same place: function 0. */
static bool find_slot(char bdf[2][BDF_LEN])
{
	char path[64];
	unsigned int nth;

	for (nth = 0; pci_find(ID_IGB, nth, bdf[0]); nth++) {
		sprintf(bdf[1], "%.11s0", bdf[0]);
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", bdf[1]);
		if (strcmp(bdf[0], bdf[1]) && !access(path, F_OK))
			return true;
	}
	return false;
}

/* Puts the group, which has the card, into the container, and opens and maps the card. */
static void take_device(FIXTURE_DATA(bus) *self, int group)
{
	group_set_container(group, self->container);
	set_iommu(self->container, HOST_IOMMU);
	self->device = group_get_device(group, self->bdf[0]);
	pci_command(self->device, 6, 0);
	self->regs = region_map(self->device, VFIO_PCI_BAR0_REGION_INDEX);
}

static void give_device_back(FIXTURE_DATA(bus) *self)
{
	munmap((void *)self->regs, region_info(self->device, VFIO_PCI_BAR0_REGION_INDEX).size);
	close_fd(&self->device);
}

FIXTURE_SETUP(bus)
{
	int i;

	if (!find_slot(self->bdf))
		SKIP(return, "no edu and igb on one bus");
	for (i = 0; i < 2; i++) {
		pci_bind(self->bdf[i], "vfio-pci");
		self->id[i] = pci_group(self->bdf[i]);
		self->group[i] = group_open(self->id[i]);
	}
	ASSERT_NE(self->id[0], self->id[1]);
	self->container = container_open();
	take_device(self, self->group[0]);
}

FIXTURE_TEARDOWN(bus)
{
	int i;

	give_device_back(self);
	for (i = 0; i < 2; i++)
		close_fd(&self->group[i]);
	close_fd(&self->container);
	if (!access(FOLDER "/" NAME, F_OK)) {
		EXPECT_EQ(0, __enable(false));
		EXPECT_EQ(0, __remove(NAME));
	}
	for (i = 0; i < 2; i++)
		pci_unbind(self->bdf[i]);
}

/* With two descriptors, or with one if the second is -1. Whether it was reset can be seen. */
static int __reset_with(FIXTURE_DATA(bus) *self, int first, int second)
{
	union request request = { .head = { .argsz = sizeof(request), .count = second < 0 ? 1 : 2 } };
	int ret;

	request.groups[0] = first;
	request.groups[1] = second;
	self->regs[SCRATCH / 4] = VALUE;
	ret = __call(self->device, VFIO_DEVICE_PCI_HOT_RESET, &request);
	if (self->regs[SCRATCH / 4] != (ret ? VALUE : 0))
		fail("answered %d, and the register is %#x", ret, self->regs[SCRATCH / 4]);
	return ret;
}

TEST_F(bus, names_both_groups)
{
	union answer answer;

	ASSERT_EQ(0, __info(self->device, &answer, sizeof(answer)));
	EXPECT_EQ(2, answer.head.count);
	EXPECT_TRUE(lists(&answer, self->bdf[0]));
	EXPECT_TRUE(lists(&answer, self->bdf[1]));
}

TEST_F(bus, needs_both_groups)
{
	int log = log_open();

	EXPECT_EQ(-EINVAL, __reset_with(self, self->group[0], -1));
	if (driver_is_rust())
		EXPECT_TRUE(log_says(log, self->bdf[1], "would be reset as well"));
	close(log);
	EXPECT_EQ(-EINVAL, __reset_with(self, self->group[0], self->group[0]));
	EXPECT_EQ(-EINVAL, __reset_with(self, self->group[1], -1));
	EXPECT_EQ(0, __reset_with(self, self->group[0], self->group[1]));
	EXPECT_EQ(0, __reset_with(self, self->group[1], self->group[0]));
}

/* The other device may be in use by whoever asks. */
TEST_F(bus, keeps_the_other_one_usable)
{
	struct edu edu;
	int other;

	group_set_container(self->group[1], self->container);
	other = group_get_device(self->group[1], self->bdf[1]);
	edu_open(&edu, other);
	EXPECT_EQ(EDU_ID, edu_read(&edu, 0));
	EXPECT_EQ(-EINVAL, __reset_with(self, self->group[0], -1));
	EXPECT_EQ(0, __reset_with(self, self->group[0], self->group[1]));
	EXPECT_EQ(EDU_ID, edu_read(&edu, 0));
	edu_write(&edu, EDU_LIVE, 5);
	EXPECT_EQ(~5u, edu_read(&edu, EDU_LIVE));
	edu_close(&edu);
	close(other);
}

/* Who is bound to no VFIO driver belongs to nobody, whatever is shown. */
TEST_F(bus, needs_both_bound)
{
	close_fd(&self->group[1]);
	pci_unbind(self->bdf[1]);
	EXPECT_EQ(-EINVAL, __reset_with(self, self->group[0], -1));
	pci_bind(self->bdf[1], "vfio-pci");
	EXPECT_EQ(-EINVAL, __reset_with(self, self->group[0], -1));
	self->group[1] = group_open(self->id[1]);
	EXPECT_EQ(0, __reset_with(self, self->group[0], self->group[1]));
}

TEST_F(bus, takes_the_captor_for_both)
{
	if (!group_has_features(self->group[0])) {
		EXPECT_FALSE(driver_is_rust());
		SKIP(return, "no such call");
	}
	ASSERT_EQ(0, __group_capture(self->group[0], self->group[1]));
	EXPECT_EQ(0, __reset_with(self, self->group[0], -1));
	EXPECT_EQ(0, __reset_with(self, self->group[0], self->group[1]));
	/* Who is captured stands for nothing. */
	EXPECT_EQ(-EINVAL, __reset_with(self, self->group[1], -1));
	EXPECT_EQ(0, __group_release(self->group[0], self->id[1]));
	EXPECT_EQ(-EINVAL, __reset_with(self, self->group[0], -1));
	EXPECT_EQ(0, __reset_with(self, self->group[0], self->group[1]));
}

TEST_F(bus, takes_the_captor_after_the_other_was_closed)
{
	if (!group_has_features(self->group[0])) {
		EXPECT_FALSE(driver_is_rust());
		SKIP(return, "no such call");
	}
	ASSERT_EQ(0, __group_capture(self->group[0], self->group[1]));
	close_fd(&self->group[1]);
	EXPECT_EQ(0, __reset_with(self, self->group[0], -1));
	/* To nobody, and the next one to open it says. */
	EXPECT_EQ(0, __group_release(self->group[0], self->id[1]));
	EXPECT_EQ(-EINVAL, __reset_with(self, self->group[0], -1));
	self->group[1] = group_open(self->id[1]);
	EXPECT_EQ(-EINVAL, __reset_with(self, self->group[0], -1));
}

TEST_F(bus, takes_a_synthetic_group_for_both)
{
	int group;

	mount("none", CONFIGFS, "configfs", 0, NULL);
	if (access(FOLDER, F_OK)) {
		EXPECT_FALSE(driver_is_rust());
		SKIP(return, "no such directory");
	}
	give_device_back(self);
	close_fd(&self->group[0]);
	close_fd(&self->group[1]);
	__enable(false);
	__remove(NAME);
	ASSERT_EQ(0, __make(NAME));
	ASSERT_EQ(0, __set_members(self->id[0], self->id[1]));
	ASSERT_EQ(0, __enable(true));
	group = must(__open_node());
	take_device(self, group);
	EXPECT_EQ(0, __reset_with(self, group, -1));
	self->group[0] = group;
}

TEST_HARNESS_MAIN
