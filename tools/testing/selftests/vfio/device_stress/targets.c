// SPDX-License-Identifier: GPL-2.0-only
/* Which devices there are. Looked up once: later some come and go. */
#include <limits.h>

#include "stress.h"
#include "vfio_sriov.h"

struct target targets[TARGETS];
unsigned int target_count;
int pair[2] = { -1, -1 };

#define ID_VGA	0x1234, 0x1111

static int total_vfs(const char *bdf)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/sriov_totalvfs", bdf);
	return access(path, F_OK) ? 0 : sriov_total(bdf);
}

static void find_kind(unsigned int vendor, unsigned int device)
{
	struct target *target;
	unsigned int nth = 0;

	while (target_count < TARGETS) {
		target = &targets[target_count];
		if (!pci_find(vendor, device, nth++, target->bdf))
			return;
		target->vendor = vendor;
		target->device = device;
		target->total_vfs = total_vfs(target->bdf);
		target_count++;
	}
}

void targets_find(void)
{
	char first[BDF_LEN], second[BDF_LEN];
	unsigned int i;

	find_kind(ID_EDU);
	find_kind(ID_IGB);
	find_kind(ID_NVME);
	find_kind(ID_XHCI);
	find_kind(ID_VGA);
	if (!pci_find_pair(ID_EDU, first, second))
		return;
	for (i = 0; i < target_count; i++) {
		if (!strcmp(targets[i].bdf, first))
			pair[0] = i;
		if (!strcmp(targets[i].bdf, second))
			pair[1] = i;
	}
}

/* The one with virtual functions more often: it stands for several devices. */
const struct target *target_any(struct random *random)
{
	const struct target *target = &targets[below(random, target_count)];
	unsigned int i;

	if (below(random, 3))
		return target;
	for (i = 0; i < target_count; i++)
		if (targets[i].total_vfs)
			return &targets[i];
	return target;
}

bool target_pick(struct random *random, const struct target **target, char *bdf)
{
	*target = target_any(random);
	snprintf(bdf, BDF_LEN, "%s", (*target)->bdf);
	if ((*target)->total_vfs && below(random, 2))
		return sriov_vf((*target)->bdf, below(random, VFS), bdf);
	return true;
}
