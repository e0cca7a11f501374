/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of sleeping devices share: the low-power features, what the host
 * sees of it, and the devices that they are tried on.
 *
 * Included once by each test program, after kselftest_harness.h.
 */
#ifndef VFIO_LOW_POWER_H
#define VFIO_LOW_POWER_H

#include "vfio_irq.h"

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
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
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

#endif /* VFIO_LOW_POWER_H */
