// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device costs rather than its memory: interrupts, the mapping of a big BAR,
 * the opening of two functions at once. Through groups; columns of another interface
 * have no samples here.
 */
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "bench.h"

bool open_other(struct target *target, struct vfio *vfio, unsigned int vendor, unsigned int device)
{
	char bdf[BDF_LEN];

	if (!target->column->backend->iommu)
		return false;
	if (!pci_find_alone(vendor, device, 0, bdf)) {
		printf("# no device %04x:%04x\n", vendor, device);
		return false;
	}
	vfio_open(vfio, bdf, target->column->backend->iommu);
	return true;
}

/* ---- Interrupts ------------------------------------------------------------- */

#define TRIPS		64

/* From the register that raises the message to the program that waits for the eventfd. */
static void time_trips(struct target *target, int device, uint32_t index,
		       volatile uint32_t *raise, volatile uint32_t *acknowledge, const char *name)
{
	int event = eventfd(0, EFD_CLOEXEC), i;
	uint64_t took[TRIPS], value;

	must(__irq_eventfds(device, index, 0, 1, &event));
	for (i = 0; i < TRIPS; i++) {
		uint64_t start = now_ns();

		*raise = 1;
		if (read(event, &value, sizeof(value)) != sizeof(value))
			fail("no interrupt: %s", strerror(errno));
		took[i] = now_ns() - start;
		*acknowledge = ~0u;
	}
	report(target->column, median(took, TRIPS), "%s.ns", name);
	must(__irq_disable(device, index));
	close(event);
}

static void interrupt(struct target *target, const struct memory *mem)
{
	struct edu edu;

	if (!target->column->backend->iommu)
		return;
	edu_open(&edu, target->vfio.device);
	time_trips(target, target->vfio.device, VFIO_PCI_MSI_IRQ_INDEX,
		   (volatile uint32_t *)(edu.regs + EDU_IRQ_RAISE),
		   (volatile uint32_t *)(edu.regs + EDU_IRQ_ACK), "interrupt");
	edu_close(&edu);
}

/* The igb's registers: a vector for each cause; those that may come; raising; clearing. */
#define IGB_GPIE	0x1514
#define  IGB_GPIE_MSIX	0x10
#define IGB_EICS	0x1520
#define IGB_EIMS	0x1524
#define IGB_EICR	0x1580

static void interrupt_msix(struct target *target, const struct memory *mem)
{
	volatile char *regs;
	struct vfio vfio;

	if (!open_other(target, &vfio, ID_IGB))
		return;
	pci_command(vfio.device, 6, 0);
	regs = region_map(vfio.device, VFIO_PCI_BAR0_REGION_INDEX);
	*(volatile uint32_t *)(regs + IGB_GPIE) = IGB_GPIE_MSIX;
	*(volatile uint32_t *)(regs + IGB_EIMS) = 1;
	time_trips(target, vfio.device, VFIO_PCI_MSIX_IRQ_INDEX,
		   (volatile uint32_t *)(regs + IGB_EICS),
		   (volatile uint32_t *)(regs + IGB_EICR), "interrupt.msix");
	munmap((void *)regs, region_info(vfio.device, VFIO_PCI_BAR0_REGION_INDEX).size);
	vfio_close(&vfio);
}

/* ---- A big BAR ---------------------------------------------------------------- */

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

static void bar(struct target *target, const struct memory *mem)
{
	struct vfio_region_info info;
	struct vfio vfio;
	uint64_t start;
	size_t at;
	long before;
	char *map;

	if (!open_other(target, &vfio, ID_IVSHMEM))
		return;
	pci_command(vfio.device, 2, 0);
	info = region_info(vfio.device, IVSHMEM_BAR);
	map = region_map(vfio.device, IVSHMEM_BAR);
	before = faults();
	start = now_ns();
	for (at = 0; at < info.size; at += PAGE)
		(void)*(volatile char *)(map + at);
	report(target->column, now_ns() - start, "bar.touch.ns");
	report(target->column, (double)(faults() - before) * GIB / info.size, "bar.faults");
	/* The largest page that address and offset in the BAR agree on, for the whole BAR. */
	report(target->column, (uintptr_t)map & -(uintptr_t)map, "bar.alignment");
	munmap(map, info.size);
	vfio_close(&vfio);
}

/* ---- Two functions at once ----------------------------------------------------- */

struct opener {
	int group, fd;
	const char *bdf;
	pthread_t thread;
	uint64_t ns;
};

static void *open_it(void *arg)
{
	struct opener *opener = arg;
	uint64_t start = now_ns();

	opener->fd = group_get_device(opener->group, opener->bdf);
	opener->ns = now_ns() - start;
	return NULL;
}

static void functions(struct target *target, const struct memory *mem)
{
	char first[BDF_LEN], second[BDF_LEN];
	struct opener openers[2];
	uint64_t one, two;
	struct vfio vfio;
	unsigned int i;
	int group;

	if (!target->column->backend->iommu)
		return;
	if (!pci_find(ID_NVME, 0, first) || !pci_find(ID_NVME, 1, second)) {
		printf("# no two NVMe functions\n");
		return;
	}
	/* In one group, or in one each. */
	pci_bind(second, "vfio-pci");
	vfio_open_group(&vfio, first);
	group = vfio.group;
	if (pci_group(second) != vfio.group_id) {
		group = group_open(pci_group(second));
		group_set_container(group, vfio.container);
	}
	set_iommu(vfio.container, target->column->backend->iommu);
	openers[0] = (struct opener){ .group = vfio.group, .bdf = first };
	openers[1] = (struct opener){ .group = group, .bdf = second };
	open_it(&openers[0]);
	close(openers[0].fd);
	one = openers[0].ns;
	for (i = 0; i < 2; i++)
		if (pthread_create(&openers[i].thread, NULL, open_it, &openers[i]))
			fail("no thread");
	for (i = 0; i < 2; i++)
		pthread_join(openers[i].thread, NULL);
	for (i = 0; i < 2; i++)
		close(openers[i].fd);
	two = openers[0].ns > openers[1].ns ? openers[0].ns : openers[1].ns;
	report(target->column, one, "open.one.ns");
	report(target->column, two, "open.two.ns");
	report(target->column, (double)two / one, "open.factor");
	if (group != vfio.group)
		close(group);
	vfio_close(&vfio);
	pci_unbind(second);
}

const struct group device_groups[] = {
	{ .name = "interrupt", .about = "edu's MSI to an eventfd", .sample = interrupt },
	{ .name = "interrupt-msix", .about = "igb's MSI-X to an eventfd",
	  .sample = interrupt_msix },
	{ .name = "bar", .about = "touch every page of a big BAR", .most = 2, .sample = bar },
	{ .name = "open", .about = "open two functions of a slot at once", .sample = functions },
	{}
};
