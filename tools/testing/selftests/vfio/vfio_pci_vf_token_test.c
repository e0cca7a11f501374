// SPDX-License-Identifier: GPL-2.0-only
/*
 * VF tokens: the users of a physical function and of its virtual functions must
 * know each other.
 *
 * Uses an igb that is alone in its group.
 */
#include "kselftest_harness.h"
#include "vfio_sriov.h"

FIXTURE(token)
{
	char pf[BDF_LEN], vf[2][BDF_LEN];
	struct user user, vf_user[2];
};

FIXTURE_SETUP(token)
{
	int i;

	self->user = NO_USER;
	for (i = 0; i < 2; i++)
		self->vf_user[i] = NO_USER;
	if (!pci_find_alone(ID_IGB, 0, self->pf))
		SKIP(return, "no igb that is alone in its group");
	sriov_begin(self->pf);
	sriov_set(self->pf, 2);
	for (i = 0; i < 2; i++)
		ASSERT_TRUE(sriov_vf(self->pf, i, self->vf[i]));
}

FIXTURE_TEARDOWN(token)
{
	user_close(&self->vf_user[1]);
	user_close(&self->vf_user[0]);
	user_close(&self->user);
	sriov_end(self->pf);
}

/* Opens and closes again; returns 0 or -errno. */
static int try(const char *bdf, const char *token)
{
	struct user user;
	int ret = __user_open(&user, bdf, token);

	user_close(&user);
	return ret < 0 ? ret : 0;
}

/* One more file of a device, in the group that is open. Returns 0 or -errno. */
static int again(struct user *user, const char *bdf, const char *token)
{
	char name[128];
	int ret;

	snprintf(name, sizeof(name), token ? "%s vf_token=%s" : "%s", bdf, token);
	ret = __group_get_device(user->group, name);
	if (ret < 0)
		return ret;
	close(ret);
	return 0;
}

TEST_F(token, nobody_knows_the_first_one)
{
	EXPECT_EQ(-EACCES, try(self->vf[0], NULL));
	EXPECT_EQ(-EACCES, try(self->vf[0], TOKEN_A));
	EXPECT_EQ(-EACCES, try(self->vf[0], "00000000-0000-0000-0000-000000000000"));
	EXPECT_EQ(-EACCES, try(self->vf[0], "ffffffff-ffff-ffff-ffff-ffffffffffff"));
	EXPECT_EQ(-EINVAL, try(self->vf[0], "00000000-0000-0000-0000"));
	EXPECT_EQ(-EINVAL, try(self->vf[0], ""));

	/* To open the physical function without one does not change it. */
	EXPECT_EQ(0, try(self->pf, NULL));
	EXPECT_EQ(-EACCES, try(self->vf[0], NULL));
	EXPECT_EQ(-EACCES, try(self->vf[0], TOKEN_A));
}

TEST_F(token, r30_is_chosen_by_who_opens_the_physical_function)
{
	user_open(&self->user, self->pf, TOKEN_A);
	EXPECT_EQ(-EACCES, try(self->vf[0], NULL));
	EXPECT_EQ(-EACCES, try(self->vf[0], TOKEN_B));
	EXPECT_EQ(0, try(self->vf[0], TOKEN_A));
	EXPECT_EQ(0, try(self->vf[1], TOKEN_A));

	/* As long as no virtual function is in use, anew with each file. */
	EXPECT_EQ(0, again(&self->user, self->pf, TOKEN_B));
	EXPECT_EQ(-EACCES, try(self->vf[0], TOKEN_A));
	EXPECT_EQ(0, again(&self->user, self->pf, NULL));
	EXPECT_EQ(0, try(self->vf[0], TOKEN_B));
}

