// SPDX-License-Identifier: GPL-2.0-only
/*
 * A network card that sends itself packets: rings and packets are where the program
 * has mapped them, in each window that there is, and nowhere else.
 *
 * Uses an e1000e alone in its group.
 */
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "vfio_test.h"
#include "e1000e.h"
#include "vfio_spapr.h"

#define GB	(1ULL << 30)
#define LOW	0x2000000ULL	/* below 4 GiB, on every machine */

FIXTURE(nic)
{
	struct vfio vfio;
	struct e1000e card;
	int fd;
	char *mem;	/* rings, what is sent, what is received, a canary */
	uint64_t high;	/* an address above 4 GiB that can be mapped */
};

FIXTURE_SETUP(nic)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_E1000E, 0, bdf))
		SKIP(return, "no e1000e alone in its group");
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	self->fd = self->vfio.container;
	self->mem = memory(4 * PAGE);
	dma_register(self->fd, self->mem, 4 * PAGE);
	self->high = 8 * GB;
	if (spapr_exists())
		must(__spapr_create(self->fd, 16, GB, 1, &self->high));
}

FIXTURE_TEARDOWN(nic)
{
	vfio_close(&self->vfio);
	munmap(self->mem, 4 * PAGE);
}

/* Bytes that differ from packet to packet, behind two Ethernet addresses and a type. */
static void fill(char *packet, unsigned int seed)
{
	unsigned int i;

	for (i = 0; i < E1000E_PACKET; i++)
		packet[i] = seed + i * 7;
	memcpy(packet, "\x02\0\0\0\0\1\x02\0\0\0\0\2\x88\xb5", 14);
}

/* Three rounds of the rings, each packet another one. */
static void loop_packets(struct __test_metadata *_metadata, FIXTURE_DATA(nic) *self, uint64_t iova)
{
	unsigned int i;

	dma_map(self->fd, self->mem, iova, 3 * PAGE, DMA_RW);
	e1000e_start(&self->card, self->vfio.device, self->mem, iova);
	for (i = 0; i < 24; i++) {
		char *sent = self->mem + PAGE + i * 16, *received = self->mem + 2 * PAGE + i * 64;

		fill(sent, i);
		ASSERT_TRUE(e1000e_loop(&self->card, iova + PAGE + i * 16, iova + 2 * PAGE + i * 64))
			TH_LOG("packet %u", i);
		ASSERT_EQ(0, memcmp(sent, received, E1000E_PACKET)) TH_LOG("packet %u", i);
	}
	e1000e_stop(&self->card);
	EXPECT_TRUE(is_all(self->mem + 3 * PAGE, PAGE, 0));
	EXPECT_EQ(3 * PAGE, dma_unmap(self->fd, iova, 3 * PAGE));
}

TEST_F(nic, below_4_gib)
{
	loop_packets(_metadata, self, LOW);
}

TEST_F(nic, above_4_gib)
{
	ASSERT_LT(UINT32_MAX, self->high);
	loop_packets(_metadata, self, self->high);
}

/* What was unmapped is out of reach at once, and what is still mapped is not. */
TEST_F(nic, out_of_reach_once_unmapped)
{
	uint64_t iova = self->high;

	dma_map(self->fd, self->mem, iova, 2 * PAGE, DMA_RW);
	dma_map(self->fd, self->mem + 2 * PAGE, iova + 2 * PAGE, PAGE, DMA_RW);
	dma_map(self->fd, self->mem + 3 * PAGE, iova + 3 * PAGE, PAGE, DMA_RW);
	e1000e_start(&self->card, self->vfio.device, self->mem, iova);
	fill(self->mem + PAGE, 1);
	ASSERT_TRUE(e1000e_loop(&self->card, iova + PAGE, iova + 2 * PAGE));
	EXPECT_EQ(PAGE, dma_unmap(self->fd, iova + 2 * PAGE, PAGE));
	memset(self->mem + 2 * PAGE, 0, PAGE);
	fill(self->mem + PAGE, 2);
	/* The card says that it has received, or does not: nothing may have come. */
	e1000e_loop(&self->card, iova + PAGE, iova + 2 * PAGE);
	EXPECT_TRUE(is_all(self->mem + 2 * PAGE, PAGE, 0));
	EXPECT_TRUE(e1000e_loop(&self->card, iova + PAGE, iova + 3 * PAGE));
	EXPECT_EQ(0, memcmp(self->mem + PAGE, self->mem + 3 * PAGE, E1000E_PACKET));
	e1000e_stop(&self->card);
}

TEST_HARNESS_MAIN
