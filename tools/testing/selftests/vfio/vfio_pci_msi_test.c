// SPDX-License-Identifier: GPL-2.0-only
/*
 * Message-signalled interrupts of PCI devices.
 *
 * The edu has one MSI vector. The igb has MSI-X and sends any message on
 * request. The xhci has 16 MSI vectors. Each group of tests skips if its device
 * is not there.
 */
#include "kselftest_harness.h"
#include "vfio_irq.h"

TEST_F(edu, msi_delivers)
{
	ASSERT_EQ(0, set_fd(self->device, TRIGGER, MSI, self->event));
	EXPECT_TRUE(listed("vfio-msi[%u](%s)", 0, self->vfio.bdf));
	edu_raise(&self->edu);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	edu_ack(&self->edu);
	edu_raise(&self->edu);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	edu_ack(&self->edu);

	/* Another eventfd; none; and back. */
	EXPECT_EQ(0, set_fd(self->device, TRIGGER, MSI, self->other));
	edu_raise(&self->edu);
	EXPECT_EQ(1, eventfd_wait(self->other, SOON));
	edu_ack(&self->edu);
	EXPECT_EQ(0, set_fd(self->device, TRIGGER, MSI, -1));
	EXPECT_FALSE(listed("vfio-msi[%u](%s)", 0, self->vfio.bdf));
	edu_raise(&self->edu);
	EXPECT_EQ(0, eventfd_wait(self->other, QUIET));
	EXPECT_EQ(0, eventfd_wait(self->event, 0));
	edu_ack(&self->edu);
	EXPECT_EQ(0, set_fd(self->device, TRIGGER, MSI, self->event));
	edu_raise(&self->edu);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	edu_ack(&self->edu);

	EXPECT_EQ(0, __irq_disable(self->device, MSI));
	EXPECT_FALSE(listed("vfio-msi[%u](%s)", 0, self->vfio.bdf));
	EXPECT_EQ(-EINVAL, __irq_disable(self->device, MSI));
}

TEST_F(edu, msi_loopback)
{
	EXPECT_EQ(-EINVAL, set_none(self->device, TRIGGER, MSI));
	EXPECT_EQ(-EINVAL, set_bool(self->device, TRIGGER, MSI, &yes));
	ASSERT_EQ(0, set_fd(self->device, TRIGGER, MSI, self->event));
	EXPECT_EQ(0, set_none(self->device, TRIGGER, MSI));
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	EXPECT_EQ(0, set_bool(self->device, TRIGGER, MSI, &no));
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
	EXPECT_EQ(0, set_bool(self->device, TRIGGER, MSI, &yes));
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	EXPECT_EQ(0, __irq_set(self->device, BOOL | TRIGGER, MSI, 0, 0, NULL, 0));
	EXPECT_EQ(0, __irq_set(self->device, EVENTFD | TRIGGER, MSI, 0, 0, NULL, 0));
	/* An eventfd that is gone may still be rung. */
	EXPECT_EQ(0, set_fd(self->device, TRIGGER, MSI, -1));
	EXPECT_EQ(0, set_none(self->device, TRIGGER, MSI));
}

TEST_F(edu, msi_refusals)
{
	int null = no_eventfd();

	EXPECT_EQ(-EINVAL, __irq_disable(self->device, MSI));
	EXPECT_EQ(-ERANGE, __irq_set(self->device, EVENTFD | TRIGGER, MSI, 0, 0, NULL, 0));
	/* The call that enables and fails leaves it off. */
	EXPECT_EQ(-EBADF, set_fd(self->device, TRIGGER, MSI, 9999));
	EXPECT_EQ(-EINVAL, set_fd(self->device, TRIGGER, MSI, null));
	EXPECT_EQ(-EINVAL, set_none(self->device, TRIGGER, MSI));
	EXPECT_EQ(-EINVAL, __irq_disable(self->device, MSI));
	/* Without an eventfd it is on. */
	EXPECT_EQ(0, set_fd(self->device, TRIGGER, MSI, -5));
	EXPECT_EQ(-ENOTTY, set_none(self->device, MASK, MSI));
	/* A later call that fails unwires the vector and leaves it on. */
	EXPECT_EQ(0, set_fd(self->device, TRIGGER, MSI, self->event));
	EXPECT_EQ(-EBADF, set_fd(self->device, TRIGGER, MSI, 9999));
	EXPECT_EQ(0, set_none(self->device, TRIGGER, MSI));
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
	EXPECT_EQ(0, __irq_disable(self->device, MSI));
	close(null);
}

