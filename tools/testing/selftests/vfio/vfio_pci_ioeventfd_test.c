// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes to a BAR that happen when an eventfd is rung: what is written, where it
 * may go, and how it ends. With resets and other threads beside it, it is
 * vfio_pci_ioeventfd_race_test.c.
 *
 * Uses edu (a memory BAR, MSI), pci-testdev (a port BAR), igb (MSI-X) and ivshmem
 * (memory behind a BAR), each alone in its group.
 */
#include "kselftest_harness.h"
#include "vfio_eventfd.h"
#include "vfio_region.h"

/* As many as a device may have. */
#define MOST		1000

/* What was last written to the edu's register. */
static uint32_t live(int device)
{
	uint32_t value = 0;

	if (__region_read(device, BAR(0), EDU_LIVE, &value, 4) != 4)
		fail("cannot read the edu");
	return ~value;
}

/* Whether it is @value, now or soon. */
static bool becomes(int device, uint32_t value)
{
	int tries = SOON;

	while (live(device) != value && tries--)
		usleep(1000);
	return live(device) == value;
}

static int set(int device, uint32_t value, int fd)
{
	return __ioeventfd(device, 4, BAR(0), EDU_LIVE, value, fd);
}

/* ---- What is written ------------------------------------------------------ */

TEST_F(edu, writes)
{
	int event = eventfd_new();

	ASSERT_EQ(0, set(self->fd, 0x12345678, event));
	EXPECT_NE(0x12345678, live(self->fd));
	ring(event);
	EXPECT_TRUE(becomes(self->fd, 0x12345678));
	/* The kernel takes what was written to it. */
	EXPECT_EQ(0, eventfd_wait(event, 0));

	/* Every time. */
	ASSERT_EQ(4, __region_write(self->fd, BAR(0), EDU_LIVE, &(uint32_t){ 1 }, 4));
	ring(event);
	EXPECT_TRUE(becomes(self->fd, 0x12345678));

	/* Taken back, it is an eventfd like any other. */
	EXPECT_EQ(0, set(self->fd, 0x12345678, -1));
	ASSERT_EQ(4, __region_write(self->fd, BAR(0), EDU_LIVE, &(uint32_t){ 1 }, 4));
	ring(event);
	EXPECT_EQ(1, eventfd_wait(event, SOON));
	EXPECT_EQ(1, live(self->fd));
	close(event);
}

/* What was rung before counts. */
TEST_F(edu, pending)
{
	int event = eventfd_new();

	ring(event);
	ASSERT_EQ(0, set(self->fd, 0xabcd, event));
	EXPECT_TRUE(becomes(self->fd, 0xabcd));
	close(event);
}

/*
 * One eventfd makes the edu send its interrupt, which rings another, from the
 * interrupt handler, which writes to the edu again.
 */
TEST_F(edu, interrupt)
{
	int raise = eventfd_new(), event = eventfd_new();

	pci_command(self->fd, 4, 0);
	ASSERT_EQ(0, __irq_eventfds(self->fd, VFIO_PCI_MSI_IRQ_INDEX, 0, 1, &event));
	ASSERT_EQ(0, __ioeventfd(self->fd, 4, BAR(0), EDU_IRQ_RAISE, 1, raise));
	ring(raise);
	EXPECT_EQ(1, eventfd_wait(event, SOON));

	ASSERT_EQ(0, set(self->fd, 0x5555, event));
	ASSERT_EQ(4, __region_write(self->fd, BAR(0), EDU_IRQ_ACK, &(uint32_t){ ~0u }, 4));
	ring(raise);
	EXPECT_TRUE(becomes(self->fd, 0x5555));
	EXPECT_EQ(0, eventfd_wait(event, QUIET));
	ASSERT_EQ(4, __region_write(self->fd, BAR(0), EDU_IRQ_ACK, &(uint32_t){ ~0u }, 4));
	close(raise);
	close(event);
}

/* Several writes for one eventfd, several eventfds for one place. */
TEST_F(edu, many)
{
	int event = eventfd_new(), other = eventfd_new();

	ASSERT_EQ(0, set(self->fd, 1, event));
	ASSERT_EQ(0, __ioeventfd(self->fd, 8, BAR(0), EDU_LIVE + 4, 1, event));
	ASSERT_EQ(0, set(self->fd, 2, other));
	ring(event);
	EXPECT_TRUE(becomes(self->fd, 1));
	ring(other);
	EXPECT_TRUE(becomes(self->fd, 2));
	EXPECT_EQ(0, set(self->fd, 1, -1));
	ring(event);
	EXPECT_EQ(2, live(self->fd));
	close(event);
	close(other);
}

