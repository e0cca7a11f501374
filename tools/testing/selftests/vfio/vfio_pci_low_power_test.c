// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sleeping: devices that nobody has open, and open ones whose user allows it
 * (the low-power features of VFIO_DEVICE_FEATURE). With the interrupt pin, and with all
 * of it at once, it is vfio_pci_low_power_pin_test.c.
 *
 * Uses an edu (cannot sleep, so only the kernel's bookkeeping shows it), an nvme and two igb, one of them below a port of its own;
 * each alone in its group.
 */
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "vfio_low_power.h"
#include "vfio_touch.h"

TEST_F(sleeper, refusals)
{
	static const struct {
		uint32_t argsz, flags;
		int result;
	} rows[] = {
		{ 8, PROBE | ENTRY, 0 },
		{ 8, PROBE | SET | ENTRY, 0 },
		{ 8, PROBE | GET | ENTRY, -EINVAL },
		{ 8, PROBE | GET | SET | ENTRY, -EINVAL },
		{ 8, GET | ENTRY, -EINVAL },
		{ 8, ENTRY, -EINVAL },
		{ 8, PROBE | WAKEUP, 0 },
		{ 8, PROBE | SET | WAKEUP, 0 },
		{ 8, PROBE | GET | WAKEUP, -EINVAL },
		{ 16, GET | WAKEUP, -EINVAL },
		{ 16, WAKEUP, -EINVAL },
		{ 15, SET | WAKEUP, -EINVAL },
		{ 16, SET | WAKEUP, -EBADF },
		{ 8, PROBE | EXIT, 0 },
		{ 8, PROBE | SET | EXIT, 0 },
		{ 8, PROBE | GET | EXIT, -EINVAL },
		{ 8, GET | EXIT, -EINVAL },
		{ 8, EXIT, -EINVAL },
		{ 8, SET | EXIT, 0 },
		{ 7, SET | ENTRY, -EINVAL },
		{ 7, SET | EXIT, -EINVAL },
	};
	int null = no_eventfd();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(rows[i].result,
			  request(self->fd, rows[i].argsz, rows[i].flags, 100000)) {
			TH_LOG("row %zu", i);
		}
	}
	EXPECT_EQ(-EINVAL, enter_with(self->fd, -1));
	EXPECT_EQ(-EINVAL, enter_with(self->fd, INT32_MIN));
	EXPECT_EQ(-EINVAL, enter_with(self->fd, null));
	close(null);
	/* None of these let it sleep. */
	EXPECT_EQ(0, touch(self->regs, &self->value));
	usleep(QUIET * 1000);
	EXPECT_TRUE(is_awake(self->bdf));
}

TEST_F(sleeper, data_fault)
{
	struct vfio_device_feature *head = (void *)(memory_end() - sizeof(*head));

	*head = (struct vfio_device_feature){ .argsz = 15, .flags = SET | WAKEUP };
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_DEVICE_FEATURE, head));
	head->argsz = 16;
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_DEVICE_FEATURE, head));
	/* Nothing of the data is needed to ask, or by those that have none. */
	head->flags = PROBE | SET | WAKEUP;
	EXPECT_EQ(0, __call(self->fd, VFIO_DEVICE_FEATURE, head));
	head->flags = SET | EXIT;
	EXPECT_EQ(0, __call(self->fd, VFIO_DEVICE_FEATURE, head));
	EXPECT_EQ(0, touch(self->regs, &self->value));
}

TEST_F(sleeper, entered_twice)
{
	int round;

	/* Waking up would end the second kind. */
	keep_awake(self->bdf, true);
	for (round = 0; round < 4; round++) {
		ASSERT_EQ(0, round & 1 ? enter_with(self->fd, self->event) : enter(self->fd));
		EXPECT_EQ(-EINVAL, enter(self->fd));
		EXPECT_EQ(-EINVAL, enter_with(self->fd, self->event));
		EXPECT_EQ(-EBADF, enter_with(self->fd, 100000));
		EXPECT_EQ(0, request(self->fd, 8, PROBE | SET | ENTRY, 0));
		EXPECT_EQ(0, leave(self->fd));
		EXPECT_EQ(0, leave(self->fd));
	}
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
}

