// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration space of a PCI device: what a user sees of its header and may
 * change there. Capabilities are vfio_pci_cap_test.c.
 *
 * Uses whichever of edu, igb, nvme and xhci are there; the rest is skipped.
 */
#include <pthread.h>
#include <sys/eventfd.h>

#include "kselftest_harness.h"
#include "vfio_config.h"

/* ---- Any device ----------------------------------------------------------- */

TEST_F(any, region)
{
	struct vfio_region_info info = region_info(self->device, CONFIG);

	EXPECT_EQ(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE, info.flags);
	EXPECT_TRUE(info.size == 256 || info.size == 4096);
}

TEST_F(any, ends_where_it_ends)
{
	uint8_t data[8192] = {};

	EXPECT_EQ(1, read_at(self->device, self->size - 1, data, 1));
	EXPECT_EQ(4, read_at(self->device, self->size - 4, data, 4));
	EXPECT_EQ(-EFAULT, read_at(self->device, self->size, data, 1));
	EXPECT_EQ(-EFAULT, read_at(self->device, self->size - 2, data, 4));
	EXPECT_EQ(-EFAULT, write_at(self->device, self->size - 2, data, 4));
	EXPECT_EQ(-EFAULT, write_at(self->device, self->size, data, 1));
	EXPECT_EQ(-EFAULT, read_at(self->device, (1ULL << 40) - 1, data, 1));
	EXPECT_EQ(-EFAULT, read_at(self->device, 0, data, self->size + 1));
	EXPECT_EQ(self->size, read_at(self->device, 0, data, self->size));
	EXPECT_EQ(0, read_at(self->device, self->size, data, 0));
}

TEST_F(any, bad_memory)
{
	void *bad = (void *)16;

	EXPECT_EQ(-EFAULT, read_at(self->device, VENDOR, bad, 4));
	EXPECT_EQ(-EFAULT, write_at(self->device, COMMAND, bad, 2));
	EXPECT_EQ(-EFAULT, write_at(self->device, VENDOR, bad, 4));
}

TEST_F(any, odd_pieces_are_the_same_bytes)
{
	uint8_t whole[4096], part[16];
	unsigned int at, len;

	ASSERT_EQ(self->size, read_at(self->device, 0, whole, self->size));
	for (at = 0; at < 0x120 && at + 9 < self->size; at++)
		for (len = 1; len <= 9; len++) {
			ASSERT_EQ(len, read_at(self->device, at, part, len));
			ASSERT_EQ(0, memcmp(part, whole + at, len)) {
				TH_LOG("%u bytes at %#x", len, at);
			}
		}
}

TEST_F(any, identity_is_read_only)
{
	uint32_t id = config_read(self->device, VENDOR, 4);
	uint32_t class = config_read(self->device, 0x08, 4);
	uint32_t subsystem = config_read(self->device, 0x2c, 4);

	EXPECT_EQ(variant->vendor | variant->device << 16, id);
	config_write(self->device, VENDOR, 4, ~id);
	config_write(self->device, 0x08, 4, ~class);
	config_write(self->device, 0x2c, 4, ~subsystem);
	EXPECT_EQ(id, config_read(self->device, VENDOR, 4));
	EXPECT_EQ(class, config_read(self->device, 0x08, 4));
	EXPECT_EQ(subsystem, config_read(self->device, 0x2c, 4));
}

TEST_F(any, interrupt_line_is_a_scratch_pad)
{
	uint8_t pin = config_read(self->device, PIN, 1);

	config_write(self->device, LINE, 2, 0xff5a);
	EXPECT_EQ(0x5a | pin << 8, config_read(self->device, LINE, 2));
	config_write(self->device, LINE, 1, 0xa5);
	EXPECT_EQ(0xa5, config_read(self->device, LINE, 1));
}

TEST_F(any, bars_answer_sizing)
{
	unsigned int n;

	for (n = 0; n < 6; n++) {
		uint64_t size = region_info(self->device, n).size;
		uint32_t old = config_read(self->device, BAR(n), 4);
		uint32_t mask, value;
		bool wide;

		config_write(self->device, BAR(n), 4, 0xffffffff);
		value = config_read(self->device, BAR(n), 4);
		config_write(self->device, BAR(n), 4, old);
		EXPECT_EQ(old, config_read(self->device, BAR(n), 4));
		if (!size) {
			EXPECT_EQ(0, value);
			continue;
		}
		mask = value & 1 ? ~0x3 : ~0xf;
		EXPECT_EQ((uint32_t)-size & mask, value & mask) {
			TH_LOG("BAR %u of %#lx bytes says %#x", n, (long)size, value);
		}
		wide = (value & 7) == 4;
		n += wide;
	}
}

