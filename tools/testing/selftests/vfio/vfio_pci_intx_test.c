// SPDX-License-Identifier: GPL-2.0-only
/*
 * The interrupt pin of a PCI device: delivered once, masked until user space has
 * dealt with it, unmasked by ioctl or eventfd, silenced by DisINTx.
 *
 * Uses an edu device, alone in its group.
 */
#include <pthread.h>

#include "kselftest_harness.h"
#include "vfio_irq.h"

/* A level: one event, and no more until it is unmasked. */
TEST_F(edu, intx_delivers_once)
{
	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	EXPECT_TRUE(listed("vfio-intx(%s)", 0, self->vfio.bdf));

	edu_raise(&self->edu);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	edu_write(&self->edu, EDU_IRQ_RAISE, 2);
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
	EXPECT_EQ(3, edu_read(&self->edu, EDU_IRQ_STATUS));

	edu_ack(&self->edu);
	EXPECT_EQ(0, set_none(self->device, UNMASK, INTX));
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
	edu_raise(&self->edu);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));

	EXPECT_EQ(0, __irq_disable(self->device, INTX));
	EXPECT_FALSE(listed("vfio-intx(%s)", 0, self->vfio.bdf));
}

/* Still asserted when it is unmasked: another event at once. */
TEST_F(edu, intx_resends)
{
	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	edu_raise(&self->edu);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));

	EXPECT_EQ(0, set_none(self->device, UNMASK, INTX));
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	EXPECT_EQ(0, set_bool(self->device, UNMASK, INTX, &no));
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
	EXPECT_EQ(0, set_bool(self->device, UNMASK, INTX, &yes));
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
}

TEST_F(edu, intx_mask)
{
	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));

	EXPECT_EQ(0, set_none(self->device, MASK, INTX));
	EXPECT_EQ(0, set_none(self->device, MASK, INTX));
	edu_raise(&self->edu);
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
	EXPECT_EQ(0, set_none(self->device, UNMASK, INTX));
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	edu_ack(&self->edu);
	EXPECT_EQ(0, set_none(self->device, UNMASK, INTX));

	EXPECT_EQ(0, set_bool(self->device, MASK, INTX, &no));
	edu_raise(&self->edu);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	edu_ack(&self->edu);
	EXPECT_EQ(0, set_none(self->device, UNMASK, INTX));

	EXPECT_EQ(0, set_bool(self->device, MASK, INTX, &yes));
	edu_raise(&self->edu);
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
	EXPECT_EQ(0, set_bool(self->device, UNMASK, INTX, &yes));
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
}

TEST_F(edu, intx_unmask_eventfd)
{
	int unmask = eventfd_new();

	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	ASSERT_EQ(0, set_fd(self->device, UNMASK, INTX, unmask));
	EXPECT_EQ(-EBUSY, set_fd(self->device, UNMASK, INTX, unmask));
	EXPECT_EQ(-EBUSY, set_fd(self->device, UNMASK, INTX, self->other));

	/* Asserted still: the eventfd is answered by another event. */
	edu_raise(&self->edu);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	ring(unmask);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	/* The kernel takes what was written to it. */
	EXPECT_EQ(0, eventfd_wait(unmask, QUIET));

	edu_ack(&self->edu);
	ring(unmask);
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
	edu_raise(&self->edu);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));

	/* Taken back, it is an eventfd like any other, and the place is free. */
	EXPECT_EQ(0, set_fd(self->device, UNMASK, INTX, -1));
	EXPECT_EQ(0, set_fd(self->device, UNMASK, INTX, -1));
	ring(unmask);
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
	EXPECT_EQ(1, eventfd_wait(unmask, SOON));
	EXPECT_EQ(0, set_fd(self->device, UNMASK, INTX, unmask));
	ring(unmask);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));

	/* A bad descriptor is worse than a place that is taken. */
	EXPECT_EQ(-EBADF, set_fd(self->device, UNMASK, INTX, 9999));
	EXPECT_EQ(-EINVAL, set_fd(self->device, UNMASK, INTX, self->device));
	close(unmask);
}

