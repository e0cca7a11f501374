// SPDX-License-Identifier: GPL-2.0-only
/* Mapping and unmapping much memory with one request: how long, and how often what. */
#include "bench.h"

/* Also warms up: the samples that follow find the page tables' caches filled. */
static void count(struct target *target, const struct memory *mem)
{
	const struct backend *backend = target->column->backend;
	char prefix[32];

	counters_start();
	backend->map(target, mem, 0, IOVA_BASE, mem->size);
	snprintf(prefix, sizeof(prefix), "map.%s", mem->kind);
	counters_stop(target->column, prefix);

	counters_start();
	backend->unmap(target, IOVA_BASE, mem->size);
	snprintf(prefix, sizeof(prefix), "unmap.%s", mem->kind);
	counters_stop(target->column, prefix);
}

static void sample(struct target *target, const struct memory *mem)
{
	const struct backend *backend = target->column->backend;
	uint64_t start = now_ns(), mapped, unmapped;

	backend->map(target, mem, 0, IOVA_BASE, mem->size);
	mapped = now_ns();
	backend->unmap(target, IOVA_BASE, mem->size);
	unmapped = now_ns();
	report(target->column, mapped - start, "map.%s.ns", mem->kind);
	report(target->column, unmapped - mapped, "unmap.%s.ns", mem->kind);
}

#define BULK(kind_) \
	{ .name = "bulk-" kind_, .about = "map and unmap all of it at once", .kind = kind_, \
	  .begin = count, .sample = sample }

const struct group bulk_groups[] = {
	BULK("1g"), BULK("2m"), BULK("thp"), BULK("4k"), BULK("frag"), BULK("shm"),
	{},
};
