// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tie to the owning process: when an address space ends, by exit or by exec,
 * the devices lose what it gave. A live update, which says beforehand that the
 * memory stays, is the exception.
 *
 * Uses an edu device alone in its group.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "vfio_tie.h"

#define SIZE	(4 * PAGE)

/* ---- A new image of this program --------------------------------------------------------- */

/* What the image is to do, and with which files. */
#define IMAGE	"VFIO_TIE_IMAGE"

static void inherit(int fd)
{
	must(fcntl(fd, F_SETFD, 0));
}

static void become_image(struct child *child, int container, int file)
{
	char text[64];

	inherit(container);
	if (file >= 0)
		inherit(file);
	snprintf(text, sizeof(text), "%d %d %d %d", child->to, child->from, container, file);
	setenv(IMAGE, text, 1);
	execl("/proc/self/exe", "image", NULL);
	fail("exec: %s", strerror(errno));
}

/* Runs before main() of the new image. */
static void __attribute__((constructor)) image(void)
{
	struct child parent = { 0 };
	int container, file;
	const char *text = getenv(IMAGE);
	char *mem = NULL;

	if (!text || sscanf(text, "%d %d %d %d", &parent.to, &parent.from, &container, &file) != 4)
		return;
	if (file >= 0) {
		/* Behind new memory, so that it cannot be where it was. */
		private_memory(64 * PAGE);
		mem = file_memory(file, SIZE, MAP_SHARED);
		must(__dma_map(container, mem, IOVA, SIZE, VFIO_DMA_MAP_FLAG_VADDR));
	}
	tell(&parent);
	wait_for(&parent);
	if (file >= 0) {
		munmap(mem, PAGE);
		tell(&parent);
		wait_for(&parent);
	}
	_exit(0);
}

/* ---- Exit --------------------------------------------------------------------------------- */

/* A child that maps memory, and waits with SECRET in it. */
static char *child_gives(struct tie *tie, struct child *child)
{
	char *mem = private_memory(SIZE);

	dma_map(tie->fd, mem, IOVA, SIZE, DMA_RW);
	tell(child);
	wait_for(child);
	memset(mem, SECRET, SIZE);
	tell(child);
	return mem;
}

static void child_gave(struct tie *tie, struct child *child)
{
	wait_for(child);
	edu_dma_from(&tie->edu, IOVA, TOKEN);
	edu_dma_from(&tie->edu, IOVA + SIZE - PAGE, TOKEN);
	tell(child);
	wait_for(child);
}

/* All of it is gone, and it was not the parent's. */
#define expect_ended(...) __expect_ended(_metadata, __VA_ARGS__)
static void __expect_ended(struct __test_metadata *_metadata, struct tie *tie)
{
	expect_lost(tie, IOVA, SIZE, VFIO_MM_STALE_EXIT);
	EXPECT_EQ(tie->base, my_locked());
	expect_unmaps(tie, IOVA, SIZE);
}

TEST_F(tie, exit)
{
	struct tie *tie = &self->tie;
	struct child child;

	if (start_child(&child)) {
		child_gives(tie, &child);
		_exit(0);
	}
	child_gave(tie, &child);
	EXPECT_EQ(0, end_of(&child));
	expect_ended(tie);
}

TEST_F(tie, killed)
{
	struct tie *tie = &self->tie;
	struct child child;

	if (start_child(&child)) {
		child_gives(tie, &child);
		pause();
	}
	child_gave(tie, &child);
	EXPECT_EQ(0, kill(child.pid, SIGKILL));
	EXPECT_TRUE(WIFSIGNALED(end_of(&child)));
	expect_ended(tie);
}

