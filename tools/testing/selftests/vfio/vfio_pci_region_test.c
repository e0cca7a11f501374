// SPDX-License-Identifier: GPL-2.0-only
/*
 * The regions of a PCI device: what they are, reading and writing them through
 * the device's file, and mapping them.
 *
 * Uses edu (a memory BAR), pci-testdev (a port BAR), igb (MSI-X), e1000e (an
 * option ROM) and ivshmem (a big BAR), each alone in its group.
 */
#include <setjmp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "vfio_test.h"

#define RW	(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE)
#define RWM	(RW | VFIO_REGION_INFO_FLAG_MMAP)

#define BAR(n)	(VFIO_PCI_BAR0_REGION_INDEX + (n))
#define ROM	VFIO_PCI_ROM_REGION_INDEX
#define CONFIG	VFIO_PCI_CONFIG_REGION_INDEX
#define VGA	VFIO_PCI_VGA_REGION_INDEX
#define FAR	VFIO_PCI_NUM_REGIONS

#define OFFSET(index)	((uint64_t)(index) << 40)

#define COMMAND_MEM	2

/* edu: an identity, and a register that shows the inverse of what is written. */
#define EDU_SIZE	0x100000
#define EDU_ID		0x010000ed
#define EDU_LIVE	4

static sigjmp_buf after_fault;

static void on_fault(int signal)
{
	siglongjmp(after_fault, signal);
}

/* Returns 0 if @addr can be read, else the signal that reading it raises. */
static int touch(volatile uint32_t *addr, uint32_t *value)
{
	struct sigaction old, action = { .sa_handler = on_fault };
	int signal;

	sigaction(SIGBUS, &action, &old);
	signal = sigsetjmp(after_fault, 1);
	if (!signal)
		*value = *addr;
	sigaction(SIGBUS, &old, NULL);
	return signal;
}

/* Maps part of a region; returns 0 and the address, or -errno. */
static int map(int device, uint32_t index, uint64_t at, size_t size, int flags, void **addr)
{
	*addr = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, device,
		     (off_t)(OFFSET(index) + at));
	return *addr == MAP_FAILED ? -errno : 0;
}

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

FIXTURE(edu)
{
	struct vfio vfio;
	int fd;
};

FIXTURE_SETUP(edu)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu alone in its group");
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	self->fd = self->vfio.device;
}

FIXTURE_TEARDOWN(edu)
{
	vfio_close(&self->vfio);
}

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
	EXPECT_EQ(EDU_ID, value);
	value = 0x12345678;
	ASSERT_EQ(4, __region_write(self->fd, BAR(0), EDU_LIVE, &value, 4));
	ASSERT_EQ(4, __region_read(self->fd, BAR(0), EDU_LIVE, &value, 4));
	EXPECT_EQ(~0x12345678u, value);
}

/* edu answers only aligned accesses of four bytes or more, others read as zero. */
TEST_F(edu, unaligned)
{
	uint8_t want[8] = { 0, 0, 0x87, 0xa9, 0xcb, 0xed, 0, 0 };
	uint32_t value = 0x12345678;
	uint8_t got[8];

	ASSERT_EQ(4, __region_write(self->fd, BAR(0), EDU_LIVE, &value, 4));
	ASSERT_EQ(8, __region_read(self->fd, BAR(0), EDU_LIVE - 2, got, 8));
	EXPECT_EQ(0, memcmp(want, got, 8));
	ASSERT_EQ(3, __region_read(self->fd, BAR(0), 1, got, 3));
	EXPECT_EQ(0, memcmp("\0\0\0", got, 3));
}

TEST_F(edu, end)
{
	uint8_t data[16];

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
	EXPECT_EQ(EDU_ID, value);
}

TEST_F(edu, map)
{
	volatile uint32_t *regs = region_map(self->fd, BAR(0));
	uint32_t value = 0;

	EXPECT_EQ(EDU_ID, regs[0]);
	regs[1] = 0xabcdef01;
	EXPECT_EQ(~0xabcdef01u, regs[1]);
	ASSERT_EQ(4, __region_read(self->fd, BAR(0), EDU_LIVE, &value, 4));
	EXPECT_EQ(~0xabcdef01u, value);
	EXPECT_EQ(0, munmap((void *)regs, EDU_SIZE));
}