TEST_F(any, memory_decoding)
{
	uint32_t index = 0, data;

	while (index < 6 && !region_info(self->device, index).size)
		index++;
	if (config_read(self->device, BAR(index), 4) & 1)
		SKIP(return, "ports");

	pci_command(self->device, COMMAND_MEMORY, 0);
	EXPECT_EQ(4, __region_read(self->device, index, 0, &data, 4));
	pci_command(self->device, 0, COMMAND_MEMORY);
	EXPECT_EQ(0, config_read(self->device, COMMAND, 2) & COMMAND_MEMORY);
	EXPECT_EQ(-EIO, __region_read(self->device, index, 0, &data, 4));
	EXPECT_EQ(-EIO, __region_write(self->device, index, 0, &data, 4));
	/* The byte and the dword reach the same bit. */
	config_write(self->device, COMMAND, 1, COMMAND_MEMORY);
	EXPECT_EQ(4, __region_read(self->device, index, 0, &data, 4));
	config_write(self->device, COMMAND, 4, 0);
	EXPECT_EQ(-EIO, __region_read(self->device, index, 0, &data, 4));
	config_write(self->device, COMMAND, 4, COMMAND_MEMORY);
	EXPECT_EQ(4, __region_read(self->device, index, 0, &data, 4));
}

TEST_F(any, intx_disable_is_kept)
{
	pci_command(self->device, COMMAND_NO_INTX, 0);
	EXPECT_NE(0, config_read(self->device, COMMAND, 2) & COMMAND_NO_INTX);
	config_write(self->device, COMMAND + 1, 1, 0);
	EXPECT_EQ(0, config_read(self->device, COMMAND, 2) & COMMAND_NO_INTX);
}

/* One thread flips INTx-disable while another sets INTx up and takes it down. */
static void *flip_intx(void *arg)
{
	int device = *(int *)arg, i;

	for (i = 0; i < 300; i++)
		config_write(device, COMMAND + 1, 1, i & 1 ? 0 : COMMAND_NO_INTX >> 8);
	return NULL;
}

TEST_F(any, r8_intx_disable_races_with_set_irqs)
{
	int fd = eventfd(0, EFD_CLOEXEC), i;
	pthread_t thread;

	if (!config_read(self->device, PIN, 1))
		SKIP(return, "no INTx");
	ASSERT_EQ(0, pthread_create(&thread, NULL, flip_intx, &self->device));
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, __irq_eventfds(self->device, VFIO_PCI_INTX_IRQ_INDEX, 0, 1, &fd));
		ASSERT_EQ(0, __irq_disable(self->device, VFIO_PCI_INTX_IRQ_INDEX));
	}
	pthread_join(thread, NULL);
	close(fd);
}

TEST_F(any, a_second_open_starts_anew)
{
	char bdf[BDF_LEN];

	config_write(self->device, LINE, 1, 0x77);
	config_write(self->device, BAR(0), 4, 0xffffffff);
	pci_command(self->device, COMMAND_NO_INTX, COMMAND_MEMORY);
	memcpy(bdf, self->vfio.bdf, sizeof(bdf));
	vfio_close(&self->vfio);
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	self->device = self->vfio.device;
	EXPECT_NE(0x77, config_read(self->device, LINE, 1));
	EXPECT_EQ(0, config_read(self->device, COMMAND, 2) & COMMAND_NO_INTX);
}

/* ---- edu: plain PCI ------------------------------------------------------- */

FIXTURE(edu)
{
	struct vfio vfio;
	int device;
};

FIXTURE_SETUP(edu)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu");
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	self->device = self->vfio.device;
}

FIXTURE_TEARDOWN(edu)
{
	vfio_close(&self->vfio);
}

TEST_F(edu, header)
{
	EXPECT_EQ(0x0010, config_read(self->device, STATUS, 2));
	EXPECT_EQ(1, config_read(self->device, PIN, 1));
	config_write(self->device, BAR(0), 4, 0xffffffff);
	EXPECT_EQ(0xfff00000, config_read(self->device, BAR(0), 4));
	config_write(self->device, BAR(0), 4, 0xffffffff);
	EXPECT_EQ(0, config_read(self->device, BAR(1), 4));
}

TEST_HARNESS_MAIN