/* ---- The igb and its table of messages ----------------------------------------- */

#define IGB_BAR		VFIO_PCI_BAR0_REGION_INDEX
#define IGB_GPIE	0x01514
#define IGB_EICS	0x01520
#define IGB_EIMS	0x01524
#define IGB_EICR	0x01580
#define IGB_VECTORS	10

FIXTURE(igb)
{
	struct vfio vfio;
	int device;
	int events[IGB_VECTORS];
};

FIXTURE_SETUP(igb)
{
	char bdf[BDF_LEN];
	unsigned int i;

	if (!pci_find_alone(ID_IGB, 0, bdf))
		SKIP(return, "no igb device that is alone in its group");
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	self->device = self->vfio.device;
	for (i = 0; i < IGB_VECTORS; i++)
		self->events[i] = eventfd_new();
}

FIXTURE_TEARDOWN(igb)
{
	unsigned int i;

	vfio_close(&self->vfio);
	for (i = 0; i < IGB_VECTORS; i++)
		close(self->events[i]);
}

static void igb_write(int device, uint32_t at, uint32_t value)
{
	must(__region_write(device, IGB_BAR, at, &value, sizeof(value)));
}

/* After a reset, everything again. */
static void igb_ready(int device)
{
	pci_command(device, 0x6, 0);
	igb_write(device, IGB_GPIE, 0x10);	/* a vector for each cause */
	igb_write(device, IGB_EIMS, (1u << IGB_VECTORS) - 1);
}

/* Makes the device send the message of a vector. */
static void igb_raise(int device, unsigned int vector)
{
	igb_write(device, IGB_EICR, 1u << vector);
	igb_write(device, IGB_EICS, 1u << vector);
}

TEST_F(igb, info)
{
	struct vfio_irq_info info = irq_info(self->device, MSIX);

	EXPECT_EQ(IGB_VECTORS, info.count);
	EXPECT_EQ(VFIO_IRQ_INFO_EVENTFD, info.flags & ~VFIO_IRQ_INFO_NORESIZE);
	EXPECT_EQ(1, irq_info(self->device, MSI).count);
}

TEST_F(igb, msix_delivers)
{
	unsigned int i;

	igb_ready(self->device);
	ASSERT_EQ(0, __irq_eventfds(self->device, MSIX, 0, 3, self->events));
	for (i = 0; i < 3; i++) {
		EXPECT_TRUE(listed("vfio-msix[%u](%s)", i, self->vfio.bdf));
		igb_raise(self->device, i);
		EXPECT_EQ(1, eventfd_wait(self->events[i], SOON));
	}
	EXPECT_FALSE(listed("vfio-msix[%u](%s)", 3, self->vfio.bdf));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, eventfd_wait(self->events[i], i ? 0 : QUIET));
	EXPECT_EQ(0, __irq_disable(self->device, MSIX));
	EXPECT_FALSE(listed("vfio-msix[%u](%s)", 0, self->vfio.bdf));
	EXPECT_EQ(-EINVAL, __irq_disable(self->device, MSIX));
}

