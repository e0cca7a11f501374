// SPDX-License-Identifier: GPL-2.0-only
/*
 * POWER: a container of TCE tables as a backend, with a window that begins at IOVA_BASE;
 * and what only such a container is asked for.
 */
#include "bench.h"
#include "vfio_spapr.h"

#define WINDOW_SHIFT	16
#define WINDOW_SIZE	(16 * GIB)

/* What is registered with the container of the moment. */
static const struct memory *registered;

static void open_container(struct target *target, const char *bdf)
{
	uint64_t start;

	vfio_open(&target->vfio, bdf, VFIO_SPAPR_TCE_v2_IOMMU);
	must(__spapr_create(target->vfio.container, WINDOW_SHIFT, WINDOW_SIZE, 1, &start));
	if (start != IOVA_BASE)
		fail("the window begins at %#llx", (unsigned long long)start);
	registered = NULL;
}

/* The first time costs more, which no sample sees: groups begin with one that does not count. */
static void map(struct target *target, const struct memory *mem, size_t at, uint64_t iova,
		size_t size)
{
	if (registered != mem) {
		must(__spapr_register(target->vfio.container, mem->addr, mem->size));
		registered = mem;
	}
	dma_map(target->vfio.container, mem->addr + at, iova, size, DMA_RW);
}

static void info(struct target *target)
{
	struct vfio_iommu_spapr_tce_info answer;

	must(__spapr_info(target->vfio.container, &answer));
}

const struct backend spapr_backend = {
	.name = "spapr",
	.iommu = VFIO_SPAPR_TCE_v2_IOMMU,
	.open = open_container,
	.close = container_close,
	.map = map,
	.unmap = container_unmap,
	.info = info,
};

/* Registering memory pins all of it. */
static void sample_register(struct target *target, const struct memory *mem)
{
	int fd = target->vfio.container;
	uint64_t start = now_ns(), given;

	if (target->column->backend != &spapr_backend)
		return;
	must(__spapr_register(fd, mem->addr, mem->size));
	given = now_ns();
	must(__spapr_unregister(fd, mem->addr, mem->size));
	report(target->column, given - start, "register.%s.ns", mem->kind);
	report(target->column, now_ns() - given, "unregister.%s.ns", mem->kind);
}

/* One that is small, so that clearing its table does not count for most. */
static void sample_window(struct target *target, const struct memory *mem)
{
	int fd = target->vfio.container;
	uint64_t start, made, iova;

	if (target->column->backend != &spapr_backend)
		return;
	must(__spapr_remove(fd, IOVA_BASE));
	start = now_ns();
	must(__spapr_create(fd, WINDOW_SHIFT, 256 * MIB, 1, &iova));
	made = now_ns();
	must(__spapr_remove(fd, iova));
	report(target->column, made - start, "window.create.ns");
	report(target->column, now_ns() - made, "window.remove.ns");
	must(__spapr_create(fd, WINDOW_SHIFT, WINDOW_SIZE, 1, &iova));
}

const struct group spapr_groups[] = {
	{ .name = "register-1g", .about = "register and unregister 1 GiB in pages of 1 GiB",
	  .kind = "1g", .sample = sample_register },
	{ .name = "register-4k", .about = "the same in pages as they came", .kind = "4k",
	  .sample = sample_register },
	{ .name = "window", .about = "make and remove a DMA window", .sample = sample_window },
	{}
};