TEST_F(sleeper, sleeps_and_wakes)
{
	uint32_t vendor = config_read(self->fd, 0, 2), command, value;
	int round;

	pci_command(self->fd, COMMAND_MASTER, 0);
	command = config_read(self->fd, 4, 2);
	for (round = 0; round < 2; round++) {
		EXPECT_TRUE(is_awake(self->bdf));
		ASSERT_EQ(0, enter(self->fd));
		ASSERT_TRUE(falls_asleep(self->bdf));
		if (variant->asleep)
			EXPECT_TRUE(shows(self->bdf, "power_state", variant->asleep));
		/* Each access wakes it, and it falls asleep again. */
		EXPECT_EQ(vendor, config_read(self->fd, 0, 2));
		ASSERT_TRUE(falls_asleep(self->bdf));
		EXPECT_EQ(command, config_read(self->fd, 4, 2));
		ASSERT_TRUE(falls_asleep(self->bdf));
		EXPECT_EQ(4, __region_read(self->fd, BAR0, 0, &value, 4));
		EXPECT_NE(~0u, value);
		ASSERT_TRUE(falls_asleep(self->bdf));
		EXPECT_NE(0, region_info(self->fd, BAR0).size);
		ASSERT_TRUE(falls_asleep(self->bdf));
		EXPECT_EQ(0, leave(self->fd));
		EXPECT_TRUE(is_awake(self->bdf));
		EXPECT_EQ(command, config_read(self->fd, 4, 2));
		EXPECT_EQ(4, __region_read(self->fd, BAR0, 0, &value, 4));
		EXPECT_NE(~0u, value);
	}
	usleep(QUIET * 1000);
	EXPECT_TRUE(is_awake(self->bdf));
}

TEST_F(sleeper, mapping)
{
	uint32_t value = 0;
	void *other;

	ASSERT_EQ(0, touch(self->regs, &value));
	ASSERT_EQ(0, enter(self->fd));
	/* At once, and touching does not wake it. */
	EXPECT_EQ(SIGBUS, touch(self->regs, &value));
	ASSERT_TRUE(falls_asleep(self->bdf));
	EXPECT_EQ(SIGBUS, touch(self->regs, &value));
	EXPECT_TRUE(shows(self->bdf, "power/runtime_status", "suspended"));
	/* A call wakes it, but does not bring the mapping back. */
	config_read(self->fd, 0, 2);
	EXPECT_EQ(SIGBUS, touch(self->regs, &value));
	other = region_map(self->fd, BAR0);
	EXPECT_EQ(SIGBUS, touch(other, &value));
	ASSERT_EQ(0, leave(self->fd));
	EXPECT_EQ(0, touch(self->regs, &value));
	EXPECT_NE(~0u, value);
	EXPECT_EQ(0, touch(other, &value));
	munmap(other, region_info(self->fd, BAR0).size);
}

/* Entering takes mappings away even if it is refused. */
TEST_F(sleeper, mapping_after_refusal)
{
	uint32_t value = 0;

	keep_awake(self->bdf, true);
	ASSERT_EQ(0, enter(self->fd));
	EXPECT_EQ(-EINVAL, enter(self->fd));
	EXPECT_EQ(SIGBUS, touch(self->regs, &value));
	ASSERT_EQ(0, leave(self->fd));
	EXPECT_EQ(0, touch(self->regs, &value));
}

/* ---- Being told ---------------------------------------------------------------- */

/* All ways to wake the device. */
static void wake(struct vfio *vfio, unsigned int how)
{
	uint32_t value = 0;

	switch (how) {
	case 0:
		config_read(vfio->device, 0, 2);
		return;
	case 1:
		config_write(vfio->device, 0x3c, 1, 0);
		return;
	case 2:
		__region_read(vfio->device, BAR0, 0, &value, 4);
		return;
	case 3:
		region_info(vfio->device, BAR0);
		return;
	case 4:
		/* No such ioctl, but the device is awake before that is seen. */
		__call(vfio->device, _IO(VFIO_TYPE, VFIO_BASE + 30), NULL);
		return;
	default:
		/* Somebody on the host. */
		keep_awake(vfio->bdf, true);
		keep_awake(vfio->bdf, false);
	}
}

TEST_F(sleeper, told_of_waking)
{
	uint32_t value = 0;
	unsigned int how;

	for (how = 0; how < 6; how++) {
		ASSERT_EQ(0, enter_with(self->fd, self->event));
		ASSERT_TRUE(falls_asleep(self->bdf));
		EXPECT_EQ(0, eventfd_wait(self->event, 0));
		wake(&self->vfio, how);
		EXPECT_EQ(1, eventfd_wait(self->event, SOON)) {
			TH_LOG("way %u", how);
		}
		/* That was the end of low power. */
		EXPECT_EQ(0, touch(self->regs, &value));
		EXPECT_TRUE(is_awake(self->bdf));
		wake(&self->vfio, how);
		EXPECT_EQ(0, eventfd_wait(self->event, 0));
		EXPECT_EQ(0, leave(self->fd));
	}
	usleep(QUIET * 1000);
	EXPECT_TRUE(is_awake(self->bdf));
}

