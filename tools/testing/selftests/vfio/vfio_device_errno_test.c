// SPDX-License-Identifier: GPL-2.0-only
/*
 * Refusals of a device: which errno a bad call, read, write or mmap gets, and
 * which check comes first.
 *
 * Uses an edu device alone in its group: one BAR, INTx, one MSI, no MSI-X, no
 * PCI Express, no reset.
 */
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "vfio_test.h"

#define KERNEL	((void *)0xffff888000000000UL)

FIXTURE(refusal)
{
	struct vfio vfio;
	char *page;		/* a page, and behind it one without access */
};

FIXTURE_SETUP(refusal)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	self->page = memory(2 * PAGE);
	ASSERT_EQ(0, mprotect(self->page + PAGE, PAGE, PROT_NONE));
}

FIXTURE_TEARDOWN(refusal)
{
	vfio_close(&self->vfio);
}

/* ---- Device: calls -------------------------------------------------------------- */

TEST_F(refusal, device_calls)
{
	/* Reads its argument before it finds that this file is not of the device's own node. */
	const int bind = access("/dev/vfio/devices", F_OK) ? -ENOTTY : -EFAULT;
	const struct {
		unsigned int nr;
		int result;
	} rows[] = {
		{ 0, -ENOTTY }, { 1, -ENOTTY }, { 2, -ENOTTY }, { 3, -ENOTTY }, { 6, -ENOTTY },
		{ 11, -EINVAL },	/* the edu has no reset */
		{ 14, -ENOTTY }, { 15, -ENOTTY }, { 18, bind }, { 19, -ENOTTY },
		{ 20, -ENOTTY }, { 21, -ENOTTY }, { 22, -ENOTTY }, { 27, -ENOTTY }, { 155, -ENOTTY },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(rows[i].result, __call(self->vfio.device,
						 _IO(VFIO_TYPE, VFIO_BASE + rows[i].nr), NULL)) {
			TH_LOG("+%u", rows[i].nr);
		}
	}
	EXPECT_EQ(-ENOTTY, __call(self->vfio.device, _IO('X', 7), NULL));
}

TEST_F(refusal, device_indexes)
{
	struct vfio_region_info region = { .argsz = sizeof(region) };
	struct vfio_irq_info irq = { .argsz = sizeof(irq) };
	struct vfio_device_info info = { .argsz = sizeof(info) };
	uint32_t i;

	ASSERT_EQ(0, __call(self->vfio.device, VFIO_DEVICE_GET_INFO, &info));
	EXPECT_EQ(VFIO_DEVICE_FLAGS_PCI, info.flags);
	EXPECT_EQ(9, info.num_regions);
	EXPECT_EQ(5, info.num_irqs);
	EXPECT_EQ(0, info.cap_offset);

	/* VGA is region 8, and only a display has it. */
	for (i = 0; i < 12; i++) {
		region.index = i;
		EXPECT_EQ(i < 8 ? 0 : -EINVAL,
			  __call(self->vfio.device, VFIO_DEVICE_GET_REGION_INFO, &region)) {
			TH_LOG("region %u", i);
		}
		irq.index = i;
		EXPECT_EQ(i < 5 ? 0 : -EINVAL,
			  __call(self->vfio.device, VFIO_DEVICE_GET_IRQ_INFO, &irq)) {
			TH_LOG("interrupt %u", i);
		}
	}
	region.index = irq.index = 0xffffffff;
	EXPECT_EQ(-EINVAL, __call(self->vfio.device, VFIO_DEVICE_GET_REGION_INFO, &region));
	EXPECT_EQ(-EINVAL, __call(self->vfio.device, VFIO_DEVICE_GET_IRQ_INFO, &irq));
}

