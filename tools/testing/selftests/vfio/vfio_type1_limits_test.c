// SPDX-License-Identifier: GPL-2.0-only
/*
 * What type 1 mappings cost and who pays: locked memory, the number of
 * mappings, and processes that share a container.
 *
 * Uses an edu device alone in its group.
 */
#include <sys/mman.h>
#include <sys/resource.h>

#include "kselftest_harness.h"
#include "vfio_test.h"

#define IOVA		0x1000000ULL
#define ENTRY_LIMIT	"/sys/module/vfio_iommu_type1/parameters/dma_entry_limit"

static void set_memlock(rlim_t bytes)
{
	struct rlimit limit = { bytes, bytes };

	if (setrlimit(RLIMIT_MEMLOCK, &limit))
		fail("RLIMIT_MEMLOCK: %s", strerror(errno));
}

/* Becomes an ordinary user, for good. */
static void drop_privileges(void)
{
	if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
		fail("uid 1000: %s", strerror(errno));
}

FIXTURE(limits)
{
	struct vfio vfio;
	int fd;
	char *mem;	/* 64 pages */
};

FIXTURE_SETUP(limits)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	self->fd = self->vfio.container;
	self->mem = memory(64 * PAGE);
}

FIXTURE_TEARDOWN(limits)
{
	vfio_close(&self->vfio);
}

/* ---- Locked memory ---------------------------------------------------------- */

TEST_F(limits, locked_memory_is_exact)
{
	long before = my_locked();

	dma_map(self->fd, self->mem, IOVA, 3 * PAGE, DMA_RW);
	EXPECT_EQ(before + KB(3), my_locked());
	/* Each mapping pays for itself, also for the same memory. */
	dma_map(self->fd, self->mem, 2 * IOVA, 5 * PAGE, VFIO_DMA_MAP_FLAG_READ);
	EXPECT_EQ(before + KB(8), my_locked());
	EXPECT_EQ(3 * PAGE, dma_unmap(self->fd, IOVA, 3 * PAGE));
	EXPECT_EQ(before + KB(5), my_locked());

	/* Leaving the container pays back. */
	close(self->vfio.device);
	self->vfio.device = -1;
	EXPECT_EQ(0, __group_unset_container(self->vfio.group));
	EXPECT_EQ(before, my_locked());
}

TEST_F(limits, memory_that_was_never_touched)
{
	long before = my_locked();
	char *mem = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	dma_map(self->fd, mem, IOVA, 8 * PAGE, VFIO_DMA_MAP_FLAG_READ);
	EXPECT_EQ(8 * PAGE, dma_unmap(self->fd, IOVA, 8 * PAGE));
	EXPECT_EQ(before, my_locked());
	dma_map(self->fd, mem, IOVA, 8 * PAGE, DMA_RW);
	EXPECT_EQ(before + KB(8), my_locked());
	EXPECT_EQ(8 * PAGE, dma_unmap(self->fd, IOVA, 8 * PAGE));
	EXPECT_EQ(before, my_locked());
	munmap(mem, 8 * PAGE);
}

TEST_F(limits, user_is_limited)
{
	struct child child;

	if (start_child(&child)) {
		set_memlock(16 * PAGE);
		drop_privileges();
		if (__dma_map(self->fd, self->mem, IOVA, 17 * PAGE, DMA_RW) != -ENOMEM)
			fail("17 pages");
		if (my_locked())
			fail("%ld KiB are left of a failure", my_locked());
		dma_map(self->fd, self->mem, IOVA, 15 * PAGE, DMA_RW);
		if (__dma_map(self->fd, self->mem, 2 * IOVA, 2 * PAGE, DMA_RW) != -ENOMEM)
			fail("17 pages in two mappings");
		/* The limit itself is allowed. */
		dma_map(self->fd, self->mem, 2 * IOVA, PAGE, DMA_RW);
		if (my_locked() != KB(16))
			fail("%ld KiB", my_locked());
		if (__dma_map(self->fd, self->mem, 3 * IOVA, PAGE, DMA_RW) != -ENOMEM)
			fail("17 pages in three mappings");
		if (dma_unmap(self->fd, 2 * IOVA, PAGE) != PAGE)
			fail("unmap");
		dma_map(self->fd, self->mem, 3 * IOVA, PAGE, DMA_RW);
		_exit(0);
	}
	EXPECT_EQ(0, end_of(&child));
}

