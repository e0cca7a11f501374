// SPDX-License-Identifier: GPL-2.0-only
/* The machine and the process a test runs in. */
#include <fcntl.h>
#include <sys/mman.h>

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

void *memory(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		fail("mmap of %zu bytes: %s", size, strerror(errno));
	return mem;
}
