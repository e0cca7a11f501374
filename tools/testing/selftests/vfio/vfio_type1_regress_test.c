// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bad calls that once hurt a kernel, at type 1 and at what reaches it. Each test
 * bears the number of its row in the list of such calls and says what it was.
 * Rows that have a program of their own: R4 (vfio_type1_limits_test), R20
 * (vfio_type1_map_test), R27 (vfio_type1_long_test), R32 (vfio_type1_owner_test).
 *
 * Uses an edu device alone in its group.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "vfio_mapping.h"

#define START	VFIO_IOMMU_DIRTY_PAGES_FLAG_START
#define STOP	VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP
#define BAR	(1UL << 20)

/* ---- R3: products that overflow ---------------------------------------------- */

/* CVE-2016-9084: the size of the array of eventfds was computed in 32 bits. */
TEST_F(mapping, r3_arrays_of_4_gib)
{
	static const uint32_t counts[] = {
		0x40000000, 0x40000001, 0x7fffffff, 0x80000000, 0xc0000001, 0xffffffff,
	};
	static const uint32_t data[] = {
		VFIO_IRQ_SET_DATA_EVENTFD, VFIO_IRQ_SET_DATA_BOOL, VFIO_IRQ_SET_DATA_NONE,
	};
	int fds[2] = { -1, -1 };
	size_t i, j, index;

	for (i = 0; i < ARRAY_SIZE(counts); i++)
		for (j = 0; j < ARRAY_SIZE(data); j++)
			for (index = 0; index < VFIO_PCI_NUM_IRQS; index++) {
				EXPECT_EQ(-EINVAL, __irq_set(self->vfio.device,
							     data[j] | VFIO_IRQ_SET_ACTION_TRIGGER,
							     index, 0, counts[i], fds, sizeof(fds))) {
					TH_LOG("%#x of data %#x, index %zu", counts[i], data[j],
					       index);
				}
			}
}

/* The same of a bitmap: its bits are counted, and then rounded up to bytes. */
TEST_F(mapping, r3_bitmaps_of_2_to_the_31_pages)
{
	const uint64_t most = 1ULL << 31;
	struct vfio_bitmap bitmap = { PAGE, 0x10000000, (__u64 *)self->mem };

	/* Nothing is mapped, so nothing is written. */
	ASSERT_EQ(0, __dirty_pages(self->fd, START));
	EXPECT_EQ(0, __dirty_bitmap(self->fd, 0, (most - 1) * PAGE, bitmap));
	EXPECT_EQ(0, __dirty_bitmap(self->fd, 0, most * PAGE, bitmap));
	EXPECT_EQ(-EINVAL, __dirty_bitmap(self->fd, 0, (most + 1) * PAGE, bitmap));
	EXPECT_EQ(-EINVAL, __dirty_bitmap(self->fd, 0, 1ULL << 63, bitmap));
	EXPECT_EQ(0, __dma_unmap_bitmap(self->fd, 0, most * PAGE, bitmap));
	EXPECT_EQ(-EINVAL, __dma_unmap_bitmap(self->fd, 0, (most + 1) * PAGE, bitmap));
	bitmap.size = 8;
	EXPECT_EQ(-EINVAL, __dirty_bitmap(self->fd, 0, 1ULL << 63, bitmap));
	EXPECT_EQ(-EINVAL, __dirty_bitmap(self->fd, 0, -PAGE, bitmap));
	EXPECT_TRUE(is_all(self->mem, PAGE, 0));
}

/* ---- R5: registers that are switched off -------------------------------------- */

struct toggler {
	int device;
	volatile bool stop;
};

static void *toggle_memory(void *arg)
{
	struct toggler *toggler = arg;

	while (!toggler->stop) {
		pci_command(toggler->device, 0, 2);
		pci_command(toggler->device, 2, 0);
	}
	return NULL;
}

