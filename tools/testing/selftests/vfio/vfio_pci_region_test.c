// SPDX-License-Identifier: GPL-2.0-only
/*
 * The regions of a PCI device: what they are, and reading and writing them
 * through the device's file. Mapping them is vfio_pci_mmap_test.c.
 *
 * Uses edu (a memory BAR), pci-testdev (a port BAR), igb (MSI-X), e1000e (an
 * option ROM) and ivshmem (a big BAR), each alone in its group.
 */
#include "kselftest_harness.h"
#include "vfio_region.h"

#define RW	(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE)
#define RWM	(RW | VFIO_REGION_INFO_FLAG_MMAP)

/* pread()/pwrite() at the place of a region that may not exist. */
static ssize_t __read_at(int device, uint32_t index, uint64_t at, void *data, size_t size)
{
	ssize_t done = pread(device, data, size, (off_t)(OFFSET(index) + at));

	return done < 0 ? -errno : done;
}

static ssize_t __write_at(int device, uint32_t index, uint64_t at, const void *data, size_t size)
{
	ssize_t done = pwrite(device, data, size, (off_t)(OFFSET(index) + at));

	return done < 0 ? -errno : done;
}

/* ---- A memory BAR --------------------------------------------------------- */

TEST_F(edu, info)
{
	struct vfio_region_info info;
	uint32_t index;

	for (index = BAR(0); index < FAR; index++) {
		if (index == VGA)
			continue;
		info = region_info(self->fd, index);
		EXPECT_EQ(OFFSET(index), info.offset);
		EXPECT_EQ(index, info.index);
		switch (index) {
		case BAR(0):
			EXPECT_EQ(EDU_SIZE, info.size);
			EXPECT_EQ(RWM, info.flags);
			break;
		case CONFIG:
			EXPECT_EQ(256, info.size);
			EXPECT_EQ(RW, info.flags);
			break;
		default:
			EXPECT_EQ(0, info.size);
			EXPECT_EQ(0, info.flags);
		}
	}
	EXPECT_EQ(-EINVAL, __region_info(self->fd, VGA, &info));
	EXPECT_EQ(-EINVAL, __region_info(self->fd, FAR, &info));
	EXPECT_EQ(-EINVAL, __region_info(self->fd, UINT32_MAX, &info));
}

TEST_F(edu, info_size)
{
	struct vfio_region_info info = { .argsz = sizeof(info) - 1 };

	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_DEVICE_GET_REGION_INFO, &info));
	info.argsz = 0;
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_DEVICE_GET_REGION_INFO, &info));
	info.argsz = UINT32_MAX;
	EXPECT_EQ(0, __call(self->fd, VFIO_DEVICE_GET_REGION_INFO, &info));
	EXPECT_EQ(UINT32_MAX, info.argsz);
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_DEVICE_GET_REGION_INFO, NULL));
}

TEST_F(edu, registers)
{
	uint32_t value = 0;

	ASSERT_EQ(4, __region_read(self->fd, BAR(0), 0, &value, 4));
	EXPECT_EQ(EDU_ID, from_edu(value));
	value = to_edu(0x12345678);
	ASSERT_EQ(4, __region_write(self->fd, BAR(0), EDU_LIVE, &value, 4));
	ASSERT_EQ(4, __region_read(self->fd, BAR(0), EDU_LIVE, &value, 4));
	EXPECT_EQ(~0x12345678u, from_edu(value));
}

/* edu answers only aligned accesses of four bytes or more, others read as zero. */
TEST_F(edu, unaligned)
{
	uint32_t value = to_edu(0x12345678);
	uint8_t want[8] = { 0 }, got[8];

	if (ON_POWER)
		SKIP(return, "the machine does not take it");
	ASSERT_EQ(4, __region_write(self->fd, BAR(0), EDU_LIVE, &value, 4));
	ASSERT_EQ(8, __region_read(self->fd, BAR(0), EDU_LIVE - 2, got, 8));
	value = ~value;
	memcpy(want + 2, &value, 4);
	EXPECT_EQ(0, memcmp(want, got, 8));
	ASSERT_EQ(3, __region_read(self->fd, BAR(0), 1, got, 3));
	EXPECT_EQ(0, memcmp("\0\0\0", got, 3));
}

