// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets of a whole slot or bus: VFIO_DEVICE_GET_PCI_HOT_RESET_INFO and
 * VFIO_DEVICE_PCI_HOT_RESET, and what comes with the last close.
 *
 * Uses an edu on the root bus (nothing above it that could reset it), the two
 * edu below a PCI bridge (one group, one bus), and an igb below a root port (in
 * a hotplug slot).
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "vfio_edu.h"
#include "vfio_test.h"

#define HEADER		12	/* argsz, flags, count */
#define ENTRY		8
#define MANY		8

/* ---- What would be hit ---------------------------------------------------- */

union answer {
	struct vfio_pci_hot_reset_info head;
	struct {
		char head_bytes[HEADER];
		struct vfio_pci_dependent_device devices[MANY];
	};
};

static int __info(int device, union answer *answer, uint32_t argsz)
{
	memset(answer, 0x5a, sizeof(*answer));
	answer->head.argsz = argsz;
	return __call(device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, answer);
}

static bool untouched(const void *mem, size_t size)
{
	return is_all(mem, size, 0x5a);
}

/* Whether the list names the device, with its group. */
static bool lists(const union answer *answer, const char *bdf)
{
	char name[32];
	uint32_t i;

	for (i = 0; i < answer->head.count && i < MANY; i++) {
		const struct vfio_pci_dependent_device *device = &answer->devices[i];

		snprintf(name, sizeof(name), "%04x:%02x:%02x.%x", device->segment, device->bus,
			 device->devfn >> 3, device->devfn & 7);
		if (!strcmp(name, bdf))
			return (int)device->group_id == pci_group(bdf);
	}
	return false;
}

/* ---- The reset ------------------------------------------------------------ */

union request {
	struct vfio_pci_hot_reset head;
	struct {
		char head_bytes[HEADER];
		int32_t groups[MANY];
	};
};

/* Shows the same group @count times. */
static int __reset(int device, int group, uint32_t count)
{
	union request request = { .head = { .argsz = sizeof(request), .count = count } };
	int i;

	for (i = 0; i < MANY; i++)
		request.groups[i] = group;
	return __call(device, VFIO_DEVICE_PCI_HOT_RESET, &request);
}

/* ---- Nothing to reset it with --------------------------------------------- */

TEST_F(edu, no_info)
{
	union answer answer;

	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, NULL));
	EXPECT_EQ(-EINVAL, __info(self->fd, &answer, 0));
	EXPECT_EQ(-EINVAL, __info(self->fd, &answer, HEADER - 1));
	EXPECT_EQ(-ENODEV, __info(self->fd, &answer, HEADER));
	EXPECT_EQ(-ENODEV, __info(self->fd, &answer, sizeof(answer)));
	EXPECT_TRUE(untouched(&answer.head.flags, sizeof(answer) - 4));
}

/* What is wrong with the request comes first. */
TEST_F(edu, no_reset)
{
	union request request = { .head = { .argsz = HEADER - 1, .count = 1 } };

	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_DEVICE_PCI_HOT_RESET, NULL));
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_DEVICE_PCI_HOT_RESET, &request));
	request.head.argsz = HEADER;
	request.head.flags = 1;
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_DEVICE_PCI_HOT_RESET, &request));
	EXPECT_EQ(-EINVAL, __reset(self->fd, self->vfio.group, 0));
	EXPECT_EQ(-ENODEV, __reset(self->fd, self->vfio.group, 1));
	EXPECT_EQ(-ENODEV, __reset(self->fd, -1, MANY));
}

/* ---- Two on a bus --------------------------------------------------------- */

FIXTURE(pair)
{
	struct vfio vfio;
	char other[BDF_LEN];
	int fd;
	int other_fd;		/* -1 until a test opens it */
};

FIXTURE_SETUP(pair)
{
	char bdf[BDF_LEN];

	if (!pci_find_pair(ID_EDU, bdf, self->other))
		SKIP(return, "no pair of edu");
	pci_bind(self->other, "vfio-pci");
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	self->fd = self->vfio.device;
	self->other_fd = -1;
}

