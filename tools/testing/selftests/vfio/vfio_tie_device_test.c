// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tie to the owning process, from the side of the devices: several groups in
 * a container, memory that is another device's, and a device that is quick enough
 * to see whether memory is gone when the call returns.
 *
 * Uses two edu devices, an ivshmem and an nvme, each alone in its group.
 */
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "nvme.h"
#include "vfio_log.h"
#include "vfio_tie.h"

/* ---- Two groups, one container --------------------------------------------------------- */

struct other {
	char bdf[BDF_LEN];
	int group, device;
	struct edu edu;
};

static bool other_find(struct other *other)
{
	return pci_find_alone(ID_EDU, 1, other->bdf);
}

static void other_join(struct other *other, int container)
{
	pci_bind(other->bdf, "vfio-pci");
	other->group = group_open(pci_group(other->bdf));
	group_set_container(other->group, container);
	other->device = group_get_device(other->group, other->bdf);
	edu_open(&other->edu, other->device);
}

static void other_leave(struct other *other)
{
	edu_close(&other->edu);
	close(other->device);
	close(other->group);
	pci_unbind(other->bdf);
}

TEST_F(tie, both_groups_lose)
{
	struct tie *tie = &self->tie;
	char *mem = private_memory(4 * PAGE);
	struct edu first = tie->edu;
	struct other other;

	if (!other_find(&other))
		SKIP(return, "no second edu alone in its group");
	other_join(&other, tie->fd);
	give(tie, mem, IOVA, 4 * PAGE, IOVA, 2 * PAGE);
	edu_dma_from(&other.edu, IOVA, TOKEN);
	edu_dma_from(&other.edu, IOVA + PAGE, TOKEN);
	ASSERT_EQ(0, munmap(mem, 2 * PAGE));
	canary_at(tie, mem, 2 * PAGE);
	tie->edu = other.edu;
	expect_gone(tie, IOVA, 2 * PAGE);
	EXPECT_TRUE(works(tie, mem + 2 * PAGE, IOVA + 2 * PAGE));
	tie->edu = first;
	expect_taken(tie, IOVA, 2 * PAGE, VFIO_MM_STALE_UNMAP);
	EXPECT_TRUE(works(tie, mem + 2 * PAGE, IOVA + 2 * PAGE));
	other_leave(&other);
	expect_unmaps(tie, IOVA, 4 * PAGE);
}

/* A group that joins later gets what is left. */
TEST_F(tie, later_group)
{
	struct tie *tie = &self->tie;
	char *mem = private_memory(4 * PAGE);
	struct edu first = tie->edu;
	struct other other;

	if (!other_find(&other))
		SKIP(return, "no second edu alone in its group");
	give(tie, mem, IOVA, 4 * PAGE, IOVA + PAGE, 2 * PAGE);
	ASSERT_EQ(0, munmap(mem + PAGE, 2 * PAGE));
	canary_at(tie, mem + PAGE, 2 * PAGE);
	other_join(&other, tie->fd);
	tie->edu = other.edu;
	expect_taken(tie, IOVA + PAGE, 2 * PAGE, VFIO_MM_STALE_UNMAP);
	EXPECT_TRUE(works(tie, mem, IOVA));
	EXPECT_TRUE(works(tie, mem + 3 * PAGE, IOVA + 3 * PAGE));
	/* What is given up now, it loses as well. */
	memset(mem, SECRET, PAGE);
	ASSERT_EQ(0, munmap(mem, PAGE));
	canary_at(tie, mem, PAGE);
	expect_taken(tie, IOVA, PAGE, VFIO_MM_STALE_UNMAP);
	tie->edu = first;
	expect_gone(tie, IOVA, PAGE);
	other_leave(&other);
	expect_unmaps(tie, IOVA, 4 * PAGE);
}

/* ---- The log -------------------------------------------------------------------------------- */

/* Whether the IOMMU has reported a fault of a device since @log was opened. */
static bool fault_in(int log, const char *bdf)
{
	char record[8192];
	ssize_t len;

	while (len = read(log, record, sizeof(record) - 1), len > 0) {
		record[len] = '\0';
		if (strstr(record, bdf + strlen("0000:")) &&
		    ((strstr(record, "DMAR:") && strstr(record, "fault addr")) ||
		     strstr(record, "IO_PAGE_FAULT")))
			return true;
	}
	return false;
}

