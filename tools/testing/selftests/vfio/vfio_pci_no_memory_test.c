// SPDX-License-Identifier: GPL-2.0-only
/*
 * Without memory: each allocation of a call fails in turn, and each copy from or
 * to the program. The call must refuse cleanly, and work as soon as there is memory
 * again. That nothing leaks is seen by the leak detector of the kernel, which
 * whoever runs the guest asks.
 *
 * Needs a kernel with fault injection (CONFIG_FAILSLAB). Not part of the default
 * run: where a file of an interrupt in /proc could not be made, the kernel warns
 * when it is to be removed. Uses edu and igb, each alone in its group.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "vfio_irq.h"

#define DEBUG		"/sys/kernel/debug/"

/* More allocations and copies than any of the calls makes. */
#define MOST		1000

/* /proc/self/fail-nth, opened before anything fails. */
static int nth_file = -1;

/* Lets everything fail that can, also what may wait for memory. Returns false if nothing can. */
static bool can_fail(void)
{
	nth_file = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
	return nth_file >= 0 && !__write_text(DEBUG "failslab/ignore-gfp-wait", "N") &&
	       !__write_text(DEBUG "fail_page_alloc/ignore-gfp-wait", "N") &&
	       !__write_text(DEBUG "failslab/verbose", "0") &&
	       !__write_text(DEBUG "fail_page_alloc/verbose", "0") &&
	       !__write_text(DEBUG "fail_usercopy/verbose", "0");
}

/* Lets the @nth allocation or copy of this process fail, from now on; 0 for none. */
static void fail_nth(unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	/* This may be what fails. */
	while (pwrite(nth_file, text, len, 0) != len)
		;
}

/* Whether it has failed already; nothing will any more. */
static bool has_failed(void)
{
	char text[16] = {};
	bool failed = pread(nth_file, text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;

	fail_nth(0);
	return failed;
}

/* Without memory; allocators of vectors have a word of their own. Or without the argument. */
static bool is_refusal(int ret)
{
	return ret == -ENOMEM || ret == -ENOSPC || ret == -EFAULT;
}

/*
 * Switches the device on or off on behalf of the host, too. With that, opening it does
 * not make the kernel ask ACPI for its interrupt: the interpreter of that does not
 * survive an allocation that fails.
 */
static void hold(const char *bdf, const char *on)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/enable", bdf);
	write_text(path, on);
}

/* R16: a device that could not be opened, or only without something, was opened again. */
TEST_F_TIMEOUT(edu, r16_open, 120)
{
	unsigned int nth, failures = 0;
	char bdf[BDF_LEN];
	int fd;

	if (!can_fail())
		SKIP(return, "no fault injection");
	edu_close(&self->edu);
	strcpy(bdf, self->vfio.bdf);
	vfio_close(&self->vfio);
	hold(bdf, "1");
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	close(self->vfio.device);
	for (nth = 1; nth < MOST; nth++) {
		bool failed;

		fail_nth(nth);
		fd = __group_get_device(self->vfio.group, self->vfio.bdf);
		failed = has_failed();
		if (fd < 0) {
			EXPECT_TRUE(is_refusal(fd)) {
				TH_LOG("at %u: %d", nth, fd);
			}
			failures++;
			fd = group_get_device(self->vfio.group, self->vfio.bdf);
		}
		EXPECT_NE(0, pci_capability(fd, 5));
		EXPECT_NE(0, config_read(fd, pci_capability(fd, 5), 4));
		close(fd);
		if (!failed)
			break;
	}
	EXPECT_LT(0, failures);
	EXPECT_GT(MOST, nth);
	self->vfio.device = -1;
	vfio_close(&self->vfio);
	hold(bdf, "0");
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	self->device = self->vfio.device;
	edu_open(&self->edu, self->device);
}