FIXTURE_TEARDOWN(pair)
{
	if (self->other_fd >= 0)
		close(self->other_fd);
	vfio_close(&self->vfio);
	pci_unbind(self->other);
}

TEST_F(pair, info)
{
	union answer answer;

	ASSERT_EQ(0, __info(self->fd, &answer, sizeof(answer)));
	EXPECT_EQ(sizeof(answer), answer.head.argsz);
	EXPECT_EQ(0, answer.head.flags);
	ASSERT_EQ(2, answer.head.count);
	EXPECT_TRUE(lists(&answer, self->vfio.bdf));
	EXPECT_TRUE(lists(&answer, self->other));
	EXPECT_TRUE(untouched(&answer.devices[2], sizeof(answer) - HEADER - 2 * ENTRY));
}

TEST_F(pair, info_room)
{
	union answer answer;
	uint32_t argsz;

	for (argsz = HEADER; argsz < HEADER + 2 * ENTRY; argsz++) {
		ASSERT_EQ(-ENOSPC, __info(self->fd, &answer, argsz));
		EXPECT_EQ(argsz, answer.head.argsz);
		EXPECT_EQ(0, answer.head.flags);
		EXPECT_EQ(2, answer.head.count);
		EXPECT_TRUE(untouched(answer.devices, sizeof(answer.devices)));
	}
	EXPECT_EQ(0, __info(self->fd, &answer, argsz));
	EXPECT_EQ(2, answer.head.count);
	/* Not even a wrong size is more than what there is. */
	EXPECT_EQ(0, __info(self->fd, &answer, UINT32_MAX));
	EXPECT_EQ(2, answer.head.count);
}

TEST_F(pair, info_fault)
{
	struct vfio_pci_hot_reset_info *head = (void *)(memory_end() - HEADER);

	*head = (struct vfio_pci_hot_reset_info){ .argsz = HEADER };
	EXPECT_EQ(-ENOSPC, __call(self->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, head));
	EXPECT_EQ(2, head->count);
	*head = (struct vfio_pci_hot_reset_info){ .argsz = HEADER + 2 * ENTRY };
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, head));
	EXPECT_EQ(0, head->count);
}

/* The list is of what is there, whoever drives it. */
TEST_F(pair, info_of_strangers)
{
	union answer answer;

	pci_unbind(self->other);
	ASSERT_EQ(0, __info(self->fd, &answer, sizeof(answer)));
	ASSERT_EQ(2, answer.head.count);
	EXPECT_TRUE(lists(&answer, self->other));
}

#define EDU_ID		0x010000ed
#define EDU_LIVE	0x04	/* shows the inverse of what is written */
#define EDU_RAISE	0x60

TEST_F(pair, groups_to_show)
{
	struct vfio_pci_hot_reset *head = (void *)(memory_end() - HEADER);
	union request mixed = { .head = { .argsz = sizeof(mixed), .count = 2 } };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	EXPECT_EQ(-EINVAL, __reset(self->fd, self->vfio.group, 0));
	/* There are two devices, so there cannot be three groups. */
	EXPECT_EQ(-EINVAL, __reset(self->fd, -1, 3));
	EXPECT_EQ(-EINVAL, __reset(self->fd, self->vfio.group, 3));
	EXPECT_EQ(-EINVAL, __reset(self->fd, self->vfio.group, UINT32_MAX));
	*head = (struct vfio_pci_hot_reset){ .argsz = HEADER, .count = 1 };
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_DEVICE_PCI_HOT_RESET, head));
	EXPECT_EQ(-EBADF, __reset(self->fd, -1, 1));
	EXPECT_EQ(-EBADF, __reset(self->fd, 999, 1));
	EXPECT_EQ(-EINVAL, __reset(self->fd, null, 1));
	EXPECT_EQ(-EINVAL, __reset(self->fd, self->vfio.container, 1));
	EXPECT_EQ(-EINVAL, __reset(self->fd, self->fd, 1));
	/* One after the other. */
	mixed.groups[0] = self->fd;
	mixed.groups[1] = -1;
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_DEVICE_PCI_HOT_RESET, &mixed));
	mixed.groups[0] = self->vfio.group;
	EXPECT_EQ(-EBADF, __call(self->fd, VFIO_DEVICE_PCI_HOT_RESET, &mixed));
	close(null);
}

