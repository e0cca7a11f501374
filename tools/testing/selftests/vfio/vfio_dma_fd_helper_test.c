// SPDX-License-Identifier: GPL-2.0-only
/*
 * A descriptor for DMA in the hands of another process: whose memory the device
 * reaches, who may map, and what becomes of it when the helper ends or the owner of
 * the group closes that. The kernel's own modules have no such descriptor.
 *
 * Uses an edu device alone in its group.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "vfio_tie.h"
#include "vfio_dma_fd.h"

#define SIZE	(4 * PAGE)
#define STRICT	VFIO_MM_BIND_STRICT

#define ONLY_OURS()							\
	do {								\
		if (!driver_is_rust())					\
			SKIP(return, "no such descriptor");		\
	} while (0)

/* ---- A helper ------------------------------------------------------------------- */

struct helper {
	struct child child;
	int sockets[2];
	int fd;		/* the parent's copy of what the helper has */
};

/*
 * Starts a process that has nothing of VFIO but a descriptor for DMA, which comes
 * over a socket. Returns true in it, with that.
 */
static bool start_helper(struct helper *helper, struct tie *tie, uint64_t entries)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, helper->sockets))
		fail("socketpair: %s", strerror(errno));
	if (start_child(&helper->child)) {
		edu_close(&tie->edu);
		close(tie->fd);
		close(tie->vfio.group);
		close(tie->vfio.device);
		close(helper->sockets[0]);
		helper->fd = take_fd(helper->sockets[1]);
		return true;
	}
	close(helper->sockets[1]);
	helper->fd = dma_fd(tie->fd, ALL_RIGHTS, entries);
	pass_fd(helper->sockets[0], helper->fd);
	close(helper->sockets[0]);
	return false;
}

/* The helper makes itself the only one who maps, and gives memory with SECRET in it. */
static char *helper_gives(struct helper *helper)
{
	char *mem = private_memory(SIZE);

	memset(mem, SECRET, SIZE);
	must(__mm_bind(helper->fd, STRICT, -1));
	dma_map(helper->fd, mem, IOVA, SIZE, DMA_RW);
	tell(&helper->child);
	wait_for(&helper->child);
	/* The device has written at both ends. */
	if (!is_all(mem, TOKEN, 0x11) || !is_all(mem + SIZE - PAGE, TOKEN, 0x22))
		fail("not written to the helper's memory");
	memset(mem, SECRET, SIZE);
	tell(&helper->child);
	wait_for(&helper->child);
	return mem;
}

#define helper_gave(...) __helper_gave(_metadata, __VA_ARGS__)
static void __helper_gave(struct __test_metadata *_metadata, struct tie *tie, struct helper *helper)
{
	wait_for(&helper->child);
	EXPECT_TRUE(reads(tie, IOVA, SECRET));
	EXPECT_TRUE(reads(tie, IOVA + SIZE - PAGE, SECRET));
	memset(tie->window, 0x11, TOKEN);
	edu_copy(&tie->edu, WINDOW, IOVA, TOKEN);
	memset(tie->window, 0x22, TOKEN);
	edu_copy(&tie->edu, WINDOW, IOVA + SIZE - PAGE, TOKEN);
	tell(&helper->child);
	wait_for(&helper->child);
	/* It is the helper's, who pays for it. */
	EXPECT_EQ(tie->base, my_locked());
	EXPECT_EQ(KB(SIZE / PAGE), vm_locked_kb(helper->child.pid));
	EXPECT_TRUE(canaries_live(tie));
}

/* ---- Its memory, and its end ------------------------------------------------------- */