TEST_F(refusal, set_irqs_order)
{
	enum {
		NONE = VFIO_IRQ_SET_DATA_NONE, BOOL = VFIO_IRQ_SET_DATA_BOOL,
		EVENT = VFIO_IRQ_SET_DATA_EVENTFD, MASK = VFIO_IRQ_SET_ACTION_MASK,
		UNMASK = VFIO_IRQ_SET_ACTION_UNMASK, TRIGGER = VFIO_IRQ_SET_ACTION_TRIGGER,
		INTX = VFIO_PCI_INTX_IRQ_INDEX, MSI = VFIO_PCI_MSI_IRQ_INDEX,
		MSIX = VFIO_PCI_MSIX_IRQ_INDEX, ERR = VFIO_PCI_ERR_IRQ_INDEX,
		REQ = VFIO_PCI_REQ_IRQ_INDEX,
	};
	static const struct {
		uint32_t argsz, flags, index, start, count;
		int32_t data;
		int result;
	} rows[] = {
		/* the header */
		{ 19, NONE | TRIGGER, INTX, 0, 0, 0, -EINVAL },
		{ 24, EVENT | TRIGGER, 5, 0, 1, -1, -EINVAL },
		{ 24, EVENT | TRIGGER, 0xffffffff, 0, 1, -1, -EINVAL },
		{ 24, EVENT | TRIGGER | 0x40, REQ, 0, 1, -1, -EINVAL },
		{ 24, EVENT | TRIGGER, REQ, 0xffffffff, 1, -1, -EINVAL },
		{ 24, EVENT | TRIGGER, REQ, 1, 0xffffffff, -1, -EINVAL },
		/* beyond the count of the index; nothing is in an index without any */
		{ 24, EVENT | TRIGGER, REQ, 1, 1, -1, -EINVAL },
		{ 24, EVENT | TRIGGER, REQ, 1, 0, -1, -EINVAL },
		{ 24, EVENT | TRIGGER, REQ, 0, 2, -1, -EINVAL },
		{ 24, EVENT | TRIGGER, INTX, 1, 1, -1, -EINVAL },
		{ 0xffffffff, EVENT | TRIGGER, REQ, 0, 1U << 31, -1, -EINVAL },
		{ 20, NONE | TRIGGER, MSIX, 0, 0, 0, -EINVAL },
		/* exactly one type of data, before the action */
		{ 24, TRIGGER, REQ, 0, 1, -1, -EINVAL },
		{ 24, 0, REQ, 0, 1, -1, -EINVAL },
		{ 24, NONE | BOOL | TRIGGER, REQ, 0, 1, -1, -EINVAL },
		{ 24, BOOL | EVENT | TRIGGER | MASK, REQ, 0, 1, -1, -EINVAL },
		/* room for it, before the action */
		{ 23, EVENT | TRIGGER, REQ, 0, 1, -1, -EINVAL },
		{ 20, BOOL | TRIGGER, REQ, 0, 1, -1, -EINVAL },
		{ 20, BOOL | MASK | UNMASK, REQ, 0, 1, -1, -EINVAL },
		/* exactly one action, that the index has */
		{ 24, EVENT, REQ, 0, 1, -1, -ENOTTY },
		{ 24, EVENT | TRIGGER | MASK, REQ, 0, 1, -1, -ENOTTY },
		{ 20, NONE | MASK | UNMASK | TRIGGER, INTX, 0, 1, 0, -ENOTTY },
		{ 20, NONE | MASK, MSI, 0, 1, 0, -ENOTTY },
		{ 20, NONE | UNMASK, MSI, 0, 1, 0, -ENOTTY },
		{ 20, NONE | MASK, REQ, 0, 1, 0, -ENOTTY },
		{ 20, NONE | UNMASK, REQ, 0, 1, 0, -ENOTTY },
		/* the state: nothing is enabled */
		{ 20, NONE | MASK, INTX, 0, 1, 0, -EINVAL },
		{ 20, NONE | TRIGGER, INTX, 0, 1, 0, -EINVAL },
		{ 20, NONE | TRIGGER, MSI, 0, 1, 0, -EINVAL },
		{ 20, NONE | TRIGGER, MSI, 0, 0, 0, -EINVAL },
		{ 20, NONE | TRIGGER, ERR, 0, 0, 0, -EINVAL },
		{ 20, NONE | TRIGGER, REQ, 0, 0, 0, -EINVAL },
		/* the eventfd */
		{ 24, EVENT | TRIGGER, REQ, 0, 1, 1000, -EBADF },
		{ 24, EVENT | TRIGGER, INTX, 0, 1, 1000, -EBADF },
		{ 24, EVENT | TRIGGER, MSI, 0, 1, 1000, -EBADF },
		{ 24, EVENT | TRIGGER, REQ, 0, 1, -2, -EINVAL },
		{ 24, EVENT | TRIGGER, REQ, 0, 1, -1, 0 },
	};
	struct {
		struct vfio_irq_set set;
		int32_t data;
	} arg, *edge;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		arg.set = (struct vfio_irq_set){
			.argsz = rows[i].argsz, .flags = rows[i].flags, .index = rows[i].index,
			.start = rows[i].start, .count = rows[i].count,
		};
		arg.data = rows[i].data;
		EXPECT_EQ(rows[i].result, __call(self->vfio.device, VFIO_DEVICE_SET_IRQS, &arg)) {
			TH_LOG("row %zu", i);
		}
	}

	/* Data out of reach, before the action. */
	arg.set = (struct vfio_irq_set){
		.argsz = 24, .flags = EVENT | MASK | UNMASK, .index = REQ, .count = 1,
	};
	edge = (void *)(self->page + PAGE - sizeof(arg.set));
	memcpy(edge, &arg, sizeof(arg.set));
	EXPECT_EQ(-EFAULT, __call(self->vfio.device, VFIO_DEVICE_SET_IRQS, edge));
}

