// SPDX-License-Identifier: GPL-2.0-only
/* The machine and the process a test runs in. */
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>

#include "vfio_test.h"

bool driver_is_rust(void)
{
	const char *driver = getenv("VFIO_DRIVER");

	if (driver)
		return !strcmp(driver, "rust");
	return !access("/sys/module/vfio/parameters/strict_viability", F_OK);
}

int __read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = read(fd, text, size - 1);
	if (len < 0) {
		len = -errno;
		close(fd);
		return len;
	}
	close(fd);
	if (len && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	return 0;
}

int __write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

void write_text(const char *path, const char *text)
{
	int ret = __write_text(path, text);

	if (ret)
		fail("'%s' to %s: %s", text, path, strerror(-ret));
}

long vm_locked_kb(pid_t pid)
{
	char path[64], line[256];
	long kb = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (!file)
		fail("%s: %s", path, strerror(errno));
	while (kb < 0 && fgets(line, sizeof(line), file))
		sscanf(line, "VmLck: %ld kB", &kb);
	fclose(file);
	if (kb < 0)
		fail("%s has no VmLck", path);
	return kb;
}

long my_locked(void)
{
	return vm_locked_kb(getpid());
}

static long pins(void)
{
	long value, acquired = -1, released = -1;
	char text[8], word[64];
	FILE *file;

	/* Each processor counts for itself; reading this file adds them up. */
	must(__read_text("/proc/sys/vm/stat_refresh", text, sizeof(text)));
	/* Both from one look, or what comes between two would be counted half. */
	file = fopen("/proc/vmstat", "re");
	if (!file)
		fail("/proc/vmstat: %s", strerror(errno));
	while (fscanf(file, "%63s %ld", word, &value) == 2) {
		if (!strcmp(word, "nr_foll_pin_acquired"))
			acquired = value;
		else if (!strcmp(word, "nr_foll_pin_released"))
			released = value;
	}
	fclose(file);
	if (acquired < 0 || released < 0)
		fail("/proc/vmstat does not count pins");
	return acquired - released;
}

long pinned_pages(void)
{
	const struct timespec moment = { .tv_nsec = 10000000 };
	long least = pins(), now;
	int i;

	/* Others pin as well, while they read or write a file, but not for long. */
	for (i = 0; i < 20 && least; i++) {
		nanosleep(&moment, NULL);
		now = pins();
		/* There is somebody who pins more and more, and is the one to be seen. */
		if (least > 0 && now > least)
			break;
		least = now;
	}
	return least;
}

long pinned_until(long want)
{
	const struct timespec moment = { .tv_nsec = 20000000 };
	double end = seconds() + 3;
	long now;

	while ((now = pins()) != want && seconds() < end)
		nanosleep(&moment, NULL);
	return now;
}

long huge_pages_free(size_t page)
{
	char path[80], text[16];

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%zukB/free_hugepages",
		 page / 1024);
	return __read_text(path, text, sizeof(text)) ? 0 : strtol(text, NULL, 10);
}

double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static void *anonymous(size_t size, int flags)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);

	if (mem == MAP_FAILED)
		fail("mmap of %zu bytes: %s", size, strerror(errno));
	return mem;
}

void *memory(size_t size)
{
	return anonymous(size, MAP_SHARED);
}

void *private_memory(size_t size)
{
	return anonymous(size, MAP_PRIVATE);
}

char *memory_end(void)
{
	char *mem = memory(2 * PAGE);

	if (mprotect(mem + PAGE, PAGE, PROT_NONE))
		fail("mprotect: %s", strerror(errno));
	return mem + PAGE;
}

void wait_a_moment(void)
{
	const struct timespec moment = { .tv_nsec = 20000000 };

	nanosleep(&moment, NULL);
}
