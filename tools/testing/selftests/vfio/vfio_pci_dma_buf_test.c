// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_FEATURE_DMA_BUF: parts of BARs as files, for other devices to reach.
 *
 * What an importer sees of it when the device stops to answer cannot be tried
 * here: the kernel has no importer that works with emulated devices. One that is
 * refused is vgem, if the kernel has it.
 *
 * Uses edu (a memory BAR) and pci-testdev (a port BAR), each alone in its group.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "vfio_log.h"
#include "vfio_region.h"

#define GET	(VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF)
#define SET	(VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_DMA_BUF)
#define PROBE	VFIO_DEVICE_FEATURE_PROBE
#define MANY	4

/* A request with room for a few ranges. */
union request {
	struct vfio_device_feature head;
	struct {
		struct vfio_device_feature feature;
		uint32_t region, open_flags, flags, count;
		struct vfio_region_dma_range ranges[MANY];
	};
};

static union request request(uint32_t region, uint32_t count, uint64_t offset, uint64_t length)
{
	union request request = {
		.feature = { .argsz = sizeof(request), .flags = GET },
		.region = region, .open_flags = O_RDWR | O_CLOEXEC, .count = count,
		.ranges = { { offset, length } },
	};

	return request;
}

static int __share(int device, union request request)
{
	return __call(device, VFIO_DEVICE_FEATURE, &request);
}

/* One range of a BAR. */
static int __share_one(int device, uint32_t region, uint64_t offset, uint64_t length)
{
	return __share(device, request(region, 1, offset, length));
}

/* ---- What is refused, and in which order ------------------------------------- */

TEST_F(edu, probe)
{
	union request none = { .head = { .argsz = sizeof(none.head) } };

	none.head.flags = PROBE | GET;
	EXPECT_EQ(0, __share(self->fd, none));
	none.head.flags = PROBE | VFIO_DEVICE_FEATURE_DMA_BUF;
	EXPECT_EQ(0, __share(self->fd, none));
	none.head.flags = PROBE | SET;
	EXPECT_EQ(-EINVAL, __share(self->fd, none));
	none.head.flags = VFIO_DEVICE_FEATURE_DMA_BUF;
	EXPECT_EQ(-EINVAL, __share(self->fd, none));
	none.head.flags = SET;
	EXPECT_EQ(-EINVAL, __share(self->fd, none));
	/* No room for what comes before the ranges. */
	none.head.flags = GET;
	EXPECT_EQ(-EINVAL, __share(self->fd, none));
	none.head.argsz = sizeof(none.head) + 15;
	EXPECT_EQ(-EINVAL, __share(self->fd, none));
}

TEST_F(edu, order)
{
	static const uint32_t regions[] = { BAR(1), BAR(5), ROM, CONFIG, VGA, FAR, UINT32_MAX };
	union request bad = request(FAR, 0, 1, 1);
	size_t i;

	bad.flags = 1;
	EXPECT_EQ(-EINVAL, __share(self->fd, bad));
	bad.count = 1;
	EXPECT_EQ(-EINVAL, __share(self->fd, bad));
	bad.flags = 0;
	EXPECT_EQ(-ENODEV, __share(self->fd, bad));
	for (i = 0; i < ARRAY_SIZE(regions); i++) {
		EXPECT_EQ(-ENODEV, __share_one(self->fd, regions[i], 0, PAGE)) {
			TH_LOG("region %u", regions[i]);
		}
	}
	bad.region = BAR(0);
	EXPECT_EQ(-EINVAL, __share(self->fd, bad));
	/* More ranges than anybody could copy. */
	bad.count = UINT32_MAX;
	EXPECT_EQ(-ENOMEM, __share(self->fd, bad));
}

