// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual functions of a device that is bound to vfio-pci: making them and
 * taking them away, and what becomes of the physical function meanwhile. What a
 * program sees of one is in vfio_pci_vf_test.c.
 *
 * Uses an igb that is alone in its group.
 */
#include <endian.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "kselftest_harness.h"
#include "vfio_eventfd.h"
#include "vfio_sriov.h"

#define DEVICES	"/sys/bus/pci/devices"

#define COMMAND		0x04
#define  MEMORY		0x02
#define  MASTER		0x04

/* The power state in the control register of the PM capability. */
#define PM_CAP		0x01
#define PM_CTRL		4
#define  PM_STATE	0x3
#define  PM_D3HOT	0x3

FIXTURE(pf)
{
	char pf[BDF_LEN], vf[BDF_LEN];
	struct user user, vf_user;
};

FIXTURE_SETUP(pf)
{
	self->user = NO_USER;
	self->vf_user = NO_USER;
	if (!pci_find_alone(ID_IGB, 0, self->pf))
		SKIP(return, "no igb that is alone in its group");
	sriov_begin(self->pf);
	ASSERT_EQ(0, sriov_count(self->pf));
}

FIXTURE_TEARDOWN(pf)
{
	user_close(&self->vf_user);
	user_close(&self->user);
	sriov_end(self->pf);
}

static bool exists(const char *bdf)
{
	char path[64];

	snprintf(path, sizeof(path), DEVICES "/%s", bdf);
	return !access(path, F_OK);
}

static bool is_bound_to(const char *bdf, const char *driver)
{
	char name[64];

	pci_driver(bdf, name, sizeof(name));
	return !strcmp(name, driver);
}

/* A value of the device's sysfs directory. */
static bool says(const char *bdf, const char *file, const char *want)
{
	char path[96], text[64];

	snprintf(path, sizeof(path), DEVICES "/%s/%s", bdf, file);
	must(__read_text(path, text, sizeof(text)));
	return !strcmp(text, want);
}

static bool comes_to_say(const char *bdf, const char *file, const char *want)
{
	double end = seconds() + 20;

	while (!says(bdf, file, want) && seconds() < end)
		wait_a_moment();
	return says(bdf, file, want);
}

/* ---- Making them ------------------------------------------------------------ */

TEST_F(pf, only_with_the_parameter)
{
	char vf[BDF_LEN];

	write_text(ENABLE_SRIOV, "N");
	EXPECT_EQ(-ENOENT, __sriov_set(self->pf, 1));
	EXPECT_EQ(0, sriov_count(self->pf));

	/* It is asked at each write, for taking them away as well. */
	write_text(ENABLE_SRIOV, "Y");
	EXPECT_EQ(0, __sriov_set(self->pf, 1));
	write_text(ENABLE_SRIOV, "N");
	EXPECT_EQ(-ENOENT, __sriov_set(self->pf, 0));
	EXPECT_EQ(1, sriov_count(self->pf));
	EXPECT_TRUE(sriov_vf(self->pf, 0, vf));

	/* What is so already is not asked for. */
	EXPECT_EQ(0, __sriov_set(self->pf, 1));
}

TEST_F(pf, counts)
{
	char vf[BDF_LEN];
	int total = sriov_total(self->pf);

	ASSERT_LE(3, total);
	EXPECT_EQ(-ERANGE, __sriov_set(self->pf, total + 1));
	EXPECT_EQ(-EINVAL, __sriov_set(self->pf, -1));
	EXPECT_EQ(-EINVAL, __sriov_set(self->pf, 65536));
	EXPECT_EQ(-EINVAL, __sriov_write(self->pf, "two"));
	EXPECT_EQ(0, sriov_count(self->pf));
	EXPECT_EQ(0, __sriov_set(self->pf, 0));

	EXPECT_EQ(0, __sriov_set(self->pf, 2));
	EXPECT_EQ(2, sriov_count(self->pf));
	EXPECT_FALSE(sriov_vf(self->pf, 2, vf));
	EXPECT_EQ(0, __sriov_set(self->pf, 2));

	/* Another number only by way of none. */
	EXPECT_EQ(-EBUSY, __sriov_set(self->pf, 1));
	EXPECT_EQ(-EBUSY, __sriov_set(self->pf, 3));
	EXPECT_EQ(2, sriov_count(self->pf));
	EXPECT_EQ(0, __sriov_set(self->pf, 0));
	EXPECT_EQ(0, __sriov_set(self->pf, 3));
	EXPECT_TRUE(sriov_vf(self->pf, 2, vf));
}

