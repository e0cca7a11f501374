/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of configuration space share: names of the header's registers,
 * reading and writing any number of bytes, and the fixture `any`, which runs a
 * test on each of edu, igb, nvme and xhci that is there.
 *
 * Included once by each test program, after kselftest_harness.h.
 */
#ifndef VFIO_CONFIG_H
#define VFIO_CONFIG_H

#include "vfio_test.h"

/* Header. */
#define VENDOR		0x00
#define COMMAND		0x04
#define COMMAND_IO		0x0001
#define COMMAND_MEMORY		0x0002
#define COMMAND_NO_INTX		0x0400
#define STATUS		0x06
#define BAR(n)		(0x10 + 4 * (n))
#define CAP_LIST	0x34
#define LINE		0x3c
#define PIN		0x3d

#define CONFIG	VFIO_PCI_CONFIG_REGION_INDEX

static ssize_t read_at(int device, uint64_t at, void *data, size_t size)
{
	return __region_read(device, CONFIG, at, data, size);
}

static ssize_t write_at(int device, uint64_t at, const void *data, size_t size)
{
	return __region_write(device, CONFIG, at, data, size);
}

/* ---- Any device ----------------------------------------------------------- */

FIXTURE(any)
{
	struct vfio vfio;
	int device;
	uint64_t size;
};

FIXTURE_VARIANT(any)
{
	unsigned int vendor, device;
};

FIXTURE_VARIANT_ADD(any, edu) { ID_EDU };
FIXTURE_VARIANT_ADD(any, igb) { ID_IGB };
FIXTURE_VARIANT_ADD(any, nvme) { ID_NVME };
FIXTURE_VARIANT_ADD(any, xhci) { ID_XHCI };

FIXTURE_SETUP(any)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(variant->vendor, variant->device, 0, bdf))
		SKIP(return, "no such device");
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	self->device = self->vfio.device;
	self->size = region_info(self->device, CONFIG).size;
}

FIXTURE_TEARDOWN(any)
{
	vfio_close(&self->vfio);
}

#endif /* VFIO_CONFIG_H */