TEST_F(edu, ranges)
{
	static const struct {
		int error;
		uint64_t offset, length;
	} bad[] = {
		{ -EINVAL, 0, 0 },
		{ -EINVAL, 0, 1 },
		{ -EINVAL, 8, PAGE },
		{ -EINVAL, PAGE, PAGE - 1 },
		{ -EINVAL, EDU_SIZE, PAGE },
		{ -EINVAL, EDU_SIZE - PAGE, 2 * PAGE },
		{ -EINVAL, 0, EDU_SIZE + PAGE },
		{ -EINVAL, 0, 1ULL << 63 },
		{ -EOVERFLOW, -PAGE, PAGE },
		{ -EINVAL, 0, -PAGE },
	};
	union request two = request(BAR(0), 2, 0, PAGE);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(bad[i].error, __share_one(self->fd, BAR(0), bad[i].offset,
						    bad[i].length)) {
			TH_LOG("%#llx bytes at %#llx", (unsigned long long)bad[i].length,
			       (unsigned long long)bad[i].offset);
		}
		two.ranges[1] = (struct vfio_region_dma_range){ bad[i].offset, bad[i].length };
		EXPECT_GT(0, __share(self->fd, two));
	}
	/* Two that are too long together. */
	two.ranges[0].length = two.ranges[1].length = 1ULL << 62;
	EXPECT_EQ(-EINVAL, __share(self->fd, two));
}

TEST_F(edu, fault)
{
	union request *end = (void *)(memory_end() - offsetof(union request, ranges));

	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_DEVICE_FEATURE, NULL));
	memcpy(end, &(union request){ .feature = { sizeof(*end), GET }, .region = BAR(0), .count = 1 },
	       offsetof(union request, ranges));
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_DEVICE_FEATURE, end));
}

/* Port BARs cannot be reached by other devices. */
TEST_F(testdev, port)
{
	union request probe = request(BAR(1), 1, 0, PAGE);

	probe.head.flags |= PROBE;
	EXPECT_EQ(0, __share(self->fd, probe));
	EXPECT_EQ(-EINVAL, __share_one(self->fd, BAR(1), 0, PAGE));
	EXPECT_EQ(-EINVAL, __share_one(self->fd, BAR(1), 0, 1));
}

/* ---- Files -------------------------------------------------------------------- */

static off_t size_of(int fd)
{
	return lseek(fd, 0, SEEK_END);
}

TEST_F(edu, file)
{
	char path[64], link[64] = {}, info[512] = {};
	int fd, file;

	fd = __share_one(self->fd, BAR(0), 0, PAGE);
	ASSERT_LE(0, fd);
	EXPECT_EQ(PAGE, size_of(fd));
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_RDWR, fcntl(fd, F_GETFL) & O_ACCMODE);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	EXPECT_LT(0, readlink(path, link, sizeof(link) - 1));
	EXPECT_NE(NULL, strstr(link, "dmabuf"));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = open(path, O_RDONLY);
	EXPECT_LT(0, read(file, info, sizeof(info) - 1));
	close(file);
	EXPECT_NE(NULL, strstr(info, "exp_name:\tvfio_pci_core\n"));
	/* The processor has the region for that. */
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(EINVAL, errno);
	close(fd);
}

TEST_F(edu, several_ranges)
{
	union request all = request(BAR(0), 3, 2 * PAGE, 3 * PAGE);
	int fd;

	all.open_flags = O_RDONLY;
	all.ranges[1] = (struct vfio_region_dma_range){ EDU_SIZE - PAGE, PAGE };
	/* The same once more. */
	all.ranges[2] = all.ranges[0];
	fd = __share(self->fd, all);
	ASSERT_LE(0, fd);
	EXPECT_EQ(7 * PAGE, size_of(fd));
	EXPECT_EQ(0, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_RDONLY, fcntl(fd, F_GETFL) & O_ACCMODE);
	close(fd);
	fd = __share_one(self->fd, BAR(0), 0, EDU_SIZE);
	ASSERT_LE(0, fd);
	EXPECT_EQ(EDU_SIZE, size_of(fd));
	close(fd);
}

/* CVE-2026-31468: without a descriptor to give, the buffer was freed twice. */
TEST_F(edu, r14_no_descriptor_left)
{
	struct rlimit limit, none;
	int i, fd;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	none = (struct rlimit){ 0, limit.rlim_max };
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	for (i = 0; i < 100; i++)
		EXPECT_EQ(-EMFILE, __share_one(self->fd, BAR(0), 0, PAGE));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	fd = __share_one(self->fd, BAR(0), 0, PAGE);
	EXPECT_LE(0, fd);
	close(fd);
}

/* ---- Buffers and their device ---------------------------------------------------- */

