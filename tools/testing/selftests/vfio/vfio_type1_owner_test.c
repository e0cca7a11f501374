// SPDX-License-Identifier: GPL-2.0-only
/*
 * R32: what a program does to its memory while a device may reach it.
 *
 * Memory that is given up must not get another owner while the device can still
 * write to it: it stays pinned as long as there is a translation. Whether that
 * goes with the memory or only with UNMAP_DMA is another matter, and not tested
 * here. Memory that is kept stays in reach of the device, at the same page,
 * whatever else happens to it.
 *
 * Uses an edu device alone in its group.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "vfio_mapping.h"

#define PAGES	4
#define SIZE	(PAGES * PAGE)
#define CANARY	(32UL << 20)

/* Where all of self->mem is mapped, to fill the device's buffer from and empty it to. */
#define OWN	(2 * IOVA)

static void open_edu(struct edu *edu, struct vfio *vfio, char *mem)
{
	edu_open(edu, vfio->device);
	dma_map(vfio->container, mem, OWN, MEM_PAGES * PAGE, DMA_RW);
}

/*
 * The pages of @SIZE at IOVA were given up. Lets the device write to them, and
 * looks whether that changes memory which is new, where a page that was freed
 * early would be: it is what the kernel hands out next.
 */
static bool spares_new_memory(struct edu *edu, char *mem, char *reused)
{
	char *canary = private_memory(CANARY);
	bool spared;

	memset(canary, 0xc1, CANARY);
	if (reused)
		memset(reused, 0xc1, SIZE);
	memset(mem, 0xee, PAGE);
	edu_dma_from(edu, OWN, PAGE);
	edu_dma_to(edu, IOVA, PAGE);
	edu_dma_to(edu, IOVA + SIZE - PAGE, PAGE);
	spared = is_all(canary, CANARY, 0xc1) && (!reused || is_all(reused, SIZE, 0xc1));
	munmap(canary, CANARY);
	return spared;
}

/* ---- Given up --------------------------------------------------------------------- */

