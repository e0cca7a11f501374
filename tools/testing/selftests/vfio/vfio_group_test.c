// SPDX-License-Identifier: GPL-2.0-only
/*
 * The group: its node, who may open it, when it gives access to its devices,
 * and what happens when files close or drivers leave in any order.
 *
 * Uses an edu device alone in its group, and two that share one.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

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

TEST_F(bound, opens_once)
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

TEST_F(bound, wrong_containers)
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

	for (nr = 0; nr < 28; nr++) {
		if (nr >= 3 && nr <= 6)
			continue;
		EXPECT_EQ(-ENOTTY, __call(group, _IO(VFIO_TYPE, VFIO_BASE + nr), NULL)) {
			TH_LOG("+%u", nr);
		}
	}
	EXPECT_EQ(-ENOTTY, __call(group, _IO(VFIO_TYPE, 127), NULL));
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
	set_iommu(container, VFIO_TYPE1v2_IOMMU);
	pci_unbind(self->bdf);
	EXPECT_EQ(-ENODEV, __call(group, VFIO_GROUP_GET_STATUS, &status));
	EXPECT_EQ(-ENODEV, __group_get_device(group, self->bdf));
	/* The last group took the IOMMU type with it. */
	EXPECT_EQ(-EINVAL, __call(container, VFIO_IOMMU_GET_INFO, NULL));
	close(group);
	close(container);
}

/* ---- One device, in a container with a type -------------------------------- */

FIXTURE(ready)
{
	struct vfio vfio;
};

FIXTURE_SETUP(ready)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	vfio_open_group(&self->vfio, bdf);
	set_iommu(self->vfio.container, VFIO_TYPE1v2_IOMMU);
}

FIXTURE_TEARDOWN(ready)
{
	vfio_close(&self->vfio);
}

