// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_IOMMU_FEATURE_DOMAINS: which groups of a container share a translation. The
 * kernel's own modules have no such call.
 *
 * Uses two edu devices, each alone in its group.
 */
#include "kselftest_harness.h"
#include "vfio_domains.h"

FIXTURE(domains)
{
	struct vfio vfio;
};

FIXTURE_SETUP(domains)
{
	char bdf[BDF_LEN];

	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	if (driver_is_rust())
		return;
	EXPECT_EQ(-ENOTTY, __call(self->vfio.container, VFIO_IOMMU_FEATURE, NULL));
	vfio_close(&self->vfio);
	SKIP(return, "no such call");
}

FIXTURE_TEARDOWN(domains)
{
	vfio_close(&self->vfio);
}

TEST_F(domains, header)
{
	check_feature_head(_metadata, self->vfio.container, VFIO_IOMMU_FEATURE,
			   VFIO_IOMMU_FEATURE_DOMAINS, sizeof(struct vfio_iommu_feature_domains));
}

TEST_F(domains, of_one_group)
{
	struct container_domains answer;

	ASSERT_EQ(0, __container_domains(self->vfio.container, &answer));
	EXPECT_EQ(sizeof(answer), answer.head.argsz);
	EXPECT_EQ(1, answer.data.count);
	EXPECT_EQ(sizeof(struct vfio_iommu_domain), answer.data.entry_size);
	EXPECT_EQ(self->vfio.group_id, answer.domains[0].group);
	EXPECT_EQ(0, answer.domains[0].domain);
	/* And not a byte more. */
	EXPECT_EQ(0x5a5a5a5a, answer.domains[1].group);
}

/* Two alike share one; with one gone the other is still there. */
TEST_F(domains, of_two_groups)
{
	struct container_domains answer, some;
	struct vfio other;
	char bdf[BDF_LEN];
	uint32_t size;

	if (!pci_find_alone(ID_EDU, 1, bdf))
		SKIP(return, "no second edu alone in its group");
	pci_bind(bdf, "vfio-pci");
	other = (struct vfio){ .container = -1, .device = -1 };
	strcpy(other.bdf, bdf);
	other.group_id = pci_group(bdf);
	other.group = group_open(other.group_id);
	group_set_container(other.group, self->vfio.container);

	ASSERT_EQ(0, __container_domains(self->vfio.container, &answer));
	ASSERT_EQ(2, answer.data.count);
	EXPECT_NE(answer.domains[0].group, answer.domains[1].group);
	EXPECT_TRUE(answer.domains[0].group == (uint32_t)self->vfio.group_id ||
		    answer.domains[1].group == (uint32_t)self->vfio.group_id);
	EXPECT_TRUE(answer.domains[0].group == (uint32_t)other.group_id ||
		    answer.domains[1].group == (uint32_t)other.group_id);
	EXPECT_EQ(0, answer.domains[0].domain);
	EXPECT_EQ(0, answer.domains[1].domain);
	for (size = 16; size < 32; size++) {
		memset(&some, 0, sizeof(some));
		some.head.argsz = size;
		some.head.flags = GET_DOMAINS;
		ASSERT_EQ(-ENOSPC, __call(self->vfio.container, VFIO_IOMMU_FEATURE, &some));
		EXPECT_EQ(32, some.head.argsz);
		EXPECT_EQ(2, some.data.count);
		EXPECT_EQ(0, some.domains[0].group);
	}
	some.head.argsz = 32;
	EXPECT_EQ(0, __call(self->vfio.container, VFIO_IOMMU_FEATURE, &some));
	EXPECT_EQ(0, memcmp(answer.domains, some.domains, 16));

	vfio_close(&other);
	ASSERT_EQ(0, __container_domains(self->vfio.container, &answer));
	ASSERT_EQ(1, answer.data.count);
	EXPECT_EQ(self->vfio.group_id, answer.domains[0].group);
}

TEST(no_domain_without_a_backend)
{
	struct vfio vfio;
	char bdf[BDF_LEN];

	if (!driver_is_rust() || !pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no such call, or no edu device alone in its group");
	vfio_open_group(&vfio, bdf);
	EXPECT_EQ(-EINVAL, __feature_head(vfio.container, VFIO_IOMMU_FEATURE, 256, GET_DOMAINS));
	vfio_close(&vfio);
}

TEST_HARNESS_MAIN
