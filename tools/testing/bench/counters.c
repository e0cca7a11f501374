// SPDX-License-Identifier: GPL-2.0-only
/*
 * How often the kernel does what costs time: calls of its functions, through kprobes,
 * and trace events, counted by perf for the whole machine, so that work which is
 * handed to a worker counts as well.
 *
 * A counter is the sum of several functions, because implementations choose among
 * them. What a kernel does not have is left out.
 *
 * An open event keeps its probe in the code, and each call pays for it even while
 * nothing is counted. So events are open between start and stop only.
 */
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "bench.h"

#define TRACING	"/sys/kernel/tracing"

struct counter {
	const char *name;
	const char *events[8];	/* functions; with a slash: trace events */
	const char *filter;	/* with our cgroup's number in it */
	int ids[8];		/* of those events that this kernel has */
	unsigned int id_count;
	int fds[64];
	unsigned int count;
};

static struct counter counters[] = {
	{ .name = "gup",
	  .events = { "pin_user_pages_remote", "pin_user_pages_fast", "pin_user_pages",
		      "memfd_pin_folios" } },
	{ .name = "iommu_map",
	  .events = { "iommu_map", "iommu_map_sg" } },
	{ .name = "iommu_unmap",
	  .events = { "iommu_unmap", "iommu_unmap_fast" } },
	{ .name = "iova_to_phys",
	  .events = { "iommu_iova_to_phys" } },
	{ .name = "invalidations",	/* messages to an Intel IOMMU */
	  .events = { "qi_submit_sync" } },
	{ .name = "unpin",
	  .events = { "unpin_user_page_range_dirty_lock", "unpin_user_pages_dirty_lock",
		      "unpin_user_pages", "unpin_folios", "unpin_user_folio" } },
	{ .name = "mmap_write",
	  .events = { "mmap_lock/mmap_lock_start_locking" },
	  .filter = "write == 1 && memcg_id == %llu" },
};

static int event_id(const char *name)
{
	char path[128], text[32];

	if (strchr(name, '/')) {
		snprintf(path, sizeof(path), TRACING "/events/%s/id", name);
	} else {
		char probe[128];

		snprintf(path, sizeof(path), TRACING "/events/vfio_bench/%s/id", name);
		snprintf(probe, sizeof(probe), "p:vfio_bench/%s %s", name, name);
		if (access(path, F_OK) && __write_text(TRACING "/kprobe_events", probe))
			return -1;
	}
	if (__read_text(path, text, sizeof(text)))
		return -1;
	return atoi(text);
}

/* Opens one event on every processor. */
static bool open_event(struct counter *counter, int id)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = id,
		.disabled = 1,
	};
	char filter[64] = "";
	int cpu, fd;

	if (counter->filter)
		snprintf(filter, sizeof(filter), counter->filter, cgroup_id);
	for (cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN); cpu++) {
		fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
		if (fd < 0)
			return false;
		if (filter[0] && ioctl(fd, PERF_EVENT_IOC_SET_FILTER, filter))
			fail("filter '%s': %s", filter, strerror(errno));
		if (counter->count == ARRAY_SIZE(counter->fds))
			fail("too many events");
		counter->fds[counter->count++] = fd;
	}
	return true;
}

static void close_events(struct counter *counter)
{
	while (counter->count)
		close(counter->fds[--counter->count]);
}

void counters_find(void)
{
	struct counter *counter;
	unsigned int j;
	int id;

	for (counter = counters; counter < counters + ARRAY_SIZE(counters); counter++) {
		for (j = 0; counter->events[j]; j++) {
			id = event_id(counter->events[j]);
			if (id >= 0 && open_event(counter, id))
				counter->ids[counter->id_count++] = id;
			else
				printf("# this kernel does not count %s: %s\n",
				       counter->events[j], strerror(errno));
			close_events(counter);
		}
	}
}

static void all(unsigned long request)
{
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(counters); i++)
		for (j = 0; j < counters[i].count; j++)
			if (ioctl(counters[i].fds[j], request, 0))
				fail("counter %s: %s", counters[i].name, strerror(errno));
}

void counters_start(void)
{
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(counters); i++)
		for (j = 0; j < counters[i].id_count; j++)
			if (!open_event(&counters[i], counters[i].ids[j]))
				fail("counter %s: %s", counters[i].name, strerror(errno));
	all(PERF_EVENT_IOC_ENABLE);
}

void counters_stop(const struct column *column, const char *prefix)
{
	unsigned int i, j;

	all(PERF_EVENT_IOC_DISABLE);
	for (i = 0; i < ARRAY_SIZE(counters); i++) {
		uint64_t sum = 0, value;

		for (j = 0; j < counters[i].count; j++) {
			if (read(counters[i].fds[j], &value, sizeof(value)) != sizeof(value))
				fail("reading counter %s: %s", counters[i].name, strerror(errno));
			sum += value;
		}
		close_events(&counters[i]);
		if (counters[i].id_count)
			report(column, sum, "%s.%s", prefix, counters[i].name);
	}
}