TEST_F(sleeper, told_when_leaving)
{
	ASSERT_EQ(0, enter_with(self->fd, self->event));
	ASSERT_TRUE(falls_asleep(self->bdf));
	EXPECT_EQ(0, leave(self->fd));
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
}

/* Who never slept is not woken, and low power goes on. */
TEST_F(sleeper, not_told_without_sleep)
{
	uint32_t value = 0;

	keep_awake(self->bdf, true);
	ASSERT_EQ(0, enter_with(self->fd, self->event));
	config_read(self->fd, 0, 2);
	EXPECT_EQ(SIGBUS, touch(self->regs, &value));
	EXPECT_EQ(-EINVAL, enter(self->fd));
	EXPECT_EQ(0, leave(self->fd));
	EXPECT_EQ(0, touch(self->regs, &value));
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
}

TEST_F(sleeper, eventfd_closed)
{
	uint32_t value = 0;

	ASSERT_EQ(0, enter_with(self->fd, self->event));
	ASSERT_TRUE(falls_asleep(self->bdf));
	close(self->event);
	self->event = eventfd_new();
	config_read(self->fd, 0, 2);
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
	EXPECT_EQ(0, touch(self->regs, &value));
}

/* ---- Ends ---------------------------------------------------------------------- */

static void close_device(struct vfio *vfio, volatile uint32_t *regs)
{
	munmap((void *)regs, region_info(vfio->device, BAR0).size);
	/* That was a call. */
	if (!falls_asleep(vfio->bdf))
		fail("not asleep again");
	close(vfio->device);
}

TEST_F(sleeper, closed_asleep)
{
	int round;

	for (round = 0; round < 2; round++) {
		uint32_t value = 0;

		ASSERT_EQ(0, enter(self->fd));
		close_device(&self->vfio, self->regs);
		EXPECT_TRUE(falls_asleep(self->bdf));
		self->fd = self->vfio.device = group_get_device(self->vfio.group, self->bdf);
		EXPECT_TRUE(is_awake(self->bdf));
		pci_command(self->fd, COMMAND_MEM, 0);
		self->regs = region_map(self->fd, BAR0);
		EXPECT_EQ(0, touch(self->regs, &value));
		EXPECT_EQ(self->value, value);
		usleep(QUIET * 1000);
		EXPECT_TRUE(is_awake(self->bdf));
	}
}

/* Nobody is left to tell. */
TEST_F(sleeper, closed_untold)
{
	munmap((void *)self->regs, region_info(self->fd, BAR0).size);
	ASSERT_EQ(0, enter_with(self->fd, self->event));
	ASSERT_TRUE(falls_asleep(self->bdf));
	close(self->fd);
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
	self->fd = self->vfio.device = group_get_device(self->vfio.group, self->bdf);
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
	self->regs = region_map(self->fd, BAR0);
	EXPECT_EQ(0, enter(self->fd));
}

TEST_F(sleeper, reset)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	uint32_t value = 0;
	int result;

	call(self->fd, VFIO_DEVICE_GET_INFO, &info);
	result = info.flags & VFIO_DEVICE_FLAGS_RESET ? 0 : -EINVAL;
	ASSERT_EQ(0, enter(self->fd));
	ASSERT_TRUE(falls_asleep(self->bdf));
	EXPECT_EQ(result, __call(self->fd, VFIO_DEVICE_RESET, NULL));
	EXPECT_EQ(SIGBUS, touch(self->regs, &value));
	ASSERT_TRUE(falls_asleep(self->bdf));
	EXPECT_EQ(-EINVAL, enter(self->fd));
	ASSERT_EQ(0, leave(self->fd));
	ASSERT_EQ(0, enter_with(self->fd, self->event));
	ASSERT_TRUE(falls_asleep(self->bdf));
	EXPECT_EQ(result, __call(self->fd, VFIO_DEVICE_RESET, NULL));
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	EXPECT_EQ(0, touch(self->regs, &value));
	EXPECT_EQ(self->value, value);
}