/* Closing the descriptor is enough to free its place. */
TEST_F(edu, intx_unmask_eventfd_close)
{
	int i, unmask, ret, tries;

	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	edu_raise(&self->edu);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	for (i = 0; i < 20; i++) {
		unmask = eventfd_new();
		/* The file's release may come a moment after close(). */
		for (tries = 0; tries < 100; tries++) {
			ret = set_fd(self->device, UNMASK, INTX, unmask);
			if (ret != -EBUSY)
				break;
			usleep(10000);
		}
		ASSERT_EQ(0, ret);
		ring(unmask);
		EXPECT_EQ(1, eventfd_wait(self->event, SOON));
		close(unmask);
	}
}

/* What was written before the eventfd is set counts. */
TEST_F(edu, intx_unmask_eventfd_pending)
{
	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	edu_raise(&self->edu);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	ring(self->other);
	EXPECT_EQ(0, set_fd(self->device, UNMASK, INTX, self->other));
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
}

/* One eventfd both ways must not lock up. */
TEST_F(edu, intx_unmask_by_trigger)
{
	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	ASSERT_EQ(0, set_fd(self->device, UNMASK, INTX, self->event));
	EXPECT_EQ(0, set_none(self->device, TRIGGER, INTX));
	edu_raise(&self->edu);
	usleep(20000);
	edu_ack(&self->edu);
	EXPECT_EQ(0, __irq_disable(self->device, INTX));
}

/* The virtual DisINTx silences the pin, whatever the mask says. */
TEST_F(edu, intx_disable_bit)
{
	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	pci_command(self->device, DISINTX, 0);
	EXPECT_EQ(DISINTX, config_read(self->device, COMMAND, 2) & DISINTX);
	edu_raise(&self->edu);
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));

	/* No unmasking and no test while it is set. */
	EXPECT_EQ(0, set_none(self->device, UNMASK, INTX));
	EXPECT_EQ(0, set_none(self->device, TRIGGER, INTX));
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));

	pci_command(self->device, 0, DISINTX);
	EXPECT_EQ(0, config_read(self->device, COMMAND, 2) & DISINTX);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
}

/* Set before the pin is enabled, it holds from the start. */
TEST_F(edu, intx_disable_bit_first)
{
	pci_command(self->device, DISINTX, 0);
	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	edu_raise(&self->edu);
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
	pci_command(self->device, 0, DISINTX);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
}

TEST_F(edu, intx_swap)
{
	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	EXPECT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->other));
	edu_raise(&self->edu);
	EXPECT_EQ(1, eventfd_wait(self->other, SOON));
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));

	/* Without an eventfd it is still enabled: events are lost, tests do nothing. */
	EXPECT_EQ(0, set_fd(self->device, TRIGGER, INTX, -1));
	EXPECT_EQ(0, set_none(self->device, TRIGGER, INTX));
	EXPECT_EQ(0, set_bool(self->device, TRIGGER, INTX, &yes));
	EXPECT_EQ(0, set_none(self->device, UNMASK, INTX));
	EXPECT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
	EXPECT_EQ(0, set_none(self->device, UNMASK, INTX));
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));

	/* A bad descriptor leaves the old one in place. */
	EXPECT_EQ(-EBADF, set_fd(self->device, TRIGGER, INTX, 9999));
	EXPECT_EQ(-EINVAL, set_fd(self->device, TRIGGER, INTX, self->device));
	EXPECT_EQ(0, set_none(self->device, TRIGGER, INTX));
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
}

/* Enabled without an eventfd. */
TEST_F(edu, intx_without_eventfd)
{
	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, -1));
	EXPECT_TRUE(listed("vfio-intx(%s)", 0, self->vfio.bdf));
	edu_raise(&self->edu);
	usleep(20000);
	EXPECT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	EXPECT_EQ(0, set_none(self->device, UNMASK, INTX));
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
}

TEST_F(edu, intx_loopback)
{
	EXPECT_EQ(-EINVAL, set_none(self->device, TRIGGER, INTX));
	EXPECT_EQ(-EINVAL, set_bool(self->device, TRIGGER, INTX, &yes));
	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	EXPECT_EQ(0, set_none(self->device, TRIGGER, INTX));
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	EXPECT_EQ(0, set_bool(self->device, TRIGGER, INTX, &no));
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
	EXPECT_EQ(0, set_bool(self->device, TRIGGER, INTX, &yes));
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
}

