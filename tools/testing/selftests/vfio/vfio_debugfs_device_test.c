// SPDX-License-Identifier: GPL-2.0-only
/*
 * What debugfs shows of devices: Documentation/ABI/testing/debugfs-vfio. All of this is
 * ours alone, so it skips on C.
 *
 * Uses an edu device and an igb, each alone in its group.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "kselftest_harness.h"
#include "vfio_debugfs.h"
#include "vfio_irq.h"

/* ---- Devices -------------------------------------------------------------------- */

FIXTURE(device)
{
	struct vfio vfio;
	struct edu edu;
	char text[TEXT_MAX];
	int fd, event;
};

FIXTURE_SETUP(device)
{
	char bdf[BDF_LEN];

	if (!driver_is_rust())
		SKIP(return, "only our modules have these files");
	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	ASSERT_TRUE(has_debugfs());
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	self->fd = self->vfio.device;
	edu_open(&self->edu, self->fd);
	self->event = eventfd_new();
}

FIXTURE_TEARDOWN(device)
{
	if (self->vfio.device >= 0) {
		edu_ack(&self->edu);
		edu_close(&self->edu);
	}
	vfio_close(&self->vfio);
	close(self->event);
}

#define SHOW(file)	ASSERT_EQ(0, __show(self->vfio.bdf, file, self->text))

TEST_F(device, holder)
{
	int second;

	prctl(PR_SET_NAME, "another name");
	SHOW("holder");
	EXPECT_TRUE(has_line(self->text, "driver: vfio-pci"));
	EXPECT_EQ(self->vfio.group_id, number_of(self->text, "group: "));
	/* The name at the time of the open. */
	EXPECT_TRUE(held_by(self->text, getpid(), "vfio_debugfs_de")) {
		TH_LOG("%s", self->text);
	}
	EXPECT_EQ(1, number_of(self->text, "open files: "));
	second = group_get_device(self->vfio.group, self->vfio.bdf);
	SHOW("holder");
	EXPECT_EQ(2, number_of(self->text, "open files: "));
	close(second);
	SHOW("holder");
	EXPECT_EQ(1, number_of(self->text, "open files: "));

	edu_close(&self->edu);
	close(self->fd);
	self->vfio.device = -1;
	SHOW("holder");
	EXPECT_TRUE(has_line(self->text, "held by: nobody"));
	EXPECT_EQ(0, number_of(self->text, "open files: "));
	SHOW("pci/irqs");
	EXPECT_STREQ("mode: closed\n", self->text);
}

TEST_F(device, msi)
{
	SHOW("pci/irqs");
	EXPECT_STREQ("mode: none\n", self->text);
	ASSERT_EQ(0, set_fd(self->fd, TRIGGER, MSI, self->event));
	SHOW("pci/irqs");
	EXPECT_TRUE(has_line(self->text, "mode: msi"));
	EXPECT_EQ(1, number_of(self->text, "vectors wired: "));
	EXPECT_EQ(0, number_of(self->text, "vector 0: "));
	edu_raise(&self->edu);
	ASSERT_EQ(1, eventfd_wait(self->event, SOON));
	edu_ack(&self->edu);
	edu_raise(&self->edu);
	ASSERT_EQ(1, eventfd_wait(self->event, SOON));
	edu_ack(&self->edu);
	/* What user space rings is no interrupt. */
	EXPECT_EQ(0, set_none(self->fd, TRIGGER, MSI));
	SHOW("pci/irqs");
	EXPECT_EQ(2, number_of(self->text, "vector 0: "));
	EXPECT_EQ(0, set_fd(self->fd, TRIGGER, MSI, -1));
	SHOW("pci/irqs");
	EXPECT_EQ(0, number_of(self->text, "vectors wired: "));
	EXPECT_EQ(0, __irq_disable(self->fd, MSI));
	SHOW("pci/irqs");
	EXPECT_STREQ("mode: none\n", self->text);
}

TEST_F(device, intx)
{
	ASSERT_EQ(0, set_fd(self->fd, TRIGGER, INTX, self->event));
	SHOW("pci/irqs");
	EXPECT_TRUE(has_line(self->text, "mode: intx"));
	EXPECT_EQ(1, number_of(self->text, "vectors wired: "));
	EXPECT_TRUE(has_line(self->text, "masked: no"));
	edu_raise(&self->edu);
	ASSERT_EQ(1, eventfd_wait(self->event, SOON));
	SHOW("pci/irqs");
	EXPECT_EQ(1, number_of(self->text, "vector 0: "));
	EXPECT_TRUE(has_line(self->text, "masked: yes"));
	edu_ack(&self->edu);
	EXPECT_EQ(0, set_none(self->fd, UNMASK, INTX));
	SHOW("pci/irqs");
	EXPECT_TRUE(has_line(self->text, "masked: no"));
}

