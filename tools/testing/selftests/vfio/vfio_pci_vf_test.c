// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a program sees of a virtual function: configuration space, registers,
 * interrupts, DMA, reset.
 *
 * Uses an igb that is alone in its group.
 */
#include <endian.h>
#include <poll.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "vfio_eventfd.h"
#include "vfio_sriov.h"

#define COMMAND		0x04
#define  MEMORY		0x02
#define  MASTER		0x04

/* The power state in the control register of the PM capability. */
#define PM_CAP		0x01
#define PM_CTRL		4
#define  PM_STATE	0x3
#define  PM_D3HOT	0x3

/* ---- A virtual function in use --------------------------------------------------- */

FIXTURE(vf)
{
	char pf[BDF_LEN], vf[BDF_LEN];
	struct user pf_user, user;
	int device;
};

FIXTURE_SETUP(vf)
{
	self->pf_user = NO_USER;
	self->user = NO_USER;
	if (!pci_find_alone(ID_IGB, 0, self->pf))
		SKIP(return, "no igb that is alone in its group");
	sriov_begin(self->pf);
	user_open(&self->pf_user, self->pf, TOKEN_A);
	sriov_set(self->pf, 2);
	ASSERT_TRUE(sriov_vf(self->pf, 0, self->vf));
	user_open(&self->user, self->vf, TOKEN_A);
	self->device = self->user.device;
}

FIXTURE_TEARDOWN(vf)
{
	user_close(&self->user);
	user_close(&self->pf_user);
	sriov_end(self->pf);
}

TEST_F(vf, config_space)
{
	/* The registers of ids are empty in a virtual function; the host knows better. */
	EXPECT_EQ(0x8086, config_read(self->device, 0x00, 2));
	EXPECT_EQ(0x10ca, config_read(self->device, 0x02, 2));
	EXPECT_EQ(0x10ca8086, config_read(self->device, 0x00, 4));

	/* No interrupt pin. */
	EXPECT_EQ(0, config_read(self->device, 0x3d, 1));

	/* Memory is always decoded, whatever is written. */
	EXPECT_EQ(MEMORY, config_read(self->device, COMMAND, 2));
	pci_command(self->device, MASTER, 0);
	EXPECT_EQ(MEMORY | MASTER, config_read(self->device, COMMAND, 2));

	/* BARs have sizes, though the registers of the device have nothing. */
	config_write(self->device, 0x10, 4, ~0U);
	EXPECT_EQ(0xffffc00c, config_read(self->device, 0x10, 4));
	config_write(self->device, 0x14, 4, ~0U);
	EXPECT_EQ(0xffffffff, config_read(self->device, 0x14, 4));
}

TEST_F(vf, interrupts)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = VFIO_PCI_INTX_IRQ_INDEX };

	call(self->device, VFIO_DEVICE_GET_IRQ_INFO, &info);
	EXPECT_EQ(0, info.count);
	info.index = VFIO_PCI_MSIX_IRQ_INDEX;
	call(self->device, VFIO_DEVICE_GET_IRQ_INFO, &info);
	EXPECT_EQ(3, info.count);
}

/* Registers of a virtual function (82576 datasheet, 9). */
#define EICS		0x1520	/* raises interrupts */
#define EIMS		0x1524	/* lets them through */
#define TDBAL		0x3800	/* a ring of things to send: where, */
#define TDBAH		0x3804
#define TDLEN		0x3808	/* how long, */
#define TDH		0x3810	/* how far done, */
#define TDT		0x3818	/* how far filled, */
#define TXDCTL		0x3828	/* and control */
#define  TXDCTL_ENABLE	(1U << 25)

/* Of the physical function. */
#define TCTL		0x0400
#define  TCTL_ENABLE	0x2
#define GPIE		0x1514
#define  GPIE_MSIX	0x10

static uint32_t reg_read(int device, uint32_t at)
{
	uint32_t value;

	must(__region_read(device, VFIO_PCI_BAR0_REGION_INDEX, at, &value, sizeof(value)));
	return le32toh(value);
}

