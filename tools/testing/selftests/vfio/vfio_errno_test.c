// SPDX-License-Identifier: GPL-2.0-only
/*
 * Refusals: which errno a bad call gets, and which check comes first.
 *
 * Two kinds of table. "pointers" and "sizes" drive every structure through bad
 * pointers, each argsz and odd memory. The others list calls to a group or a
 * container that break one or two rules, in the order in which the rules are
 * checked. vfio_device_errno_test does that for devices.
 *
 * Uses an edu device alone in its group.
 */
#include <sys/mman.h>
#include <sys/resource.h>

#include "kselftest_harness.h"
#include "vfio_test.h"

#define IOVA	0x1000000ULL
#define KERNEL	((void *)0xffff888000000000UL)

/* Which of the three files a call is for. */
enum target { CONTAINER, GROUP, DEVICE };

/* A call that works, so that each way of breaking it shows. */
struct sample {
	const char *name;
	enum target target;
	unsigned long request;
	uint32_t size;		/* the fixed part: the smallest argsz */
	bool answers;		/* writes to the structure */
	int result;		/* when all is well */
	void (*fill)(void *arg);
};

static void *mapped_memory;

static void fill_nothing(void *arg)
{
}

static void fill_map(void *arg)
{
	struct vfio_iommu_type1_dma_map *map = arg;

	map->flags = DMA_RW;
	map->vaddr = (uintptr_t)mapped_memory;
	map->iova = IOVA;
	map->size = PAGE;
}

static void fill_unmap(void *arg)
{
	struct vfio_iommu_type1_dma_unmap *unmap = arg;

	unmap->iova = IOVA;
	unmap->size = PAGE;
}

static void fill_region(void *arg)
{
	((struct vfio_region_info *)arg)->index = VFIO_PCI_CONFIG_REGION_INDEX;
}

/* Rings the request eventfd, and there is none. */
static void fill_irqs(void *arg)
{
	struct vfio_irq_set *set = arg;

	set->flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER;
	set->index = VFIO_PCI_REQ_IRQ_INDEX;
	set->count = 1;
}

static void fill_feature(void *arg)
{
	((struct vfio_device_feature *)arg)->flags = VFIO_DEVICE_FEATURE_PROBE | 0x1234;
}

static const struct sample samples[] = {
	{ "GROUP_GET_STATUS", GROUP, VFIO_GROUP_GET_STATUS, 8, true, 0, fill_nothing },
	{ "IOMMU_GET_INFO", CONTAINER, VFIO_IOMMU_GET_INFO, 16, true, 0, fill_nothing },
	{ "IOMMU_MAP_DMA", CONTAINER, VFIO_IOMMU_MAP_DMA, 32, false, 0, fill_map },
	{ "IOMMU_UNMAP_DMA", CONTAINER, VFIO_IOMMU_UNMAP_DMA, 24, true, 0, fill_unmap },
	{ "DEVICE_GET_INFO", DEVICE, VFIO_DEVICE_GET_INFO, 16, true, 0, fill_nothing },
	{ "DEVICE_GET_REGION_INFO", DEVICE, VFIO_DEVICE_GET_REGION_INFO, 32, true, 0, fill_region },
	{ "DEVICE_GET_IRQ_INFO", DEVICE, VFIO_DEVICE_GET_IRQ_INFO, 16, true, 0, fill_nothing },
	{ "DEVICE_SET_IRQS", DEVICE, VFIO_DEVICE_SET_IRQS, 20, false, -EINVAL, fill_irqs },
	{ "DEVICE_FEATURE", DEVICE, VFIO_DEVICE_FEATURE, 8, false, -ENOTTY, fill_feature },
};

FIXTURE(refusal)
{
	struct vfio vfio;
	char *page;		/* a page, and behind it one without access */
	int sample_fd[3];
};

FIXTURE_SETUP(refusal)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	self->sample_fd[CONTAINER] = self->vfio.container;
	self->sample_fd[GROUP] = self->vfio.group;
	self->sample_fd[DEVICE] = self->vfio.device;
	mapped_memory = memory(4 * PAGE);
	self->page = memory(2 * PAGE);
	ASSERT_EQ(0, mprotect(self->page + PAGE, PAGE, PROT_NONE));
}

FIXTURE_TEARDOWN(refusal)
{
	vfio_close(&self->vfio);
}

/* Makes the call with the structure at @arg, and takes a mapping back. */
static int make(struct vfio *vfio, const struct sample *sample, int fd, void *arg)
{
	int ret = __call(fd, sample->request, arg);

	if (sample->request == VFIO_IOMMU_MAP_DMA && !ret)
		dma_unmap(vfio->container, IOVA, PAGE);
	return ret;
}

static void prepare(const struct sample *sample, void *arg, uint32_t argsz)
{
	memset(arg, 0, sample->size);
	sample->fill(arg);
	memcpy(arg, &argsz, sizeof(argsz));
}