TEST_F(token, r30_stays_when_the_physical_function_is_closed)
{
	EXPECT_EQ(0, try(self->pf, TOKEN_A));
	EXPECT_EQ(-EACCES, try(self->vf[0], NULL));
	EXPECT_EQ(-EACCES, try(self->vf[0], TOKEN_B));
	EXPECT_EQ(0, try(self->vf[0], TOKEN_A));

	/* It belongs to the physical function, not to its virtual functions. */
	sriov_set(self->pf, 0);
	sriov_set(self->pf, 1);
	EXPECT_EQ(0, try(self->vf[0], TOKEN_A));
	EXPECT_EQ(0, try(self->pf, TOKEN_B));
	EXPECT_EQ(-EACCES, try(self->vf[0], TOKEN_A));
}

TEST_F(token, goes_with_the_driver)
{
	EXPECT_EQ(0, try(self->pf, TOKEN_A));
	sriov_set(self->pf, 0);
	pci_unbind(self->pf);
	pci_bind(self->pf, "vfio-pci");
	sriov_set(self->pf, 1);
	EXPECT_EQ(-EACCES, try(self->vf[0], TOKEN_A));
}

TEST_F(token, letters_may_be_large)
{
	EXPECT_EQ(0, try(self->pf, TOKEN_A));
	EXPECT_EQ(0, try(self->vf[0], "52AC9BFF-3A88-4FBD-901A-0D767C3B6C97"));
}

TEST_F(token, r30_is_asked_of_the_physical_function_beside_users)
{
	EXPECT_EQ(0, try(self->pf, TOKEN_A));
	user_open(&self->vf_user[0], self->vf[0], TOKEN_A);
	user_open(&self->vf_user[1], self->vf[1], TOKEN_A);
	EXPECT_EQ(-EACCES, try(self->pf, NULL));
	EXPECT_EQ(-EACCES, try(self->pf, TOKEN_B));
	user_open(&self->user, self->pf, TOKEN_A);

	/* For each file. */
	EXPECT_EQ(-EACCES, again(&self->user, self->pf, NULL));
	EXPECT_EQ(-EACCES, again(&self->user, self->pf, TOKEN_B));
	EXPECT_EQ(0, again(&self->user, self->pf, TOKEN_A));
	EXPECT_EQ(-EACCES, again(&self->vf_user[0], self->vf[0], NULL));
	EXPECT_EQ(-EACCES, again(&self->vf_user[0], self->vf[0], TOKEN_B));
	EXPECT_EQ(0, again(&self->vf_user[0], self->vf[0], TOKEN_A));

	/* Until the last user is gone. */
	user_close(&self->user);
	user_close(&self->vf_user[0]);
	EXPECT_EQ(-EACCES, try(self->pf, NULL));
	user_close(&self->vf_user[1]);
	EXPECT_EQ(0, try(self->pf, NULL));
	EXPECT_EQ(0, try(self->pf, TOKEN_B));
}

TEST_F(token, a_failed_open_is_no_use)
{
	char name[128];
	int group;

	/* The right token, but no container. */
	EXPECT_EQ(0, try(self->pf, TOKEN_A));
	group = group_open(pci_group(self->vf[0]));
	snprintf(name, sizeof(name), "%s vf_token=" TOKEN_A, self->vf[0]);
	EXPECT_EQ(-EINVAL, __group_get_device(group, name));
	close(group);
	EXPECT_EQ(0, try(self->pf, NULL));
}

/* ---- VFIO_DEVICE_FEATURE_PCI_VF_TOKEN ------------------------------------------ */

struct token_feature {
	struct vfio_device_feature header;
	uint8_t uuid[16];
};

/* TOKEN_B as bytes. */
static const uint8_t bytes_b[16] = {
	0x88, 0x59, 0x46, 0x74, 0x90, 0xa0, 0x47, 0xa9,
	0xae, 0xa8, 0x9d, 0x9b, 0x35, 0x2a, 0xc0, 0x8a,
};

static int feature(int device, uint32_t flags, uint32_t argsz)
{
	struct token_feature feature = {
		.header = {
			.argsz = argsz,
			.flags = flags | VFIO_DEVICE_FEATURE_PCI_VF_TOKEN,
		},
	};

	memcpy(feature.uuid, bytes_b, sizeof(bytes_b));
	return __call(device, VFIO_DEVICE_FEATURE, &feature);
}

