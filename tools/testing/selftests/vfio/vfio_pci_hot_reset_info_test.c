// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which devices a reset of a whole slot or bus would hit:
 * VFIO_DEVICE_GET_PCI_HOT_RESET_INFO.
 */
#include "kselftest_harness.h"
#include "vfio_hot_reset.h"

static bool untouched(const void *mem, size_t size)
{
	return is_all(mem, size, 0x5a);
}

TEST_F(edu, no_info)
{
	union answer answer;

	if (!on_root_bus(self->vfio.bdf))
		SKIP(return, "its bus can be reset");
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, NULL));
	EXPECT_EQ(-EINVAL, __info(self->fd, &answer, 0));
	EXPECT_EQ(-EINVAL, __info(self->fd, &answer, HEADER - 1));
	EXPECT_EQ(-ENODEV, __info(self->fd, &answer, HEADER));
	EXPECT_EQ(-ENODEV, __info(self->fd, &answer, sizeof(answer)));
	EXPECT_TRUE(untouched(&answer.head.flags, sizeof(answer) - 4));
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
