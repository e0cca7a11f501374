// SPDX-License-Identifier: GPL-2.0-only
/*
 * No-IOMMU mode: devices that nothing keeps from any memory, for programs with
 * CAP_SYS_RAWIO.
 *
 * Uses an edu device without IOMMU group, on a machine without IOMMU, and a
 * kernel with CONFIG_VFIO_NOIOMMU.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "vfio_irq.h"
#include "vfio_domains.h"
#include "vfio_windows.h"

#define PARAMETER	"/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
#define TAINT_USER	(1 << 6)

static int tainted(void)
{
	char text[16];

	must(__read_text("/proc/sys/kernel/tainted", text, sizeof(text)));
	return atoi(text);
}

static int __node_open(int group)
{
	char path[48];
	int fd;

	snprintf(path, sizeof(path), "/dev/vfio/noiommu-%d", group);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool node_exists(int group, const char *prefix)
{
	char path[48];

	snprintf(path, sizeof(path), "/dev/vfio/%s%d", prefix, group);
	return !access(path, F_OK);
}

/* The same, after waiting up to 10 s: files in /dev come and go in their own time. */
static bool node_is(bool there, int group)
{
	double end = seconds() + 10;

	while (node_exists(group, "noiommu-") != there && seconds() < end)
		usleep(20000);
	return node_exists(group, "noiommu-") == there;
}

/* Gives up CAP_SYS_RAWIO. */
static void drop_rawio(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { };

	if (syscall(SYS_capget, &header, data))
		fail("capget: %s", strerror(errno));
	data[0].effective &= ~(1U << CAP_SYS_RAWIO);
	data[0].permitted &= ~(1U << CAP_SYS_RAWIO);
	if (syscall(SYS_capset, &header, data))
		fail("capset: %s", strerror(errno));
}

/* ---- The switch -------------------------------------------------------------- */

FIXTURE(mode)
{
	char bdf[BDF_LEN];
};

FIXTURE_SETUP(mode)
{
	if (access(PARAMETER, F_OK))
		SKIP(return, "a kernel without no-IOMMU mode");
	if (!pci_find(ID_EDU, 0, self->bdf) || pci_group(self->bdf) >= 0)
		SKIP(return, "no edu device without IOMMU group");
	write_text(PARAMETER, "N");
}

FIXTURE_TEARDOWN(mode)
{
	if (!access(PARAMETER, F_OK))
		write_text(PARAMETER, "N");
	if (*self->bdf)
		pci_unbind(self->bdf);
}

TEST_F(mode, parameter)
{
	struct stat stat_of;
	char text[8];

	ASSERT_EQ(0, stat(PARAMETER, &stat_of));
	EXPECT_EQ(S_IFREG | 0644, stat_of.st_mode);
	EXPECT_EQ(-EINVAL, __write_text(PARAMETER, "x"));
	write_text(PARAMETER, "1");
	ASSERT_EQ(0, __read_text(PARAMETER, text, sizeof(text)));
	EXPECT_STREQ("Y", text);
}

