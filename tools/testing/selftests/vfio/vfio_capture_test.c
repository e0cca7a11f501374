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
#include "vfio_test.h"
#include "vfio_group_feature.h"

#define VIABLE		VFIO_GROUP_FLAGS_VIABLE
#define CONTAINER_SET	VFIO_GROUP_FLAGS_CONTAINER_SET
#define IOVA		0x100000

FIXTURE(capture)
{
	char bdf[2][BDF_LEN];
	int id[2], group[2];
	int container;
};

FIXTURE_SETUP(capture)
{
	int i;

	self->container = self->group[0] = self->group[1] = -1;
	if (!groups_share())
		SKIP(return, "groups do not share tables here");
	if (!pci_find_alone(ID_EDU, 1, self->bdf[1]))
		SKIP(return, "no two edu devices alone in their groups");
	pci_find_alone(ID_EDU, 0, self->bdf[0]);
	for (i = 0; i < 2; i++) {
		pci_bind(self->bdf[i], "vfio-pci");
		self->id[i] = pci_group(self->bdf[i]);
		self->group[i] = group_open(self->id[i]);
	}
	self->container = container_open();
	if (!group_has_features(self->group[0])) {
		EXPECT_FALSE(driver_is_rust());
		SKIP(return, "no such call");
	}
}

FIXTURE_TEARDOWN(capture)
{
	int i;

	for (i = 0; i < 2; i++) {
		close_fd(&self->group[i]);
		if (self->bdf[i][0])
			pci_unbind(self->bdf[i]);
	}
	close_fd(&self->container);
}

/* Both groups into the container, and the second device by the first group. */
static int open_second(FIXTURE_DATA(capture) *self)
{
	group_set_container(self->group[0], self->container);
	set_iommu(self->container, HOST_IOMMU);
	return group_get_device(self->group[0], self->bdf[1]);
}

TEST_F(capture, reaches_memory_from_both)
{
	int device[2], i;
	char *mem = memory(2 * PAGE);
	struct edu edu;

	ASSERT_EQ(0, __group_capture(self->group[0], self->group[1]));
	EXPECT_EQ(VIABLE, group_status(self->group[0]));
	device[1] = open_second(self);
	device[0] = group_get_device(self->group[0], self->bdf[0]);
	EXPECT_EQ(VIABLE | CONTAINER_SET, group_status(self->group[0]));
	EXPECT_EQ(VIABLE | CONTAINER_SET, group_status(self->group[1]));
	dma_register(self->container, mem, 2 * PAGE);
	dma_map(self->container, mem, IOVA, 2 * PAGE, DMA_RW);
	for (i = 0; i < 2; i++) {
		memset(mem, 0x40 + i, PAGE);
		memset(mem + PAGE, 0, PAGE);
		edu_open(&edu, device[i]);
		edu_copy(&edu, IOVA, IOVA + PAGE, EDU_BUFFER);
		EXPECT_TRUE(is_all(mem + PAGE, EDU_BUFFER, 0x40 + i));
		edu_close(&edu);
	}
	close(device[0]);
	close(device[1]);
}

TEST_F(capture, own_calls_answer_ebusy)
{
	struct group_composition made_of;
	int fd[] = { self->container };

	ASSERT_EQ(0, __group_capture(self->group[0], self->group[1]));
	EXPECT_EQ(-EBUSY, __group_set_container(self->group[1], self->container));
	EXPECT_EQ(-EBUSY, __group_unset_container(self->group[1]));
	EXPECT_EQ(-EBUSY, __group_get_device(self->group[1], self->bdf[1]));
	EXPECT_EQ(-EBUSY, __group_composition(self->group[1], &made_of));
	EXPECT_EQ(VIABLE, group_status(self->group[1]));
	EXPECT_EQ(-EBUSY, __group_open(self->id[1]));
	/* Nothing of the captor is changed by that. */
	group_set_container(self->group[0], fd[0]);
	EXPECT_EQ(-EBUSY, __group_unset_container(self->group[1]));
	EXPECT_EQ(0, __group_unset_container(self->group[0]));
}

TEST_F(capture, composition)
{
	struct group_composition made_of;
	struct vfio_group_feature_composition head = {};
	uint32_t short_arg[4] = {
		sizeof(short_arg), VFIO_GROUP_FEATURE_GET | VFIO_GROUP_FEATURE_COMPOSITION
	};

	EXPECT_EQ(0, __group_composition(self->group[0], &made_of));
	EXPECT_EQ(1, made_of.data.count);
	EXPECT_EQ(VFIO_COMPOSITION_PLAIN, made_of.data.kind);
	EXPECT_EQ(self->id[0], made_of.data.groups[0]);

	ASSERT_EQ(0, __group_capture(self->group[0], self->group[1]));
	EXPECT_EQ(0, __group_composition(self->group[0], &made_of));
	EXPECT_EQ(2, made_of.data.count);
	EXPECT_EQ(VFIO_COMPOSITION_CAPTURING, made_of.data.kind);
	EXPECT_EQ(self->id[0], made_of.data.groups[0]);
	EXPECT_EQ(self->id[1], made_of.data.groups[1]);

	EXPECT_EQ(-ENOSPC, __call(self->group[0], VFIO_GROUP_FEATURE, short_arg));
	EXPECT_EQ(8 + sizeof(head) + 8, short_arg[0]);
	EXPECT_EQ(2, short_arg[2]);
	EXPECT_EQ(-EINVAL, __group_feature(self->group[0], VFIO_GROUP_FEATURE_GET |
					   VFIO_GROUP_FEATURE_COMPOSITION, &head, 4));
}

