// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets of a PCI device: asked for by VFIO_DEVICE_RESET, and those that come
 * with opening and closing.
 *
 * Uses an igb (has a function reset, a register that shows it, and forgets its
 * registers in D3) and an edu (has no reset), each alone in its group.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "vfio_edu.h"
#include "vfio_test.h"

#define BAR0	VFIO_PCI_BAR0_REGION_INDEX

/* igb: RDBAL, which keeps what is written, and is 0 after a reset. */
#define SCRATCH		0xc000
#define VALUE		0x12345680

#define COMMAND_MEM	2
#define COMMAND_MASTER	4

static uint32_t device_flags(int device)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	call(device, VFIO_DEVICE_GET_INFO, &info);
	return info.flags;
}

static uint32_t read32(int device, uint64_t at)
{
	uint32_t value = 0;

	if (__region_read(device, BAR0, at, &value, 4) != 4)
		fail("cannot read register 0x%llx", (unsigned long long)at);
	return value;
}

static void write32(int device, uint64_t at, uint32_t value)
{
	if (__region_write(device, BAR0, at, &value, 4) != 4)
		fail("cannot write register 0x%llx", (unsigned long long)at);
}

/* ---- A device with a reset ------------------------------------------------ */

FIXTURE(igb)
{
	struct vfio vfio;
	char bdf[BDF_LEN];
	int fd;
};

FIXTURE_SETUP(igb)
{
	if (!pci_find_alone(ID_IGB, 0, self->bdf))
		SKIP(return, "no igb alone in its group");
	vfio_open(&self->vfio, self->bdf, HOST_IOMMU);
	self->fd = self->vfio.device;
}

FIXTURE_TEARDOWN(igb)
{
	vfio_close(&self->vfio);
}

TEST_F(igb, info)
{
	struct vfio_device_info info = { .argsz = 15 };

	EXPECT_EQ(VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET,
		  device_flags(self->fd) & ~VFIO_DEVICE_FLAGS_CAPS);
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_DEVICE_GET_INFO, &info));
	info.argsz = 16;
	info.cap_offset = 77;
	EXPECT_EQ(0, __call(self->fd, VFIO_DEVICE_GET_INFO, &info));
	EXPECT_EQ(VFIO_PCI_NUM_REGIONS, info.num_regions);
	EXPECT_EQ(VFIO_PCI_NUM_IRQS, info.num_irqs);
	EXPECT_EQ(77, info.cap_offset);
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_DEVICE_GET_INFO, NULL));
}

TEST_F(igb, reset)
{
	write32(self->fd, SCRATCH, VALUE);
	ASSERT_EQ(VALUE, read32(self->fd, SCRATCH));
	EXPECT_EQ(0, __call(self->fd, VFIO_DEVICE_RESET, NULL));
	EXPECT_EQ(0, read32(self->fd, SCRATCH));
}

/* The argument means nothing. */
TEST_F(igb, reset_argument)
{
	EXPECT_EQ(0, __call(self->fd, VFIO_DEVICE_RESET, (void *)-1));
}

TEST_F(igb, registers_survive)
{
	uint16_t command;

	pci_command(self->fd, COMMAND_MEM | COMMAND_MASTER, 0);
	command = config_read(self->fd, 4, 2);
	EXPECT_EQ(0, __call(self->fd, VFIO_DEVICE_RESET, NULL));
	EXPECT_EQ(command, config_read(self->fd, 4, 2));
	pci_command(self->fd, 0, COMMAND_MEM | COMMAND_MASTER);
	command = config_read(self->fd, 4, 2);
	EXPECT_EQ(0, __call(self->fd, VFIO_DEVICE_RESET, NULL));
	EXPECT_EQ(command, config_read(self->fd, 4, 2));
}

TEST_F(igb, mapping_survives)
{
	volatile uint32_t *regs = region_map(self->fd, BAR0);

	regs[SCRATCH / 4] = VALUE;
	ASSERT_EQ(VALUE, regs[SCRATCH / 4]);
	EXPECT_EQ(0, __call(self->fd, VFIO_DEVICE_RESET, NULL));
	EXPECT_EQ(0, regs[SCRATCH / 4]);
	munmap((void *)regs, region_info(self->fd, BAR0).size);
}