TEST_F(edu, map_part)
{
	void *addr;
	uint32_t value;

	/* The registers repeat nowhere: behind them the device reads as ones. */
	ASSERT_EQ(0, map(self->fd, BAR(0), EDU_SIZE - PAGE, PAGE, MAP_SHARED, &addr));
	EXPECT_EQ(0, touch(addr, &value));
	munmap(addr, PAGE);
	ASSERT_EQ(0, map(self->fd, BAR(0), 0, 2 * PAGE, MAP_SHARED, &addr));
	/* A mapping that was cut still knows where its pages are. */
	munmap((char *)addr + PAGE, PAGE);
	EXPECT_EQ(0, touch(addr, &value));
	EXPECT_EQ(EDU_ID, value);
	munmap(addr, PAGE);
}

TEST_F(edu, map_refused)
{
	void *addr;

	EXPECT_EQ(-EINVAL, map(self->fd, BAR(0), 0, PAGE, MAP_PRIVATE, &addr));
	EXPECT_EQ(-EINVAL, map(self->fd, BAR(0), 0, EDU_SIZE + PAGE, MAP_SHARED, &addr));
	EXPECT_EQ(-EINVAL, map(self->fd, BAR(0), EDU_SIZE, PAGE, MAP_SHARED, &addr));
	EXPECT_EQ(-EINVAL, map(self->fd, BAR(0), EDU_SIZE - PAGE, 2 * PAGE, MAP_SHARED, &addr));
	EXPECT_EQ(-EINVAL, map(self->fd, BAR(1), 0, PAGE, MAP_SHARED, &addr));
	EXPECT_EQ(-EINVAL, map(self->fd, ROM, 0, PAGE, MAP_SHARED, &addr));
	EXPECT_EQ(-EINVAL, map(self->fd, CONFIG, 0, PAGE, MAP_SHARED, &addr));
	EXPECT_EQ(-EINVAL, map(self->fd, VGA, 0xa0000, PAGE, MAP_SHARED, &addr));
	EXPECT_EQ(-EINVAL, map(self->fd, FAR, 0, PAGE, MAP_SHARED, &addr));
	EXPECT_EQ(-EINVAL, map(self->fd, 0x7fffff, 0, PAGE, MAP_SHARED, &addr));
}

TEST_F(edu, map_memory_off)
{
	volatile uint32_t *regs = region_map(self->fd, BAR(0));
	uint32_t value = 0;
	int round;

	for (round = 0; round < 8; round++) {
		EXPECT_EQ(0, touch(regs, &value));
		EXPECT_EQ(EDU_ID, value);
		pci_command(self->fd, 0, COMMAND_MEM);
		EXPECT_EQ(SIGBUS, touch(regs, &value));
		EXPECT_EQ(SIGBUS, touch(regs + EDU_SIZE / 8, &value));
		pci_command(self->fd, COMMAND_MEM, 0);
	}
	EXPECT_EQ(0, touch(regs, &value));
	munmap((void *)regs, EDU_SIZE);
}

/* A mapping made while memory decoding is off works once it is on. */
TEST_F(edu, map_before_memory_on)
{
	volatile uint32_t *regs;
	uint32_t value = 0;

	pci_command(self->fd, 0, COMMAND_MEM);
	regs = region_map(self->fd, BAR(0));
	EXPECT_EQ(SIGBUS, touch(regs, &value));
	pci_command(self->fd, COMMAND_MEM, 0);
	EXPECT_EQ(0, touch(regs, &value));
	EXPECT_EQ(EDU_ID, value);
	munmap((void *)regs, EDU_SIZE);
}