TEST_F(tie, its_own_memory_until_its_end)
{
	struct tie *tie = &self->tie;
	struct helper helper;
	char *mem;

	ONLY_OURS();
	mem = private_memory(SIZE);
	if (start_helper(&helper, tie, 1)) {
		helper_gives(&helper);
		_exit(0);
	}
	helper_gave(tie, &helper);
	/* Whoever else has the descriptor. */
	EXPECT_EQ(-EPERM, __dma_map(helper.fd, mem, IOVA + SIZE, PAGE, DMA_RW));
	EXPECT_EQ(-EPERM, __dma_unmap(helper.fd, IOVA, SIZE));
	EXPECT_EQ(-EPERM, __dma_unmap_all(helper.fd));
	EXPECT_EQ(-EPERM, __mm_bind(helper.fd, 0, -1));
	EXPECT_EQ(-EPERM, __mm_bind(helper.fd, STRICT, -1));
	EXPECT_EQ(STRICT | VFIO_MM_BIND_NOTIFY | VFIO_MM_BIND_EXIT, mm_bound(helper.fd).mode);
	EXPECT_EQ(0, dma_avail(helper.fd));
	/* The container is not bound by that. */
	EXPECT_EQ(VFIO_MM_BIND_NOTIFY | VFIO_MM_BIND_EXIT, mm_bound(tie->fd).mode);
	EXPECT_EQ(0, __dma_map(tie->fd, mem, IOVA + SIZE, PAGE, DMA_RW));
	EXPECT_EQ(PAGE, __dma_unmap(tie->fd, IOVA + SIZE, PAGE));

	tell(&helper.child);
	EXPECT_EQ(0, end_of(&helper.child));
	/* Nothing of it is left within reach, nor does the parent's memory take its place. */
	expect_lost(tie, IOVA, SIZE, VFIO_MM_STALE_EXIT);
	EXPECT_EQ(-EPERM, __dma_unmap_all(helper.fd));
	expect_unmaps(tie, IOVA, SIZE);
	EXPECT_EQ(1, dma_avail(helper.fd));
	EXPECT_TRUE(is_all(mem, SIZE, 0));
	close(helper.fd);
}

/* With the only copy, the mapping goes as a whole. */
TEST_F(tie, killed_with_the_only_copy)
{
	struct tie *tie = &self->tie;
	struct vfio_iommu_mm_stale stale[4];
	struct helper helper;

	ONLY_OURS();
	if (start_helper(&helper, tie, 1)) {
		helper_gives(&helper);
		pause();
	}
	helper_gave(tie, &helper);
	close(helper.fd);
	tell(&helper.child);
	EXPECT_EQ(0, kill(helper.child.pid, SIGKILL));
	EXPECT_TRUE(WIFSIGNALED(end_of(&helper.child)));
	expect_gone(tie, IOVA, SIZE);
	/* The address is free again, and the descriptor's slot as well. */
	EXPECT_EQ(0, __mm_stale(tie->fd, stale, 4));
	EXPECT_EQ(0, __dma_map(tie->fd, tie->window, IOVA, PAGE, DMA_RW));
	EXPECT_EQ(PAGE, __dma_unmap(tie->fd, IOVA, PAGE));
	eventfd_wait(tie->event, 0);
}

/* What the helper gives up is taken from the device, as from anybody. */
TEST_F(tie, it_gives_memory_up)
{
	struct tie *tie = &self->tie;
	struct helper helper;

	ONLY_OURS();
	if (start_helper(&helper, tie, 1)) {
		char *mem = helper_gives(&helper);

		munmap(mem, PAGE);
		tell(&helper.child);
		wait_for(&helper.child);
		if (__dma_unmap(helper.fd, IOVA, SIZE) != SIZE)
			fail("cannot unmap");
		_exit(0);
	}
	helper_gave(tie, &helper);
	tell(&helper.child);
	wait_for(&helper.child);
	expect_lost(tie, IOVA, PAGE, VFIO_MM_STALE_UNMAP);
	EXPECT_TRUE(reads(tie, IOVA + PAGE, SECRET));
	tell(&helper.child);
	EXPECT_EQ(0, end_of(&helper.child));
	expect_gone(tie, IOVA, SIZE);
	close(helper.fd);
}