static void reg_write(int device, uint32_t at, uint32_t value)
{
	value = htole32(value);
	must(__region_write(device, VFIO_PCI_BAR0_REGION_INDEX, at, &value, sizeof(value)));
}

TEST_F(vf, registers)
{
	volatile uint32_t *mem = region_map(self->device, VFIO_PCI_BAR0_REGION_INDEX);
	size_t size = region_info(self->device, VFIO_PCI_BAR0_REGION_INDEX).size;

	EXPECT_EQ(0x4000, size);
	reg_write(self->device, TDBAH, 0x12345678);
	EXPECT_EQ(0x12345678, reg_read(self->device, TDBAH));
	EXPECT_EQ(0x12345678, le32toh(mem[TDBAH / 4]));
	mem[TDBAH / 4] = htole32(0x87654321);
	EXPECT_EQ(0x87654321, reg_read(self->device, TDBAH));
	munmap((void *)mem, size);
}

TEST_F(vf, message_interrupt)
{
	int events[3], i;

	for (i = 0; i < 3; i++)
		events[i] = eventfd_new();
	ASSERT_EQ(0, __irq_eventfds(self->device, VFIO_PCI_MSIX_IRQ_INDEX, 0, 3, events));
	pci_command(self->device, MASTER, 0);
	pci_command(self->pf_user.device, MEMORY, 0);
	reg_write(self->pf_user.device, GPIE, GPIE_MSIX);
	reg_write(self->device, EIMS, 0x7);
	for (i = 0; i < 3; i++) {
		reg_write(self->device, EICS, 1U << i);
		EXPECT_EQ(1, eventfd_wait(events[i], 5000)) {
			TH_LOG("vector %d", i);
		}
	}
	for (i = 0; i < 3; i++)
		close(events[i]);
}

/* Something to send, and the word that is written when it was sent. */
struct descriptor {
	uint64_t buffer;
	uint32_t type_len;
	uint32_t status;
};

#define SEND	0x2b300000U	/* advanced data; end of packet, with checksum, report when done */
#define DONE	0x1U

TEST_F(vf, dma)
{
	struct descriptor *ring = memory(PAGE);
	char *packet = memory(PAGE);
	double end = seconds() + 20;

	memset(packet, 0xff, 64);
	ring[0].buffer = htole64(0x200000);
	ring[0].type_len = htole32(SEND | 64);
	ring[0].status = htole32(64U << 14);
	dma_map(self->user.container, ring, 0x100000, PAGE, DMA_RW);
	dma_map(self->user.container, packet, 0x200000, PAGE, DMA_RW);
	pci_command(self->device, MASTER, 0);
	pci_command(self->pf_user.device, MEMORY, 0);
	reg_write(self->pf_user.device, TCTL, TCTL_ENABLE);

	reg_write(self->device, TDBAL, 0x100000);
	reg_write(self->device, TDBAH, 0);
	reg_write(self->device, TDLEN, PAGE);
	reg_write(self->device, TXDCTL, TXDCTL_ENABLE);
	reg_write(self->device, TDT, 1);

	/* The device read the ring, and wrote to it, through the user's own mappings. */
	while (!(le32toh(((volatile struct descriptor *)ring)->status) & DONE) && seconds() < end)
		wait_a_moment();
	EXPECT_EQ(DONE, le32toh(ring[0].status) & DONE);
	EXPECT_EQ(1, reg_read(self->device, TDH));
}

TEST_F(vf, reset)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	call(self->device, VFIO_DEVICE_GET_INFO, &info);
	EXPECT_TRUE(info.flags & VFIO_DEVICE_FLAGS_RESET);
	EXPECT_EQ(0, __call(self->device, VFIO_DEVICE_RESET, NULL));
	EXPECT_EQ(0x10ca8086, config_read(self->device, 0x00, 4));
}

TEST_HARNESS_MAIN
