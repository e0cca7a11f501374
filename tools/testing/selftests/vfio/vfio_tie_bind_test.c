// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tie to the owning process: the call that says how mappings are tied, and the
 * one that lists what was taken. The kernel's own modules have none of this.
 *
 * Uses an edu device alone in its group.
 */
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "vfio_tie.h"

#define BIND	VFIO_IOMMU_FEATURE_MM_BIND
#define STALE	VFIO_IOMMU_FEATURE_MM_STALE
#define GET	VFIO_IOMMU_FEATURE_GET
#define SET	VFIO_IOMMU_FEATURE_SET
#define PROBE	VFIO_IOMMU_FEATURE_PROBE
#define FAR	0xff00	/* no feature */

#define STRICT	VFIO_MM_BIND_STRICT
#define NOTIFY	VFIO_MM_BIND_NOTIFY
#define EXIT	VFIO_MM_BIND_EXIT

FIXTURE(bind)
{
	struct vfio vfio;
	int fd;
	char *mem;	/* 8 pages */
	long pinned;
};

FIXTURE_SETUP(bind)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	self->pinned = pinned_pages();
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	self->fd = self->vfio.container;
	self->mem = private_memory(8 * PAGE);
	if (driver_is_rust())
		return;
	EXPECT_EQ(-ENOTTY, __mm_bind(self->fd, 0, -1));
	vfio_close(&self->vfio);
	SKIP(return, "no such call");
}

/* Several tests leave mappings behind, with and without parts that were taken. */
FIXTURE_TEARDOWN(bind)
{
	vfio_close(&self->vfio);
	EXPECT_EQ(self->pinned, pinned_until(self->pinned));
	EXPECT_EQ(0, my_locked());
}

/* ---- The call ------------------------------------------------------------------------ */

static int feature(int fd, uint32_t argsz, uint32_t flags)
{
	struct {
		struct vfio_iommu_feature head;
		struct vfio_iommu_feature_mm_bind bind;
	} arg = { { .argsz = argsz, .flags = flags }, { .mode = NOTIFY, .eventfd = -1 } };

	return __call(fd, VFIO_IOMMU_FEATURE, &arg);
}

TEST(extension)
{
	int fd, want = driver_is_rust();
	struct vfio vfio;
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	fd = container_open();
	EXPECT_EQ(want, __call(fd, VFIO_CHECK_EXTENSION, (void *)VFIO_MM_TIE));
	/* Every call without a backend. */
	EXPECT_EQ(-EINVAL, feature(fd, 16, GET | BIND));
	close(fd);
	vfio_open_group(&vfio, bdf);
	EXPECT_EQ(want, __call(vfio.container, VFIO_CHECK_EXTENSION, (void *)VFIO_MM_TIE));
	EXPECT_EQ(-EINVAL, feature(vfio.container, 16, GET | BIND));
	EXPECT_EQ(-EINVAL, feature(vfio.container, 8, PROBE | BIND));
	set_iommu(vfio.container, VFIO_TYPE1_IOMMU);
	EXPECT_EQ(want, __call(vfio.container, VFIO_CHECK_EXTENSION, (void *)VFIO_MM_TIE));
	EXPECT_EQ(want ? 0 : -ENOTTY, feature(vfio.container, 8, PROBE | BIND));
	vfio_close(&vfio);
}

TEST_F(bind, probe)
{
	EXPECT_EQ(0, feature(self->fd, 8, PROBE | BIND));
	EXPECT_EQ(0, feature(self->fd, 8, PROBE | GET | BIND));
	EXPECT_EQ(0, feature(self->fd, 8, PROBE | SET | BIND));
	EXPECT_EQ(0, feature(self->fd, 8, PROBE | GET | SET | BIND));
	EXPECT_EQ(0, feature(self->fd, 8, PROBE | STALE));
	EXPECT_EQ(0, feature(self->fd, 8, PROBE | GET | STALE));
	EXPECT_EQ(-EINVAL, feature(self->fd, 8, PROBE | SET | STALE));
	EXPECT_EQ(-EINVAL, feature(self->fd, 8, PROBE | GET | SET | STALE));
	EXPECT_EQ(-ENOTTY, feature(self->fd, 8, PROBE | FAR));
	EXPECT_EQ(-ENOTTY, feature(self->fd, 8, PROBE | 0));
	EXPECT_EQ(-ENOTTY, feature(self->fd, 8, PROBE | GET | SET | FAR));
}