/* Some of it was given up before, and is on the list for that. */
TEST_F(tie, exit_after_unmap)
{
	const struct vfio_iommu_mm_stale want[] = {
		{ IOVA, PAGE, VFIO_MM_STALE_EXIT, 0 },
		{ IOVA + PAGE, PAGE, VFIO_MM_STALE_UNMAP, 0 },
		{ IOVA + 2 * PAGE, 2 * PAGE, VFIO_MM_STALE_EXIT, 0 },
	};
	struct tie *tie = &self->tie;
	struct child child;

	if (start_child(&child)) {
		munmap(child_gives(tie, &child) + PAGE, PAGE);
		_exit(0);
	}
	child_gave(tie, &child);
	EXPECT_EQ(0, end_of(&child));
	expect_gone(tie, IOVA, 2 * PAGE);
	expect_gone(tie, IOVA + 2 * PAGE, 2 * PAGE);
	expect_stale(tie, want, 3);
	expect_unmaps(tie, IOVA, SIZE);
}

/* A copy of the process does not keep the memory of the original. */
TEST_F(tie, copy_lives_on)
{
	struct tie *tie = &self->tie;
	struct child child, copy;
	char *mem;

	if (start_child(&child)) {
		mem = child_gives(tie, &child);
		/* The copy takes over the pipes, and has the container as well. */
		if (fork())
			_exit(0);
		tell(&child);
		wait_for(&child);
		if (!is_all(mem, SIZE, SECRET))
			fail("the device wrote into the copy");
		tell(&child);
		_exit(0);
	}
	child_gave(tie, &child);
	copy = child;
	copy.to = dup(child.to);
	copy.from = dup(child.from);
	wait_for(&copy);
	EXPECT_EQ(0, end_of(&child));
	expect_ended(tie);
	tell(&copy);
	wait_for(&copy);
	close(copy.to);
	close(copy.from);
}

