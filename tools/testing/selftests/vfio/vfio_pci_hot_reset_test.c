// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets of a whole slot or bus: VFIO_DEVICE_GET_PCI_HOT_RESET_INFO.
 *
 * Uses an edu on the root bus (nothing above it that could reset it), the two
 * edu below a PCI bridge (one group, one bus), and an igb below a root port (in
 * a hotplug slot).
 */
#include "kselftest_harness.h"
#include "vfio_edu.h"
#include "vfio_test.h"

#define HEADER		12	/* argsz, flags, count */
#define ENTRY		8
#define MANY		8

/* ---- What would be hit ---------------------------------------------------- */

union answer {
	struct vfio_pci_hot_reset_info head;
	struct {
		char head_bytes[HEADER];
		struct vfio_pci_dependent_device devices[MANY];
	};
};

static int __info(int device, union answer *answer, uint32_t argsz)
{
	memset(answer, 0x5a, sizeof(*answer));
	answer->head.argsz = argsz;
	return __call(device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, answer);
}

static bool untouched(const void *mem, size_t size)
{
	return is_all(mem, size, 0x5a);
}

/* Whether the list names the device, with its group. */
static bool lists(const union answer *answer, const char *bdf)
{
	char name[32];
	uint32_t i;

	for (i = 0; i < answer->head.count && i < MANY; i++) {
		const struct vfio_pci_dependent_device *device = &answer->devices[i];

		snprintf(name, sizeof(name), "%04x:%02x:%02x.%x", device->segment, device->bus,
			 device->devfn >> 3, device->devfn & 7);
		if (!strcmp(name, bdf))
			return (int)device->group_id == pci_group(bdf);
	}
	return false;
}

/* ---- Nothing to reset it with --------------------------------------------- */

TEST_F(edu, no_info)
{
	union answer answer;

	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, NULL));
	EXPECT_EQ(-EINVAL, __info(self->fd, &answer, 0));
	EXPECT_EQ(-EINVAL, __info(self->fd, &answer, HEADER - 1));
	EXPECT_EQ(-ENODEV, __info(self->fd, &answer, HEADER));
	EXPECT_EQ(-ENODEV, __info(self->fd, &answer, sizeof(answer)));
	EXPECT_TRUE(untouched(&answer.head.flags, sizeof(answer) - 4));
}

/* ---- Two on a bus --------------------------------------------------------- */

FIXTURE(pair)
{
	struct vfio vfio;
	char other[BDF_LEN];
	int fd;
	int other_fd;		/* -1 until a test opens it */
};

FIXTURE_SETUP(pair)
{
	char bdf[BDF_LEN];

	if (!pci_find_pair(ID_EDU, bdf, self->other))
		SKIP(return, "no pair of edu");
	pci_bind(self->other, "vfio-pci");
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	self->fd = self->vfio.device;
	self->other_fd = -1;
}

FIXTURE_TEARDOWN(pair)
{
	if (self->other_fd >= 0)
		close(self->other_fd);
	vfio_close(&self->vfio);
	pci_unbind(self->other);
}

TEST_F(pair, info)
{
	union answer answer;

	ASSERT_EQ(0, __info(self->fd, &answer, sizeof(answer)));
	EXPECT_EQ(sizeof(answer), answer.head.argsz);
	EXPECT_EQ(0, answer.head.flags);
	ASSERT_EQ(2, answer.head.count);
	EXPECT_TRUE(lists(&answer, self->vfio.bdf));
	EXPECT_TRUE(lists(&answer, self->other));
	EXPECT_TRUE(untouched(&answer.devices[2], sizeof(answer) - HEADER - 2 * ENTRY));
}

TEST_F(pair, info_room)
{
	union answer answer;
	uint32_t argsz;

	for (argsz = HEADER; argsz < HEADER + 2 * ENTRY; argsz++) {
		ASSERT_EQ(-ENOSPC, __info(self->fd, &answer, argsz));
		EXPECT_EQ(argsz, answer.head.argsz);
		EXPECT_EQ(0, answer.head.flags);
		EXPECT_EQ(2, answer.head.count);
		EXPECT_TRUE(untouched(answer.devices, sizeof(answer.devices)));
	}
	EXPECT_EQ(0, __info(self->fd, &answer, argsz));
	EXPECT_EQ(2, answer.head.count);
	/* Not even a wrong size is more than what there is. */
	EXPECT_EQ(0, __info(self->fd, &answer, UINT32_MAX));
	EXPECT_EQ(2, answer.head.count);
}

TEST_F(pair, info_fault)
{
	struct vfio_pci_hot_reset_info *head = (void *)(memory_end() - HEADER);

	*head = (struct vfio_pci_hot_reset_info){ .argsz = HEADER };
	EXPECT_EQ(-ENOSPC, __call(self->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, head));
	EXPECT_EQ(2, head->count);
	*head = (struct vfio_pci_hot_reset_info){ .argsz = HEADER + 2 * ENTRY };
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, head));
	EXPECT_EQ(0, head->count);
}

/* The list is of what is there, whoever drives it. */
TEST_F(pair, info_of_strangers)
{
	union answer answer;

	pci_unbind(self->other);
	ASSERT_EQ(0, __info(self->fd, &answer, sizeof(answer)));
	ASSERT_EQ(2, answer.head.count);
	EXPECT_TRUE(lists(&answer, self->other));
}

/* ---- One in a slot -------------------------------------------------------- */

FIXTURE(port)
{
	struct vfio vfio;
	int fd;
};

FIXTURE_SETUP(port)
{
	unsigned int nth = 0;
	char bdf[BDF_LEN];

	do {
		if (!pci_find(ID_IGB, nth++, bdf))
			SKIP(return, "no igb below a port");
	} while (!strncmp(bdf, "0000:00:", 8));
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	self->fd = self->vfio.device;
}

FIXTURE_TEARDOWN(port)
{
	vfio_close(&self->vfio);
}

TEST_F(port, info)
{
	union answer answer;

	EXPECT_EQ(-ENOSPC, __info(self->fd, &answer, HEADER));
	EXPECT_EQ(1, answer.head.count);
	ASSERT_EQ(0, __info(self->fd, &answer, HEADER + ENTRY));
	ASSERT_EQ(1, answer.head.count);
	EXPECT_TRUE(lists(&answer, self->vfio.bdf));
}

TEST_HARNESS_MAIN
