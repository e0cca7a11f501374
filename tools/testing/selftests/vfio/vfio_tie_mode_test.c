// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tie to the owning process: what each mode of MM_BIND means for a device, and
 * what the module parameter mm_tie does.
 *
 * Uses an edu device alone in its group.
 */
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "vfio_tie.h"

#define NOTIFY	VFIO_MM_BIND_NOTIFY
#define EXIT	VFIO_MM_BIND_EXIT

/* What tie_open() chose holds while the window is mapped: begin again with @mode. */
static void rebind(struct tie *tie, uint32_t mode)
{
	dma_unmap(tie->fd, WINDOW, PAGE);
	mm_bind(tie->fd, mode, tie->event);
	dma_map(tie->fd, tie->window, WINDOW, PAGE, DMA_RW);
}

/*
 * A child maps two ranges of memory, gives up the second and ends. @notify and
 * @exit are what should then follow.
 */
static void unmap_and_exit(struct __test_metadata *_metadata, struct tie *tie, bool notify,
			   bool exit)
{
	const struct vfio_iommu_mm_stale first = { 2 * IOVA, PAGE, VFIO_MM_STALE_UNMAP, 0 };
	const struct vfio_iommu_mm_stale then[] = {
		{ IOVA, PAGE, VFIO_MM_STALE_EXIT, 0 },
		{ 2 * IOVA, PAGE, VFIO_MM_STALE_EXIT, 0 },
	};
	struct child child;

	if (start_child(&child)) {
		char *mem = private_memory(3 * PAGE);

		dma_map(tie->fd, mem, IOVA, PAGE, DMA_RW);
		dma_map(tie->fd, mem + 2 * PAGE, 2 * IOVA, PAGE, DMA_RW);
		tell(&child);
		wait_for(&child);
		memset(mem, SECRET, 3 * PAGE);
		munmap(mem + 2 * PAGE, PAGE);
		tell(&child);
		wait_for(&child);
		_exit(0);
	}
	wait_for(&child);
	edu_dma_from(&tie->edu, IOVA, TOKEN);
	edu_dma_from(&tie->edu, 2 * IOVA, TOKEN);
	tell(&child);
	wait_for(&child);
	tie->on = notify;
	expect_gone(tie, 2 * IOVA, PAGE);
	EXPECT_TRUE(reads(tie, IOVA, SECRET));
	expect_stale(tie, &first, 1);
	tell(&child);
	EXPECT_EQ(0, end_of(&child));
	tie->on = exit;
	expect_gone(tie, IOVA, PAGE);
	expect_stale(tie, then, notify ? 1 : 2);
	tie->on = true;
	EXPECT_EQ(PAGE, dma_unmap(tie->fd, IOVA, PAGE));
	EXPECT_EQ(PAGE, dma_unmap(tie->fd, 2 * IOVA, PAGE));
}

/* ---- Modes --------------------------------------------------------------------------- */

FIXTURE(mode)
{
	struct tie tie;
};

FIXTURE_VARIANT(mode)
{
	uint32_t mode;
	bool notify, exit;
};

FIXTURE_VARIANT_ADD(mode, nothing) { .mode = 0 };
FIXTURE_VARIANT_ADD(mode, notify_only) { .mode = NOTIFY, .notify = true };
FIXTURE_VARIANT_ADD(mode, exit_only) { .mode = EXIT, .exit = true };
FIXTURE_VARIANT_ADD(mode, notify_and_exit) { NOTIFY | EXIT, true, true };

FIXTURE_SETUP(mode)
{
	char bdf[BDF_LEN];

	if (!driver_is_rust())
		SKIP(return, "no such call");
	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	tie_open(&self->tie, bdf, true);
}

FIXTURE_TEARDOWN(mode)
{
	tie_close(&self->tie);
}

TEST_F(mode, unmap_and_exit)
{
	rebind(&self->tie, variant->mode);
	EXPECT_EQ(variant->mode, mm_bound(self->tie.fd).mode);
	unmap_and_exit(_metadata, &self->tie, variant->notify, variant->exit);
}

/* ---- The module parameter ------------------------------------------------------------------ */

FIXTURE(off)
{
	struct tie tie;
};

FIXTURE_SETUP(off)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	if (!mm_tie_exists())
		SKIP(return, "the tie has no switch");
	tie_open(&self->tie, bdf, false);
}

FIXTURE_TEARDOWN(off)
{
	tie_close(&self->tie);
}

TEST_F(off, is_off)
{
	struct tie *tie = &self->tie;

	EXPECT_EQ(0, mm_bound(tie->fd).mode);
	EXPECT_EQ(-1, mm_bound(tie->fd).eventfd);
	unmap_and_exit(_metadata, tie, false, false);
}

/* As on the kernel's own modules: what expect_*() check where the tie is off. */
TEST_F(off, owner_gives_up)
{
	struct tie *tie = &self->tie;
	char *mem = private_memory(8 * PAGE), *to = private_memory(PAGE);

	give(tie, mem, IOVA, 8 * PAGE, IOVA, PAGE);
	ASSERT_EQ(0, munmap(mem, PAGE));
	canary_at(tie, mem, PAGE);
	expect_taken(tie, IOVA, PAGE, VFIO_MM_STALE_UNMAP);
	ASSERT_EQ(to, mremap(mem + 2 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to));
	expect_taken(tie, IOVA + 2 * PAGE, PAGE, VFIO_MM_STALE_REMAP);
	ASSERT_EQ(0, madvise(mem + 4 * PAGE, PAGE, MADV_DONTNEED));
	canary(tie, mem + 4 * PAGE, PAGE);
	expect_taken(tie, IOVA + 4 * PAGE, PAGE, VFIO_MM_STALE_DISCARD);
	EXPECT_TRUE(works(tie, mem + 7 * PAGE, IOVA + 7 * PAGE));
	expect_unmaps(tie, IOVA, 8 * PAGE);
}

TEST_F(off, can_be_turned_on)
{
	rebind(&self->tie, NOTIFY | EXIT);
	unmap_and_exit(_metadata, &self->tie, true, true);
}

/* It counts when the type is chosen, not later. */
TEST_F(off, is_sampled)
{
	struct tie *tie = &self->tie;
	char text[8];

	EXPECT_EQ(0, mm_bound(tie->fd).mode);
	ASSERT_EQ(0, __read_text(MM_TIE, text, sizeof(text)));
	EXPECT_TRUE(!strcmp(text, "Y") || !strcmp(text, "1"));
	close(tie->vfio.device);
	tie->vfio.device = -1;
	edu_close(&tie->edu);
	ASSERT_EQ(0, __group_unset_container(tie->vfio.group));
	group_set_container(tie->vfio.group, tie->fd);
	set_iommu(tie->fd, VFIO_TYPE1_IOMMU);
	mm_tie_set(false);
	EXPECT_EQ(NOTIFY | EXIT, mm_bound(tie->fd).mode);
	mm_tie_set(true);
	tie->vfio.device = group_get_device(tie->vfio.group, tie->vfio.bdf);
	edu_open(&tie->edu, tie->vfio.device);
}

TEST_HARNESS_MAIN
