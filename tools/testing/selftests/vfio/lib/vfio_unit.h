/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Isolation units that are larger than a group: two edu devices that only a bridge has
 * in common, and policies to ask for. After vfio_group_feature.h.
 */
#ifndef VFIO_UNIT_H
#define VFIO_UNIT_H

#include <limits.h>

#include "vfio_test.h"

#define STRICT		VFIO_ISOLATION_FLAG_STRICT

/* The topmost bridge above a device: false if there is none. */
static inline bool top_bridge(const char *bdf, char *bridge)
{
	char path[PATH_MAX], real[PATH_MAX], *at;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", bdf);
	if (!realpath(path, real))
		return false;
	at = strstr(real, "/pci0000:00/");
	if (!at)
		return false;
	snprintf(bridge, BDF_LEN, "%.12s", at + strlen("/pci0000:00/"));
	return strcmp(bridge, bdf) != 0;
}

/* Two edu devices below one bridge that are in different groups. */
static inline bool find_neighbours(char bdf[2][BDF_LEN], char *bridge)
{
	char other[BDF_LEN];
	unsigned int i, k;

	for (i = 0; pci_find(ID_EDU, i, bdf[0]); i++)
		for (k = i + 1; pci_find(ID_EDU, k, bdf[1]); k++)
			if (top_bridge(bdf[0], bridge) && top_bridge(bdf[1], other) &&
			    !strcmp(bridge, other) && pci_group(bdf[0]) != pci_group(bdf[1]))
				return true;
	return false;
}

static inline struct vfio_group_feature_isolation below(const char *bridge)
{
	struct vfio_group_feature_isolation data = {
		.level = VFIO_ISOLATION_BRIDGE, .flags = STRICT
	};
	unsigned int bus, slot, function;

	sscanf(bridge, "%x:%x:%x.%x", &data.bridge_domain, &bus, &slot, &function);
	data.bridge = bus << 8 | slot << 3 | function;
	return data;
}

static const struct vfio_group_feature_isolation alone = { .flags = STRICT };

#endif /* VFIO_UNIT_H */
