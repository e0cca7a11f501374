// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sleeping: devices that nobody has open, and open ones whose user allows it
 * (the low-power features of VFIO_DEVICE_FEATURE).
 *
 * Uses an edu (cannot sleep, so only the kernel's bookkeeping shows it; raises
 * its interrupt pin), an nvme and two igb, one of them below a port of its own;
 * each alone in its group.
 */
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "vfio_irq.h"
#include "vfio_touch.h"

#define ENTRY	VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY
#define WAKEUP	VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP
#define EXIT	VFIO_DEVICE_FEATURE_LOW_POWER_EXIT
#define GET	VFIO_DEVICE_FEATURE_GET
#define SET	VFIO_DEVICE_FEATURE_SET
#define PROBE	VFIO_DEVICE_FEATURE_PROBE

#define BAR0	VFIO_PCI_BAR0_REGION_INDEX

#define PARAMETER	"/sys/module/vfio_pci/parameters/disable_idle_d3"

#define COMMAND_MEM	2
#define COMMAND_MASTER	4
#define CAP_PM		1

/* ---- What the host sees ----------------------------------------------------- */

static const char *attribute(const char *bdf, const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", bdf, name);
	return path;
}

static bool shows(const char *bdf, const char *name, const char *value)
{
	char text[32];

	must(__read_text(attribute(bdf, name), text, sizeof(text)));
	return !strcmp(text, value);
}

/* Waits for the device to fall asleep; returns false if it does not. */
static bool falls_asleep(const char *bdf)
{
	double end = seconds() + 20;

	while (!shows(bdf, "power/runtime_status", "suspended")) {
		if (seconds() > end)
			return false;
		usleep(2000);
	}
	return true;
}

static bool is_awake(const char *bdf)
{
	return shows(bdf, "power/runtime_status", "active");
}

/* Forbids the device to sleep, whatever its driver says, or allows it again. */
static void keep_awake(const char *bdf, bool keep)
{
	write_text(attribute(bdf, "power/control"), keep ? "on" : "auto");
}

/* ---- Requests ---------------------------------------------------------------- */

static int request(int device, uint32_t argsz, uint32_t flags, int32_t eventfd)
{
	struct {
		struct vfio_device_feature head;
		struct vfio_device_low_power_entry_with_wakeup entry;
	} arg = {
		.head = { .argsz = argsz, .flags = flags },
		.entry = { .wakeup_eventfd = eventfd },
	};

	return __call(device, VFIO_DEVICE_FEATURE, &arg);
}

static int enter(int device)
{
	return request(device, 8, SET | ENTRY, 0);
}

static int enter_with(int device, int eventfd)
{
	return request(device, 16, SET | WAKEUP, eventfd);
}

static int leave(int device)
{
	return request(device, 8, SET | EXIT, 0);
}

/* ---- Any device --------------------------------------------------------------- */

FIXTURE(sleeper)
{
	struct vfio vfio;
	char *bdf;
	int fd, event;
	volatile uint32_t *regs;
	uint32_t value;		/* of the first register */
};

FIXTURE_VARIANT(sleeper)
{
	unsigned int vendor, device, nth;
	const char *asleep;	/* its power state then */
};

FIXTURE_VARIANT_ADD(sleeper, edu) { ID_EDU, 0, NULL };
FIXTURE_VARIANT_ADD(sleeper, nvme) { ID_NVME, 0, "D3hot" };
FIXTURE_VARIANT_ADD(sleeper, igb) { ID_IGB, 0, "D3hot" };
/* Its port may cut the power. */
FIXTURE_VARIANT_ADD(sleeper, port) { ID_IGB, 1, NULL };

FIXTURE_SETUP(sleeper)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(variant->vendor, variant->device, variant->nth, bdf))
		SKIP(return, "no such device");
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	self->bdf = self->vfio.bdf;
	self->fd = self->vfio.device;
	pci_command(self->fd, COMMAND_MEM, 0);
	self->regs = region_map(self->fd, BAR0);
	self->value = *self->regs;
	self->event = eventfd_new();
}

FIXTURE_TEARDOWN(sleeper)
{
	keep_awake(self->bdf, false);
	munmap((void *)self->regs, region_info(self->fd, BAR0).size);
	vfio_close(&self->vfio);
	close(self->event);
}

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
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
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
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
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

/* ---- The interrupt pin ------------------------------------------------------------ */

static void sleep_and_wake(struct __test_metadata *_metadata, struct vfio *vfio)
{
	ASSERT_EQ(0, enter(vfio->device));
	ASSERT_TRUE(falls_asleep(vfio->bdf));
	ASSERT_EQ(0, leave(vfio->device));
}

