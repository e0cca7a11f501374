// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_IOMMU_FEATURE_DMA_FD: a descriptor for DMA alone. Here is how it is made, what
 * it answers, and its end. What it maps is in vfio_dma_fd_map_test, and what becomes
 * of it in another process in vfio_dma_fd_helper_test. The kernel's own modules have no such
 * call.
 *
 * Uses an edu device alone in its group, and for one test a second one.
 */
#include <sys/mman.h>
#include <sys/resource.h>

#include "kselftest_harness.h"
#include "vfio_dma_part.h"
#include "vfio_domains.h"
#include "vfio_windows.h"

#define GET	VFIO_IOMMU_FEATURE_GET
#define SET	VFIO_IOMMU_FEATURE_SET
#define PROBE	VFIO_IOMMU_FEATURE_PROBE
#define DMA_FD	VFIO_IOMMU_FEATURE_DMA_FD

#define START	VFIO_IOMMU_DIRTY_PAGES_FLAG_START
#define STOP	VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP

/* ---- Making one --------------------------------------------------------------- */

TEST_F(part, arguments)
{
	int fd = self->container, made;
	char *end = memory_end() - 8;
	uint32_t raw[64], bit, size;

	EXPECT_EQ(0, __iommu_feature(fd, PROBE | DMA_FD, NULL, 0));
	EXPECT_EQ(0, __iommu_feature(fd, PROBE | GET | DMA_FD, NULL, 0));
	EXPECT_EQ(-EINVAL, __iommu_feature(fd, PROBE | SET | DMA_FD, NULL, 0));
	EXPECT_EQ(-EINVAL, __iommu_feature(fd, SET | DMA_FD, raw, sizeof(raw)));
	for (size = 0; size < 8 + sizeof(struct vfio_iommu_feature_dma_fd); size++) {
		raw[0] = size;
		raw[1] = GET_DMA_FD;
		EXPECT_EQ(-EINVAL, __call(fd, VFIO_IOMMU_FEATURE, raw));
	}
	memcpy(end, &(uint32_t[]){ 256, GET_DMA_FD }, 8);
	EXPECT_EQ(-EFAULT, __call(fd, VFIO_IOMMU_FEATURE, end));

	EXPECT_EQ(-EINVAL, __dma_fd(fd, 0, 0, FIRST, LAST, 1));
	for (bit = 4; bit < 32; bit++)
		EXPECT_EQ(-EINVAL, __dma_fd(fd, ALL_RIGHTS | 1U << bit, 0, FIRST, LAST, 1));
	for (bit = 0; bit < 32; bit++)
		if (1U << bit != O_CLOEXEC)
			EXPECT_EQ(-EINVAL, __dma_fd(fd, ALL_RIGHTS, 1U << bit, FIRST, LAST, 1));
	EXPECT_EQ(-EINVAL, __dma_fd(fd, ALL_RIGHTS, 0, FIRST, FIRST - 1, 1));
	EXPECT_EQ(-EINVAL, __dma_fd(fd, ALL_RIGHTS, 0, FIRST, LAST, 0));

	/* The least and the most. */
	made = __dma_fd(fd, VFIO_DMA_FD_INFO, 0, 0, 0, 1);
	ASSERT_LE(0, made);
	EXPECT_EQ(0, fcntl(made, F_GETFD));
	close(made);
	made = __dma_fd(fd, ALL_RIGHTS, O_CLOEXEC, 0, ~0ULL, ~0ULL);
	ASSERT_LE(0, made);
	EXPECT_EQ(FD_CLOEXEC, fcntl(made, F_GETFD));
	EXPECT_EQ(0, __map_page(self, made, 0));
	close(made);
}

TEST_F(part, no_more_descriptors)
{
	int fds[300], count = 0;
	struct rlimit limit, few = { 0, 4096 };

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	few.rlim_max = limit.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &few));
	EXPECT_EQ(-EMFILE, __dma_fd(self->container, ALL_RIGHTS, 0, FIRST, LAST, 1));
	limit.rlim_cur = limit.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	while (count < 300) {
		fds[count] = __dma_fd(self->container, ALL_RIGHTS, 0, FIRST, LAST, 1);
		if (fds[count] < 0)
			break;
		count++;
	}
	/* With that of the fixture. */
	EXPECT_EQ(254, count);
	EXPECT_EQ(-EMFILE, fds[count]);
	/* Each has its own. */
	EXPECT_EQ(0, __map_page(self, fds[0], 0));
	EXPECT_EQ(0, __map_page(self, fds[253], 1));
	EXPECT_EQ(-EPERM, __unmap_page(fds[253], 0));
	EXPECT_EQ(PAGE, __unmap_page(fds[253], 1));
	close(fds[100]);
	fds[100] = __dma_fd(self->container, ALL_RIGHTS, 0, FIRST, LAST, 1);
	EXPECT_LE(0, fds[100]);
	EXPECT_EQ(-EPERM, __unmap_page(fds[100], 0));
	while (count)
		close(fds[--count]);
	EXPECT_EQ(0, __map_page(self, self->fd, 0));
}