TEST_F(refusal, sizes)
{
	const struct sample *sample;
	uint32_t argsz;

	for (sample = samples; sample < samples + ARRAY_SIZE(samples); sample++) {
		int fd = self->sample_fd[sample->target];

		for (argsz = 0; argsz < sample->size; argsz++) {
			prepare(sample, self->page, argsz);
			EXPECT_EQ(-EINVAL, make(&self->vfio, sample, fd, self->page)) {
				TH_LOG("%s with argsz %u", sample->name, argsz);
			}
		}
		for (argsz = sample->size; argsz < 512; argsz++) {
			prepare(sample, self->page, argsz);
			EXPECT_EQ(sample->result, make(&self->vfio, sample, fd, self->page)) {
				TH_LOG("%s with argsz %u", sample->name, argsz);
			}
		}
		prepare(sample, self->page, 0xffffffff);
		EXPECT_EQ(sample->result, make(&self->vfio, sample, fd, self->page)) {
			TH_LOG("%s with a huge argsz", sample->name);
		}
	}
}

TEST_F(refusal, pointers)
{
	const struct sample *sample;

	for (sample = samples; sample < samples + ARRAY_SIZE(samples); sample++) {
		int fd = self->sample_fd[sample->target];
		char *end = self->page + PAGE;
		char *constant;

		EXPECT_EQ(-EFAULT, make(&self->vfio, sample, fd, NULL)) {
			TH_LOG("%s", sample->name);
		}
		EXPECT_EQ(-EFAULT, make(&self->vfio, sample, fd, KERNEL)) {
			TH_LOG("%s", sample->name);
		}
		EXPECT_EQ(-EFAULT, make(&self->vfio, sample, fd, (void *)-8UL)) {
			TH_LOG("%s", sample->name);
		}

		/* Exactly the fixed part is there, then one byte less. */
		prepare(sample, end - sample->size, sample->size);
		EXPECT_EQ(sample->result, make(&self->vfio, sample, fd, end - sample->size)) {
			TH_LOG("%s at the end of memory", sample->name);
		}
		memset(self->page, 0, PAGE);
		EXPECT_EQ(-EFAULT, make(&self->vfio, sample, fd, end - sample->size + 1)) {
			TH_LOG("%s beyond the end of memory", sample->name);
		}

		/* A structure that cannot be written. */
		constant = memory(PAGE);
		prepare(sample, constant, sample->size);
		ASSERT_EQ(0, mprotect(constant, PAGE, PROT_READ));
		EXPECT_EQ(sample->answers ? -EFAULT : sample->result,
			  make(&self->vfio, sample, fd, constant)) {
			TH_LOG("%s in constant memory", sample->name);
		}
		munmap(constant, PAGE);

		/* Any alignment will do. */
		prepare(sample, self->page + 1, sample->size);
		EXPECT_EQ(sample->result, make(&self->vfio, sample, fd, self->page + 1)) {
			TH_LOG("%s at an odd address", sample->name);
		}
	}
}

/* ---- Group -------------------------------------------------------------------- */

TEST_F(refusal, group_pointers)
{
	int group = self->vfio.group;

	EXPECT_EQ(-EFAULT, __call(group, VFIO_GROUP_SET_CONTAINER, NULL));
	EXPECT_EQ(-EFAULT, __call(group, VFIO_GROUP_SET_CONTAINER, KERNEL));
	EXPECT_EQ(-EFAULT, __call(group, VFIO_GROUP_SET_CONTAINER, self->page + PAGE - 3));
	EXPECT_EQ(-EFAULT, __call(group, VFIO_GROUP_GET_DEVICE_FD, NULL));
	EXPECT_EQ(-EFAULT, __call(group, VFIO_GROUP_GET_DEVICE_FD, KERNEL));
	/* A name without end, up to the end of memory. */
	memset(self->page, 'x', PAGE);
	EXPECT_EQ(-EFAULT, __call(group, VFIO_GROUP_GET_DEVICE_FD, self->page + PAGE - 5));
}

TEST_F(refusal, get_device_fd_order)
{
	struct vfio *vfio = &self->vfio;
	struct rlimit before, none = { 0, 0 };

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &before));
	none.rlim_max = before.rlim_max;
	close(vfio->device);
	vfio->device = -1;
	ASSERT_EQ(0, __group_unset_container(vfio->group));

	/* No such device, no room for an fd, no container, no type. */
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_EQ(-ENODEV, __group_get_device(vfio->group, "none"));
	EXPECT_EQ(-EMFILE, __group_get_device(vfio->group, vfio->bdf));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &before));
	EXPECT_EQ(-EINVAL, __group_get_device(vfio->group, vfio->bdf));
	group_set_container(vfio->group, vfio->container);
	EXPECT_EQ(-ENODEV, __group_get_device(vfio->group, "none"));
	EXPECT_EQ(-EINVAL, __group_get_device(vfio->group, vfio->bdf));
	set_iommu(vfio->container, VFIO_TYPE1v2_IOMMU);
	vfio->device = __group_get_device(vfio->group, vfio->bdf);
	EXPECT_LE(0, vfio->device);
}

