// SPDX-License-Identifier: GPL-2.0-only
/*
 * The group: its node, who may open it, and when it is viable.
 *
 * Uses an edu device alone in its group, and two that share one.
 */
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "kselftest_harness.h"
#include "vfio_test.h"

#define VIABLE		VFIO_GROUP_FLAGS_VIABLE
#define CONTAINER_SET	VFIO_GROUP_FLAGS_CONTAINER_SET

/* An ordinary driver that takes any device with an interrupt line. */
#define HOST_DRIVER	"uio_pci_generic"

static void group_node(int group, char *path)
{
	sprintf(path, "/dev/vfio/%d", group);
}

/* ---- One device, nothing open --------------------------------------------- */

FIXTURE(bound)
{
	char bdf[BDF_LEN];
	char node[32];
	int group_id;
};

FIXTURE_SETUP(bound)
{
	if (!pci_find_alone(ID_EDU, 0, self->bdf))
		SKIP(return, "no edu device alone in its group");
	pci_bind(self->bdf, "vfio-pci");
	self->group_id = pci_group(self->bdf);
	group_node(self->group_id, self->node);
}

FIXTURE_TEARDOWN(bound)
{
	pci_unbind(self->bdf);
}

TEST_F(bound, node)
{
	struct stat stat;

	ASSERT_EQ(0, lstat(self->node, &stat));
	EXPECT_EQ(S_IFCHR | 0600, stat.st_mode);
	EXPECT_EQ(0, stat.st_uid);
	EXPECT_EQ(0, stat.st_gid);

	pci_unbind(self->bdf);
	EXPECT_EQ(-1, lstat(self->node, &stat));
	EXPECT_EQ(ENOENT, errno);

	pci_bind(self->bdf, "vfio-pci");
	EXPECT_EQ(0, lstat(self->node, &stat));
}

TEST_F(bound, class_device)
{
	char path[64], text[512], want[64];
	struct stat stat;

	ASSERT_EQ(0, lstat(self->node, &stat));
	sprintf(path, "/sys/class/vfio/%d/uevent", self->group_id);
	ASSERT_EQ(0, __read_text(path, text, sizeof(text)));

	sprintf(want, "MAJOR=%u\n", major(stat.st_rdev));
	EXPECT_NE(NULL, strstr(text, want));
	sprintf(want, "MINOR=%u\n", minor(stat.st_rdev));
	EXPECT_NE(NULL, strstr(text, want));
	sprintf(want, "DEVNAME=vfio/%d", self->group_id);
	EXPECT_NE(NULL, strstr(text, want));

	pci_unbind(self->bdf);
	EXPECT_EQ(-ENOENT, __read_text(path, text, sizeof(text)));
}

TEST_F(bound, r31_opens_once)
{
	int group = group_open(self->group_id);
	int copy;

	EXPECT_EQ(-EBUSY, __group_open(self->group_id));
	copy = dup(group);
	close(group);
	EXPECT_EQ(-EBUSY, __group_open(self->group_id));
	close(copy);

	group = __group_open(self->group_id);
	EXPECT_LE(0, group);
	close(group);
}

TEST_F(bound, access_mode_matters)
{
	EXPECT_EQ(0, setegid(1000));
	EXPECT_EQ(0, seteuid(1000));
	EXPECT_EQ(-EACCES, __group_open(self->group_id));
	EXPECT_EQ(0, seteuid(0));
	EXPECT_EQ(0, setegid(0));
}

TEST_F(bound, status)
{
	int group = group_open(self->group_id);
	int container = container_open();

	EXPECT_EQ(VIABLE, group_status(group));
	group_set_container(group, container);
	EXPECT_EQ(VIABLE | CONTAINER_SET, group_status(group));
	EXPECT_EQ(0, __group_unset_container(group));
	EXPECT_EQ(VIABLE, group_status(group));
	close(group);
	close(container);
}

TEST_F(bound, status_writes_flags_only)
{
	int group = group_open(self->group_id);
	struct {
		struct vfio_group_status status;
		uint32_t behind;
	} buffer = { { .argsz = 12, .flags = ~0U }, .behind = 0x5a5a5a5a };

	EXPECT_EQ(0, __call(group, VFIO_GROUP_GET_STATUS, &buffer));
	EXPECT_EQ(12, buffer.status.argsz);
	EXPECT_EQ(VIABLE, buffer.status.flags);
	EXPECT_EQ(0x5a5a5a5a, buffer.behind);
	close(group);
}