TEST_F(bind, flags)
{
	uint32_t bit;

	EXPECT_EQ(-EINVAL, feature(self->fd, 16, BIND));
	EXPECT_EQ(-EINVAL, feature(self->fd, 16, GET | SET | BIND));
	EXPECT_EQ(-EINVAL, feature(self->fd, 16, GET | SET | FAR));
	EXPECT_EQ(-EINVAL, feature(self->fd, 16, SET | STALE));
	EXPECT_EQ(-ENOTTY, feature(self->fd, 16, GET | FAR));
	EXPECT_EQ(-ENOTTY, feature(self->fd, 16, SET | FAR));
	EXPECT_EQ(-ENOTTY, feature(self->fd, 16, GET | 0));
	for (bit = 19; bit < 32; bit++) {
		EXPECT_EQ(-EINVAL, feature(self->fd, 16, GET | BIND | 1U << bit));
		EXPECT_EQ(-EINVAL, feature(self->fd, 8, PROBE | FAR | 1U << bit));
	}
}

TEST_F(bind, sizes)
{
	uint32_t size;

	for (size = 0; size < 16; size++) {
		EXPECT_EQ(size < 8 ? -EINVAL : 0, feature(self->fd, size, PROBE | BIND));
		EXPECT_EQ(-EINVAL, feature(self->fd, size, GET | BIND));
		EXPECT_EQ(-EINVAL, feature(self->fd, size, SET | BIND));
		EXPECT_EQ(-EINVAL, feature(self->fd, size, GET | STALE));
	}
	/* More than is needed does no harm. */
	EXPECT_EQ(0, feature(self->fd, 4096, GET | BIND));
	EXPECT_EQ(0, feature(self->fd, 4096, SET | BIND));
	EXPECT_EQ(0, feature(self->fd, 16, GET | STALE));
}

TEST_F(bind, bad_pointers)
{
	char *two = memory(2 * PAGE);
	struct vfio_iommu_feature *end = (void *)(two + PAGE - sizeof(*end));

	ASSERT_EQ(0, munmap(two + PAGE, PAGE));
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_IOMMU_FEATURE, NULL));
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_IOMMU_FEATURE, two + PAGE));
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_IOMMU_FEATURE, two + PAGE - 4));
	/* The header is there, the data is not. */
	*end = (struct vfio_iommu_feature){ .argsz = 4096, .flags = GET | BIND };
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_IOMMU_FEATURE, end));
	end->flags = SET | BIND;
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_IOMMU_FEATURE, end));
	end->argsz = 4096;
	end->flags = GET | STALE;
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_IOMMU_FEATURE, end));
	end->flags = PROBE | BIND;
	EXPECT_EQ(0, __call(self->fd, VFIO_IOMMU_FEATURE, end));
	munmap(two, PAGE);
}

/* ---- MM_BIND ------------------------------------------------------------------------- */

TEST_F(bind, get_and_set)
{
	int event = must(eventfd(0, EFD_CLOEXEC));
	uint32_t mode;

	EXPECT_EQ(NOTIFY | EXIT, mm_bound(self->fd).mode);
	EXPECT_EQ(-1, mm_bound(self->fd).eventfd);
	for (mode = 0; mode < 8; mode++) {
		EXPECT_EQ(0, __mm_bind(self->fd, mode, mode & 1 ? event : -1));
		EXPECT_EQ(mode, mm_bound(self->fd).mode);
		EXPECT_EQ(mode & 1 ? 0 : -1, mm_bound(self->fd).eventfd);
	}
	close(event);
	/* It keeps the event itself, not the number. */
	EXPECT_EQ(0, mm_bound(self->fd).eventfd);
}

TEST_F(bind, set_refusals)
{
	int nothing = must(open("/dev/null", O_RDWR | O_CLOEXEC));
	int event = must(eventfd(0, EFD_CLOEXEC));
	uint32_t bit;

	EXPECT_EQ(0, __mm_bind(self->fd, EXIT, event));
	for (bit = 3; bit < 32; bit++)
		EXPECT_EQ(-EINVAL, __mm_bind(self->fd, NOTIFY | 1U << bit, -1));
	EXPECT_EQ(-EBADF, __mm_bind(self->fd, NOTIFY, 12345));
	EXPECT_EQ(-EBADF, __mm_bind(self->fd, NOTIFY, -2));
	EXPECT_EQ(-EINVAL, __mm_bind(self->fd, NOTIFY, nothing));
	/* All is as before. */
	EXPECT_EQ(EXIT, mm_bound(self->fd).mode);
	EXPECT_EQ(0, mm_bound(self->fd).eventfd);
	close(nothing);
	close(event);
}