TEST_F(refusal, feature_order)
{
	enum {
		GET = VFIO_DEVICE_FEATURE_GET, SET = VFIO_DEVICE_FEATURE_SET,
		PROBE = VFIO_DEVICE_FEATURE_PROBE, NONE = 0x1234,
	};
	static const struct {
		uint32_t argsz, flags;
		int result;
	} rows[] = {
		{ 7, PROBE | NONE, -EINVAL },
		{ 8, PROBE | NONE | 1 << 19, -EINVAL },
		{ 8, PROBE | NONE | 1U << 31, -EINVAL },
		/* both directions, before the index */
		{ 8, GET | SET | NONE, -EINVAL },
		{ 8, GET | SET | PROBE | NONE, -ENOTTY },
		{ 8, GET | NONE, -ENOTTY },
		{ 8, SET | NONE, -ENOTTY },
		{ 8, NONE, -ENOTTY },
		{ 8, PROBE | VFIO_DEVICE_FEATURE_MASK, -ENOTTY },
		/* what a plain PCI device does not have */
		{ 8, PROBE | VFIO_DEVICE_FEATURE_PCI_VF_TOKEN, -ENOTTY },
		{ 64, GET | VFIO_DEVICE_FEATURE_MIGRATION, -ENOTTY },
		{ 64, GET | VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, -ENOTTY },
		{ 64, SET | VFIO_DEVICE_FEATURE_DMA_LOGGING_START, -ENOTTY },
		{ 64, SET | VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP, -ENOTTY },
		{ 64, GET | VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT, -ENOTTY },
		{ 64, GET | VFIO_DEVICE_FEATURE_MIG_DATA_SIZE, -ENOTTY },
		{ 64, SET | VFIO_DEVICE_FEATURE_BUS_MASTER, -ENOTTY },
		{ 8, PROBE | VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2, -EINVAL },
		{ 64, GET | VFIO_DEVICE_FEATURE_ZPCI_ERROR, -ENOTTY },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vfio_device_feature *feature = (void *)self->page;

		memset(self->page, 0, 64);
		feature->argsz = rows[i].argsz;
		feature->flags = rows[i].flags;
		EXPECT_EQ(rows[i].result, __call(self->vfio.device, VFIO_DEVICE_FEATURE, feature)) {
			TH_LOG("row %zu: flags %#x", i, rows[i].flags);
		}
	}
}

/* ---- Device: regions -------------------------------------------------------------- */

#define REGION(index)	((uint64_t)(index) << 40)

static ssize_t read_at(int device, void *to, size_t size, uint64_t at)
{
	ssize_t ret = pread(device, to, size, at);

	return ret < 0 ? -errno : ret;
}

static ssize_t write_at(int device, const void *from, size_t size, uint64_t at)
{
	ssize_t ret = pwrite(device, from, size, at);

	return ret < 0 ? -errno : ret;
}

TEST_F(refusal, read_and_write)
{
	const uint64_t config = REGION(VFIO_PCI_CONFIG_REGION_INDEX), end = config + 0x100;
	int device = self->vfio.device;
	char *data = self->page;

	/* Nothing at all is no error, wherever it is. */
	EXPECT_EQ(0, read_at(device, data, 0, REGION(50)));
	EXPECT_EQ(0, write_at(device, data, 0, REGION(50)));

	/* Regions that are not there. */
	EXPECT_EQ(-EINVAL, read_at(device, data, 4, REGION(9)));
	EXPECT_EQ(-EINVAL, write_at(device, data, 4, REGION(9)));
	EXPECT_EQ(-EINVAL, read_at(device, data, 4, REGION(0x7fffff)));
	EXPECT_EQ(-EINVAL, read_at(device, data, 4, 1ULL << 63));
	EXPECT_EQ(-EINVAL, read_at(device, data, 4, REGION(VFIO_PCI_VGA_REGION_INDEX)));
	EXPECT_EQ(-EINVAL, read_at(device, data, 4, REGION(VFIO_PCI_BAR1_REGION_INDEX)));
	EXPECT_EQ(-EINVAL, write_at(device, data, 4, REGION(VFIO_PCI_BAR1_REGION_INDEX)));
	EXPECT_EQ(-EINVAL, read_at(device, data, 4, REGION(VFIO_PCI_ROM_REGION_INDEX)));
	EXPECT_EQ(-EINVAL, write_at(device, data, 4, REGION(VFIO_PCI_ROM_REGION_INDEX)));

	/* Config space. */
	EXPECT_EQ(-EFAULT, read_at(device, KERNEL, 4, config));
	EXPECT_EQ(-EFAULT, read_at(device, data + PAGE, 4, config));
	EXPECT_EQ(-EFAULT, write_at(device, data + PAGE, 4, config));
	EXPECT_EQ(4, read_at(device, data, 4, end - 4));
	EXPECT_EQ(-EFAULT, read_at(device, data, 4, end));
	EXPECT_EQ(-EFAULT, read_at(device, data, 4, end - 2));
	EXPECT_EQ(-EFAULT, write_at(device, data, 4, end));
}