TEST_F(pf, are_bound_to_the_driver_at_once)
{
	char vf[2][BDF_LEN];
	int i;

	sriov_set(self->pf, 2);
	for (i = 0; i < 2; i++) {
		ASSERT_TRUE(sriov_vf(self->pf, i, vf[i]));
		EXPECT_TRUE(is_bound_to(vf[i], "vfio-pci"));
		EXPECT_TRUE(says(vf[i], "driver_override", "vfio-pci"));
	}
	EXPECT_NE(pci_group(vf[0]), pci_group(vf[1]));

	sriov_set(self->pf, 0);
	EXPECT_FALSE(exists(vf[0]));
	EXPECT_FALSE(exists(vf[1]));
	EXPECT_TRUE(is_bound_to(self->pf, "vfio-pci"));
}

TEST_F(pf, may_be_given_to_another_driver)
{
	if (system("modprobe -q pci-stub"))
		SKIP(return, "no pci-stub");
	sriov_set(self->pf, 1);
	ASSERT_TRUE(sriov_vf(self->pf, 0, self->vf));
	pci_bind(self->vf, "pci-stub");
	EXPECT_TRUE(is_bound_to(self->vf, "pci-stub"));
	sriov_set(self->pf, 0);
	EXPECT_FALSE(exists(self->vf));
}

TEST_F(pf, go_when_it_is_unbound)
{
	if (sriov_unbind_warns())
		SKIP(return, "the PCI core's lockdep assertion fails");
	sriov_set(self->pf, 1);
	ASSERT_TRUE(sriov_vf(self->pf, 0, self->vf));
	pci_unbind(self->pf);
	EXPECT_FALSE(exists(self->vf));
	EXPECT_EQ(0, sriov_count(self->pf));

	/* Nothing is left that would keep it from being used again. */
	pci_bind(self->pf, "vfio-pci");
	sriov_set(self->pf, 1);
	ASSERT_TRUE(sriov_vf(self->pf, 0, self->vf));
	EXPECT_TRUE(is_bound_to(self->vf, "vfio-pci"));
}

/* Writes in a child without our files, which would keep the device open. */
static pid_t write_in_child(const char *path, const char *text)
{
	pid_t child;

	fflush(NULL);
	child = fork();
	if (child < 0)
		fail("fork: %s", strerror(errno));
	if (!child) {
		close_range(3, ~0U, 0);
		_exit(-__write_text(path, text));
	}
	return child;
}

/* What takes the virtual functions away waits for the user of one. */
static void expect_wait(struct __test_metadata *_metadata, struct user *user, const char *vf,
			const char *path, const char *text)
{
	int request = eventfd_new(), status;
	pid_t child;

	must(__irq_eventfds(user->device, VFIO_PCI_REQ_IRQ_INDEX, 0, 1, &request));
	child = write_in_child(path, text);
	EXPECT_LT(0, eventfd_wait(request, 20000));
	EXPECT_TRUE(exists(vf));
	EXPECT_EQ(0, waitpid(child, NULL, WNOHANG));
	EXPECT_EQ(0x8086, config_read(user->device, 0, 2));
	user_close(user);
	EXPECT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_FALSE(exists(vf));
	close(request);
}

TEST_F_TIMEOUT(pf, go_when_nobody_uses_them, 60)
{
	char path[96];

	user_open(&self->user, self->pf, TOKEN_A);
	sriov_set(self->pf, 1);
	ASSERT_TRUE(sriov_vf(self->pf, 0, self->vf));
	user_open(&self->vf_user, self->vf, TOKEN_A);
	snprintf(path, sizeof(path), DEVICES "/%s/sriov_numvfs", self->pf);
	expect_wait(_metadata, &self->vf_user, self->vf, path, "0");
	EXPECT_EQ(0, sriov_count(self->pf));
}

TEST_F_TIMEOUT(pf, unbinding_waits_for_their_users, 60)
{
	if (sriov_unbind_warns())
		SKIP(return, "the PCI core's lockdep assertion fails");
	user_open(&self->user, self->pf, TOKEN_A);
	sriov_set(self->pf, 1);
	ASSERT_TRUE(sriov_vf(self->pf, 0, self->vf));
	user_close(&self->user);
	user_open(&self->vf_user, self->vf, TOKEN_A);
	expect_wait(_metadata, &self->vf_user, self->vf, "/sys/bus/pci/drivers/vfio-pci/unbind",
		    self->pf);
	EXPECT_TRUE(is_bound_to(self->pf, ""));
}

/* ---- The physical function meanwhile ----------------------------------------- */

