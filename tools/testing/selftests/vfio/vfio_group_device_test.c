// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices of a group: how they are named and opened, in which order everything
 * may be closed, and what happens when a driver leaves a device in use.
 *
 * Uses an edu device alone in its group.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "vfio_test.h"

#define VIABLE		VFIO_GROUP_FLAGS_VIABLE
#define CONTAINER_SET	VFIO_GROUP_FLAGS_CONTAINER_SET

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
	set_iommu(self->vfio.container, HOST_IOMMU);
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
	dma_register(vfio->container, mem, PAGE);
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
		vfio_open(vfio, bdf, HOST_IOMMU);
		dma_register(vfio->container, mem, 4 * PAGE);
		dma_map(vfio->container, mem, 0, 4 * PAGE, DMA_RW);
		EXPECT_LE(locked + KB(4), vm_locked_kb(getpid()));
		/* Where there are tables, they are paid for as well. */
		if (HOST_IOMMU == VFIO_TYPE1v2_IOMMU)
			EXPECT_EQ(locked + KB(4), vm_locked_kb(getpid()));
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
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
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

TEST_F_TIMEOUT(leaving, r29_request_is_rung_until_it_is_heard, 60)
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

TEST_F_TIMEOUT(leaving, r29_a_signal_does_not_end_the_wait, 60)
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

TEST_F_TIMEOUT(leaving, r29_waits_for_every_file, 60)
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

TEST_HARNESS_MAIN
