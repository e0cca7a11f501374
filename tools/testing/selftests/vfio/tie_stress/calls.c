// SPDX-License-Identifier: GPL-2.0-only
/* Calls to the container, and the errors that each may return. */
#include <stdarg.h>

#include "stress.h"

/* Whether @error is one of those listed; the list ends with 0. */
static bool is_one_of(int error, ...)
{
	bool found = false;
	va_list list;
	int one;

	va_start(list, error);
	while (!found && (one = va_arg(list, int)))
		found = error == one;
	va_end(list);
	return found;
}

static uint64_t slot_at(struct random *random)
{
	return IOVA_SLOTS + below(random, SLOTS) * SLOT;
}

/*
 * EEXIST: something is there. EFAULT: there is no memory, or it went while it
 * was being mapped. ENOMEM and ENOSPC: limits, of memory and of mappings.
 */
void random_map(const struct area *area, struct random *random)
{
	struct range range = area_pick(area, random);
	uint64_t slot = slot_at(random), at = 0;
	uint32_t flags = DMA_RW;
	int ret;

	if (range.size > SLOT)
		range.size = SLOT;
	/* At the slot's start large pages are possible. */
	if (below(random, 2))
		at = below(random, (SLOT - range.size) / PAGE + 1) * PAGE;
	if (!below(random, 8))
		flags = below(random, 2) ? VFIO_DMA_MAP_FLAG_READ : VFIO_DMA_MAP_FLAG_WRITE;
	ret = __dma_map(container, range.start, slot + at, range.size, flags);
	counted(ret ? N_MAP_REFUSED : N_MAP);
	if (ret && !is_one_of(-ret, EEXIST, EFAULT, ENOMEM, ENOSPC, 0))
		broken("MAP_DMA of %#zx bytes: %s", range.size, strerror(-ret));
}

/* @size bytes, a bit for each page */
static void make_bitmap(struct vfio_bitmap *bitmap, uint64_t size, uint64_t *bits)
{
	bitmap->pgsize = PAGE;
	bitmap->size = size / PAGE / 8;
	bitmap->data = (__u64 *)bits;
}

static int64_t unmap_with_bitmap(uint64_t iova, uint64_t size)
{
	struct {
		struct vfio_iommu_type1_dma_unmap head;
		struct vfio_bitmap bitmap;
	} unmap = { 0 };
	uint64_t bits[SLOT / PAGE / 64];
	int ret;

	unmap.head.argsz = sizeof(unmap);
	unmap.head.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	unmap.head.iova = iova;
	unmap.head.size = size;
	make_bitmap(&unmap.bitmap, size, bits);
	ret = __call(container, VFIO_IOMMU_UNMAP_DMA, &unmap);
	return ret ? ret : (int64_t)unmap.head.size;
}

/*
 * EINVAL: the range would cut a mapping in two, or dirty pages are not tracked.
 * ENOENT: a bitmap was asked for, and there is not exactly one mapping.
 */
void random_unmap(struct random *random)
{
	uint64_t iova = slot_at(random), size = SLOT;
	int64_t ret;

	switch (below(random, 6)) {
	case 0:
		ret = unmap_with_bitmap(iova, size);
		break;
	case 1: /* anywhere */
		iova += below(random, SLOT / PAGE) * PAGE;
		size = (1 + below(random, 64)) * PAGE;
		ret = __dma_unmap(container, iova, size);
		break;
	case 2: /* several slots */
		size = (1 + below(random, 4)) * SLOT;
		/* fallthrough */
	default:
		ret = __dma_unmap(container, iova, size);
		break;
	}
	counted(ret < 0 ? N_UNMAP_REFUSED : N_UNMAP);
	if (ret < 0 && !is_one_of(-ret, EINVAL, ENOENT, 0))
		broken("UNMAP_DMA: %s", strerror((int)-ret));
	if (ret > (int64_t)size || (ret > 0 && ret % PAGE))
		broken("UNMAP_DMA of %#llx bytes unmapped %#llx", (unsigned long long)size,
		       (unsigned long long)ret);
}

/* ---- Everything else -------------------------------------------------------- */

static void get_info(void)
{
	/* On the stack: a child of a threaded process may not use malloc(). */
	union {
		struct vfio_iommu_type1_info info;
		char bytes[1024];
	} buffer = { 0 };
	int ret;

	buffer.info.argsz = sizeof(buffer);
	ret = __call(container, VFIO_IOMMU_GET_INFO, &buffer);
	if (ret)
		broken("GET_INFO: %s", strerror(-ret));
	else if (!iommu_cap(&buffer.info, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE))
		broken("GET_INFO: no IOVA ranges");
}