/* The group of somebody else is no proof. */
TEST_F(pair, group_of_others)
{
	char bdf[BDF_LEN];
	int group;

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu alone in its group");
	pci_bind(bdf, "vfio-pci");
	group = group_open(pci_group(bdf));
	EXPECT_EQ(-EINVAL, __reset(self->fd, group, 1));
	EXPECT_EQ(-EINVAL, __reset(self->fd, group, 2));
	close(group);
	pci_unbind(bdf);
}

/* Nobody else may be hit. */
TEST_F(pair, stranger)
{
	pci_unbind(self->other);
	EXPECT_EQ(-EINVAL, __reset(self->fd, self->vfio.group, 1));
	if (!system("modprobe -q pci-stub")) {
		pci_bind(self->other, "pci-stub");
		EXPECT_EQ(-EINVAL, __reset(self->fd, self->vfio.group, 1));
	}
	pci_bind(self->other, "vfio-pci");
	EXPECT_EQ(0, __reset(self->fd, self->vfio.group, 1));
}

/* The other one is closed, and asleep if it can sleep. */
TEST_F(pair, reset)
{
	uint16_t command;

	pci_command(self->fd, 6, 0);
	config_write(self->fd, 0x3c, 1, 0x2a);
	command = config_read(self->fd, 4, 2);
	EXPECT_EQ(0, __reset(self->fd, self->vfio.group, 1));
	EXPECT_EQ(command, config_read(self->fd, 4, 2));
	EXPECT_EQ(0x2a, config_read(self->fd, 0x3c, 1));
	/* Once is enough, and twice is allowed. */
	EXPECT_EQ(0, __reset(self->fd, self->vfio.group, 2));
}

TEST_F(pair, mappings_survive)
{
	struct edu first, second;

	self->other_fd = group_get_device(self->vfio.group, self->other);
	edu_open(&first, self->fd);
	edu_open(&second, self->other_fd);
	EXPECT_EQ(EDU_ID, edu_read(&first, 0));
	EXPECT_EQ(EDU_ID, edu_read(&second, 0));
	EXPECT_EQ(0, __reset(self->other_fd, self->vfio.group, 1));
	EXPECT_EQ(EDU_ID, edu_read(&first, 0));
	EXPECT_EQ(EDU_ID, edu_read(&second, 0));
	edu_write(&second, EDU_LIVE, 5);
	EXPECT_EQ(~5u, edu_read(&second, EDU_LIVE));
	edu_close(&first);
	edu_close(&second);
}

/* What is wired stays wired. */
TEST_F(pair, interrupts_survive)
{
	int event = eventfd(0, EFD_CLOEXEC);
	struct edu edu;

	edu_open(&edu, self->fd);
	ASSERT_EQ(0, __irq_eventfds(self->fd, VFIO_PCI_MSI_IRQ_INDEX, 0, 1, &event));
	edu_write(&edu, EDU_RAISE, 1);
	EXPECT_EQ(1, eventfd_wait(event, 1000));
	EXPECT_EQ(0, __reset(self->fd, self->vfio.group, 1));
	edu_write(&edu, EDU_RAISE, 2);
	EXPECT_EQ(1, eventfd_wait(event, 1000));
	edu_close(&edu);
	close(event);
}

/* Who unbinds a device holds its lock, until the device is closed. */
TEST_F(pair, locked)
{
	struct child child;
	int i;

	self->other_fd = group_get_device(self->vfio.group, self->other);
	if (start_child(&child)) {
		close(self->other_fd);
		tell(&child);
		pci_unbind(self->other);
		_exit(0);
	}
	wait_for(&child);
	for (i = 0; i < 50 && __reset(self->fd, self->vfio.group, 1) != -EAGAIN; i++)
		usleep(20000);
	EXPECT_EQ(-EAGAIN, __reset(self->fd, self->vfio.group, 1));
	close(self->other_fd);
	self->other_fd = -1;
	EXPECT_EQ(0, end_of(&child));
	EXPECT_EQ(-EINVAL, __reset(self->fd, self->vfio.group, 1));
}