/* ---- Type 1 ------------------------------------------------------------------- */

TEST_F(refusal, map_order)
{
	const uint64_t top = -PAGE, vaddr = (uintptr_t)mapped_memory;
	const struct {
		uint32_t argsz, flags;
		uint64_t vaddr, iova, size;
		int result;
	} rows[] = {
		/* argsz, unknown flags: before all numbers */
		{ 31, DMA_RW, vaddr, top, 2 * PAGE, -EINVAL },
		{ 32, DMA_RW | 8, vaddr, top, 2 * PAGE, -EINVAL },
		/* size 0, before a wrap */
		{ 32, DMA_RW, vaddr, top, 0, -EINVAL },
		/* a wrap, before the combination of flags and alignment */
		{ 32, 0, vaddr, top, 2 * PAGE, -EOVERFLOW },
		{ 32, 7, top, IOVA, 2 * PAGE, -EOVERFLOW },
		{ 32, DMA_RW, vaddr + 1, top, 2 * PAGE + 1, -EOVERFLOW },
		/* the combination of flags, then alignment, before an overlap */
		{ 32, 0, vaddr, 0, PAGE, -EINVAL },
		{ 32, 5, vaddr, 0, PAGE, -EINVAL },
		{ 32, DMA_RW, vaddr, 0, PAGE / 2, -EINVAL },
		/* VADDR of nothing, of something that is valid */
		{ 32, VFIO_DMA_MAP_FLAG_VADDR, vaddr, IOVA, PAGE, -ENOENT },
		{ 32, VFIO_DMA_MAP_FLAG_VADDR, vaddr, 0, PAGE, -EINVAL },
		/* an overlap, before addresses outside and bad memory */
		{ 32, DMA_RW, 0, 0, PAGE, -EEXIST },
		{ 32, DMA_RW, vaddr, 0, 1ULL << 62, -EEXIST },
		/* addresses outside, before bad memory */
		{ 32, DMA_RW, 0, 0xfee00000, PAGE, -EINVAL },
		{ 32, DMA_RW, 0, IOVA, PAGE, -EFAULT },
		{ 32, DMA_RW, top, IOVA, PAGE, -EFAULT },
	};
	size_t i;

	dma_map(self->vfio.container, mapped_memory, 0, PAGE, DMA_RW);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vfio_iommu_type1_dma_map map = {
			rows[i].argsz, rows[i].flags, rows[i].vaddr, rows[i].iova, rows[i].size,
		};

		EXPECT_EQ(rows[i].result, __call(self->vfio.container, VFIO_IOMMU_MAP_DMA, &map)) {
			TH_LOG("row %zu", i);
		}
	}
}

TEST_F(refusal, unmap_order)
{
	const uint64_t top = -PAGE;
	const uint32_t all = VFIO_DMA_UNMAP_FLAG_ALL, bitmap = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	const struct {
		uint32_t argsz, flags;
		uint64_t iova, size;
		int result;
	} rows[] = {
		{ 23, 0, top, 2 * PAGE, -EINVAL },
		{ 24, 8, top, 2 * PAGE, -EINVAL },
		/* the bitmap: not with others, and only with room for it */
		{ 48, bitmap | all, 0, 0, -EINVAL },
		{ 48, bitmap | VFIO_DMA_UNMAP_FLAG_VADDR, 0, PAGE, -EINVAL },
		{ 47, bitmap, 0, PAGE, -EINVAL },
		/* alignment of the address, before ALL and a wrap */
		{ 24, 0, top + 1, 2 * PAGE, -EINVAL },
		{ 24, all, 1, 0, -EINVAL },
		{ 24, all, PAGE, 0, -EINVAL },
		{ 24, all, 0, PAGE, -EINVAL },
		/* the size, before a wrap */
		{ 24, 0, 0, 0, -EINVAL },
		{ 24, 0, top, 2 * PAGE + 1, -EINVAL },
		{ 24, 0, top, 2 * PAGE, -EOVERFLOW },
		/* a cut */
		{ 24, 0, PAGE, PAGE, -EINVAL },
		{ 24, 0, 0, PAGE, -EINVAL },
		{ 24, 0, IOVA, PAGE, 0 },
	};
	size_t i;

	dma_map(self->vfio.container, mapped_memory, 0, 2 * PAGE, DMA_RW);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct {
			struct vfio_iommu_type1_dma_unmap unmap;
			struct vfio_bitmap bitmap;
		} arg = { .unmap = { rows[i].argsz, rows[i].flags, rows[i].iova, rows[i].size } };

		EXPECT_EQ(rows[i].result, __call(self->vfio.container, VFIO_IOMMU_UNMAP_DMA, &arg)) {
			TH_LOG("row %zu", i);
		}
	}
}

TEST_HARNESS_MAIN
