// SPDX-License-Identifier: GPL-2.0-only
/* See vfio_stress.h. */
#include <getopt.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "vfio_stress.h"
#include "vfio_test.h"

#define EVERY	10	/* seconds between lines of progress */

unsigned long stress_seed = 1;
unsigned long stress_seconds = 600;

static const char *run_name;

/* Shared by all processes. */
static struct {
	atomic_bool stop;
	atomic_int failures;
	char why[256];		/* of the first failure */
	atomic_long steps[STRESS_WORKERS];
} *run;

const char *stress_begin(const char *name, const char *usage, int argc, char **argv)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 't' },
		{ "seed", required_argument, NULL, 's' },
		{ 0 },
	};
	int option;

	run_name = name;
	run = memory(sizeof(*run));
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 't':
			stress_seconds = strtoul(optarg, NULL, 0);
			break;
		case 's':
			stress_seed = strtoul(optarg, NULL, 0);
			break;
		default:
			fprintf(stderr, "usage: %s\n", usage);
			exit(2);
		}
	}
	return argv[optind];
}

void stress_step(unsigned int worker)
{
	atomic_fetch_add(&run->steps[worker], 1);
}

void broken(const char *fmt, ...)
{
	va_list list;

	if (!atomic_fetch_add(&run->failures, 1)) {
		va_start(list, fmt);
		vsnprintf(run->why, sizeof(run->why), fmt, list);
		va_end(list);
	}
	atomic_store(&run->stop, true);
}

bool is_broken(void)
{
	return atomic_load(&run->failures);
}

bool stopped(void)
{
	return atomic_load(&run->stop);
}

static void check_steps(unsigned int workers, double now)
{
	static double moved[STRESS_WORKERS];
	static long last[STRESS_WORKERS];
	unsigned int i;

	for (i = 0; i < workers; i++) {
		long steps = atomic_load(&run->steps[i]);

		if (steps != last[i])
			moved[i] = now;
		else if (now - moved[i] > STRESS_STUCK)
			broken("worker %u is stuck", i);
		last[i] = steps;
	}
}

unsigned long stress_watch(unsigned int workers, void (*show)(unsigned long now))
{
	double begin = seconds(), now = 0;
	unsigned long shown = 0;

	while (!stopped() && now < stress_seconds) {
		sleep(1);
		now = seconds() - begin;
		check_steps(workers, now);
		if (now < shown + EVERY)
			continue;
		shown = now;
		show(shown);
		fflush(stdout);
	}
	atomic_store(&run->stop, true);
	return now;
}

int stress_verdict(const char *how)
{
	if (is_broken()) {
		printf("%s: FAILED, seed %lu: %s\n", run_name, stress_seed, run->why);
		return 1;
	}
	printf("%s: passed, seed %lu%s\n", run_name, stress_seed, how);
	return 0;
}
