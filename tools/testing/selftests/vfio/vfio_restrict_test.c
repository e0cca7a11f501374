// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_FEATURE_RESTRICT: what the open file of a device is no longer good
 * for, before it is given to a program that is trusted less. The kernel's own
 * modules have no such call.
 *
 * Uses an edu and an e1000e, each alone in its group. The device's own node needs a kernel that
 * has such nodes.
 */
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "vfio_cdev.h"
#include "vfio_log.h"
#include "vfio_region.h"

#define GET		VFIO_DEVICE_FEATURE_GET
#define SET		VFIO_DEVICE_FEATURE_SET
#define PROBE		VFIO_DEVICE_FEATURE_PROBE
#define RESTRICT	VFIO_DEVICE_FEATURE_RESTRICT

#define ALL \
	(VFIO_RESTRICT_CONFIG_WRITE | VFIO_RESTRICT_IRQ | VFIO_RESTRICT_RESET | \
	 VFIO_RESTRICT_MMAP | VFIO_RESTRICT_IOEVENTFD | VFIO_RESTRICT_FEATURE_SET)

FIXTURE(restricted)
{
	struct vfio vfio;
	int fd;		/* a second open of the device, to be restricted */
};

FIXTURE_SETUP(restricted)
{
	uint32_t probe[2] = { 8, PROBE | RESTRICT };
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu alone in its group");
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	pci_command(self->vfio.device, COMMAND_MEM, 0);
	self->fd = group_get_device(self->vfio.group, bdf);
	if (driver_is_rust())
		return;
	EXPECT_EQ(-ENOTTY, __call(self->fd, VFIO_DEVICE_FEATURE, probe));
	close(self->fd);
	vfio_close(&self->vfio);
	SKIP(return, "no such call");
}

FIXTURE_TEARDOWN(restricted)
{
	close(self->fd);
	vfio_close(&self->vfio);
}

/* ---- The call ----------------------------------------------------------------- */

struct request {
	struct vfio_device_feature head;
	struct vfio_device_feature_restrict data;
};

static int __feature(int fd, uint32_t argsz, uint32_t flags, uint32_t mask, uint32_t reserved)
{
	struct request request = {
		.head = { .argsz = argsz, .flags = flags | RESTRICT },
		.data = { .mask = mask, .reserved = reserved },
	};

	return __call(fd, VFIO_DEVICE_FEATURE, &request);
}

static int __restrict_to(int fd, uint32_t mask)
{
	return __feature(fd, sizeof(struct request), SET, mask, 0);
}

static uint32_t restriction(int fd)
{
	struct request request = {
		.head = { .argsz = sizeof(request), .flags = GET | RESTRICT },
		.data = { .mask = ~0u, .reserved = ~0u },
	};

	must(__call(fd, VFIO_DEVICE_FEATURE, &request));
	if (request.data.reserved)
		fail("reserved: %#x", request.data.reserved);
	return request.data.mask;
}

TEST_F(restricted, header)
{
	uint32_t bit, size;
	int fd = self->fd;
	char *end = memory_end() - 8;

	EXPECT_EQ(0, __feature(fd, 8, PROBE, 0, 0));
	EXPECT_EQ(0, __feature(fd, 8, PROBE | GET, 0, 0));
	EXPECT_EQ(0, __feature(fd, 8, PROBE | SET, 0, 0));
	EXPECT_EQ(0, __feature(fd, 8, PROBE | GET | SET, 0, 0));
	EXPECT_EQ(-EINVAL, __feature(fd, 16, GET | SET, 0, 0));
	EXPECT_EQ(-EINVAL, __feature(fd, 16, 0, 0, 0));
	for (size = 0; size < 16; size++) {
		EXPECT_EQ(-EINVAL, __feature(fd, size, GET, 0, 0));
		EXPECT_EQ(-EINVAL, __feature(fd, size, SET, ALL, 0));
	}
	for (bit = 6; bit < 32; bit++)
		EXPECT_EQ(-EINVAL, __feature(fd, 16, SET, ALL | 1U << bit, 0));
	EXPECT_EQ(-EINVAL, __feature(fd, 16, SET, ALL, 1));
	memcpy(end, &(uint32_t[]){ 16, SET | RESTRICT }, 8);
	EXPECT_EQ(-EFAULT, __call(fd, VFIO_DEVICE_FEATURE, end));
	memcpy(end, &(uint32_t[]){ 16, GET | RESTRICT }, 8);
	EXPECT_EQ(-EFAULT, __call(fd, VFIO_DEVICE_FEATURE, end));
	/* What was refused has left nothing behind. */
	EXPECT_EQ(0, restriction(fd));
}

