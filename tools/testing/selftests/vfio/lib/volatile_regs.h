/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers of configuration space that differ between two looks at the same
 * device under the same driver, for vfio_pci_config_dump.
 */
#ifndef VOLATILE_REGS_H
#define VOLATILE_REGS_H

#include <stdint.h>

struct volatile_reg {
	uint32_t id;		/* device in the upper half, vendor in the lower */
	unsigned int at, len;
	const char *why;
};

static const struct volatile_reg volatile_regs[] = {
	{ 0x10051af4, 0x94, 4, "virtio: what the registers before it point to in a BAR" },
	{}
};

#endif /* VOLATILE_REGS_H */