TEST_F(bound, r31_wrong_containers)
{
	int group = group_open(self->group_id);
	int event = eventfd(0, EFD_CLOEXEC);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int container = container_open();
	int other = container_open();

	EXPECT_EQ(-EBADF, __group_set_container(group, -1));
	EXPECT_EQ(-EBADF, __group_set_container(group, 1000));
	EXPECT_EQ(-EBADFD, __group_set_container(group, event));
	EXPECT_EQ(-EBADFD, __group_set_container(group, null));
	EXPECT_EQ(-EBADFD, __group_set_container(group, group));
	EXPECT_EQ(-EINVAL, __group_unset_container(group));
	EXPECT_EQ(VIABLE, group_status(group));

	group_set_container(group, container);
	EXPECT_EQ(-EINVAL, __group_set_container(group, container));
	EXPECT_EQ(-EINVAL, __group_set_container(group, other));
	/* The fd is looked up first, what it is comes last. */
	EXPECT_EQ(-EBADF, __group_set_container(group, -1));
	EXPECT_EQ(-EINVAL, __group_set_container(group, null));
	close(group);
	close(other);
	close(container);
	close(null);
	close(event);
}

TEST_F(bound, unknown_calls)
{
	int group = group_open(self->group_id);
	unsigned int nr;

	/* +27 is VFIO_GROUP_FEATURE, which only ours know. */
	for (nr = 0; nr < 27; nr++) {
		if (nr >= 3 && nr <= 6)
			continue;
		EXPECT_EQ(-ENOTTY, __call(group, _IO(VFIO_TYPE, VFIO_BASE + nr), NULL)) {
			TH_LOG("+%u", nr);
		}
	}
	EXPECT_EQ(driver_is_rust() ? -EFAULT : -ENOTTY, __call(group, VFIO_GROUP_FEATURE, NULL));
	EXPECT_EQ(-ENOTTY, __call(group, _IO(VFIO_TYPE, VFIO_BASE - 1), NULL));
	EXPECT_EQ(-ENOTTY, __call(group, _IO('X', 3), NULL));
	close(group);
}

TEST_F(bound, dead_group)
{
	int group = group_open(self->group_id);
	int container = container_open();
	struct vfio_group_status status = { .argsz = sizeof(status) };
	struct stat stat;

	pci_unbind(self->bdf);
	EXPECT_EQ(-1, lstat(self->node, &stat));
	EXPECT_EQ(-ENODEV, __call(group, VFIO_GROUP_GET_STATUS, &status));
	EXPECT_EQ(-ENODEV, __group_set_container(group, container));
	EXPECT_EQ(-ENODEV, __group_get_device(group, self->bdf));
	EXPECT_EQ(-EINVAL, __group_unset_container(group));

	/* A new life of the group is not held up by the old file, nor revives it. */
	close(group);
	pci_bind(self->bdf, "vfio-pci");
	group = group_open(self->group_id);
	EXPECT_EQ(VIABLE, group_status(group));
	close(group);
	close(container);
}

/* With a container, but no device open, the driver can leave as well. */
TEST_F(bound, dies_in_a_container)
{
	int group = group_open(self->group_id);
	int container = container_open();
	struct vfio_group_status status = { .argsz = sizeof(status) };

	group_set_container(group, container);
	set_iommu(container, HOST_IOMMU);
	pci_unbind(self->bdf);
	EXPECT_EQ(-ENODEV, __call(group, VFIO_GROUP_GET_STATUS, &status));
	EXPECT_EQ(-ENODEV, __group_get_device(group, self->bdf));
	/* The last group took the IOMMU type with it. */
	EXPECT_EQ(-EINVAL, __call(container, VFIO_IOMMU_GET_INFO, NULL));
	close(group);
	close(container);
}

/* ---- Two devices in one group ---------------------------------------------- */

FIXTURE(pair)
{
	char bdf[BDF_LEN];
	char sibling[BDF_LEN];
	int group;
	int container;
};

FIXTURE_SETUP(pair)
{
	if (!pci_find_pair(ID_EDU, self->bdf, self->sibling))
		SKIP(return, "no two edu devices in one group");
	if (system("modprobe -q " HOST_DRIVER " && modprobe -q pci-stub"))
		SKIP(return, "no " HOST_DRIVER " or pci-stub");
	pci_bind(self->bdf, "vfio-pci");
	pci_unbind(self->sibling);
	self->group = group_open(pci_group(self->bdf));
	self->container = container_open();
}

FIXTURE_TEARDOWN(pair)
{
	close(self->group);
	close(self->container);
	pci_unbind(self->bdf);
	pci_unbind(self->sibling);
}