TEST_F(edu, intx_refusals)
{
	static const uint32_t actions[] = { MASK, UNMASK };
	unsigned int i;
	int fd = self->event;

	/* Off: nothing to mask, unmask or disable. */
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-EINVAL, set_none(self->device, actions[i], INTX));
		EXPECT_EQ(-EINVAL, set_bool(self->device, actions[i], INTX, &yes));
		EXPECT_EQ(-EINVAL, set_fd(self->device, actions[i], INTX, fd));
		EXPECT_EQ(-EINVAL, set_fd(self->device, actions[i], INTX, -1));
	}
	EXPECT_EQ(-EINVAL, __irq_disable(self->device, INTX));
	EXPECT_EQ(-EINVAL, __irq_set(self->device, EVENTFD | TRIGGER, INTX, 0, 0, NULL, 0));
	EXPECT_EQ(-EBADF, set_fd(self->device, TRIGGER, INTX, 9999));
	EXPECT_EQ(-EINVAL, set_fd(self->device, TRIGGER, INTX, self->device));

	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, fd));
	EXPECT_EQ(-ENOTTY, set_fd(self->device, MASK, INTX, fd));
	EXPECT_EQ(-ENOTTY, set_fd(self->device, MASK, INTX, -1));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-EINVAL, __irq_set(self->device, NONE | actions[i], INTX, 0, 0, NULL, 0));
		EXPECT_EQ(-EINVAL, __irq_set(self->device, BOOL | actions[i], INTX, 0, 0, NULL, 0));
	}
	EXPECT_EQ(-EINVAL, __irq_set(self->device, BOOL | TRIGGER, INTX, 0, 0, NULL, 0));
	EXPECT_EQ(-EINVAL, __irq_set(self->device, EVENTFD | TRIGGER, INTX, 0, 0, NULL, 0));
	EXPECT_EQ(0, __irq_disable(self->device, INTX));
	EXPECT_EQ(-EINVAL, __irq_disable(self->device, INTX));
}

/* Reopening finds a pin that works, whatever state it was left in. */
TEST_F(edu, intx_reopen)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
		ASSERT_EQ(0, set_fd(self->device, UNMASK, INTX, self->other));
		edu_raise(&self->edu);
		EXPECT_EQ(1, eventfd_wait(self->event, SOON));
		edu_ack(&self->edu);
		edu_close(&self->edu);
		/* Enabled and masked as it is. */
		close(self->device);
		self->device = group_get_device(self->vfio.group, self->vfio.bdf);
		self->vfio.device = self->device;
		edu_open(&self->edu, self->device);
		EXPECT_FALSE(listed("vfio-intx(%s)", 0, self->vfio.bdf));
	}
}

/* ---- Everything at once ----------------------------------------------------- */

struct storm {
	int device, unmask;
	volatile bool stop;
};

/*
 * C writes COMMAND back as it read it before, and so takes away the mask that a handler has set
 * meanwhile: the pin fires until the host gives up its line. See vfio_pci_intx_command_test.
 */
static void *toggles(void *data)
{
	struct storm *storm = data;
	bool command = driver_is_rust();

	while (!storm->stop) {
		if (command)
			pci_command(storm->device, DISINTX, 0);
		set_none(storm->device, MASK, INTX);
		if (command)
			pci_command(storm->device, 0, DISINTX);
		set_none(storm->device, UNMASK, INTX);
		set_none(storm->device, TRIGGER, INTX);
		ring(storm->unmask);
	}
	return NULL;
}

/* CVE-2024-26810, CVE-2024-26812: nothing of this may hurt, and the pin works at the end. */
TEST_F(edu, intx_storm)
{
	struct storm storm = { .device = self->device, .unmask = self->other };
	pthread_t thread;
	unsigned int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, toggles, &storm));
	for (i = 0; i < 200; i++) {
		EXPECT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
		EXPECT_EQ(0, set_fd(self->device, UNMASK, INTX, self->other));
		edu_raise(&self->edu);
		EXPECT_EQ(0, set_fd(self->device, TRIGGER, INTX, -1));
		set_none(self->device, UNMASK, INTX);
		edu_ack(&self->edu);
		EXPECT_EQ(0, set_fd(self->device, UNMASK, INTX, -1));
		EXPECT_EQ(0, __irq_disable(self->device, INTX));
	}
	storm.stop = true;
	pthread_join(thread, NULL);

	eventfd_wait(self->event, 0);
	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	edu_raise(&self->edu);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
}