TEST_F(restricted, there_is_no_way_back)
{
	uint32_t bit, mask = 0;

	for (bit = 0; bit < 6; bit++) {
		EXPECT_EQ(0, __restrict_to(self->fd, 1U << bit));
		mask |= 1U << bit;
		EXPECT_EQ(mask, restriction(self->fd));
		EXPECT_EQ(0, __restrict_to(self->fd, 0));
		EXPECT_EQ(mask, restriction(self->fd));
	}
	EXPECT_EQ(ALL, restriction(self->fd));
	EXPECT_EQ(0, restriction(self->vfio.device));
}

/* ---- What is refused ------------------------------------------------------------ */

/* Each returns a negative error, and else has changed nothing that counts. */

static int write_config(int fd, int group)
{
	uint16_t command = config_read(fd, 4, 2);
	int done = __region_write(fd, CONFIG, 4, &command, 2);

	return done == 2 ? 0 : done;
}

static int write_config_far(int fd, int group)
{
	uint8_t latency = config_read(fd, 0xd, 1);
	int done = __region_write(fd, CONFIG, 0xd, &latency, 1);

	return done == 1 ? 0 : done;
}

static int set_irqs(int fd, int group)
{
	return __irq_disable(fd, VFIO_PCI_INTX_IRQ_INDEX);
}

static int set_err_irq(int fd, int group)
{
	int none = -1;

	return __irq_eventfds(fd, VFIO_PCI_REQ_IRQ_INDEX, 0, 1, &none);
}

static int reset(int fd, int group)
{
	return __call(fd, VFIO_DEVICE_RESET, NULL);
}

static int hot_reset(int fd, int group)
{
	uint32_t request[4] = { sizeof(request), 0, 1, group };

	return __call(fd, VFIO_DEVICE_PCI_HOT_RESET, request);
}

static int map_bar(int fd, int group)
{
	void *addr;
	int error = map(fd, BAR(0), 0, PAGE, MAP_SHARED, &addr);

	if (!error)
		munmap(addr, PAGE);
	return error;
}

static int share_bar(int fd, int group)
{
	struct {
		struct vfio_device_feature head;
		uint32_t region, open_flags, flags, count;
		struct vfio_region_dma_range range;
	} request = {
		.head = { sizeof(request), GET | VFIO_DEVICE_FEATURE_DMA_BUF },
		.open_flags = O_CLOEXEC, .count = 1, .range = { 0, PAGE },
	};
	int buffer = __call(fd, VFIO_DEVICE_FEATURE, &request);

	if (buffer < 0)
		return buffer;
	close(buffer);
	return 0;
}

static int write_on_event(int fd, int group)
{
	int event = must(eventfd(0, EFD_CLOEXEC));
	int error = __ioeventfd(fd, 4, BAR(0), EDU_LIVE, 0, event);

	if (!error)
		error = __ioeventfd(fd, 4, BAR(0), EDU_LIVE, 0, -1);
	close(event);
	return error;
}

static int set_feature(int fd, int group)
{
	uint32_t request[2] = { 8, SET | VFIO_DEVICE_FEATURE_LOW_POWER_EXIT };

	return __call(fd, VFIO_DEVICE_FEATURE, request);
}

static int set_no_feature(int fd, int group)
{
	uint32_t request[8] = { 32, SET | 0xfeff };

	return __call(fd, VFIO_DEVICE_FEATURE, request);
}

static const struct {
	const char *name;
	uint32_t right;
	int (*use)(int fd, int group);
} uses[] = {
	{ "write to COMMAND", VFIO_RESTRICT_CONFIG_WRITE, write_config },
	{ "write to another register", VFIO_RESTRICT_CONFIG_WRITE, write_config_far },
	{ "SET_IRQS for INTx", VFIO_RESTRICT_IRQ, set_irqs },
	{ "SET_IRQS for messages of the host", VFIO_RESTRICT_IRQ, set_err_irq },
	{ "RESET", VFIO_RESTRICT_RESET, reset },
	{ "PCI_HOT_RESET", VFIO_RESTRICT_RESET, hot_reset },
	{ "mmap", VFIO_RESTRICT_MMAP, map_bar },
	{ "DMA_BUF", VFIO_RESTRICT_MMAP, share_bar },
	{ "IOEVENTFD", VFIO_RESTRICT_IOEVENTFD, write_on_event },
	{ "a feature", VFIO_RESTRICT_FEATURE_SET, set_feature },
	{ "no feature", VFIO_RESTRICT_FEATURE_SET, set_no_feature },
};