TEST_F(edu, end)
{
	uint8_t data[16];

	if (ON_POWER)
		SKIP(return, "the machine does not take it");
	EXPECT_EQ(2, __region_read(self->fd, BAR(0), EDU_SIZE - 2, data, 4));
	EXPECT_EQ(1, __region_read(self->fd, BAR(0), EDU_SIZE - 1, data, 8));
	EXPECT_EQ(8, __region_read(self->fd, BAR(0), EDU_SIZE - 8, data, 16));
	EXPECT_EQ(-EINVAL, __region_read(self->fd, BAR(0), EDU_SIZE, data, 1));
	EXPECT_EQ(-EINVAL, __region_write(self->fd, BAR(0), EDU_SIZE, data, 4));
	EXPECT_EQ(-EINVAL, __region_read(self->fd, BAR(0), OFFSET(1) - 1, data, 1));
}

TEST_F(edu, missing)
{
	uint8_t data[4] = { 0 };
	uint32_t index;

	for (index = BAR(1); index <= ROM; index++) {
		EXPECT_EQ(-EINVAL, __read_at(self->fd, index, 0, data, 4));
		EXPECT_EQ(-EINVAL, __write_at(self->fd, index, 0, data, 4));
	}
	EXPECT_EQ(-EINVAL, __read_at(self->fd, VGA, 0xa0000, data, 4));
	EXPECT_EQ(-EINVAL, __read_at(self->fd, FAR, 0, data, 4));
	EXPECT_EQ(-EINVAL, __write_at(self->fd, 0x7fffff, 0, data, 4));
}

TEST_F(edu, nothing)
{
	uint8_t data[4];

	EXPECT_EQ(0, __read_at(self->fd, BAR(0), EDU_SIZE, data, 0));
	EXPECT_EQ(0, __read_at(self->fd, FAR, 0, data, 0));
	EXPECT_EQ(0, __write_at(self->fd, ROM, 0, data, 0));
}

TEST_F(edu, bad_memory)
{
	EXPECT_EQ(-EFAULT, __region_read(self->fd, BAR(0), 0, NULL, 4));
	EXPECT_EQ(-EFAULT, __region_write(self->fd, BAR(0), EDU_LIVE, NULL, 4));
	EXPECT_EQ(-EFAULT, __region_read(self->fd, CONFIG, 0, NULL, 4));
}

TEST_F(edu, memory_off)
{
	uint32_t value = 0;

	pci_command(self->fd, 0, COMMAND_MEM);
	EXPECT_EQ(-EIO, __region_read(self->fd, BAR(0), 0, &value, 4));
	EXPECT_EQ(-EIO, __region_write(self->fd, BAR(0), EDU_LIVE, &value, 4));
	/* Where and whether come before. */
	EXPECT_EQ(-EINVAL, __region_read(self->fd, BAR(0), EDU_SIZE, &value, 4));
	EXPECT_EQ(-EFAULT, __region_write(self->fd, BAR(0), EDU_LIVE, NULL, 4));
	pci_command(self->fd, COMMAND_MEM, 0);
	EXPECT_EQ(4, __region_read(self->fd, BAR(0), 0, &value, 4));
	EXPECT_EQ(EDU_ID, from_edu(value));
}

/* ---- A port BAR ----------------------------------------------------------- */