/* CVE-2020-12888: a disabled BAR could be touched through a mapping made before. */
TEST_F(mapping, r5_bar_that_comes_and_goes)
{
	struct toggler toggler = { .device = self->vfio.device };
	void *bar = region_map(self->vfio.device, VFIO_PCI_BAR0_REGION_INDEX);
	pthread_t thread;
	int i, ret;

	ASSERT_EQ(0, pthread_create(&thread, NULL, toggle_memory, &toggler));
	for (i = 0; i < 200; i++) {
		ret = __dma_map(self->fd, bar, IOVA, BAR, DMA_RW);
		/* Switched off before it is faulted in, or between that and the look-up. */
		EXPECT_TRUE(!ret || ret == -EFAULT || ret == -EINVAL) {
			TH_LOG("map: %d", ret);
		}
		/* All of it, or nothing. */
		EXPECT_EQ(ret ? 0 : BAR, dma_unmap(self->fd, IOVA, BAR));
	}
	toggler.stop = true;
	pthread_join(thread, NULL);
	pci_command(self->vfio.device, 2, 0);
	EXPECT_EQ(0, __dma_map(self->fd, bar, IOVA, BAR, DMA_RW));
	/* A mapping that is there outlives the switch, and unmaps as a whole. */
	pci_command(self->vfio.device, 0, 2);
	EXPECT_EQ(BAR, dma_unmap(self->fd, IOVA, BAR));
	EXPECT_EQ(-EFAULT, __dma_map(self->fd, bar, IOVA, BAR, DMA_RW));
	EXPECT_EQ(self->locked, my_locked());
	munmap(bar, BAR);
}

/* ---- R7: exec ----------------------------------------------------------------- */

#define AFTER_EXEC	"VFIO_TEST_CONTAINER"

/* The new image has none of the memory that was mapped, and owes nothing for it. */
static void new_image(int container)
{
	char *mem = memory(3 * PAGE);

	if (my_locked())
		fail("%ld KiB after exec", my_locked());
	if (dma_unmap(container, IOVA, 4 * PAGE) != 4 * PAGE)
		fail("unmap is short");
	if (my_locked())
		fail("%ld KiB after unmap", my_locked());
	dma_map(container, mem, IOVA, 3 * PAGE, DMA_RW);
	if (my_locked() != KB(3))
		fail("%ld KiB after map", my_locked());
	if (dma_unmap(container, IOVA, 3 * PAGE) != 3 * PAGE || my_locked())
		fail("%ld KiB in the end", my_locked());
	_exit(0);
}

__attribute__((constructor)) static void start(void)
{
	const char *container = getenv(AFTER_EXEC);

	if (container)
		new_image(strtol(container, NULL, 10));
}