/* Each use is refused with its bit alone, all others go on, and so does each on another file. */
TEST_F(restricted, one_thing_at_a_time)
{
	int before[ARRAY_SIZE(uses)], group = self->vfio.group;
	unsigned int i;
	uint32_t bit;

	for (i = 0; i < ARRAY_SIZE(uses); i++) {
		before[i] = uses[i].use(self->fd, group);
		TH_LOG("%s: %d", uses[i].name, before[i]);
		ASSERT_NE(-EPERM, before[i]);
	}
	EXPECT_EQ(0, write_config(self->fd, group));
	EXPECT_EQ(0, set_err_irq(self->fd, group));
	EXPECT_EQ(0, map_bar(self->fd, group));
	EXPECT_EQ(0, set_feature(self->fd, group));
	for (bit = 1; bit <= ALL; bit <<= 1) {
		int fd = group_get_device(group, self->vfio.bdf);

		ASSERT_EQ(0, __restrict_to(fd, bit));
		pci_command(self->vfio.device, COMMAND_MEM, 0);
		for (i = 0; i < ARRAY_SIZE(uses); i++) {
			bool refused = uses[i].right == bit;

			EXPECT_EQ(refused ? -EPERM : before[i], uses[i].use(fd, group))
				TH_LOG("%s with %#x", uses[i].name, bit);
			EXPECT_EQ(before[i], uses[i].use(self->fd, group));
		}
		close(fd);
	}
}

/* What is left: looking, and the registers. */
TEST_F(restricted, what_still_works)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	volatile uint32_t *regs;
	uint32_t value, probe[2];
	unsigned int i;
	void *addr;

	ASSERT_EQ(0, map(self->fd, BAR(0), 0, PAGE, MAP_SHARED, &addr));
	regs = addr;
	ASSERT_EQ(0, __restrict_to(self->fd, ALL));
	for (i = 0; i < ARRAY_SIZE(uses); i++)
		EXPECT_EQ(-EPERM, uses[i].use(self->fd, self->vfio.group));
	EXPECT_EQ(0x11e81234, config_read(self->fd, 0, 4));
	EXPECT_EQ(0, __call(self->fd, VFIO_DEVICE_GET_INFO, &info));
	EXPECT_LT(0, region_info(self->fd, BAR(0)).size);
	value = to_edu(0x12345678);
	EXPECT_EQ(4, __region_write(self->fd, BAR(0), EDU_LIVE, &value, 4));
	EXPECT_EQ(4, __region_read(self->fd, BAR(0), EDU_LIVE, &value, 4));
	EXPECT_EQ(~0x12345678U, from_edu(value));
	/* What was mapped before stays. */
	EXPECT_EQ(~0x12345678U, from_edu(regs[EDU_LIVE / 4]));
	munmap(addr, PAGE);
	/* Probing, also of what cannot be set any more. */
	probe[0] = 8;
	probe[1] = PROBE | SET | VFIO_DEVICE_FEATURE_LOW_POWER_EXIT;
	EXPECT_EQ(0, __call(self->fd, VFIO_DEVICE_FEATURE, probe));
	probe[1] = PROBE | GET | SET | RESTRICT;
	EXPECT_EQ(0, __call(self->fd, VFIO_DEVICE_FEATURE, probe));
	EXPECT_EQ(0, __restrict_to(self->fd, ALL));
	EXPECT_EQ(ALL, restriction(self->fd));
}

/* A write that would begin in another region does not reach configuration space. */
TEST_F(restricted, no_way_around)
{
	uint16_t command = config_read(self->fd, 4, 2), word = ~command;

	ASSERT_EQ(0, __restrict_to(self->fd, VFIO_RESTRICT_CONFIG_WRITE));
	EXPECT_NE(2, pwrite(self->fd, &word, 2, OFFSET(CONFIG) - 2));
	EXPECT_EQ(-EPERM, __region_write(self->fd, CONFIG, 4, &word, 1));
	EXPECT_EQ(-EPERM, __region_write(self->fd, CONFIG, 4096, &word, 2));
	EXPECT_EQ(command, config_read(self->vfio.device, 4, 2));
}