/* Each width at each place, aligned or not, and nothing beside it. */
TEST_F(ivshmem, r22_widths)
{
	const uint64_t value = 0x8877665544332211;
	uint8_t want[24], got[24];
	int event = eventfd_new();
	uint32_t width, at;

	for (width = 1; width <= 8; width *= 2) {
		for (at = 0; at < 16; at++) {
			memset(want, 0, sizeof(want));
			ASSERT_EQ(24, __region_write(self->fd, BAR(IVSHMEM_BAR), 0, want, 24));
			memcpy(want + at, &value, width);
			ASSERT_EQ(0, __ioeventfd(self->fd, width, BAR(IVSHMEM_BAR), at, value, event));
			ring(event);
			ASSERT_EQ(0, __ioeventfd(self->fd, width, BAR(IVSHMEM_BAR), at, value, -1));
			ASSERT_EQ(24, __region_read(self->fd, BAR(IVSHMEM_BAR), 0, got, 24));
			EXPECT_EQ(0, memcmp(want, got, sizeof(want))) {
				TH_LOG("%u bytes at %u", width, at);
			}
		}
	}
	close(event);
}

/* ---- While memory is off -------------------------------------------------- */

TEST_F(edu, memory_off)
{
	int event = eventfd_new();

	ASSERT_EQ(4, __region_write(self->fd, BAR(0), EDU_LIVE, &(uint32_t){ 1 }, 4));
	pci_command(self->fd, 0, COMMAND_MEM);
	ASSERT_EQ(0, set(self->fd, 2, event));
	ring(event);
	EXPECT_EQ(0, eventfd_wait(event, QUIET));
	pci_command(self->fd, COMMAND_MEM, 0);
	/* It is lost, and not late. */
	usleep(QUIET * 1000);
	EXPECT_EQ(1, live(self->fd));
	ring(event);
	EXPECT_TRUE(becomes(self->fd, 2));
	close(event);
}

/*
 * The ports of pci-testdev: the number of a test at 0; of a chosen one, the place
 * to write to at 4, what at 8, and how often that was written at 12.
 */
static uint8_t port(int device, uint32_t at)
{
	uint8_t value = 0;

	if (__region_read(device, BAR(1), at, &value, 1) != 1)
		fail("cannot read port %u", at);
	return value;
}

/* Ports do not care about memory decoding. */
TEST_F(testdev, port)
{
	int choose = eventfd_new(), event = eventfd_new();

	pci_command(self->fd, 0, COMMAND_MEM);
	ASSERT_EQ(0, __ioeventfd(self->fd, 1, BAR(1), 0, 0, choose));
	ring(choose);
	ASSERT_NE(0, port(self->fd, 4));
	EXPECT_EQ(0, port(self->fd, 12));

	ASSERT_EQ(0, __ioeventfd(self->fd, 1, BAR(1), port(self->fd, 4), port(self->fd, 8), event));
	ring(event);
	EXPECT_EQ(1, port(self->fd, 12));
	ring(event);
	EXPECT_EQ(2, port(self->fd, 12));
	pci_command(self->fd, COMMAND_MEM, 0);
	close(choose);
	close(event);
}

/* ---- How it ends ---------------------------------------------------------- */

/* The place in the list stays taken, but nothing hangs on it. */
TEST_F(edu, eventfd_closed)
{
	int event, other = eventfd_new(), i;

	for (i = 0; i < 20; i++) {
		event = eventfd_new();
		ASSERT_EQ(0, set(self->fd, i, event));
		ring(event);
		close(event);
		EXPECT_TRUE(becomes(self->fd, i));
		EXPECT_EQ(-EEXIST, set(self->fd, i, other));
		EXPECT_EQ(0, set(self->fd, i, -1));
		EXPECT_EQ(-ENODEV, set(self->fd, i, -1));
		ASSERT_EQ(0, set(self->fd, i, other));
	}
	close(other);
}

TEST(device_closed)
{
	int event = eventfd_new();
	struct vfio vfio;
	char bdf[BDF_LEN];
	uint32_t value;

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu alone in its group");
	vfio_open(&vfio, bdf, HOST_IOMMU);
	for (value = 0; value < 8; value++)
		ASSERT_EQ(0, set(vfio.device, value, event));
	ring(event);
	vfio_close(&vfio);

	/* It hears nothing any more, and the next user starts with nothing. */
	ring(event);
	EXPECT_EQ(1, eventfd_wait(event, SOON));
	vfio_open(&vfio, bdf, HOST_IOMMU);
	EXPECT_EQ(-ENODEV, set(vfio.device, 0, -1));
	EXPECT_EQ(0, set(vfio.device, 0, event));
	vfio_close(&vfio);
	close(event);
}

/* ---- Refusals ------------------------------------------------------------- */