static void *unmasks(void *data)
{
	struct storm *storm = data;
	int fd;

	while (!storm->stop) {
		fd = eventfd_new();
		/* Refused while another thread has the place. */
		set_fd(storm->device, UNMASK, INTX, fd);
		ring(fd);
		close(fd);
	}
	return NULL;
}

/* Unmask eventfds that are set, rung and closed while they are taken back and the pin goes off. */
TEST_F(edu, intx_unmask_storm)
{
	struct storm storm = { .device = self->device };
	pthread_t threads[2];
	unsigned int i;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, unmasks, &storm));
	for (i = 0; i < 200; i++) {
		EXPECT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
		edu_raise(&self->edu);
		usleep(500);
		EXPECT_EQ(0, set_fd(self->device, UNMASK, INTX, -1));
		usleep(500);
		edu_ack(&self->edu);
		EXPECT_EQ(0, __irq_disable(self->device, INTX));
	}
	storm.stop = true;
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	eventfd_wait(self->event, 0);
	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	edu_raise(&self->edu);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
}

/* ---- A pin that is masked at the interrupt controller ------------------------- */

#define NOINTXMASK	"/sys/module/vfio_pci/parameters/nointxmask"

FIXTURE(exclusive)
{
	struct vfio vfio;
	struct edu edu;
	int device, event;
};

FIXTURE_SETUP(exclusive)
{
	char bdf[BDF_LEN];
	int ret;

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device that is alone in its group");
	/* The parameter is read when a device is bound. */
	pci_unbind(bdf);
	write_text(NOINTXMASK, "1");
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	write_text(NOINTXMASK, "0");
	self->device = self->vfio.device;
	edu_open(&self->edu, self->device);
	self->event = eventfd_new();
	ret = set_fd(self->device, TRIGGER, INTX, self->event);
	if (ret == -EBUSY)
		SKIP(return, "another device shares the interrupt line of the edu");
	ASSERT_EQ(0, ret);
}

FIXTURE_TEARDOWN(exclusive)
{
	edu_write(&self->edu, EDU_IRQ_ACK, ~0u);
	edu_close(&self->edu);
	vfio_close(&self->vfio);
	close(self->event);
}

/* CVE-2024-27437: the controller counts, and must come out even each time. */
TEST_F(exclusive, r10_balance)
{
	static const uint32_t actions[] = { MASK, UNMASK };
	unsigned int i, bit;

	for (i = 0; i < 64; i++) {
		/* Each of six bits is a step that is taken or not. */
		if (i & 1)
			pci_command(self->device, DISINTX, 0);
		for (bit = 1; bit < 5; bit++)
			if (i & 1u << bit)
				EXPECT_EQ(0, set_none(self->device, actions[bit & 1], INTX));
		if (i & 32) {
			EXPECT_EQ(0, __irq_disable(self->device, INTX));
			EXPECT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
		}
		pci_command(self->device, 0, DISINTX);
		EXPECT_EQ(0, set_none(self->device, UNMASK, INTX));

		edu_raise(&self->edu);
		EXPECT_EQ(1, eventfd_wait(self->event, SOON)) {
			TH_LOG("steps %#x", i);
		}
		EXPECT_EQ(0, eventfd_wait(self->event, 10));
		edu_ack(&self->edu);
		EXPECT_EQ(0, set_none(self->device, UNMASK, INTX));
	}
}

/* Still asserted: the controller fires again by itself. */
TEST_F(exclusive, refires)
{
	if (ON_POWER)
		SKIP(return, "QEMU's controller does not");
	edu_raise(&self->edu);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	EXPECT_EQ(0, set_none(self->device, UNMASK, INTX));
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
}

TEST_HARNESS_MAIN