/* R11: some of what an interrupt needs was there, and used after it was freed. */
static void enable(struct __test_metadata *_metadata, int device, uint32_t index,
		   const int *fds, unsigned int count)
{
	unsigned int nth, failures = 0;

	for (nth = 1; nth < MOST; nth++) {
		bool failed;
		int ret;

		fail_nth(nth);
		ret = __irq_eventfds(device, index, 0, count, fds);
		failed = has_failed();
		if (ret) {
			/* Positive: there is memory for so many. */
			EXPECT_TRUE(is_refusal(ret) || (ret > 0 && ret < (int)count)) {
				TH_LOG("index %u, at %u: %d", index, nth, ret);
			}
			failures++;
			EXPECT_EQ(0, __irq_eventfds(device, index, 0, count, fds));
		}
		EXPECT_EQ(0, set_none(device, TRIGGER, index));
		EXPECT_EQ(1, eventfd_wait(fds[0], SOON));
		EXPECT_EQ(0, __irq_disable(device, index));
		if (!failed)
			break;
	}
	EXPECT_LT(0, failures);
	EXPECT_GT(MOST, nth);
}

TEST_F_TIMEOUT(edu, r11_interrupts, 120)
{
	if (!can_fail())
		SKIP(return, "no fault injection");
	enable(_metadata, self->device, INTX, &self->event, 1);
	enable(_metadata, self->device, MSI, &self->event, 1);
	enable(_metadata, self->device, ERR, &self->event, 1);
	enable(_metadata, self->device, REQ, &self->event, 1);
}

FIXTURE(igb)
{
	struct vfio vfio;
	int fds[3];
};

FIXTURE_SETUP(igb)
{
	char bdf[BDF_LEN];
	int i;

	if (!pci_find_alone(ID_IGB, 0, bdf))
		SKIP(return, "no igb alone in its group");
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	for (i = 0; i < 3; i++)
		self->fds[i] = eventfd_new();
}

FIXTURE_TEARDOWN(igb)
{
	int i;

	vfio_close(&self->vfio);
	for (i = 0; i < 3; i++)
		close(self->fds[i]);
}

TEST_F_TIMEOUT(igb, r11_vectors, 120)
{
	if (!can_fail())
		SKIP(return, "no fault injection");
	enable(_metadata, self->vfio.device, MSIX, self->fds, 3);
}

/* A mapping is there as a whole, or not at all. */
TEST_F_TIMEOUT(edu, mappings, 120)
{
	char *mem = memory(64 * PAGE);
	unsigned int nth, failures = 0;
	long locked = my_locked();

	if (!can_fail())
		SKIP(return, "no fault injection");
	for (nth = 1; nth < MOST; nth++) {
		bool failed;
		int ret;

		fail_nth(nth);
		ret = __dma_map(self->vfio.container, mem, 0, 64 * PAGE, DMA_RW);
		failed = has_failed();
		if (ret) {
			EXPECT_TRUE(is_refusal(ret)) {
				TH_LOG("at %u: %d", nth, ret);
			}
			failures++;
			EXPECT_EQ(locked, my_locked());
			EXPECT_EQ(0, __dma_map(self->vfio.container, mem, 0, 64 * PAGE, DMA_RW));
		}
		edu_dma_from(&self->edu, 63 * PAGE, 16);
		fail_nth(nth);
		ret = __dma_unmap(self->vfio.container, 0, 64 * PAGE);
		failed |= has_failed();
		/* It takes no memory. What it could not tell it may have done. */
		if (ret < 0) {
			EXPECT_EQ(-EFAULT, ret) {
				TH_LOG("at %u", nth);
			}
			ret = __dma_unmap(self->vfio.container, 0, 64 * PAGE);
			EXPECT_TRUE(ret == 0 || ret == (int)(64 * PAGE));
		} else {
			EXPECT_EQ((int)(64 * PAGE), ret);
		}
		EXPECT_EQ(locked, my_locked());
		if (!failed)
			break;
	}
	EXPECT_LT(0, failures);
	EXPECT_GT(MOST, nth);
	munmap(mem, 64 * PAGE);
}

TEST_HARNESS_MAIN