TEST_F(pair, r31_sibling_on_a_host_driver)
{
	pci_bind(self->sibling, HOST_DRIVER);
	EXPECT_EQ(0, group_status(self->group));
	EXPECT_EQ(-EPERM, __group_set_container(self->group, self->container));
	EXPECT_EQ(0, group_status(self->group));
	EXPECT_EQ(-EINVAL, __group_unset_container(self->group));
	EXPECT_EQ(-ENODEV, __group_get_device(self->group, self->sibling));
	EXPECT_EQ(-EINVAL, __group_get_device(self->group, self->bdf));

	/* It can be made good. */
	pci_unbind(self->sibling);
	pci_bind(self->sibling, "vfio-pci");
	EXPECT_EQ(VIABLE, group_status(self->group));
	EXPECT_EQ(0, __group_set_container(self->group, self->container));
}

/*
 * C takes a sibling without driver for harmless; ours does not, unless told
 * so. See "viability" in Documentation/driver-api/vfio-parity.rst.
 */
TEST_F(pair, sibling_without_driver)
{
	bool strict = driver_is_rust();

	EXPECT_EQ(strict ? 0 : VIABLE, group_status(self->group));
	EXPECT_EQ(strict ? -EPERM : 0, __group_set_container(self->group, self->container));
	EXPECT_EQ(strict ? 0 : VIABLE | CONTAINER_SET, group_status(self->group));
}

TEST_F(pair, sibling_on_a_stub)
{
	bool strict = driver_is_rust();

	pci_bind(self->sibling, "pci-stub");
	EXPECT_EQ(strict ? 0 : VIABLE, group_status(self->group));
	EXPECT_EQ(strict ? -EPERM : 0, __group_set_container(self->group, self->container));
}

TEST_F(pair, strict_viability_can_be_switched_off)
{
	static const char parameter[] = "/sys/module/vfio/parameters/strict_viability";

	if (!driver_is_rust())
		SKIP(return, "C has no strict_viability");
	write_text(parameter, "0");
	EXPECT_EQ(VIABLE, group_status(self->group));
	EXPECT_EQ(0, __group_set_container(self->group, self->container));
	EXPECT_EQ(0, __group_unset_container(self->group));

	/* A host driver is too much for either rule. */
	pci_bind(self->sibling, HOST_DRIVER);
	EXPECT_EQ(0, group_status(self->group));
	EXPECT_EQ(-EPERM, __group_set_container(self->group, self->container));

	write_text(parameter, "1");
	pci_unbind(self->sibling);
	EXPECT_EQ(0, group_status(self->group));
	EXPECT_EQ(-EPERM, __group_set_container(self->group, self->container));
}

TEST_F(pair, both_bound)
{
	int first, second;

	pci_bind(self->sibling, "vfio-pci");
	EXPECT_EQ(VIABLE, group_status(self->group));
	group_set_container(self->group, self->container);
	set_iommu(self->container, HOST_IOMMU);
	first = group_get_device(self->group, self->bdf);
	second = group_get_device(self->group, self->sibling);
	EXPECT_EQ(0x11e8, config_read(first, 2, 2));
	EXPECT_EQ(0x11e8, config_read(second, 2, 2));
	close(first);
	EXPECT_EQ(-EBUSY, __group_unset_container(self->group));
	close(second);
	EXPECT_EQ(0, __group_unset_container(self->group));
}

/* The node lives as long as one member is bound. */
TEST_F(pair, node_stays_for_the_other)
{
	char node[32];

	group_node(pci_group(self->bdf), node);
	pci_bind(self->sibling, "vfio-pci");
	pci_unbind(self->bdf);
	EXPECT_EQ(0, access(node, F_OK));
	EXPECT_EQ(-ENODEV, __group_get_device(self->group, self->bdf));
	pci_unbind(self->sibling);
	EXPECT_EQ(-1, access(node, F_OK));
}

TEST_F(pair, no_host_driver_in_an_owned_group)
{
	pci_bind(self->sibling, "vfio-pci");
	group_set_container(self->group, self->container);
	pci_unbind(self->sibling);
	EXPECT_EQ(-EBUSY, __pci_bind(self->sibling, HOST_DRIVER));
	EXPECT_EQ(0, __pci_bind(self->sibling, "vfio-pci"));
	pci_unbind(self->sibling);

	/* Given back, it is like any other device. */
	EXPECT_EQ(0, __group_unset_container(self->group));
	EXPECT_EQ(0, __pci_bind(self->sibling, HOST_DRIVER));
	EXPECT_EQ(0, group_status(self->group));
}

TEST_F(pair, closing_gives_the_group_back)
{
	pci_bind(self->sibling, "vfio-pci");
	group_set_container(self->group, self->container);
	set_iommu(self->container, HOST_IOMMU);
	pci_unbind(self->sibling);
	EXPECT_EQ(-EBUSY, __pci_bind(self->sibling, HOST_DRIVER));
	close(self->group);
	EXPECT_EQ(0, __pci_bind(self->sibling, HOST_DRIVER));
	self->group = group_open(pci_group(self->bdf));
}

TEST_HARNESS_MAIN