TEST_F(bind, set_while_mapped)
{
	dma_map(self->fd, self->mem, IOVA, 8 * PAGE, DMA_RW);
	EXPECT_EQ(-EBUSY, __mm_bind(self->fd, 0, -1));
	EXPECT_EQ(-EBUSY, __mm_bind(self->fd, NOTIFY | EXIT, -1));
	/* What was taken is still a mapping. */
	ASSERT_EQ(0, munmap(self->mem, 8 * PAGE));
	EXPECT_EQ(-EBUSY, __mm_bind(self->fd, 0, -1));
	EXPECT_EQ(NOTIFY | EXIT, mm_bound(self->fd).mode);
	EXPECT_EQ(8 * PAGE, dma_unmap(self->fd, IOVA, 8 * PAGE));
	EXPECT_EQ(0, __mm_bind(self->fd, 0, -1));
}

TEST_F(bind, event_is_replaced)
{
	int one = must(eventfd(0, EFD_CLOEXEC)), two = must(eventfd(0, EFD_CLOEXEC));

	mm_bind(self->fd, NOTIFY, one);
	mm_bind(self->fd, NOTIFY, two);
	dma_map(self->fd, self->mem, IOVA, 8 * PAGE, DMA_RW);
	ASSERT_EQ(0, munmap(self->mem, PAGE));
	EXPECT_LT(0, eventfd_wait(two, 5000));
	ASSERT_EQ(0, munmap(self->mem + 4 * PAGE, PAGE));
	EXPECT_LT(0, eventfd_wait(two, 5000));
	EXPECT_EQ(0, eventfd_wait(one, 0));
	EXPECT_EQ(8 * PAGE, dma_unmap(self->fd, IOVA, 8 * PAGE));
	mm_bind(self->fd, NOTIFY, -1);
	dma_map(self->fd, self->mem + PAGE, IOVA, PAGE, DMA_RW);
	ASSERT_EQ(0, munmap(self->mem + PAGE, PAGE));
	EXPECT_EQ(0, eventfd_wait(two, 200));
	close(one);
	close(two);
}

TEST_F(bind, strict)
{
	struct child child;

	mm_bind(self->fd, STRICT | NOTIFY | EXIT, -1);
	dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW);
	if (start_child(&child)) {
		if (__dma_map(self->fd, self->mem, 2 * IOVA, PAGE, DMA_RW) != -EPERM)
			fail("the child maps");
		if (__dma_unmap(self->fd, IOVA, PAGE) != -EPERM)
			fail("the child unmaps");
		if (__dma_unmap_flags(self->fd, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL) != -EPERM)
			fail("the child unmaps all");
		if (__dma_unmap_flags(self->fd, IOVA, PAGE, VFIO_DMA_UNMAP_FLAG_VADDR) != -EPERM)
			fail("the child invalidates an address");
		_exit(0);
	}
	EXPECT_EQ(0, end_of(&child));
	dma_map(self->fd, self->mem, 2 * IOVA, PAGE, DMA_RW);
	EXPECT_EQ(PAGE, __dma_unmap(self->fd, IOVA, PAGE));
	EXPECT_EQ(PAGE, __dma_unmap_flags(self->fd, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL));
	/* Without it, the child may. */
	mm_bind(self->fd, NOTIFY | EXIT, -1);
	dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW);
	if (start_child(&child))
		_exit(__dma_unmap(self->fd, IOVA, PAGE) != PAGE);
	EXPECT_EQ(0, end_of(&child));
}

/* ---- MM_STALE -------------------------------------------------------------------------- */