TEST_F(tie, fault_is_logged)
{
	int log = log_open();
	struct tie *tie = &self->tie;
	char *mem = private_memory(PAGE);
	bool seen = false;
	int left = 20;

	give(tie, mem, IOVA, PAGE, IOVA, PAGE);
	ASSERT_EQ(0, munmap(mem, PAGE));
	/* The kernel reports at most ten in five seconds, whoever causes them. */
	sleep(6);
	lseek(log, 0, SEEK_END);
	edu_dma_to(&tie->edu, IOVA, TOKEN);
	while (!(seen = fault_in(log, tie->vfio.bdf)) && left--)
		usleep(100000);
	EXPECT_EQ(tie->on, seen);
	close(log);
}

/* ---- Memory of another device -------------------------------------------------------------- */

#define BAR	VFIO_PCI_BAR2_REGION_INDEX
#define BAR_PART	(16 * PAGE)
#define COMMAND_MEM	2

/* An ivshmem in a container of its own, with some of its memory given to the edu. */
struct ivshmem {
	struct vfio vfio;
	char *mem;
};

static bool ivshmem_give(struct ivshmem *ivshmem, struct tie *tie)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_IVSHMEM, 0, bdf))
		return false;
	vfio_open(&ivshmem->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	pci_command(ivshmem->vfio.device, COMMAND_MEM, 0);
	ivshmem->mem = mmap(NULL, BAR_PART, PROT_READ | PROT_WRITE, MAP_SHARED,
			    ivshmem->vfio.device, region_info(ivshmem->vfio.device, BAR).offset);
	if (ivshmem->mem == MAP_FAILED)
		fail("mmap of a BAR: %s", strerror(errno));
	memset(ivshmem->mem, 0, BAR_PART);
	give(tie, ivshmem->mem, IOVA, BAR_PART, IOVA + PAGE, PAGE);
	return true;
}

TEST_F(tie, bar_unmapped)
{
	const struct vfio_iommu_mm_stale want = { IOVA + PAGE, PAGE, VFIO_MM_STALE_UNMAP, 0 };
	struct tie *tie = &self->tie;
	struct ivshmem ivshmem;
	char *again;

	if (!ivshmem_give(&ivshmem, tie))
		SKIP(return, "no ivshmem alone in its group");
	/* Memory of devices costs nothing, and nothing is paid back. */
	EXPECT_EQ(tie->base, tie->locked);
	EXPECT_TRUE(works(tie, ivshmem.mem, IOVA));
	ASSERT_EQ(0, munmap(ivshmem.mem + PAGE, PAGE));
	expect_gone(tie, IOVA + PAGE, PAGE);
	expect_stale(tie, &want, 1);
	EXPECT_EQ(tie->base, my_locked());
	again = region_map(ivshmem.vfio.device, BAR);
	memset(again + PAGE, CANARY, PAGE);
	edu_dma_to(&tie->edu, IOVA + PAGE, TOKEN);
	EXPECT_EQ(tie->on, is_all(again + PAGE, PAGE, CANARY));
	EXPECT_TRUE(works(tie, ivshmem.mem + 2 * PAGE, IOVA + 2 * PAGE));
	munmap(again, region_info(ivshmem.vfio.device, BAR).size);
	expect_unmaps(tie, IOVA, BAR_PART);
	munmap(ivshmem.mem, BAR_PART);
	vfio_close(&ivshmem.vfio);
}

/* Decoding off takes the memory from the program's addresses, but not away. */
TEST_F(tie, bar_off_and_on)
{
	struct tie *tie = &self->tie;
	struct ivshmem ivshmem;

	if (!ivshmem_give(&ivshmem, tie))
		SKIP(return, "no ivshmem alone in its group");
	pci_command(ivshmem.vfio.device, 0, COMMAND_MEM);
	expect_nothing_taken(tie);
	pci_command(ivshmem.vfio.device, COMMAND_MEM, 0);
	expect_nothing_taken(tie);
	EXPECT_TRUE(works(tie, ivshmem.mem, IOVA));
	EXPECT_TRUE(works(tie, ivshmem.mem + BAR_PART - PAGE, IOVA + BAR_PART - PAGE));
	expect_unmaps(tie, IOVA, BAR_PART);
	munmap(ivshmem.mem, BAR_PART);
	vfio_close(&ivshmem.vfio);
}

