// SPDX-License-Identifier: GPL-2.0-only
/*
 * The regions of a PCI device, mapped: what may be mapped, what is behind the
 * addresses, and how a mapping goes away and comes back with the device's memory.
 *
 * Uses edu (a memory BAR), igb (MSI-X) and ivshmem (a big BAR), each alone in its
 * group.
 */
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "vfio_region.h"
#include "vfio_touch.h"

/* ---- A memory BAR --------------------------------------------------------- */

TEST_F(edu, map)
{
	volatile uint32_t *regs = region_map(self->fd, BAR(0));
	uint32_t value = 0;

	EXPECT_EQ(EDU_ID, from_edu(regs[0]));
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
	EXPECT_EQ(EDU_ID, from_edu(value));
	munmap(addr, PAGE);
}

TEST_F(edu, r21_map_refused)
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

TEST_F(edu, r5_map_memory_off)
{
	volatile uint32_t *regs = region_map(self->fd, BAR(0));
	uint32_t value = 0;
	int round;

	for (round = 0; round < 8; round++) {
		EXPECT_EQ(0, touch(regs, &value));
		EXPECT_EQ(EDU_ID, from_edu(value));
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
	EXPECT_EQ(EDU_ID, from_edu(value));
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
		status = touch(regs, &value) || from_edu(value) != EDU_ID;
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
	EXPECT_EQ(EDU_ID, from_edu(value));
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
	EXPECT_EQ(EDU_ID, from_edu(value));
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

/* ---- MSI-X, and sleep ----------------------------------------------------- */

TEST_F(igb, table_can_be_mapped)
{
	uint32_t value;
	void *addr;

	ASSERT_EQ(0, map(self->fd, BAR(IGB_MSIX_BAR), 0, PAGE, MAP_SHARED, &addr));
	EXPECT_EQ(0, touch(addr, &value));
	munmap(addr, PAGE);
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

/* ---- How the mapping looks ------------------------------------------------ */

/* The flags of the mapping at @addr, as two letters each. */
static void vma_flags(const void *addr, char *flags, size_t size)
{
	unsigned long start, end;
	bool ours = false;
	char line[1024];
	FILE *smaps = fopen("/proc/self/smaps", "r");

	if (!smaps)
		fail("smaps: %s", strerror(errno));
	*flags = '\0';
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			ours = start <= (unsigned long)addr && (unsigned long)addr < end;
		else if (ours && !strncmp(line, "VmFlags:", 8))
			snprintf(flags, size, "%s", line + 8);
	}
	fclose(smaps);
}

/* Device memory without pages of the kernel's: not to be grown, and not in a core dump. */
TEST_F(edu, map_attributes)
{
	static const char *const want[] = { " sh", " io", " pf", " de", " dd" };
	void *regs = region_map(self->fd, BAR(0));
	char flags[1024];
	unsigned int i;

	vma_flags(regs, flags, sizeof(flags));
	for (i = 0; i < sizeof(want) / sizeof(*want); i++) {
		EXPECT_NE(NULL, strstr(flags, want[i])) {
			TH_LOG("no%s in%s", want[i], flags);
		}
	}
	EXPECT_EQ(MAP_FAILED, mremap(regs, EDU_SIZE, 2 * EDU_SIZE, MREMAP_MAYMOVE));
	EXPECT_EQ(EFAULT, errno);
	munmap(regs, EDU_SIZE);
}

/* ---- A BAR that is smaller than a page ------------------------------------ */

#define SMALL		0
#define SMALL_SIZE	256

/* Where the host has put a BAR. */
static uint64_t bar_start(const char *bdf, unsigned int bar)
{
	unsigned long long start = 0;
	char path[128], line[128];
	FILE *resource;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource", bdf);
	resource = fopen(path, "r");
	if (!resource)
		fail("%s: %s", path, strerror(errno));
	do
		if (!fgets(line, sizeof(line), resource) || sscanf(line, "%llx", &start) != 1)
			fail("%s: no BAR %u", path, bar);
	while (bar--);
	fclose(resource);
	return start;
}

/* Whether the rest of the page at @start is kept from others. */
static bool is_reserved(uint64_t start)
{
	unsigned long long from, to;
	char line[256], name[128];
	FILE *iomem = fopen("/proc/iomem", "r");
	bool found = false;

	if (!iomem)
		fail("iomem: %s", strerror(errno));
	while (fgets(line, sizeof(line), iomem))
		if (sscanf(line, " %llx-%llx : %127[^\n]", &from, &to, name) == 3 &&
		    !strcmp(name, "vfio sub-page reserved"))
			found |= from == start + SMALL_SIZE && to == start + PAGE - 1;
	fclose(iomem);
	return found;
}

/* It can be mapped if it has its page for itself, and then keeps it so. */
TEST_F(ivshmem, map_small)
{
	struct vfio_region_info info = region_info(self->fd, BAR(SMALL));
	uint64_t start = bar_start(self->vfio.bdf, SMALL);
	volatile uint32_t *regs;
	uint32_t value;
	void *addr;

	ASSERT_EQ(SMALL_SIZE, info.size);
	if (start % PAGE) {
		EXPECT_FALSE(info.flags & VFIO_REGION_INFO_FLAG_MMAP);
		EXPECT_EQ(-EINVAL, map(self->fd, BAR(SMALL), 0, PAGE, MAP_SHARED, &addr));
		return;
	}
	EXPECT_TRUE(info.flags & VFIO_REGION_INFO_FLAG_MMAP);
	EXPECT_TRUE(is_reserved(start));
	EXPECT_EQ(-EINVAL, map(self->fd, BAR(SMALL), 0, 2 * PAGE, MAP_SHARED, &addr));
	EXPECT_EQ(-EINVAL, map(self->fd, BAR(SMALL), PAGE, PAGE, MAP_SHARED, &addr));
	ASSERT_EQ(0, map(self->fd, BAR(SMALL), 0, PAGE, MAP_SHARED, &addr));
	regs = addr;
	/* The first register is a mask of interrupts. */
	ASSERT_EQ(0, touch(regs, &value));
	regs[0] = ~value;
	ASSERT_EQ(4, __region_read(self->fd, BAR(SMALL), 0, &value, 4));
	EXPECT_EQ(value, regs[0]);
	munmap(addr, PAGE);

	/* File access ends with the BAR, not with the page. */
	EXPECT_EQ(-EINVAL, __region_read(self->fd, BAR(SMALL), SMALL_SIZE, &value, 4));

	vfio_close(&self->vfio);
	EXPECT_FALSE(is_reserved(start));
}

/* ---- A big BAR ------------------------------------------------------------ */

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

TEST_HARNESS_MAIN
