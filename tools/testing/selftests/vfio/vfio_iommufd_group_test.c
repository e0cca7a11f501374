// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups with a context of IOMMUFD in place of a container.
 *
 * Uses an edu device alone in its group, and two in one group; the kernel needs
 * CONFIG_IOMMUFD.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "vfio_ioas.h"
#include "vfio_test.h"
#include "vfio_windows.h"

#define VIABLE		VFIO_GROUP_FLAGS_VIABLE
#define CONTAINER_SET	VFIO_GROUP_FLAGS_CONTAINER_SET

/* A device's group that is not in a container, and a context. */
FIXTURE(context)
{
	struct vfio vfio;
	int iommu;
};

FIXTURE_SETUP(context)
{
	struct vfio *vfio = &self->vfio;
	char bdf[BDF_LEN];

	vfio->container = vfio->group = vfio->device = -1;
	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	self->iommu = __iommu_open();
	if (self->iommu < 0)
		SKIP(return, "no IOMMUFD");
	vfio_open_group(vfio, bdf);
	must(__group_unset_container(vfio->group));
}

FIXTURE_TEARDOWN(context)
{
	if (*self->vfio.bdf)
		vfio_close(&self->vfio);
	close_fd(&self->iommu);
}

TEST_F(context, takes_the_place_of_a_container)
{
	struct vfio *vfio = &self->vfio;
	int other = must(__iommu_open());

	EXPECT_EQ(0, __group_set_container(vfio->group, self->iommu));
	EXPECT_EQ(VIABLE | CONTAINER_SET, group_status(vfio->group));
	EXPECT_EQ(-EINVAL, __group_set_container(vfio->group, self->iommu));
	EXPECT_EQ(-EINVAL, __group_set_container(vfio->group, other));
	EXPECT_EQ(-EINVAL, __group_set_container(vfio->group, vfio->container));
	EXPECT_EQ(0, __group_unset_container(vfio->group));
	EXPECT_EQ(-EINVAL, __group_unset_container(vfio->group));
	EXPECT_EQ(VIABLE, group_status(vfio->group));

	EXPECT_EQ(0, __group_set_container(vfio->group, other));
	EXPECT_EQ(0, __group_unset_container(vfio->group));
	EXPECT_EQ(0, __group_set_container(vfio->group, vfio->container));
	close(other);
}

TEST_F(context, needs_no_set_iommu)
{
	struct vfio *vfio = &self->vfio;
	int second;

	EXPECT_EQ(-EINVAL, __group_get_device(vfio->group, vfio->bdf));
	group_set_container(vfio->group, self->iommu);
	vfio->device = __group_get_device(vfio->group, vfio->bdf);
	ASSERT_LE(0, vfio->device);
	EXPECT_EQ(0x1234, config_read(vfio->device, 0, 2));
	second = __group_get_device(vfio->group, vfio->bdf);
	EXPECT_LE(0, second);
	close(second);
	EXPECT_EQ(0x1234, config_read(vfio->device, 0, 2));
}

/* IOMMUFD has calls of its own for the addresses that can be used. */
TEST_F(context, describes_no_windows)
{
	struct group_windows group;

	group_set_container(self->vfio.group, self->iommu);
	EXPECT_EQ(driver_is_rust() ? -EOPNOTSUPP : -ENOTTY, __group_windows(self->vfio.group, &group));
}

TEST_F(context, device_reaches_what_is_mapped)
{
	struct vfio *vfio = &self->vfio;
	char *mem = memory(2 * PAGE);
	int round;

	group_set_container(vfio->group, self->iommu);
	/* The context knows the calls of a container. */
	EXPECT_EQ(VFIO_API_VERSION, __call(self->iommu, VFIO_GET_API_VERSION, NULL));
	set_iommu(self->iommu, VFIO_TYPE1v2_IOMMU);
	dma_map(self->iommu, mem, IOVA, 2 * PAGE, DMA_RW);
	for (round = 0; round < 2; round++) {
		vfio->device = group_get_device(vfio->group, vfio->bdf);
		EXPECT_TRUE(edu_copies(vfio->device, mem, IOVA, 0x5a + round));
		/* Closing takes the device out of the address space, not the memory. */
		close_fd(&vfio->device);
	}
	EXPECT_EQ(2 * PAGE, dma_unmap(self->iommu, IOVA, 2 * PAGE));
}

TEST_F(context, owns_dma_from_the_first_device_on)
{
	struct vfio *vfio = &self->vfio;

	group_set_container(vfio->group, self->iommu);
	vfio->device = group_get_device(vfio->group, vfio->bdf);
	close_fd(&vfio->device);
	EXPECT_EQ(0, __group_unset_container(vfio->group));
	EXPECT_EQ(VIABLE, group_status(vfio->group));
	EXPECT_EQ(0, __group_set_container(vfio->group, vfio->container));
	EXPECT_EQ(0, __set_iommu(vfio->container, VFIO_TYPE1v2_IOMMU));
}

TEST_F(context, closes_in_any_order)
{
	struct vfio *vfio = &self->vfio;

	group_set_container(vfio->group, self->iommu);
	vfio->device = group_get_device(vfio->group, vfio->bdf);
	close_fd(&self->iommu);
	close_fd(&vfio->group);
	EXPECT_EQ(0x1234, config_read(vfio->device, 0, 2));
	close_fd(&vfio->device);
	vfio->group = __group_open(vfio->group_id);
	EXPECT_LE(0, vfio->group);
	EXPECT_EQ(-EINVAL, __group_unset_container(vfio->group));
}

TEST_F(context, an_open_device_keeps_the_group)
{
	struct vfio *vfio = &self->vfio;

	/* On C a device holds its group only in a container. */
	if (!driver_is_rust())
		SKIP(return, "a listed difference");
	group_set_container(vfio->group, self->iommu);
	vfio->device = group_get_device(vfio->group, vfio->bdf);
	EXPECT_EQ(-EBUSY, __group_unset_container(vfio->group));
	close_fd(&vfio->group);
	EXPECT_EQ(-EBUSY, __group_open(vfio->group_id));
	close_fd(&vfio->device);
	vfio->group = __group_open(vfio->group_id);
	EXPECT_LE(0, vfio->group);
}

TEST_F_TIMEOUT(context, all_devices_of_a_group, 60)
{
	struct vfio *vfio = &self->vfio;
	char first[BDF_LEN], second[BDF_LEN];
	int group, devices[2];

	if (!pci_find_pair(ID_EDU, first, second))
		SKIP(return, "no two edu devices in one group");
	pci_bind(first, "vfio-pci");
	pci_bind(second, "vfio-pci");
	group = group_open(pci_group(first));
	EXPECT_EQ(0, __group_set_container(group, self->iommu));
	/* Another group may be in the same context. */
	EXPECT_EQ(0, __group_set_container(vfio->group, self->iommu));
	devices[0] = group_get_device(group, first);
	devices[1] = group_get_device(group, second);
	vfio->device = group_get_device(vfio->group, vfio->bdf);
	EXPECT_EQ(0x1234, config_read(devices[1], 0, 2));
	close(devices[0]);
	EXPECT_EQ(0x1234, config_read(devices[1], 0, 2));
	close(devices[1]);
	close(group);
	pci_unbind(first);
	pci_unbind(second);
}

TEST_HARNESS_MAIN
