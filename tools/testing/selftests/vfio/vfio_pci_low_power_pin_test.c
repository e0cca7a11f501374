// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sleeping devices and their interrupt pin, which must stay quiet meanwhile; and
 * all that can be done to a sleeping device at once.
 *
 * Uses an edu, alone in its group. It cannot sleep, so only the kernel's bookkeeping
 * shows it.
 */
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "vfio_low_power.h"
#include "vfio_touch.h"

/* ---- The interrupt pin ------------------------------------------------------------ */

static void sleep_and_wake(struct __test_metadata *_metadata, struct vfio *vfio)
{
	ASSERT_EQ(0, enter(vfio->device));
	ASSERT_TRUE(falls_asleep(vfio->bdf));
	ASSERT_EQ(0, leave(vfio->device));
}

TEST_F(edu, pin_after_sleep)
{
	int round;

	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	for (round = 0; round < 4; round++) {
		sleep_and_wake(_metadata, &self->vfio);
		EXPECT_EQ(0, eventfd_wait(self->event, 0));
		edu_raise(&self->edu);
		EXPECT_EQ(1, eventfd_wait(self->event, SOON));
		edu_ack(&self->edu);
		EXPECT_EQ(0, set_none(self->device, UNMASK, INTX));
	}
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
}

/* What was masked before stays masked. */
TEST_F(edu, masked_pin)
{
	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	ASSERT_EQ(0, set_none(self->device, MASK, INTX));
	sleep_and_wake(_metadata, &self->vfio);
	edu_raise(&self->edu);
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
	EXPECT_EQ(0, set_none(self->device, UNMASK, INTX));
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	/* Masked by having fired. */
	sleep_and_wake(_metadata, &self->vfio);
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
	EXPECT_EQ(0, set_none(self->device, UNMASK, INTX));
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	edu_ack(&self->edu);
	EXPECT_EQ(0, set_none(self->device, UNMASK, INTX));
	/* Masked in the command register. */
	pci_command(self->device, DISINTX, 0);
	sleep_and_wake(_metadata, &self->vfio);
	EXPECT_EQ(DISINTX, config_read(self->device, COMMAND, 2) & DISINTX);
	edu_raise(&self->edu);
	EXPECT_EQ(0, eventfd_wait(self->event, QUIET));
	pci_command(self->device, 0, DISINTX);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
}

TEST_F(edu, pin_unused)
{
	sleep_and_wake(_metadata, &self->vfio);
	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	edu_raise(&self->edu);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
}

#define EDU_DMA_SOURCE		0x80
#define EDU_DMA_TARGET		0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_COMMAND		0x98
#define EDU_DMA_RUN_AND_RAISE	5

/*
 * The device raises its pin while it sleeps, at the end of a DMA that takes it
 * 100 ms: not heard before it wakes up. Returns false if it was not asleep by then.
 */
static bool raise_asleep(struct __test_metadata *_metadata, struct vfio *vfio, struct edu *edu,
			 int event)
{
	edu_write(edu, EDU_DMA_SOURCE, PAGE);
	edu_write(edu, EDU_DMA_TARGET, 0x40000);
	edu_write(edu, EDU_DMA_COUNT, 16);
	edu_write(edu, EDU_DMA_COMMAND, EDU_DMA_RUN_AND_RAISE);
	EXPECT_EQ(0, enter(vfio->device));
	EXPECT_TRUE(falls_asleep(vfio->bdf));
	if (eventfd_wait(event, 0))
		return false;
	EXPECT_EQ(0, eventfd_wait(event, 10 * QUIET));
	EXPECT_EQ(0, leave(vfio->device));
	EXPECT_EQ(1, eventfd_wait(event, SOON));
	return true;
}

TEST_F(edu, pin_asleep)
{
	char *mem = memory(PAGE);
	int round;
	bool slept = false;

	dma_register(self->vfio.container, mem, PAGE);
	dma_map(self->vfio.container, mem, PAGE, PAGE, DMA_RW);
	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	for (round = 0; round < 10 && !slept; round++) {
		slept = raise_asleep(_metadata, &self->vfio, &self->edu, self->event);
		leave(self->device);
		edu_ack(&self->edu);
		EXPECT_EQ(0, set_none(self->device, UNMASK, INTX));
	}
	if (!slept)
		SKIP(return, "never asleep within 100 ms");
}

/* ---- Everything at once ------------------------------------------------------------ */

#define ROUNDS	300

static void touch_often(volatile uint32_t *regs)
{
	uint32_t value = 0;
	int i;

	for (i = 0; i < 100 * ROUNDS; i++)
		if (!touch(regs, &value) && value == ~0u)
			fail("an answer from a sleeping device");
}

static void read_often(int device)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (config_read(device, 0, 4) != 0x11e81234)
			fail("an answer from a sleeping device");
		usleep(i % 7 * 300);
	}
}

static void toggle_pin(int device, int event)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		must(set_fd(device, TRIGGER, INTX, event));
		usleep(i % 5 * 300);
		must(__irq_disable(device, INTX));
	}
}

static void enter_often(int device, int event)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		must(i & 1 ? enter(device) : enter_with(device, event));
		usleep(i % 3 * 500);
		must(leave(device));
	}
}

TEST_F(edu, race)
{
	pid_t children[3];
	int i, status;

	for (i = 0; i < 3; i++) {
		children[i] = must(fork());
		if (children[i])
			continue;
		if (i == 0)
			touch_often((void *)self->edu.regs);
		else if (i == 1)
			read_often(self->device);
		else
			toggle_pin(self->device, self->event);
		_exit(0);
	}
	enter_often(self->device, self->other);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(children[i], waitpid(children[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	EXPECT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	edu_raise(&self->edu);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
}

TEST_HARNESS_MAIN