TEST_F(edu, map_forked)
{
	volatile uint32_t *regs = region_map(self->fd, BAR(0));
	uint32_t value = 0;
	int status;
	pid_t pid;

	EXPECT_EQ(0, touch(regs, &value));
	pid = fork();
	if (!pid) {
		status = touch(regs, &value) || value != EDU_ID;
		munmap((void *)regs, EDU_SIZE / 2);
		_exit(status);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	pci_command(self->fd, 0, COMMAND_MEM);
	EXPECT_EQ(SIGBUS, touch(regs, &value));
	pci_command(self->fd, COMMAND_MEM, 0);
	EXPECT_EQ(0, touch(regs, &value));
	munmap((void *)regs, EDU_SIZE);
}

TEST_F(edu, map_moved)
{
	void *regs = region_map(self->fd, BAR(0));
	uint32_t value = 0;
	void *to;

	EXPECT_EQ(0, touch(regs, &value));
	EXPECT_EQ(MAP_FAILED, mremap(regs, EDU_SIZE, EDU_SIZE + PAGE, MREMAP_MAYMOVE));
	to = mmap(NULL, EDU_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, to);
	to = mremap(regs, EDU_SIZE, EDU_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	ASSERT_NE(MAP_FAILED, to);
	EXPECT_EQ(0, touch(to, &value));
	EXPECT_EQ(EDU_ID, value);
	munmap(to, EDU_SIZE);
}

/* The mapping keeps the device open when its file is closed. */
TEST_F(edu, map_outlives_file)
{
	volatile uint32_t *regs = region_map(self->fd, BAR(0));
	uint32_t value = 0;

	close(self->fd);
	self->vfio.device = -1;
	EXPECT_EQ(0, touch(regs, &value));
	EXPECT_EQ(EDU_ID, value);
	munmap((void *)regs, EDU_SIZE);
}

/* Readers on two ways while memory decoding goes on and off: no hang, no other error. */
TEST_F(edu, memory_off_and_on)
{
	volatile uint32_t *regs = region_map(self->fd, BAR(0));
	uint32_t value = 0;
	int round, status;
	pid_t pid = fork();

	if (!pid) {
		for (;;) {
			int bus = touch(regs, &value);
			ssize_t done = __region_read(self->fd, BAR(0), 0, &value, 4);

			if ((bus && bus != SIGBUS) || (done != 4 && done != -EIO))
				_exit(1);
		}
	}
	for (round = 0; round < 200; round++) {
		pci_command(self->fd, 0, COMMAND_MEM);
		pci_command(self->fd, COMMAND_MEM, 0);
	}
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	munmap((void *)regs, EDU_SIZE);
}

/* ---- A port BAR ----------------------------------------------------------- */

FIXTURE(testdev)
{
	struct vfio vfio;
	int fd;
};

FIXTURE_SETUP(testdev)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_TESTDEV, 0, bdf))
		SKIP(return, "no pci-testdev alone in its group");
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	self->fd = self->vfio.device;
}

FIXTURE_TEARDOWN(testdev)
{
	vfio_close(&self->vfio);
}

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

#define IGB_MSIX_BAR	3

FIXTURE(igb)
{
	struct vfio vfio;
	int fd;
	uint32_t table, size, pba;
};

FIXTURE_SETUP(igb)
{
	uint32_t cap, table;
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_IGB, 0, bdf))
		SKIP(return, "no igb alone in its group");
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	self->fd = self->vfio.device;
	cap = pci_capability(self->fd, 0x11);
	table = config_read(self->fd, cap + 4, 4);
	if ((table & 7) != IGB_MSIX_BAR)
		fail("the table of MSI-X is in BAR %u", table & 7);
	self->table = table & ~7u;
	self->pba = config_read(self->fd, cap + 8, 4) & ~7u;
	self->size = ((config_read(self->fd, cap + 2, 2) & 0x7ff) + 1) * 16;
}

FIXTURE_TEARDOWN(igb)
{
	vfio_close(&self->vfio);
}

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

TEST_F(igb, table_can_be_mapped)
{
	uint32_t value;
	void *addr;

	ASSERT_EQ(0, map(self->fd, BAR(IGB_MSIX_BAR), 0, PAGE, MAP_SHARED, &addr));
	EXPECT_EQ(0, touch(addr, &value));
	munmap(addr, PAGE);
}

TEST_F(igb, config_is_4k)
{
	uint8_t data[8];

	EXPECT_EQ(4096, region_info(self->fd, CONFIG).size);
	EXPECT_EQ(4, __region_read(self->fd, CONFIG, 4092, data, 4));
	EXPECT_EQ(-EFAULT, __region_read(self->fd, CONFIG, 4096, data, 4));
	EXPECT_EQ(-EFAULT, __region_read(self->fd, CONFIG, 4092, data, 8));
}