#define GET	VFIO_DEVICE_FEATURE_GET
#define SET	VFIO_DEVICE_FEATURE_SET
#define PROBE	VFIO_DEVICE_FEATURE_PROBE
#define WHOLE	(sizeof(struct vfio_device_feature) + 16)

TEST_F(token, r30_feature_errors)
{
	struct vfio_device_feature *last;
	int device;

	user_open(&self->user, self->pf, TOKEN_A);
	device = self->user.device;
	EXPECT_EQ(0, feature(device, PROBE, 8));
	EXPECT_EQ(0, feature(device, PROBE | SET, 8));
	EXPECT_EQ(-EINVAL, feature(device, PROBE | GET, WHOLE));
	EXPECT_EQ(-EINVAL, feature(device, PROBE | GET | SET, WHOLE));
	EXPECT_EQ(-EINVAL, feature(device, GET, WHOLE));
	EXPECT_EQ(-EINVAL, feature(device, GET | SET, WHOLE));
	EXPECT_EQ(-EINVAL, feature(device, 0, WHOLE));
	EXPECT_EQ(-EINVAL, feature(device, SET, WHOLE - 1));
	EXPECT_EQ(-EINVAL, feature(device, SET, 8));
	EXPECT_EQ(-EINVAL, feature(device, SET, 7));
	EXPECT_EQ(-EINVAL, feature(device, SET | 1U << 20, WHOLE));

	last = (void *)(memory_end() - sizeof(*last));
	*last = (struct vfio_device_feature){ .argsz = WHOLE, .flags = SET };
	EXPECT_EQ(-EFAULT, __call(device, VFIO_DEVICE_FEATURE, last));

	/* Nothing of this has changed it. */
	EXPECT_EQ(0, try(self->vf[0], TOKEN_A));
}

TEST_F(token, feature_sets_it)
{
	user_open(&self->user, self->pf, TOKEN_A);
	ASSERT_EQ(0, feature(self->user.device, SET, WHOLE));
	EXPECT_EQ(-EACCES, try(self->vf[0], TOKEN_A));
	EXPECT_EQ(0, try(self->vf[0], TOKEN_B));

	/* Also beside users, and with room to spare. */
	EXPECT_EQ(0, again(&self->user, self->pf, TOKEN_A));
	user_open(&self->vf_user[0], self->vf[0], TOKEN_A);
	ASSERT_EQ(0, feature(self->user.device, SET, WHOLE + 8));
	EXPECT_EQ(-EACCES, again(&self->vf_user[0], self->vf[0], TOKEN_A));
	EXPECT_EQ(0, again(&self->vf_user[0], self->vf[0], TOKEN_B));
	EXPECT_EQ(-EACCES, try(self->vf[1], TOKEN_A));
	EXPECT_EQ(-EACCES, again(&self->user, self->pf, TOKEN_A));
	EXPECT_EQ(0, again(&self->user, self->pf, TOKEN_B));
}

TEST_F(token, feature_belongs_to_physical_functions)
{
	struct vfio edu;
	char bdf[BDF_LEN];

	EXPECT_EQ(0, try(self->pf, TOKEN_A));
	user_open(&self->vf_user[0], self->vf[0], TOKEN_A);
	EXPECT_EQ(-ENOTTY, feature(self->vf_user[0].device, SET, WHOLE));
	EXPECT_EQ(-ENOTTY, feature(self->vf_user[0].device, PROBE | SET, 8));
	EXPECT_EQ(-ENOTTY, feature(self->vf_user[0].device, GET, 8));
	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	vfio_open(&edu, bdf, HOST_IOMMU);
	EXPECT_EQ(-ENOTTY, feature(edu.device, SET, WHOLE));
	vfio_close(&edu);
}

TEST_HARNESS_MAIN
