// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_tie_stress [--seconds N] [--seed N]: see stress.h. Runs as root in a
 * guest with an edu device alone in its group; with two of them a second group
 * joins the container and leaves it all the time.
 *
 * A run with the same seed makes the same choices, but the threads meet in
 * other ways. Ends with a line that says passed or FAILED, and with 0 or 1.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "stress.h"

#define NAME	"mm-tie"

struct shared *shared;
int container;
bool has_tie;

static unsigned long ran;	/* seconds */

/* ---- A process and its threads ---------------------------------------------- */

struct threads {
	pthread_t id[THREADS + 3];
	unsigned int count;
};

static void start(struct threads *threads, void *(*run)(void *), void *argument)
{
	int ret = pthread_create(&threads->id[threads->count++], NULL, run, argument);

	if (ret)
		fail("pthread_create: %s", strerror(ret));
}

static void start_workers(struct threads *threads, struct worker *workers, unsigned int process)
{
	unsigned int i;

	for (i = 0; i < THREADS; i++) {
		workers[i].number = process * THREADS + i;
		workers[i].random.state = (uint64_t)stress_seed << 32 | workers[i].number;
		areas_make(workers[i].areas, workers[i].number);
	}
	for (i = 0; i < THREADS; i++)
		start(threads, worker_run, &workers[i]);
}

/*
 * Waits for the end of the run, and then for that of the threads. False if a
 * thread does not end: then it is of no use to wait for the others.
 */
static bool join(struct threads *threads)
{
	struct timespec until;
	unsigned int i;

	/* Before, they have no reason to end, however long the run is. */
	while (!stopped())
		usleep(10000);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STRESS_STUCK;
	for (i = 0; i < threads->count; i++) {
		if (pthread_timedjoin_np(threads->id[i], NULL, &until)) {
			broken("a thread does not end");
			return false;
		}
	}
	return true;
}

/*
 * What was charged is given back soon after the last mapping went, not at once.
 *
 * The C modules take mmap_lock killably to give it back, and so forget to when a
 * process is killed while it unmaps what another one has mapped.
 */
static void check_locked(long before)
{
	unsigned int left = 200;
	long now;

	while (vm_locked_kb(getpid()) != before && left--)
		usleep(100000);
	now = vm_locked_kb(getpid());
	if (now != before && driver_is_rust())
		broken("%ld kB of memory stay locked, %ld at the start", now, before);
	else if (now != before)
		printf(NAME ": %ld kB stay locked, which C modules do: killed in UNMAP_DMA\n", now);
}

static void second_process(void)
{
	struct threads threads = { 0 };
	struct worker workers[THREADS];
	long locked;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	locked = vm_locked_kb(getpid());
	start_workers(&threads, workers, 1);
	if (!join(&threads))
		_exit(1);
	atomic_fetch_add(&shared->ended, 1);
	while (!atomic_load(&shared->unmapped))
		usleep(10000);
	check_locked(locked);
	_exit(0);
}

/* ---- Progress --------------------------------------------------------------- */

static long total(enum count what)
{
	return atomic_load(&shared->count[what]);
}

static void show_progress(unsigned long now)
{
	__write_text("/proc/sys/vm/compact_memory", "1");
	printf(NAME ": %lu s of %lu: %ld maps and %ld refused, %ld unmaps and %ld refused, "
	       "%ld other calls, %ld stale, %ld memory, %ld children, %ld DMA, %ld attaches\n",
	       now, stress_seconds, total(N_MAP), total(N_MAP_REFUSED), total(N_UNMAP),
	       total(N_UNMAP_REFUSED), total(N_OTHER), total(N_STALE), total(N_MEMORY),
	       total(N_CHILD), total(N_DMA), total(N_ATTACH));
}

/* ---- The whole run ---------------------------------------------------------- */

static void wait_for_second(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status)
		broken("the second process ended with status %#x", status);
}

/* All workers have ended: what they left behind goes in one call, to the last byte. */
static void check_end(pid_t second, long locked, uint32_t avail)
{
	int64_t ret;

	stay_check();
	ret = __dma_unmap_flags(container, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL);
	if (ret < 0)
		broken("UNMAP_ALL: %s", strerror((int)-ret));
	atomic_store(&shared->unmapped, true);
	if (dma_avail(container) != avail)
		broken("%u mappings can be made, %u at the start", dma_avail(container), avail);
	wait_for_second(second);
	check_locked(locked);
	stay_check();
}

static bool second_ended(pid_t pid)
{
	unsigned int left = STRESS_STUCK * 10;

	while (!atomic_load(&shared->ended) && left--) {
		if (waitpid(pid, NULL, WNOHANG) == pid) {
			broken("the second process died");
			return false;
		}
		usleep(100000);
	}
	if (!atomic_load(&shared->ended))
		broken("the second process does not end");
	return atomic_load(&shared->ended);
}

static void run(struct vfio *vfio, const char *second_bdf)
{
	struct random about = { stress_seed };
	struct threads threads = { 0 };
	struct worker workers[THREADS];
	uint32_t avail = dma_avail(container);
	long locked = vm_locked_kb(getpid());
	pid_t second;

	stay_make();
	second = fork();
	if (second < 0)
		fail("fork: %s", strerror(errno));
	if (!second)
		second_process();
	start(&threads, device_run, vfio);
	start(&threads, move_about_run, &about);
	if (second_bdf)
		start(&threads, second_group_run, (void *)second_bdf);
	start_workers(&threads, workers, 0);
	__write_text("/sys/kernel/mm/ksm/run", "1");
	ran = stress_watch(PROCESSES * THREADS, show_progress);
	if (join(&threads) && second_ended(second))
		check_end(second, locked, avail);
}

static int verdict(int bell)
{
	uint64_t rung = 0;

	if (read(bell, &rung, sizeof(rung)) < 0)
		rung = 0;
	show_progress(ran);
	if (has_tie)
		printf(NAME ": the eventfd was rung %llu times\n", (unsigned long long)rung);
	if (!total(N_MAP) || !total(N_UNMAP) || !total(N_DMA) || !total(N_CHILD))
		broken("a part of it never happened");
	return stress_verdict(has_tie ? ", mappings tied to their process" : ", mappings not tied");
}

int main(int argc, char **argv)
{
	char bdf[BDF_LEN], second[BDF_LEN];
	struct vfio vfio;
	bool two;
	int bell;

	stress_begin(NAME, "vfio_tie_stress [--seconds N] [--seed N]", argc, argv);
	shared = memory(sizeof(*shared));
	if (!pci_find_alone(ID_EDU, 0, bdf))
		fail("no edu alone in its group");
	two = pci_find_alone(ID_EDU, 1, second);
	vfio_open(&vfio, bdf, VFIO_TYPE1v2_IOMMU);
	container = vfio.container;
	bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	find_tie(bell);
	run(&vfio, two ? second : NULL);
	/* With a thread that is stuck, closing would wait for it. */
	if (!is_broken())
		vfio_close(&vfio);
	return verdict(bell);
}
