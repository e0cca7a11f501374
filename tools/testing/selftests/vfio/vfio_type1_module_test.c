// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_iommu_type1 as a module: its parameters, and what a container can do
 * while it is not loaded.
 *
 * Uses an edu device alone in its group.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "vfio_mapping.h"

#define HUGE	(2UL << 20)

static const char *parameter(const char *name)
{
	static char path[96];

	snprintf(path, sizeof(path), "/sys/module/vfio_iommu_type1/parameters/%s", name);
	return path;
}

/* Gives the container up and takes it again, which makes type 1 look at its parameters. */
static void choose_again(struct vfio *vfio)
{
	if (vfio->device >= 0)
		close(vfio->device);
	vfio->device = -1;
	must(__group_unset_container(vfio->group));
	group_set_container(vfio->group, vfio->container);
	set_iommu(vfio->container, VFIO_TYPE1v2_IOMMU);
}

/* ---- Parameters -------------------------------------------------------------------- */

TEST_F(mapping, parameters)
{
	static const struct {
		const char *name, *value, *bad;
	} rows[] = {
		{ "allow_unsafe_interrupts", "N", "x" },
		{ "disable_hugepages", "N", "2" },
		{ "dma_entry_limit", "65535", "many" },
		{ "dma_entry_limit", "65535", "-1" },
		{ "dma_entry_limit", "65535", "" },
	};
	struct stat stat_of;
	char text[16];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *path = parameter(rows[i].name);

		ASSERT_EQ(0, stat(path, &stat_of));
		EXPECT_EQ(S_IFREG | 0644, stat_of.st_mode);
		if (*rows[i].bad)
			EXPECT_EQ(-EINVAL, __write_text(path, rows[i].bad));
		ASSERT_EQ(0, __read_text(path, text, sizeof(text)));
		EXPECT_STREQ(rows[i].value, text);
	}
	EXPECT_EQ(-ERANGE, __write_text(parameter("dma_entry_limit"), "4294967296"));
}

TEST_F(mapping, limits_of_none_and_one)
{
	const char *path = parameter("dma_entry_limit");

	write_text(path, "0");
	choose_again(&self->vfio);
	write_text(path, "1");
	/* The container has what it was set up with. */
	EXPECT_EQ(0, dma_avail(self->fd));
	EXPECT_EQ(-ENOSPC, __dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW));
	choose_again(&self->vfio);
	write_text(path, "65535");
	EXPECT_EQ(1, dma_avail(self->fd));
	EXPECT_EQ(-EFAULT, __dma_map(self->fd, NULL, IOVA, PAGE, DMA_RW));
	EXPECT_EQ(0, __dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW));
	EXPECT_EQ(-ENOSPC, __dma_map(self->fd, self->mem, 2 * IOVA, PAGE, DMA_RW));
	EXPECT_EQ(PAGE, dma_unmap(self->fd, IOVA, PAGE));
	EXPECT_EQ(0, __dma_map(self->fd, self->mem, 2 * IOVA, PAGE, DMA_RW));
}

/* Page by page or in large pieces: nothing but the time differs. */
TEST_F(mapping, with_and_without_huge_pages)
{
	static const char *const values[] = { "N", "Y", "N" };
	const char *path = parameter("disable_hugepages");
	const size_t size = 4 * HUGE;
	char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | 21 << 26, -1, 0);
	struct edu edu;
	int i;

	if (mem == MAP_FAILED)
		mem = memory(size);
	edu_open(&edu, self->vfio.device);
	for (i = 0; i < 3; i++) {
		write_text(path, values[i]);
		dma_map(self->fd, mem + PAGE, IOVA, size - 2 * PAGE, DMA_RW);
		EXPECT_EQ(self->locked + KB(size / PAGE - 2), my_locked());
		memset(mem + HUGE, 0x40 + i, PAGE);
		edu_copy(&edu, IOVA + HUGE - PAGE, IOVA + size - 3 * PAGE, PAGE);
		EXPECT_TRUE(is_all(mem + size - 2 * PAGE, PAGE, 0x40 + i));
		/* Unmapped under the other setting. */
		write_text(path, values[!i]);
		EXPECT_EQ(size - 2 * PAGE, dma_unmap(self->fd, IOVA, size - 2 * PAGE));
		EXPECT_EQ(self->pinned, pinned_until(self->pinned));
	}
	write_text(path, "N");
	munmap(mem, size);
	edu_close(&edu);
}

/* ---- Without the module -------------------------------------------------------------- */

static int remove_module(const char *name)
{
	return syscall(SYS_delete_module, name, 0) ? -errno : 0;
}

TEST_F(mapping, stays_while_it_is_used_and_can_go_then)
{
	int other = container_open();

	EXPECT_EQ(-EAGAIN, remove_module("vfio_iommu_type1"));
	dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW);
	close(self->vfio.device);
	self->vfio.device = -1;
	EXPECT_EQ(-EAGAIN, remove_module("vfio_iommu_type1"));
	ASSERT_EQ(0, __group_unset_container(self->vfio.group));
	EXPECT_EQ(1, __call(other, VFIO_CHECK_EXTENSION, (void *)VFIO_TYPE1v2_IOMMU));

	ASSERT_EQ(0, remove_module("vfio_iommu_type1"));
	EXPECT_EQ(0, __call(other, VFIO_CHECK_EXTENSION, (void *)VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(0, __call(self->fd, VFIO_CHECK_EXTENSION, (void *)VFIO_UNMAP_ALL));
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW));
	EXPECT_EQ(0, __group_set_container(self->vfio.group, self->fd));
	EXPECT_EQ(-ENODEV, __set_iommu(self->fd, VFIO_TYPE1v2_IOMMU));

	ASSERT_EQ(0, system("modprobe vfio_iommu_type1"));
	EXPECT_EQ(1, __call(other, VFIO_CHECK_EXTENSION, (void *)VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(0, __set_iommu(self->fd, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(0, __dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW));
	close(other);
}

TEST_HARNESS_MAIN