TEST_F(mapping, r32_munmap)
{
	char *mine = private_memory(SIZE);
	struct edu edu;

	open_edu(&edu, &self->vfio, self->mem);
	memset(mine, 1, SIZE);
	dma_map(self->fd, mine, IOVA, SIZE, DMA_RW);
	ASSERT_EQ(0, munmap(mine, SIZE));
	/* Other memory at the same address. */
	ASSERT_EQ(mine, mmap(mine, SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	EXPECT_TRUE(spares_new_memory(&edu, self->mem, mine));
	EXPECT_EQ(-EEXIST, __dma_map(self->fd, mine, IOVA, PAGE, DMA_RW));
	EXPECT_EQ(SIZE, dma_unmap(self->fd, IOVA, SIZE));
	EXPECT_TRUE(is_all(mine, SIZE, 0xc1));
	edu_close(&edu);
}

/* The middle goes, the ends stay, and the device keeps these. */
TEST_F(mapping, r32_munmap_of_a_part)
{
	char *mine = private_memory(SIZE);
	struct edu edu;

	open_edu(&edu, &self->vfio, self->mem);
	memset(mine, 1, SIZE);
	dma_map(self->fd, mine, IOVA, SIZE, DMA_RW);
	ASSERT_EQ(0, munmap(mine + PAGE, SIZE - 2 * PAGE));
	EXPECT_TRUE(edu_shares(&edu, self->mem, OWN, mine, IOVA, 0x21));
	EXPECT_TRUE(edu_shares(&edu, self->mem, OWN, mine + SIZE - PAGE, IOVA + SIZE - PAGE, 0x31));
	EXPECT_EQ(SIZE, dma_unmap(self->fd, IOVA, SIZE));
	edu_close(&edu);
}

TEST_F(mapping, r32_madvise_dontneed)
{
	char *mine = private_memory(SIZE);
	struct edu edu;

	open_edu(&edu, &self->vfio, self->mem);
	memset(mine, 1, SIZE);
	dma_map(self->fd, mine, IOVA, SIZE, DMA_RW);
	ASSERT_EQ(0, madvise(mine, SIZE, MADV_DONTNEED));
	EXPECT_TRUE(is_all(mine, SIZE, 0));
	EXPECT_TRUE(spares_new_memory(&edu, self->mem, mine));
	EXPECT_EQ(SIZE, dma_unmap(self->fd, IOVA, SIZE));
	EXPECT_TRUE(is_all(mine, SIZE, 0xc1));
	edu_close(&edu);
}

/* The old address gets new memory, what was there is elsewhere. */
TEST_F(mapping, r32_mremap)
{
	char *mine = private_memory(SIZE), *there = private_memory(SIZE);
	struct edu edu;

	open_edu(&edu, &self->vfio, self->mem);
	memset(mine, 1, SIZE);
	dma_map(self->fd, mine, IOVA, SIZE, DMA_RW);
	ASSERT_EQ(there, mremap(mine, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, there));
	ASSERT_EQ(mine, mmap(mine, SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	EXPECT_TRUE(spares_new_memory(&edu, self->mem, mine));
	EXPECT_EQ(SIZE, dma_unmap(self->fd, IOVA, SIZE));
	/* What was moved has not become anything else. */
	EXPECT_TRUE(is_all(there + PAGE, SIZE - 2 * PAGE, 1));
	edu_close(&edu);
}

/* A file loses its pages: a hole, then its end. */
TEST_F(mapping, r32_file_that_shrinks)
{
	int file = syscall(SYS_memfd_create, "vfio test", MFD_CLOEXEC);
	struct edu edu;
	char *mine;

	ASSERT_LE(0, file);
	ASSERT_EQ(0, ftruncate(file, SIZE));
	mine = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	ASSERT_NE(MAP_FAILED, mine);
	open_edu(&edu, &self->vfio, self->mem);
	memset(mine, 1, SIZE);
	dma_map(self->fd, mine, IOVA, SIZE, DMA_RW);
	ASSERT_EQ(0, fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 2 * PAGE));
	ASSERT_EQ(0, ftruncate(file, 3 * PAGE));
	ASSERT_EQ(0, ftruncate(file, SIZE));
	EXPECT_TRUE(spares_new_memory(&edu, self->mem, NULL));
	/* The file's new pages, too, are its own. */
	EXPECT_TRUE(is_all(mine, 2 * PAGE, 0));
	EXPECT_TRUE(is_all(mine + 3 * PAGE, PAGE, 0));
	EXPECT_TRUE(is_all(mine + 2 * PAGE, PAGE, 1));
	EXPECT_EQ(SIZE, dma_unmap(self->fd, IOVA, SIZE));
	munmap(mine, SIZE);
	close(file);
	edu_close(&edu);
}

TEST_F(mapping, r32_exit)
{
	struct edu edu;
	int status;
	pid_t pid;

	open_edu(&edu, &self->vfio, self->mem);
	pid = fork();
	if (!pid) {
		char *mine = private_memory(SIZE);

		memset(mine, 1, SIZE);
		dma_map(self->fd, mine, IOVA, SIZE, DMA_RW);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	EXPECT_TRUE(spares_new_memory(&edu, self->mem, NULL));
	EXPECT_EQ(SIZE, dma_unmap(self->fd, IOVA, SIZE));
	edu_close(&edu);
}

/* ---- Kept ------------------------------------------------------------------------- */

/* Both write after a fork; the device stays with the parent, also where it only reads. */
TEST_F(mapping, r32_fork)
{
	char *mine = private_memory(SIZE), *read_only = private_memory(SIZE);
	struct child child;
	struct edu edu;

	open_edu(&edu, &self->vfio, self->mem);
	memset(mine, 1, SIZE);
	memset(read_only, 1, SIZE);
	dma_map(self->fd, mine, IOVA, SIZE, DMA_RW);
	dma_map(self->fd, read_only, 3 * IOVA, SIZE, VFIO_DMA_MAP_FLAG_READ);
	if (start_child(&child)) {
		memset(mine, 2, PAGE);
		memset(read_only, 2, PAGE);
		tell(&child);
		wait_for(&child);
		if (!is_all(mine, PAGE, 2) || !is_all(mine + PAGE, SIZE - PAGE, 1))
			fail("the device wrote into the child");
		_exit(0);
	}
	wait_for(&child);
	EXPECT_TRUE(edu_shares(&edu, self->mem, OWN, mine, IOVA, 0x21));
	EXPECT_TRUE(edu_shares(&edu, self->mem, OWN, mine + PAGE, IOVA + PAGE, 0x31));
	memset(read_only, 0x41, SIZE);
	edu_copy(&edu, 3 * IOVA, OWN, PAGE);
	EXPECT_TRUE(is_all(self->mem, PAGE, 0x41));
	edu_copy(&edu, 3 * IOVA + PAGE, OWN, PAGE);
	EXPECT_TRUE(is_all(self->mem, PAGE, 0x41));
	tell(&child);
	EXPECT_EQ(0, end_of(&child));
	EXPECT_TRUE(edu_shares(&edu, self->mem, OWN, mine, IOVA, 0x51));
	EXPECT_EQ(SIZE, dma_unmap(self->fd, IOVA, SIZE));
	EXPECT_EQ(SIZE, dma_unmap(self->fd, 3 * IOVA, SIZE));
	edu_close(&edu);
}

/*
 * Pages that the program provides itself, and protects while they are mapped. The
 * kernel does not wait for it to provide them in the middle of MAP_DMA.
 */
TEST_F(mapping, r32_userfaultfd)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register region = {
		.mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP,
	};
	struct uffdio_writeprotect protect = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	struct uffdio_copy copy = { .src = (uintptr_t)self->mem, .len = SIZE };
	char *mine = private_memory(SIZE);
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	struct edu edu;

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		SKIP(return, "no userfaultfd: %s", strerror(errno));
	region.range.start = protect.range.start = copy.dst = (uintptr_t)mine;
	region.range.len = protect.range.len = SIZE;
	ASSERT_EQ(0, ioctl(fd, UFFDIO_REGISTER, &region));

	open_edu(&edu, &self->vfio, self->mem);
	EXPECT_EQ(-EFAULT, __dma_map(self->fd, mine, IOVA, SIZE, DMA_RW));
	memset(self->mem, 0x61, SIZE);
	ASSERT_EQ(0, ioctl(fd, UFFDIO_COPY, &copy));
	EXPECT_EQ(0, __dma_map(self->fd, mine, IOVA, SIZE, DMA_RW));
	memset(self->mem, 0, PAGE);
	edu_copy(&edu, IOVA + PAGE, OWN, PAGE);
	EXPECT_TRUE(is_all(self->mem, PAGE, 0x61));

	/* Protected from the program, not from the device. */
	ASSERT_EQ(0, ioctl(fd, UFFDIO_WRITEPROTECT, &protect));
	memset(self->mem, 0x71, PAGE);
	edu_copy(&edu, OWN, IOVA, PAGE);
	EXPECT_TRUE(is_all(mine, PAGE, 0x71));
	protect.mode = 0;
	ASSERT_EQ(0, ioctl(fd, UFFDIO_WRITEPROTECT, &protect));
	EXPECT_TRUE(edu_shares(&edu, self->mem, OWN, mine + PAGE, IOVA + PAGE, 0x31));
	close(fd);
	EXPECT_EQ(SIZE, dma_unmap(self->fd, IOVA, SIZE));
	edu_close(&edu);
}

/* Everything that moves or hides pages, and is not giving them up. */
TEST_F(mapping, r32_protected_aged_and_compacted)
{
	char *mine = private_memory(SIZE);
	struct edu edu;

	open_edu(&edu, &self->vfio, self->mem);
	memset(mine, 1, SIZE);
	dma_map(self->fd, mine, IOVA, SIZE, DMA_RW);
	ASSERT_EQ(0, mprotect(mine, SIZE, PROT_NONE));
	memset(self->mem, 0x21, PAGE);
	edu_copy(&edu, OWN, IOVA, PAGE);
	ASSERT_EQ(0, mprotect(mine, SIZE, PROT_READ | PROT_WRITE));
	EXPECT_TRUE(is_all(mine, PAGE, 0x21));
	EXPECT_TRUE(is_all(mine + PAGE, SIZE - PAGE, 1));

	/* Marks as not used, as clean; looks for pages to move, to evict, to merge. */
	write_text("/proc/self/clear_refs", "1");
	write_text("/proc/self/clear_refs", "4");
	madvise(mine, SIZE, MADV_COLD);
	madvise(mine, SIZE, MADV_PAGEOUT);
	__write_text("/proc/sys/vm/compact_memory", "1");
	__write_text("/proc/sys/vm/drop_caches", "3");
	EXPECT_TRUE(edu_shares(&edu, self->mem, OWN, mine, IOVA, 0x31));
	EXPECT_TRUE(edu_shares(&edu, self->mem, OWN, mine + SIZE - PAGE, IOVA + SIZE - PAGE, 0x41));
	EXPECT_EQ(SIZE, dma_unmap(self->fd, IOVA, SIZE));
	edu_close(&edu);
}

TEST_HARNESS_MAIN
