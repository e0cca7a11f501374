// SPDX-License-Identifier: GPL-2.0-only
/*
 * Capabilities in the configuration space of a PCI device: which ones a user
 * sees, and what may be written to them.
 *
 * Uses whichever of edu, igb, nvme and xhci (with MSI only) are there; the rest
 * is skipped.
 */
#include <sys/eventfd.h>

#include "kselftest_harness.h"
#include "vfio_config.h"

#define CAP_PM		0x01
#define CAP_MSI		0x05
#define CAP_EXPRESS	0x10
#define CAP_MSIX	0x11
#define ECAP_AER	0x0001
#define ECAP_ARI	0x000e
#define ECAP_SRIOV	0x0010

static uint32_t extended_capability(int device, uint16_t id)
{
	unsigned int left = 960;
	uint32_t at = 0x100;

	while (at && left--) {
		uint32_t header = config_read(device, at, 4);

		if ((header & 0xffff) == id)
			return at;
		at = header >> 20 & 0xffc;
	}
	return 0;
}

/* ---- Any device ----------------------------------------------------------- */

TEST_F(any, capability_list_ends_and_has_no_hidden_one)
{
	uint32_t at = config_read(self->device, CAP_LIST, 1);
	unsigned int left = 48;

	if (!(config_read(self->device, STATUS, 2) & 0x10)) {
		EXPECT_EQ(0, at);
		return;
	}
	while (at) {
		uint8_t id = config_read(self->device, at, 1);

		ASSERT_NE(0, left--);
		ASSERT_GE(at, 0x40);
		EXPECT_NE(0x00, id);
		EXPECT_NE(0x04, id);
		EXPECT_FALSE(id >= 0x0a && id <= 0x0f);
		EXPECT_LT(id, 0x14);
		/* The list itself cannot be written. */
		config_write(self->device, at, 2, 0xffff);
		EXPECT_EQ(id, config_read(self->device, at, 1));
		at = config_read(self->device, at + 1, 1);
	}
}

TEST_F(any, extended_list_ends_and_has_no_hidden_one)
{
	uint32_t at = 0x100;
	unsigned int left = 960;

	if (self->size < 4096)
		SKIP(return, "256 bytes");
	if (!pci_capability(self->device, CAP_EXPRESS))
		SKIP(return, "not Express");
	while (at) {
		uint32_t header = config_read(self->device, at, 4);
		uint16_t id = header;

		ASSERT_NE(0, left--);
		ASSERT_GE(at, 0x100);
		/* Only the first may be empty. */
		EXPECT_TRUE(id || at == 0x100);
		EXPECT_NE(0x001b, id);
		EXPECT_NE(0x001d, id);
		EXPECT_NE(0x001e, id);
		EXPECT_NE(0x001f, id);
		config_write(self->device, at, 4, ~header);
		EXPECT_EQ(header, config_read(self->device, at, 4));
		at = header >> 20 & 0xffc;
	}
}

TEST_F(any, msi_x_is_read_only)
{
	uint32_t at = pci_capability(self->device, CAP_MSIX);
	uint8_t before[12], after[12], ones[12];

	if (!at)
		SKIP(return, "no MSI-X");
	memset(ones, 0xff, sizeof(ones));
	ASSERT_EQ(12, read_at(self->device, at, before, 12));
	EXPECT_EQ(12, write_at(self->device, at, ones, 12));
	ASSERT_EQ(12, read_at(self->device, at, after, 12));
	EXPECT_EQ(0, memcmp(before, after, 12));
	/* What is dropped is not even looked at. */
	EXPECT_EQ(12, write_at(self->device, at, (void *)16, 12));
}

/* ---- igb: Express with PM, MSI-X, AER, SR-IOV ----------------------------- */

FIXTURE(igb)
{
	struct vfio vfio;
	int device;
};

FIXTURE_SETUP(igb)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_IGB, 0, bdf))
		SKIP(return, "no igb");
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	self->device = self->vfio.device;
}

FIXTURE_TEARDOWN(igb)
{
	vfio_close(&self->vfio);
}

