// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a program does with a device that it has bound to a context of IOMMUFD by
 * its own node: attach it to address spaces of the context, and reset it together
 * with others of the context.
 *
 * Uses an edu device alone in its group, and two in one group; the kernel needs
 * CONFIG_VFIO_DEVICE_CDEV.
 */
#include "kselftest_harness.h"
#include "vfio_cdev.h"
#include "vfio_ioas.h"

/* What a hot reset of the device would hit, with room for four. */
union answer {
	struct vfio_pci_hot_reset_info head;
	char bytes[12 + 4 * 8];
};

static int __hot_reset_info(int fd, union answer *answer)
{
	memset(answer, 0x5a, sizeof(*answer));
	answer->head.argsz = sizeof(*answer);
	return __call(fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, answer);
}

static uint32_t device_id(const union answer *answer, const char *bdf)
{
	unsigned int bus, slot, function, i;

	sscanf(bdf, "%*x:%x:%x.%x", &bus, &slot, &function);
	for (i = 0; i < answer->head.count && i < 4; i++)
		if (answer->head.devices[i].bus == bus &&
		    answer->head.devices[i].devfn == (slot << 3 | function))
			return answer->head.devices[i].devid;
	fail("%s would not be hit by the reset", bdf);
}

static int __hot_reset(int fd, uint32_t count)
{
	struct {
		struct vfio_pci_hot_reset head;
		int32_t fds[4];
	} request = { .head = { .argsz = sizeof(request), .count = count } };

	return __call(fd, VFIO_DEVICE_PCI_HOT_RESET, &request);
}

TEST_F(node, attach_errors)
{
	struct vfio_device_attach_iommufd_pt attach = { .argsz = 11 };
	struct vfio_device_detach_iommufd_pt detach = { .argsz = 7 };
	uint32_t ioas = ioas_alloc(self->iommu);

	ASSERT_EQ(0, __bind(self->fd, self->iommu));
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, NULL));
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach));
	attach.argsz = sizeof(attach);
	attach.flags = 2;
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach));
	EXPECT_EQ(-ENOENT, __attach(self->fd, 1000));
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, NULL));
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach));
	detach.argsz = sizeof(detach);
	detach.flags = 2;
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach));
	/* Taking out what is in nothing is fine. */
	EXPECT_EQ(0, __detach(self->fd));
	EXPECT_EQ(0, __attach(self->fd, ioas));
	EXPECT_EQ(0, __attach(self->fd, ioas));
	EXPECT_EQ(0, __detach(self->fd));
	EXPECT_EQ(0, __detach(self->fd));
}

static int __attach_pasid(int fd, uint32_t argsz, uint32_t pt, uint32_t pasid)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = argsz, .flags = VFIO_DEVICE_ATTACH_PASID, .pt_id = pt, .pasid = pasid,
	};

	return __call(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
}

static int __detach_pasid(int fd, uint32_t argsz, uint32_t pasid)
{
	struct vfio_device_detach_iommufd_pt detach = {
		.argsz = argsz, .flags = VFIO_DEVICE_DETACH_PASID, .pasid = pasid,
	};

	return __call(fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach);
}

/* The edu's requests carry none. */
TEST_F(node, device_without_pasids)
{
	uint32_t ioas = ioas_alloc(self->iommu);

	ASSERT_EQ(0, __bind(self->fd, self->iommu));
	EXPECT_EQ(-EINVAL, __attach_pasid(self->fd, 15, ioas, 1));
	EXPECT_EQ(-ENOENT, __attach_pasid(self->fd, 16, 1000, 1));
	EXPECT_EQ(-EINVAL, __attach_pasid(self->fd, 16, ioas, 1));
	EXPECT_EQ(-EINVAL, __attach_pasid(self->fd, 16, ioas, 1));
	EXPECT_EQ(-EINVAL, __detach_pasid(self->fd, 11, 1));
	EXPECT_EQ(0, __detach_pasid(self->fd, 12, 1));
	EXPECT_EQ(0, __detach_pasid(self->fd, 12, UINT32_MAX));

	/* The rest of its requests are another matter. */
	EXPECT_EQ(0, __attach(self->fd, ioas));
	EXPECT_EQ(-EINVAL, __attach_pasid(self->fd, 16, ioas, 1));
	EXPECT_EQ(0, __detach(self->fd));
}

TEST_F(node, attached_device_reaches_what_is_mapped)
{
	struct vfio_device_attach_iommufd_pt attach = { .argsz = 12 };
	char *mem[2] = { memory(2 * PAGE), memory(2 * PAGE) };
	uint32_t ioas[2];
	struct edu edu;
	int i;

	for (i = 0; i < 2; i++) {
		ioas[i] = ioas_alloc(self->iommu);
		ioas_map(self->iommu, ioas[i], mem[i], 2 * PAGE);
		memset(mem[i], 0x5a + i, PAGE);
	}
	ASSERT_EQ(0, __bind(self->fd, self->iommu));
	edu_open(&edu, self->fd);
	/* From the first address space to the second, without a stop between. */
	for (i = 0; i < 2; i++) {
		attach.pt_id = ioas[i];
		EXPECT_EQ(0, __call(self->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach));
		/* The answer is the page table that was made. */
		EXPECT_NE(0, attach.pt_id);
		EXPECT_NE(ioas[i], attach.pt_id);
		edu_copy(&edu, IOVA, IOVA + PAGE, PAGE);
		EXPECT_TRUE(is_all(mem[i] + PAGE, PAGE, 0x5a + i));
	}
	EXPECT_EQ(0, __detach(self->fd));
	memset(mem[1] + PAGE, 0, PAGE);
	edu_dma_to(&edu, IOVA + PAGE, PAGE);
	EXPECT_TRUE(is_all(mem[1] + PAGE, PAGE, 0));
	edu_close(&edu);
}

