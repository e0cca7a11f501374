// SPDX-License-Identifier: GPL-2.0-only
/*
 * What debugfs shows of groups: Documentation/ABI/testing/debugfs-vfio. Of devices, it
 * is vfio_debugfs_device_test.c.
 *
 * The files "nointxmask" and "disable_idle_d3" are C's as well, where it is built
 * with debugfs; the others are ours alone, and their cases skip on C.
 *
 * Uses an edu device alone in its group, two that share one, and an igb.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "kselftest_harness.h"
#include "vfio_debugfs.h"
#include "vfio_irq.h"

#define PARAMETERS	"/sys/module/vfio_pci/parameters/"

/* ---- What C has, too ------------------------------------------------------- */

FIXTURE(latched)
{
	char bdf[BDF_LEN], text[TEXT_MAX];
};

FIXTURE_SETUP(latched)
{
	if (!pci_find_alone(ID_EDU, 0, self->bdf))
		SKIP(return, "no edu device alone in its group");
	if (!has_debugfs())
		SKIP(return, "the modules show nothing in debugfs");
}

FIXTURE_TEARDOWN(latched)
{
	pci_unbind(self->bdf);
	write_text(PARAMETERS "nointxmask", "N");
	write_text(PARAMETERS "disable_idle_d3", "N");
}

/* A device keeps what it was bound with. */
TEST_F(latched, parameters)
{
	pci_bind(self->bdf, "vfio-pci");
	ASSERT_EQ(0, __show(self->bdf, "pci/nointxmask", self->text));
	EXPECT_STREQ("N\n", self->text);
	ASSERT_EQ(0, __show(self->bdf, "pci/disable_idle_d3", self->text));
	EXPECT_STREQ("N\n", self->text);

	write_text(PARAMETERS "nointxmask", "Y");
	ASSERT_EQ(0, __show(self->bdf, "pci/nointxmask", self->text));
	EXPECT_STREQ("N\n", self->text);
	pci_unbind(self->bdf);
	EXPECT_EQ(-ENOENT, __show(self->bdf, "pci/nointxmask", self->text));

	pci_bind(self->bdf, "vfio-pci");
	ASSERT_EQ(0, __show(self->bdf, "pci/nointxmask", self->text));
	EXPECT_STREQ("Y\n", self->text);
	ASSERT_EQ(0, __show(self->bdf, "pci/disable_idle_d3", self->text));
	EXPECT_STREQ("N\n", self->text);
	pci_unbind(self->bdf);

	write_text(PARAMETERS "disable_idle_d3", "Y");
	pci_bind(self->bdf, "vfio-pci");
	ASSERT_EQ(0, __show(self->bdf, "pci/disable_idle_d3", self->text));
	EXPECT_STREQ("Y\n", self->text);
}

/* ---- Groups ------------------------------------------------------------------ */

FIXTURE(group)
{
	struct vfio vfio;
	char bdf[BDF_LEN], text[TEXT_MAX], want[256];
	int id;
};

FIXTURE_SETUP(group)
{
	if (!driver_is_rust())
		SKIP(return, "only our modules have files for groups");
	if (!pci_find_alone(ID_EDU, 0, self->bdf))
		SKIP(return, "no edu device alone in its group");
	ASSERT_TRUE(has_debugfs());
	pci_bind(self->bdf, "vfio-pci");
	self->id = pci_group(self->bdf);
}

FIXTURE_TEARDOWN(group)
{
	pci_unbind(self->bdf);
}

/* Whether "held by" names this process. */
TEST_F(group, states)
{
	int group, container;

	ASSERT_EQ(0, __show_group(self->id, self->text));
	EXPECT_EQ(self->id, number_of(self->text, "group: "));
	EXPECT_TRUE(has_line(self->text, "held by: nobody"));
	EXPECT_TRUE(has_line(self->text, "state: closed"));
	EXPECT_TRUE(has_line(self->text, "viable: yes"));
	snprintf(self->want, sizeof(self->want), "member: %s vfio-pci vfio", self->bdf);
	EXPECT_TRUE(has_line(self->text, self->want));

	prctl(PR_SET_NAME, "a (b) c");
	group = group_open(self->id);
	ASSERT_EQ(0, __show_group(self->id, self->text));
	EXPECT_TRUE(has_line(self->text, "state: open"));
	EXPECT_TRUE(held_by(self->text, getpid(), "a (b) c")) {
		TH_LOG("%s", self->text);
	}

	container = container_open();
	group_set_container(group, container);
	ASSERT_EQ(0, __show_group(self->id, self->text));
	EXPECT_TRUE(has_line(self->text, "state: attached"));
	EXPECT_TRUE(has_line(self->text, "viable: yes"));
	EXPECT_TRUE(has_line(self->text, "open devices: 0"));
	EXPECT_TRUE(has_line(self->text, "container: 1 groups"));
	EXPECT_TRUE(has_line(self->text, "iommu: none"));

	set_iommu(container, HOST_IOMMU);
	ASSERT_EQ(0, __show_group(self->id, self->text));
	EXPECT_TRUE(has_line(self->text, ON_POWER ? "iommu: spapr-tce-v2" : "iommu: type1v2"));
	EXPECT_TRUE(has_line(self->text, ON_POWER ? "registered ranges: 0" : "mappings: 0"));

	close(group);
	close(container);
	ASSERT_EQ(0, __show_group(self->id, self->text));
	EXPECT_TRUE(has_line(self->text, "held by: nobody"));
	EXPECT_TRUE(has_line(self->text, "state: closed"));
	pci_unbind(self->bdf);
	EXPECT_EQ(-ENOENT, __show_group(self->id, self->text));
}