TEST_F(igb, capabilities)
{
	EXPECT_NE(0, pci_capability(self->device, CAP_PM));
	EXPECT_NE(0, pci_capability(self->device, CAP_MSI));
	EXPECT_NE(0, pci_capability(self->device, CAP_EXPRESS));
	EXPECT_NE(0, pci_capability(self->device, CAP_MSIX));
	EXPECT_NE(0, extended_capability(self->device, ECAP_AER));
	EXPECT_NE(0, extended_capability(self->device, ECAP_ARI));
	EXPECT_NE(0, extended_capability(self->device, ECAP_SRIOV));
}

TEST_F(igb, power_states)
{
	uint32_t pm = pci_capability(self->device, CAP_PM), data, i;

	ASSERT_NE(0, pm);
	pci_command(self->device, COMMAND_MEMORY, 0);
	EXPECT_EQ(0, config_read(self->device, pm + 2, 2) & 0xf800);
	EXPECT_EQ(0, config_read(self->device, pm + 4, 2) & 0x8103);
	/* Events cannot be enabled. */
	config_write(self->device, pm + 4, 2, 0x8100);
	EXPECT_EQ(0, config_read(self->device, pm + 4, 2) & 0x8103);

	for (i = 0; i < 3; i++) {
		config_write(self->device, pm + 4, 2, 3);
		EXPECT_EQ(3, config_read(self->device, pm + 4, 2) & 3);
		EXPECT_EQ(-EIO, __region_read(self->device, 0, 0, &data, 4));
		config_write(self->device, pm + 4, 1, 0);
		EXPECT_EQ(0, config_read(self->device, pm + 4, 2) & 3);
		EXPECT_EQ(4, __region_read(self->device, 0, 0, &data, 4));
	}
}

TEST_F(igb, closed_in_d3)
{
	uint32_t pm = pci_capability(self->device, CAP_PM), data;
	char bdf[BDF_LEN];

	config_write(self->device, pm + 4, 2, 3);
	memcpy(bdf, self->vfio.bdf, sizeof(bdf));
	vfio_close(&self->vfio);
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	self->device = self->vfio.device;
	EXPECT_EQ(0, config_read(self->device, pm + 4, 2) & 3);
	pci_command(self->device, COMMAND_MEMORY, 0);
	EXPECT_EQ(4, __region_read(self->device, 0, 0, &data, 4));
}

TEST_F(igb, function_level_reset)
{
	uint32_t at = pci_capability(self->device, CAP_EXPRESS) + 8;
	uint32_t control = config_read(self->device, at, 2), data;

	/* A register that a reset clears: the low half of the receive address filter. */
	pci_command(self->device, COMMAND_MEMORY, 0);
	data = 0x12345678;
	ASSERT_EQ(4, __region_write(self->device, 0, 0x5408, &data, 4));
	data = 0;
	ASSERT_EQ(4, __region_read(self->device, 0, 0x5408, &data, 4));
	EXPECT_EQ(0x12345678, data);

	config_write(self->device, at, 2, control | 0x8000);
	EXPECT_EQ(control, config_read(self->device, at, 2));
	pci_command(self->device, COMMAND_MEMORY, 0);
	ASSERT_EQ(4, __region_read(self->device, 0, 0x5408, &data, 4));
	EXPECT_NE(0x12345678, data);
}

TEST_F(igb, device_control)
{
	uint32_t at = pci_capability(self->device, CAP_EXPRESS) + 8;
	uint32_t old = config_read(self->device, at, 2);

	/* Payload is kept for show, phantom functions stay off. */
	config_write(self->device, at, 2, (old & ~0x00e0) | 0x0060 | 0x0200);
	EXPECT_EQ(0x0060, config_read(self->device, at, 2) & 0x02e0);
	/* Read requests of 4096 and 128 bytes. */
	config_write(self->device, at, 2, (old & ~0x7000) | 0x5000);
	EXPECT_EQ(0x5000, config_read(self->device, at, 2) & 0x7000);
	config_write(self->device, at, 2, old & ~0x7000);
	EXPECT_EQ(0, config_read(self->device, at, 2) & 0x7000);
	config_write(self->device, at, 2, old);
	EXPECT_EQ(old, config_read(self->device, at, 2));
}

TEST_F(igb, sriov_is_read_only)
{
	uint32_t at = extended_capability(self->device, ECAP_SRIOV);
	uint8_t before[0x40], after[0x40], ones[0x40];

	ASSERT_NE(0, at);
	memset(ones, 0xff, sizeof(ones));
	ASSERT_EQ(0x40, read_at(self->device, at, before, 0x40));
	EXPECT_EQ(0x40, write_at(self->device, at, ones, 0x40));
	ASSERT_EQ(0x40, read_at(self->device, at, after, 0x40));
	EXPECT_EQ(0, memcmp(before, after, 0x40));
}