TEST_F(igb, msix_grows)
{
	igb_ready(self->device);
	ASSERT_EQ(0, __irq_eventfds(self->device, MSIX, 0, 3, self->events));
	if (irq_info(self->device, MSIX).flags & VFIO_IRQ_INFO_NORESIZE) {
		EXPECT_EQ(-EINVAL, __irq_eventfds(self->device, MSIX, 5, 1, &self->events[5]));
		return;
	}
	EXPECT_EQ(0, __irq_eventfds(self->device, MSIX, 5, 1, &self->events[5]));
	EXPECT_TRUE(listed("vfio-msix[%u](%s)", 5, self->vfio.bdf));
	EXPECT_FALSE(listed("vfio-msix[%u](%s)", 4, self->vfio.bdf));
	igb_raise(self->device, 5);
	EXPECT_EQ(1, eventfd_wait(self->events[5], SOON));
	igb_raise(self->device, 1);
	EXPECT_EQ(1, eventfd_wait(self->events[1], SOON));

	/* All of them, those in use included. */
	EXPECT_EQ(0, __irq_eventfds(self->device, MSIX, 0, IGB_VECTORS, self->events));
	igb_raise(self->device, 9);
	EXPECT_EQ(1, eventfd_wait(self->events[9], SOON));
	EXPECT_EQ(-EINVAL, __irq_eventfds(self->device, MSIX, 9, 2, self->events));
}

/* A first call that does not start at 0 allocates from 0 all the same. */
TEST_F(igb, msix_from_the_middle)
{
	igb_ready(self->device);
	ASSERT_EQ(0, __irq_eventfds(self->device, MSIX, 4, 2, &self->events[4]));
	EXPECT_FALSE(listed("vfio-msix[%u](%s)", 0, self->vfio.bdf));
	igb_raise(self->device, 5);
	EXPECT_EQ(1, eventfd_wait(self->events[5], SOON));
	EXPECT_EQ(0, __irq_eventfds(self->device, MSIX, 0, 1, self->events));
	igb_raise(self->device, 0);
	EXPECT_EQ(1, eventfd_wait(self->events[0], SOON));
}

TEST_F(igb, msix_negative_entries)
{
	const int fds[] = { self->events[0], -1, self->events[2], -1000 };

	igb_ready(self->device);
	ASSERT_EQ(0, __irq_eventfds(self->device, MSIX, 0, 4, fds));
	EXPECT_FALSE(listed("vfio-msix[%u](%s)", 1, self->vfio.bdf));
	/* Unwired ones are passed over. */
	EXPECT_EQ(0, __irq_set(self->device, NONE | TRIGGER, MSIX, 0, 4, NULL, 0));
	EXPECT_EQ(1, eventfd_wait(self->events[0], SOON));
	EXPECT_EQ(1, eventfd_wait(self->events[2], SOON));
	/* So are those that were never there. */
	EXPECT_EQ(0, __irq_set(self->device, NONE | TRIGGER, MSIX, 0, IGB_VECTORS, NULL, 0));
	EXPECT_EQ(1, eventfd_wait(self->events[0], SOON));

	EXPECT_EQ(0, __irq_eventfds(self->device, MSIX, 0, 1, (int[]){ -1 }));
	EXPECT_EQ(0, __irq_eventfds(self->device, MSIX, 1, 1, &self->events[1]));
	igb_raise(self->device, 0);
	igb_raise(self->device, 1);
	EXPECT_EQ(1, eventfd_wait(self->events[1], SOON));
	EXPECT_EQ(0, eventfd_wait(self->events[0], QUIET));
}