TEST_F(group, mappings)
{
	char *mem = memory(8 * PAGE);
	double end;
	long left;

	if (ON_POWER)
		SKIP(return, "mappings are not counted in tables of TCEs");
	vfio_open(&self->vfio, self->bdf, VFIO_TYPE1v2_IOMMU);
	left = dma_avail(self->vfio.container);
	dma_map(self->vfio.container, mem, 0, 2 * PAGE, DMA_RW);
	dma_map(self->vfio.container, mem + 2 * PAGE, 16 * PAGE, 6 * PAGE, DMA_RW);
	ASSERT_EQ(0, __show_group(self->id, self->text));
	EXPECT_EQ(1, number_of(self->text, "open devices: "));
	EXPECT_EQ(2, number_of(self->text, "mappings: "));
	EXPECT_EQ(left - 2, number_of(self->text, "mappings left: "));
	EXPECT_EQ(8, number_of(self->text, "pinned pages: "));
	EXPECT_EQ(0, number_of(self->text, "stale ranges: "));

	/* What the program gives up is stale, and unpinned. */
	munmap(mem + 7 * PAGE, PAGE);
	end = seconds() + 10;
	do {
		wait_a_moment();
		ASSERT_EQ(0, __show_group(self->id, self->text));
	} while (number_of(self->text, "pinned pages: ") != 7 && seconds() < end);
	EXPECT_EQ(7, number_of(self->text, "pinned pages: "));
	EXPECT_EQ(1, number_of(self->text, "stale ranges: "));

	dma_unmap(self->vfio.container, 16 * PAGE, 6 * PAGE);
	ASSERT_EQ(0, __show_group(self->id, self->text));
	EXPECT_EQ(1, number_of(self->text, "mappings: "));
	EXPECT_EQ(2, number_of(self->text, "pinned pages: "));
	EXPECT_EQ(0, number_of(self->text, "stale ranges: "));
	dma_unmap(self->vfio.container, 0, 2 * PAGE);
	ASSERT_EQ(0, __show_group(self->id, self->text));
	EXPECT_EQ(0, number_of(self->text, "pinned pages: "));
	vfio_close(&self->vfio);
	munmap(mem, 7 * PAGE);
}

TEST_F(group, tables)
{
	struct vfio_iommu_spapr_tce_info info = { .argsz = sizeof(info) };
	char *mem = memory(4 * PAGE);
	double end;

	if (!ON_POWER)
		SKIP(return, "no tables of TCEs");
	vfio_open(&self->vfio, self->bdf, HOST_IOMMU);
	call(self->vfio.container, VFIO_IOMMU_SPAPR_TCE_GET_INFO, &info);
	dma_register(self->vfio.container, mem, 3 * PAGE);
	dma_register(self->vfio.container, mem + 3 * PAGE, PAGE);
	dma_map(self->vfio.container, mem, info.dma32_window_start, PAGE, DMA_RW);
	ASSERT_EQ(0, __show_group(self->id, self->text));
	EXPECT_EQ(1, number_of(self->text, "open devices: "));
	snprintf(self->want, sizeof(self->want), "window 0: 0x%x to 0x%x, pages of 0x1000",
		 info.dma32_window_start, info.dma32_window_start + info.dma32_window_size - 1);
	EXPECT_TRUE(has_line(self->text, self->want)) {
		TH_LOG("%s", self->text);
	}
	EXPECT_EQ(2, number_of(self->text, "registered ranges: "));
	EXPECT_EQ(4, number_of(self->text, "registered pages: "));
	EXPECT_EQ(0, number_of(self->text, "stale pages: "));

	munmap(mem + 2 * PAGE, PAGE);
	end = seconds() + 10;
	do {
		wait_a_moment();
		ASSERT_EQ(0, __show_group(self->id, self->text));
	} while (number_of(self->text, "stale pages: ") != 1 && seconds() < end);
	EXPECT_EQ(1, number_of(self->text, "stale pages: "));
	EXPECT_EQ(2, number_of(self->text, "registered ranges: "));
	vfio_close(&self->vfio);
	munmap(mem, 4 * PAGE);
}

/* ---- Groups that are not viable ------------------------------------------------ */

FIXTURE(pair)
{
	char first[BDF_LEN], second[BDF_LEN], text[TEXT_MAX];
	int id;
};