TEST_F(sleeper, hot_reset)
{
	struct {
		struct vfio_pci_hot_reset head;
		int32_t fd;
	} reset = {
		.head = { .argsz = sizeof(reset), .count = 1 },
		.fd = self->vfio.group,
	};
	uint32_t value = 0;

	if (__call(self->fd, VFIO_DEVICE_PCI_HOT_RESET, &reset))
		SKIP(return, "no reset of its bus or slot");
	ASSERT_EQ(0, enter(self->fd));
	ASSERT_TRUE(falls_asleep(self->bdf));
	EXPECT_EQ(0, __call(self->fd, VFIO_DEVICE_PCI_HOT_RESET, &reset));
	EXPECT_EQ(SIGBUS, touch(self->regs, &value));
	ASSERT_TRUE(falls_asleep(self->bdf));
	ASSERT_EQ(0, leave(self->fd));
	ASSERT_EQ(0, enter_with(self->fd, self->event));
	ASSERT_TRUE(falls_asleep(self->bdf));
	EXPECT_EQ(0, __call(self->fd, VFIO_DEVICE_PCI_HOT_RESET, &reset));
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	EXPECT_EQ(0, touch(self->regs, &value));
	EXPECT_EQ(self->value, value);
}

/* Put to sleep by its registers first, which then wakes up as it was. */
TEST_F(sleeper, asleep_already)
{
	uint32_t pm = pci_capability(self->fd, CAP_PM), command, value = 0;

	if (!pm)
		SKIP(return, "cannot sleep by itself");
	pci_command(self->fd, COMMAND_MASTER, 0);
	command = config_read(self->fd, 4, 2);
	config_write(self->fd, pm + 4, 2, 3);
	ASSERT_EQ(3, config_read(self->fd, pm + 4, 2) & 3);
	ASSERT_EQ(0, enter(self->fd));
	ASSERT_TRUE(falls_asleep(self->bdf));
	EXPECT_EQ(0, config_read(self->fd, pm + 4, 2) & 3);
	EXPECT_EQ(0, leave(self->fd));
	EXPECT_EQ(command, config_read(self->fd, 4, 2));
	EXPECT_EQ(0, touch(self->regs, &value));
	EXPECT_EQ(self->value, value);
}

/* ---- Unused -------------------------------------------------------------------- */

TEST_F(sleeper, unused)
{
	int round;

	for (round = 0; round < 2; round++) {
		munmap((void *)self->regs, region_info(self->fd, BAR0).size);
		close(self->fd);
		EXPECT_TRUE(falls_asleep(self->bdf));
		if (variant->asleep)
			EXPECT_TRUE(shows(self->bdf, "power_state", variant->asleep));
		self->fd = self->vfio.device = group_get_device(self->vfio.group, self->bdf);
		EXPECT_TRUE(is_awake(self->bdf));
		EXPECT_FALSE(shows(self->bdf, "power_state", "D3hot"));
		self->regs = region_map(self->fd, BAR0);
	}
}

TEST_F(sleeper, unused_since_probe)
{
	char bdf[BDF_LEN];

	munmap((void *)self->regs, region_info(self->fd, BAR0).size);
	snprintf(bdf, sizeof(bdf), "%s", self->bdf);
	vfio_close(&self->vfio);
	EXPECT_TRUE(shows(bdf, "power/control", "on"));
	pci_bind(bdf, "vfio-pci");
	EXPECT_TRUE(shows(bdf, "power/control", "auto"));
	EXPECT_TRUE(falls_asleep(bdf));
	if (variant->asleep)
		EXPECT_TRUE(shows(bdf, "power_state", variant->asleep));
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	self->fd = self->vfio.device;
	self->regs = region_map(self->fd, BAR0);
}

/* A device keeps what the parameter was when it was bound. */
TEST_F(sleeper, kept_awake)
{
	char bdf[BDF_LEN];
	uint32_t value = 0;

	munmap((void *)self->regs, region_info(self->fd, BAR0).size);
	snprintf(bdf, sizeof(bdf), "%s", self->bdf);
	vfio_close(&self->vfio);
	write_text(PARAMETER, "1");
	pci_bind(bdf, "vfio-pci");
	write_text(PARAMETER, "0");
	usleep(QUIET * 1000);
	EXPECT_TRUE(is_awake(bdf));
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	self->fd = self->vfio.device;
	pci_command(self->fd, COMMAND_MEM, 0);
	self->regs = region_map(self->fd, BAR0);

	/* What its user allows is another matter. */
	ASSERT_EQ(0, enter(self->fd));
	EXPECT_TRUE(falls_asleep(bdf));
	EXPECT_EQ(0, leave(self->fd));
	EXPECT_TRUE(is_awake(bdf));
	EXPECT_EQ(0, touch(self->regs, &value));
	EXPECT_EQ(self->value, value);
	ASSERT_EQ(0, enter(self->fd));
	close_device(&self->vfio, self->regs);
	usleep(QUIET * 1000);
	EXPECT_TRUE(is_awake(bdf));
	self->fd = self->vfio.device = group_get_device(self->vfio.group, bdf);
	self->regs = region_map(self->fd, BAR0);
}

TEST_HARNESS_MAIN