/* A device may stop to answer with buffers about, and with none. */
TEST_F(edu, memory_off_and_on)
{
	int fds[8], i;

	pci_command(self->fd, 0, 2);
	for (i = 0; i < 8; i++) {
		fds[i] = __share_one(self->fd, BAR(0), i * PAGE, PAGE);
		ASSERT_LE(0, fds[i]);
		if (i & 1)
			pci_command(self->fd, 0, 2);
		else
			pci_command(self->fd, 2, 0);
	}
	for (i = 0; i < 8; i += 2)
		close(fds[i]);
	pci_command(self->fd, 2, 0);
	pci_command(self->fd, 0, 2);
	for (i = 1; i < 8; i += 2)
		close(fds[i]);
	pci_command(self->fd, 2, 0);
}

/* A buffer outlives the use of its device, and the driver. */
TEST_F(edu, outlives_the_device)
{
	int fd = __share_one(self->fd, BAR(0), 0, PAGE), again;

	ASSERT_LE(0, fd);
	close(self->fd);
	self->vfio.device = group_get_device(self->vfio.group, self->vfio.bdf);
	again = __share_one(self->vfio.device, BAR(0), 0, PAGE);
	EXPECT_LE(0, again);
	close(self->vfio.device);
	self->vfio.device = -1;
	pci_unbind(self->vfio.bdf);
	EXPECT_EQ(PAGE, size_of(fd));
	EXPECT_EQ(PAGE, size_of(again));
	close(fd);
	pci_bind(self->vfio.bdf, "vfio-pci");
	close(again);
}

/* Whether the kernel has said that it is in trouble since @log was opened. */
static bool trouble_in(int log)
{
	char record[1024];
	bool found = false;
	ssize_t len;

	while (len = read(log, record, sizeof(record) - 1), len > 0) {
		record[len] = '\0';
		found |= strstr(record, "WARNING: ") || strstr(record, "BUG: ");
	}
	close(log);
	return found;
}

/* Ends with the device and a buffer open, the one or the other to be closed first. */
static void end_with_both(int device, bool device_first)
{
	int buffer = __share_one(device, BAR(0), 0, PAGE);

	if (buffer < 0)
		fail("no buffer: %s", strerror(-buffer));
	/* The file of the lowest number is given up first. */
	if (dup2(device_first ? device : buffer, 100) < 0 ||
	    dup2(device_first ? buffer : device, 101) < 0)
		fail("dup2: %s", strerror(errno));
	close(buffer);
	close(device);
	_exit(0);
}

/* A buffer whose last file is being closed when its device is. */
TEST_F(edu, ends_with_the_device)
{
	int log = log_open(), status, i;
	pid_t child;

	close(self->fd);
	for (i = 0; i < 2; i++) {
		child = fork();
		ASSERT_LE(0, child);
		if (!child)
			end_with_both(group_get_device(self->vfio.group, self->vfio.bdf), i);
		ASSERT_EQ(child, waitpid(child, &status, 0));
		EXPECT_EQ(0, status);
	}
	self->vfio.device = -1;
	EXPECT_FALSE(trouble_in(log));
}

/* ---- An importer ------------------------------------------------------------------ */

struct prime_handle {
	uint32_t handle, flags;
	int32_t fd;
};

#define PRIME_FD_TO_HANDLE	_IOWR('d', 0x2e, struct prime_handle)

static int vgem_open(void)
{
	char path[64], device[128];
	int card, len;

	if (system("modprobe -q vgem"))
		return -1;
	for (card = 0; card < 8; card++) {
		snprintf(path, sizeof(path), "/sys/class/drm/card%d/device", card);
		len = readlink(path, device, sizeof(device) - 1);
		if (len < 0)
			continue;
		device[len] = '\0';
		if (!strstr(device, "vgem"))
			continue;
		snprintf(path, sizeof(path), "/dev/dri/card%d", card);
		return open(path, O_RDWR | O_CLOEXEC);
	}
	return -1;
}

/* Who cannot reach the memory of other devices, or cannot let go of it, gets none. */
TEST_F(edu, importer_that_cannot)
{
	struct prime_handle handle = {};
	int vgem = vgem_open();

	if (vgem < 0)
		SKIP(return, "no vgem");
	handle.fd = __share_one(self->fd, BAR(0), 0, PAGE);
	ASSERT_LE(0, handle.fd);
	EXPECT_EQ(-EOPNOTSUPP, __call(vgem, PRIME_FD_TO_HANDLE, &handle));
	pci_command(self->fd, 2, 0);
	EXPECT_EQ(-EOPNOTSUPP, __call(vgem, PRIME_FD_TO_HANDLE, &handle));
	close(handle.fd);
	close(vgem);
}

TEST_HARNESS_MAIN