FIXTURE_SETUP(pair)
{
	if (!driver_is_rust())
		SKIP(return, "only our modules have files for groups");
	if (!pci_find_pair(ID_EDU, self->first, self->second))
		SKIP(return, "no two edu devices in one group");
	if (system("modprobe -q pci-stub"))
		SKIP(return, "no pci-stub");
	ASSERT_TRUE(has_debugfs());
	pci_unbind(self->second);
	pci_bind(self->first, "vfio-pci");
	self->id = pci_group(self->first);
}

FIXTURE_TEARDOWN(pair)
{
	pci_unbind(self->first);
	pci_unbind(self->second);
}

/* Whether the kernel log got a line with this text since @log was opened. */
static bool logged(int log, const char *text)
{
	char record[1024];
	ssize_t len;

	while ((len = read(log, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		if (len < 0)
			continue;
		record[len] = '\0';
		if (strstr(record, text))
			return true;
	}
	return false;
}

/* The reason is the sentence that a refusal logs. */
TEST_F(pair, reason)
{
	int group, log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char reason[512], want[128];
	const char *at;

	ASSERT_LE(0, log);
	lseek(log, 0, SEEK_END);
	ASSERT_EQ(0, __show_group(self->id, self->text));
	EXPECT_TRUE(has_line(self->text, "viable: no"));
	at = line_of(self->text, "reason: ");
	ASSERT_NE(NULL, at);
	snprintf(reason, sizeof(reason), "%.*s", (int)strcspn(at, "\n"), at);
	EXPECT_NE(NULL, strstr(reason, self->second));
	/* Reading logs nothing. */
	EXPECT_FALSE(logged(log, reason));

	group = group_open(self->id);
	EXPECT_EQ(0, group_status(group) & VFIO_GROUP_FLAGS_VIABLE);
	EXPECT_TRUE(logged(log, reason)) {
		TH_LOG("not in the log: %s", reason);
	}
	close(group);

	snprintf(want, sizeof(want), "member: %s (none) other", self->second);
	EXPECT_TRUE(has_line(self->text, want));
	pci_bind(self->second, "pci-stub");
	ASSERT_EQ(0, __show_group(self->id, self->text));
	EXPECT_TRUE(has_line(self->text, "viable: no"));
	snprintf(want, sizeof(want), "member: %s pci-stub other", self->second);
	EXPECT_TRUE(has_line(self->text, want));
	pci_bind(self->second, "vfio-pci");
	ASSERT_EQ(0, __show_group(self->id, self->text));
	EXPECT_TRUE(has_line(self->text, "viable: yes"));
	EXPECT_EQ(NULL, line_of(self->text, "reason: "));
}

/* ---- Reading while everything comes and goes ---------------------------------------- */

static char busy_bdf[BDF_LEN];
static int busy_group;
static volatile bool stop;
static unsigned long reads;

static void *reader(void *unused)
{
	static const char * const files[] = {
		"holder", "pci/irqs", "pci/last_reset", "pci/power_state", "pci/nointxmask",
	};
	char text[TEXT_MAX];
	unsigned int i;
	int err;

	while (!stop) {
		for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
			err = __show(busy_bdf, files[i], text);
			if (!err)
				__sync_fetch_and_add(&reads, 1);
			else if (err != -ENOENT && err != -EIO)
				fail("%s: %s", files[i], strerror(-err));
		}
		err = __show_group(busy_group, text);
		if (err && err != -ENOENT && err != -EIO)
			fail("group: %s", strerror(-err));
	}
	return NULL;
}

FIXTURE(busy)
{
	struct vfio vfio;
};

FIXTURE_SETUP(busy)
{
	if (!driver_is_rust())
		SKIP(return, "only our modules have these files");
	if (!pci_find_alone(ID_EDU, 0, busy_bdf))
		SKIP(return, "no edu device alone in its group");
	ASSERT_TRUE(has_debugfs());
	busy_group = pci_group(busy_bdf);
}

FIXTURE_TEARDOWN(busy)
{
	pci_unbind(busy_bdf);
}

TEST_F_TIMEOUT(busy, comes_and_goes, 120)
{
	int round, fd, event = eventfd_new();
	double end = seconds() + 20;
	pthread_t threads[2];
	char *mem = memory(PAGE);

	stop = false;
	for (round = 0; round < 2; round++)
		ASSERT_EQ(0, pthread_create(&threads[round], NULL, reader, NULL));
	/* As often as a slow machine can; a few times in any case. */
	for (round = 0; round < 3 || (round < 40 && seconds() < end); round++) {
		vfio_open(&self->vfio, busy_bdf, HOST_IOMMU);
		dma_register(self->vfio.container, mem, PAGE);
		dma_map(self->vfio.container, mem, 0, PAGE, DMA_RW);
		must(set_fd(self->vfio.device, TRIGGER, MSI, event));
		fd = group_get_device(self->vfio.group, busy_bdf);
		close(fd);
		vfio_close(&self->vfio);
	}
	TH_LOG("%d rounds, %lu reads", round, reads);
	stop = true;
	for (round = 0; round < 2; round++)
		pthread_join(threads[round], NULL);
	EXPECT_LT(0, reads);
	close(event);
	munmap(mem, PAGE);
}

TEST_HARNESS_MAIN