/* CVE-2023-53171: unmapping took from the new image what the old one had paid. */
TEST_F(mapping, r7_exec_between_map_and_unmap)
{
	char fd[16];
	int status;
	pid_t pid;

	snprintf(fd, sizeof(fd), "%d", self->fd);
	pid = fork();
	if (!pid) {
		char *mine = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		dma_map(self->fd, mine, IOVA, 4 * PAGE, DMA_RW);
		fcntl(self->fd, F_SETFD, 0);
		setenv(AFTER_EXEC, fd, 1);
		execl("/proc/self/exe", "new image", NULL);
		fail("exec: %s", strerror(errno));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(self->locked, my_locked());
	EXPECT_EQ(65535, dma_avail(self->fd));
}

/* ---- R18, R23: the end of the address space ------------------------------------ */

/* The last address that can be mapped. */
static uint64_t last_iova(int container)
{
	struct vfio_iommu_type1_info *info = iommu_info(container);
	const struct vfio_iommu_type1_info_cap_iova_range *cap;
	uint64_t last;

	cap = iommu_cap(info, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
	if (!cap)
		fail("no IOVA ranges");
	last = cap->iova_ranges[cap->nr_iovas - 1].end;
	free(info);
	return last;
}

/* CVE-2025-38688 and its like: iova + size is 2^64, which is no wrap. */
TEST_F(mapping, r18_ranges_that_end_with_the_last_byte)
{
	const uint64_t top = -PAGE, last = last_iova(self->fd) - PAGE + 1;
	const uint64_t reached = last == top ? PAGE : 2 * PAGE;

	EXPECT_EQ(last == top ? 0 : -EINVAL, __dma_map(self->fd, self->mem, top, PAGE, DMA_RW));
	EXPECT_EQ(last == top ? PAGE : 0, dma_unmap(self->fd, top, PAGE));

	dma_map(self->fd, self->mem, last, PAGE, DMA_RW);
	dma_map(self->fd, self->mem, last - PAGE, PAGE, DMA_RW);
	EXPECT_EQ(-EEXIST, __dma_map(self->fd, self->mem, last - PAGE, 2 * PAGE, DMA_RW));
	EXPECT_EQ(2 * PAGE, dma_unmap(self->fd, last - PAGE, 2 * PAGE));

	/* Two in one, and no half of it. */
	dma_map(self->fd, self->mem, last - PAGE, 2 * PAGE, DMA_RW);
	EXPECT_EQ(-EINVAL, __dma_unmap(self->fd, last, PAGE));
	EXPECT_EQ(-EINVAL, __dma_unmap(self->fd, last, -last));
	EXPECT_EQ(2 * PAGE, dma_unmap(self->fd, last - PAGE, -(last - PAGE)));

	/* Up to the page before the last, and from the second page to the last. */
	dma_map(self->fd, self->mem, last, PAGE, DMA_RW);
	dma_map(self->fd, self->mem, last - PAGE, PAGE, DMA_RW);
	EXPECT_EQ(reached, dma_unmap(self->fd, 0, -PAGE));
	EXPECT_EQ(2 * PAGE - reached, dma_unmap(self->fd, PAGE, -PAGE));
	dma_map(self->fd, self->mem, last, PAGE, DMA_RW);
	EXPECT_EQ(PAGE, __dma_unmap_flags(self->fd, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL));

	/* One more than that is a wrap. */
	EXPECT_EQ(-EOVERFLOW, __dma_map(self->fd, self->mem, top, 2 * PAGE, DMA_RW));
	EXPECT_EQ(-EOVERFLOW, __dma_map(self->fd, (void *)top, IOVA, 2 * PAGE, DMA_RW));
	EXPECT_EQ(-EOVERFLOW, __dma_unmap(self->fd, top, 2 * PAGE));
	EXPECT_EQ(-EOVERFLOW, __dma_unmap(self->fd, 2 * PAGE, -PAGE));
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, top, 0, DMA_RW));
	EXPECT_EQ(-EINVAL, __dma_unmap(self->fd, top, 0));
	EXPECT_EQ(-EINVAL, __dma_unmap_flags(self->fd, top, 0, VFIO_DMA_UNMAP_FLAG_ALL));
	EXPECT_EQ(-EINVAL, __dma_unmap_flags(self->fd, 0, -PAGE, VFIO_DMA_UNMAP_FLAG_ALL));
}

/*
 * The row is about drivers of mediated devices, which pin by number of pages;
 * nothing a program can do reaches that call. What it can do is name as many
 * pages, and begin where so many do not fit.
 */
TEST_F(mapping, r23_as_many_pages_as_an_int_holds)
{
	const uint64_t most = 0x7fffffff * PAGE, top = -PAGE, last = last_iova(self->fd);

	EXPECT_EQ(-EOVERFLOW, __dma_map(self->fd, self->mem, top, most, DMA_RW));
	EXPECT_EQ(-EOVERFLOW, __dma_map(self->fd, self->mem, -most + PAGE, most, DMA_RW));
	EXPECT_EQ(-EOVERFLOW, __dma_unmap(self->fd, top, most));
	EXPECT_EQ(0, __dma_unmap(self->fd, -most, most));
	/* No wrap of 64 bits, but no room either. */
	EXPECT_EQ(last == UINT64_MAX ? -EOVERFLOW : -EINVAL,
		  __dma_map(self->fd, self->mem, last + 1 - PAGE, most, DMA_RW));
	/* There is room, but not so much memory. */
	EXPECT_EQ(-EFAULT, __dma_map(self->fd, self->mem + (MEM_PAGES - 1) * PAGE,
				     last + 1 - most, most, DMA_RW));
	EXPECT_EQ(0, dma_unmap(self->fd, last + 1 - most, most));
	EXPECT_EQ(self->locked, my_locked());
	EXPECT_EQ(self->pinned, pinned_until(self->pinned));
}

/* ---- R19: page sizes of bitmaps ------------------------------------------------ */