TEST_F(bind, list_too_long)
{
	static const size_t pages[] = { 0, 2, 5 };
	struct {
		struct vfio_iommu_feature head;
		struct vfio_iommu_feature_mm_stale stale;
		struct vfio_iommu_mm_stale entries[3];
	} arg = { .head.flags = GET | STALE };
	uint32_t size, i;

	dma_map(self->fd, self->mem, IOVA, 8 * PAGE, DMA_RW);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, munmap(self->mem + pages[i] * PAGE, PAGE));
	for (size = 0; size < sizeof(arg); size++) {
		arg.head.argsz = size;
		arg.stale.count = 99;
		EXPECT_EQ(size < 16 ? -EINVAL : -ENOSPC, __call(self->fd, VFIO_IOMMU_FEATURE, &arg));
		EXPECT_EQ(size < 16 ? size : sizeof(arg), arg.head.argsz);
		EXPECT_EQ(size < 16 ? 99 : 3, arg.stale.count);
	}
	arg.head.argsz = sizeof(arg);
	ASSERT_EQ(0, __call(self->fd, VFIO_IOMMU_FEATURE, &arg));
	EXPECT_EQ(3, arg.stale.count);
	EXPECT_EQ(24, arg.stale.entry_size);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(IOVA + pages[i] * PAGE, arg.entries[i].iova);
		EXPECT_EQ(PAGE, arg.entries[i].size);
		EXPECT_EQ(VFIO_MM_STALE_UNMAP, arg.entries[i].reason);
	}
	/* Now it is empty, and the smallest buffer is enough. */
	arg.head.argsz = 16;
	ASSERT_EQ(0, __call(self->fd, VFIO_IOMMU_FEATURE, &arg));
	EXPECT_EQ(0, arg.stale.count);
	EXPECT_EQ(24, arg.stale.entry_size);
}

/* A mapping that is unmapped takes what it had on the list along. */
TEST_F(bind, list_after_unmap)
{
	struct vfio_iommu_mm_stale got[4];

	dma_map(self->fd, self->mem, IOVA, 4 * PAGE, DMA_RW);
	dma_map(self->fd, self->mem + 4 * PAGE, 2 * IOVA, 4 * PAGE, DMA_RW);
	ASSERT_EQ(0, munmap(self->mem + 2 * PAGE, 4 * PAGE));
	EXPECT_EQ(4 * PAGE, dma_unmap(self->fd, IOVA, 4 * PAGE));
	ASSERT_EQ(1, mm_stale(self->fd, got, 4));
	EXPECT_EQ(2 * IOVA, got[0].iova);
	EXPECT_EQ(2 * PAGE, got[0].size);
}

/* Version 1 unmaps a mapping that a range begins with, taken or not. */
TEST_F(bind, version_1)
{
	struct vfio_iommu_mm_stale got[4];

	close(self->vfio.device);
	self->vfio.device = -1;
	ASSERT_EQ(0, __group_unset_container(self->vfio.group));
	group_set_container(self->vfio.group, self->fd);
	set_iommu(self->fd, VFIO_TYPE1_IOMMU);
	EXPECT_EQ(NOTIFY | EXIT, mm_bound(self->fd).mode);
	dma_map(self->fd, self->mem, IOVA, 8 * PAGE, DMA_RW);
	ASSERT_EQ(0, munmap(self->mem, 3 * PAGE));
	ASSERT_EQ(1, mm_stale(self->fd, got, 4));
	EXPECT_EQ(IOVA, got[0].iova);
	EXPECT_EQ(3 * PAGE, got[0].size);
	EXPECT_EQ(KB(5), my_locked());
	EXPECT_EQ(8 * PAGE, __dma_unmap(self->fd, IOVA, PAGE));
	EXPECT_EQ(0, my_locked());
}

/* What was taken still counts as a mapping, until it is unmapped. */
TEST_F(bind, number_of_mappings)
{
	uint32_t before = dma_avail(self->fd);

	dma_map(self->fd, self->mem, IOVA, 8 * PAGE, DMA_RW);
	ASSERT_EQ(0, munmap(self->mem, 4 * PAGE));
	EXPECT_EQ(before - 1, dma_avail(self->fd));
	ASSERT_EQ(0, munmap(self->mem, 8 * PAGE));
	EXPECT_EQ(before - 1, dma_avail(self->fd));
	/* Exactly this range is taken, and the neighbours are free. */
	self->mem = private_memory(8 * PAGE);
	EXPECT_EQ(-EEXIST, __dma_map(self->fd, self->mem, IOVA + 7 * PAGE, PAGE, DMA_RW));
	EXPECT_EQ(0, __dma_map(self->fd, self->mem, IOVA + 8 * PAGE, PAGE, DMA_RW));
	EXPECT_EQ(9 * PAGE, __dma_unmap_flags(self->fd, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL));
	EXPECT_EQ(before, dma_avail(self->fd));
}

TEST_HARNESS_MAIN
