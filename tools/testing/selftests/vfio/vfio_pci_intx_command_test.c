// SPDX-License-Identifier: GPL-2.0-only
/*
 * The interrupt pin of a PCI device while its COMMAND register is written.
 *
 * The register holds the bit that masks the pin, which the host sets and clears
 * as interrupts come and go, next to bits that are the user's. A write of the
 * user's bits must not bring back an old mask.
 *
 * Uses an edu device, alone in its group.
 */
#include <pthread.h>

#include "kselftest_harness.h"
#include "vfio_irq.h"

#define SERR	0x100

struct writer {
	int device;
	volatile bool stop;
	pthread_t thread;
};

static void *writes(void *data)
{
	struct writer *writer = data;
	uint16_t command = config_read(writer->device, COMMAND, 2);

	while (!writer->stop) {
		config_write(writer->device, COMMAND, 2, command | SERR);
		config_write(writer->device, COMMAND, 2, command & ~SERR);
	}
	return NULL;
}

/*
 * What an old mask does depends on which way it went: set, no interrupt arrives
 * any more; clear, they come by the thousand until the host turns the line off,
 * and then no interrupt arrives, either.
 */
TEST_F_TIMEOUT(edu, intx_mask_outlives_command_writes, 120)
{
	struct writer writer = { .device = self->device };
	unsigned int i, arrived = 0;

	if (!driver_is_rust())
		SKIP(return, "the C modules bring back an old mask, and lose the pin");
	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	ASSERT_EQ(0, pthread_create(&writer.thread, NULL, writes, &writer));
	for (i = 0; i < 20000 && arrived == i; i++) {
		edu_raise(&self->edu);
		arrived += eventfd_wait(self->event, SOON);
		edu_ack(&self->edu);
		EXPECT_EQ(0, set_none(self->device, UNMASK, INTX));
	}
	writer.stop = true;
	pthread_join(writer.thread, NULL);
	EXPECT_EQ(20000, arrived);
}

/* The bit that masks it for the user can be reached by a write of one byte, too. */
TEST_F(edu, intx_disabled_by_upper_byte)
{
	uint8_t upper = config_read(self->device, COMMAND + 1, 1);

	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	config_write(self->device, COMMAND + 1, 1, upper | DISINTX >> 8);
	edu_raise(&self->edu);
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
	config_write(self->device, COMMAND + 1, 1, upper);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
}

TEST_HARNESS_MAIN