/* The edu has no reset. */
TEST_F(device, no_reset)
{
	SHOW("pci/last_reset");
	EXPECT_TRUE(has_line(self->text, "last reset: open"));
	EXPECT_NE(NULL, line_of(self->text, "result: failed ("));
}

/* An unbind that waits for the program leaves the file that says for whom. */
TEST_F(device, waits_for_whom)
{
	struct child unbinder;
	int status, i;

	if (start_child(&unbinder)) {
		/* Or it would wait for itself. */
		edu_close(&self->edu);
		close(self->fd);
		pci_unbind(self->vfio.bdf);
		_exit(0);
	}
	for (i = 0; i < 20; i++) {
		wait_a_moment();
		SHOW("holder");
		EXPECT_TRUE(held_by(self->text, getpid(), "vfio_debugfs_de"));
	}
	EXPECT_EQ(0, waitpid(unbinder.pid, &status, WNOHANG));
	edu_ack(&self->edu);
	edu_close(&self->edu);
	close(self->fd);
	self->vfio.device = -1;
	EXPECT_EQ(0, end_of(&unbinder));
	EXPECT_EQ(-ENOENT, __show(self->vfio.bdf, "holder", self->text));
}

/* A file that is open when it is removed ends, and keeps its module. */
TEST_F(device, outlived)
{
	char path[128], before[16], text[64];
	int fd;

	edu_close(&self->edu);
	close(self->fd);
	self->vfio.device = -1;
	must(__read_text("/sys/module/vfio/refcnt", before, sizeof(before)));
	snprintf(path, sizeof(path), DEBUG "/vfio/%s/holder", self->vfio.bdf);
	fd = must(open(path, O_RDONLY | O_CLOEXEC));
	must(__read_text("/sys/module/vfio/refcnt", text, sizeof(text)));
	EXPECT_EQ(strtol(before, NULL, 10) + 1, strtol(text, NULL, 10));
	vfio_close(&self->vfio);
	EXPECT_EQ(-1, read(fd, text, sizeof(text)));
	EXPECT_EQ(EIO, errno);
	close(fd);
}

/* ---- A device with a reset ------------------------------------------------------- */

FIXTURE(igb)
{
	struct vfio vfio;
	char text[TEXT_MAX];
};

FIXTURE_SETUP(igb)
{
	char bdf[BDF_LEN];

	if (!driver_is_rust())
		SKIP(return, "only our modules have these files");
	if (!pci_find_alone(ID_IGB, 0, bdf))
		SKIP(return, "no igb alone in its group");
	ASSERT_TRUE(has_debugfs());
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
}

FIXTURE_TEARDOWN(igb)
{
	vfio_close(&self->vfio);
}

TEST_F(igb, last_reset)
{
	SHOW("pci/last_reset");
	EXPECT_TRUE(has_line(self->text, "last reset: open"));
	EXPECT_TRUE(has_line(self->text, "result: done"));
	EXPECT_NE(NULL, line_of(self->text, "ago: "));
	call(self->vfio.device, VFIO_DEVICE_RESET, NULL);
	SHOW("pci/last_reset");
	EXPECT_TRUE(has_line(self->text, "last reset: ioctl"));
	EXPECT_TRUE(has_line(self->text, "result: done"));
	close(self->vfio.device);
	self->vfio.device = -1;
	SHOW("pci/last_reset");
	EXPECT_TRUE(has_line(self->text, "last reset: close"));
	EXPECT_TRUE(has_line(self->text, "result: done"));
}

/* Looking at a sleeping device does not wake it. */
TEST_F(igb, power_state)
{
	double end = seconds() + 20;

	SHOW("pci/power_state");
	EXPECT_STREQ("D0\n", self->text);
	close(self->vfio.device);
	self->vfio.device = -1;
	do {
		wait_a_moment();
		SHOW("pci/power_state");
	} while (strcmp(self->text, "D3Hot\n") && seconds() < end);
	EXPECT_STREQ("D3Hot\n", self->text);
	SHOW("pci/irqs");
	SHOW("pci/last_reset");
	ASSERT_EQ(0, __show_group(self->vfio.group_id, self->text));
	SHOW("pci/power_state");
	EXPECT_STREQ("D3Hot\n", self->text);
}

TEST_F(igb, msix)
{
	int event = eventfd_new(), fds[3] = { event, -1, event };

	must(__irq_eventfds(self->vfio.device, MSIX, 0, 3, fds));
	SHOW("pci/irqs");
	EXPECT_TRUE(has_line(self->text, "mode: msix"));
	EXPECT_EQ(2, number_of(self->text, "vectors wired: "));
	EXPECT_EQ(0, number_of(self->text, "vector 0: "));
	EXPECT_EQ(-1, number_of(self->text, "vector 1: "));
	EXPECT_EQ(0, number_of(self->text, "vector 2: "));
	EXPECT_EQ(0, __irq_disable(self->vfio.device, MSIX));
	close(event);
}

TEST_HARNESS_MAIN