TEST_F(igb, error_masks)
{
	uint32_t at = extended_capability(self->device, ECAP_AER), old;

	ASSERT_NE(0, at);
	old = config_read(self->device, at + 0x08, 4);
	config_write(self->device, at + 0x08, 4, 0xffffffff);
	EXPECT_EQ(0, config_read(self->device, at + 0x08, 4) & ~(0x03fff031 | old));
	EXPECT_EQ(0x00100000, config_read(self->device, at + 0x08, 4) & 0x00100000);
	config_write(self->device, at + 0x08, 4, old);
	EXPECT_EQ(old, config_read(self->device, at + 0x08, 4));
}

/* ---- nvme: its first extended capability is hidden ------------------------ */

TEST(hidden_first_extended_capability)
{
	struct vfio vfio;
	char bdf[BDF_LEN];
	uint8_t byte[4];

	if (!pci_find_alone(ID_NVME, 0, bdf))
		SKIP(return, "no nvme");
	vfio_open(&vfio, bdf, HOST_IOMMU);
	EXPECT_EQ(0, config_read(vfio.device, 0x100, 2));
	/* Also byte by byte. */
	EXPECT_EQ(1, read_at(vfio.device, 0x100, byte, 1));
	EXPECT_EQ(1, read_at(vfio.device, 0x101, byte + 1, 1));
	EXPECT_EQ(0, byte[0] | byte[1]);
	vfio_close(&vfio);
}

/* ---- xhci without MSI-X: MSI ---------------------------------------------- */

FIXTURE(msi)
{
	struct vfio vfio;
	int device;
	uint32_t at;
};

FIXTURE_SETUP(msi)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_XHCI, 0, bdf))
		SKIP(return, "no xhci");
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	self->device = self->vfio.device;
	self->at = pci_capability(self->device, CAP_MSI);
	if (!self->at) {
		vfio_close(&self->vfio);
		SKIP(return, "xhci without MSI");
	}
}

FIXTURE_TEARDOWN(msi)
{
	vfio_close(&self->vfio);
}

TEST_F(msi, address_and_data_are_a_scratch_pad)
{
	uint32_t data = config_read(self->device, self->at + 2, 2) & 0x80 ? 0xc : 0x8;

	config_write(self->device, self->at + 4, 4, 0xfee01234);
	config_write(self->device, self->at + data, 2, 0x4321);
	EXPECT_EQ(0xfee01234, config_read(self->device, self->at + 4, 4));
	EXPECT_EQ(0x4321, config_read(self->device, self->at + data, 2));
}

TEST_F(msi, enable_needs_set_irqs)
{
	uint32_t flags = self->at + 2, old;
	int fds[4], i;

	/* The device may remember a vector count from before; a write forgets it. */
	config_write(self->device, flags, 2, config_read(self->device, flags, 2));
	old = config_read(self->device, flags, 2);
	EXPECT_EQ(0, old & 0x71);
	/* Nothing is set up: neither enable nor a vector count. */
	config_write(self->device, flags, 2, old | 0x21);
	EXPECT_EQ(old, config_read(self->device, flags, 2));

	for (i = 0; i < 4; i++)
		fds[i] = eventfd(0, EFD_CLOEXEC);
	ASSERT_EQ(0, __irq_eventfds(self->device, VFIO_PCI_MSI_IRQ_INDEX, 0, 2, fds));
	config_write(self->device, flags, 2, old | 0x21);
	EXPECT_EQ(0x11, config_read(self->device, flags, 2) & 0x71);
	config_write(self->device, flags, 2, old | 0x01);
	EXPECT_EQ(0x01, config_read(self->device, flags, 2) & 0x71);

	ASSERT_EQ(0, __irq_disable(self->device, VFIO_PCI_MSI_IRQ_INDEX));
	config_write(self->device, flags, 2, old | 0x01);
	EXPECT_EQ(0, config_read(self->device, flags, 2) & 1);
	for (i = 0; i < 4; i++)
		close(fds[i]);
}

TEST_HARNESS_MAIN
