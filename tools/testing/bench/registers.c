// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers of a device: reads and writes of its BARs and of configuration space through
 * its file, and the faults of a mapped BAR. Through groups; columns of another interface
 * have no samples here.
 *
 * BARs are those of ivshmem, which is memory: a register of an emulated device would cost
 * the guest no more, but may not be written at will.
 */
#include <sys/mman.h>

#include "bench.h"

/* As many requests make a sample: their median, so that interrupts do not count. */
#define TIMES		64

#define COMMAND		0x04
#define COMMAND_MEMORY	2

/* One access through the file of a device. */
struct access {
	int device;
	off_t at;
	size_t size;
	bool is_write;
	void *data;
};

static void time_access(struct target *target, const struct access *access, const char *name)
{
	uint64_t took[TIMES], start;
	ssize_t done;
	int i;

	for (i = 0; i < TIMES; i++) {
		start = now_ns();
		if (access->is_write)
			done = pwrite(access->device, access->data, access->size, access->at);
		else
			done = pread(access->device, access->data, access->size, access->at);
		took[i] = now_ns() - start;
		if (done != (ssize_t)access->size)
			fail("%s: %zd: %s", name, done, strerror(errno));
	}
	report(target->column, median(took, TIMES), "%s.ns", name);
}

/* Reads, then writes back what was read, in each of these widths. */
static void time_widths(struct target *target, int device, off_t at, const size_t *widths,
			const char *what)
{
	char data[PAGE], name[32];
	struct access access = { .device = device, .at = at, .data = data };

	for (; *widths; widths++) {
		access.size = *widths;
		access.is_write = false;
		snprintf(name, sizeof(name), "%s.read.%zu", what, access.size);
		time_access(target, &access, name);
		access.is_write = true;
		snprintf(name, sizeof(name), "%s.write.%zu", what, access.size);
		time_access(target, &access, name);
	}
}

/* ---- BARs --------------------------------------------------------------------- */

static void bar_io(struct target *target, const struct memory *mem)
{
	static const size_t widths[] = { 1, 4, 8, PAGE, 0 };
	struct vfio vfio;

	if (!open_other(target, &vfio, ID_IVSHMEM))
		return;
	pci_command(vfio.device, COMMAND_MEMORY, 0);
	time_widths(target, vfio.device, region_info(vfio.device, IVSHMEM_BAR).offset, widths, "bar");
	vfio_close(&vfio);
}

/* ---- Configuration space -------------------------------------------------------- */

/* Passed through, as far as they can be written at all: cache line size to BIST. */
#define PASSED_ON	0x0c
/* The first BAR, which the user sees as if nobody had given it an address. */
#define VIRTUAL		0x10

static void dump(struct target *target, int device, const char *name)
{
	struct vfio_region_info info = region_info(device, VFIO_PCI_CONFIG_REGION_INDEX);
	char data[PAGE];
	struct access access = {
		.device = device,
		.at = info.offset,
		.size = info.size,
		.data = data,
	};

	if (info.size > sizeof(data))
		fail("a configuration space of %llu bytes", (unsigned long long)info.size);
	time_access(target, &access, name);
}

static void config(struct target *target, const struct memory *mem)
{
	static const size_t widths[] = { 1, 2, 4, 0 };
	int edu = target->vfio.device;
	struct vfio igb;
	off_t start;

	if (!target->column->backend->iommu)
		return;
	start = region_info(edu, VFIO_PCI_CONFIG_REGION_INDEX).offset;
	time_widths(target, edu, start + PASSED_ON, widths, "config.passed");
	time_widths(target, edu, start + VIRTUAL, widths, "config.virtual");
	dump(target, edu, "config.dump.conventional");
	if (!open_other(target, &igb, ID_IGB))
		return;
	dump(target, igb.device, "config.dump.express");
	vfio_close(&igb);
}

/* ---- Faults ------------------------------------------------------------------- */

/* Touches a page of a mapped BAR after it was taken away, again and again. */
static void time_faults(struct target *target, int device, unsigned int bar, const char *name)
{
	off_t command = region_info(device, VFIO_PCI_CONFIG_REGION_INDEX).offset + COMMAND;
	const uint16_t on = COMMAND_MEMORY, off = 0;
	uint64_t zapping[TIMES], faulting[TIMES], start;
	size_t size = region_info(device, bar).size;
	volatile uint32_t *map;
	int i;

	pci_command(device, COMMAND_MEMORY, 0);
	map = region_map(device, bar);
	(void)*map;
	for (i = 0; i < TIMES; i++) {
		start = now_ns();
		if (pwrite(device, &off, sizeof(off), command) != sizeof(off))
			fail("memory off: %s", strerror(errno));
		zapping[i] = now_ns() - start;
		if (pwrite(device, &on, sizeof(on), command) != sizeof(on))
			fail("memory on: %s", strerror(errno));
		start = now_ns();
		(void)*map;
		faulting[i] = now_ns() - start;
	}
	report(target->column, median(zapping, TIMES), "zap.%s.ns", name);
	report(target->column, median(faulting, TIMES), "fault.%s.ns", name);
	munmap((void *)map, size);
}

static void bar_fault(struct target *target, const struct memory *mem)
{
	struct vfio vfio;

	if (!open_other(target, &vfio, ID_IVSHMEM))
		return;
	time_faults(target, vfio.device, IVSHMEM_BAR, "huge");
	vfio_close(&vfio);
	/* Too small for a large page. */
	time_faults(target, target->vfio.device, VFIO_PCI_BAR0_REGION_INDEX, "page");
}

const struct group register_groups[] = {
	{ .name = "bar-io", .about = "read and write a BAR through the file", .sample = bar_io },
	{ .name = "config", .about = "read and write configuration space", .sample = config },
	{ .name = "bar-fault", .about = "take a mapped BAR away and touch it again",
	  .sample = bar_fault },
	{}
};