/* ---- Who is bound ------------------------------------------------------------------- */

TEST_F(tie, strict_of_the_descriptor)
{
	struct tie *tie = &self->tie;
	int fd;
	char *mem;

	ONLY_OURS();
	mem = memory(PAGE);
	fd = dma_fd(tie->fd, ALL_RIGHTS, 2);
	EXPECT_EQ(VFIO_MM_BIND_NOTIFY | VFIO_MM_BIND_EXIT, mm_bound(fd).mode);
	EXPECT_EQ(-1, mm_bound(fd).eventfd);
	EXPECT_EQ(-EINVAL, __mm_bind(fd, VFIO_MM_BIND_NOTIFY, -1));
	EXPECT_EQ(-EINVAL, __mm_bind(fd, VFIO_MM_BIND_EXIT | STRICT, -1));
	EXPECT_EQ(-EINVAL, __mm_bind(fd, 8, -1));
	EXPECT_EQ(-EINVAL, __mm_bind(fd, STRICT, tie->event));
	EXPECT_EQ(-EINVAL, __mm_bind(fd, STRICT, -2));
	/* The window of the fixture is not mapped by it. */
	EXPECT_EQ(0, __mm_bind(fd, STRICT, -1));
	EXPECT_EQ(0, __dma_map(fd, mem, IOVA, PAGE, DMA_RW));
	EXPECT_EQ(-EBUSY, __mm_bind(fd, STRICT, -1));
	EXPECT_EQ(-EBUSY, __mm_bind(fd, 0, -1));
	EXPECT_EQ(PAGE, __dma_unmap(fd, IOVA, PAGE));
	EXPECT_EQ(0, __mm_bind(fd, STRICT, -1));
	EXPECT_EQ(0, __mm_bind(fd, 0, -1));
	EXPECT_EQ(0, __dma_map(fd, mem, IOVA, PAGE, DMA_RW));
	close(fd);
}

