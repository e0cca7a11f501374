// SPDX-License-Identifier: GPL-2.0-only
/*
 * A group that captures another: both go into one container by one call, the
 * devices of both come out of one descriptor. The kernel's own modules have none
 * of this.
 *
 * Uses two edu devices that are alone in their groups.
 */
#include <fcntl.h>
#include <sys/eventfd.h>

#include "kselftest_harness.h"
#include "vfio_two_groups.h"

#define VIABLE		VFIO_GROUP_FLAGS_VIABLE
#define CONTAINER_SET	VFIO_GROUP_FLAGS_CONTAINER_SET
#define IOVA		0x100000

FIXTURE(capture)
{
	struct two_groups two;
};

FIXTURE_SETUP(capture)
{
	if (!groups_share())
		SKIP(return, "groups do not share tables here");
	if (!find_two_alone(&self->two))
		SKIP(return, "no two edu devices alone in their groups");
	if (!open_two(&self->two))
		SKIP(return, "no such call");
}

FIXTURE_TEARDOWN(capture)
{
	close_two(&self->two);
}

/* Both groups into the container, and the second device by the first group. */
static int open_second(FIXTURE_DATA(capture) *self)
{
	group_set_container(self->two.group[0], self->two.container);
	set_iommu(self->two.container, HOST_IOMMU);
	return group_get_device(self->two.group[0], self->two.bdf[1]);
}

TEST_F(capture, reaches_memory_from_both)
{
	int device[2], i;
	char *mem = memory(2 * PAGE);

	ASSERT_EQ(0, __group_capture(self->two.group[0], self->two.group[1]));
	EXPECT_EQ(VIABLE, group_status(self->two.group[0]));
	device[1] = open_second(self);
	device[0] = group_get_device(self->two.group[0], self->two.bdf[0]);
	EXPECT_EQ(VIABLE | CONTAINER_SET, group_status(self->two.group[0]));
	EXPECT_EQ(VIABLE | CONTAINER_SET, group_status(self->two.group[1]));
	dma_register(self->two.container, mem, 2 * PAGE);
	dma_map(self->two.container, mem, IOVA, 2 * PAGE, DMA_RW);
	for (i = 0; i < 2; i++)
		EXPECT_TRUE(edu_copies(device[i], mem, IOVA, 0x40 + i));
	close(device[0]);
	close(device[1]);
}

TEST_F(capture, own_calls_answer_ebusy)
{
	struct group_composition made_of;
	int fd[] = { self->two.container };

	ASSERT_EQ(0, __group_capture(self->two.group[0], self->two.group[1]));
	EXPECT_EQ(-EBUSY, __group_set_container(self->two.group[1], self->two.container));
	EXPECT_EQ(-EBUSY, __group_unset_container(self->two.group[1]));
	EXPECT_EQ(-EBUSY, __group_get_device(self->two.group[1], self->two.bdf[1]));
	EXPECT_EQ(-EBUSY, __group_composition(self->two.group[1], &made_of));
	EXPECT_EQ(VIABLE, group_status(self->two.group[1]));
	EXPECT_EQ(-EBUSY, __group_open(self->two.id[1]));
	/* Nothing of the captor is changed by that. */
	group_set_container(self->two.group[0], fd[0]);
	EXPECT_EQ(-EBUSY, __group_unset_container(self->two.group[1]));
	EXPECT_EQ(0, __group_unset_container(self->two.group[0]));
}

TEST_F(capture, composition)
{
	struct group_composition made_of;
	struct vfio_group_feature_composition head = {};
	uint32_t short_arg[4] = {
		sizeof(short_arg), VFIO_GROUP_FEATURE_GET | VFIO_GROUP_FEATURE_COMPOSITION
	};

	EXPECT_EQ(0, __group_composition(self->two.group[0], &made_of));
	EXPECT_EQ(1, made_of.data.count);
	EXPECT_EQ(VFIO_COMPOSITION_PLAIN, made_of.data.kind);
	EXPECT_EQ(self->two.id[0], made_of.data.groups[0]);

	ASSERT_EQ(0, __group_capture(self->two.group[0], self->two.group[1]));
	EXPECT_EQ(0, __group_composition(self->two.group[0], &made_of));
	EXPECT_EQ(2, made_of.data.count);
	EXPECT_EQ(VFIO_COMPOSITION_CAPTURING, made_of.data.kind);
	EXPECT_EQ(self->two.id[0], made_of.data.groups[0]);
	EXPECT_EQ(self->two.id[1], made_of.data.groups[1]);

	EXPECT_EQ(-ENOSPC, __call(self->two.group[0], VFIO_GROUP_FEATURE, short_arg));
	EXPECT_EQ(8 + sizeof(head) + 8, short_arg[0]);
	EXPECT_EQ(2, short_arg[2]);
	EXPECT_EQ(-EINVAL, __group_feature(self->two.group[0], VFIO_GROUP_FEATURE_GET |
					   VFIO_GROUP_FEATURE_COMPOSITION, &head, 4));
}

TEST_F(capture, joins_a_container_at_once)
{
	int device;

	group_set_container(self->two.group[0], self->two.container);
	set_iommu(self->two.container, HOST_IOMMU);
	ASSERT_EQ(0, __group_capture(self->two.group[0], self->two.group[1]));
	device = group_get_device(self->two.group[0], self->two.bdf[1]);
	EXPECT_EQ(-EBUSY, __group_release(self->two.group[0], self->two.id[1]));
	EXPECT_EQ(-EBUSY, __group_unset_container(self->two.group[0]));
	close(device);
	EXPECT_EQ(0, __group_release(self->two.group[0], self->two.id[1]));
	EXPECT_EQ(VIABLE, group_status(self->two.group[1]));
	EXPECT_EQ(VIABLE | CONTAINER_SET, group_status(self->two.group[0]));
	EXPECT_EQ(-ENODEV, __group_get_device(self->two.group[0], self->two.bdf[1]));
}

