// SPDX-License-Identifier: GPL-2.0-only
/*
 * Refusals: which errno a bad call gets, and which check comes first.
 *
 * "pointers" and "sizes" drive every structure through bad pointers, each argsz
 * and odd memory. The others list calls to a group that break one or two rules,
 * in the order in which the rules are checked. vfio_type1_errno_test does that
 * for type 1 containers, vfio_device_errno_test for devices.
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

static void fill_dirty(void *arg)
{
	((struct vfio_iommu_type1_dirty_bitmap *)arg)->flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP;
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

/* Takes back what is not there. */
static void fill_ioeventfd(void *arg)
{
	struct vfio_device_ioeventfd *ioeventfd = arg;

	ioeventfd->flags = VFIO_DEVICE_IOEVENTFD_32;
	ioeventfd->fd = -1;
}

static const struct sample samples[] = {
	{ "GROUP_GET_STATUS", GROUP, VFIO_GROUP_GET_STATUS, 8, true, 0, fill_nothing },
	{ "IOMMU_GET_INFO", CONTAINER, VFIO_IOMMU_GET_INFO, 16, true, 0, fill_nothing },
	{ "IOMMU_MAP_DMA", CONTAINER, VFIO_IOMMU_MAP_DMA, 32, false, 0, fill_map },
	{ "IOMMU_UNMAP_DMA", CONTAINER, VFIO_IOMMU_UNMAP_DMA, 24, true, 0, fill_unmap },
	{ "IOMMU_DIRTY_PAGES", CONTAINER, VFIO_IOMMU_DIRTY_PAGES, 8, false, 0, fill_dirty },
	{ "DEVICE_GET_INFO", DEVICE, VFIO_DEVICE_GET_INFO, 16, true, 0, fill_nothing },
	{ "DEVICE_GET_REGION_INFO", DEVICE, VFIO_DEVICE_GET_REGION_INFO, 32, true, 0, fill_region },
	{ "DEVICE_GET_IRQ_INFO", DEVICE, VFIO_DEVICE_GET_IRQ_INFO, 16, true, 0, fill_nothing },
	{ "DEVICE_SET_IRQS", DEVICE, VFIO_DEVICE_SET_IRQS, 20, false, -EINVAL, fill_irqs },
	{ "DEVICE_IOEVENTFD", DEVICE, VFIO_DEVICE_IOEVENTFD, 28, false, -ENODEV, fill_ioeventfd },
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

TEST_F(refusal, r33_sizes)
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

TEST_F(refusal, r33_pointers)
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

TEST_F(refusal, r33_group_pointers)
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

TEST_HARNESS_MAIN