TEST_F(node, closes_in_any_order)
{
	uint32_t ioas = ioas_alloc(self->iommu);

	ASSERT_EQ(0, __bind(self->fd, self->iommu));
	EXPECT_EQ(0, __attach(self->fd, ioas));
	close_fd(&self->iommu);
	EXPECT_EQ(0x1234, config_read(self->fd, 0, 2));
	close_fd(&self->fd);
	self->iommu = must(__iommu_open());
	self->fd = must(node_open(self->path));
	EXPECT_EQ(0, __bind(self->fd, self->iommu));
}

/* Two devices of one group. */
FIXTURE(pair)
{
	char bdf[2][BDF_LEN];
	char path[2][280];
	int fd[2], iommu;
};

FIXTURE_SETUP(pair)
{
	int i;

	self->fd[0] = self->fd[1] = self->iommu = -1;
	if (!pci_find_pair(ID_EDU, self->bdf[0], self->bdf[1])) {
		*self->bdf[0] = '\0';
		SKIP(return, "no two edu devices in one group");
	}
	for (i = 0; i < 2; i++) {
		pci_bind(self->bdf[i], "vfio-pci");
		if (!node_find(self->bdf[i], self->path[i], sizeof(self->path[i])))
			SKIP(return, "devices have no nodes");
	}
	self->iommu = must(__iommu_open());
	for (i = 0; i < 2; i++)
		self->fd[i] = must(node_open(self->path[i]));
}

FIXTURE_TEARDOWN(pair)
{
	int i;

	for (i = 0; i < 2; i++)
		close_fd(&self->fd[i]);
	close_fd(&self->iommu);
	for (i = 0; i < 2 && *self->bdf[0]; i++)
		pci_unbind(self->bdf[i]);
}

TEST_F(pair, belongs_to_one_context)
{
	int other = must(__iommu_open()), group = pci_group(self->bdf[0]);

	EXPECT_EQ(0, __bind(self->fd[0], self->iommu));
	EXPECT_EQ(-EPERM, __bind(self->fd[1], other));
	EXPECT_EQ(0, __bind(self->fd[1], self->iommu));
	close_fd(&self->fd[0]);
	EXPECT_EQ(-EBUSY, __group_open(group));
	EXPECT_EQ(0x1234, config_read(self->fd[1], 0, 2));
	close_fd(&self->fd[1]);
	group = __group_open(group);
	EXPECT_LE(0, group);
	close(group);
	close(other);
}

#define IDS	VFIO_PCI_HOT_RESET_FLAG_DEV_ID
#define OWNED	VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED

TEST_F(pair, is_reset_together_by_its_context)
{
	struct vfio_device_bind_iommufd bind = { .argsz = 16, .iommufd = self->iommu };
	union answer answer;
	uint32_t id;

	ASSERT_EQ(0, __call(self->fd[0], VFIO_DEVICE_BIND_IOMMUFD, &bind));
	id = bind.out_devid;
	/* The other is not bound, but in the same group, so nobody else can have it. */
	EXPECT_EQ(0, __hot_reset_info(self->fd[0], &answer));
	EXPECT_EQ(IDS | OWNED, answer.head.flags);
	EXPECT_EQ(2, answer.head.count);
	EXPECT_EQ(id, device_id(&answer, self->bdf[0]));
	EXPECT_EQ(VFIO_PCI_DEVID_OWNED, device_id(&answer, self->bdf[1]));
	EXPECT_EQ(-EINVAL, __hot_reset(self->fd[0], 1));
	EXPECT_EQ(0, __hot_reset(self->fd[0], 0));

	ASSERT_EQ(0, __call(self->fd[1], VFIO_DEVICE_BIND_IOMMUFD, &bind));
	EXPECT_NE(id, bind.out_devid);
	EXPECT_EQ(0, __hot_reset_info(self->fd[0], &answer));
	EXPECT_EQ(IDS | OWNED, answer.head.flags);
	EXPECT_EQ(id, device_id(&answer, self->bdf[0]));
	EXPECT_EQ(bind.out_devid, device_id(&answer, self->bdf[1]));
	EXPECT_EQ(0, __hot_reset(self->fd[0], 0));
	EXPECT_EQ(0x1234, config_read(self->fd[1], 0, 2));
}

TEST_F(pair, is_not_reset_without_a_member)
{
	union answer answer;

	/* What is not bound to a VFIO driver belongs to nobody's context. */
	ASSERT_EQ(0, __bind(self->fd[0], self->iommu));
	close_fd(&self->fd[1]);
	pci_unbind(self->bdf[1]);
	EXPECT_EQ(0, __hot_reset_info(self->fd[0], &answer));
	EXPECT_EQ(IDS, answer.head.flags);
	EXPECT_EQ((uint32_t)VFIO_PCI_DEVID_NOT_OWNED, device_id(&answer, self->bdf[1]));
	EXPECT_EQ(-EINVAL, __hot_reset(self->fd[0], 0));
}

TEST_F(pair, is_not_viable_in_part)
{
	/* On C a member without a driver is none of the others' business. */
	if (!driver_is_rust())
		SKIP(return, "a listed difference");
	close_fd(&self->fd[1]);
	pci_unbind(self->bdf[1]);
	EXPECT_EQ(-EPERM, __bind(self->fd[0], self->iommu));
	pci_bind(self->bdf[1], "vfio-pci");
	EXPECT_EQ(0, __bind(self->fd[0], self->iommu));
}

TEST_HARNESS_MAIN