struct toucher {
	struct edu edu;
	int device;
	volatile bool stop;
	unsigned long wrong, done;
};

static void *touch(void *arg)
{
	struct toucher *toucher = arg;
	uint32_t value;

	while (!toucher->stop) {
		toucher->wrong += edu_read(&toucher->edu, 0) != EDU_ID;
		toucher->wrong += __region_read(toucher->device, VFIO_PCI_BAR0_REGION_INDEX, 0,
						&value, 4) != 4 || value != EDU_ID;
		toucher->done++;
		/* Without a pause there is hardly a moment for the other thread. */
		usleep(100);
	}
	return NULL;
}

/* Whoever touches a device meanwhile waits for it, or makes the reset fail. */
TEST_F(pair, touched)
{
	struct toucher toucher = { .device = self->fd };
	double end = seconds() + 10;
	pthread_t thread;
	int ret = 0, done = 0;

	edu_open(&toucher.edu, self->fd);
	ASSERT_EQ(0, pthread_create(&thread, NULL, touch, &toucher));
	while (done < 3 && seconds() < end) {
		ret = __reset(self->fd, self->vfio.group, 1);
		if (ret && ret != -EBUSY)
			break;
		done += !ret;
	}
	toucher.stop = true;
	pthread_join(thread, NULL);
	EXPECT_EQ(3, done) {
		TH_LOG("the last reset: %d", ret);
	}
	EXPECT_EQ(0, toucher.wrong);
	EXPECT_LT(0, toucher.done);
	edu_close(&toucher.edu);
}

/* ---- The last close ------------------------------------------------------- */

/* The kernel's log, from now on. */
static int log_open(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (log < 0 || lseek(log, 0, SEEK_END) < 0)
		fail("/dev/kmsg: %s", strerror(errno));
	return log;
}

/* How often the kernel says that it reset the device on behalf of a driver. */
static int resets_in(int log, const char *bdf)
{
	char line[8192], what[48];
	int count = 0;
	ssize_t len;

	snprintf(what, sizeof(what), "%s: reset done", bdf);
	while ((len = read(log, line, sizeof(line) - 1)) > 0) {
		line[len] = '\0';
		count += strstr(line, what) != NULL;
	}
	return count;
}

struct logs {
	int first, second;
};

static struct logs logs_open(void)
{
	return (struct logs){ log_open(), log_open() };
}

/* Whether each of the two devices was reset so many times since; closes the logs. */
static bool both_reset(struct logs logs, const char *first, const char *second, int times)
{
	bool both = resets_in(logs.first, first) == times &&
		    resets_in(logs.second, second) == times;

	close(logs.first);
	close(logs.second);
	return both;
}

/* Nobody uses the bus any more, and an edu cannot be reset alone. */
TEST_F(pair, last_close)
{
	struct logs logs = logs_open();

	close(self->fd);
	self->vfio.device = -1;
	EXPECT_TRUE(both_reset(logs, self->vfio.bdf, self->other, 1));
}

/* The traces of the first one are still there when the second one is closed. */
TEST_F(pair, first_close)
{
	struct logs logs;

	self->other_fd = group_get_device(self->vfio.group, self->other);
	logs = logs_open();
	close(self->fd);
	self->vfio.device = -1;
	EXPECT_TRUE(both_reset(logs, self->vfio.bdf, self->other, 0));
	logs = logs_open();
	close(self->other_fd);
	self->other_fd = -1;
	EXPECT_TRUE(both_reset(logs, self->vfio.bdf, self->other, 1));
}

/* A second file of the same device is a use as well. */
TEST_F(pair, close_of_one_file)
{
	int again = group_get_device(self->vfio.group, self->vfio.bdf);
	struct logs logs = logs_open();

	close(self->fd);
	self->vfio.device = -1;
	EXPECT_TRUE(both_reset(logs, self->vfio.bdf, self->other, 0));
	logs = logs_open();
	close(again);
	EXPECT_TRUE(both_reset(logs, self->vfio.bdf, self->other, 1));
}