static int try_name(struct vfio *vfio, const char *tail)
{
	char name[256];
	int fd;

	snprintf(name, sizeof(name), "%s%s", vfio->bdf, tail);
	fd = __group_get_device(vfio->group, name);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

#define UUID	"bd8d9d2b-5a5f-4f5a-a211-f591514ba1f3"

TEST_F(ready, device_names)
{
	struct vfio *vfio = &self->vfio;

	EXPECT_EQ(0, try_name(vfio, ""));
	EXPECT_EQ(0, try_name(vfio, " "));
	EXPECT_EQ(0, try_name(vfio, "     "));

	/* Another name. */
	EXPECT_EQ(-ENODEV, __group_get_device(vfio->group, ""));
	EXPECT_EQ(-ENODEV, __group_get_device(vfio->group, "0000:ff:1f.7"));
	EXPECT_EQ(-ENODEV, __group_get_device(vfio->group, vfio->bdf + 5));
	EXPECT_EQ(-ENODEV, try_name(vfio, "x"));
	EXPECT_EQ(-ENODEV, try_name(vfio, "\t"));
	EXPECT_EQ(-ENODEV, try_name(vfio, "\n"));
	EXPECT_EQ(-ENODEV, try_name(vfio, ",vf_token=" UUID));

	/* This name, with a bad option. */
	EXPECT_EQ(-EINVAL, try_name(vfio, " foo"));
	EXPECT_EQ(-EINVAL, try_name(vfio, " vf_token"));
	EXPECT_EQ(-EINVAL, try_name(vfio, " vf_token="));
	EXPECT_EQ(-EINVAL, try_name(vfio, " vf_token=1234"));
	EXPECT_EQ(-EINVAL, try_name(vfio, " vf_token=bd8d9d2b-5a5f-4f5a-a211-f591514ba1fx"));
	EXPECT_EQ(-EINVAL, try_name(vfio, " vf_token=" UUID " vf_token=" UUID));

	/* A good one, where there is no use for it. */
	EXPECT_EQ(-EINVAL, try_name(vfio, " vf_token=" UUID));
}

TEST_F(ready, device_name_length)
{
	char *name = memory(3 * PAGE);
	int fd;

	/* The NUL may be the last byte of a page's worth, not beyond. */
	memset(name, ' ', 3 * PAGE - 1);
	memcpy(name, self->vfio.bdf, strlen(self->vfio.bdf));
	EXPECT_EQ(-EINVAL, __group_get_device(self->vfio.group, name));
	name[PAGE] = '\0';
	EXPECT_EQ(-EINVAL, __group_get_device(self->vfio.group, name));
	name[PAGE - 1] = '\0';
	fd = __group_get_device(self->vfio.group, name);
	EXPECT_LE(0, fd);
	close(fd);
	munmap(name, 3 * PAGE);
}

TEST_F(ready, device_file)
{
	char path[64], text[512], want[512], real[256];
	ssize_t len;
	int fd = group_get_device(self->vfio.group, self->vfio.bdf);

	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_RDWR, fcntl(fd, F_GETFL) & O_ACCMODE);
	EXPECT_EQ(-1, lseek(fd, 0, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);

	sprintf(path, "/proc/self/fd/%d", fd);
	len = readlink(path, text, sizeof(text) - 1);
	ASSERT_LT(0, len);
	text[len] = '\0';
	EXPECT_STREQ("anon_inode:[vfio-device]", text);

	sprintf(path, "/sys/bus/pci/devices/%s", self->vfio.bdf);
	ASSERT_NE(NULL, realpath(path, real));
	snprintf(want, sizeof(want), "vfio-device-syspath: %s", real);
	sprintf(path, "/proc/self/fdinfo/%d", fd);
	ASSERT_EQ(0, __read_text(path, text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text, want)) {
		TH_LOG("fdinfo: %s", text);
	}
	close(fd);
}

TEST_F(ready, several_device_files_share_one_device)
{
	int first = group_get_device(self->vfio.group, self->vfio.bdf);
	int second = group_get_device(self->vfio.group, self->vfio.bdf);
	uint32_t line;

	EXPECT_NE(first, second);
	line = config_read(first, 0x3c, 1) ^ 0xff;
	config_write(first, 0x3c, 1, line);
	EXPECT_EQ(line, config_read(second, 0x3c, 1));

	/* The state stays until the last one closes. */
	close(first);
	EXPECT_EQ(line, config_read(second, 0x3c, 1));
	EXPECT_EQ(-EBUSY, __group_unset_container(self->vfio.group));
	close(second);
	EXPECT_EQ(0, __group_unset_container(self->vfio.group));
}

TEST_F(ready, container_cannot_be_left_with_a_device_open)
{
	int fd = group_get_device(self->vfio.group, self->vfio.bdf);

	EXPECT_EQ(-EBUSY, __group_unset_container(self->vfio.group));
	EXPECT_EQ(VIABLE | CONTAINER_SET, group_status(self->vfio.group));
	close(fd);
	EXPECT_EQ(0, __group_unset_container(self->vfio.group));
	EXPECT_EQ(-EINVAL, __group_unset_container(self->vfio.group));
	EXPECT_EQ(-EINVAL, __group_get_device(self->vfio.group, self->vfio.bdf));
}

TEST_F(ready, container_fd_can_go)
{
	close(self->vfio.container);
	self->vfio.container = -1;
	EXPECT_EQ(VIABLE | CONTAINER_SET, group_status(self->vfio.group));
	self->vfio.device = group_get_device(self->vfio.group, self->vfio.bdf);
	EXPECT_EQ(0x1234, config_read(self->vfio.device, 0, 2));
}

TEST_F(ready, group_fd_can_go)
{
	struct vfio *vfio = &self->vfio;
	char *mem = memory(PAGE);

	vfio->device = group_get_device(vfio->group, vfio->bdf);
	close(vfio->group);
	vfio->group = -1;

	/* The device keeps the group open. */
	EXPECT_EQ(-EBUSY, __group_open(vfio->group_id));
	EXPECT_EQ(0x1234, config_read(vfio->device, 0, 2));
	dma_map(vfio->container, mem, 0, PAGE, DMA_RW);
	EXPECT_EQ(PAGE, dma_unmap(vfio->container, 0, PAGE));

	close(vfio->device);
	vfio->device = -1;
	EXPECT_EQ(-EINVAL, __call(vfio->container, VFIO_IOMMU_GET_INFO, NULL));
	vfio->group = __group_open(vfio->group_id);
	EXPECT_LE(0, vfio->group);
}

TEST_F(ready, closes_in_any_order)
{
	static const int orders[][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};
	struct vfio *vfio = &self->vfio;
	char *mem = memory(4 * PAGE);
	long locked = vm_locked_kb(getpid());
	size_t i;
	int step;

	vfio_close(vfio);
	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		char bdf[BDF_LEN];
		int *fds[3];

		strcpy(bdf, vfio->bdf);
		vfio_open(vfio, bdf, VFIO_TYPE1v2_IOMMU);
		dma_map(vfio->container, mem, 0, 4 * PAGE, DMA_RW);
		EXPECT_EQ(locked + 16, vm_locked_kb(getpid()));
		fds[0] = &vfio->container;
		fds[1] = &vfio->group;
		fds[2] = &vfio->device;
		for (step = 0; step < 3; step++) {
			int *fd = fds[orders[i][step]];

			EXPECT_EQ(0, close(*fd));
			*fd = -1;
			if (vfio->device >= 0)
				EXPECT_EQ(0x1234, config_read(vfio->device, 0, 2));
		}
		/* Nothing is left of it. */
		EXPECT_EQ(locked, vm_locked_kb(getpid())) {
			TH_LOG("order %zu", i);
		}
		pci_unbind(vfio->bdf);
	}
}

