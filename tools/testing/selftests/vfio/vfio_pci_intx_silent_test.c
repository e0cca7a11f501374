// SPDX-License-Identifier: GPL-2.0-only
/*
 * The interrupt pin of a PCI device while nobody listens to it: silenced in the
 * device itself, so that others on its line keep theirs.
 *
 * Uses an edu device, alone in its group.
 */
#include <endian.h>
#include <fcntl.h>
#include <limits.h>

#include "kselftest_harness.h"
#include "vfio_irq.h"

#define NOINTXMASK	"/sys/module/vfio_pci/parameters/nointxmask"

/* Whether the device itself, not what the user sees of it, silences its pin. */
static bool is_silent(const char *bdf)
{
	char path[PATH_MAX];
	uint16_t command = 0;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, &command, sizeof(command), COMMAND) != sizeof(command))
		fail("%s: %s", path, strerror(errno));
	close(fd);
	return le16toh(command) & DISINTX;
}

/* A pin that nobody listens to would make the host turn a shared line off. */
TEST_F(edu, intx_silent_unless_used)
{
	const char *bdf = self->vfio.bdf;

	if (!driver_is_rust())
		SKIP(return, "the C modules leave the pin of an open device alone");
	EXPECT_TRUE(is_silent(bdf));
	EXPECT_EQ(0, config_read(self->device, COMMAND, 2) & DISINTX);
	edu_raise(&self->edu);
	pci_command(self->device, DISINTX, 0);
	pci_command(self->device, 0, DISINTX);
	EXPECT_TRUE(is_silent(bdf));

	/* Asserted before anybody listened. */
	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	edu_ack(&self->edu);
	EXPECT_EQ(0, set_none(self->device, UNMASK, INTX));
	EXPECT_FALSE(is_silent(bdf));
	EXPECT_EQ(0, __irq_disable(self->device, INTX));
	EXPECT_TRUE(is_silent(bdf));

	ASSERT_EQ(0, set_fd(self->device, TRIGGER, MSI, self->event));
	EXPECT_EQ(0, __irq_disable(self->device, MSI));
	EXPECT_TRUE(is_silent(bdf));
}

/* The administrator's choice of how to mask the pin in use has nothing to do with it. */
TEST(intx_silent_where_the_controller_masks)
{
	int event = eventfd_new(), ret;
	char bdf[BDF_LEN];
	struct vfio vfio;
	struct edu edu;

	if (!driver_is_rust())
		SKIP(return, "the C modules leave the pin alone");
	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device that is alone in its group");
	write_text(NOINTXMASK, "Y");
	vfio_open(&vfio, bdf, HOST_IOMMU);
	write_text(NOINTXMASK, "N");
	edu_open(&edu, vfio.device);
	EXPECT_TRUE(is_silent(bdf));
	EXPECT_EQ(0, config_read(vfio.device, COMMAND, 2) & DISINTX);
	edu_raise(&edu);
	ret = set_fd(vfio.device, TRIGGER, INTX, event);
	if (!ret) {
		EXPECT_EQ(1, eventfd_wait(event, SOON));
		EXPECT_FALSE(is_silent(bdf));
		EXPECT_EQ(0, __irq_disable(vfio.device, INTX));
	} else {
		/* Somebody else is on the line. */
		EXPECT_EQ(-EBUSY, ret);
	}
	EXPECT_TRUE(is_silent(bdf));
	edu_ack(&edu);
	edu_close(&edu);
	vfio_close(&vfio);
	close(event);
}

/* A device that cannot be reset goes back to the host as its user left it. */
TEST(intx_silent_after_close)
{
	char bdf[BDF_LEN];
	struct vfio vfio;
	struct edu edu;

	if (!driver_is_rust())
		SKIP(return, "the C modules leave the pin of a closed device alone");
	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device that is alone in its group");
	vfio_open(&vfio, bdf, HOST_IOMMU);
	edu_open(&edu, vfio.device);
	edu_raise(&edu);
	edu_close(&edu);
	close(vfio.device);
	EXPECT_TRUE(is_silent(bdf));

	vfio.device = __group_get_device(vfio.group, bdf);
	ASSERT_GE(vfio.device, 0);
	edu_open(&edu, vfio.device);
	edu_ack(&edu);
	edu_close(&edu);
	vfio_close(&vfio);
}

TEST_HARNESS_MAIN
