// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bad calls that once hurt a kernel, at PCI devices. Each test bears the number of
 * its row in the list of such calls and says what it was. Those at memory are in
 * vfio_type1_regress_test.c. Rows that have their place elsewhere: R5
 * (vfio_pci_mmap_test), R8 (_config_test), R10 (_intx_test), R11 and R16
 * (_no_memory_test), R14 (_dma_buf_test), R17 (_denylist_test), R21 (_mmap_test),
 * R22 (_ioeventfd_test), R29 (vfio_group_device_test), R30 (vfio_pci_vf_token_test,
 * vfio_cdev_token_test), R31 (vfio_group_test, vfio_container_test), R33
 * (vfio_errno_test).
 *
 * Uses edu, igb and nvme, each alone in its group.
 */
#include <pthread.h>

#include "kselftest_harness.h"
#include "vfio_irq.h"

static const uint32_t indexes[] = { INTX, MSI, MSIX, ERR, REQ };

/* ---- R1, R2: headers of SET_IRQS ------------------------------------------- */

/* CVE-2016-9083: start and count were added in 32 bits. */
TEST_F(edu, r1_interrupts_that_are_not_there)
{
	static const struct {
		uint32_t start, count;
	} spans[] = {
		{ 0xffffffff, 1 }, { 0xffffffff, 0 }, { 0xffffffff, 0xffffffff },
		{ 0, 1U << 31 },   { 1, 0xffffffff }, { 1U << 31, 1U << 31 },
		{ 0, 2 },	   { 1, 1 },
	};
	int fds[4] = { -1, -1, -1, -1 };
	size_t i, index;

	ASSERT_EQ(0, set_fd(self->device, TRIGGER, MSI, self->event));
	for (i = 0; i < ARRAY_SIZE(spans); i++)
		for (index = 0; index < ARRAY_SIZE(indexes); index++) {
			EXPECT_EQ(-EINVAL, __irq_set(self->device, EVENTFD | TRIGGER,
						     indexes[index], spans[i].start,
						     spans[i].count, fds, sizeof(fds))) {
				TH_LOG("%#x from %#x on, index %u", spans[i].count,
				       spans[i].start, indexes[index]);
			}
		}
	/* Nothing of it changed what was there. */
	edu_raise(&self->edu);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
}

TEST_F(edu, r2_two_of_what_there_may_be_one)
{
	static const uint32_t flags[] = {
		NONE | BOOL | TRIGGER,	    NONE | EVENTFD | TRIGGER, BOOL | EVENTFD | TRIGGER,
		NONE | BOOL | EVENTFD | TRIGGER, TRIGGER,	      NONE | TRIGGER | 1U << 6,
		NONE | TRIGGER | 1U << 31,
	};
	struct vfio_irq_set *set;
	char room[64] = {};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		EXPECT_EQ(-EINVAL, __irq_set(self->device, flags[i], MSI, 0, 1, room,
					     sizeof(room) - sizeof(*set))) {
			TH_LOG("flags %#x", flags[i]);
		}
	}
	/* Of actions there may be two, and none that is known by both names. */
	EXPECT_EQ(-ENOTTY, __irq_set(self->device, NONE | MASK | UNMASK, INTX, 0, 1, NULL, 0));
	set = (void *)room;
	*set = (struct vfio_irq_set){ .argsz = sizeof(*set) - 1, .flags = NONE | TRIGGER,
				      .index = MSI, .count = 1 };
	EXPECT_EQ(-EINVAL, __call(self->device, VFIO_DEVICE_SET_IRQS, set));
	*set = (struct vfio_irq_set){ .argsz = sizeof(*set) + 3, .flags = EVENTFD | TRIGGER,
				      .index = MSI, .count = 1 };
	EXPECT_EQ(-EINVAL, __call(self->device, VFIO_DEVICE_SET_IRQS, set));
	EXPECT_EQ(-EINVAL, __irq_set(self->device, NONE | TRIGGER, INTX, 1, 1, NULL, 0));
	EXPECT_EQ(-EINVAL, __irq_set(self->device, NONE | TRIGGER, INTX, 1, 0, NULL, 0));
}

/* ---- R9: interrupts without anybody to tell --------------------------------- */

