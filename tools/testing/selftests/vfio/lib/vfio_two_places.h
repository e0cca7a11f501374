/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two open groups with an edu device each, which only a bridge has in common, and both
 * places that they can go into: a container, and a context of IOMMUFD.
 *
 * Included once by each test program, after kselftest_harness.h.
 */
#ifndef VFIO_TWO_PLACES_H
#define VFIO_TWO_PLACES_H

#include "vfio_test.h"
#include "vfio_group_feature.h"
#include "vfio_log.h"
#include "vfio_synthetic.h"
#include "vfio_unit.h"

#define VIABLE		VFIO_GROUP_FLAGS_VIABLE
#define CONTAINER_SET	VFIO_GROUP_FLAGS_CONTAINER_SET
#define DEFAULT_LEVEL	"/sys/module/vfio/parameters/isolation"
/* What a refusal of a unit says that is larger than a group. */
#define NO_UNIT		"IOMMUFD cannot own its isolation unit"
/* The same of options of its own. */
#define NO_OPTIONS	"IOMMUFD knows nothing of"

FIXTURE(two)
{
	char bdf[2][BDF_LEN], bridge[BDF_LEN];
	int id[2], group[2];
	int container, iommu;
};

FIXTURE_SETUP(two)
{
	int i;

	if (!find_neighbours(self->bdf, self->bridge))
		SKIP(return, "no two edu devices below one bridge in groups of their own");
	if (!driver_is_rust())
		SKIP(return, "no such call");
	self->iommu = __iommu_open();
	if (self->iommu < 0)
		SKIP(return, "no IOMMUFD");
	for (i = 0; i < 2; i++) {
		pci_bind(self->bdf[i], "vfio-pci");
		self->id[i] = pci_group(self->bdf[i]);
		self->group[i] = group_open(self->id[i]);
	}
	self->container = container_open();
}

FIXTURE_TEARDOWN(two)
{
	int i;

	__write_text(DEFAULT_LEVEL, "0");
	for (i = 0; i < 2; i++)
		close_fd(&self->group[i]);
	if (!access(FOLDER "/" NAME, F_OK)) {
		EXPECT_EQ(0, __enable(false));
		EXPECT_EQ(0, __remove(NAME));
	}
	for (i = 0; i < 2; i++)
		pci_unbind(self->bdf[i]);
	close_fd(&self->container);
	close_fd(&self->iommu);
}

/* Makes the directory for both groups, which are closed for that. */
static void synthetic_make(FIXTURE_DATA(two) *self)
{
	close_fd(&self->group[0]);
	close_fd(&self->group[1]);
	mount("none", CONFIGFS, "configfs", 0, NULL);
	__enable(false);
	__remove(NAME);
	must(__make(NAME));
	must(__set_members(self->id[0], self->id[1]));
}

/* Whether a group can be used with the container as if nothing had been before. */
static bool works_with_container(FIXTURE_DATA(two) *self, int group, const char *bdf)
{
	char *mem = memory(PAGE);
	struct edu edu;
	bool works;
	int device;

	group_set_container(group, self->container);
	set_iommu(self->container, HOST_IOMMU);
	dma_register(self->container, mem, PAGE);
	dma_map(self->container, mem, 0x100000, PAGE, DMA_RW);
	device = group_get_device(group, bdf);
	edu_open(&edu, device);
	memset(mem, 0x3c, PAGE / 2);
	edu_copy(&edu, 0x100000, 0x100000 + PAGE / 2, PAGE / 2);
	works = is_all(mem, PAGE, 0x3c);
	edu_close(&edu);
	close(device);
	must(__group_unset_container(group));
	return works;
}

#endif /* VFIO_TWO_PLACES_H */
