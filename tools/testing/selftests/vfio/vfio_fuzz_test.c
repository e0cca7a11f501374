// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random ioctl arguments for container, group and device.
 *
 *   vfio_fuzz_test [--seconds N] [--seed S]
 *
 * Round after round a child opens everything and makes 2000 calls with random
 * numbers: some of them bytes without sense, most of them nearly right. No
 * answer is wrong; what must not happen is a message from the kernel that it
 * is in trouble, which whoever runs the guest looks for. The same seed makes
 * the same calls. Not part of the default run.
 */
#include <getopt.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "kselftest.h"
#include "vfio_random.h"
#include "vfio_test.h"

#define CALLS	2000
#define PAGES	16

static struct random state;

struct fds {
	int container, group, device, event;
};

/* Mostly numbers that VFIO has. */
static unsigned long pick_request(void)
{
	switch (below(&state, 32)) {
	case 0:
		return _IO(VFIO_TYPE, below(&state, 256));
	case 1:
		return random_next(&state);
	default:
		return _IO(VFIO_TYPE, VFIO_BASE + below(&state, 28));
	}
}

static void one_call(struct fds *fds, const char *bdf, uint8_t *arg, void *mem)
{
	const int targets[] = { fds->container, fds->group, fds->device, fds->device };
	const int all[] = { fds->container, fds->group, fds->device, fds->event };
	const struct ingredients of = { all, sizeof(all) / sizeof(all[0]), mem, PAGES };
	int fd = targets[below(&state, 4)], ret;
	unsigned long request = pick_request();
	void *pointer = arg;

	if (below(&state, 4))
		nearly_right(&state, &of, arg);
	else
		noise(&state, arg, 512);
	if (request == VFIO_GROUP_GET_DEVICE_FD && below(&state, 2))
		strcpy((char *)arg, bdf);
	if (request == VFIO_GROUP_SET_CONTAINER)
		memcpy(arg, &(int){ any_fd(&state, &of) }, 4);
	if (request == VFIO_SET_IOMMU || request == VFIO_CHECK_EXTENSION)
		pointer = (void *)(uintptr_t)below(&state, 12);
	if (!below(&state, 16))
		pointer = (void *)(uintptr_t)interesting(&state);
	/* Keep the session mostly alive, and do not wait for resets all the time. */
	if (request == VFIO_GROUP_UNSET_CONTAINER && below(&state, 8))
		return;
	if (request == VFIO_DEVICE_RESET && below(&state, 64))
		return;

	ret = __call(fd, request, pointer);
	if (fd == fds->group && request == VFIO_GROUP_GET_DEVICE_FD && ret > 2)
		close(ret);
}

static void round_of_calls(const char *bdf, uint64_t seed)
{
	struct vfio vfio;
	struct fds fds;
	uint8_t *arg = memory(PAGE);
	void *mem = memory(PAGES * PAGE);
	int i;

	state.state = seed;
	vfio_open(&vfio, bdf, below(&state, 2) ? VFIO_TYPE1_IOMMU : VFIO_TYPE1v2_IOMMU);
	fds = (struct fds){ vfio.container, vfio.group, vfio.device, eventfd(0, EFD_NONBLOCK) };
	for (i = 0; i < CALLS; i++)
		one_call(&fds, bdf, arg, mem);
	/* The files close with the process, in no particular order. */
	_exit(0);
}

static void fuzz(const char *bdf, uint64_t seed, time_t seconds)
{
	time_t end = time(NULL) + seconds;
	unsigned int rounds = 0, failed = 0;
	int status;
	pid_t child;

	for (; time(NULL) < end; rounds++) {
		fflush(stdout);
		child = fork();
		if (!child)
			round_of_calls(bdf, seed + rounds);
		if (child < 0 || waitpid(child, &status, 0) != child)
			fail("fork: %s", strerror(errno));
		if (status) {
			ksft_print_msg("seed %llu ends with status %#x\n",
				       (unsigned long long)(seed + rounds), status);
			failed++;
		}
	}
	pci_unbind(bdf);
	ksft_test_result(!failed, "%s: %u rounds of %u calls\n", bdf, rounds, CALLS);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' },
		{},
	};
	static const unsigned int ids[][2] = { { ID_EDU }, { ID_IGB }, { ID_NVME } };
	const unsigned int kinds = sizeof(ids) / sizeof(ids[0]);
	char bdf[sizeof(ids) / sizeof(ids[0])][BDF_LEN];
	uint64_t seed = time(NULL);
	unsigned int i, found = 0;
	time_t seconds = 60;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'n')
			seconds = strtol(optarg, NULL, 0);
		else if (option == 's')
			seed = strtoull(optarg, NULL, 0);
		else
			return 2;
	}
	ksft_print_header();
	ksft_print_msg("seed %llu, %ld seconds\n", (unsigned long long)seed, (long)seconds);
	for (i = 0; i < kinds; i++)
		found += pci_find_alone(ids[i][0], ids[i][1], 0, bdf[found]);
	if (!found)
		ksft_exit_skip("no edu, igb or nvme alone in its group\n");
	ksft_set_plan(found);
	for (i = 0; i < found; i++)
		fuzz(bdf[i], seed, seconds / found);
	ksft_finished();
}
