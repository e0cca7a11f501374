// SPDX-License-Identifier: GPL-2.0-only
/* Small mappings: what a single map and a single unmap cost, also beside many others. */
#include "bench.h"

/* As many requests make a sample: their median, so that interrupts do not count. */
#define BATCH	64

#define MANY	30000

/* A hole after each mapping, so that none can be joined with its neighbour. */
static uint64_t place(unsigned int i, size_t size)
{
	return IOVA_BASE + 2 * i * size;
}

static void batch(struct target *target, const struct memory *mem, unsigned int first, size_t size,
		  const char *name)
{
	const struct backend *backend = target->column->backend;
	uint64_t mapping[BATCH], unmapping[BATCH], start;
	unsigned int i;

	for (i = 0; i < BATCH; i++) {
		start = now_ns();
		backend->map(target, mem, 0, place(first + i, size), size);
		mapping[i] = now_ns() - start;
	}
	for (i = 0; i < BATCH; i++) {
		start = now_ns();
		backend->unmap(target, place(first + i, size), size);
		unmapping[i] = now_ns() - start;
	}
	report(target->column, median(mapping, BATCH), "map.%s.ns", name);
	report(target->column, median(unmapping, BATCH), "unmap.%s.ns", name);
}

/* The others lie on both sides of the place where mappings come and go. */
static void beside(struct target *target, const struct memory *mem, unsigned int others,
		   const char *name)
{
	const struct backend *backend = target->column->backend;
	unsigned int i;

	for (i = 0; i < others; i++)
		backend->map(target, mem, 0, place(i < others / 2 ? i : i + BATCH, PAGE), PAGE);
	batch(target, mem, others / 2, PAGE, name);
	for (i = 0; i < others; i++)
		backend->unmap(target, place(i < others / 2 ? i : i + BATCH, PAGE), PAGE);
}

static void few(struct target *target, const struct memory *mem)
{
	beside(target, mem, 0, "page");
}

static void thousand(struct target *target, const struct memory *mem)
{
	beside(target, mem, 1000, "page-of-1000");
}

static void many(struct target *target, const struct memory *mem)
{
	beside(target, mem, MANY, "page-of-30000");
}

/* Far from the request before, so that neither order nor neighbourhood helps. */
static unsigned int elsewhere(unsigned int i)
{
	return i * 7919 % MANY;
}

/* Pages go all over the place, and come back in another order. */
static void scattered(struct target *target, const struct memory *mem)
{
	const struct backend *backend = target->column->backend;
	uint64_t mapping[BATCH], unmapping[BATCH], start;
	unsigned int i, at;

	for (i = 0; i < MANY; i++)
		backend->map(target, mem, i * PAGE % MIB, place(i, PAGE), PAGE);
	for (i = 0; i < BATCH; i++) {
		start = now_ns();
		backend->unmap(target, place(elsewhere(i), PAGE), PAGE);
		unmapping[i] = now_ns() - start;
	}
	for (i = 0; i < BATCH; i++) {
		at = elsewhere(i * 23 % BATCH);
		start = now_ns();
		backend->map(target, mem, at * PAGE % MIB, place(at, PAGE), PAGE);
		mapping[i] = now_ns() - start;
	}
	for (i = 0; i < MANY; i++)
		backend->unmap(target, place(i, PAGE), PAGE);
	report(target->column, median(mapping, BATCH), "map.page-scattered.ns");
	report(target->column, median(unmapping, BATCH), "unmap.page-scattered.ns");
}

static void small(struct target *target, const struct memory *mem)
{
	batch(target, mem, 0, 64 * KIB, "64k");
	batch(target, mem, 0, 2 * MIB, "2mib");
}

const struct group latency_groups[] = {
	{ .name = "page", .about = "map and unmap one page", .kind = "4k", .memory = MIB,
	  .sample = few },
	{ .name = "page-1000", .about = "the same beside 1000 mappings", .kind = "4k",
	  .memory = MIB, .sample = thousand },
	{ .name = "page-30000", .about = "the same beside 30000 mappings", .kind = "4k",
	  .memory = MIB, .most = 2, .sample = many },
	{ .name = "page-scattered", .about = "the same, each time elsewhere among 30000 mappings",
	  .kind = "4k", .memory = MIB, .most = 2, .sample = scattered },
	{ .name = "small", .about = "map and unmap 64 KiB and 2 MiB of a huge page", .kind = "thp",
	  .memory = 2 * MIB, .sample = small },
	{}
};