/* CVE-2024-26812: INTx was there, its eventfd was not. */
TEST_F(edu, r9_no_eventfd_to_ring)
{
	int unmask = eventfd_new();

	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, -1));
	EXPECT_EQ(0, set_none(self->device, TRIGGER, INTX));
	EXPECT_EQ(0, set_bool(self->device, TRIGGER, INTX, &yes));
	edu_raise(&self->edu);
	EXPECT_EQ(0, set_none(self->device, TRIGGER, INTX));
	EXPECT_EQ(0, set_fd(self->device, UNMASK, INTX, unmask));
	ring(unmask);
	close(unmask);
	EXPECT_EQ(0, set_none(self->device, UNMASK, INTX));
	EXPECT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	edu_ack(&self->edu);
	EXPECT_EQ(0, set_fd(self->device, TRIGGER, INTX, -1));
	EXPECT_EQ(0, set_bool(self->device, TRIGGER, INTX, &yes));
	EXPECT_EQ(0, __irq_disable(self->device, INTX));
	EXPECT_EQ(-EINVAL, set_none(self->device, TRIGGER, INTX));

	ASSERT_EQ(0, set_fd(self->device, TRIGGER, MSI, self->event));
	EXPECT_EQ(0, set_fd(self->device, TRIGGER, MSI, -1));
	EXPECT_EQ(0, set_none(self->device, TRIGGER, MSI));
	EXPECT_EQ(0, set_bool(self->device, TRIGGER, MSI, &yes));
	EXPECT_EQ(0, __irq_disable(self->device, MSI));
	EXPECT_EQ(-EINVAL, set_none(self->device, TRIGGER, MSI));

	ASSERT_EQ(0, set_fd(self->device, TRIGGER, REQ, self->event));
	EXPECT_EQ(0, set_fd(self->device, TRIGGER, REQ, -1));
	EXPECT_EQ(-EINVAL, set_none(self->device, TRIGGER, REQ));
	EXPECT_EQ(0, set_bool(self->device, TRIGGER, ERR, &yes));
}

/* ---- R13: places outside of regions ------------------------------------------ */

/* CVE-2025-21687: the place in the region was compared after it had been added to. */
TEST_F(edu, r13_places_outside)
{
	struct vfio_region_info bar = region_info(self->device, VFIO_PCI_BAR0_REGION_INDEX);
	static const uint64_t far[] = {
		1ULL << 20, 1ULL << 32, (1ULL << 40) - 8, (1ULL << 40) - 1,
	};
	uint64_t value = 0, region;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(far); i++) {
		EXPECT_EQ(-EINVAL, __region_read(self->device, 0, far[i], &value, 8)) {
			TH_LOG("at %#llx", (unsigned long long)far[i]);
		}
		EXPECT_EQ(-EINVAL, __region_write(self->device, 0, far[i], &value, 8));
	}
	/* What begins inside ends with the region. */
	EXPECT_EQ(1, __region_read(self->device, 0, bar.size - 1, &value, 8));
	EXPECT_EQ(1, __region_write(self->device, 0, bar.size - 1, &value, 8));
	/* Regions that nobody has, up to the last that an offset can name. */
	for (region = VFIO_PCI_NUM_REGIONS; region < 1 << 22; region = region * 2 + 1) {
		const off_t first = region << 40, last = first + ((1ULL << 40) - 2);

		EXPECT_EQ(-1, pread(self->device, &value, 8, first));
		EXPECT_EQ(EINVAL, errno);
		EXPECT_EQ(-1, pwrite(self->device, &value, 8, first));
		EXPECT_EQ(EINVAL, errno);
		EXPECT_EQ(-1, pread(self->device, &value, 1, last));
		EXPECT_EQ(EINVAL, errno);
	}
}

/* ---- R24: opens and closes at once --------------------------------------------- */

struct opener {
	pthread_t thread;
	int group;
	const char *bdf;
	bool wrong;
};

static void *open_twice_close_twice(void *arg)
{
	struct opener *opener = arg;
	int i, fd, copy;

	for (i = 0; i < 200; i++) {
		fd = __group_get_device(opener->group, opener->bdf);
		copy = dup(fd);
		opener->wrong |= fd < 0 || copy < 0 || close(fd) || close(copy);
	}
	return NULL;
}

/* A count of opens went below zero. */
TEST_F(edu, r24_as_many_closes_as_opens)
{
	struct opener openers[3];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(openers); i++) {
		openers[i] = (struct opener){ .group = self->vfio.group, .bdf = self->vfio.bdf };
		ASSERT_EQ(0, pthread_create(&openers[i].thread, NULL, open_twice_close_twice,
					    &openers[i]));
	}
	for (i = 0; i < ARRAY_SIZE(openers); i++) {
		pthread_join(openers[i].thread, NULL);
		EXPECT_FALSE(openers[i].wrong);
	}
	/* The file of the fixture is still one, and the last. */
	EXPECT_EQ(-EBUSY, __group_unset_container(self->vfio.group));
	EXPECT_EQ(EDU_ID, edu_read(&self->edu, 0));
	edu_close(&self->edu);
	close(self->device);
	self->vfio.device = -1;
	EXPECT_EQ(0, __group_unset_container(self->vfio.group));
	group_set_container(self->vfio.group, self->vfio.container);
	set_iommu(self->vfio.container, VFIO_TYPE1v2_IOMMU);
	self->device = group_get_device(self->vfio.group, self->vfio.bdf);
	self->vfio.device = self->device;
	edu_open(&self->edu, self->device);
}