TEST_F(limits, capability_lifts_the_limit)
{
	long before = my_locked();

	set_memlock(0);
	dma_map(self->fd, self->mem, IOVA, 64 * PAGE, DMA_RW);
	EXPECT_EQ(before + KB(64), my_locked());
	EXPECT_EQ(64 * PAGE, dma_unmap(self->fd, IOVA, 64 * PAGE));
}

/* ---- Number of mappings ----------------------------------------------------- */

TEST_F(limits, number_of_mappings)
{
	char before[16];

	/* The limit is read when the type is chosen. */
	close(self->vfio.device);
	self->vfio.device = -1;
	ASSERT_EQ(0, __group_unset_container(self->vfio.group));
	ASSERT_EQ(0, __read_text(ENTRY_LIMIT, before, sizeof(before)));
	write_text(ENTRY_LIMIT, "2");
	group_set_container(self->vfio.group, self->fd);
	set_iommu(self->fd, VFIO_TYPE1v2_IOMMU);
	write_text(ENTRY_LIMIT, before);

	EXPECT_EQ(2, dma_avail(self->fd));
	dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW);
	dma_map(self->fd, self->mem, 2 * IOVA, PAGE, DMA_RW);
	EXPECT_EQ(0, dma_avail(self->fd));
	EXPECT_EQ(-ENOSPC, __dma_map(self->fd, self->mem, 3 * IOVA, PAGE, DMA_RW));
	/* An overlap comes first; an address outside and bad memory come later. */
	EXPECT_EQ(-EEXIST, __dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW));
	EXPECT_EQ(-ENOSPC, __dma_map(self->fd, self->mem, 0xfee00000, PAGE, DMA_RW));
	EXPECT_EQ(-ENOSPC, __dma_map(self->fd, NULL, 3 * IOVA, PAGE, DMA_RW));

	EXPECT_EQ(PAGE, dma_unmap(self->fd, IOVA, PAGE));
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, 0xfee00000, PAGE, DMA_RW));
	EXPECT_EQ(0, __dma_map(self->fd, self->mem, 3 * IOVA, PAGE, DMA_RW));
}

/* CVE-2019-3882: mappings without end took all of the memory. */
TEST_F_TIMEOUT(limits, r4_as_many_as_there_may_be, 240)
{
	uint32_t left = dma_avail(self->fd), i;

	ASSERT_EQ(65535, left);
	for (i = 0; i < left; i++) {
		ASSERT_EQ(0, __dma_map(self->fd, self->mem, i * PAGE, PAGE, DMA_RW));
		if (i % 10000 == 0)
			EXPECT_EQ(left - i - 1, dma_avail(self->fd));
	}
	EXPECT_EQ(0, dma_avail(self->fd));
	EXPECT_EQ(KB(left), my_locked());
	EXPECT_EQ(-ENOSPC, __dma_map(self->fd, self->mem, i * PAGE, PAGE, DMA_RW));
	EXPECT_EQ(PAGE, dma_unmap(self->fd, 1234 * PAGE, PAGE));
	EXPECT_EQ(0, __dma_map(self->fd, self->mem, i * PAGE, PAGE, DMA_RW));
	EXPECT_EQ(left * PAGE, __dma_unmap_flags(self->fd, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL));
	EXPECT_EQ(0, my_locked());
}

/* ---- Several processes ------------------------------------------------------- */

