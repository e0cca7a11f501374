// SPDX-License-Identifier: GPL-2.0-only
/*
 * VF tokens of programs that come by device nodes: BIND_IOMMUFD takes the token
 * as 16 bytes, where a group takes it as text.
 *
 * Uses an igb that is alone in its group; the kernel needs CONFIG_VFIO_DEVICE_CDEV.
 */
#include "kselftest_harness.h"
#include "vfio_cdev.h"
#include "vfio_sriov.h"

static const uint8_t token_a[16] = {
	0x52, 0xac, 0x9b, 0xff, 0x3a, 0x88, 0x4f, 0xbd,
	0x90, 0x1a, 0x0d, 0x76, 0x7c, 0x3b, 0x6c, 0x97,
};
static const uint8_t token_b[16] = {
	0x88, 0x59, 0x46, 0x74, 0x90, 0xa0, 0x47, 0xa9,
	0xae, 0xa8, 0x9d, 0x9b, 0x35, 0x2a, 0xc0, 0x8a,
};

FIXTURE(nodes)
{
	char pf[BDF_LEN], vf[BDF_LEN];
	int iommu, fd;
};

FIXTURE_SETUP(nodes)
{
	char bdf[BDF_LEN], path[280];

	self->iommu = self->fd = -1;
	if (!pci_find_alone(ID_IGB, 0, bdf))
		SKIP(return, "no igb that is alone in its group");
	sriov_begin(bdf);
	strcpy(self->pf, bdf);
	if (!node_find(bdf, path, sizeof(path)))
		SKIP(return, "devices have no nodes");
	sriov_set(self->pf, 1);
	ASSERT_TRUE(sriov_vf(self->pf, 0, self->vf));
	self->iommu = must(__iommu_open());
}

FIXTURE_TEARDOWN(nodes)
{
	close_fd(&self->fd);
	close_fd(&self->iommu);
	if (*self->pf)
		sriov_end(self->pf);
}

/* Opens the node of a device and binds it. Returns the file or -errno. */
static int __node_bind(const char *bdf, int iommu, const uint8_t *token)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.flags = token ? VFIO_DEVICE_BIND_FLAG_TOKEN : 0,
		.iommufd = iommu,
		.token_uuid_ptr = (uintptr_t)token,
	};
	char path[280];
	int fd, ret;

	if (!node_find(bdf, path, sizeof(path)))
		fail("%s has no node", bdf);
	fd = must(node_open(path));
	ret = __call(fd, VFIO_DEVICE_BIND_IOMMUFD, &bind);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

/* The same, and closes it again; returns 0 or -errno. */
static int try(const char *bdf, int iommu, const uint8_t *token)
{
	int fd = __node_bind(bdf, iommu, token);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

TEST_F(nodes, r30_token_comes_with_bind)
{
	EXPECT_EQ(-EACCES, try(self->vf, self->iommu, NULL));
	EXPECT_EQ(-EACCES, try(self->vf, self->iommu, token_a));
	EXPECT_EQ(-EFAULT, try(self->vf, self->iommu, (const uint8_t *)8));

	self->fd = must(__node_bind(self->pf, self->iommu, token_a));
	EXPECT_EQ(-EACCES, try(self->vf, self->iommu, NULL));
	EXPECT_EQ(-EACCES, try(self->vf, self->iommu, token_b));
	EXPECT_EQ(0, try(self->vf, self->iommu, token_a));
	close_fd(&self->fd);
	EXPECT_EQ(0, try(self->vf, self->iommu, token_a));
}

TEST_F(nodes, r30_token_is_asked_of_the_physical_function)
{
	EXPECT_EQ(0, try(self->pf, self->iommu, token_a));
	self->fd = must(__node_bind(self->vf, self->iommu, token_a));
	EXPECT_EQ(-EACCES, try(self->pf, self->iommu, NULL));
	EXPECT_EQ(-EACCES, try(self->pf, self->iommu, token_b));
	EXPECT_EQ(0, try(self->pf, self->iommu, token_a));
}

/* It is one token, whichever way it comes. */
TEST_F(nodes, r30_token_as_bytes_and_as_text)
{
	struct user user;

	EXPECT_EQ(0, try(self->pf, self->iommu, token_a));
	EXPECT_EQ(-EACCES, __user_open(&user, self->vf, TOKEN_B));
	user_close(&user);
	EXPECT_LE(0, __user_open(&user, self->vf, TOKEN_A));
	user_close(&user);
	user_open(&user, self->pf, TOKEN_B);
	user_close(&user);
	EXPECT_EQ(-EACCES, try(self->vf, self->iommu, token_a));
	EXPECT_EQ(0, try(self->vf, self->iommu, token_b));
}

TEST_HARNESS_MAIN