/* Parent and child of vfork() have one address space: the child's end is not its end. */
TEST_F(tie, exit_of_a_sharer)
{
	struct tie *tie = &self->tie;
	char *mem = private_memory(SIZE);
	int status;
	pid_t pid;

	pid = vfork();
	if (!pid) {
		dma_map(tie->fd, mem, IOVA, SIZE, DMA_RW);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	tie->locked += KB(SIZE / PAGE);
	expect_nothing_taken(tie);
	EXPECT_TRUE(works(tie, mem, IOVA));
	expect_unmaps(tie, IOVA, SIZE);
	munmap(mem, SIZE);
}

static void *wait_in_thread(void *arg)
{
	tell(arg);
	wait_for(arg);
	_exit(0);
}

/* The first thread ends, the process does not. */
TEST_F(tie, exit_of_the_first_thread)
{
	struct tie *tie = &self->tie;
	struct child child;
	pthread_t thread;

	if (start_child(&child)) {
		child_gives(tie, &child);
		pthread_create(&thread, NULL, wait_in_thread, &child);
		pthread_exit(NULL);
	}
	child_gave(tie, &child);
	wait_for(&child);
	usleep(100000);
	EXPECT_TRUE(reads(tie, IOVA, SECRET));
	expect_nothing_taken(tie);
	tell(&child);
	EXPECT_EQ(0, end_of(&child));
	expect_ended(tie);
}

/* ---- Exec ----------------------------------------------------------------------------------- */

TEST_F(tie, exec)
{
	struct tie *tie = &self->tie;
	struct child child;

	if (start_child(&child)) {
		child_gives(tie, &child);
		become_image(&child, tie->fd, -1);
	}
	child_gave(tie, &child);
	wait_for(&child);
	EXPECT_EQ(0, vm_locked_kb(child.pid));
	expect_lost(tie, IOVA, SIZE, VFIO_MM_STALE_EXIT);
	tell(&child);
	EXPECT_EQ(0, end_of(&child));
	expect_nothing_taken(tie);
	expect_unmaps(tie, IOVA, SIZE);
}

/* ---- Live update ------------------------------------------------------------------------------ */

static void invalidate(struct tie *tie)
{
	if (__dma_unmap_flags(tie->fd, IOVA, SIZE, VFIO_DMA_UNMAP_FLAG_VADDR) != (int64_t)SIZE)
		fail("VFIO_DMA_UNMAP_FLAG_VADDR");
}

TEST_F(tie, live_update)
{
	struct tie *tie = &self->tie;
	int file = memory_file(SIZE, 0);
	struct child child;
	char *mem, *mine;

	if (start_child(&child)) {
		mem = file_memory(file, SIZE, MAP_SHARED);
		dma_map(tie->fd, mem, IOVA, SIZE, DMA_RW);
		if (my_locked() != KB(SIZE / PAGE))
			fail("%ld KiB", my_locked());
		tell(&child);
		wait_for(&child);
		memset(mem, SECRET, SIZE);
		invalidate(tie);
		become_image(&child, tie->fd, file);
	}
	mine = file_memory(file, SIZE, MAP_SHARED);
	wait_for(&child);
	edu_dma_from(&tie->edu, IOVA, TOKEN);
	tell(&child);
	wait_for(&child);
	/* The new image has given the new address: nothing was lost on the way. */
	expect_nothing_taken(tie);
	EXPECT_EQ(KB(SIZE / PAGE), vm_locked_kb(child.pid));
	EXPECT_TRUE(is_all(mine, SIZE, SECRET));
	EXPECT_TRUE(works(tie, mine + PAGE, IOVA + PAGE));
	memset(mine, SECRET, SIZE);
	/* It unmaps a page, and that one follows. */
	tell(&child);
	wait_for(&child);
	expect_lost(tie, IOVA, PAGE, VFIO_MM_STALE_UNMAP);
	EXPECT_EQ(KB(SIZE / PAGE) - (tie->on ? KB(1) : 0), vm_locked_kb(child.pid));
	EXPECT_TRUE(works(tie, mine + PAGE, IOVA + PAGE));
	memset(mine, SECRET, SIZE);
	tell(&child);
	EXPECT_EQ(0, end_of(&child));
	if (tie->on) {
		expect_lost(tie, IOVA + PAGE, SIZE - PAGE, VFIO_MM_STALE_EXIT);
		EXPECT_TRUE(is_all(mine, SIZE, SECRET));
	}
	expect_unmaps(tie, IOVA, SIZE);
	munmap(mine, SIZE);
	close(file);
}

/* Without an address the mapping belongs to nobody: it outlives unmap and exit. */
TEST_F(tie, invalid_address_and_exit)
{
	struct tie *tie = &self->tie;
	int file = memory_file(SIZE, 0);
	struct child child;
	char *mem;

	mem = file_memory(file, SIZE, MAP_SHARED);
	if (start_child(&child)) {
		dma_map(tie->fd, mem, IOVA, SIZE, DMA_RW);
		invalidate(tie);
		munmap(mem, PAGE);
		_exit(0);
	}
	EXPECT_EQ(0, end_of(&child));
	EXPECT_TRUE(works(tie, mem, IOVA));
	EXPECT_TRUE(works(tie, mem + PAGE, IOVA + PAGE));
	expect_nothing_taken(tie);
	/* The parent takes it over, and it is the parent's from then on. */
	ASSERT_EQ(0, __dma_map(tie->fd, mem, IOVA, SIZE, VFIO_DMA_MAP_FLAG_VADDR));
	EXPECT_EQ(tie->base + KB(SIZE / PAGE), my_locked());
	tie->locked = my_locked();
	memset(mem, SECRET, SIZE);
	ASSERT_EQ(0, munmap(mem + PAGE, PAGE));
	canary_at(tie, mem + PAGE, PAGE);
	expect_taken(tie, IOVA + PAGE, PAGE, VFIO_MM_STALE_UNMAP);
	EXPECT_TRUE(works(tie, mem, IOVA));
	expect_unmaps(tie, IOVA, SIZE);
	close(file);
}

TEST_HARNESS_MAIN
