// SPDX-License-Identifier: GPL-2.0-only
/* Memory of the kinds that matter for mapping it. */
#include <sys/mman.h>

#include "bench.h"

#ifndef MFD_HUGE_SHIFT
#define MFD_HUGE_SHIFT	26
#endif

static bool hugetlb(struct memory *mem, unsigned int shift)
{
	int prot = PROT_READ | PROT_WRITE;

	mem->fd = memfd_create("vfio_bench", MFD_CLOEXEC | MFD_HUGETLB | shift << MFD_HUGE_SHIFT);
	if (mem->fd < 0 || ftruncate(mem->fd, mem->size)) {
		printf("# no hugetlb memory of 2^%u: %s\n", shift, strerror(errno));
		return false;
	}
	mem->addr = mmap(NULL, mem->size, prot, MAP_SHARED | MAP_POPULATE, mem->fd, 0);
	if (mem->addr == MAP_FAILED) {
		printf("# too few hugetlb pages of 2^%u: %s\n", shift, strerror(errno));
		mem->addr = NULL;
		return false;
	}
	return true;
}

static void shared(struct memory *mem)
{
	mem->fd = memfd_create("vfio_bench", MFD_CLOEXEC);
	if (mem->fd < 0 || ftruncate(mem->fd, mem->size))
		fail("no shared memory: %s", strerror(errno));
	mem->addr = mmap(NULL, mem->size, PROT_READ | PROT_WRITE, MAP_SHARED, mem->fd, 0);
	if (mem->addr == MAP_FAILED)
		fail("mmap of %zu bytes: %s", mem->size, strerror(errno));
}

/* Anonymous memory at a multiple of 2 MiB, not yet touched. */
static void anonymous(struct memory *mem, int advice)
{
	size_t slack = 2 * MIB;
	char *all = mmap(NULL, mem->size + slack, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t before;

	if (all == MAP_FAILED)
		fail("mmap of %zu bytes: %s", mem->size, strerror(errno));
	before = -(uintptr_t)all % slack;
	if (before)
		munmap(all, before);
	munmap(all + before + mem->size, slack - before);
	mem->addr = all + before;
	if (madvise(mem->addr, mem->size, advice))
		fail("madvise: %s", strerror(errno));
}

static void populate(struct memory *mem)
{
	if (madvise(mem->addr, mem->size, MADV_POPULATE_WRITE))
		fail("populating %zu bytes: %s", mem->size, strerror(errno));
}

static size_t reverse_bits(size_t value, unsigned int bits)
{
	size_t out = 0;

	while (bits--) {
		out = out << 1 | (value & 1);
		value >>= 1;
	}
	return out;
}

/*
 * The kernel hands out pages that mostly follow each other. Touched in bit-reversed
 * order, pages that lie side by side here were given out half the memory apart.
 */
static void populate_scattered(struct memory *mem)
{
	size_t pages = mem->size / PAGE, i;
	unsigned int bits = __builtin_ctzll(pages);

	if (pages != 1ULL << bits)
		fail("%zu pages are not a power of two", pages);
	for (i = 0; i < pages; i++)
		mem->addr[reverse_bits(i, bits) * PAGE] = 1;
}

/* KiB of transparent huge pages in this process. */
static size_t huge_kb(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	char line[256];
	size_t kb = 0;

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		sscanf(line, "AnonHugePages: %zu kB", &kb);
	fclose(file);
	return kb;
}

bool memory_make(struct memory *mem, const char *kind, size_t size)
{
	uint64_t start = now_ns();

	*mem = (struct memory){ .kind = kind, .size = size, .fd = -1 };
	if (!strcmp(kind, "1g")) {
		if (!hugetlb(mem, 30))
			goto failed;
	} else if (!strcmp(kind, "2m")) {
		if (!hugetlb(mem, 21))
			goto failed;
	} else if (!strcmp(kind, "thp")) {
		anonymous(mem, MADV_HUGEPAGE);
		populate(mem);
		if (huge_kb() * KIB < size)
			printf("# thp: only %zu of %llu MiB are huge pages\n", huge_kb() / 1024,
			       size / MIB);
	} else if (!strcmp(kind, "shm")) {
		shared(mem);
		populate(mem);
	} else {
		anonymous(mem, MADV_NOHUGEPAGE);
		if (!strcmp(kind, "frag"))
			populate_scattered(mem);
		else
			populate(mem);
	}
	printf("# %llu MiB of kind %s made in %llu ms\n", size / MIB, kind,
	       (unsigned long long)(now_ns() - start) / 1000000);
	fflush(stdout);
	return true;
failed:
	memory_free(mem);
	return false;
}

void memory_free(struct memory *mem)
{
	if (mem->addr)
		munmap(mem->addr, mem->size);
	if (mem->fd >= 0)
		close(mem->fd);
	mem->addr = NULL;
	mem->fd = -1;
}

void memory_repeat(struct memory *mem, const struct memory *once, size_t size)
{
	int prot = PROT_READ | PROT_WRITE;
	size_t at;
	char *all;

	all = mmap(NULL, size + GIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (all == MAP_FAILED)
		fail("%zu bytes of addresses: %s", size, strerror(errno));
	all += -(uintptr_t)all % GIB;
	for (at = 0; at < size; at += once->size)
		if (mmap(all + at, once->size, prot, MAP_SHARED | MAP_FIXED | MAP_POPULATE,
			 once->fd, 0) == MAP_FAILED)
			fail("mapping memory once more: %s", strerror(errno));
	*mem = (struct memory){ .kind = once->kind, .addr = all, .size = size, .fd = -1 };
}