TEST_F(capture, joins_a_container_at_once)
{
	int device;

	group_set_container(self->group[0], self->container);
	set_iommu(self->container, HOST_IOMMU);
	ASSERT_EQ(0, __group_capture(self->group[0], self->group[1]));
	device = group_get_device(self->group[0], self->bdf[1]);
	EXPECT_EQ(-EBUSY, __group_release(self->group[0], self->id[1]));
	EXPECT_EQ(-EBUSY, __group_unset_container(self->group[0]));
	close(device);
	EXPECT_EQ(0, __group_release(self->group[0], self->id[1]));
	EXPECT_EQ(VIABLE, group_status(self->group[1]));
	EXPECT_EQ(VIABLE | CONTAINER_SET, group_status(self->group[0]));
	EXPECT_EQ(-ENODEV, __group_get_device(self->group[0], self->bdf[1]));
}

TEST_F(capture, loses_what_it_captured)
{
	ASSERT_EQ(0, __group_capture(self->group[0], self->group[1]));
	close_fd(&self->group[1]);
	pci_unbind(self->bdf[1]);
	/* Its last device has left, so it is no part any more. */
	EXPECT_EQ(VIABLE, group_status(self->group[0]));
	group_set_container(self->group[0], self->container);
	EXPECT_EQ(-EINVAL, __group_release(self->group[0], self->id[1]));
}

TEST_F(capture, refusals)
{
	int other = container_open(), event = eventfd(0, EFD_CLOEXEC);
	struct vfio_group_feature_capture capture = { .group_fd = self->group[1], .flags = 1 };
	struct vfio_group_feature_release release = { .group = self->id[1], .flags = 1 };
	uint32_t set = VFIO_GROUP_FEATURE_SET;

	EXPECT_EQ(-EBADF, __group_capture(self->group[0], -1));
	EXPECT_EQ(-EBADF, __group_capture(self->group[0], 1000));
	EXPECT_EQ(-EINVAL, __group_capture(self->group[0], event));
	EXPECT_EQ(-EINVAL, __group_capture(self->group[0], self->container));
	EXPECT_EQ(-EINVAL, __group_capture(self->group[0], self->group[0]));
	EXPECT_EQ(-EINVAL, __group_feature(self->group[0], set | VFIO_GROUP_FEATURE_CAPTURE,
					   &capture, sizeof(capture)));
	EXPECT_EQ(-EINVAL, __group_feature(self->group[0], set | VFIO_GROUP_FEATURE_CAPTURE,
					   &capture, 4));
	EXPECT_EQ(-EINVAL, __group_feature(self->group[0], VFIO_GROUP_FEATURE_GET |
					   VFIO_GROUP_FEATURE_CAPTURE, &capture, sizeof(capture)));
	/* Not captured. */
	EXPECT_EQ(-EINVAL, __group_release(self->group[0], self->id[1]));
	EXPECT_EQ(-EINVAL, __group_release(self->group[0], self->id[0]));

	group_set_container(self->group[1], other);
	EXPECT_EQ(-EBUSY, __group_capture(self->group[0], self->group[1]));
	EXPECT_EQ(0, __group_unset_container(self->group[1]));

	ASSERT_EQ(0, __group_capture(self->group[0], self->group[1]));
	EXPECT_EQ(-ELOOP, __group_capture(self->group[0], self->group[1]));
	EXPECT_EQ(-ELOOP, __group_capture(self->group[1], self->group[0]));
	EXPECT_EQ(-EINVAL, __group_feature(self->group[0], set | VFIO_GROUP_FEATURE_RELEASE,
					   &release, sizeof(release)));
	EXPECT_EQ(-EINVAL, __group_release(self->group[0], self->id[0]));
	EXPECT_EQ(-EINVAL, __group_release(self->group[1], self->id[1]));
	EXPECT_EQ(0, __group_release(self->group[0], self->id[1]));
	/* All as before: it may go the other way round. */
	EXPECT_EQ(0, __group_capture(self->group[1], self->group[0]));
	close(other);
	close(event);
}

TEST_F(capture, closed_while_captured)
{
	int device;

	ASSERT_EQ(0, __group_capture(self->group[0], self->group[1]));
	close_fd(&self->group[1]);
	EXPECT_EQ(-EBUSY, __group_open(self->id[1]));
	device = open_second(self);
	close(device);
	EXPECT_EQ(0, __group_release(self->group[0], self->id[1]));
	self->group[1] = group_open(self->id[1]);
	EXPECT_EQ(VIABLE, group_status(self->group[1]));
}

TEST_F(capture, the_captor_closes)
{
	ASSERT_EQ(0, __group_capture(self->group[0], self->group[1]));
	group_set_container(self->group[0], self->container);
	close_fd(&self->group[0]);
	EXPECT_EQ(VIABLE, group_status(self->group[1]));
	group_set_container(self->group[1], self->container);
	EXPECT_EQ(0, __group_unset_container(self->group[1]));
	self->group[0] = group_open(self->id[0]);
}

TEST_F(capture, an_open_device_keeps_both)
{
	int device;

	ASSERT_EQ(0, __group_capture(self->group[0], self->group[1]));
	device = open_second(self);
	close_fd(&self->group[0]);
	close_fd(&self->group[1]);
	EXPECT_EQ(-EBUSY, __group_open(self->id[0]));
	EXPECT_EQ(-EBUSY, __group_open(self->id[1]));
	close(device);
	self->group[0] = group_open(self->id[0]);
	self->group[1] = group_open(self->id[1]);
}

TEST_F(capture, the_captor_loses_its_device)
{
	ASSERT_EQ(0, __group_capture(self->group[0], self->group[1]));
	pci_unbind(self->bdf[0]);
	EXPECT_EQ(-ENODEV, __group_set_container(self->group[0], self->container));
	close_fd(&self->group[0]);
	group_set_container(self->group[1], self->container);
}

TEST_HARNESS_MAIN
