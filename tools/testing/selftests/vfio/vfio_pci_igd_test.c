// SPDX-License-Identifier: GPL-2.0-only
/*
 * The regions of Intel's integrated graphics: the OpRegion that the firmware left
 * in memory, and the configuration spaces of the host bridge and the LPC bridge.
 *
 * Uses a made-up device, and forms of an OpRegion that VFIO_TEST_IGD_OPREGION lists
 * as FORM=ADDRESS. Where nothing else is said, each aligned word in an OpRegion is
 * OPREGION_WORD plus its offset, and in the VBT behind it VBT_WORD plus its offset.
 */
#include <fcntl.h>
#include <limits.h>

#include "kselftest_harness.h"
#include "vfio_region.h"

#define OPREGION_WORD	0x0b000000
#define OPREGION_SIZE	8192
#define VBT_WORD	0x5b000000
#define VBT_SIZE	5000

#define VERSION		0x16
#define RVDA		0x3ba
#define RVDS		0x3c2

#define ASLS		0xfc

#define ID_IGD		0x8086, 0x3e92
/* An address in the kernel's own memory. */
#define RAM_ADDRESS	0x20000000

/* Regions, in the order in which they follow the standard ones. */
#define OPREGION	(VFIO_PCI_NUM_REGIONS)
#define HOST		(VFIO_PCI_NUM_REGIONS + 1)
#define LPC		(VFIO_PCI_NUM_REGIONS + 2)

/* Where the OpRegion of a form is; 0 if it is not known. */
static uint32_t opregion_address(const char *form)
{
	const char *forms = getenv("VFIO_TEST_IGD_OPREGION");
	unsigned int address;
	char name[16];
	int len;

	while (forms && sscanf(forms, " %15[^=]=%x%n", name, &address, &len) == 2) {
		if (!strcmp(form, name))
			return address;
		forms += len;
	}
	return 0;
}

/* Reads all of a region, at most @step bytes at a time. */
static void read_region(int fd, uint32_t index, uint8_t *to, size_t size, size_t step)
{
	size_t at, done;

	for (at = 0; at < size; at += done)
		done = must(__region_read(fd, index, at, to + at, step < size - at ? step : size - at));
}

/* Opens the configuration space of a device that need not be ours. */
static int sysfs_open(const char *bdf)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	return fd;
}

static size_t sysfs_config(const char *bdf, uint8_t *to, size_t size)
{
	int fd = sysfs_open(bdf);

	size = must(read(fd, to, size));
	close(fd);
	return size;
}

static uint32_t sysfs_asls(const char *bdf)
{
	int fd = sysfs_open(bdf);
	uint32_t address;

	must(pread(fd, &address, sizeof(address), ASLS));
	close(fd);
	return address;
}

/* What firmware does. */
static void sysfs_set_asls(const char *bdf, uint32_t address)
{
	int fd = sysfs_open(bdf);

	must(pwrite(fd, &address, sizeof(address), ASLS));
	close(fd);
}

static void put(uint8_t *at, uint64_t value, size_t size)
{
	memcpy(at, &value, size);
}

/* What a user is to see: 0 for a VBT that is not there. */
static void expected(uint8_t *to, uint16_t version, size_t vbt)
{
	uint32_t at, word;

	for (at = 0; at < OPREGION_SIZE; at += 4) {
		word = OPREGION_WORD + at;
		memcpy(to + at, &word, 4);
	}
	for (at = 0; at < vbt; at += 4) {
		word = VBT_WORD + at;
		memcpy(to + OPREGION_SIZE + at, &word, 4);
	}
	memcpy(to, "IntelGraphicsMem", 16);
	put(to + 0x10, OPREGION_SIZE / 1024, 4);
	put(to + VERSION, version, 2);
	put(to + RVDA, vbt ? OPREGION_SIZE : 0, 8);
	put(to + RVDS, vbt, 4);
}

FIXTURE(igd)
{
	struct vfio vfio;
	int fd;
	uint32_t address, before;
};

FIXTURE_VARIANT(igd)
{
	const char *form;
	uint16_t version;
	size_t vbt;
};

FIXTURE_VARIANT_ADD(igd, vbt_elsewhere) { "2.0", 0x0201, VBT_SIZE };
FIXTURE_VARIANT_ADD(igd, vbt_behind) { "2.1", 0x0201, VBT_SIZE };
FIXTURE_VARIANT_ADD(igd, vbt_inside) { "1.0", 0x0100, 0 };