TEST_F(limits, child_maps_its_memory_for_the_parents_device)
{
	struct child child;
	struct edu edu;
	size_t i;

	if (start_child(&child)) {
		char *mine = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		for (i = 0; i < PAGE; i++)
			mine[i] = i * 3;
		dma_map(self->fd, mine, IOVA, 4 * PAGE, DMA_RW);
		if (my_locked() != KB(4))
			fail("the child pays %ld KiB", my_locked());
		tell(&child);
		wait_for(&child);
		if (my_locked())
			fail("the child still pays %ld KiB", my_locked());
		_exit(0);
	}
	wait_for(&child);
	EXPECT_EQ(0, my_locked());
	EXPECT_EQ(KB(4), vm_locked_kb(child.pid));

	edu_open(&edu, self->vfio.device);
	dma_map(self->fd, self->mem, 2 * IOVA, PAGE, DMA_RW);
	edu_copy(&edu, IOVA, 2 * IOVA, PAGE);
	for (i = 0; i < PAGE && self->mem[i] == (char)(i * 3); i++)
		;
	EXPECT_EQ(PAGE, i);
	edu_close(&edu);

	/* Who unmaps does not matter: the mapper is paid back. */
	EXPECT_EQ(4 * PAGE, dma_unmap(self->fd, IOVA, 4 * PAGE));
	EXPECT_EQ(KB(1), my_locked());
	EXPECT_EQ(0, vm_locked_kb(child.pid));
	tell(&child);
	EXPECT_EQ(0, end_of(&child));
}

TEST_F(limits, child_unmaps_what_the_parent_mapped)
{
	struct child child;

	dma_map(self->fd, self->mem, IOVA, 4 * PAGE, DMA_RW);
	EXPECT_EQ(KB(4), my_locked());
	if (start_child(&child)) {
		if (dma_unmap(self->fd, IOVA, 4 * PAGE) != 4 * PAGE)
			fail("unmap");
		if (my_locked())
			fail("the child has %ld KiB", my_locked());
		_exit(0);
	}
	EXPECT_EQ(0, end_of(&child));
	EXPECT_EQ(0, my_locked());
}

TEST_F(limits, mapper_exits)
{
	struct child child;

	if (start_child(&child)) {
		char *mine = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		dma_map(self->fd, mine, IOVA, 4 * PAGE, DMA_RW);
		_exit(0);
	}
	EXPECT_EQ(0, end_of(&child));
	/* The range is taken until it is unmapped, and unmaps as a whole. */
	EXPECT_EQ(-EEXIST, __dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW));
	EXPECT_EQ(4 * PAGE, dma_unmap(self->fd, IOVA, 4 * PAGE));
	EXPECT_EQ(0, my_locked());
}

/* A copied process has a copy of the memory; the device stays with the original. */
TEST_F(limits, fork_leaves_the_device_with_the_parent)
{
	char *mine = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct child child;
	struct edu edu;

	edu_open(&edu, self->vfio.device);
	memset(mine, 1, 2 * PAGE);
	dma_map(self->fd, mine, IOVA, 2 * PAGE, DMA_RW);
	if (start_child(&child)) {
		size_t i;

		if (my_locked())
			fail("the child inherits %ld KiB", my_locked());
		memset(mine, 2, PAGE);
		tell(&child);
		wait_for(&child);
		for (i = 0; i < 2 * PAGE; i++)
			if (mine[i] != (i < PAGE ? 2 : 1))
				fail("the device wrote into the child");
		_exit(0);
	}
	wait_for(&child);
	memset(mine, 3, PAGE);
	edu_copy(&edu, IOVA, IOVA + PAGE, PAGE);
	EXPECT_EQ(0, memcmp(mine, mine + PAGE, PAGE));
	EXPECT_EQ(3, mine[PAGE]);
	tell(&child);
	EXPECT_EQ(0, end_of(&child));
	EXPECT_EQ(KB(2), my_locked());
	edu_close(&edu);
}

/* The fds are all there is to it: a process that has them has the power. */
TEST_F(limits, unprivileged_child_uses_the_device)
{
	struct child child;

	if (start_child(&child)) {
		set_memlock(4 * PAGE);
		drop_privileges();
		dma_map(self->fd, self->mem, IOVA, 4 * PAGE, DMA_RW);
		if (config_read(self->vfio.device, 0, 2) != 0x1234)
			fail("config space");
		_exit(0);
	}
	EXPECT_EQ(0, end_of(&child));
}

TEST_HARNESS_MAIN