TEST(none_without_a_backend)
{
	struct vfio vfio;
	char bdf[BDF_LEN];

	if (!driver_is_rust() || !pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no such call, or no edu device alone in its group");
	vfio_open_group(&vfio, bdf);
	EXPECT_EQ(-EINVAL, __dma_fd(vfio.container, ALL_RIGHTS, 0, FIRST, LAST, 1));
	vfio_close(&vfio);
}

/* ---- Its calls ------------------------------------------------------------------ */

TEST_F(part, calls)
{
	struct container_domains domains;
	char byte = 0;
	int fd = self->fd;

	EXPECT_EQ(VFIO_API_VERSION, __call(fd, VFIO_GET_API_VERSION, NULL));
	EXPECT_EQ(1, __call(fd, VFIO_CHECK_EXTENSION, (void *)VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(1, __call(fd, VFIO_CHECK_EXTENSION, (void *)VFIO_UNMAP_ALL));
	EXPECT_EQ(1, __call(fd, VFIO_CHECK_EXTENSION, (void *)VFIO_MM_TIE));
	EXPECT_EQ(0, __call(fd, VFIO_CHECK_EXTENSION, (void *)VFIO_UPDATE_VADDR));
	EXPECT_EQ(1, __call(self->container, VFIO_CHECK_EXTENSION, (void *)VFIO_UPDATE_VADDR));
	EXPECT_EQ(-ENOTTY, __set_iommu(fd, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(-ENOTTY, __call(fd, VFIO_GROUP_GET_STATUS, NULL));
	EXPECT_EQ(-ENOTTY, __call(fd, VFIO_IOMMU_SPAPR_TCE_CREATE, NULL));
	EXPECT_EQ(-ENOTTY, __container_domains(fd, &domains));
	EXPECT_EQ(-ENOTTY, __mm_stale(fd, NULL, 0));
	EXPECT_EQ(-ENOTTY, __dma_fd(fd, ALL_RIGHTS, 0, FIRST, LAST, 1));
	EXPECT_EQ(-1, read(fd, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(fd, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(ENODEV, errno);
	/* And it is no container. */
	EXPECT_EQ(-EINVAL, __group_set_container(self->tie.vfio.group, fd));
}

/* What a descriptor with one right does, in the order of the rights, and what takes two. */
TEST_F(part, rights)
{
	uint64_t bits = 0;
	struct vfio_bitmap bitmap = { PAGE, sizeof(bits), (void *)&bits };
	uint32_t head[6] = { sizeof(head) }, right;
	struct container_windows windows;

	ASSERT_EQ(0, __dirty_pages(self->container, START));
	for (right = 1; right <= ALL_RIGHTS; right <<= 1) {
		int fd = dma_fd(self->container, right, 1);
		bool map = right == VFIO_DMA_FD_MAP, unmap = right == VFIO_DMA_FD_UNMAP;
		bool dirty = right == VFIO_DMA_FD_DIRTY, info = right == VFIO_DMA_FD_INFO;
		struct vfio_iommu_feature_mm_bind bind = { 0, -1 };

		EXPECT_EQ(map ? 0 : -EACCES, __mm_bind(fd, 0, -1));
		EXPECT_EQ(map ? 0 : -EACCES, __iommu_feature(fd, GET | VFIO_IOMMU_FEATURE_MM_BIND,
							     &bind, sizeof(bind)));
		EXPECT_EQ(map ? 0 : -EACCES, __map_page(self, fd, 0));
		EXPECT_EQ(unmap ? 0 : -EACCES, __unmap_page(fd, 0));
		EXPECT_EQ(unmap ? 0 : -EACCES, __dma_unmap_all(fd));
		EXPECT_EQ(-EACCES, __dma_unmap_bitmap(fd, FIRST, PAGE, bitmap));
		EXPECT_EQ(dirty ? 0 : -EACCES, __dirty_bitmap(fd, FIRST, PAGE, bitmap));
		EXPECT_EQ(-EACCES, __dirty_pages(fd, START));
		EXPECT_EQ(-EACCES, __dirty_pages(fd, STOP));
		EXPECT_EQ(info ? 0 : -EACCES, __call(fd, VFIO_IOMMU_GET_INFO, head));
		EXPECT_EQ(info ? 0 : -EACCES, __container_windows(fd, &windows));
		EXPECT_EQ(0, __call(fd, VFIO_GET_API_VERSION, NULL));
		close(fd);
	}
}

/* ---- What there is ------------------------------------------------------------------------ */

TEST_F(part, info)
{
	const struct vfio_iommu_type1_info_cap_iova_range *cap;
	struct vfio_iommu_type1_info *all = iommu_info(self->container), *info;
	struct container_windows windows;
	int fd = self->fd;

	info = iommu_info(fd);
	EXPECT_EQ(all->iova_pgsizes, info->iova_pgsizes);
	cap = iommu_cap(info, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
	ASSERT_NE(NULL, cap);
	EXPECT_EQ(1, cap->nr_iovas);
	EXPECT_EQ(FIRST, cap->iova_ranges[0].start);
	EXPECT_EQ(LAST, cap->iova_ranges[0].end);
	EXPECT_NE(NULL, iommu_cap(info, VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION));
	free(info);
	EXPECT_EQ(ENTRIES, dma_avail(fd));
	EXPECT_EQ(0, __map_page(self, fd, 0));
	EXPECT_EQ(ENTRIES - 1, dma_avail(fd));
	EXPECT_EQ(0, __map_page(self, self->container, 1));
	EXPECT_EQ(ENTRIES - 1, dma_avail(fd));

	ASSERT_EQ(0, __container_windows(fd, &windows));
	ASSERT_EQ(1, windows.data.count);
	EXPECT_EQ(FIRST, windows.windows[0].start);
	EXPECT_EQ(LAST, windows.windows[0].last);
	EXPECT_EQ(0, windows.windows[0].slot);
	free(all);
}

/* Of all addresses what the container says, and where nothing can be mapped nothing. */
TEST_F(part, info_of_all_and_of_nothing)
{
	const struct vfio_iommu_type1_info_cap_iova_range *cap;
	struct container_windows all, windows;
	struct vfio_iommu_type1_info *info;
	uint32_t i;
	int fd;

	ASSERT_EQ(0, __container_windows(self->container, &all));
	fd = __dma_fd(self->container, ALL_RIGHTS, 0, 0, ~0ULL, ~0ULL);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, __container_windows(fd, &windows));
	EXPECT_EQ(0, memcmp(&all.data, &windows.data,
			    sizeof(all.data) + all.data.count * sizeof(all.windows[0])));
	EXPECT_EQ(dma_avail(self->container), dma_avail(fd));
	close(fd);

	for (i = 0; i + 1 < all.data.count; i++) {
		uint64_t hole = all.windows[i].last + 1;

		fd = __dma_fd(self->container, ALL_RIGHTS, 0, hole, all.windows[i + 1].start - 1, 1);
		ASSERT_LE(0, fd);
		info = iommu_info(fd);
		EXPECT_EQ(NULL, iommu_cap(info, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE));
		free(info);
		ASSERT_EQ(0, __container_windows(fd, &windows));
		EXPECT_EQ(0, windows.data.count);
		EXPECT_EQ(-EINVAL, __dma_map(fd, self->mem, hole, PAGE, DMA_RW));
		close(fd);
		/* Across it. */
		fd = __dma_fd(self->container, ALL_RIGHTS, 0, hole - PAGE,
			      all.windows[i + 1].start + PAGE - 1, 1);
		ASSERT_LE(0, fd);
		info = iommu_info(fd);
		cap = iommu_cap(info, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
		ASSERT_NE(NULL, cap);
		ASSERT_EQ(2, cap->nr_iovas);
		EXPECT_EQ(hole - PAGE, cap->iova_ranges[0].start);
		EXPECT_EQ(hole - 1, cap->iova_ranges[0].end);
		EXPECT_EQ(all.windows[i + 1].start, cap->iova_ranges[1].start);
		EXPECT_EQ(all.windows[i + 1].start + PAGE - 1, cap->iova_ranges[1].end);
		free(info);
		close(fd);
	}
}

/* ---- Groups that leave --------------------------------------------------------------------- */

/* Everything that it knows, and something that it does not. */
static void expect_dead(struct __test_metadata *_metadata, int fd, char *mem)
{
	struct container_windows windows;
	uint32_t head[6] = { sizeof(head) };
	uint64_t bits;
	struct vfio_bitmap bitmap = { PAGE, sizeof(bits), (void *)&bits };

	EXPECT_EQ(-ENODEV, __call(fd, VFIO_GET_API_VERSION, NULL));
	EXPECT_EQ(-ENODEV, __call(fd, VFIO_CHECK_EXTENSION, (void *)VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(-ENODEV, __call(fd, VFIO_IOMMU_GET_INFO, head));
	EXPECT_EQ(-ENODEV, __dma_map(fd, mem, FIRST, PAGE, DMA_RW));
	EXPECT_EQ(-ENODEV, __dma_unmap(fd, FIRST, PAGE));
	EXPECT_EQ(-ENODEV, __dma_unmap_all(fd));
	EXPECT_EQ(-ENODEV, __dirty_bitmap(fd, FIRST, PAGE, bitmap));
	EXPECT_EQ(-ENODEV, __container_windows(fd, &windows));
	EXPECT_EQ(-ENODEV, __mm_bind(fd, VFIO_MM_BIND_STRICT, -1));
	EXPECT_EQ(-ENODEV, __call(fd, VFIO_GROUP_GET_STATUS, NULL));
}

TEST_F(part, dies_with_the_last_group)
{
	struct vfio *vfio = &self->tie.vfio;
	int other = dma_fd(self->container, ALL_RIGHTS, 2), fresh;

	EXPECT_EQ(0, __map_page(self, self->fd, 0));
	edu_close(&self->tie.edu);
	close_fd(&vfio->device);
	EXPECT_EQ(0, __map_page(self, other, 1));
	ASSERT_EQ(0, __group_unset_container(vfio->group));
	EXPECT_EQ(self->pinned, pinned_until(self->pinned));
	expect_dead(_metadata, self->fd, self->mem);
	expect_dead(_metadata, other, self->mem);

	/* The container lives again, and another time, but not these. */
	group_set_container(vfio->group, self->container);
	expect_dead(_metadata, other, self->mem);
	set_iommu(self->container, VFIO_TYPE1v2_IOMMU);
	expect_dead(_metadata, self->fd, self->mem);
	fresh = dma_fd(self->container, ALL_RIGHTS, 2);
	EXPECT_EQ(0, __map_page(self, fresh, 0));
	expect_dead(_metadata, self->fd, self->mem);
	close(other);
	/* It has closed nothing but itself. */
	EXPECT_EQ(-EEXIST, __map_page(self, self->container, 0));
	/* Closing the group does the same. */
	close_fd(&vfio->group);
	expect_dead(_metadata, fresh, self->mem);
	EXPECT_EQ(self->pinned, pinned_until(self->pinned));
	close(fresh);
	vfio->group = group_open(vfio->group_id);
	group_set_container(vfio->group, self->container);
	set_iommu(self->container, VFIO_TYPE1v2_IOMMU);
	vfio->device = group_get_device(vfio->group, vfio->bdf);
	edu_open(&self->tie.edu, vfio->device);
}

/* Whoever has the descriptor can neither keep the container nor the group. */
TEST_F(part, keeps_nothing)
{
	struct vfio *vfio = &self->tie.vfio;
	char bdf[BDF_LEN];

	EXPECT_EQ(0, __map_page(self, self->fd, 0));
	edu_close(&self->tie.edu);
	strcpy(bdf, vfio->bdf);
	vfio_close(vfio);
	EXPECT_EQ(self->pinned, pinned_until(self->pinned));
	expect_dead(_metadata, self->fd, self->mem);
	vfio_open(vfio, bdf, VFIO_TYPE1v2_IOMMU);
	edu_open(&self->tie.edu, vfio->device);
	expect_dead(_metadata, self->fd, self->mem);
}

/* It goes on with the groups that stay. */
TEST_F(part, outlives_all_groups_but_the_last)
{
	struct vfio *vfio = &self->tie.vfio, other = { .container = -1, .device = -1 };

	if (!pci_find_alone(ID_EDU, 1, other.bdf))
		SKIP(return, "no second edu alone in its group");
	EXPECT_EQ(0, __map_page(self, self->fd, 0));
	pci_bind(other.bdf, "vfio-pci");
	other.group_id = pci_group(other.bdf);
	other.group = group_open(other.group_id);
	group_set_container(other.group, self->container);
	edu_close(&self->tie.edu);
	close_fd(&vfio->device);
	ASSERT_EQ(0, __group_unset_container(vfio->group));

	EXPECT_EQ(-EEXIST, __map_page(self, self->fd, 0));
	EXPECT_EQ(0, __map_page(self, self->fd, 1));
	other.device = group_get_device(other.group, other.bdf);
	edu_open(&self->tie.edu, other.device);
	EXPECT_TRUE(works(&self->tie, self->mem, FIRST));
	EXPECT_TRUE(works(&self->tie, self->mem + PAGE, FIRST + PAGE));
	edu_close(&self->tie.edu);

	group_set_container(vfio->group, self->container);
	vfio->device = group_get_device(vfio->group, vfio->bdf);
	vfio_close(&other);
	edu_open(&self->tie.edu, vfio->device);
	EXPECT_TRUE(works(&self->tie, self->mem, FIRST));
}

TEST_HARNESS_MAIN
