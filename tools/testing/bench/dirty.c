// SPDX-License-Identifier: GPL-2.0-only
/* Bitmaps of written pages, as migration reads them: of one big mapping. */
#include <sys/mman.h>

#include "bench.h"

/*
 * C takes longest to unmap it: minutes for each TiB under emulation. What is measured
 * grows with the size, so less will do.
 */
#define SIZE	(64 * GIB)

static void *bits;
static struct memory big;

static void begin(struct target *target, const struct memory *mem)
{
	const struct backend *backend = target->column->backend;
	size_t bytes = SIZE / PAGE / 8;
	uint64_t start;

	if (!backend->dirty_start)
		return;
	if (!bits) {
		memory_repeat(&big, mem, SIZE);
		bits = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		if (bits == MAP_FAILED)
			fail("no memory for a bitmap");
	}
	start = now_ns();
	backend->map(target, &big, 0, IOVA_BASE, SIZE);
	printf("# %llu GiB mapped in %llu ms\n", SIZE / GIB,
	       (unsigned long long)(now_ns() - start) / 1000000);
}

static void sample(struct target *target, const struct memory *mem)
{
	const struct backend *backend = target->column->backend;
	long long before = kernel_bytes();
	uint64_t start, got;

	if (!backend->dirty_start)
		return;
	start = now_ns();
	backend->dirty_start(target);
	report(target->column, now_ns() - start, "dirty.start.ns");
	start = now_ns();
	backend->dirty_get(target, IOVA_BASE, SIZE, bits);
	got = now_ns();
	report(target->column, got - start, "dirty.get.ns");
	report(target->column, (kernel_bytes() - before) / 1024.0, "dirty.kernel.kib");
	if (!is_all(bits, 64, 0xff))
		fail("the bitmap is not full");
	start = now_ns();
	backend->dirty_stop(target);
	report(target->column, now_ns() - start, "dirty.stop.ns");
}

const struct group dirty_groups[] = {
	{ .name = "dirty", .about = "bitmap of 64 GiB of addresses", .kind = "1g",
	  .memory = GIB, .turns = 1, .begin = begin, .sample = sample },
	{}
};
