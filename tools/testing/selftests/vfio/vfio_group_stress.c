// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_group_stress [--seconds N] [--seed N]: random calls on groups from several
 * threads, which open, capture, release and isolate them and use their devices,
 * while the host binds, unbinds and unplugs devices, changes policies and makes
 * groups of groups. For tools/testing/stress.
 *
 * Runs as root in a guest with edu devices. Ends with a line that says passed or
 * FAILED, and with 0 or 1.
 */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "vfio_test.h"
#include "vfio_group_feature.h"
#include "vfio_random.h"
#include "vfio_stress.h"

#define NAME		"groups"
#define USERS		3
#define SLOTS		6
#define MAX_DEVICES	6
#define CONTAINERS	2
#define FOLDER		"/sys/kernel/config/vfio"

enum kind { OPEN, ATTACH, DETACH, DEVICE, CAPTURE, RELEASE, LOOK, POLICY, EVENT, BIND, PLUG, MERGE, KIND_COUNT };

static const char *const kind_names[] = {
	"open", "attach", "detach", "device", "capture", "release", "look", "policy", "event", "bind",
	"plug", "merge",
};

static char devices[MAX_DEVICES][BDF_LEN];
static unsigned int device_count;
/* Two of them that are on one bus, if there are such. */
static char pair[2][BDF_LEN];
/* Open groups, -1 if there is none; a thread that closes one takes it out first. */
static int slots[SLOTS];
static int containers[CONTAINERS], event;
static unsigned long good[KIND_COUNT], bad[KIND_COUNT];

static int note(enum kind kind, int result)
{
	switch (result < 0 ? -result : 0) {
	case 0:
		__atomic_add_fetch(&good[kind], 1, __ATOMIC_RELAXED);
		break;
	/* What is not there any more, what somebody else has, and descriptors that others have closed. */
	case EPERM: case ENOENT: case ENODEV: case EBUSY: case EINVAL: case ELOOP: case EBADF: case EEXIST:
	case ENOTTY: case EBADFD: case ENXIO: case EIO: case ENOTEMPTY: case EAGAIN: case EOPNOTSUPP:
		__atomic_add_fetch(&bad[kind], 1, __ATOMIC_RELAXED);
		break;
	default:
		broken("%s answers %s", kind_names[kind], strerror(-result));
	}
	return result;
}

static const char *any_device(struct random *random)
{
	return devices[below(random, device_count)];
}

/* The group of a device that may not be there: -1 then. */
static int group_of(const char *bdf)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t size;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", bdf);
	size = readlink(path, target, sizeof(target) - 1);
	if (size < 0)
		return -1;
	target[size] = '\0';
	return atoi(strrchr(target, '/') + 1);
}

static int __write_to(int group, const char *file, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/class/vfio/%d/%s", group, file);
	return __write_text(path, text);
}

/* ---- Programs ---------------------------------------------------------------- */

static void open_one(struct random *random)
{
	char path[64];
	int fd, was;

	if (rarely(random, 4))
		snprintf(path, sizeof(path), "/dev/vfio/stress-%u", (unsigned int)below(random, 2));
	else
		snprintf(path, sizeof(path), "/dev/vfio/%d", group_of(any_device(random)));
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (note(OPEN, fd < 0 ? -errno : 0) < 0)
		return;
	was = __atomic_exchange_n(&slots[below(random, SLOTS)], fd, __ATOMIC_ACQ_REL);
	if (was >= 0)
		close(was);
}

static void close_one(struct random *random)
{
	int was = __atomic_exchange_n(&slots[below(random, SLOTS)], -1, __ATOMIC_ACQ_REL);

	if (was >= 0)
		close(was);
}

/* A copy of a descriptor that others may close at any time; -1 if there is none. */
static int copy_of(struct random *random)
{
	int fd = slots[below(random, SLOTS)];

	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static void use_device(struct random *random, int group)
{
	int container = containers[below(random, CONTAINERS)];
	const char *bdf = any_device(random);
	uint32_t id;
	int device;

	/* Whoever comes first chooses. */
	__set_iommu(container, HOST_IOMMU);
	device = __group_get_device(group, bdf);
	if (note(DEVICE, device < 0 ? device : 0) < 0)
		return;
	__region_read(device, VFIO_PCI_CONFIG_REGION_INDEX, 0, &id, sizeof(id));
	if (rarely(random, 4))
		usleep(1000);
	close(device);
}

static void isolate(struct random *random, int group)
{
	struct vfio_group_feature_isolation data = {
		.level = below(random, 3), .flags = below(random, 2)
	};

	note(POLICY, __group_isolate(group, data));
}

static void look(int group)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	struct group_composition made_of;
	struct group_isolation is;
	struct group_members members;

	note(LOOK, __call(group, VFIO_GROUP_GET_STATUS, &status));
	note(LOOK, __group_members(group, &members));
	note(LOOK, __group_composition(group, &made_of));
	note(LOOK, __group_isolation(group, &is));
}

static void use(struct random *random)
{
	int group = copy_of(random), other = -1;
	unsigned int what = below(random, 100);

	if (group < 0 || what < 15) {
		open_one(random);
	} else if (what < 20) {
		close_one(random);
	} else if (what < 35) {
		note(ATTACH, __group_set_container(group, containers[below(random, CONTAINERS)]));
	} else if (what < 43) {
		note(DETACH, __group_unset_container(group));
	} else if (what < 60) {
		use_device(random, group);
	} else if (what < 72) {
		other = copy_of(random);
		note(CAPTURE, __group_capture(group, other));
	} else if (what < 80) {
		note(RELEASE, __group_release(group, group_of(any_device(random))));
	} else if (what < 90) {
		look(group);
	} else if (what < 95) {
		isolate(random, group);
	} else {
		note(EVENT, __group_event(group, event, 1 + below(random, 3)));
	}
	close_fd(&other);
	close_fd(&group);
}

