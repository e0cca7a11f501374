// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests to a device that are no accesses: opening it, resetting it, setting up its
 * interrupts. Through groups; columns of another interface have no samples here.
 */
#include <sys/eventfd.h>

#include "bench.h"

/* As many requests make a sample. */
#define TIMES		32
#define RESETS		4

/* ---- Opening --------------------------------------------------------------------- */

/* The edu has no reset of its own, which would take longer than all the rest. */
static void open_plain(struct target *target, const struct memory *mem)
{
	uint64_t opening[TIMES], closing[TIMES], start;
	struct vfio *vfio = &target->vfio;
	int i;

	if (!target->column->backend->iommu)
		return;
	close(vfio->device);
	for (i = 0; i < TIMES; i++) {
		start = now_ns();
		vfio->device = group_get_device(vfio->group, vfio->bdf);
		opening[i] = now_ns() - start;
		start = now_ns();
		close(vfio->device);
		closing[i] = now_ns() - start;
	}
	vfio->device = group_get_device(vfio->group, vfio->bdf);
	report(target->column, median(opening, TIMES), "plain.open.ns");
	report(target->column, median(closing, TIMES), "plain.close.ns");
}

/* ---- Reset ------------------------------------------------------------------------- */

/* What this thread had of the processor: without the 100 ms that a reset sleeps. */
static uint64_t used_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static void reset(struct target *target, const struct memory *mem)
{
	uint64_t took[RESETS], used[RESETS], start, start_used;
	struct vfio vfio;
	int i;

	if (!open_other(target, &vfio, ID_IGB))
		return;
	for (i = 0; i < RESETS; i++) {
		start = now_ns();
		start_used = used_ns();
		call(vfio.device, VFIO_DEVICE_RESET, NULL);
		used[i] = used_ns() - start_used;
		took[i] = now_ns() - start;
	}
	report(target->column, median(took, RESETS), "reset.ns");
	report(target->column, median(used, RESETS), "reset.processor.ns");
	vfio_close(&vfio);
}

/* ---- Interrupts ---------------------------------------------------------------------- */

/* Switches vectors on, with an eventfd each, and off again. */
static void time_vectors(struct target *target, int device, uint32_t index, unsigned int count,
			 const char *name)
{
	uint64_t on[TIMES], off[TIMES], start;
	int events[16];
	unsigned int i;

	for (i = 0; i < count; i++)
		events[i] = eventfd(0, EFD_CLOEXEC);
	for (i = 0; i < TIMES; i++) {
		start = now_ns();
		must(__irq_eventfds(device, index, 0, count, events));
		on[i] = now_ns() - start;
		start = now_ns();
		must(__irq_disable(device, index));
		off[i] = now_ns() - start;
	}
	for (i = 0; i < count; i++)
		close(events[i]);
	report(target->column, median(on, TIMES), "irqs.%s.on.ns", name);
	report(target->column, median(off, TIMES), "irqs.%s.off.ns", name);
}

static void time_masking(struct target *target, int device)
{
	uint32_t mask = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK;
	uint32_t unmask = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK;
	uint64_t masking[TIMES], unmasking[TIMES], start;
	const uint32_t intx = VFIO_PCI_INTX_IRQ_INDEX;
	int event = eventfd(0, EFD_CLOEXEC), i;

	must(__irq_eventfds(device, intx, 0, 1, &event));
	for (i = 0; i < TIMES; i++) {
		start = now_ns();
		must(__irq_set(device, mask, intx, 0, 1, NULL, 0));
		masking[i] = now_ns() - start;
		start = now_ns();
		must(__irq_set(device, unmask, intx, 0, 1, NULL, 0));
		unmasking[i] = now_ns() - start;
	}
	must(__irq_disable(device, intx));
	close(event);
	report(target->column, median(masking, TIMES), "irqs.intx.mask.ns");
	report(target->column, median(unmasking, TIMES), "irqs.intx.unmask.ns");
}

/* Of igb's ten vectors. */
#define VECTORS		8

static void irqs(struct target *target, const struct memory *mem)
{
	struct vfio igb;

	if (!target->column->backend->iommu)
		return;
	time_vectors(target, target->vfio.device, VFIO_PCI_INTX_IRQ_INDEX, 1, "intx");
	time_masking(target, target->vfio.device);
	time_vectors(target, target->vfio.device, VFIO_PCI_MSI_IRQ_INDEX, 1, "msi");
	if (!open_other(target, &igb, ID_IGB))
		return;
	time_vectors(target, igb.device, VFIO_PCI_MSIX_IRQ_INDEX, VECTORS, "msix");
	vfio_close(&igb);
}

const struct group call_groups[] = {
	{ .name = "open-plain", .about = "open and close a device without a reset",
	  .sample = open_plain },
	{ .name = "reset", .about = "reset an igb", .sample = reset },
	{ .name = "irqs", .about = "switch interrupts on and off, mask and unmask a pin",
	  .sample = irqs },
	{}
};