/* In D3 the device does not answer; back in D0 it does. */
TEST_F(igb, asleep)
{
	volatile uint32_t *regs = region_map(self->fd, BAR(0));
	uint32_t pm = pci_capability(self->fd, 1);
	uint32_t value, command;

	ASSERT_NE(0, pm);
	command = config_read(self->fd, 4, 2);
	EXPECT_EQ(0, touch(regs, &value));
	config_write(self->fd, pm + 4, 2, 3);
	EXPECT_EQ(3, config_read(self->fd, pm + 4, 2) & 3);
	EXPECT_EQ(SIGBUS, touch(regs, &value));
	EXPECT_EQ(-EIO, __region_read(self->fd, BAR(0), 0, &value, 4));
	config_write(self->fd, pm + 4, 2, 0);
	EXPECT_EQ(command, config_read(self->fd, 4, 2));
	EXPECT_EQ(0, touch(regs, &value));
	EXPECT_EQ(4, __region_read(self->fd, BAR(0), 0, &value, 4));
	munmap((void *)regs, region_info(self->fd, BAR(0)).size);
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
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
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

	pci_command(self->fd, 0, COMMAND_MEM);
	EXPECT_EQ(self->size, region_info(self->fd, ROM).size);
	EXPECT_EQ(-ENOMEM, __region_read(self->fd, ROM, 0, data, 4));
	EXPECT_EQ(0, config_read(self->fd, 4, 2) & COMMAND_MEM);
	pci_command(self->fd, COMMAND_MEM, 0);
	EXPECT_EQ(4, __region_read(self->fd, ROM, 0, data, 4));
}

/* ---- A big BAR ------------------------------------------------------------ */

#define IVSHMEM_BAR	2

FIXTURE(ivshmem)
{
	struct vfio vfio;
	int fd;
	uint64_t size;
};

FIXTURE_SETUP(ivshmem)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_IVSHMEM, 0, bdf))
		SKIP(return, "no ivshmem alone in its group");
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	self->fd = self->vfio.device;
	self->size = region_info(self->fd, BAR(IVSHMEM_BAR)).size;
}

FIXTURE_TEARDOWN(ivshmem)
{
	vfio_close(&self->vfio);
}

/* Whatever blocks the pages come in, the right memory is behind each address. */
TEST_F(ivshmem, map_all)
{
	volatile uint32_t *mem = region_map(self->fd, BAR(IVSHMEM_BAR));
	uint64_t step = self->size / 64, at;
	uint32_t value;

	for (at = 0; at < self->size; at += step)
		mem[at / 4] = (uint32_t)(at ^ 0x5a5a5a5a);
	for (at = 0; at < self->size; at += step) {
		ASSERT_EQ(4, __region_read(self->fd, BAR(IVSHMEM_BAR), at, &value, 4));
		EXPECT_EQ((uint32_t)(at ^ 0x5a5a5a5a), value);
	}
	pci_command(self->fd, 0, COMMAND_MEM);
	EXPECT_EQ(SIGBUS, touch(mem, &value));
	EXPECT_EQ(SIGBUS, touch(mem + (self->size - step) / 4, &value));
	pci_command(self->fd, COMMAND_MEM, 0);
	for (at = 0; at < self->size; at += step)
		EXPECT_EQ((uint32_t)(at ^ 0x5a5a5a5a), mem[at / 4]);
	munmap((void *)mem, self->size);
}

/* A mapping that cannot be aligned to the device falls back to small pages. */
TEST_F(ivshmem, map_odd)
{
	uint64_t size = self->size - PAGE;
	uint32_t value = 0x600df00d, got;
	volatile uint32_t *mem;
	void *addr;

	ASSERT_EQ(0, map(self->fd, BAR(IVSHMEM_BAR), PAGE, size, MAP_SHARED, &addr));
	mem = addr;
	ASSERT_EQ(4, __region_write(self->fd, BAR(IVSHMEM_BAR), self->size - PAGE, &value, 4));
	EXPECT_EQ(0, touch(mem + (size - PAGE) / 4, &got));
	EXPECT_EQ(value, got);
	munmap(addr, size);
}

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

TEST_HARNESS_MAIN
