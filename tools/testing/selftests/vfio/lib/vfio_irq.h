/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of interrupts share: short names, requests for one interrupt,
 * and an open edu device, which has an interrupt pin and one MSI vector and
 * raises either when it is told to.
 *
 * Included once by each test program, after kselftest_harness.h.
 */
#ifndef VFIO_IRQ_H
#define VFIO_IRQ_H

#include "vfio_eventfd.h"
#include "vfio_test.h"

/* Not every program uses every one of these. */
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-variable"

#define NONE		VFIO_IRQ_SET_DATA_NONE
#define BOOL		VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD		VFIO_IRQ_SET_DATA_EVENTFD
#define MASK		VFIO_IRQ_SET_ACTION_MASK
#define UNMASK		VFIO_IRQ_SET_ACTION_UNMASK
#define TRIGGER		VFIO_IRQ_SET_ACTION_TRIGGER

#define INTX		VFIO_PCI_INTX_IRQ_INDEX
#define MSI		VFIO_PCI_MSI_IRQ_INDEX
#define MSIX		VFIO_PCI_MSIX_IRQ_INDEX
#define ERR		VFIO_PCI_ERR_IRQ_INDEX
#define REQ		VFIO_PCI_REQ_IRQ_INDEX

#define COMMAND		0x04
#define  DISINTX	0x400

static const uint8_t yes = 1;
static const uint8_t no;

/* One interrupt, with a byte of data. */
static int set_bool(int device, uint32_t action, uint32_t index, const uint8_t *value)
{
	return __irq_set(device, BOOL | action, index, 0, 1, value, 1);
}

/* One interrupt, without data. */
static int set_none(int device, uint32_t action, uint32_t index)
{
	return __irq_set(device, NONE | action, index, 0, 1, NULL, 0);
}

/* One interrupt, with a descriptor. */
static int set_fd(int device, uint32_t action, uint32_t index, int fd)
{
	return __irq_set(device, EVENTFD | action, index, 0, 1, &fd, sizeof(fd));
}

static struct vfio_irq_info irq_info(int device, uint32_t index)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = index };

	call(device, VFIO_DEVICE_GET_IRQ_INFO, &info);
	return info;
}

/* Whether a line of /proc/interrupts ends with this name. */
static bool listed(const char *format, unsigned int vector, const char *bdf)
{
	char name[64], line[4096];
	bool found = false;
	FILE *file;

	if (strstr(format, "%u"))
		snprintf(name, sizeof(name), format, vector, bdf);
	else
		snprintf(name, sizeof(name), format, bdf);
	file = fopen("/proc/interrupts", "re");
	if (!file)
		fail("/proc/interrupts: %s", strerror(errno));
	while (!found && fgets(line, sizeof(line), file))
		found = strstr(line, name);
	fclose(file);
	return found;
}

/* ---- An open edu ------------------------------------------------------------ */

FIXTURE(edu)
{
	struct vfio vfio;
	struct edu edu;
	int device, event, other;
};

FIXTURE_SETUP(edu)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device that is alone in its group");
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	self->device = self->vfio.device;
	edu_open(&self->edu, self->device);
	self->event = eventfd_new();
	self->other = eventfd_new();
}

FIXTURE_TEARDOWN(edu)
{
	/* The line may be shared: leave it silent. */
	edu_write(&self->edu, EDU_IRQ_ACK, ~0u);
	edu_close(&self->edu);
	vfio_close(&self->vfio);
	close(self->event);
	close(self->other);
}

/* Asserts the pin, or sends the message if MSI is on. */
static void edu_raise(struct edu *edu)
{
	edu_write(edu, EDU_IRQ_RAISE, 1);
}

static void edu_ack(struct edu *edu)
{
	edu_write(edu, EDU_IRQ_ACK, ~0u);
}

#endif /* VFIO_IRQ_H */