FIXTURE_SETUP(igd)
{
	char bdf[BDF_LEN];

	self->address = opregion_address(variant->form);
	if (!self->address || !pci_find_alone(ID_IGD, 0, bdf))
		SKIP(return, "no graphics with such an OpRegion");
	self->before = sysfs_asls(bdf);
	sysfs_set_asls(bdf, self->address);
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	self->fd = self->vfio.device;
}

FIXTURE_TEARDOWN(igd)
{
	char bdf[BDF_LEN];

	strcpy(bdf, self->vfio.bdf);
	vfio_close(&self->vfio);
	sysfs_set_asls(bdf, self->before);
}

TEST_F(igd, three_regions_more)
{
	struct {
		struct vfio_region_info info;
		struct vfio_region_info_cap_type type;
	} answer;
	struct vfio_device_info device = { .argsz = sizeof(device) };
	uint8_t config[4096];
	uint64_t sizes[] = {
		OPREGION_SIZE + variant->vbt,
		sysfs_config("0000:00:00.0", config, sizeof(config)),
		sysfs_config("0000:00:1f.0", config, sizeof(config)),
	};
	uint32_t i;

	call(self->fd, VFIO_DEVICE_GET_INFO, &device);
	EXPECT_EQ(VFIO_PCI_NUM_REGIONS + 3, device.num_regions);
	for (i = 0; i < 3; i++) {
		memset(&answer, 0, sizeof(answer));
		answer.info.argsz = sizeof(answer);
		answer.info.index = OPREGION + i;
		call(self->fd, VFIO_DEVICE_GET_REGION_INFO, &answer.info);
		EXPECT_EQ(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_CAPS, answer.info.flags);
		EXPECT_EQ(sizes[i], answer.info.size);
		EXPECT_EQ(OFFSET(OPREGION + i), answer.info.offset);
		EXPECT_EQ(sizeof(answer.info), answer.info.cap_offset);
		EXPECT_EQ(VFIO_REGION_INFO_CAP_TYPE, answer.type.header.id);
		EXPECT_EQ(1, answer.type.header.version);
		EXPECT_EQ(0, answer.type.header.next);
		EXPECT_EQ(VFIO_REGION_TYPE_PCI_VENDOR_TYPE | 0x8086, answer.type.type);
		EXPECT_EQ(VFIO_REGION_SUBTYPE_INTEL_IGD_OPREGION + i, answer.type.subtype);
	}
	EXPECT_EQ(-EINVAL, __region_info(self->fd, OPREGION + 3, &answer.info));
}

TEST_F(igd, opregion_in_one_piece)
{
	static const size_t steps[] = { 65536, 4096, 100, 64, 33, 7, 1 };
	size_t size = OPREGION_SIZE + variant->vbt, i;
	uint8_t seen[OPREGION_SIZE + VBT_SIZE], right[OPREGION_SIZE + VBT_SIZE];

	expected(right, variant->version, variant->vbt);
	for (i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		memset(seen, 0, sizeof(seen));
		read_region(self->fd, OPREGION, seen, size, steps[i]);
		EXPECT_EQ(0, memcmp(right, seen, size)) {
			TH_LOG("differs, read by %zu", steps[i]);
		}
	}
}

TEST_F(igd, bridges_as_the_host_sees_them)
{
	static const char *const bdfs[] = { "0000:00:00.0", "0000:00:1f.0" };
	static const size_t steps[] = { 4096, 4, 2, 1, 3, 7 };
	uint8_t seen[4096], right[4096];
	size_t size, i, j;

	for (i = 0; i < 2; i++) {
		size = sysfs_config(bdfs[i], right, sizeof(right));
		EXPECT_LE(256, size);
		for (j = 0; j < sizeof(steps) / sizeof(*steps); j++) {
			memset(seen, 0, sizeof(seen));
			read_region(self->fd, HOST + i, seen, size, steps[j]);
			EXPECT_EQ(0, memcmp(right, seen, size)) {
				TH_LOG("%s differs, read by %zu", bdfs[i], steps[j]);
			}
		}
	}
}

