// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets of a whole slot or bus: VFIO_DEVICE_PCI_HOT_RESET.
 */
#include <pthread.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "vfio_eventfd.h"
#include "vfio_hot_reset.h"

/* What is wrong with the request comes first. */
TEST_F(edu, no_reset)
{
	union request request = { .head = { .argsz = HEADER - 1, .count = 1 } };

	if (!on_root_bus(self->vfio.bdf))
		SKIP(return, "its bus can be reset");
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_DEVICE_PCI_HOT_RESET, NULL));
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_DEVICE_PCI_HOT_RESET, &request));
	request.head.argsz = HEADER;
	request.head.flags = 1;
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_DEVICE_PCI_HOT_RESET, &request));
	EXPECT_EQ(-EINVAL, __reset(self->fd, self->vfio.group, 0));
	EXPECT_EQ(-ENODEV, __reset(self->fd, self->vfio.group, 1));
	EXPECT_EQ(-ENODEV, __reset(self->fd, -1, MANY));
}

TEST_F(pair, groups_to_show)
{
	struct vfio_pci_hot_reset *head = (void *)(memory_end() - HEADER);
	union request mixed = { .head = { .argsz = sizeof(mixed), .count = 2 } };
	int null = no_eventfd();

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
	int event = eventfd_new();
	struct edu edu;

	edu_open(&edu, self->fd);
	ASSERT_EQ(0, __irq_eventfds(self->fd, VFIO_PCI_MSI_IRQ_INDEX, 0, 1, &event));
	edu_write(&edu, EDU_IRQ_RAISE, 1);
	EXPECT_EQ(1, eventfd_wait(event, SOON));
	EXPECT_EQ(0, __reset(self->fd, self->vfio.group, 1));
	edu_write(&edu, EDU_IRQ_RAISE, 2);
	EXPECT_EQ(1, eventfd_wait(event, SOON));
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

TEST_HARNESS_MAIN