TEST_F(edu, pin_after_sleep)
{
	int round;

	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	for (round = 0; round < 4; round++) {
		sleep_and_wake(_metadata, &self->vfio);
		EXPECT_EQ(0, eventfd_wait(self->event, 0));
		edu_raise(&self->edu);
		EXPECT_EQ(1, eventfd_wait(self->event, SOON));
		edu_ack(&self->edu);
		EXPECT_EQ(0, set_none(self->device, UNMASK, INTX));
	}
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
}

/* What was masked before stays masked. */
TEST_F(edu, masked_pin)
{
	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	ASSERT_EQ(0, set_none(self->device, MASK, INTX));
	sleep_and_wake(_metadata, &self->vfio);
	edu_raise(&self->edu);
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
	EXPECT_EQ(0, set_none(self->device, UNMASK, INTX));
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	/* Masked by having fired. */
	sleep_and_wake(_metadata, &self->vfio);
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
	EXPECT_EQ(0, set_none(self->device, UNMASK, INTX));
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	edu_ack(&self->edu);
	EXPECT_EQ(0, set_none(self->device, UNMASK, INTX));
	/* Masked in the command register. */
	pci_command(self->device, DISINTX, 0);
	sleep_and_wake(_metadata, &self->vfio);
	EXPECT_EQ(DISINTX, config_read(self->device, COMMAND, 2) & DISINTX);
	edu_raise(&self->edu);
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
	pci_command(self->device, 0, DISINTX);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
}

TEST_F(edu, pin_unused)
{
	sleep_and_wake(_metadata, &self->vfio);
	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	edu_raise(&self->edu);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
}

#define EDU_DMA_SOURCE		0x80
#define EDU_DMA_TARGET		0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_COMMAND		0x98
#define EDU_DMA_RUN_AND_RAISE	5

/*
 * The device raises its pin while it sleeps, at the end of a DMA that takes it
 * 100 ms: not heard before it wakes up. Returns false if it was not asleep by then.
 */
static bool raise_asleep(struct __test_metadata *_metadata, struct vfio *vfio, struct edu *edu,
			 int event)
{
	edu_write(edu, EDU_DMA_SOURCE, PAGE);
	edu_write(edu, EDU_DMA_TARGET, 0x40000);
	edu_write(edu, EDU_DMA_COUNT, 16);
	edu_write(edu, EDU_DMA_COMMAND, EDU_DMA_RUN_AND_RAISE);
	EXPECT_EQ(0, enter(vfio->device));
	EXPECT_TRUE(falls_asleep(vfio->bdf));
	if (eventfd_wait(event, 0))
		return false;
	EXPECT_EQ(0, eventfd_wait(event, 10 * QUIET));
	EXPECT_EQ(0, leave(vfio->device));
	EXPECT_EQ(1, eventfd_wait(event, SOON));
	return true;
}

TEST_F(edu, pin_asleep)
{
	int round;
	bool slept = false;

	dma_map(self->vfio.container, memory(PAGE), PAGE, PAGE, DMA_RW);
	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	for (round = 0; round < 10 && !slept; round++) {
		slept = raise_asleep(_metadata, &self->vfio, &self->edu, self->event);
		leave(self->device);
		edu_ack(&self->edu);
		EXPECT_EQ(0, set_none(self->device, UNMASK, INTX));
	}
	if (!slept)
		SKIP(return, "never asleep within 100 ms");
}

/* ---- Everything at once ------------------------------------------------------------ */

#define ROUNDS	300

static void touch_often(volatile uint32_t *regs)
{
	uint32_t value = 0;
	int i;

	for (i = 0; i < 100 * ROUNDS; i++)
		if (!touch(regs, &value) && value == ~0u)
			fail("an answer from a sleeping device");
}

static void read_often(int device)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (config_read(device, 0, 4) != 0x11e81234)
			fail("an answer from a sleeping device");
		usleep(i % 7 * 300);
	}
}

static void toggle_pin(int device, int event)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		must(set_fd(device, TRIGGER, INTX, event));
		usleep(i % 5 * 300);
		must(__irq_disable(device, INTX));
	}
}

static void enter_often(int device, int event)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		must(i & 1 ? enter(device) : enter_with(device, event));
		usleep(i % 3 * 500);
		must(leave(device));
	}
}

TEST_F(edu, race)
{
	pid_t children[3];
	int i, status;

	for (i = 0; i < 3; i++) {
		children[i] = must(fork());
		if (children[i])
			continue;
		if (i == 0)
			touch_often((void *)self->edu.regs);
		else if (i == 1)
			read_often(self->device);
		else
			toggle_pin(self->device, self->event);
		_exit(0);
	}
	enter_often(self->device, self->other);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(children[i], waitpid(children[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	EXPECT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	edu_raise(&self->edu);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
}

TEST_HARNESS_MAIN
