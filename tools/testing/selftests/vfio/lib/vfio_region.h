/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of regions share: short names, mapping a part of a region, and
 * the open devices that both read/write and mappings are tried on: edu (a memory
 * BAR), pci-testdev (a port BAR), igb (MSI-X) and ivshmem (a big BAR), each alone
 * in its group.
 *
 * Included once by each test program, after kselftest_harness.h.
 */
#ifndef VFIO_REGION_H
#define VFIO_REGION_H

#include <sys/mman.h>

/* Not every program uses every one of these. */
#pragma GCC diagnostic ignored "-Wunused-function"

#include "vfio_edu.h"
#include "vfio_test.h"

#define BAR(n)	(VFIO_PCI_BAR0_REGION_INDEX + (n))
#define ROM	VFIO_PCI_ROM_REGION_INDEX
#define CONFIG	VFIO_PCI_CONFIG_REGION_INDEX
#define VGA	VFIO_PCI_VGA_REGION_INDEX
#define FAR	VFIO_PCI_NUM_REGIONS

#define OFFSET(index)	((uint64_t)(index) << 40)

#define COMMAND_MEM	2

/* Maps part of a region; returns 0 and the address, or -errno. */
static int map(int device, uint32_t index, uint64_t at, size_t size, int flags, void **addr)
{
	*addr = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, device,
		     (off_t)(OFFSET(index) + at));
	return *addr == MAP_FAILED ? -errno : 0;
}

/* ---- A memory BAR --------------------------------------------------------- */

#define EDU_SIZE	0x100000

/* ---- A port BAR ----------------------------------------------------------- */

FIXTURE(testdev)
{
	struct vfio vfio;
	int fd;
};

FIXTURE_SETUP(testdev)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_TESTDEV, 0, bdf))
		SKIP(return, "no pci-testdev alone in its group");
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	self->fd = self->vfio.device;
}

FIXTURE_TEARDOWN(testdev)
{
	vfio_close(&self->vfio);
}

/* ---- MSI-X ---------------------------------------------------------------- */

#define IGB_MSIX_BAR	3

FIXTURE(igb)
{
	struct vfio vfio;
	int fd;
	uint32_t table, size, pba;
};

FIXTURE_SETUP(igb)
{
	uint32_t cap, table;
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_IGB, 0, bdf))
		SKIP(return, "no igb alone in its group");
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	self->fd = self->vfio.device;
	cap = pci_capability(self->fd, 0x11);
	table = config_read(self->fd, cap + 4, 4);
	if ((table & 7) != IGB_MSIX_BAR)
		fail("the table of MSI-X is in BAR %u", table & 7);
	self->table = table & ~7u;
	self->pba = config_read(self->fd, cap + 8, 4) & ~7u;
	self->size = ((config_read(self->fd, cap + 2, 2) & 0x7ff) + 1) * 16;
}

FIXTURE_TEARDOWN(igb)
{
	vfio_close(&self->vfio);
}

/* ---- A big BAR ------------------------------------------------------------ */

#define IVSHMEM_BAR	2

FIXTURE(ivshmem)
{
	struct vfio vfio;
	int fd;
	uint64_t size;
};

FIXTURE_SETUP(ivshmem)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_IVSHMEM, 0, bdf))
		SKIP(return, "no ivshmem alone in its group");
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	self->fd = self->vfio.device;
	self->size = region_info(self->fd, BAR(IVSHMEM_BAR)).size;
}

FIXTURE_TEARDOWN(ivshmem)
{
	vfio_close(&self->vfio);
}

#endif /* VFIO_REGION_H */
