// SPDX-License-Identifier: GPL-2.0-only
/* The administrator: binding, virtual functions, sysfs, parameters. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/mount.h>

#include "stress.h"
#include "vfio_sriov.h"

#define DEVICES	"/sys/bus/pci/devices"
#define DRIVER	"/sys/bus/pci/drivers/vfio-pci"

static int write_to(const char *bdf, const char *file, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DEVICES "/%s/%s", bdf, file);
	return __write_text(path, text);
}

static bool is_bound(const char *bdf)
{
	char driver[64];

	pci_driver(bdf, driver, sizeof(driver));
	return driver[0];
}

/* ---- Unplugging by others ---------------------------------------------------- */

const char *unplug_lock;

/*
 * PCI takes the lock of a physical function and then its own to make or remove
 * virtual functions, and the other way round to unplug it: the two together
 * never end, whatever the driver. Returns a file to close, or -1: not now.
 */
static int keep_plugged(int how)
{
	int fd = unplug_lock ? open(unplug_lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600)
			     : open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd >= 0 && unplug_lock && flock(fd, how)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* ---- Binding ---------------------------------------------------------------- */

static int bind(const char *bdf)
{
	int ret = write_to(bdf, "driver_override", "vfio-pci");

	return ret ? ret : __write_text(DRIVER "/bind", bdf);
}

/*
 * Waits for all who use the device. Virtual functions go first: PCI takes them
 * away without its own lock when a driver leaves, and lockdep says so.
 */
static int unbind(const struct target *target)
{
	int lock = target->total_vfs ? keep_plugged(LOCK_EX) : -1, ret;

	if (target->total_vfs)
		__sriov_set(target->bdf, 0);
	ret = __write_text(DRIVER "/unbind", target->bdf);
	if (lock >= 0)
		close(lock);
	return ret;
}

static void bind_or_unbind(const struct target *target, struct random *random)
{
	if (!is_bound(target->bdf))
		counted(BIND, bind(target->bdf));
	else if (rarely(random, target->total_vfs ? 16 : 4))
		counted(UNBIND, unbind(target));
}

/*
 * As if it were unplugged. That of a port is: see the script around this. Only on
 * the root bus, which is never reset: PCI unlocks what is on a bus after a reset of
 * it, not what it has locked before, and a device may have come in between.
 */
static void remove_and_rescan(const struct target *target)
{
	if (target->device != 0x11e8 || strncmp(target->bdf, "0000:00:", 8))
		return;
	counted(REMOVE, write_to(target->bdf, "remove", "1"));
	__write_text("/sys/bus/pci/rescan", "1");
}

/* How many there are; the physical function may be gone. */
static int count_vfs(const char *bdf)
{
	char path[PATH_MAX], text[16];

	snprintf(path, sizeof(path), DEVICES "/%s/sriov_numvfs", bdf);
	return __read_text(path, text, sizeof(text)) ? 0 : atoi(text);
}

static void make_vfs(const struct target *target, struct random *random)
{
	int lock;

	if (!target->total_vfs || !is_bound(target->bdf))
		return;
	lock = keep_plugged(LOCK_EX | LOCK_NB);
	if (lock < 0)
		return;
	__write_text(ENABLE_SRIOV, "Y");
	if (!count_vfs(target->bdf))
		counted(SRIOV, __sriov_set(target->bdf, 1 + below(random, VFS)));
	else if (rarely(random, 8))
		counted(SRIOV, __sriov_set(target->bdf, 0));
	close(lock);
}

/* Those of a physical function have its driver already, if nobody chose another. */
static void bind_vfs(const struct target *target)
{
	char vf[BDF_LEN];
	int i;

	for (i = 0; i < VFS; i++)
		if (target->total_vfs && sriov_vf(target->bdf, i, vf) && !is_bound(vf))
			counted(BIND, bind(vf));
}

void host_bind_run(unsigned int number, uint64_t seed)
{
	struct random random = { seed };

	while (!stopped()) {
		const struct target *target = target_any(&random);

		stress_step(number);
		make_vfs(target, &random);
		bind_vfs(target);
		bind_or_unbind(target, &random);
		if (rarely(&random, 12))
			remove_and_rescan(target);
		if (rarely(&random, 8))
			counted(HOST_RESET, write_to(target->bdf, "reset", "1"));
		usleep(below(&random, 100000));
	}
}

/* ---- Looking ---------------------------------------------------------------- */

static void read_file(const char *path)
{
	char text[4096];
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return;
	counted(LOOK, read(fd, text, sizeof(text)));
	close(fd);
}

/*
 * A BAR's file reads the device's registers, some of which act. And one file waits
 * for the device's lock, whose holder waits for the file's readers when a driver
 * binds: the kernel never comes out of that, whatever the driver.
 */
static bool is_left_alone(const char *name)
{
	return !strncmp(name, "resource", 8) || !strcmp(name, "waiting_for_supplier");
}

/* Reads the plain files of a directory, and of those below it. */
static void read_directory(const char *path, unsigned int depth)
{
	char below_path[PATH_MAX];
	struct dirent *entry;
	DIR *dir = opendir(path);

	while (dir && !stopped() && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(below_path, sizeof(below_path), "%.2048s/%s", path, entry->d_name);
		if (entry->d_type == DT_DIR && depth)
			read_directory(below_path, depth - 1);
		if (entry->d_type == DT_REG && !is_left_alone(entry->d_name))
			read_file(below_path);
	}
	if (dir)
		closedir(dir);
}

static void read_fdinfos(void)
{
	char path[64];
	struct dirent *entry;
	DIR *dir = opendir("/proc");

	while (dir && !stopped() && (entry = readdir(dir))) {
		pid_t pid = atoi(entry->d_name);

		if (pid <= getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/%d/fdinfo", pid);
		read_directory(path, 0);
	}
	if (dir)
		closedir(dir);
}

/* ---- Parameters ------------------------------------------------------------- */

#define PARAMETER_COUNT	5

/* disable_idle_d3 and nointxmask: the C modules read them twice and want the same answer. */
static const struct parameter {
	const char *path;
	bool rust_only;
} parameters[PARAMETER_COUNT] = {
	{ "/sys/module/vfio_pci/parameters/nointxmask", true },
	{ "/sys/module/vfio_pci/parameters/disable_idle_d3", true },
	{ "/sys/module/vfio/parameters/strict_viability", true },
	{ "/sys/module/vfio_iommu_type1/parameters/mm_tie", true },
	{ "/sys/module/vfio_iommu_type1/parameters/disable_hugepages", false },
};

static char before[PARAMETER_COUNT][16];

static void turn_parameter(struct random *random)
{
	const struct parameter *one = &parameters[below(random, PARAMETER_COUNT)];

	if (one->rust_only && !driver_is_rust())
		return;
	counted(PARAMETER, __write_text(one->path, below(random, 2) ? "Y" : "N"));
}

void host_look_run(unsigned int number, uint64_t seed)
{
	struct random random = { seed };
	char path[PATH_MAX];

	while (!stopped()) {
		const struct target *target = target_any(&random);

		stress_step(number);
		snprintf(path, sizeof(path), DEVICES "/%s", target->bdf);
		read_directory(path, 1);
		read_fdinfos();
		read_directory("/sys/kernel/debug/vfio", 3);
		turn_parameter(&random);
		usleep(below(&random, 100000));
	}
}

/* ---- Begin and end ---------------------------------------------------------- */

void host_begin(void)
{
	unsigned int i;

	mount("none", "/sys/kernel/debug", "debugfs", 0, NULL);
	for (i = 0; i < PARAMETER_COUNT; i++)
		__read_text(parameters[i].path, before[i], sizeof(before[i]));
	for (i = 0; i < target_count; i++)
		pci_bind(targets[i].bdf, "vfio-pci");
}

void host_end(void)
{
	unsigned int i;

	for (i = 0; i < target_count; i++) {
		if (is_bound(targets[i].bdf))
			unbind(&targets[i]);
		write_to(targets[i].bdf, "driver_override", "\n");
		if (is_bound(targets[i].bdf))
			broken("%s stays bound", targets[i].bdf);
	}
	__write_text(ENABLE_SRIOV, "N");
	for (i = 0; i < PARAMETER_COUNT; i++)
		if (before[i][0])
			__write_text(parameters[i].path, before[i]);
}