TEST_F(testdev, port)
{
	struct vfio_region_info info = region_info(self->fd, BAR(1));
	uint8_t data[4] = { 0 };
	void *addr;

	EXPECT_EQ(RW, info.flags);
	ASSERT_LE(16, info.size);
	EXPECT_EQ(1, __region_write(self->fd, BAR(1), 0, data, 1));
	EXPECT_EQ(4, __region_read(self->fd, BAR(1), 4, data, 4));
	EXPECT_EQ(1, __region_read(self->fd, BAR(1), info.size - 1, data, 4));
	EXPECT_EQ(-EINVAL, __region_read(self->fd, BAR(1), info.size, data, 1));
	EXPECT_EQ(-EINVAL, map(self->fd, BAR(1), 0, PAGE, MAP_SHARED, &addr));
}

/* Ports do not care about memory decoding. */
TEST_F(testdev, port_memory_off)
{
	uint8_t mem[4], port[4];

	pci_command(self->fd, 0, COMMAND_MEM);
	EXPECT_EQ(-EIO, __region_read(self->fd, BAR(0), 4, mem, 4));
	EXPECT_EQ(4, __region_read(self->fd, BAR(1), 4, port, 4));
	pci_command(self->fd, COMMAND_MEM, 0);
}

/* ---- The table of MSI-X --------------------------------------------------- */

TEST_F(igb, info_has_capability)
{
	struct {
		struct vfio_region_info info;
		struct vfio_info_cap_header cap;
	} answer = { .info = { .argsz = sizeof(answer), .index = BAR(IGB_MSIX_BAR) } };

	ASSERT_EQ(0, __call(self->fd, VFIO_DEVICE_GET_REGION_INFO, &answer));
	EXPECT_EQ(RWM | VFIO_REGION_INFO_FLAG_CAPS, answer.info.flags);
	EXPECT_EQ(sizeof(answer), answer.info.argsz);
	EXPECT_EQ(sizeof(answer.info), answer.info.cap_offset);
	EXPECT_EQ(VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, answer.cap.id);
	EXPECT_EQ(1, answer.cap.version);
	EXPECT_EQ(0, answer.cap.next);
}

TEST_F(igb, info_without_room_for_capability)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info), .index = BAR(IGB_MSIX_BAR), .cap_offset = 99,
	};

	ASSERT_EQ(0, __call(self->fd, VFIO_DEVICE_GET_REGION_INFO, &info));
	EXPECT_EQ(RWM | VFIO_REGION_INFO_FLAG_CAPS, info.flags);
	EXPECT_EQ(sizeof(info) + sizeof(struct vfio_info_cap_header), info.argsz);
	EXPECT_EQ(0, info.cap_offset);
}

TEST_F(igb, table_is_closed)
{
	uint8_t data[32];
	uint32_t value;
	unsigned int i;

	memset(data, 0x5a, sizeof(data));
	EXPECT_EQ(32, __region_write(self->fd, BAR(IGB_MSIX_BAR), self->table, data, 32));
	EXPECT_EQ(32, __region_read(self->fd, BAR(IGB_MSIX_BAR), self->table, data, 32));
	for (i = 0; i < sizeof(data); i++)
		EXPECT_EQ(0xff, data[i]);
	/* Its last byte is the end of it. */
	EXPECT_EQ(1, __region_read(self->fd, BAR(IGB_MSIX_BAR), self->table + self->size - 1,
				   data, 1));
	EXPECT_EQ(0xff, data[0]);
	/* The pending bits are not part of it. */
	EXPECT_EQ(4, __region_read(self->fd, BAR(IGB_MSIX_BAR), self->pba, &value, 4));
	EXPECT_EQ(0, value);
}

TEST_F(igb, config_is_4k)
{
	uint8_t data[8];

	EXPECT_EQ(4096, region_info(self->fd, CONFIG).size);
	EXPECT_EQ(4, __region_read(self->fd, CONFIG, 4092, data, 4));
	EXPECT_EQ(-EFAULT, __region_read(self->fd, CONFIG, 4096, data, 4));
	EXPECT_EQ(-EFAULT, __region_read(self->fd, CONFIG, 4092, data, 8));
}

/* ---- An option ROM -------------------------------------------------------- */