TEST_F(mode, extension)
{
	int container = container_open();

	EXPECT_EQ(0, __call(container, VFIO_CHECK_EXTENSION, (void *)VFIO_NOIOMMU_IOMMU));
	write_text(PARAMETER, "Y");
	EXPECT_EQ(1, __call(container, VFIO_CHECK_EXTENSION, (void *)VFIO_NOIOMMU_IOMMU));
	EXPECT_EQ(1, __call(container, VFIO_CHECK_EXTENSION, (void *)VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(-EINVAL, __set_iommu(container, VFIO_NOIOMMU_IOMMU));
	close(container);
}

TEST_F(mode, no_device_while_off)
{
	EXPECT_EQ(-EINVAL, __pci_bind(self->bdf, "vfio-pci"));
	EXPECT_EQ(-ENOENT, pci_group(self->bdf));
}

TEST_F(mode, the_group_comes_and_goes)
{
	char path[PATH_MAX], name[32];
	int group, twice;

	write_text(PARAMETER, "Y");
	for (twice = 0; twice < 2; twice++) {
		pci_bind(self->bdf, "vfio-pci");
		group = pci_group(self->bdf);
		ASSERT_LE(0, group);
		EXPECT_TRUE(node_is(true, group));
		EXPECT_FALSE(node_exists(group, ""));
		snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/name", group);
		ASSERT_EQ(0, __read_text(path, name, sizeof(name)));
		EXPECT_STREQ("vfio-noiommu", name);
		EXPECT_EQ(TAINT_USER, tainted() & TAINT_USER);

		pci_unbind(self->bdf);
		EXPECT_EQ(-ENOENT, pci_group(self->bdf));
		EXPECT_EQ(-1, access(path, F_OK));
		EXPECT_TRUE(node_is(false, group));
	}
}

/* ---- A group ------------------------------------------------------------------- */

FIXTURE(group)
{
	struct vfio vfio;
};

FIXTURE_SETUP(group)
{
	struct vfio *vfio = &self->vfio;
	char bdf[BDF_LEN];

	vfio->container = vfio->group = vfio->device = -1;
	if (access(PARAMETER, F_OK))
		SKIP(return, "a kernel without no-IOMMU mode");
	if (!pci_find(ID_EDU, 0, bdf) || pci_group(bdf) >= 0)
		SKIP(return, "no edu device without IOMMU group");
	write_text(PARAMETER, "Y");
	strcpy(vfio->bdf, bdf);
	pci_bind(bdf, "vfio-pci");
	vfio->group_id = must(pci_group(bdf));
	if (!node_is(true, vfio->group_id))
		fail("the group has no node");
	vfio->container = container_open();
	vfio->group = must(__node_open(vfio->group_id));
}

FIXTURE_TEARDOWN(group)
{
	if (!*self->vfio.bdf)
		return;
	write_text(PARAMETER, "N");
	vfio_close(&self->vfio);
}

TEST_F(group, is_open_once)
{
	EXPECT_EQ(-EBUSY, __node_open(self->vfio.group_id));
	EXPECT_EQ(VFIO_GROUP_FLAGS_VIABLE, group_status(self->vfio.group));
	close(self->vfio.group);
	self->vfio.group = __node_open(self->vfio.group_id);
	EXPECT_LE(0, self->vfio.group);
}

TEST_F(group, has_one_kind_of_container)
{
	struct vfio *vfio = &self->vfio;
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };

	EXPECT_EQ(-EINVAL, __group_get_device(vfio->group, vfio->bdf));
	group_set_container(vfio->group, vfio->container);
	EXPECT_EQ(VFIO_GROUP_FLAGS_VIABLE | VFIO_GROUP_FLAGS_CONTAINER_SET, group_status(vfio->group));
	EXPECT_EQ(0, __call(vfio->container, VFIO_CHECK_EXTENSION, (void *)VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(1, __call(vfio->container, VFIO_CHECK_EXTENSION, (void *)VFIO_NOIOMMU_IOMMU));
	EXPECT_EQ(-EINVAL, __group_get_device(vfio->group, vfio->bdf));

	EXPECT_EQ(-ENODEV, __set_iommu(vfio->container, VFIO_TYPE1_IOMMU));
	EXPECT_EQ(-ENODEV, __set_iommu(vfio->container, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(0, __set_iommu(vfio->container, VFIO_NOIOMMU_IOMMU));
	EXPECT_EQ(-EINVAL, __set_iommu(vfio->container, VFIO_NOIOMMU_IOMMU));

	/* There is nothing to map with. */
	EXPECT_EQ(-ENOTTY, __call(vfio->container, VFIO_IOMMU_GET_INFO, &info));
	EXPECT_EQ(-ENOTTY, __dma_map(vfio->container, memory(PAGE), 0, PAGE, DMA_RW));
	EXPECT_EQ(1, __call(vfio->container, VFIO_CHECK_EXTENSION, (void *)VFIO_NOIOMMU_IOMMU));
	EXPECT_EQ(0, __call(vfio->container, VFIO_CHECK_EXTENSION, (void *)VFIO_TYPE1_IOMMU));

	EXPECT_EQ(0, __group_unset_container(vfio->group));
	EXPECT_EQ(1, __call(vfio->container, VFIO_CHECK_EXTENSION, (void *)VFIO_TYPE1v2_IOMMU));
}

TEST_F(group, switched_off_later)
{
	struct vfio *vfio = &self->vfio;

	group_set_container(vfio->group, vfio->container);
	write_text(PARAMETER, "N");
	EXPECT_EQ(0, __call(vfio->container, VFIO_CHECK_EXTENSION, (void *)VFIO_NOIOMMU_IOMMU));
	EXPECT_EQ(-ENODEV, __set_iommu(vfio->container, VFIO_NOIOMMU_IOMMU));
	write_text(PARAMETER, "Y");
	set_iommu(vfio->container, VFIO_NOIOMMU_IOMMU);
	write_text(PARAMETER, "N");
	EXPECT_EQ(0, __call(vfio->container, VFIO_CHECK_EXTENSION, (void *)VFIO_NOIOMMU_IOMMU));
	vfio->device = __group_get_device(vfio->group, vfio->bdf);
	EXPECT_LE(0, vfio->device);
}

TEST_F(group, device_works)
{
	struct vfio *vfio = &self->vfio;
	int fd = eventfd(0, EFD_CLOEXEC);
	struct edu edu;

	group_set_container(vfio->group, vfio->container);
	set_iommu(vfio->container, VFIO_NOIOMMU_IOMMU);
	vfio->device = group_get_device(vfio->group, vfio->bdf);
	EXPECT_EQ(0x1234, config_read(vfio->device, 0, 2));
	EXPECT_EQ(-EBUSY, __group_unset_container(vfio->group));

	ASSERT_EQ(0, set_fd(vfio->device, TRIGGER, MSI, fd));
	edu_open(&edu, vfio->device);
	edu_write(&edu, EDU_IRQ_RAISE, 1);
	EXPECT_EQ(1, eventfd_wait(fd, 5000));
	edu_write(&edu, EDU_IRQ_ACK, 1);
	edu_close(&edu);
	EXPECT_EQ(0, __irq_disable(vfio->device, MSI));
	close(fd);
}

/* Nothing limits what the device reaches. */
TEST_F(group, has_no_dma_windows_and_domains)
{
	struct container_windows container;
	struct container_domains domains;
	struct group_windows group;
	struct vfio *vfio = &self->vfio;
	int want = driver_is_rust() ? -EOPNOTSUPP : -ENOTTY;

	EXPECT_EQ(want, __group_windows(vfio->group, &group));
	group_set_container(vfio->group, vfio->container);
	set_iommu(vfio->container, VFIO_NOIOMMU_IOMMU);
	EXPECT_EQ(want, __group_windows(vfio->group, &group));
	EXPECT_EQ(want, __container_windows(vfio->container, &container));
	EXPECT_EQ(want, __container_domains(vfio->container, &domains));
}

TEST_F(group, two_groups_share_a_container)
{
	struct vfio *vfio = &self->vfio;
	char bdf[BDF_LEN];
	int group, id;

	if (!pci_find(ID_EDU, 1, bdf))
		SKIP(return, "one edu device only");
	group_set_container(vfio->group, vfio->container);
	set_iommu(vfio->container, VFIO_NOIOMMU_IOMMU);
	pci_bind(bdf, "vfio-pci");
	id = must(pci_group(bdf));
	EXPECT_NE(vfio->group_id, id);
	ASSERT_TRUE(node_is(true, id));
	group = must(__node_open(id));
	EXPECT_EQ(0, __group_set_container(group, vfio->container));
	vfio->device = group_get_device(group, bdf);
	EXPECT_EQ(0, __group_unset_container(vfio->group));
	close(vfio->device);
	vfio->device = -1;
	close(group);
	pci_unbind(bdf);
	EXPECT_EQ(-EINVAL, __call(vfio->container, VFIO_IOMMU_GET_INFO, NULL));
}

/* What a program without the capability gets; returns which expectation failed. */
static int without_rawio(struct vfio *vfio, int other)
{
	drop_rawio();
	if (__node_open(other) != -EPERM)
		return 1;
	if (__group_set_container(vfio->group, vfio->container) != -EPERM)
		return 2;
	return 0;
}

TEST_F(group, needs_rawio_to_open)
{
	int status;
	pid_t child;

	fflush(NULL);
	child = fork();
	/* Open or not makes no difference. */
	if (!child)
		_exit(without_rawio(&self->vfio, self->vfio.group_id));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	close(self->vfio.group);
	self->vfio.group = -1;
	fflush(NULL);
	child = fork();
	if (!child) {
		drop_rawio();
		_exit(__node_open(self->vfio.group_id) == -EPERM ? 0 : 1);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

/* In a container, a step further each time. */
static int without_rawio_inside(struct vfio *vfio, bool ready)
{
	drop_rawio();
	if (!ready)
		return __set_iommu(vfio->container, VFIO_NOIOMMU_IOMMU) == -EPERM ? 0 : 1;
	return __group_get_device(vfio->group, vfio->bdf) == -EPERM ? 0 : 1;
}

TEST_F(group, needs_rawio_in_a_container)
{
	struct vfio *vfio = &self->vfio;
	int ready, status;
	pid_t child;

	group_set_container(vfio->group, vfio->container);
	for (ready = 0; ready < 2; ready++) {
		fflush(NULL);
		child = fork();
		if (!child)
			_exit(without_rawio_inside(vfio, ready));
		ASSERT_EQ(child, waitpid(child, &status, 0));
		EXPECT_EQ(0, status) {
			TH_LOG("step %d", ready);
		}
		if (!ready)
			set_iommu(vfio->container, VFIO_NOIOMMU_IOMMU);
	}

	/* A device that is open already can be had again by whoever has the group. */
	vfio->device = group_get_device(vfio->group, vfio->bdf);
	child = fork();
	if (!child) {
		drop_rawio();
		_exit(__group_get_device(vfio->group, vfio->bdf) >= 0 ? 0 : 1);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_HARNESS_MAIN