/* After open there is memory decoding but no DMA, whatever the last user left. */
TEST_F(igb, clean_after_close)
{
	int round;

	for (round = 0; round < 4; round++) {
		uint16_t command = config_read(self->fd, 4, 2);

		EXPECT_EQ(COMMAND_MEM, command & (COMMAND_MEM | COMMAND_MASTER));
		EXPECT_EQ(0, read32(self->fd, SCRATCH));
		write32(self->fd, SCRATCH, VALUE);
		pci_command(self->fd, COMMAND_MASTER, round & 1 ? COMMAND_MEM : 0);
		config_write(self->fd, 0x10, 4, 0xdeadb000);
		close(self->fd);
		self->fd = self->vfio.device = group_get_device(self->vfio.group, self->bdf);
	}
}

TEST_F(igb, asleep)
{
	uint32_t pm = pci_capability(self->fd, 1);

	ASSERT_NE(0, pm);
	config_write(self->fd, pm + 4, 2, 3);
	EXPECT_EQ(0, __call(self->fd, VFIO_DEVICE_RESET, NULL));
	EXPECT_EQ(0, config_read(self->fd, pm + 4, 2) & 3);
	EXPECT_EQ(0, read32(self->fd, SCRATCH));
}

TEST_F(igb, closed_asleep)
{
	uint32_t pm = pci_capability(self->fd, 1);

	ASSERT_NE(0, pm);
	config_write(self->fd, pm + 4, 2, 3);
	close(self->fd);
	self->fd = self->vfio.device = group_get_device(self->vfio.group, self->bdf);
	EXPECT_EQ(0, config_read(self->fd, pm + 4, 2) & 3);
	EXPECT_EQ(0, read32(self->fd, SCRATCH));
}

/* The device can be asked to reset itself, too: FLR in its PCI Express capability. */
TEST_F(igb, asked_by_register)
{
	uint32_t exp = pci_capability(self->fd, 0x10);

	ASSERT_NE(0, exp);
	if (!(config_read(self->fd, exp + 4, 4) & 1 << 28))
		SKIP(return, "no FLR");
	write32(self->fd, SCRATCH, VALUE);
	config_write(self->fd, exp + 8, 2, config_read(self->fd, exp + 8, 2) | 0x8000);
	EXPECT_EQ(0, read32(self->fd, SCRATCH));
	EXPECT_EQ(0, config_read(self->fd, exp + 8, 2) & 0x8000);
}

TEST_F(igb, unknown)
{
	EXPECT_EQ(-ENOTTY, __call(self->fd, _IO(VFIO_TYPE, VFIO_BASE + 30), NULL));
	EXPECT_EQ(-ENOTTY, __call(self->fd, _IO('X', 0), NULL));
}

/* The device forgets its registers in D3; its user does not notice. */
TEST_F(igb, wakes_as_it_was)
{
	uint32_t pm = pci_capability(self->fd, 1);
	uint16_t command;
	int round;

	ASSERT_NE(0, pm);
	pci_command(self->fd, COMMAND_MEM | COMMAND_MASTER, 0);
	command = config_read(self->fd, 4, 2);
	for (round = 0; round < 20; round++) {
		config_write(self->fd, pm + 4, 2, 3);
		config_write(self->fd, pm + 4, 2, 0);
		ASSERT_EQ(command, config_read(self->fd, 4, 2));
	}
	EXPECT_EQ(0, __call(self->fd, VFIO_DEVICE_RESET, NULL));
	EXPECT_EQ(command, config_read(self->fd, 4, 2));
}

/* ---- A device without ----------------------------------------------------- */

TEST_F(edu, no_reset)
{
	EXPECT_EQ(VFIO_DEVICE_FLAGS_PCI, device_flags(self->fd));
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_DEVICE_RESET, NULL));
}

TEST_HARNESS_MAIN