FIXTURE(e1000e)
{
	struct vfio vfio;
	int fd;
	uint64_t size;
};

FIXTURE_SETUP(e1000e)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_E1000E, 0, bdf))
		SKIP(return, "no e1000e alone in its group");
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	self->fd = self->vfio.device;
	self->size = region_info(self->fd, ROM).size;
	if (!self->size)
		SKIP(return, "the e1000e has no option ROM");
}

FIXTURE_TEARDOWN(e1000e)
{
	vfio_close(&self->vfio);
}

TEST_F(e1000e, rom)
{
	struct vfio_region_info info = region_info(self->fd, ROM);
	uint8_t data[16];

	EXPECT_EQ(VFIO_REGION_INFO_FLAG_READ, info.flags);
	EXPECT_EQ(0, self->size & (self->size - 1));
	ASSERT_EQ(2, __region_read(self->fd, ROM, 0, data, 2));
	EXPECT_EQ(0x55, data[0]);
	EXPECT_EQ(0xaa, data[1]);
	EXPECT_EQ(16, __region_read(self->fd, ROM, 3, data, 16));
	EXPECT_EQ(2, __region_read(self->fd, ROM, self->size - 2, data, 16));
	EXPECT_EQ(-EINVAL, __region_read(self->fd, ROM, self->size, data, 1));
	EXPECT_EQ(-EINVAL, __region_write(self->fd, ROM, 0, data, 1));
}

/* Being asked what it is turns memory decoding on for a moment; reading does not. */
TEST_F(e1000e, rom_memory_off)
{
	uint8_t data[4];

	if (ON_POWER)
		SKIP(return, "a machine check");
	pci_command(self->fd, 0, COMMAND_MEM);
	EXPECT_EQ(self->size, region_info(self->fd, ROM).size);
	EXPECT_EQ(-ENOMEM, __region_read(self->fd, ROM, 0, data, 4));
	EXPECT_EQ(0, config_read(self->fd, 4, 2) & COMMAND_MEM);
	pci_command(self->fd, COMMAND_MEM, 0);
	EXPECT_EQ(4, __region_read(self->fd, ROM, 0, data, 4));
}

/* ---- A big BAR ------------------------------------------------------------ */

/* Quadwords arrive in one piece or two, but arrive. */
TEST_F(ivshmem, long_transfers)
{
	uint8_t out[4096], in[4096];
	unsigned int i;

	for (i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7);
	ASSERT_EQ(4093, __region_write(self->fd, BAR(IVSHMEM_BAR), 3, out, 4093));
	ASSERT_EQ(4093, __region_read(self->fd, BAR(IVSHMEM_BAR), 3, in, 4093));
	EXPECT_EQ(0, memcmp(out, in, 4093));
}

/* Memory that ends in the middle: what comes before that is transferred, and no more. */
TEST_F(ivshmem, memory_ends_early)
{
	uint8_t zero[128] = {}, out[128];
	char *end = memory_end();
	unsigned int i;

	for (i = 0; i < 40; i++)
		end[(int)i - 40] = (char)(i + 1);
	ASSERT_EQ(128, __region_write(self->fd, BAR(IVSHMEM_BAR), 0, zero, 128));
	EXPECT_EQ(-EFAULT, __region_write(self->fd, BAR(IVSHMEM_BAR), 0, end - 40, 128));
	ASSERT_EQ(128, __region_read(self->fd, BAR(IVSHMEM_BAR), 0, out, 128));
	EXPECT_EQ(0, memcmp(out, end - 40, 40));
	EXPECT_EQ(0, memcmp(out + 40, zero, 88));

	memset(end - 40, 0xee, 40);
	EXPECT_EQ(-EFAULT, __region_read(self->fd, BAR(IVSHMEM_BAR), 0, end - 40, 128));
	EXPECT_EQ(0, memcmp(out, end - 40, 40));
}

TEST_HARNESS_MAIN