TEST_F(igb, msix_loopback)
{
	const uint8_t some[] = { 0, 1, 0, 2, 0 };
	unsigned int i;

	ASSERT_EQ(0, __irq_eventfds(self->device, MSIX, 0, 5, self->events));
	EXPECT_EQ(0, __irq_set(self->device, BOOL | TRIGGER, MSIX, 0, 5, some, 5));
	for (i = 0; i < 5; i++)
		EXPECT_EQ(!!some[i], eventfd_wait(self->events[i], some[i] ? SOON : 0));
	EXPECT_EQ(0, __irq_set(self->device, BOOL | TRIGGER, MSIX, 2, 2, some, 2));
	EXPECT_EQ(1, eventfd_wait(self->events[3], SOON));
	EXPECT_EQ(0, eventfd_wait(self->events[2], 0));
	EXPECT_EQ(0, __irq_set(self->device, NONE | TRIGGER, MSIX, 1, 2, NULL, 0));
	EXPECT_EQ(1, eventfd_wait(self->events[1], SOON));
	EXPECT_EQ(1, eventfd_wait(self->events[2], SOON));
	EXPECT_EQ(0, eventfd_wait(self->events[0], 0));
}

/* A bad descriptor in the middle: the block up to it is unwired, the rest is not touched. */
TEST_F(igb, msix_block_failure)
{
	int fds[4], null = no_eventfd();

	if (ON_POWER)
		SKIP(return, "QEMU's controller keeps a vector silent that is given out again");
	igb_ready(self->device);
	memcpy(fds, self->events, sizeof(fds));

	/* The call that enables: all off. */
	fds[2] = 9999;
	EXPECT_EQ(-EBADF, __irq_eventfds(self->device, MSIX, 0, 4, fds));
	EXPECT_EQ(-EINVAL, __irq_disable(self->device, MSIX));
	fds[2] = null;
	EXPECT_EQ(-EINVAL, __irq_eventfds(self->device, MSIX, 0, 4, fds));
	EXPECT_EQ(-EINVAL, set_none(self->device, TRIGGER, MSIX));
	EXPECT_FALSE(listed("vfio-msix[%u](%s)", 0, self->vfio.bdf));

	/* A later one: still on. */
	ASSERT_EQ(0, __irq_eventfds(self->device, MSIX, 0, 5, self->events));
	fds[2] = 9999;
	EXPECT_EQ(-EBADF, __irq_eventfds(self->device, MSIX, 1, 4, &fds[0]));
	EXPECT_TRUE(listed("vfio-msix[%u](%s)", 0, self->vfio.bdf));
	EXPECT_FALSE(listed("vfio-msix[%u](%s)", 1, self->vfio.bdf));
	EXPECT_FALSE(listed("vfio-msix[%u](%s)", 2, self->vfio.bdf));
	EXPECT_FALSE(listed("vfio-msix[%u](%s)", 3, self->vfio.bdf));
	EXPECT_TRUE(listed("vfio-msix[%u](%s)", 4, self->vfio.bdf));
	igb_raise(self->device, 0);
	EXPECT_EQ(1, eventfd_wait(self->events[0], SOON));
	igb_raise(self->device, 4);
	EXPECT_EQ(1, eventfd_wait(self->events[4], SOON));
	EXPECT_EQ(0, __irq_eventfds(self->device, MSIX, 0, 5, self->events));
	igb_raise(self->device, 2);
	EXPECT_EQ(1, eventfd_wait(self->events[2], SOON));
	close(null);
}

TEST_F(igb, msix_refusals)
{
	EXPECT_EQ(-ERANGE, __irq_set(self->device, EVENTFD | TRIGGER, MSIX, 0, 0, NULL, 0));
	EXPECT_EQ(-ENOTTY, set_none(self->device, MASK, MSIX));
	EXPECT_EQ(-ENOTTY, set_none(self->device, UNMASK, MSIX));
	EXPECT_EQ(-EINVAL, set_none(self->device, TRIGGER, MSIX));
	EXPECT_EQ(-EINVAL, __irq_eventfds(self->device, MSIX, 10, 1, self->events));
	/* No vectors beyond a start that is not 0: allocated, none wired. */
	EXPECT_EQ(0, __irq_set(self->device, EVENTFD | TRIGGER, MSIX, 2, 0, NULL, 0));
	EXPECT_EQ(-EINVAL, set_fd(self->device, TRIGGER, MSI, self->events[0]));
	EXPECT_EQ(-EINVAL, set_fd(self->device, TRIGGER, INTX, self->events[0]));
	EXPECT_EQ(0, __irq_disable(self->device, MSIX));
	EXPECT_EQ(0, set_fd(self->device, TRIGGER, MSI, self->events[0]));
	EXPECT_EQ(-EINVAL, __irq_eventfds(self->device, MSIX, 0, 1, self->events));
	EXPECT_EQ(-EINVAL, __irq_disable(self->device, MSIX));
	EXPECT_EQ(0, __irq_disable(self->device, MSI));
}