static void dirty_start_or_stop(uint32_t flags)
{
	struct vfio_iommu_type1_dirty_bitmap head = { .argsz = sizeof(head), .flags = flags };
	int ret = __call(container, VFIO_IOMMU_DIRTY_PAGES, &head);

	if (ret && !is_one_of(-ret, ENOMEM, 0))
		broken("DIRTY_PAGES %#x: %s", flags, strerror(-ret));
}

/* EINVAL: not tracked now. */
static void dirty_get(struct random *random)
{
	struct {
		struct vfio_iommu_type1_dirty_bitmap head;
		struct vfio_iommu_type1_dirty_bitmap_get range;
	} get = { 0 };
	uint64_t bits[SLOT / PAGE / 64];
	int ret;

	get.head.argsz = sizeof(get);
	get.head.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP;
	get.range.iova = slot_at(random);
	get.range.size = SLOT;
	make_bitmap(&get.range.bitmap, SLOT, bits);
	ret = __call(container, VFIO_IOMMU_DIRTY_PAGES, &get);
	if (ret && !is_one_of(-ret, EINVAL, 0))
		broken("GET_BITMAP: %s", strerror(-ret));
}

/* Enough for what goes stale between two reads: with ENOSPC nothing is ever forgotten. */
#define STALE	2048

static void check_stale(const struct vfio_iommu_feature_mm_stale *stale)
{
	uint64_t end = 0;
	uint32_t i;

	if (stale->count > STALE || stale->entry_size != sizeof(stale->entries[0])) {
		broken("MM_STALE: %u entries of %u bytes", stale->count, stale->entry_size);
		return;
	}
	for (i = 0; i < stale->count; i++) {
		const struct vfio_iommu_mm_stale *one = &stale->entries[i];

		if (!one->size || one->size % PAGE || one->iova % PAGE || one->reserved ||
		    one->reason < VFIO_MM_STALE_UNMAP || one->reason > VFIO_MM_STALE_EXIT)
			broken("MM_STALE: entry %#llx + %#llx, reason %u", one->iova, one->size,
			       one->reason);
		if (one->iova < end)
			broken("MM_STALE: entry %#llx is out of order", one->iova);
		if (one->iova < IOVA_SLOTS)
			broken("MM_STALE: %#llx went stale, reason %u, though nobody gave it up",
			       one->iova, one->reason);
		end = one->iova + one->size;
		counted(N_STALE);
	}
}

static void read_stale(void)
{
	struct {
		struct vfio_iommu_feature head;
		struct vfio_iommu_feature_mm_stale stale;
		struct vfio_iommu_mm_stale entries[STALE];
	} get = { 0 };
	int ret;

	get.head.argsz = sizeof(get);
	get.head.flags = VFIO_IOMMU_FEATURE_GET | VFIO_IOMMU_FEATURE_MM_STALE;
	ret = __call(container, VFIO_IOMMU_FEATURE, &get);
	if (!ret)
		check_stale(&get.stale);
	else if (!is_one_of(-ret, ENOSPC, ENOMEM, EINTR, 0))
		broken("MM_STALE: %s", strerror(-ret));
}

void random_other(struct random *random)
{
	counted(N_OTHER);
	switch (below(random, has_tie ? 8 : 5)) {
	case 0:
		dirty_start_or_stop(VFIO_IOMMU_DIRTY_PAGES_FLAG_START);
		break;
	case 1:
		dirty_start_or_stop(VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP);
		break;
	case 2:
	case 3:
		dirty_get(random);
		break;
	case 4:
		get_info();
		break;
	default:
		read_stale();
		break;
	}
}

void find_tie(int eventfd)
{
	struct {
		struct vfio_iommu_feature head;
		struct vfio_iommu_feature_mm_bind bind;
	} set = { 0 };

	has_tie = __call(container, VFIO_CHECK_EXTENSION, (void *)VFIO_MM_TIE) == 1;
	if (!has_tie)
		return;
	set.head.argsz = sizeof(set);
	set.head.flags = VFIO_IOMMU_FEATURE_SET | VFIO_IOMMU_FEATURE_MM_BIND;
	set.bind.mode = VFIO_MM_BIND_NOTIFY | VFIO_MM_BIND_EXIT;
	set.bind.eventfd = eventfd;
	call(container, VFIO_IOMMU_FEATURE, &set);
}