/* On a device that can be reset. */
TEST(reset_that_works)
{
	struct vfio vfio;
	char bdf[BDF_LEN];

	if (!driver_is_rust() || !pci_find_alone(ID_E1000E, 0, bdf))
		SKIP(return, "no such call, or no e1000e alone in its group");
	vfio_open(&vfio, bdf, HOST_IOMMU);
	EXPECT_EQ(0, reset(vfio.device, 0));
	EXPECT_EQ(0, __restrict_to(vfio.device, VFIO_RESTRICT_RESET));
	/* A value that a reset would clear. */
	config_write(vfio.device, 0x0c, 1, 0x10);
	EXPECT_EQ(-EPERM, reset(vfio.device, 0));
	EXPECT_EQ(-EPERM, hot_reset(vfio.device, vfio.group));
	EXPECT_EQ(0x10, config_read(vfio.device, 0x0c, 1));
	vfio_close(&vfio);
}

/* ---- Another program, and the log ------------------------------------------------ */

TEST_F(restricted, passed_on)
{
	int sockets[2], copy = dup(self->fd);
	struct child child;
	uint32_t value;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
	ASSERT_EQ(0, __restrict_to(self->fd, VFIO_RESTRICT_RESET | VFIO_RESTRICT_IRQ));
	EXPECT_EQ(-EPERM, reset(copy, 0));
	if (start_child(&child)) {
		int fd = take_fd(sockets[1]);

		if (reset(fd, 0) != -EPERM || set_err_irq(fd, 0) != -EPERM)
			fail("not refused");
		if (__region_read(fd, BAR(0), 0, &value, 4) != 4 || from_edu(value) != EDU_ID)
			fail("cannot read");
		must(__restrict_to(fd, VFIO_RESTRICT_MMAP));
		_exit(0);
	}
	pass_fd(sockets[0], self->fd);
	EXPECT_EQ(0, end_of(&child));
	/* One open file, whoever has it. */
	EXPECT_EQ(VFIO_RESTRICT_RESET | VFIO_RESTRICT_IRQ | VFIO_RESTRICT_MMAP, restriction(copy));
	EXPECT_EQ(-EPERM, map_bar(copy, 0));
	EXPECT_EQ(0, map_bar(self->vfio.device, 0));
	EXPECT_EQ(0, set_err_irq(self->vfio.device, 0));
	close(copy);
}

TEST_F(restricted, says_why)
{
	char line[1024];
	bool said = false;
	ssize_t length;
	int log;

	/* Other tests have used up the lines of this window. */
	sleep(6);
	log = log_open();
	ASSERT_EQ(0, __restrict_to(self->fd, VFIO_RESTRICT_RESET));
	EXPECT_EQ(-EPERM, reset(self->fd, 0));
	while ((length = read(log, line, sizeof(line) - 1)) > 0) {
		line[length] = '\0';
		said |= strstr(line, self->vfio.bdf) && strstr(line, "not good for resets");
	}
	EXPECT_TRUE(said);
	close(log);
}

/* ---- The device's own node -------------------------------------------------------- */

TEST(node)
{
	char bdf[BDF_LEN], path[300];
	int iommu, fd;
	void *addr;

	if (!driver_is_rust() || !pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no such call, or no edu device alone in its group");
	pci_bind(bdf, "vfio-pci");
	if (!node_find(bdf, path, sizeof(path))) {
		pci_unbind(bdf);
		SKIP(return, "no nodes of devices in this kernel");
	}
	iommu = must(__iommu_open());
	fd = must(node_open(path));
	/* Nothing to restrict before the file is bound. */
	EXPECT_EQ(-EINVAL, __restrict_to(fd, ALL));
	must(__bind(fd, iommu));
	pci_command(fd, COMMAND_MEM, 0);
	EXPECT_EQ(0, __restrict_to(fd, ALL));
	EXPECT_EQ(ALL, restriction(fd));
	EXPECT_EQ(-EPERM, write_config(fd, 0));
	EXPECT_EQ(-EPERM, reset(fd, 0));
	EXPECT_EQ(-EPERM, set_err_irq(fd, 0));
	EXPECT_EQ(-EPERM, map(fd, BAR(0), 0, PAGE, MAP_SHARED, &addr));
	EXPECT_EQ(-EPERM, write_on_event(fd, 0));
	EXPECT_EQ(-EPERM, set_feature(fd, 0));
	close(fd);
	close(iommu);
	pci_unbind(bdf);
}

TEST_HARNESS_MAIN