/* The container's says who makes descriptors, not who uses them. */
TEST(strict_of_the_container)
{
	struct vfio vfio;
	struct child child;
	char bdf[BDF_LEN], *mem;
	int fd;

	if (!driver_is_rust() || !pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no such descriptor, or no edu device alone in its group");
	vfio_open(&vfio, bdf, VFIO_TYPE1v2_IOMMU);
	mem = memory(PAGE);
	fd = dma_fd(vfio.container, ALL_RIGHTS, 1);
	EXPECT_EQ(-EBUSY, __mm_bind(vfio.container, STRICT, -1));
	EXPECT_EQ(0, __mm_bind(vfio.container, VFIO_MM_BIND_EXIT, -1));
	close(fd);
	EXPECT_EQ(0, __mm_bind(vfio.container, STRICT, -1));
	fd = dma_fd(vfio.container, ALL_RIGHTS, 1);
	if (start_child(&child)) {
		if (__dma_fd(vfio.container, ALL_RIGHTS, 0, FIRST, LAST, 1) != -EPERM)
			fail("the child has made a descriptor");
		if (__dma_map(vfio.container, mem, IOVA, PAGE, DMA_RW) != -EPERM)
			fail("the child has mapped by the container");
		if (__dma_map(fd, mem, IOVA, PAGE, DMA_RW) || __dma_unmap(fd, IOVA, PAGE) != PAGE)
			fail("the child cannot map by the descriptor");
		_exit(0);
	}
	EXPECT_EQ(0, end_of(&child));
	close(fd);
	vfio_close(&vfio);
}

/* ---- The owner closes the group ------------------------------------------------------ */

TEST_F(tie, the_owner_closes_the_group)
{
	struct tie *tie = &self->tie;
	struct helper helper;
	struct vfio *vfio = &tie->vfio;

	ONLY_OURS();
	if (start_helper(&helper, tie, 1)) {
		char *mem = helper_gives(&helper);
		int i;

		for (i = 0; i < 2; i++) {
			if (my_locked())
				fail("still charged");
			if (__dma_map(helper.fd, mem, IOVA, PAGE, DMA_RW) != -ENODEV ||
			    __dma_unmap_all(helper.fd) != -ENODEV ||
			    __call(helper.fd, VFIO_GET_API_VERSION, NULL) != -ENODEV)
				fail("alive");
			tell(&helper.child);
			wait_for(&helper.child);
		}
		_exit(0);
	}
	helper_gave(tie, &helper);
	close(helper.fd);
	edu_close(&tie->edu);
	close_fd(&vfio->device);
	close_fd(&vfio->group);
	tell(&helper.child);
	wait_for(&helper.child);
	/* And again with the same container. */
	vfio->group = group_open(vfio->group_id);
	group_set_container(vfio->group, tie->fd);
	set_iommu(tie->fd, VFIO_TYPE1v2_IOMMU);
	tell(&helper.child);
	wait_for(&helper.child);
	tell(&helper.child);
	EXPECT_EQ(0, end_of(&helper.child));
	vfio->device = group_get_device(vfio->group, vfio->bdf);
	edu_open(&tie->edu, vfio->device);
}

/* ---- All at once ---------------------------------------------------------------------- */

#define ROUNDS	12

/* Maps and unmaps, each time that it gets a descriptor, until that is dead. */
static void busy_helper(int from)
{
	char *mem = private_memory(PAGES * PAGE);
	unsigned int round, i;

	for (round = 0; round < ROUNDS; round++) {
		int fd = take_fd(from), error = 0;

		for (i = 0; !error; i = (i + 1) % PAGES) {
			error = __dma_map(fd, mem, IOVA + i * PAGE, PAGE, DMA_RW);
			if (error == -EEXIST || error == -ENOSPC)
				error = 0;
			if (!error && i % 7 == 0) {
				int64_t bytes = __dma_unmap_all(fd);

				if (bytes < 0)
					error = bytes;
			}
		}
		if (error != -ENODEV)
			fail("%s", strerror(-error));
		close(fd);
	}
	_exit(0);
}

/* Two helpers that map into the same addresses while the group comes and goes. */
TEST_F_TIMEOUT(tie, closed_in_the_middle, 120)
{
	struct tie *tie = &self->tie;
	struct vfio *vfio = &tie->vfio;
	int sockets[2][2], i, round;
	struct child child[2];
	char *mem;

	ONLY_OURS();
	mem = memory(PAGE);
	edu_close(&tie->edu);
	close_fd(&vfio->device);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets[i]));
		if (start_child(&child[i])) {
			close(vfio->group);
			close(tie->fd);
			tell(&child[i]);
			busy_helper(sockets[i][1]);
		}
		wait_for(&child[i]);
	}
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < 2; i++) {
			int fd = dma_fd(tie->fd, ALL_RIGHTS, 40);

			pass_fd(sockets[i][0], fd);
			close(fd);
		}
		/* A third in the same place. */
		for (i = 0; i < 20 * (round + 1); i++) {
			__dma_map(tie->fd, mem, IOVA + i % PAGES * PAGE, PAGE, DMA_RW);
			__dma_unmap(tie->fd, IOVA + (i * 5) % PAGES * PAGE, 3 * PAGE);
		}
		close_fd(&vfio->group);
		vfio->group = group_open(vfio->group_id);
		group_set_container(vfio->group, tie->fd);
		set_iommu(tie->fd, VFIO_TYPE1v2_IOMMU);
	}
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, end_of(&child[i]));
	EXPECT_EQ(self->pinned, pinned_until(self->pinned));
	vfio->device = group_get_device(vfio->group, vfio->bdf);
	edu_open(&tie->edu, vfio->device);
}

TEST_HARNESS_MAIN
