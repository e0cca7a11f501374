// SPDX-License-Identifier: GPL-2.0-only
/*
 * Eventfds that trigger writes, rung while the device is reset, its memory goes
 * and comes, triggers come and go, and the device is closed.
 *
 * Uses an igb, alone in its group: it can be reset, which takes a while.
 */
#include <pthread.h>

#include "kselftest_harness.h"
#include "vfio_eventfd.h"
#include "vfio_region.h"

/* RDBAL: keeps what is written, and is 0 after a reset. */
#define SCRATCH		0xc000
#define VALUE		0x12345680

static int set(int device, uint32_t value, int fd)
{
	return __ioeventfd(device, 4, BAR(0), SCRATCH, value, fd);
}

/* The register, 0 while it cannot be read. */
static uint32_t scratch(int device)
{
	uint32_t value = 0;

	__region_read(device, BAR(0), SCRATCH, &value, 4);
	return value;
}

static void *reset(void *device)
{
	return (void *)(intptr_t)__call(*(int *)device, VFIO_DEVICE_RESET, NULL);
}

/* A write that cannot be made at once is made later, and does not block who rings. */
TEST_F(igb, during_reset)
{
	int event = eventfd_new(), i, tries, landed = 0;
	pthread_t thread;
	void *failed;

	ASSERT_EQ(0, set(self->fd, VALUE, event));
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, pthread_create(&thread, NULL, reset, &self->fd));
		usleep(30000);
		ring(event);
		EXPECT_EQ(0, eventfd_wait(event, 0));
		ASSERT_EQ(0, pthread_join(thread, &failed));
		EXPECT_EQ(NULL, failed);
		/* Should it have come before the reset began, it is gone. */
		for (tries = 0; tries < 100 && scratch(self->fd) != VALUE; tries++)
			usleep(1000);
		landed += scratch(self->fd) == VALUE;
	}
	EXPECT_LT(0, landed);
	close(event);
}

/* What the threads below share. */
struct storm {
	int device, event;
	volatile bool over;
};

/* Rings, and keeps the counter from becoming full while nobody listens. */
static void *ringing(void *arg)
{
	struct storm *storm = arg;
	uint64_t count;

	while (!storm->over) {
		ring(storm->event);
		if (read(storm->event, &count, sizeof(count)) < 0 && errno != EAGAIN)
			fail("read of an eventfd: %s", strerror(errno));
	}
	return NULL;
}

/* Adds and takes away, with eventfds that end either way. */
static void *changing(void *arg)
{
	struct storm *storm = arg;
	intptr_t wrong = 0;
	uint32_t i;
	int event;

	for (i = 1; !storm->over; i++) {
		event = eventfd_new();
		wrong += set(storm->device, i, event) != 0;
		wrong += set(storm->device, i | 1u << 31, storm->event) != 0;
		ring(event);
		if (i & 1)
			close(event);
		wrong += set(storm->device, i, -1) != 0;
		wrong += set(storm->device, i | 1u << 31, -1) != 0;
		if (!(i & 1))
			close(event);
	}
	return (void *)wrong;
}

TEST_F_TIMEOUT(igb, storm, 60)
{
	struct storm storm = { .device = self->fd, .event = eventfd_new() };
	pthread_t threads[2];
	void *wrong;
	int i;

	ASSERT_EQ(0, set(self->fd, VALUE, storm.event));
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, ringing, &storm));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, changing, &storm));
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(0, __call(self->fd, VFIO_DEVICE_RESET, NULL));
		pci_command(self->fd, 0, COMMAND_MEM);
		usleep(10000);
		pci_command(self->fd, COMMAND_MEM, 0);
		usleep(10000);
	}
	storm.over = true;
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], &wrong));
		EXPECT_EQ(NULL, wrong);
	}
	ring(storm.event);
	for (i = 0; i < SOON && scratch(self->fd) != VALUE; i++)
		usleep(1000);
	EXPECT_EQ(VALUE, scratch(self->fd));
	close(storm.event);
}

/* The device is closed while its eventfd is being rung. */
TEST(close_while_rung)
{
	struct storm storm = { .event = eventfd_new() };
	char bdf[BDF_LEN];
	pthread_t thread;
	struct vfio vfio;
	int i;

	if (!pci_find_alone(ID_IGB, 0, bdf))
		SKIP(return, "no igb alone in its group");
	ASSERT_EQ(0, pthread_create(&thread, NULL, ringing, &storm));
	for (i = 0; i < 5; i++) {
		vfio_open(&vfio, bdf, HOST_IOMMU);
		ASSERT_EQ(0, set(vfio.device, 1, storm.event));
		ASSERT_EQ(0, set(vfio.device, 2, storm.event));
		usleep(10000);
		vfio_close(&vfio);
	}
	storm.over = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	close(storm.event);
}

TEST_HARNESS_MAIN