/* ---- A quick device --------------------------------------------------------------------------- */

#define QUEUES	(3 * IOVA)

FIXTURE(nvme)
{
	struct vfio vfio;
	struct nvme nvme;
	int fd;
	bool on;
};

FIXTURE_SETUP(nvme)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_NVME, 0, bdf))
		SKIP(return, "no nvme alone in its group");
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	self->fd = self->vfio.container;
	self->on = driver_is_rust();
	nvme_open(&self->nvme, self->vfio.device, self->fd, QUEUES);
}

FIXTURE_TEARDOWN(nvme)
{
	nvme_close(&self->nvme);
	vfio_close(&self->vfio);
}

enum way { UNMAP, MOVE, END, END_BUSY };

/* More memory of a child, at 2 * IOVA, which takes a while to look through. */
#define MUCH	(16UL << 20)

/*
 * The disk is told to write the very moment after memory was given up. The page
 * itself can still be seen at another address.
 */
static void write_at_once(struct __test_metadata *_metadata, FIXTURE_DATA(nvme) *self,
			  enum way way)
{
	int file = memory_file(PAGE, 0);
	char *view = file_memory(file, PAGE, MAP_SHARED);
	char *to = private_memory(PAGE), *mem;
	struct child child = { 0 };
	unsigned int round;

	for (round = 0; round < 20; round++) {
		mem = file_memory(file, PAGE, MAP_SHARED);
		if (way >= END && start_child(&child)) {
			char *much = private_memory(MUCH);

			dma_map(self->fd, mem, IOVA, PAGE, DMA_RW);
			madvise(much, MUCH, MADV_NOHUGEPAGE);
			if (way == END_BUSY)
				dma_map(self->fd, much, 2 * IOVA, MUCH, DMA_RW);
			tell(&child);
			wait_for(&child);
			/* Whoever looks through it must not keep the rest alive. */
			if (way == END_BUSY)
				madvise(much, MUCH, MADV_DONTNEED);
			_exit(0);
		}
		if (way >= END)
			wait_for(&child);
		else
			dma_map(self->fd, mem, IOVA, PAGE, DMA_RW);
		nvme_identify(&self->nvme, IOVA);
		ASSERT_TRUE(nvme_is_identity(view));
		memset(view, CANARY, PAGE);
		switch (way) {
		case UNMAP:
			ASSERT_EQ(0, munmap(mem, PAGE));
			break;
		case MOVE:
			ASSERT_EQ(to, mremap(mem, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to));
			break;
		case END:
		case END_BUSY:
			tell(&child);
			ASSERT_EQ(0, end_of(&child));
			munmap(mem, PAGE);
			break;
		}
		nvme_identify(&self->nvme, IOVA);
		ASSERT_EQ(self->on, is_all(view, PAGE, CANARY));
		EXPECT_EQ(PAGE, dma_unmap(self->fd, IOVA, PAGE));
		EXPECT_EQ(way == END_BUSY ? MUCH : 0, dma_unmap(self->fd, 2 * IOVA, MUCH));
		memset(view, CANARY, PAGE);
		nvme_identify(&self->nvme, IOVA);
		ASSERT_TRUE(is_all(view, PAGE, CANARY));
	}
	munmap(to, PAGE);
	munmap(view, PAGE);
	close(file);
}

TEST_F(nvme, unmap)
{
	write_at_once(_metadata, self, UNMAP);
}

TEST_F(nvme, move)
{
	write_at_once(_metadata, self, MOVE);
}

TEST_F(nvme, exit)
{
	write_at_once(_metadata, self, END);
}

/* The same right after much was discarded, which is still being looked into. */
TEST_F(nvme, discard_and_exit)
{
	write_at_once(_metadata, self, END_BUSY);
}

TEST_HARNESS_MAIN
