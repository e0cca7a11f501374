// SPDX-License-Identifier: GPL-2.0-only
/*
 * POWER: devices reach memory as long as its process has it. C pins memory and
 * forgets the process; all of this is skipped there.
 *
 * What an edu reads through an entry tells whether it is still there.
 */
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "vfio_test.h"
#include "vfio_spapr.h"

#define IOVA	SPAPR_IOVA
#define PROBE	(IOVA + SPAPR_PAGES * PAGE)	/* where the device puts what it has read */

FIXTURE(tie)
{
	struct vfio vfio;
	struct edu edu;
	int fd;
	char *mem;	/* SPAPR_PAGES pages, registered in version 2, mapped at IOVA */
	char *probe;	/* one more, mapped at PROBE */
};

FIXTURE_VARIANT(tie)
{
	unsigned long type;
};

FIXTURE_VARIANT_ADD(tie, v1) { .type = VFIO_SPAPR_TCE_IOMMU };
FIXTURE_VARIANT_ADD(tie, v2) { .type = VFIO_SPAPR_TCE_v2_IOMMU };

FIXTURE_SETUP(tie)
{
	char bdf[BDF_LEN];

	if (!driver_is_rust())
		SKIP(return, "C does not follow what becomes of memory");
	if (!spapr_exists() || !pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no TCE tables, or no edu alone in its group");
	vfio_open(&self->vfio, bdf, variant->type);
	edu_open(&self->edu, self->vfio.device);
	self->fd = self->vfio.container;
	self->mem = private_memory(SPAPR_PAGES * PAGE);
	self->probe = private_memory(PAGE);
	if (variant->type == VFIO_SPAPR_TCE_IOMMU) {
		call(self->fd, VFIO_IOMMU_ENABLE, NULL);
	} else {
		must(__spapr_register(self->fd, self->mem, SPAPR_PAGES * PAGE));
		must(__spapr_register(self->fd, self->probe, PAGE));
	}
	memset(self->mem, 0x5a, SPAPR_PAGES * PAGE);
	dma_map(self->fd, self->mem, IOVA, SPAPR_PAGES * PAGE, DMA_RW);
	dma_map(self->fd, self->probe, PROBE, PAGE, DMA_RW);
}

FIXTURE_TEARDOWN(tie)
{
	edu_close(&self->edu);
	vfio_close(&self->vfio);
}

/* Whether the device still reaches what was at page @nth. */
static bool reaches(struct edu *edu, char *probe, unsigned int nth)
{
	memset(probe, 0, EDU_BUFFER);
	edu_dma_from(edu, PROBE, EDU_BUFFER);	/* zeroes its buffer */
	edu_dma_from(edu, IOVA + nth * PAGE, EDU_BUFFER);
	edu_dma_to(edu, PROBE, EDU_BUFFER);
	return is_all(probe, EDU_BUFFER, 0x5a);
}

static bool reaches_soon_not(struct edu *edu, char *probe, unsigned int nth)
{
	double end = seconds() + 10;

	while (reaches(edu, probe, nth)) {
		if (seconds() > end)
			return false;
		wait_a_moment();
	}
	return true;
}

TEST_F(tie, munmap)
{
	char *mem;

	ASSERT_TRUE(reaches(&self->edu, self->probe, 1));
	ASSERT_EQ(0, munmap(self->mem + PAGE, PAGE));
	EXPECT_FALSE(reaches(&self->edu, self->probe, 1));
	EXPECT_TRUE(reaches(&self->edu, self->probe, 0));
	EXPECT_TRUE(reaches(&self->edu, self->probe, 2));

	/* What comes there is something else, and untouched. */
	mem = mmap(self->mem + PAGE, PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ASSERT_EQ(self->mem + PAGE, mem);
	edu_dma_to(&self->edu, IOVA + PAGE, EDU_BUFFER);
	EXPECT_TRUE(is_all(mem, PAGE, 0));
	EXPECT_EQ(SPAPR_PAGES * PAGE, __dma_unmap(self->fd, IOVA, SPAPR_PAGES * PAGE));
}

TEST_F(tie, memory_that_was_given_up)
{
	if (variant->type == VFIO_SPAPR_TCE_IOMMU)
		SKIP(return, "only version 2 registers memory");
	ASSERT_EQ(0, munmap(self->mem + PAGE, PAGE));
	ASSERT_NE(MAP_FAILED, mmap(self->mem + PAGE, PAGE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	/* It is registered still, but what is registered is not there any more. */
	EXPECT_EQ(-EFAULT, __dma_map(self->fd, self->mem + PAGE, IOVA + PAGE, PAGE, DMA_RW));
	EXPECT_EQ(-EBUSY, __spapr_unregister(self->fd, self->mem, SPAPR_PAGES * PAGE));
	EXPECT_EQ(SPAPR_PAGES * PAGE, __dma_unmap(self->fd, IOVA, SPAPR_PAGES * PAGE));
	ASSERT_EQ(0, __spapr_unregister(self->fd, self->mem, SPAPR_PAGES * PAGE));
	ASSERT_EQ(0, __spapr_register(self->fd, self->mem, SPAPR_PAGES * PAGE));
	EXPECT_EQ(0, __dma_map(self->fd, self->mem, IOVA, SPAPR_PAGES * PAGE, DMA_RW));
}

TEST_F(tie, mremap)
{
	void *elsewhere = private_memory(PAGE);

	ASSERT_EQ(elsewhere, mremap(self->mem + 2 * PAGE, PAGE, PAGE,
				    MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere));
	EXPECT_FALSE(reaches(&self->edu, self->probe, 2));
	EXPECT_TRUE(reaches(&self->edu, self->probe, 3));
	munmap(elsewhere, PAGE);
}

TEST_F(tie, madvise_dontneed)
{
	ASSERT_EQ(0, madvise(self->mem, PAGE, MADV_DONTNEED));
	EXPECT_TRUE(reaches_soon_not(&self->edu, self->probe, 0));
	EXPECT_TRUE(reaches(&self->edu, self->probe, 1));
	EXPECT_TRUE(is_all(self->mem, PAGE, 0));
}

/* Things that happen to memory without it being given up. */
TEST_F(tie, what_keeps_memory)
{
	pid_t pid;
	int i;

	ASSERT_EQ(0, mprotect(self->mem, SPAPR_PAGES * PAGE, PROT_READ));
	ASSERT_EQ(0, mprotect(self->mem, SPAPR_PAGES * PAGE, PROT_READ | PROT_WRITE));
	madvise(self->mem, SPAPR_PAGES * PAGE, MADV_MERGEABLE);
	madvise(self->mem, SPAPR_PAGES * PAGE, MADV_PAGEOUT);
	madvise(self->mem, SPAPR_PAGES * PAGE, MADV_COLD);
	pid = fork();
	if (!pid) {
		memset(self->mem, 0, SPAPR_PAGES * PAGE);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	memset(self->mem, 0x5a, SPAPR_PAGES * PAGE);
	for (i = 0; i < 5; i++)
		wait_a_moment();
	for (i = 0; i < SPAPR_PAGES; i++)
		EXPECT_TRUE(reaches(&self->edu, self->probe, i));
}

/* The file may be another process's as well; the memory is of one. */
TEST_F(tie, the_end_of_the_process)
{
	struct vfio vfio;
	struct child child;
	long pinned;
	char *mem;

	edu_close(&self->edu);
	snprintf(vfio.bdf, sizeof(vfio.bdf), "%s", self->vfio.bdf);
	vfio_close(&self->vfio);
	vfio_open(&self->vfio, vfio.bdf, variant->type);
	edu_open(&self->edu, self->vfio.device);
	self->fd = self->vfio.container;
	if (start_child(&child)) {
		mem = private_memory(2 * PAGE);
		memset(mem, 0x5a, 2 * PAGE);
		if (variant->type == VFIO_SPAPR_TCE_IOMMU)
			call(self->fd, VFIO_IOMMU_ENABLE, NULL);
		else
			must(__spapr_register(self->fd, mem, 2 * PAGE));
		dma_map(self->fd, mem, IOVA, 2 * PAGE, DMA_RW);
		edu_dma_from(&self->edu, IOVA, EDU_BUFFER);
		tell(&child);
		wait_for(&child);
		_exit(0);
	}
	wait_for(&child);
	EXPECT_EQ(-EPERM, __dma_unmap(self->fd, IOVA, PAGE));
	tell(&child);
	EXPECT_EQ(0, end_of(&child));
	/* No device reaches it; what is registered stays pinned until the container goes. */
	pinned = variant->type == VFIO_SPAPR_TCE_IOMMU ? 0 : 2;
	EXPECT_EQ(pinned, pinned_until(pinned));
	edu_close(&self->edu);
	vfio_close(&self->vfio);
	EXPECT_EQ(0, pinned_until(0));
	vfio_open(&self->vfio, vfio.bdf, variant->type);
	edu_open(&self->edu, self->vfio.device);
}

TEST_HARNESS_MAIN