/* ---- Unbinding a device in use --------------------------------------------- */

FIXTURE(leaving)
{
	struct vfio vfio;
	int request;
	pid_t child;
};

FIXTURE_SETUP(leaving)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	self->request = eventfd(0, EFD_CLOEXEC);
	must(__irq_eventfds(self->vfio.device, VFIO_PCI_REQ_IRQ_INDEX, 0, 1, &self->request));
}

FIXTURE_TEARDOWN(leaving)
{
	close(self->request);
	vfio_close(&self->vfio);
}

static pid_t unbind_from_child(struct vfio *vfio)
{
	pid_t child = fork();

	if (child < 0)
		fail("fork: %s", strerror(errno));
	if (child)
		return child;
	/* The copies of the files must not keep the device. */
	close_range(3, ~0U, 0);
	write_text("/sys/bus/pci/drivers/vfio-pci/unbind", vfio->bdf);
	_exit(0);
}

static bool is_running(pid_t child)
{
	return waitpid(child, NULL, WNOHANG) == 0;
}

TEST_F_TIMEOUT(leaving, request_is_rung_until_it_is_heard, 60)
{
	struct vfio *vfio = &self->vfio;
	int status;

	self->child = unbind_from_child(vfio);

	/* At once, and then every ten seconds. */
	EXPECT_LT(0, eventfd_wait(self->request, 3000));
	EXPECT_EQ(-ENODEV, __group_get_device(vfio->group, vfio->bdf));
	EXPECT_TRUE(is_running(self->child));
	EXPECT_EQ(0x1234, config_read(vfio->device, 0, 2));
	EXPECT_LT(0, eventfd_wait(self->request, 15000));
	EXPECT_TRUE(is_running(self->child));

	close(vfio->device);
	vfio->device = -1;
	EXPECT_EQ(self->child, waitpid(self->child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(-ENODEV, __group_get_device(vfio->group, vfio->bdf));
}

TEST_F_TIMEOUT(leaving, a_signal_does_not_end_the_wait, 60)
{
	struct vfio *vfio = &self->vfio;

	self->child = unbind_from_child(vfio);
	EXPECT_LT(0, eventfd_wait(self->request, 3000));
	kill(self->child, SIGTERM);
	usleep(300000);
	EXPECT_TRUE(is_running(self->child));

	close(vfio->device);
	vfio->device = -1;
	EXPECT_EQ(self->child, waitpid(self->child, NULL, 0));
}

TEST_F_TIMEOUT(leaving, waits_for_every_file, 60)
{
	struct vfio *vfio = &self->vfio;
	int second = dup(vfio->device);
	int third = group_get_device(vfio->group, vfio->bdf);

	self->child = unbind_from_child(vfio);
	EXPECT_LT(0, eventfd_wait(self->request, 3000));
	close(vfio->device);
	vfio->device = -1;
	close(third);
	usleep(300000);
	EXPECT_TRUE(is_running(self->child));
	close(second);
	EXPECT_EQ(self->child, waitpid(self->child, NULL, 0));
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

TEST_F(pair, sibling_on_a_host_driver)
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
	set_iommu(self->container, VFIO_TYPE1v2_IOMMU);
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
	set_iommu(self->container, VFIO_TYPE1v2_IOMMU);
	pci_unbind(self->sibling);
	EXPECT_EQ(-EBUSY, __pci_bind(self->sibling, HOST_DRIVER));
	close(self->group);
	EXPECT_EQ(0, __pci_bind(self->sibling, HOST_DRIVER));
	self->group = group_open(pci_group(self->bdf));
}

TEST_HARNESS_MAIN