/* ---- R6, R15: sleep ----------------------------------------------------------- */

FIXTURE(igb)
{
	struct vfio vfio;
	int fd;
	char parameter[2];
};

#define IDLE	"/sys/module/vfio_pci/parameters/disable_idle_d3"

FIXTURE_SETUP(igb)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_IGB, 0, bdf))
		SKIP(return, "no igb alone in its group");
	must(__read_text(IDLE, self->parameter, sizeof(self->parameter)));
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	self->fd = self->vfio.device;
}

FIXTURE_TEARDOWN(igb)
{
	write_text(IDLE, self->parameter);
	vfio_close(&self->vfio);
}

/* CVE-2022-49219: what the device forgets in D3 was saved once more each time, and lost. */
TEST_F_TIMEOUT(igb, r6_to_sleep_and_back, 200)
{
	uint32_t pm = pci_capability(self->fd, 1);
	uint32_t bar = config_read(self->fd, 0x10, 4);
	int i;

	ASSERT_NE(0, pm);
	for (i = 0; i < 200; i++) {
		config_write(self->fd, pm + 4, 2, 3);
		ASSERT_EQ(3, config_read(self->fd, pm + 4, 2) & 3);
		/* Twice is once. */
		config_write(self->fd, pm + 4, 2, 3);
		config_write(self->fd, pm + 4, 2, 0);
		ASSERT_EQ(0, config_read(self->fd, pm + 4, 2) & 3);
	}
	EXPECT_EQ(bar, config_read(self->fd, 0x10, 4));
}

/* Whether the device comes to be asleep, or awake. */
static bool becomes(const char *bdf, const char *state)
{
	double end = seconds() + 10;
	char path[128], now[32];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/runtime_status", bdf);
	do {
		must(__read_text(path, now, sizeof(now)));
		if (!strcmp(now, state))
			return true;
		usleep(10000);
	} while (seconds() < end);
	printf("# %s: %s\n", bdf, now);
	return false;
}

/* CVE-2026-64476: the parameter was read again when the device was let go. */
TEST_F_TIMEOUT(igb, r15_parameter_that_changes, 100)
{
	char bdf[BDF_LEN];

	strcpy(bdf, self->vfio.bdf);
	vfio_close(&self->vfio);
	write_text(IDLE, "N");
	pci_bind(bdf, "vfio-pci");
	EXPECT_TRUE(becomes(bdf, "suspended"));
	/* A device keeps what it was bound with. */
	write_text(IDLE, "Y");
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	EXPECT_TRUE(becomes(bdf, "active"));
	close(self->vfio.device);
	self->vfio.device = -1;
	EXPECT_TRUE(becomes(bdf, "suspended"));
	vfio_close(&self->vfio);

	pci_bind(bdf, "vfio-pci");
	EXPECT_TRUE(becomes(bdf, "active"));
	write_text(IDLE, "N");
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	close(self->vfio.device);
	self->vfio.device = -1;
	EXPECT_TRUE(becomes(bdf, "active"));
	vfio_close(&self->vfio);

	pci_bind(bdf, "vfio-pci");
	EXPECT_TRUE(becomes(bdf, "suspended"));
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
}

/* ---- R12: a list that begins with what is not shown ----------------------------- */

FIXTURE(nvme)
{
	struct vfio vfio;
};

FIXTURE_SETUP(nvme)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_NVME, 0, bdf))
		SKIP(return, "no nvme alone in its group");
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
}

FIXTURE_TEARDOWN(nvme)
{
	vfio_close(&self->vfio);
}

/* CVE-2024-53214: the hidden first extended capability was shown, and could be written. */
TEST_F(nvme, r12_first_extended_capability_is_hidden)
{
	uint32_t head = config_read(self->vfio.device, 0x100, 4);

	EXPECT_EQ(0, head & 0xfffff) {
		TH_LOG("%#x", head);
	}
	config_write(self->vfio.device, 0x100, 4, ~0u);
	EXPECT_EQ(head, config_read(self->vfio.device, 0x100, 4));
	config_write(self->vfio.device, 0x100, 4, 0);
	EXPECT_EQ(head, config_read(self->vfio.device, 0x100, 4));
}

TEST_HARNESS_MAIN
