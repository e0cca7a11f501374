// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_device_stress [--seconds N] [--seed N] [FILE]: see stress.h. Runs as root in a
 * guest with any of edu (one or two of them below a bridge), igb, nvme, xhci
 * and VGA. FILE is locked by whoever unplugs one of them.
 *
 * A run with the same seed makes the same choices, but the processes meet in
 * other ways. Ends with a line that says passed or FAILED, and with 0 or 1.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "stress.h"

#define NAME	"device-fd"

struct shared *shared;

static pid_t children[WORKERS + HOSTS];

/* ---- Progress --------------------------------------------------------------- */

static const char *const kind_names[KIND_COUNT] = {
#define ONE(name, text) text,
	KINDS(ONE)
#undef ONE
};

static void show_progress(unsigned long now)
{
	int i;

	printf(NAME ": %lu s of %lu, good/refused:", now, stress_seconds);
	for (i = 0; i < KIND_COUNT; i++)
		printf(" %s %ld/%ld%s", kind_names[i], atomic_load(&shared->good[i]),
		       atomic_load(&shared->bad[i]), i + 1 < KIND_COUNT ? "," : "\n");
}

/* ---- Processes -------------------------------------------------------------- */

static void start(unsigned int number)
{
	uint64_t mine = (uint64_t)stress_seed << 32 | number;

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
	double end = seconds() + STRESS_STUCK;
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
	return stress_verdict("");
}

int main(int argc, char **argv)
{
	unsigned long ran;
	unsigned int i;

	unplug_lock = stress_begin(NAME, "vfio_device_stress [--seconds N] [--seed N] [FILE]", argc, argv);
	shared = memory(sizeof(*shared));
	targets_find();
	if (!target_count)
		fail("no device to use");
	printf(NAME ": %u devices, seed %lu\n", target_count, stress_seed);
	fflush(stdout);
	host_begin();
	post_make();
	for (i = 0; i < WORKERS + HOSTS; i++)
		start(i);
	ran = stress_watch(WORKERS + HOSTS, show_progress);
	finish();
	if (!is_broken())
		host_end();
	return verdict(ran);
}
