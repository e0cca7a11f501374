// SPDX-License-Identifier: GPL-2.0-only
/*
 * New addresses for old mappings (VFIO_DMA_MAP_FLAG_VADDR), as a live update
 * needs them: a program hands its memory, which is a file, to its successor
 * while the device goes on. vfio_type1_dirty_test has the refusals.
 *
 * Uses an edu device alone in its group.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "vfio_mapping.h"

#define VADDR		VFIO_DMA_MAP_FLAG_VADDR
#define INVALID		VFIO_DMA_UNMAP_FLAG_VADDR
#define ALL		VFIO_DMA_UNMAP_FLAG_ALL
#define PAGES		4
#define SIZE		(PAGES * PAGE)
#define OWN		(2 * IOVA)

static int make_file(void)
{
	int file = syscall(SYS_memfd_create, "vfio test", 0);

	if (file < 0 || ftruncate(file, SIZE))
		fail("a file in memory: %s", strerror(errno));
	return file;
}

static char *map_file(int file)
{
	char *mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

	if (mem == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	return mem;
}

/* Whether a page of the program, through the device, gets to self->mem. */
static bool is_read(struct edu *edu, char *mem, char *page, uint64_t iova, uint8_t value)
{
	memset(page, value, PAGE);
	edu_copy(edu, iova, OWN, PAGE);
	return is_all(mem, PAGE, value);
}

TEST_F(mapping, work_goes_on_while_addresses_are_invalid)
{
	char *mine = map_file(make_file());
	struct edu edu;

	edu_open(&edu, self->vfio.device);
	dma_map(self->fd, self->mem, OWN, MEM_PAGES * PAGE, DMA_RW);
	dma_map(self->fd, mine, IOVA, SIZE, DMA_RW);
	EXPECT_EQ(SIZE, __dma_unmap_flags(self->fd, IOVA, SIZE, INVALID));
	EXPECT_EQ(self->locked + KB(PAGES + MEM_PAGES), my_locked());

	/* The device, other mappings, and what is said of them. */
	EXPECT_TRUE(is_read(&edu, self->mem, mine, IOVA, 0x31));
	EXPECT_EQ(0, __dma_map(self->fd, self->mem, 3 * IOVA, PAGE, DMA_RW));
	EXPECT_EQ(65535 - 3, dma_avail(self->fd));
	EXPECT_EQ(-EEXIST, __dma_map(self->fd, self->mem, IOVA + PAGE, PAGE, DMA_RW));
	EXPECT_EQ(PAGE, dma_unmap(self->fd, 3 * IOVA, PAGE));
	EXPECT_EQ(0, __dirty_pages(self->fd, VFIO_IOMMU_DIRTY_PAGES_FLAG_START));

	/* It unmaps like any other, and its place is free then. */
	EXPECT_EQ(-EINVAL, __dma_unmap(self->fd, IOVA, PAGE));
	EXPECT_EQ(SIZE, dma_unmap(self->fd, IOVA, SIZE));
	EXPECT_EQ(-ENOENT, __dma_map(self->fd, mine, IOVA, SIZE, VADDR));
	EXPECT_EQ(0, __dma_map(self->fd, mine, IOVA, SIZE, DMA_RW));
	EXPECT_EQ(SIZE, dma_unmap(self->fd, IOVA, SIZE));
	edu_close(&edu);
}

TEST_F(mapping, invalid_ranges)
{
	dma_map(self->fd, self->mem, IOVA, 4 * PAGE, DMA_RW);
	dma_map(self->fd, self->mem, IOVA + 4 * PAGE, 4 * PAGE, DMA_RW);
	EXPECT_EQ(0, __dma_unmap_flags(self->fd, 2 * IOVA, PAGE, INVALID));
	EXPECT_EQ(-EINVAL, __dma_unmap_flags(self->fd, IOVA, PAGE, INVALID));
	EXPECT_EQ(-EINVAL, __dma_unmap_flags(self->fd, IOVA, 5 * PAGE, INVALID));
	EXPECT_EQ(-EINVAL, __dma_unmap_flags(self->fd, IOVA + 3 * PAGE, PAGE, INVALID));
	EXPECT_EQ(-EINVAL, __dma_unmap_flags(self->fd, IOVA, 0, INVALID));
	EXPECT_EQ(-EINVAL, __dma_unmap_flags(self->fd, PAGE, 0, INVALID | ALL));
	EXPECT_EQ(-EOVERFLOW, __dma_unmap_flags(self->fd, -PAGE, 2 * PAGE, INVALID));
	/* None of these did anything. */
	EXPECT_EQ(8 * PAGE, __dma_unmap_flags(self->fd, IOVA - PAGE, 16 * PAGE, INVALID));

	/* Exactly one mapping, neither a part of it nor two. */
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, IOVA, 8 * PAGE, VADDR));
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, IOVA, PAGE, VADDR));
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, IOVA + PAGE, 3 * PAGE, VADDR));
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, IOVA - PAGE, 5 * PAGE, VADDR));
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem + 1, IOVA, 4 * PAGE, VADDR));
	EXPECT_EQ(-ENOENT, __dma_map(self->fd, self->mem, IOVA - PAGE, PAGE, VADDR));
	EXPECT_EQ(0, __dma_map(self->fd, self->mem, IOVA + 4 * PAGE, 4 * PAGE, VADDR));
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, IOVA + 4 * PAGE, 4 * PAGE, VADDR));
	EXPECT_EQ(0, __dma_map(self->fd, self->mem, IOVA, 4 * PAGE, VADDR));
	/* And again from the start. */
	EXPECT_EQ(8 * PAGE, __dma_unmap_flags(self->fd, 0, 0, INVALID | ALL));
	EXPECT_EQ(8 * PAGE, __dma_unmap_flags(self->fd, 0, 0, ALL));
}