TEST_F(igd, can_only_be_read)
{
	uint32_t index, word = 0;
	uint8_t bytes[8];
	uint64_t size;
	void *at;

	for (index = OPREGION; index <= LPC; index++) {
		size = region_info(self->fd, index).size;
		EXPECT_EQ(-EINVAL, __region_write(self->fd, index, 0, &word, 4));
		EXPECT_EQ(0, __region_write(self->fd, index, 0, &word, 0));
		EXPECT_EQ(-EINVAL, map(self->fd, index, 0, PAGE, MAP_SHARED, &at));
		EXPECT_EQ(0, __region_read(self->fd, index, size, bytes, 0));
		EXPECT_EQ(-EINVAL, __region_read(self->fd, index, size, bytes, 1));
		EXPECT_EQ(-EINVAL, __region_read(self->fd, index, 1ULL << 39, bytes, 1));
		EXPECT_EQ(3, __region_read(self->fd, index, size - 3, bytes, 8));
		EXPECT_EQ(-EFAULT, __region_read(self->fd, index, 0, (void *)8, 4));
	}
	EXPECT_EQ(-1, pread(self->fd, bytes, 4, OFFSET(LPC + 1)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, pwrite(self->fd, bytes, 4, OFFSET(LPC + 1)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-EINVAL, map(self->fd, LPC + 1, 0, PAGE, MAP_SHARED, &at));
}

/* The register with the address is not the hardware's. */
TEST_F(igd, address_is_the_users_own)
{
	uint8_t seen[16];

	/* The C modules begin with the address of the VBT if there is one. */
	if (driver_is_rust() || !variant->vbt)
		EXPECT_EQ(self->address, config_read(self->fd, ASLS, 4));
	config_write(self->fd, ASLS, 4, 0x12345678);
	EXPECT_EQ(0x12345678, config_read(self->fd, ASLS, 4));
	config_write(self->fd, ASLS + 1, 1, 0xab);
	EXPECT_EQ(0x1234ab78, config_read(self->fd, ASLS, 4));
	EXPECT_EQ(self->address, sysfs_asls(self->vfio.bdf));
	EXPECT_EQ(16, __region_read(self->fd, OPREGION, 0, seen, 16));
	EXPECT_EQ(0, memcmp(seen, "IntelGraphicsMem", 16));
}

/* ---- Without a good OpRegion -------------------------------------------------- */

FIXTURE(other)
{
	char bdf[BDF_LEN];
	uint32_t before;
	struct vfio vfio;
};

FIXTURE_SETUP(other)
{
	if (!pci_find_alone(ID_IGD, 0, self->bdf) || !opregion_address("bad"))
		SKIP(return, "no graphics");
	self->before = sysfs_asls(self->bdf);
	vfio_open_group(&self->vfio, self->bdf);
	set_iommu(self->vfio.container, VFIO_TYPE1v2_IOMMU);
}

FIXTURE_TEARDOWN(other)
{
	vfio_close(&self->vfio);
	sysfs_set_asls(self->bdf, self->before);
}

TEST_F(other, none)
{
	static const uint32_t nowhere[] = { 0, UINT32_MAX };
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct vfio_region_info region;
	size_t i;
	int fd;

	for (i = 0; i < 2; i++) {
		sysfs_set_asls(self->bdf, nowhere[i]);
		fd = group_get_device(self->vfio.group, self->bdf);
		call(fd, VFIO_DEVICE_GET_INFO, &info);
		EXPECT_EQ(VFIO_PCI_NUM_REGIONS, info.num_regions);
		EXPECT_EQ(-EINVAL, __region_info(fd, OPREGION, &region));

		/* A user who could set it would choose the memory that the next one is shown. */
		config_write(fd, ASLS, 4, RAM_ADDRESS);
		EXPECT_EQ(RAM_ADDRESS, config_read(fd, ASLS, 4));
		if (driver_is_rust())
			EXPECT_EQ(nowhere[i], sysfs_asls(self->bdf));
		close(fd);
	}
}

TEST_F(other, bad_signature)
{
	sysfs_set_asls(self->bdf, opregion_address("bad"));
	EXPECT_EQ(-EINVAL, __group_get_device(self->vfio.group, self->bdf));
	/* Nothing is left of the attempt. */
	sysfs_set_asls(self->bdf, 0);
	self->vfio.device = group_get_device(self->vfio.group, self->bdf);
}

/* Whatever is there, it is not the firmware's. */
TEST_F(other, memory_of_the_kernel)
{
	if (!driver_is_rust())
		SKIP(return, "the C modules look at any memory");
	sysfs_set_asls(self->bdf, RAM_ADDRESS);
	EXPECT_EQ(-EINVAL, __group_get_device(self->vfio.group, self->bdf));
}

TEST_HARNESS_MAIN