TEST_F(pf, stays_awake_for_them)
{
	EXPECT_TRUE(comes_to_say(self->pf, "power/runtime_status", "suspended"));
	sriov_set(self->pf, 1);
	EXPECT_TRUE(says(self->pf, "power/runtime_status", "active"));

	/* After a use, too. */
	user_open(&self->user, self->pf, NULL);
	user_close(&self->user);
	EXPECT_TRUE(says(self->pf, "power/runtime_status", "active"));

	sriov_set(self->pf, 0);
	EXPECT_TRUE(comes_to_say(self->pf, "power/runtime_status", "suspended"));
}

TEST_F(pf, cannot_be_put_to_sleep_by_its_user)
{
	uint32_t control;

	user_open(&self->user, self->pf, TOKEN_A);
	control = pci_capability(self->user.device, PM_CAP) + PM_CTRL;
	config_write(self->user.device, control, 2, PM_D3HOT);
	ASSERT_EQ(PM_D3HOT, config_read(self->user.device, control, 2) & PM_STATE);

	/* It is woken for them, and stays awake. */
	sriov_set(self->pf, 1);
	EXPECT_EQ(0, config_read(self->user.device, control, 2) & PM_STATE);
	config_write(self->user.device, control, 2, PM_D3HOT);
	EXPECT_EQ(0, config_read(self->user.device, control, 2) & PM_STATE);

	/* Also if it was opened later. */
	user_close(&self->user);
	user_open(&self->user, self->pf, NULL);
	config_write(self->user.device, control, 2, PM_D3HOT);
	EXPECT_EQ(0, config_read(self->user.device, control, 2) & PM_STATE);

	sriov_set(self->pf, 0);
	config_write(self->user.device, control, 2, PM_D3HOT);
	EXPECT_EQ(PM_D3HOT, config_read(self->user.device, control, 2) & PM_STATE);
}

/* ---- Virtual functions of the host's -------------------------------------------- */

/* A driver that makes them and leaves them behind. */
#define PF_STUB	"pci-pf-stub"

TEST_F(pf, is_refused_with_virtual_functions)
{
	if (system("modprobe -q " PF_STUB " && modprobe -q pci-stub"))
		SKIP(return, "no " PF_STUB);
	/* Keeps the drivers of the virtual functions away while they are made. */
	write_text("/sys/bus/pci/drivers_autoprobe", "0");
	pci_bind(self->pf, PF_STUB);
	sriov_set(self->pf, 1);
	ASSERT_TRUE(sriov_vf(self->pf, 0, self->vf));
	EXPECT_EQ(-EBUSY, __pci_bind(self->pf, "vfio-pci"));
	EXPECT_TRUE(is_bound_to(self->pf, ""));
	pci_bind(self->pf, PF_STUB);
	sriov_set(self->pf, 0);
	write_text("/sys/bus/pci/drivers_autoprobe", "1");
	pci_bind(self->pf, "vfio-pci");
}

TEST_F(pf, virtual_functions_of_the_host_need_no_token)
{
	if (system("modprobe -q " PF_STUB))
		SKIP(return, "no " PF_STUB);
	write_text("/sys/bus/pci/drivers_autoprobe", "0");
	pci_bind(self->pf, PF_STUB);
	sriov_set(self->pf, 1);
	ASSERT_TRUE(sriov_vf(self->pf, 0, self->vf));
	EXPECT_FALSE(says(self->vf, "driver_override", "vfio-pci"));
	pci_bind(self->vf, "vfio-pci");

	EXPECT_EQ(-EINVAL, __user_open(&self->vf_user, self->vf, TOKEN_A));
	user_close(&self->vf_user);
	EXPECT_LE(0, __user_open(&self->vf_user, self->vf, NULL));
	user_close(&self->vf_user);

	sriov_set(self->pf, 0);
	write_text("/sys/bus/pci/drivers_autoprobe", "1");
}

/* ---- Behind a port, where a reset of the bus is the next larger one -------------- */

TEST(behind_a_port)
{
	struct user user, vf_user;
	char pf[BDF_LEN], vf[BDF_LEN];

	if (!pci_find_alone(ID_IGB, 1, pf))
		SKIP(return, "no second igb that is alone in its group");
	sriov_begin(pf);
	sriov_set(pf, 2);
	ASSERT_TRUE(sriov_vf(pf, 1, vf));
	EXPECT_TRUE(is_bound_to(vf, "vfio-pci"));
	user_open(&user, pf, TOKEN_A);
	user_open(&vf_user, vf, TOKEN_A);
	EXPECT_EQ(0x10ca8086, config_read(vf_user.device, 0, 4));
	user_close(&user);
	EXPECT_EQ(0x10ca8086, config_read(vf_user.device, 0, 4));
	user_close(&vf_user);
	sriov_end(pf);
	EXPECT_FALSE(exists(vf));
}

TEST_HARNESS_MAIN
