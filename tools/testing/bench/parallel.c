// SPDX-License-Identifier: GPL-2.0-only
/*
 * What needs two processors: threads that map and unmap side by side, and a question
 * that is asked while another thread maps.
 *
 * Here real time is measured, on a host that may be busy. So each sample comes with a
 * control: the same with threads that only compute.
 */
#include <pthread.h>

#include "bench.h"

#define PART	(256 * MIB)
#define SLICE_NS	250000000ULL
#define SLICES		5

struct worker {
	pthread_t thread;
	struct target *target;		/* NULL: only compute */
	const struct memory *mem;
	unsigned int nth;
	pthread_barrier_t *start;
	double rate;			/* rounds a second */
};

static void compute(void)
{
	volatile unsigned int i;

	for (i = 0; i < 1000000; i++)
		;
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct target *target = worker->target;
	uint64_t start, now;
	unsigned int done = 0;

	pthread_barrier_wait(worker->start);
	start = now_ns();
	do {
		if (target) {
			const struct backend *backend = target->column->backend;
			uint64_t iova = IOVA_BASE + worker->nth * GIB;

			backend->map(target, worker->mem, worker->nth * PART, iova, PART);
			backend->unmap(target, iova, PART);
		} else {
			compute();
		}
		done++;
		now = now_ns();
	} while (now - start < SLICE_NS);
	worker->rate = done * 1e9 / (now - start);
	return NULL;
}

/* Rounds a second of all threads together. */
static double throughput(struct target *target, const struct memory *mem, unsigned int threads)
{
	pthread_barrier_t start;
	struct worker workers[2];
	double sum = 0;
	unsigned int i;

	pthread_barrier_init(&start, NULL, threads);
	for (i = 0; i < threads; i++) {
		workers[i] = (struct worker){ .target = target, .mem = mem, .nth = i,
					      .start = &start };
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			fail("no thread");
	}
	for (i = 0; i < threads; i++) {
		pthread_join(workers[i].thread, NULL);
		sum += workers[i].rate;
	}
	pthread_barrier_destroy(&start);
	return sum;
}

/*
 * One thread, two, and both without any requests, in short turns: when the host has other
 * work, all of them suffer alike.
 */
static void threads(struct target *target, const struct memory *mem)
{
	double one = 0, two = 0, control_one = 0, control_two = 0;
	unsigned int i;

	for (i = 0; i < SLICES; i++) {
		one += throughput(target, mem, 1) / SLICES;
		two += throughput(target, mem, 2) / SLICES;
		control_one += throughput(NULL, NULL, 1);
		control_two += throughput(NULL, NULL, 2);
	}
	report(target->column, one, "threads.%s.one", mem->kind);
	report(target->column, two, "threads.%s.two", mem->kind);
	report(target->column, two / one, "threads.%s.speedup", mem->kind);
	report(target->column, control_two / control_one, "threads.%s.control", mem->kind);
	report(target->column, two / one / (control_two / control_one), "threads.%s.scaled",
	       mem->kind);
}

/* ---- A question while another thread maps ---------------------------------- */

struct mapper {
	struct target *target;
	const struct memory *mem;
	uint64_t ns;
	bool done;
};

static void *map_all(void *arg)
{
	struct mapper *mapper = arg;
	const struct backend *backend = mapper->target->column->backend;
	uint64_t start = now_ns();

	backend->map(mapper->target, mapper->mem, 0, IOVA_BASE, mapper->mem->size);
	mapper->ns = now_ns() - start;
	__atomic_store_n(&mapper->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* The longest time between two looks at the clock, in as many turns. */
static uint64_t longest_pause(unsigned int turns)
{
	uint64_t longest = 0, last = now_ns();

	while (turns--) {
		uint64_t now;

		usleep(100);
		last = now_ns();
		getppid();
		now = now_ns();
		if (now - last > longest)
			longest = now - last;
	}
	return longest;
}

static void info(struct target *target, const struct memory *once)
{
	const struct backend *backend = target->column->backend;
	struct mapper mapper = { .target = target };
	uint64_t longest = 0;
	unsigned int asked = 0;
	struct memory mem;
	pthread_t thread;

	/* One request cannot map a file again and again. */
	if (backend->needs_file)
		return;
	memory_repeat(&mem, once, 4 * GIB);
	mapper.mem = &mem;
	if (pthread_create(&thread, NULL, map_all, &mapper))
		fail("no thread");
	while (!__atomic_load_n(&mapper.done, __ATOMIC_ACQUIRE)) {
		uint64_t start, took;

		usleep(100);
		start = now_ns();
		backend->info(target);
		took = now_ns() - start;
		if (took > longest)
			longest = took;
		asked++;
	}
	pthread_join(thread, NULL);
	backend->unmap(target, IOVA_BASE, mem.size);
	report(target->column, longest, "info.%s.longest.ns", once->kind);
	report(target->column, mapper.ns, "info.%s.map.ns", once->kind);
	report(target->column, longest_pause(asked + 10), "info.%s.control.ns", once->kind);
	memory_free(&mem);
}

#define THREADS(kind_) \
	{ .name = "threads-" kind_, .about = "two threads map and unmap, against one", \
	  .kind = kind_, .parallel = true, .memory = 2 * PART, .sample = threads }
#define INFO(kind_) \
	{ .name = "info-" kind_, .about = "GET_INFO while a thread maps 4 GiB", \
	  .kind = kind_, .parallel = true, .memory = GIB, .sample = info }

const struct group parallel_groups[] = {
	THREADS("2m"), THREADS("4k"), INFO("1g"), INFO("shm"), {},
};
