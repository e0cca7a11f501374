// SPDX-License-Identifier: GPL-2.0-only
/* The tie between mappings and the process that made them. */
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "tie.h"


/* ---- The calls ------------------------------------------------------------ */

int __iommu_feature(int container, uint32_t flags, void *data, size_t size)
{
	size_t argsz = sizeof(struct vfio_iommu_feature) + size;
	struct vfio_iommu_feature *feature = calloc(1, argsz);
	int ret;

	if (!feature)
		fail("no memory");
	feature->argsz = argsz;
	feature->flags = flags;
	if (size)
		memcpy(feature->data, data, size);
	ret = __call(container, VFIO_IOMMU_FEATURE, feature);
	if (size)
		memcpy(data, feature->data, size);
	free(feature);
	return ret;
}

int __mm_bind(int container, uint32_t mode, int eventfd)
{
	struct vfio_iommu_feature_mm_bind bind = { .mode = mode, .eventfd = eventfd };

	return __iommu_feature(container, VFIO_IOMMU_FEATURE_SET | VFIO_IOMMU_FEATURE_MM_BIND,
			       &bind, sizeof(bind));
}

void mm_bind(int container, uint32_t mode, int eventfd)
{
	must(__mm_bind(container, mode, eventfd));
}

struct vfio_iommu_feature_mm_bind mm_bound(int container)
{
	struct vfio_iommu_feature_mm_bind bind = { .mode = ~0u, .eventfd = 99 };

	must(__iommu_feature(container, VFIO_IOMMU_FEATURE_GET | VFIO_IOMMU_FEATURE_MM_BIND,
			     &bind, sizeof(bind)));
	return bind;
}

int __mm_stale(int container, struct vfio_iommu_mm_stale *ranges, unsigned int max)
{
	size_t size = sizeof(struct vfio_iommu_feature_mm_stale) + max * sizeof(*ranges);
	struct vfio_iommu_feature_mm_stale *stale = calloc(1, size);
	int ret;

	if (!stale)
		fail("no memory");
	ret = __iommu_feature(container, VFIO_IOMMU_FEATURE_GET | VFIO_IOMMU_FEATURE_MM_STALE,
			      stale, size);
	if (!ret) {
		if (stale->entry_size != sizeof(*ranges) || stale->count > max)
			fail("%u stale ranges of %u bytes", stale->count, stale->entry_size);
		memcpy(ranges, stale->entries, stale->count * sizeof(*ranges));
		ret = stale->count;
	}
	free(stale);
	return ret;
}

int mm_stale(int container, struct vfio_iommu_mm_stale *ranges, unsigned int max)
{
	return must(__mm_stale(container, ranges, max));
}

bool mm_tie_exists(void)
{
	return !access(MM_TIE, F_OK);
}

void mm_tie_set(bool on)
{
	write_text(MM_TIE, on ? "1" : "0");
}

/* ---- A device to try it on -------------------------------------------------- */

void tie_open(struct tie *tie, const char *bdf, bool on)
{
	vfio_open_group(&tie->vfio, bdf);
	/* The parameter counts when the type is chosen. */
	if (!on)
		mm_tie_set(false);
	set_iommu(tie->vfio.container, VFIO_TYPE1v2_IOMMU);
	if (!on)
		mm_tie_set(true);
	tie->vfio.device = group_get_device(tie->vfio.group, tie->vfio.bdf);
	edu_open(&tie->edu, tie->vfio.device);
	tie->fd = tie->vfio.container;
	tie->on = on && driver_is_rust();
	tie->event = must(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (tie->on)
		mm_bind(tie->fd, VFIO_MM_BIND_NOTIFY | VFIO_MM_BIND_EXIT, tie->event);
	tie->window = memory(PAGE);
	dma_map(tie->fd, tie->window, WINDOW, PAGE, DMA_RW);
	tie->nr_canaries = 0;
	canary(tie, memory(CANARIES * PAGE), CANARIES * PAGE);
	tie->base = tie->locked = my_locked();
}

void tie_close(struct tie *tie)
{
	edu_close(&tie->edu);
	vfio_close(&tie->vfio);
	close(tie->event);
}

void canary(struct tie *tie, void *mem, size_t size)
{
	if (tie->nr_canaries == sizeof(tie->canary) / sizeof(tie->canary[0]))
		fail("too many canaries");
	memset(mem, CANARY, size);
	tie->canary[tie->nr_canaries].mem = mem;
	tie->canary[tie->nr_canaries].size = size;
	tie->nr_canaries++;
}

void canary_at(struct tie *tie, void *addr, size_t size)
{
	void *mem = mmap(addr, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (mem == MAP_FAILED)
		fail("mmap at %p: %s", addr, strerror(errno));
	canary(tie, mem, size);
}

bool canaries_live(struct tie *tie)
{
	unsigned int i;

	for (i = 0; i < tie->nr_canaries; i++)
		if (!is_all(tie->canary[i].mem, tie->canary[i].size, CANARY))
			return false;
	return true;
}

void give(struct tie *tie, void *mem, uint64_t iova, size_t size, uint64_t at, size_t part)
{
	dma_map(tie->fd, mem, iova, size, DMA_RW);
	/* What the IOMMU has cached is what a missing flush leaves reachable. */
	edu_dma_from(&tie->edu, at, TOKEN);
	if (part > PAGE)
		edu_dma_from(&tie->edu, at + part - PAGE, TOKEN);
	memset(mem, SECRET, size);
	tie->locked = my_locked();
}

bool reads(struct tie *tie, uint64_t iova, uint8_t value)
{
	memset(tie->window, ~value, TOKEN);
	edu_copy(&tie->edu, iova, WINDOW, TOKEN);
	return is_all(tie->window, TOKEN, value);
}

bool works(struct tie *tie, void *mem, uint64_t iova)
{
	static uint8_t value;
	bool ok;

	value = (value + 1) & 0x3f;
	memset(mem, value, TOKEN);
	ok = reads(tie, iova, value);
	memset(mem, ~value, TOKEN);
	edu_dma_to(&tie->edu, iova, TOKEN);
	return ok && is_all(mem, TOKEN, value);
}

/* ---- Memory of special kinds -------------------------------------------------- */

void *huge_memory(size_t size)
{
	char *mem = private_memory(size + HUGE), *end = mem + size + HUGE;
	char *start = (char *)(((uintptr_t)mem + HUGE - 1) & ~(HUGE - 1));

	if (start != mem)
		munmap(mem, start - mem);
	munmap(start + size, end - start - size);
	if (madvise(start, size, MADV_HUGEPAGE))
		fail("MADV_HUGEPAGE: %s", strerror(errno));
	memset(start, 0, size);
	return start;
}

bool is_huge(const void *mem)
{
	unsigned long start, end, at = (uintptr_t)mem, kb;
	bool here = false, huge = false;
	char line[512];
	FILE *file;

	file = fopen("/proc/self/smaps", "re");
	if (!file)
		fail("/proc/self/smaps: %s", strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = at >= start && at < end;
		else if (here && sscanf(line, "AnonHugePages: %lu kB", &kb) == 1)
			huge = kb;
	}
	fclose(file);
	return huge;
}

int memory_file(size_t size, unsigned int flags)
{
	int fd = memfd_create("vfio-test", MFD_CLOEXEC | flags);

	if (fd < 0 || ftruncate(fd, size))
		fail("memfd of %zu bytes: %s", size, strerror(errno));
	return fd;
}

void *file_memory(int fd, size_t size, int flags)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (mem == MAP_FAILED)
		fail("mmap of a memfd, %zu bytes: %s", size, strerror(errno));
	return mem;
}