TEST_F(edu, refusals)
{
	const uint64_t end = OFFSET(BAR(0)) + EDU_SIZE;
	int event = eventfd_new(), other = no_eventfd();
	const struct {
		uint32_t argsz, flags;
		uint64_t offset;
		int fd, want;
	} rows[] = {
		/* Each row breaks one rule, and some that are checked later. */
		{ 27, 4, EDU_LIVE, event, -EINVAL },
		{ 0, 99, ~0ULL, -9, -EINVAL },
		{ 28, 0, EDU_LIVE, event, -EINVAL },
		{ 28, 3, EDU_LIVE, event, -EINVAL },
		{ 28, 15, EDU_LIVE, event, -EINVAL },
		{ 28, 16, EDU_LIVE, event, -EINVAL },
		{ 28, 4 | 1u << 31, EDU_LIVE, event, -EINVAL },
		{ 28, 4, EDU_LIVE, -2, -EINVAL },
		{ 28, 4, EDU_LIVE, INT32_MIN, -EINVAL },
		/* No BAR, one that the edu does not have, behind the end. */
		{ 28, 4, OFFSET(ROM), 9999, -EINVAL },
		{ 28, 4, OFFSET(CONFIG), event, -EINVAL },
		{ 28, 4, OFFSET(VGA), event, -EINVAL },
		{ 28, 4, ~0ULL, event, -EINVAL },
		{ 28, 4, 1ULL << 63, -1, -EINVAL },
		{ 28, 4, OFFSET(BAR(1)), -1, -EINVAL },
		{ 28, 4, OFFSET(BAR(1)) - 4, event, -EINVAL },
		{ 28, 4, end, event, -EINVAL },
		{ 28, 4, end - 3, 9999, -EINVAL },
		{ 28, 8, end - 7, -1, -EINVAL },
		/* Not there, no descriptor, no eventfd. */
		{ 28, 4, EDU_LIVE, -1, -ENODEV },
		{ 28, 4, end - 4, -1, -ENODEV },
		{ 28, 4, EDU_LIVE, 9999, -EBADF },
		{ 28, 4, EDU_LIVE, other, -EINVAL },
		{ 28, 4, EDU_LIVE, -1, -ENODEV },
		/* Once, with a size that is too long. */
		{ UINT32_MAX, 4, EDU_LIVE, event, 0 },
		{ 28, 4, EDU_LIVE, event, -EEXIST },
		{ 28, 4, EDU_LIVE, 9999, -EEXIST },
		/* Everything makes another one. */
		{ 28, 4, EDU_LIVE + 4, event, 0 },
		{ 28, 8, EDU_LIVE, event, 0 },
		{ 28, 1, end - 1, event, 0 },
		{ 28, 8, end - 8, event, 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vfio_device_ioeventfd request = {
			.argsz = rows[i].argsz, .flags = rows[i].flags,
			.offset = rows[i].offset, .fd = rows[i].fd,
		};

		EXPECT_EQ(rows[i].want, __call(self->fd, VFIO_DEVICE_IOEVENTFD, &request)) {
			TH_LOG("row %zu", i);
		}
	}
	/* All 64 bits of the value count, even those that are not written. */
	EXPECT_EQ(-ENODEV, __ioeventfd(self->fd, 4, BAR(0), EDU_LIVE, 1ULL << 32, -1));
	EXPECT_EQ(0, __ioeventfd(self->fd, 4, BAR(0), EDU_LIVE, 1ULL << 32, event));
	close(event);
	close(other);
}

TEST_F(edu, r22_limit)
{
	int event = eventfd_new(), i;

	for (i = 0; i < MOST; i++)
		ASSERT_EQ(0, set(self->fd, i, event));
	EXPECT_EQ(-ENOSPC, set(self->fd, MOST, event));
	/* It comes after what is there, and before the descriptor. */
	EXPECT_EQ(-ENOSPC, set(self->fd, MOST, 9999));
	EXPECT_EQ(-EEXIST, set(self->fd, 0, event));
	EXPECT_EQ(-ENODEV, set(self->fd, MOST, -1));
	EXPECT_EQ(0, set(self->fd, 500, -1));
	EXPECT_EQ(0, set(self->fd, MOST, event));
	EXPECT_EQ(-ENOSPC, set(self->fd, 500, event));
	ring(event);
	EXPECT_EQ(0, eventfd_wait(event, QUIET));
	/* The rest goes with the device. */
	close(event);
}

/* The table of MSI-X is the kernel's. */
TEST_F(igb, r22_table_is_closed)
{
	const uint32_t bar = BAR(IGB_MSIX_BAR), end = self->table + self->size;
	int event = eventfd_new();

	EXPECT_EQ(-EINVAL, __ioeventfd(self->fd, 4, bar, self->table, 0, event));
	EXPECT_EQ(-EINVAL, __ioeventfd(self->fd, 1, bar, end - 1, 0, event));
	EXPECT_EQ(-EINVAL, __ioeventfd(self->fd, 8, bar, end - 4, 0, 9999));
	EXPECT_EQ(-EINVAL, __ioeventfd(self->fd, 4, bar, self->table, 0, -1));
	EXPECT_EQ(-ENODEV, __ioeventfd(self->fd, 4, bar, end, 0, -1));
	EXPECT_EQ(0, __ioeventfd(self->fd, 4, bar, end, 0, event));
	if (self->table >= 8) {
		EXPECT_EQ(-EINVAL, __ioeventfd(self->fd, 8, bar, self->table - 7, 0, event));
		EXPECT_EQ(0, __ioeventfd(self->fd, 8, bar, self->table - 8, 0, event));
	}
	/* In another BAR, the same place is like any other. */
	EXPECT_EQ(0, __ioeventfd(self->fd, 4, BAR(0), self->table, 0, event));
	close(event);
}

TEST_HARNESS_MAIN