/* CVE-2025-40293: a shift by a number that the program chooses. */
TEST_F(mapping, r19_odd_page_sizes_in_bitmap_calls)
{
	static const uint64_t sizes[] = {
		0, 1, 2, 3, 8, PAGE / 2, PAGE - 1, PAGE + 1, PAGE | 1ULL << 63, 2 * PAGE, 1 << 21,
		1ULL << 31, 1ULL << 32, 1ULL << 62, 1ULL << 63, 3ULL << 62, -PAGE, -1ULL,
	};
	/* Enough for any count of pages, enough for pages of the right size, and too small. */
	static const uint64_t bytes[] = { 16 * PAGE, 8, 7, 0 };
	char *bits = memory(16 * PAGE);
	size_t i, j, on;

	memset(bits, 0x5a, 16 * PAGE);
	dma_map(self->fd, self->mem, IOVA, 4 * PAGE, DMA_RW);
	for (on = 0; on < 2; on++) {
		ASSERT_EQ(0, __dirty_pages(self->fd, on ? START : STOP));
		/* C reports the shift by 64 to its log before it refuses page size 0. */
		for (i = !driver_is_rust(); i < ARRAY_SIZE(sizes); i++)
			for (j = 0; j < ARRAY_SIZE(bytes); j++) {
				struct vfio_bitmap odd = { sizes[i], bytes[j], (__u64 *)bits };

				EXPECT_EQ(-EINVAL, __dirty_bitmap(self->fd, IOVA, 4 * PAGE, odd)) {
					TH_LOG("page size %#lx, %lu bytes", sizes[i], bytes[j]);
				}
				EXPECT_EQ(-EINVAL, __dma_unmap_bitmap(self->fd, IOVA, 4 * PAGE, odd)) {
					TH_LOG("page size %#lx, %lu bytes", sizes[i], bytes[j]);
				}
			}
	}
	EXPECT_TRUE(is_all(bits, 16 * PAGE, 0x5a));
	/* Every refusal left the mapping whole. */
	EXPECT_EQ(4 * PAGE, __dma_unmap_bitmap(self->fd, IOVA, 4 * PAGE,
					       (struct vfio_bitmap){ PAGE, 8, (__u64 *)bits }));
	EXPECT_EQ(0xf, *(uint64_t *)bits);
	EXPECT_TRUE(is_all(bits + 8, PAGE, 0x5a));
}

/* ---- R28: memory of odd kinds -------------------------------------------------- */

/* "Unpin zero pages", "check pfn valid": what is no page of the program's own. */
TEST_F(mapping, r28_zero_pages_and_device_memory)
{
	const uint32_t read_only = VFIO_DMA_MAP_FLAG_READ;
	void *bar = region_map(self->vfio.device, VFIO_PCI_BAR0_REGION_INDEX);
	char *zeros = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *constant = mmap(NULL, 8 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile char sum = 0;
	int i, fd;

	/* Never touched; and read before, so that the zero page is there. */
	for (i = 0; i < 4; i++)
		sum += zeros[i * PAGE] + constant[i * PAGE];
	for (i = 0; i < 3; i++) {
		dma_map(self->fd, zeros, IOVA, 8 * PAGE, read_only);
		dma_map(self->fd, constant, 2 * IOVA, 8 * PAGE, read_only);
		EXPECT_EQ(self->locked + KB(16), my_locked());
		EXPECT_EQ(self->pinned + 16, pinned_until(self->pinned + 16));
		EXPECT_EQ(8 * PAGE, dma_unmap(self->fd, IOVA, 8 * PAGE));
		EXPECT_EQ(8 * PAGE, dma_unmap(self->fd, 2 * IOVA, 8 * PAGE));
		EXPECT_EQ(self->locked, my_locked());
		EXPECT_EQ(self->pinned, pinned_until(self->pinned));
	}

	pci_command(self->vfio.device, 2, 0);
	dma_map(self->fd, bar, IOVA, BAR, DMA_RW);
	EXPECT_EQ(self->locked, my_locked());
	EXPECT_EQ(self->pinned, pinned_until(self->pinned));
	EXPECT_EQ(BAR, dma_unmap(self->fd, IOVA, BAR));

	/* The machine's firmware: addresses without pages that anybody may free. */
	fd = open("/dev/mem", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		void *rom = mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, fd, 0xf0000);

		if (rom != MAP_FAILED) {
			EXPECT_EQ(0, __dma_map(self->fd, rom, IOVA, 4 * PAGE, read_only));
			EXPECT_EQ(4 * PAGE, dma_unmap(self->fd, IOVA, 4 * PAGE));
			EXPECT_EQ(-EFAULT, __dma_map(self->fd, rom, IOVA, 4 * PAGE, DMA_RW));
		} else {
			TH_LOG("no map of /dev/mem: %s", strerror(errno));
		}
		close(fd);
	}
	munmap(bar, BAR);
}

TEST_HARNESS_MAIN