/* The same file at another address of the same program; the old address goes. */
TEST_F(mapping, memory_moves_within_a_program)
{
	int file = make_file();
	char *before = map_file(file), *after = map_file(file);
	struct edu edu;

	edu_open(&edu, self->vfio.device);
	dma_map(self->fd, self->mem, OWN, MEM_PAGES * PAGE, DMA_RW);
	dma_map(self->fd, before, IOVA, SIZE, DMA_RW);
	EXPECT_EQ(SIZE, __dma_unmap_flags(self->fd, IOVA, SIZE, INVALID));
	EXPECT_EQ(0, __dma_map(self->fd, after, IOVA, SIZE, VADDR));
	ASSERT_EQ(0, munmap(before, SIZE));
	EXPECT_EQ(self->locked + KB(PAGES + MEM_PAGES), my_locked());
	EXPECT_TRUE(is_read(&edu, self->mem, after + PAGE, IOVA + PAGE, 0x31));
	EXPECT_EQ(SIZE, dma_unmap(self->fd, IOVA, SIZE));
	EXPECT_EQ(self->locked + KB(MEM_PAGES), my_locked());
	munmap(after, SIZE);
	close(file);
	edu_close(&edu);
}

/* ---- Another process ------------------------------------------------------------------ */

/* The one who mapped is gone when its heir says where the memory is. */
TEST_F(mapping, an_heir_takes_over)
{
	int file = make_file();
	char *mine = map_file(file);
	struct edu edu;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		dma_map(self->fd, map_file(file), IOVA, SIZE, DMA_RW);
		if (__dma_unmap_flags(self->fd, IOVA, SIZE, INVALID) != SIZE)
			fail("invalidate");
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	EXPECT_EQ(self->locked, my_locked());
	edu_open(&edu, self->vfio.device);
	dma_map(self->fd, self->mem, OWN, MEM_PAGES * PAGE, DMA_RW);
	EXPECT_TRUE(is_read(&edu, self->mem, mine, IOVA, 0x31));
	EXPECT_EQ(0, __dma_map(self->fd, mine, IOVA, SIZE, VADDR));
	EXPECT_EQ(self->locked + KB(PAGES + MEM_PAGES), my_locked());
	EXPECT_TRUE(is_read(&edu, self->mem, mine + PAGE, IOVA + PAGE, 0x41));
	EXPECT_EQ(SIZE, dma_unmap(self->fd, IOVA, SIZE));
	EXPECT_EQ(self->locked + KB(MEM_PAGES), my_locked());
	munmap(mine, SIZE);
	close(file);
	edu_close(&edu);
}

#define AFTER_EXEC	"VFIO_TEST_FILES"

/* A page that the parent looks at through the device. */
static void new_image(int container, int file)
{
	char *mem = map_file(file);

	if (my_locked())
		fail("%ld KiB after exec", my_locked());
	if (__dma_map(container, mem, IOVA, SIZE - PAGE, VADDR) != -EINVAL)
		fail("a part can be updated");
	if (__dma_map(container, mem, IOVA, SIZE, VADDR))
		fail("no update");
	if (my_locked() != KB(PAGES))
		fail("%ld KiB after the update", my_locked());
	memset(mem, 0x51, PAGE);
	if (write(STDOUT_FILENO, "x", 1) != 1)
		fail("the parent is gone");
	/* Until the parent closes its end. */
	if (read(STDIN_FILENO, &(char){ 0 }, 1))
		fail("not the end");
	if (my_locked())
		fail("%ld KiB in the end", my_locked());
	_exit(0);
}

__attribute__((constructor)) static void start(void)
{
	const char *files = getenv(AFTER_EXEC);
	int container, file;

	if (files && sscanf(files, "%d %d", &container, &file) == 2)
		new_image(container, file);
}

/* A live update: map, invalidate, exec, and update in the new image. */
TEST_F(mapping, live_update_by_exec)
{
	int file = make_file();
	char *mine = map_file(file), files[32];
	struct child child;
	struct edu edu;

	edu_open(&edu, self->vfio.device);
	dma_map(self->fd, self->mem, OWN, MEM_PAGES * PAGE, DMA_RW);
	snprintf(files, sizeof(files), "%d %d", self->fd, file);
	if (start_child(&child)) {
		dma_map(self->fd, map_file(file), IOVA, SIZE, DMA_RW);
		if (__dma_unmap_flags(self->fd, IOVA, SIZE, INVALID) != SIZE)
			fail("invalidate");
		fcntl(self->fd, F_SETFD, 0);
		setenv(AFTER_EXEC, files, 1);
		dup2(child.from, STDIN_FILENO);
		dup2(child.to, STDOUT_FILENO);
		close(child.from);
		close(child.to);
		execl("/proc/self/exe", "new image", NULL);
		_exit(1);
	}
	wait_for(&child);
	edu_copy(&edu, IOVA, OWN, PAGE);
	EXPECT_TRUE(is_all(self->mem, PAGE, 0x51));
	EXPECT_TRUE(is_read(&edu, self->mem, mine + SIZE - PAGE, IOVA + SIZE - PAGE, 0x61));
	EXPECT_EQ(KB(PAGES), vm_locked_kb(child.pid));
	EXPECT_EQ(self->locked + KB(MEM_PAGES), my_locked());
	EXPECT_EQ(SIZE, dma_unmap(self->fd, IOVA, SIZE));
	EXPECT_EQ(0, end_of(&child));
	EXPECT_EQ(self->locked + KB(MEM_PAGES), my_locked());
	munmap(mine, SIZE);
	close(file);
	edu_close(&edu);
}

TEST_HARNESS_MAIN
