// SPDX-License-Identifier: GPL-2.0-only
/* Open a device, make calls, end in one of many ways. */
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "stress.h"
#include "vfio_sriov.h"

#define CALLS	300

static void prepare(struct session *session, uint64_t seed)
{
	unsigned int i;

	*session = (struct session){
		.random = { seed },
		.container = -1,
		.group = -1,
		.devices = { -1, -1 },
		.mem = memory(PAGES * PAGE),
		.arg = memory(PAGE),
	};
	for (i = 0; i < EVENTS; i++)
		session->events[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	access_begin();
}

/* ---- Opening ---------------------------------------------------------------- */

static bool is_vf(const struct session *session)
{
	return strcmp(session->bdf, session->target->bdf);
}

static int open_device(struct session *session)
{
	char name[128];
	int fd;

	snprintf(name, sizeof(name), "%s vf_token=%s", session->bdf, TOKEN_A);
	fd = -EINVAL;
	if (session->target->total_vfs && !rarely(&session->random, 8))
		fd = __group_get_device(session->group, name);
	return fd >= 0 ? fd : __group_get_device(session->group, session->bdf);
}

/* Virtual functions can be opened while the physical one has their token. */
static void set_token(struct session *session)
{
	static const uint8_t token[16] = {
		0x52, 0xac, 0x9b, 0xff, 0x3a, 0x88, 0x4f, 0xbd,
		0x90, 0x1a, 0x0d, 0x76, 0x7c, 0x3b, 0x6c, 0x97,
	};
	struct {
		struct vfio_device_feature head;
		uint8_t token[16];
	} set = {
		.head.argsz = sizeof(set),
		.head.flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_PCI_VF_TOKEN,
	};

	memcpy(set.token, token, sizeof(token));
	counted(TOKEN, __call(session->devices[0], VFIO_DEVICE_FEATURE, &set));
}

static void open_second(struct session *session)
{
	int mine = session->target - targets;
	int other = mine == pair[0] ? pair[1] : mine == pair[1] ? pair[0] : -1;

	if (other >= 0 && below(&session->random, 2))
		session->devices[1] = __group_get_device(session->group, targets[other].bdf);
}

/* Anything may be missing or held by another session. */
static int open_all(struct session *session)
{
	bool old = below(&session->random, 2);
	int group, ret;

	if (!target_pick(&session->random, &session->target, session->bdf))
		return -ENODEV;
	group = pci_group(session->bdf);
	if (group < 0)
		return group;
	session->group = __group_open(group);
	if (session->group < 0)
		return session->group;
	session->container = container_open();
	ret = __group_set_container(session->group, session->container);
	if (!ret)
		ret = __set_iommu(session->container, old ? VFIO_TYPE1_IOMMU : VFIO_TYPE1v2_IOMMU);
	if (!ret)
		ret = session->devices[0] = open_device(session);
	return ret;
}

/* ---- Calls, and ends -------------------------------------------------------- */

static int pick_device(struct session *session)
{
	if (session->devices[1] >= 0 && rarely(&session->random, 3))
		return session->devices[1];
	return session->devices[0];
}

static void step(struct session *session)
{
	int device = pick_device(session);

	if (below(&session->random, 2))
		call_random(session, device);
	else
		access_random(session, device);
}

/* The other file may go on alone. */
static void swap_for_duplicate(struct session *session)
{
	int copy = fcntl(session->devices[0], F_DUPFD_CLOEXEC, 3);

	if (copy < 0)
		return;
	close(session->devices[0]);
	session->devices[0] = copy;
}

/* Both go on with the same files; the child may outlive its parent for a moment. */
static void split(struct session *session)
{
	unsigned int steps = below(&session->random, 60);
	pid_t pid = fork();

	counted(FORK, pid);
	if (pid)
		return;
	prctl(PR_SET_PDEATHSIG, below(&session->random, 2) ? SIGKILL : 0);
	session->random.state = ~session->random.state;
	while (steps-- && !stopped())
		step(session);
	_exit(0);
}

static void something_else(struct session *session)
{
	switch (below(&session->random, 5)) {
	case 0:
		swap_for_duplicate(session);
		break;
	case 1:
		split(session);
		break;
	case 2:
		if (rarely(&session->random, 2))
			post_send(session->devices[0]);
		break;
	case 3:
		/* Refused while the device is open. */
		__group_unset_container(session->group);
		break;
	case 4:
		if (session->devices[1] >= 0)
			close(session->devices[1]);
		session->devices[1] = -1;
		open_second(session);
		break;
	}
}

/* In an order of its own each time, or with the process. */
static void close_some(struct session *session)
{
	int fds[] = { session->group, session->container, session->devices[0] };
	unsigned int first = below(&session->random, 3), i;

	if (below(&session->random, 2))
		return;
	for (i = 0; i < 3; i++)
		close(fds[(first + i) % 3]);
}

void session_run(uint64_t seed)
{
	struct session session;
	unsigned int left;
	int ret;

	prepare(&session, seed);
	ret = open_all(&session);
	if (!session.target || !counted(is_vf(&session) ? VF_OPEN : OPEN, ret)) {
		usleep(5000);
		_exit(0);
	}
	if (session.target->total_vfs && !is_vf(&session) && below(&session.random, 8))
		set_token(&session);
	open_second(&session);
	left = 1 + below(&session.random, CALLS);
	while (left-- && !stopped()) {
		if (rarely(&session.random, 40))
			something_else(&session);
		else
			step(&session);
	}
	close_some(&session);
	_exit(0);
}

void session_with(int device, struct random *random)
{
	uint64_t seed = random_next(random);
	unsigned int left = below(random, 40);
	struct session session;
	pid_t pid = fork();

	if (pid < 0)
		fail("fork: %s", strerror(errno));
	if (pid) {
		close(device);
		reap(pid, "a session with a file from elsewhere");
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prepare(&session, seed);
	/* Not known which: no register of it is written. */
	session.target = NULL;
	session.devices[0] = device;
	while (left-- && !stopped())
		step(&session);
	_exit(0);
}
