// SPDX-License-Identifier: GPL-2.0-only
/* The random loop that each thread runs, and child processes. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "stress.h"

static struct area *pick_area(struct worker *worker)
{
	struct area *area = &worker->areas[below(&worker->random, KINDS)];

	return area->size ? area : &worker->areas[PRIVATE];
}

static void step(struct worker *worker)
{
	struct area *area = pick_area(worker);

	switch (below(&worker->random, 13)) {
	case 0 ... 4:
		random_map(area, &worker->random);
		break;
	case 5 ... 7:
		random_unmap(&worker->random);
		break;
	case 8:
		random_other(&worker->random);
		break;
	default:
		area_disturb(area, &worker->random);
		break;
	}
}

/*
 * A child works on its own copy of the areas, in the container it inherited,
 * and ends with its mappings in place. Only system calls here: another thread
 * of the parent may have held any lock of the C library.
 */
static void child_run(struct worker *worker, bool waits)
{
	unsigned int steps = below(&worker->random, 12);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (steps-- && !stopped())
		step(worker);
	while (waits)
		pause();
	if (!below(&worker->random, 4))
		execl("/bin/true", "true", NULL);
	_exit(0);
}

static void child(struct worker *worker)
{
	bool killed = below(&worker->random, 2);
	int status;
	pid_t pid;

	/* The child takes another way than its parent. */
	random_next(&worker->random);
	pid = fork();
	if (pid < 0)
		return;	/* pinned huge pages are copied, and there may be none left */
	if (!pid) {
		worker->random.state = ~worker->random.state;
		child_run(worker, killed);
	}
	if (killed) {
		usleep(below(&worker->random, 20000));
		kill(pid, SIGKILL);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		broken("a child died of signal %d", WTERMSIG(status));
	counted(N_CHILD);
}

void *worker_run(void *argument)
{
	struct worker *worker = argument;
	struct fresh fresh = { 0 };

	while (!stopped()) {
		stress_step(worker->number);
		if (!below(&worker->random, 16)) {
			fresh_check(&fresh);
			fresh_make(&fresh, &worker->random);
		} else if (!below(&worker->random, 48)) {
			child(worker);
		} else {
			step(worker);
		}
	}
	fresh_check(&fresh);
	return NULL;
}
