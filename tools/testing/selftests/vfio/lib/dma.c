// SPDX-License-Identifier: GPL-2.0-only
/* Mappings of a type 1 container, and what it says about itself. */
#include "vfio_test.h"

int __dma_map(int container, const void *vaddr, uint64_t iova, uint64_t size, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = flags,
		.vaddr = (uintptr_t)vaddr,
		.iova = iova,
		.size = size,
	};

	return __call(container, VFIO_IOMMU_MAP_DMA, &map);
}

void dma_map(int container, const void *vaddr, uint64_t iova, uint64_t size, uint32_t flags)
{
	must(__dma_map(container, vaddr, iova, size, flags));
}

int64_t __dma_unmap_flags(int container, uint64_t iova, uint64_t size, uint32_t flags)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.flags = flags,
		.iova = iova,
		.size = size,
	};
	int ret = __call(container, VFIO_IOMMU_UNMAP_DMA, &unmap);

	if (ret)
		return ret;
	return unmap.size;
}

void dma_register(int container, const void *vaddr, uint64_t size)
{
	struct vfio_iommu_spapr_register_memory memory = {
		.argsz = sizeof(memory),
		.vaddr = (uintptr_t)vaddr,
		.size = size,
	};

	if (HOST_IOMMU == VFIO_SPAPR_TCE_v2_IOMMU)
		call(container, VFIO_IOMMU_SPAPR_REGISTER_MEMORY, &memory);
}

int64_t __dma_unmap(int container, uint64_t iova, uint64_t size)
{
	return __dma_unmap_flags(container, iova, size, 0);
}

int64_t dma_unmap(int container, uint64_t iova, uint64_t size)
{
	return must(__dma_unmap(container, iova, size));
}

int64_t __dma_unmap_bitmap(int container, uint64_t iova, uint64_t size, struct vfio_bitmap bitmap)
{
	struct {
		struct vfio_iommu_type1_dma_unmap head;
		struct vfio_bitmap bitmap;
	} unmap = {
		.head = {
			.argsz = sizeof(unmap),
			.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP,
			.iova = iova,
			.size = size,
		},
		.bitmap = bitmap,
	};
	int ret = __call(container, VFIO_IOMMU_UNMAP_DMA, &unmap);

	if (ret)
		return ret;
	return unmap.head.size;
}

int __dirty_pages(int container, uint32_t flags)
{
	struct vfio_iommu_type1_dirty_bitmap head = { .argsz = sizeof(head), .flags = flags };

	return __call(container, VFIO_IOMMU_DIRTY_PAGES, &head);
}

int __dirty_bitmap(int container, uint64_t iova, uint64_t size, struct vfio_bitmap bitmap)
{
	struct {
		struct vfio_iommu_type1_dirty_bitmap head;
		struct vfio_iommu_type1_dirty_bitmap_get range;
	} get = {
		.head = {
			.argsz = sizeof(get),
			.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
		},
		.range = { .iova = iova, .size = size, .bitmap = bitmap },
	};

	return __call(container, VFIO_IOMMU_DIRTY_PAGES, &get);
}

struct vfio_iommu_type1_info *iommu_info(int container)
{
	struct vfio_iommu_type1_info *info, head = { .argsz = sizeof(head) };

	call(container, VFIO_IOMMU_GET_INFO, &head);
	info = calloc(1, head.argsz);
	if (!info)
		fail("no memory");
	info->argsz = head.argsz;
	call(container, VFIO_IOMMU_GET_INFO, info);
	return info;
}

const void *iommu_cap(const struct vfio_iommu_type1_info *info, uint16_t id)
{
	uint32_t at = info->flags & VFIO_IOMMU_INFO_CAPS ? info->cap_offset : 0;

	while (at && at + sizeof(struct vfio_info_cap_header) <= info->argsz) {
		const struct vfio_info_cap_header *cap = (const void *)((const char *)info + at);

		if (cap->id == id)
			return cap;
		at = cap->next;
	}
	return NULL;
}

uint32_t dma_avail(int container)
{
	struct vfio_iommu_type1_info *info = iommu_info(container);
	const struct vfio_iommu_type1_info_dma_avail *cap;
	uint32_t avail;

	cap = iommu_cap(info, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL);
	if (!cap)
		fail("no DMA_AVAIL capability");
	avail = cap->avail;
	free(info);
	return avail;
}

bool is_all(const void *mem, size_t size, uint8_t value)
{
	const uint8_t *byte = mem;
	size_t i;

	for (i = 0; i < size; i++)
		if (byte[i] != value)
			return false;
	return true;
}
