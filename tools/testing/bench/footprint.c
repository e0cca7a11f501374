// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel memory that mappings cost beside the IOMMU's page tables: slab and vmalloc,
 * from /proc/meminfo, and what the process is charged for it, from its cgroup.
 */
#include "bench.h"

#define PAGES	50000

struct usage {
	long long kernel;	/* bytes in use */
	long long charged;	/* bytes charged to this process, or -1 */
};

static long long field(const char *path, const char *name, long long missing)
{
	FILE *file = fopen(path, "re");
	long long value = missing;
	size_t len = strlen(name);
	char line[256];

	if (!file)
		return missing;
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, len)) {
			value = atoll(line + len);
			break;
		}
	}
	fclose(file);
	return value;
}

long long kernel_bytes(void)
{
	/* Otherwise the processors' own counts are added up only now and then. */
	__write_text("/proc/sys/vm/stat_refresh", "1");
	return 1024 * (field("/proc/meminfo", "SUnreclaim:", 0) +
		       field("/proc/meminfo", "VmallocUsed:", 0));
}

static struct usage usage_now(void)
{
	struct usage usage;

	usage.kernel = kernel_bytes();
	usage.charged = field(CGROUP "/memory.stat", "kernel ", -1);
	if (usage.charged >= 0)
		usage.charged -= field(CGROUP "/memory.stat", "sec_pagetables ", 0) +
				 field(CGROUP "/memory.stat", "pagetables ", 0);
	return usage;
}

static void report_usage(struct target *target, const struct usage *before, double things,
			 const char *name)
{
	struct usage after = usage_now();

	report(target->column, (after.kernel - before->kernel) / things, "memory.%s.bytes", name);
	if (before->charged >= 0)
		report(target->column, (after.charged - before->charged) / things,
		       "memory.%s.charged", name);
}

static void pages(struct target *target, const struct memory *mem)
{
	const struct backend *backend = target->column->backend;
	struct usage before;
	unsigned int i;

	before = usage_now();
	for (i = 0; i < PAGES; i++)
		backend->map(target, mem, 0, IOVA_BASE + 2 * i * PAGE, PAGE);
	report_usage(target, &before, PAGES, "mapping");
	for (i = 0; i < PAGES; i++)
		backend->unmap(target, IOVA_BASE + 2 * i * PAGE, PAGE);
}

/* One mapping whose pages lie far apart. */
static void scattered(struct target *target, const struct memory *mem)
{
	const struct backend *backend = target->column->backend;
	struct usage before;

	before = usage_now();
	backend->map(target, mem, 0, IOVA_BASE, mem->size);
	report_usage(target, &before, mem->size / PAGE, "extent");
	backend->unmap(target, IOVA_BASE, mem->size);
}

const struct group footprint_groups[] = {
	{ .name = "memory-pages", .about = "kernel memory of 50000 mappings of one page",
	  .kind = "4k", .memory = MIB, .most = 2, .sample = pages },
	{ .name = "memory-frag", .about = "kernel memory of one scattered mapping",
	  .kind = "frag", .memory = 256 * MIB, .most = 2, .sample = scattered },
	{}
};