/* ---- The host ---------------------------------------------------------------- */

static void bind_one(struct random *random)
{
	static const char *const drivers[] = { "vfio-pci", "vfio-pci", "vfio-pci", "pci-stub", "uio_pci_generic" };
	const char *driver = drivers[below(random, 5)];
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", any_device(random));
	if (access(path, F_OK))
		return;
	note(BIND, __pci_bind(strrchr(path, '/') + 1, driver));
}

/*
 * Not those that share a bus which can be reset: the PCI core resets one without keeping others from
 * adding a device to it, and then warns that this was never locked.
 */
static void plug(struct random *random)
{
	const char *bdf = any_device(random);
	char path[PATH_MAX];

	if (!strcmp(bdf, pair[0]) || !strcmp(bdf, pair[1]))
		return;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", bdf);
	note(PLUG, __write_text(path, "1"));
	write_text("/sys/bus/pci/rescan", "1");
}

static void host(struct random *random)
{
	if (rarely(random, 8))
		plug(random);
	else
		bind_one(random);
	usleep(20000);
}

static void administer(struct random *random)
{
	static const char *const levels[] = { "group", "slot", "bus" };
	char name[64], path[PATH_MAX], text[32];
	int group = group_of(any_device(random));
	unsigned int what = below(random, 10);

	snprintf(name, sizeof(name), FOLDER "/stress-%u", (unsigned int)below(random, 2));
	if (what < 2) {
		note(POLICY, __write_to(group, "isolation", levels[below(random, 3)]));
	} else if (what < 3) {
		note(POLICY, __write_to(group, "strict", rarely(random, 2) ? "0" : "1"));
	} else if (what < 4) {
		snprintf(path, sizeof(path), "/sys/class/vfio/%d/unit", group);
		note(POLICY, __read_text(path, text, sizeof(text)));
	} else if (what < 5) {
		note(MERGE, mkdir(name, 0755) ? -errno : 0);
	} else if (what < 6) {
		note(MERGE, rmdir(name) ? -errno : 0);
	} else if (what < 8) {
		snprintf(path, sizeof(path), "%s/members", name);
		snprintf(text, sizeof(text), "%d %d", group, group_of(any_device(random)));
		note(MERGE, __write_text(path, text));
	} else {
		snprintf(path, sizeof(path), "%s/enable", name);
		note(MERGE, __write_text(path, what < 9 ? "1" : "0"));
	}
	usleep(5000);
}

/* ---- Threads ----------------------------------------------------------------- */

#define WORKERS	(USERS + 2)

static void *work(void *arg)
{
	unsigned int number = (uintptr_t)arg;
	struct random random = { .state = (uint64_t)stress_seed << 32 | number };

	while (!stopped()) {
		if (number < USERS)
			use(&random);
		else if (number == USERS)
			administer(&random);
		else
			host(&random);
		stress_step(number);
	}
	return NULL;
}

static void show_progress(unsigned long now)
{
	int i;

	printf(NAME ": %lu s of %lu, good/refused:", now, stress_seconds);
	for (i = 0; i < KIND_COUNT; i++)
		printf(" %s %lu/%lu%s", kind_names[i], good[i], bad[i], i + 1 < KIND_COUNT ? "," : "\n");
	fflush(stdout);
}

/* All as it was: what is left would keep the modules from being unloaded. */
static void end(void)
{
	char path[PATH_MAX];
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		close_fd(&slots[i]);
	for (i = 0; i < CONTAINERS; i++)
		close_fd(&containers[i]);
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), FOLDER "/stress-%u/enable", i);
		__write_text(path, "0");
		snprintf(path, sizeof(path), FOLDER "/stress-%u", i);
		rmdir(path);
	}
	write_text("/sys/bus/pci/rescan", "1");
	for (i = 0; i < device_count; i++)
		pci_unbind(devices[i]);
}

int main(int argc, char **argv)
{
	pthread_t threads[WORKERS];
	unsigned long ran;
	unsigned int i;

	stress_begin(NAME, "vfio_group_stress [--seconds N] [--seed N]", argc, argv);
	mount("none", "/sys/kernel/config", "configfs", 0, NULL);
	while (device_count < MAX_DEVICES && pci_find(ID_EDU, device_count, devices[device_count]))
		device_count++;
	if (device_count < 2)
		fail("no two edu devices");
	pci_find_pair(ID_EDU, pair[0], pair[1]);
	for (i = 0; i < device_count; i++)
		pci_bind(devices[i], "vfio-pci");
	for (i = 0; i < SLOTS; i++)
		slots[i] = -1;
	for (i = 0; i < CONTAINERS; i++)
		containers[i] = container_open();
	event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	printf(NAME ": %u devices, seed %lu\n", device_count, stress_seed);
	for (i = 0; i < WORKERS; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)i))
			fail("no thread");
	ran = stress_watch(WORKERS, show_progress);
	for (i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	end();
	show_progress(ran);
	for (i = 0; i < KIND_COUNT; i++)
		if (!good[i])
			broken("no %s ever worked", kind_names[i]);
	return stress_verdict("");
}
