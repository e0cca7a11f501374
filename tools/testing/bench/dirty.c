// SPDX-License-Identifier: GPL-2.0-only
/* Bitmaps of written pages, as migration reads them: of one big mapping. */
#include <sys/mman.h>

#include "bench.h"

size_t dirty_size = TIB;
static void *bits;
static struct memory big;

static long long vmalloc_kb(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	long long kb = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "VmallocUsed: %lld kB", &kb);
	if (file)
		fclose(file);
	return kb;
}

static void begin(struct target *target, const struct memory *mem)
{
	const struct backend *backend = target->column->backend;
	size_t bytes = dirty_size / PAGE / 8;
	uint64_t start;

	if (!backend->dirty_start)
		return;
	if (!bits) {
		memory_repeat(&big, mem, dirty_size);
		bits = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		if (bits == MAP_FAILED)
			fail("no memory for a bitmap");
	}
	start = now_ns();
	backend->map(target, &big, 0, IOVA_BASE, dirty_size);
	printf("# %llu GiB mapped in %llu ms\n", dirty_size / GIB,
	       (unsigned long long)(now_ns() - start) / 1000000);
}

static void sample(struct target *target, const struct memory *mem)
{
	const struct backend *backend = target->column->backend;
	long long before = vmalloc_kb();
	uint64_t start = now_ns(), got;

	if (!backend->dirty_start)
		return;
	backend->dirty_start(target);
	report(target->column, now_ns() - start, "dirty.start.ns");
	start = now_ns();
	backend->dirty_get(target, IOVA_BASE, dirty_size, bits);
	got = now_ns();
	report(target->column, got - start, "dirty.get.ns");
	report(target->column, vmalloc_kb() - before, "dirty.kernel.kib");
	if (!is_all(bits, 64, 0xff))
		fail("the bitmap is not full");
	start = now_ns();
	backend->dirty_stop(target);
	report(target->column, now_ns() - start, "dirty.stop.ns");
}

const struct group dirty_groups[] = {
	{ .name = "dirty", .about = "bitmap of 1 TiB of addresses", .kind = "1g",
	  .memory = GIB, .begin = begin, .sample = sample },
	{}
};
