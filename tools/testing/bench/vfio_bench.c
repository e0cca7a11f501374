// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_bench: how long mapping memory for DMA takes, by which implementation.
 *
 *	vfio_bench [options] COLUMN=BACKEND...
 *
 * Runs in a guest, as root, with an edu device. "bench.h" says what columns, groups and
 * samples are; tools/testing/bench/run starts it and makes a table of what it prints.
 */
#include <fnmatch.h>
#include <getopt.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "bench.h"

static const struct backend *const backends[] = {
	&type1_backend, &spapr_backend, &iommufd_backend, &iommufd_file_backend,
};

static const struct group *const all_groups[] = {
	bulk_groups, latency_groups, footprint_groups, dirty_groups, device_groups,
	register_groups, call_groups, spapr_groups, parallel_groups,
};

static struct column columns[8];
static unsigned int column_count;
static unsigned int rounds = 6, passes = 2;
static const char *patterns[32] = { "*" };
static bool parallel;
static bool count_only, list_only;
static const char *selector;
static char device[BDF_LEN];
size_t bulk_size = GIB;
unsigned long long cgroup_id;

void report(const struct column *column, double value, const char *format, ...)
{
	char name[64];
	va_list args;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	printf("%s %s %.10g\n", column->name, name, value);
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

uint64_t median(uint64_t *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

static bool wanted(const struct group *group)
{
	unsigned int i;

	if (group->parallel != parallel)
		return false;
	for (i = 0; i < ARRAY_SIZE(patterns) && patterns[i]; i++)
		if (!fnmatch(patterns[i], group->name, 0))
			return true;
	return false;
}

/* Puts the modules of a column in place of those of the one before. */
static void select_column(const struct column *column)
{
	static const struct column *current;
	char command[512];

	if (!selector || column == current)
		return;
	snprintf(command, sizeof(command), "%s %s", selector, column->name);
	if (system(command))
		fail("'%s' failed", command);
	current = column;
}

/*
 * One turn of a column: some samples of one group, after what the group does before them.
 * What is printed stays here until the turn has ended: who reads it takes the processor.
 */
static void take(const struct group *group, const struct column *column, const struct memory *mem,
		 unsigned int samples)
{
	struct target target = { .column = column };

	if (column->backend->needs_file && mem->fd < 0)
		return;
	select_column(column);
	/* Whatever was set off so far has its time now. */
	usleep(500000);
	column->backend->open(&target, device);
	if (group->begin)
		group->begin(&target, mem);
	while (!count_only && samples--) {
		usleep(20000);
		group->sample(&target, mem);
	}
	if (group->end)
		group->end(&target, mem);
	column->backend->close(&target);
	fflush(stdout);
}

/* A, B, A, B: what drifts during the run does not favour one column. */
static void measure(const struct group *group)
{
	unsigned int turns = group->turns ?: passes, samples = (rounds + turns - 1) / turns, i, j;
	uint64_t start = now_ns();
	struct memory mem = { .fd = -1 };

	printf("# group %s: %s\n", group->name, group->about);
	if (group->most && group->most < samples * turns)
		samples = (group->most + turns - 1) / turns;
	if (group->kind && !memory_make(&mem, group->kind, group->memory ?: bulk_size))
		return;
	for (i = 0; i < turns; i++)
		for (j = 0; j < column_count; j++)
			take(group, &columns[j], &mem, samples);
	memory_free(&mem);
	printf("# group %s took %.1f s of the guest's time\n", group->name,
	       (now_ns() - start) / 1e9);
	fflush(stdout);
}

static void enter_cgroup(void)
{
	struct stat stat_buf;
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	if (__write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory") ||
	    (mkdir(CGROUP, 0755) && errno != EEXIST) ||
	    __write_text(CGROUP "/cgroup.procs", pid) || stat(CGROUP, &stat_buf))
		printf("# no cgroup of our own: some counts and sizes are not known\n");
	else
		cgroup_id = stat_buf.st_ino;
}

/*
 * On one processor whatever else runs would be counted as ours. As a real-time task we wait
 * for nobody, except for what a request hands to others and waits for itself.
 */
static void go_first(void)
{
	const struct sched_param first = { .sched_priority = 1 };

	__write_text("/proc/sys/kernel/sched_rt_runtime_us", "-1");
	__write_text("/sys/kernel/debug/sched/fair_server/cpu0/runtime", "0");
	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first))
		fail("real-time scheduling: %s", strerror(errno));
}