TEST_F(refusal, read_and_write_bar)
{
	struct vfio_region_info bar = region_info(self->vfio.device, 0);
	int device = self->vfio.device;
	char *data = self->page;

	/* Memory decoding is off. */
	pci_command(device, 0, 2);
	EXPECT_EQ(-EIO, read_at(device, data, 4, bar.offset));
	EXPECT_EQ(-EIO, write_at(device, data, 4, bar.offset));
	/* Where there is nothing to decode, that is said first. */
	EXPECT_EQ(-EINVAL, read_at(device, data, 4, bar.offset + bar.size));

	pci_command(device, 2, 0);
	EXPECT_EQ(4, read_at(device, data, 4, bar.offset));
	EXPECT_EQ(-EINVAL, read_at(device, data, 4, bar.offset + bar.size));
	EXPECT_EQ(-EINVAL, write_at(device, data, 4, bar.offset + bar.size));
	EXPECT_EQ(-EINVAL, read_at(device, data, 4, bar.offset + REGION(1) - 4));
	/* Up to the end, and no further. */
	EXPECT_EQ(4, read_at(device, data, 8, bar.offset + bar.size - 4));
	if (!ON_POWER)
		EXPECT_EQ(1, read_at(device, data, 8, bar.offset + bar.size - 1));
	EXPECT_EQ(-EFAULT, read_at(device, data + PAGE, 4, bar.offset));
	EXPECT_EQ(-EFAULT, write_at(device, KERNEL, 4, bar.offset));
}

static int map_at(int device, size_t size, int flags, uint64_t at)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, device, at);

	if (mem == MAP_FAILED)
		return -errno;
	munmap(mem, size);
	return 0;
}

TEST_F(refusal, map_regions)
{
	struct vfio_region_info bar = region_info(self->vfio.device, 0);
	int device = self->vfio.device;

	EXPECT_EQ(0, map_at(device, bar.size, MAP_SHARED, bar.offset));
	EXPECT_EQ(0, map_at(device, PAGE, MAP_SHARED, bar.offset + bar.size - PAGE));

	EXPECT_EQ(-EINVAL, map_at(device, PAGE, MAP_PRIVATE, bar.offset));
	EXPECT_EQ(-EINVAL, map_at(device, 0, MAP_SHARED, bar.offset));
	EXPECT_EQ(-EINVAL, map_at(device, bar.size + PAGE, MAP_SHARED, bar.offset));
	EXPECT_EQ(-EINVAL, map_at(device, PAGE, MAP_SHARED, bar.offset + bar.size));
	EXPECT_EQ(-EINVAL, map_at(device, 2 * PAGE, MAP_SHARED, bar.offset + bar.size - PAGE));
	EXPECT_EQ(-EINVAL, map_at(device, PAGE, MAP_SHARED, bar.offset + REGION(1) - PAGE));

	EXPECT_EQ(-EINVAL, map_at(device, PAGE, MAP_SHARED, REGION(VFIO_PCI_BAR1_REGION_INDEX)));
	EXPECT_EQ(-EINVAL, map_at(device, PAGE, MAP_SHARED, REGION(VFIO_PCI_ROM_REGION_INDEX)));
	EXPECT_EQ(-EINVAL, map_at(device, PAGE, MAP_SHARED, REGION(VFIO_PCI_CONFIG_REGION_INDEX)));
	EXPECT_EQ(-EINVAL, map_at(device, PAGE, MAP_SHARED, REGION(VFIO_PCI_VGA_REGION_INDEX)));
	EXPECT_EQ(-EINVAL, map_at(device, PAGE, MAP_SHARED, REGION(VFIO_PCI_NUM_REGIONS)));
	EXPECT_EQ(-EINVAL, map_at(device, PAGE, MAP_SHARED, REGION(1000)));
}

TEST_HARNESS_MAIN
