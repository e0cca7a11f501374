// SPDX-License-Identifier: GPL-2.0-only
/*
 * R17 of the list of bad calls (see vfio_pci_regress_test.c), CVE-2024-21823: devices
 * that can harm the host in the hands of a program. vfio-pci refuses them unless a
 * parameter of the module, which cannot change while it is loaded, says otherwise.
 *
 * Uses what calls itself an Intel DSA, alone in its group.
 */
#include <sys/stat.h>

#include "kselftest_harness.h"
#include "vfio_test.h"

#define ID_DSA		0x8086, 0x0b25

#define PARAMETER	"/sys/module/vfio_pci/parameters/disable_denylist"

FIXTURE(denylisted)
{
	char bdf[BDF_LEN];
};

FIXTURE_SETUP(denylisted)
{
	if (!pci_find_alone(ID_DSA, 0, self->bdf))
		SKIP(return, "no denylisted device alone in its group");
}

static bool denylist_is_off(void)
{
	char text[8];

	must(__read_text(PARAMETER, text, sizeof(text)));
	return !strcmp(text, "Y");
}

/* A test that failed may leave the device bound, and the module with its parameter. */
FIXTURE_TEARDOWN(denylisted)
{
	pci_unbind(self->bdf);
	if (access(PARAMETER, F_OK) || denylist_is_off())
		EXPECT_EQ(0, system("modprobe -r vfio-pci && modprobe vfio-pci"));
}

/* A device that vfio-pci has is seen in sysfs and by a node of its group. */
static bool is_of_vfio(const char *bdf)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", bdf);
	return !access(path, F_OK);
}

TEST_F(denylisted, parameter_is_for_reading)
{
	struct stat stat_of;

	ASSERT_EQ(0, stat(PARAMETER, &stat_of));
	EXPECT_EQ(0444, stat_of.st_mode & 0777);
	EXPECT_FALSE(denylist_is_off());
}

TEST_F(denylisted, r17_is_refused)
{
	char driver[64], override[64], path[64];
	unsigned int again;

	for (again = 0; again < 2; again++) {
		EXPECT_EQ(-EINVAL, __pci_bind(self->bdf, "vfio-pci"));
		pci_driver(self->bdf, driver, sizeof(driver));
		EXPECT_STREQ("", driver);
		EXPECT_FALSE(is_of_vfio(self->bdf));
		EXPECT_EQ(-ENOENT, __group_open(pci_group(self->bdf)));
	}
	/* Nor is it taken when the host looks for a driver, which nobody is told. */
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", self->bdf);
	must(__read_text(path, override, sizeof(override)));
	EXPECT_STREQ("vfio-pci", override);
	__write_text("/sys/bus/pci/drivers_probe", self->bdf);
	pci_driver(self->bdf, driver, sizeof(driver));
	EXPECT_STREQ("", driver);
	EXPECT_FALSE(is_of_vfio(self->bdf));
}

/* It takes the module out and in twice. */
TEST_F_TIMEOUT(denylisted, r17_is_taken_with_the_parameter, 120)
{
	struct vfio vfio;

	ASSERT_EQ(0, system("modprobe -r vfio-pci && modprobe vfio-pci disable_denylist=1"));
	EXPECT_TRUE(denylist_is_off());
	vfio_open(&vfio, self->bdf, HOST_IOMMU);
	EXPECT_TRUE(is_of_vfio(self->bdf));
	EXPECT_EQ(0x0b258086, config_read(vfio.device, 0, 4));
	vfio_close(&vfio);

	ASSERT_EQ(0, system("modprobe -r vfio-pci && modprobe vfio-pci"));
	EXPECT_FALSE(denylist_is_off());
	EXPECT_EQ(-EINVAL, __pci_bind(self->bdf, "vfio-pci"));
}

TEST_HARNESS_MAIN
