// SPDX-License-Identifier: GPL-2.0-only
/* A type 1 container as a backend. */
#include "bench.h"

static void open_container(struct target *target, const char *bdf)
{
	vfio_open(&target->vfio, bdf, VFIO_TYPE1v2_IOMMU);
}

void container_close(struct target *target)
{
	vfio_close(&target->vfio);
}

static void map(struct target *target, const struct memory *mem, size_t at, uint64_t iova,
		size_t size)
{
	dma_map(target->vfio.container, mem->addr + at, iova, size, DMA_RW);
}

void container_unmap(struct target *target, uint64_t iova, size_t size)
{
	int64_t done = dma_unmap(target->vfio.container, iova, size);

	if (done != (int64_t)size)
		fail("unmapped %lld of %zu bytes", (long long)done, size);
}

static void info(struct target *target)
{
	struct vfio_iommu_type1_info head = { .argsz = sizeof(head) };

	call(target->vfio.container, VFIO_IOMMU_GET_INFO, &head);
}

static void dirty(struct target *target, uint32_t flags)
{
	struct vfio_iommu_type1_dirty_bitmap head = { .argsz = sizeof(head), .flags = flags };

	call(target->vfio.container, VFIO_IOMMU_DIRTY_PAGES, &head);
}

static void dirty_start(struct target *target)
{
	dirty(target, VFIO_IOMMU_DIRTY_PAGES_FLAG_START);
}

static void dirty_stop(struct target *target)
{
	dirty(target, VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP);
}

static void dirty_get(struct target *target, uint64_t iova, size_t size, void *bits)
{
	struct {
		struct vfio_iommu_type1_dirty_bitmap head;
		struct vfio_iommu_type1_dirty_bitmap_get range;
	} get = {
		.head = { .argsz = sizeof(get), .flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP },
		.range = {
			.iova = iova, .size = size,
			.bitmap = { .pgsize = PAGE, .size = size / PAGE / 8, .data = bits },
		},
	};

	call(target->vfio.container, VFIO_IOMMU_DIRTY_PAGES, &get);
}

const struct backend type1_backend = {
	.name = "type1",
	.iommu = VFIO_TYPE1v2_IOMMU,
	.open = open_container,
	.close = container_close,
	.map = map,
	.unmap = container_unmap,
	.info = info,
	.dirty_start = dirty_start,
	.dirty_stop = dirty_stop,
	.dirty_get = dirty_get,
};