TEST_F(capture, loses_what_it_captured)
{
	ASSERT_EQ(0, __group_capture(self->two.group[0], self->two.group[1]));
	close_fd(&self->two.group[1]);
	pci_unbind(self->two.bdf[1]);
	/* Its last device has left, so it is no part any more. */
	EXPECT_EQ(VIABLE, group_status(self->two.group[0]));
	group_set_container(self->two.group[0], self->two.container);
	EXPECT_EQ(-EINVAL, __group_release(self->two.group[0], self->two.id[1]));
}

TEST_F(capture, refusals)
{
	int other = container_open(), event = eventfd(0, EFD_CLOEXEC);
	struct vfio_group_feature_capture capture = { .group_fd = self->two.group[1], .flags = 1 };
	struct vfio_group_feature_release release = { .group = self->two.id[1], .flags = 1 };
	uint32_t set = VFIO_GROUP_FEATURE_SET;

	EXPECT_EQ(-EBADF, __group_capture(self->two.group[0], -1));
	EXPECT_EQ(-EBADF, __group_capture(self->two.group[0], 1000));
	EXPECT_EQ(-EINVAL, __group_capture(self->two.group[0], event));
	EXPECT_EQ(-EINVAL, __group_capture(self->two.group[0], self->two.container));
	EXPECT_EQ(-EINVAL, __group_capture(self->two.group[0], self->two.group[0]));
	EXPECT_EQ(-EINVAL, __group_feature(self->two.group[0], set | VFIO_GROUP_FEATURE_CAPTURE,
					   &capture, sizeof(capture)));
	EXPECT_EQ(-EINVAL, __group_feature(self->two.group[0], set | VFIO_GROUP_FEATURE_CAPTURE,
					   &capture, 4));
	EXPECT_EQ(-EINVAL, __group_feature(self->two.group[0], VFIO_GROUP_FEATURE_GET |
					   VFIO_GROUP_FEATURE_CAPTURE, &capture, sizeof(capture)));
	/* Not captured. */
	EXPECT_EQ(-EINVAL, __group_release(self->two.group[0], self->two.id[1]));
	EXPECT_EQ(-EINVAL, __group_release(self->two.group[0], self->two.id[0]));

	group_set_container(self->two.group[1], other);
	EXPECT_EQ(-EBUSY, __group_capture(self->two.group[0], self->two.group[1]));
	EXPECT_EQ(0, __group_unset_container(self->two.group[1]));

	ASSERT_EQ(0, __group_capture(self->two.group[0], self->two.group[1]));
	EXPECT_EQ(-ELOOP, __group_capture(self->two.group[0], self->two.group[1]));
	EXPECT_EQ(-ELOOP, __group_capture(self->two.group[1], self->two.group[0]));
	EXPECT_EQ(-EINVAL, __group_feature(self->two.group[0], set | VFIO_GROUP_FEATURE_RELEASE,
					   &release, sizeof(release)));
	EXPECT_EQ(-EINVAL, __group_release(self->two.group[0], self->two.id[0]));
	EXPECT_EQ(-EINVAL, __group_release(self->two.group[1], self->two.id[1]));
	EXPECT_EQ(0, __group_release(self->two.group[0], self->two.id[1]));
	/* All as before: it may go the other way round. */
	EXPECT_EQ(0, __group_capture(self->two.group[1], self->two.group[0]));
	close(other);
	close(event);
}

TEST_F(capture, closed_while_captured)
{
	int device;

	ASSERT_EQ(0, __group_capture(self->two.group[0], self->two.group[1]));
	close_fd(&self->two.group[1]);
	EXPECT_EQ(-EBUSY, __group_open(self->two.id[1]));
	device = open_second(self);
	close(device);
	EXPECT_EQ(0, __group_release(self->two.group[0], self->two.id[1]));
	self->two.group[1] = group_open(self->two.id[1]);
	EXPECT_EQ(VIABLE, group_status(self->two.group[1]));
}

TEST_F(capture, the_captor_closes)
{
	ASSERT_EQ(0, __group_capture(self->two.group[0], self->two.group[1]));
	group_set_container(self->two.group[0], self->two.container);
	close_fd(&self->two.group[0]);
	EXPECT_EQ(VIABLE, group_status(self->two.group[1]));
	group_set_container(self->two.group[1], self->two.container);
	EXPECT_EQ(0, __group_unset_container(self->two.group[1]));
	self->two.group[0] = group_open(self->two.id[0]);
}

TEST_F(capture, an_open_device_keeps_both)
{
	int device;

	ASSERT_EQ(0, __group_capture(self->two.group[0], self->two.group[1]));
	device = open_second(self);
	close_fd(&self->two.group[0]);
	close_fd(&self->two.group[1]);
	EXPECT_EQ(-EBUSY, __group_open(self->two.id[0]));
	EXPECT_EQ(-EBUSY, __group_open(self->two.id[1]));
	close(device);
	self->two.group[0] = group_open(self->two.id[0]);
	self->two.group[1] = group_open(self->two.id[1]);
}

TEST_F(capture, the_captor_loses_its_device)
{
	ASSERT_EQ(0, __group_capture(self->two.group[0], self->two.group[1]));
	pci_unbind(self->two.bdf[0]);
	EXPECT_EQ(-ENODEV, __group_set_container(self->two.group[0], self->two.container));
	close_fd(&self->two.group[0]);
	group_set_container(self->two.group[1], self->two.container);
}

TEST_HARNESS_MAIN
