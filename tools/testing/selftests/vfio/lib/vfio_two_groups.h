/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two groups, each with an edu device and open, and a container that neither is in
 * yet: for calls of groups that the kernel's own modules do not have.
 */
#ifndef VFIO_TWO_GROUPS_H
#define VFIO_TWO_GROUPS_H

#include "vfio_test.h"
#include "vfio_group_feature.h"

struct two_groups {
	char bdf[2][BDF_LEN];
	int id[2], group[2], container;
};

/* Finds two that are alone in their groups. */
static inline bool find_two_alone(struct two_groups *two)
{
	return pci_find_alone(ID_EDU, 0, two->bdf[0]) && pci_find_alone(ID_EDU, 1, two->bdf[1]);
}

/* Closes what is open, and takes the drivers away. */
static inline void close_two(struct two_groups *two)
{
	int i;

	for (i = 0; i < 2; i++) {
		close_fd(&two->group[i]);
		pci_unbind(two->bdf[i]);
	}
	close_fd(&two->container);
}

/* Binds the devices and opens the groups. Returns false, with all closed, if there are no such calls. */
static inline bool open_two(struct two_groups *two)
{
	int i;

	for (i = 0; i < 2; i++) {
		pci_bind(two->bdf[i], "vfio-pci");
		two->id[i] = pci_group(two->bdf[i]);
		two->group[i] = group_open(two->id[i]);
	}
	two->container = container_open();
	if (group_has_features(two->group[0]))
		return true;
	if (driver_is_rust())
		fail("the modules do not have their own calls");
	close_two(two);
	return false;
}

#endif