/* Two vectors may share an eventfd. */
TEST_F(igb, msix_shared_eventfd)
{
	const int fds[] = { self->events[0], self->events[0] };

	igb_ready(self->device);
	ASSERT_EQ(0, __irq_eventfds(self->device, MSIX, 0, 2, fds));
	igb_raise(self->device, 0);
	EXPECT_EQ(1, eventfd_wait(self->events[0], SOON));
	igb_raise(self->device, 1);
	EXPECT_EQ(1, eventfd_wait(self->events[0], SOON));
}

/* What is wired stays wired over a reset. */
TEST_F(igb, msix_survives_reset)
{
	unsigned int i;

	if (ON_POWER)
		SKIP(return, "QEMU's controller keeps a vector silent that is given out again");
	igb_ready(self->device);
	ASSERT_EQ(0, __irq_eventfds(self->device, MSIX, 0, 3, self->events));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, __call(self->device, VFIO_DEVICE_RESET, NULL));
		igb_ready(self->device);
		igb_raise(self->device, i);
		EXPECT_EQ(1, eventfd_wait(self->events[i], SOON));
	}
	/* Rewiring one writes its message again. */
	EXPECT_EQ(0, __irq_eventfds(self->device, MSIX, 1, 1, &self->events[4]));
	igb_raise(self->device, 1);
	EXPECT_EQ(1, eventfd_wait(self->events[4], SOON));
}

/* The table is reached even while the user keeps memory decoding off. */
TEST_F(igb, msix_without_memory)
{
	igb_ready(self->device);
	pci_command(self->device, 0, 0x2);
	ASSERT_EQ(0, __irq_eventfds(self->device, MSIX, 0, 3, self->events));
	EXPECT_EQ(0, config_read(self->device, COMMAND, 2) & 0x2);
	pci_command(self->device, 0x2, 0);
	igb_raise(self->device, 2);
	EXPECT_EQ(1, eventfd_wait(self->events[2], SOON));
	pci_command(self->device, 0, 0x2);
	EXPECT_EQ(0, __irq_eventfds(self->device, MSIX, 0, 1, (int[]){ -1 }));
	EXPECT_EQ(0, __irq_disable(self->device, MSIX));
	EXPECT_EQ(0, config_read(self->device, COMMAND, 2) & 0x2);
}

/* Closing the eventfds first, then the device, with everything on. */
TEST_F(igb, close_in_any_order)
{
	unsigned int i, round;

	for (round = 0; round < 5; round++) {
		ASSERT_EQ(0, __irq_eventfds(self->device, MSIX, 0, IGB_VECTORS, self->events));
		for (i = 0; i < IGB_VECTORS; i++)
			close(self->events[i]);
		EXPECT_EQ(0, __irq_set(self->device, NONE | TRIGGER, MSIX, 0, IGB_VECTORS, NULL, 0));
		close(self->device);
		EXPECT_FALSE(listed("vfio-msix[%u](%s)", 0, self->vfio.bdf));
		self->device = group_get_device(self->vfio.group, self->vfio.bdf);
		self->vfio.device = self->device;
		for (i = 0; i < IGB_VECTORS; i++)
			self->events[i] = eventfd_new();
	}
}

/* ---- The xhci and its 16 messages ---------------------------------------------- */

#define XHCI_VECTORS	16

FIXTURE(xhci)
{
	struct vfio vfio;
	int device;
	int events[XHCI_VECTORS];
};