/* Somebody else may be using the other one. */
TEST_F(pair, close_beside_stranger)
{
	struct logs logs;

	pci_unbind(self->other);
	logs = logs_open();
	close(self->fd);
	self->vfio.device = -1;
	EXPECT_TRUE(both_reset(logs, self->vfio.bdf, self->other, 0));
}

/* ---- One in a slot -------------------------------------------------------- */

FIXTURE(port)
{
	struct vfio vfio;
	int fd;
};

FIXTURE_SETUP(port)
{
	unsigned int nth = 0;
	char bdf[BDF_LEN];

	do {
		if (!pci_find(ID_IGB, nth++, bdf))
			SKIP(return, "no igb below a port");
	} while (!strncmp(bdf, "0000:00:", 8));
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	self->fd = self->vfio.device;
}

FIXTURE_TEARDOWN(port)
{
	vfio_close(&self->vfio);
}

TEST_F(port, info)
{
	union answer answer;

	EXPECT_EQ(-ENOSPC, __info(self->fd, &answer, HEADER));
	EXPECT_EQ(1, answer.head.count);
	ASSERT_EQ(0, __info(self->fd, &answer, HEADER + ENTRY));
	ASSERT_EQ(1, answer.head.count);
	EXPECT_TRUE(lists(&answer, self->vfio.bdf));
}

/* RDBAL, which keeps what is written, and is 0 after a reset. */
#define SCRATCH	0xc000
#define VALUE	0x12345680

TEST_F(port, reset)
{
	volatile uint32_t *regs = region_map(self->fd, VFIO_PCI_BAR0_REGION_INDEX);
	uint32_t bar = config_read(self->fd, 0x10, 4);
	uint16_t command;

	pci_command(self->fd, 6, 0);
	command = config_read(self->fd, 4, 2);
	regs[SCRATCH / 4] = VALUE;
	ASSERT_EQ(VALUE, regs[SCRATCH / 4]);
	ASSERT_EQ(0, __reset(self->fd, self->vfio.group, 1));
	EXPECT_EQ(0, regs[SCRATCH / 4]);
	EXPECT_EQ(command, config_read(self->fd, 4, 2));
	EXPECT_EQ(bar, config_read(self->fd, 0x10, 4));
	regs[SCRATCH / 4] = VALUE;
	EXPECT_EQ(VALUE, regs[SCRATCH / 4]);
	munmap((void *)regs, region_info(self->fd, VFIO_PCI_BAR0_REGION_INDEX).size);
}

/* What was off stays off. */
TEST_F(port, reset_without_memory)
{
	uint16_t command;

	pci_command(self->fd, 0, 6);
	command = config_read(self->fd, 4, 2);
	EXPECT_EQ(0, __reset(self->fd, self->vfio.group, 1));
	EXPECT_EQ(command, config_read(self->fd, 4, 2));
}

/* The igb forgets its registers in D3; its user does not notice. */
TEST_F(port, reset_asleep)
{
	uint32_t pm = pci_capability(self->fd, 1), value;
	uint16_t command;

	ASSERT_NE(0, pm);
	pci_command(self->fd, 6, 0);
	command = config_read(self->fd, 4, 2);
	config_write(self->fd, pm + 4, 2, 3);
	EXPECT_EQ(0, __reset(self->fd, self->vfio.group, 1));
	EXPECT_EQ(0, config_read(self->fd, pm + 4, 2) & 3);
	EXPECT_EQ(command, config_read(self->fd, 4, 2));
	EXPECT_EQ(4, __region_read(self->fd, VFIO_PCI_BAR0_REGION_INDEX, SCRATCH, &value, 4));
	EXPECT_EQ(0, value);
}

/* It was reset alone, which is not told. */
TEST_F(port, last_close)
{
	int log = log_open();

	close(self->fd);
	self->vfio.device = -1;
	EXPECT_EQ(0, resets_in(log, self->vfio.bdf));
	close(log);
}

TEST_HARNESS_MAIN
