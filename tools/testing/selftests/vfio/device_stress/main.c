// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_device_stress [--seconds N] [--seed N] [--lock FILE]: see stress.h. Runs as root in a
 * guest with any of edu (one or two of them below a bridge), igb, nvme, xhci
 * and VGA. FILE is locked by whoever unplugs one of them.
 *
 * A run with the same seed makes the same choices, but the processes meet in
 * other ways. Ends with a line that says passed or FAILED, and with 0 or 1.
 */
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "stress.h"

#define NAME	"device-fd"
#define STUCK	300	/* seconds without a step: longer than a busy host explains */
#define EVERY	10	/* seconds between lines */

struct shared *shared;

static unsigned long seed = 1;
static unsigned long duration = 600;
static pid_t children[WORKERS + HOSTS];

void broken(const char *fmt, ...)
{
	va_list list;

	if (!atomic_fetch_add(&shared->failures, 1)) {
		va_start(list, fmt);
		vsnprintf(shared->why, sizeof(shared->why), fmt, list);
		va_end(list);
	}
	atomic_store(&shared->stop, true);
}

/* ---- Progress --------------------------------------------------------------- */

static const char *const kind_names[KIND_COUNT] = {
#define ONE(name, text) text,
	KINDS(ONE)
#undef ONE
};

static void show_progress(unsigned long now)
{
	int i;

	printf(NAME ": %lu s of %lu, good/refused:", now, duration);
	for (i = 0; i < KIND_COUNT; i++)
		printf(" %s %ld/%ld%s", kind_names[i], atomic_load(&shared->good[i]),
		       atomic_load(&shared->bad[i]), i + 1 < KIND_COUNT ? "," : "\n");
	fflush(stdout);
}

static void check_alive(double now)
{
	static double moved[WORKERS + HOSTS];
	static long last[WORKERS + HOSTS];
	int i;

	for (i = 0; i < WORKERS + HOSTS; i++) {
		long steps = atomic_load(&shared->alive[i]);

		if (steps != last[i])
			moved[i] = now;
		else if (now - moved[i] > STUCK)
			broken("%s %d is stuck", i < WORKERS ? "worker" : "host process", i);
		last[i] = steps;
	}
}

static unsigned long watch(void)
{
	double begin = seconds(), now = 0;
	unsigned long shown = 0;

	while (!stopped() && now < duration) {
		sleep(1);
		now = seconds() - begin;
		check_alive(now);
		if (now < shown + EVERY)
			continue;
		shown = now;
		show_progress(shown);
	}
	atomic_store(&shared->stop, true);
	return now;
}

/* ---- Processes -------------------------------------------------------------- */

static void start(unsigned int number)
{
	uint64_t mine = (uint64_t)seed << 32 | number;

	children[number] = fork();
	if (children[number] < 0)
		fail("fork: %s", strerror(errno));
	if (children[number])
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (number < WORKERS)
		worker_run(number, mine);
	else if (number == WORKERS)
		host_bind_run(number, mine);
	else
		host_look_run(number, mine);
	_exit(0);
}

static void drain_post(void)
{
	int fd;

	while ((fd = post_receive()) >= 0)
		close(fd);
}

/* Whoever waits for a device waits for what is on its way between processes, too. */
static void finish(void)
{
	double end = seconds() + STUCK;
	unsigned int i, left = WORKERS + HOSTS;

	while (left && seconds() < end) {
		drain_post();
		for (i = 0; i < WORKERS + HOSTS; i++) {
			int status;

			if (!children[i] || waitpid(children[i], &status, WNOHANG) != children[i])
				continue;
			children[i] = 0;
			left--;
			if (status)
				broken("process %u ended with status %#x", i, status);
		}
		usleep(20000);
	}
	if (left)
		broken("%u processes do not end", left);
	drain_post();
}

/* ---- Verdict ---------------------------------------------------------------- */

/* Not every kernel, machine and set of devices has these, and few seconds are few resets. */
static bool may_never_work(enum kind kind)
{
	return kind == DMA_BUF || kind == REMOVE || kind == SRIOV || kind == VF_OPEN ||
	       kind == TOKEN || kind == PARAMETER || kind == HOST_RESET || kind == HOT_RESET;
}

static int verdict(unsigned long ran)
{
	int i;

	show_progress(ran);
	for (i = 0; i < KIND_COUNT; i++) {
		if (!atomic_load(&shared->good[i]) && !may_never_work(i))
			broken("no %s ever worked", kind_names[i]);
	}
	if (atomic_load(&shared->failures)) {
		printf(NAME ": FAILED, seed %lu: %s\n", seed, shared->why);
		return 1;
	}
	printf(NAME ": passed, seed %lu\n", seed);
	return 0;
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 't' },
		{ "seed", required_argument, NULL, 's' },
		{ "lock", required_argument, NULL, 'l' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 't':
			duration = strtoul(optarg, NULL, 0);
			break;
		case 's':
			seed = strtoul(optarg, NULL, 0);
			break;
		case 'l':
			unplug_lock = optarg;
			break;
		default:
			fprintf(stderr, "usage: vfio_device_stress [--seconds N] [--seed N] [--lock FILE]\n");
			exit(2);
		}
	}
}

int main(int argc, char **argv)
{
	unsigned long ran;
	unsigned int i;

	parse(argc, argv);
	shared = memory(sizeof(*shared));
	targets_find();
	if (!target_count)
		fail("no device to use");
	printf(NAME ": %u devices, seed %lu\n", target_count, seed);
	fflush(stdout);
	host_begin();
	post_make();
	for (i = 0; i < WORKERS + HOSTS; i++)
		start(i);
	ran = watch();
	finish();
	if (!atomic_load(&shared->failures))
		host_end();
	return verdict(ran);
}