FIXTURE_SETUP(xhci)
{
	char bdf[BDF_LEN];
	unsigned int i;

	if (!pci_find_alone(ID_XHCI, 0, bdf))
		SKIP(return, "no xhci device that is alone in its group");
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	self->device = self->vfio.device;
	for (i = 0; i < XHCI_VECTORS; i++)
		self->events[i] = eventfd_new();
	if (irq_info(self->device, MSI).count != XHCI_VECTORS)
		SKIP(return, "the xhci has not %d MSI vectors", XHCI_VECTORS);
}

FIXTURE_TEARDOWN(xhci)
{
	unsigned int i;

	vfio_close(&self->vfio);
	for (i = 0; i < XHCI_VECTORS; i++)
		close(self->events[i]);
}

/*
 * Several vectors need interrupt remapping; without it the answer is how many
 * there are, and nothing is on.
 */
TEST_F(xhci, msi_block)
{
	unsigned int i;
	int ret = __irq_eventfds(self->device, MSI, 0, 4, self->events);

	if (ret) {
		EXPECT_EQ(1, ret);
		EXPECT_EQ(-EINVAL, __irq_disable(self->device, MSI));
		EXPECT_EQ(0, __irq_eventfds(self->device, MSI, 0, 1, self->events));
		EXPECT_EQ(-EINVAL, __irq_eventfds(self->device, MSI, 1, 1, self->events));
		return;
	}
	for (i = 0; i < 4; i++)
		EXPECT_TRUE(listed("vfio-msi[%u](%s)", i, self->vfio.bdf));
	EXPECT_EQ(0, __irq_set(self->device, NONE | TRIGGER, MSI, 0, 4, NULL, 0));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(1, eventfd_wait(self->events[i], SOON));
}

/* Unlike MSI-X, it keeps the size that it was enabled with. */
TEST_F(xhci, msi_does_not_grow)
{
	ASSERT_EQ(0, __irq_eventfds(self->device, MSI, 0, 1, self->events));
	EXPECT_EQ(-EINVAL, __irq_eventfds(self->device, MSI, 1, 1, &self->events[1]));
	/* A descriptor that would be refused too comes second. */
	EXPECT_EQ(-EINVAL, __irq_eventfds(self->device, MSI, 1, 1, (int[]){ 9999 }));
	/* Taking away what is not there is no error. */
	EXPECT_EQ(0, __irq_eventfds(self->device, MSI, 1, 1, (int[]){ -1 }));
	/* The whole block goes. */
	EXPECT_EQ(-EINVAL, __irq_eventfds(self->device, MSI, 0, 2, self->events));
	EXPECT_FALSE(listed("vfio-msi[%u](%s)", 0, self->vfio.bdf));
	EXPECT_EQ(0, __irq_eventfds(self->device, MSI, 0, 1, self->events));
	EXPECT_EQ(0, __irq_disable(self->device, MSI));
}

TEST_F(xhci, msi_negative_entries)
{
	const int fds[] = { self->events[0], -1 };
	int ret = __irq_eventfds(self->device, MSI, 0, 2, fds);

	if (ret == 1)
		SKIP(return, "one MSI vector only, without interrupt remapping");
	ASSERT_EQ(0, ret);
	EXPECT_FALSE(listed("vfio-msi[%u](%s)", 1, self->vfio.bdf));
	EXPECT_EQ(0, __irq_eventfds(self->device, MSI, 1, 1, &self->events[1]));
	EXPECT_EQ(0, __irq_eventfds(self->device, MSI, 0, 1, (int[]){ -1 }));
	EXPECT_EQ(0, __irq_set(self->device, NONE | TRIGGER, MSI, 0, 2, NULL, 0));
	EXPECT_EQ(1, eventfd_wait(self->events[1], SOON));
	EXPECT_EQ(0, eventfd_wait(self->events[0], 0));
}

TEST_HARNESS_MAIN