/* Calls @do_it for the groups that were asked for. */
static void each_group(void (*do_it)(const struct group *group))
{
	const struct group *group;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all_groups); i++)
		for (group = all_groups[i]; group->name; group++)
			if (wanted(group))
				do_it(group);
}

static void list(const struct group *group)
{
	printf("%-14s %s\n", group->name, group->about);
}

static void add_column(char *text)
{
	char *equals = strchr(text, '=');
	unsigned int i;

	if (!equals)
		fail("a column is NAME=BACKEND, not '%s'", text);
	*equals = '\0';
	for (i = 0; i < ARRAY_SIZE(backends); i++) {
		if (strcmp(backends[i]->name, equals + 1))
			continue;
		if (column_count == ARRAY_SIZE(columns))
			fail("too many columns");
		columns[column_count++] = (struct column){ text, backends[i] };
		return;
	}
	fail("no backend '%s'", equals + 1);
}

static void split_patterns(char *text)
{
	unsigned int i = 0;
	char *word;

	for (word = strtok(text, ", "); word; word = strtok(NULL, ", ")) {
		if (i == ARRAY_SIZE(patterns))
			fail("too many patterns");
		patterns[i++] = word;
	}
}

static void usage(void)
{
	puts("usage: vfio_bench [options] COLUMN=BACKEND...\n"
	     "  --list         name the groups of measures that would run\n"
	     "  --only A,B     these groups; shell patterns\n"
	     "  --rounds N     samples of each (6)\n"
	     "  --passes N     times that the columns take turns (2)\n"
	     "  --size MIB     mapped at once (1024)\n"
	     "  --parallel     the groups that need two processors, instead of the others\n"
	     "  --count        only count what the kernel does, take no time\n"
	     "  --select PROG  run 'PROG COLUMN' before a column is measured");
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "list", no_argument, NULL, 'l' },
		{ "only", required_argument, NULL, 'o' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "passes", required_argument, NULL, 'p' },
		{ "size", required_argument, NULL, 's' },
		{ "parallel", no_argument, NULL, 'P' },
		{ "count", no_argument, NULL, 'c' },
		{ "select", required_argument, NULL, 'S' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'l':
			list_only = true;
			break;
		case 'o':
			split_patterns(optarg);
			break;
		case 'r':
			rounds = atoi(optarg);
			break;
		case 'p':
			passes = atoi(optarg);
			break;
		case 's':
			bulk_size = strtoull(optarg, NULL, 10) * MIB;
			break;
		case 'P':
			parallel = true;
			break;
		case 'c':
			count_only = true;
			break;
		case 'S':
			selector = optarg;
			break;
		default:
			usage();
			exit(option == 'h' ? 0 : 2);
		}
	}
	if (list_only) {
		each_group(list);
		exit(0);
	}
	while (optind < argc)
		add_column(argv[optind++]);
	if (!column_count || !rounds || !passes || !bulk_size) {
		usage();
		exit(2);
	}
	if (passes > rounds)
		passes = rounds;
}

int main(int argc, char **argv)
{
	static char buffer[MIB];

	parse(argc, argv);
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	if (!pci_find_alone(ID_EDU, 0, device))
		fail("no edu device that is alone in its group");
	enter_cgroup();
	counters_find();
	if (!parallel)
		go_first();
	each_group(measure);
	return 0;
}
