/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fixture "edu": an open edu device that is alone in its group.
 *
 * Included once by each test program, after kselftest_harness.h.
 */
#ifndef VFIO_EDU_H
#define VFIO_EDU_H

#include "vfio_test.h"

FIXTURE(edu)
{
	struct vfio vfio;
	int fd;
};

FIXTURE_SETUP(edu)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu alone in its group");
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	self->fd = self->vfio.device;
}

FIXTURE_TEARDOWN(edu)
{
	vfio_close(&self->vfio);
}

#endif
