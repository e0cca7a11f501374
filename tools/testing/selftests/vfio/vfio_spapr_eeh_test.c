// SPDX-License-Identifier: GPL-2.0-only
/*
 * POWER: extended error handling (EEH). Bare machines have it; QEMU's partitions
 * have none for emulated devices.
 */
#include "kselftest_harness.h"
#include "vfio_test.h"
#include "vfio_spapr.h"

SPAPR_SETUP(VFIO_SPAPR_TCE_v2_IOMMU)

static int __eeh(int fd, uint32_t op)
{
	struct vfio_eeh_pe_op pe = { .argsz = sizeof(pe), .op = op };

	return __call(fd, VFIO_EEH_PE_OP, &pe);
}

static bool has_eeh(int fd)
{
	return __call(fd, VFIO_CHECK_EXTENSION, (void *)VFIO_EEH) == 1;
}

TEST_F(spapr, without_eeh)
{
	if (has_eeh(self->fd))
		SKIP(return, "there is EEH");
	EXPECT_EQ(-ENODEV, __eeh(self->fd, VFIO_EEH_PE_GET_STATE));
	EXPECT_EQ(-ENODEV, __call(self->fd, VFIO_EEH_PE_OP, NULL));
}

TEST_F(spapr, mistakes)
{
	struct vfio_eeh_pe_op pe = { .argsz = 11, .op = VFIO_EEH_PE_GET_STATE };

	if (!has_eeh(self->fd))
		SKIP(return, "no EEH");
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_EEH_PE_OP, NULL));
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_EEH_PE_OP, &pe));
	pe.argsz = 12;
	pe.flags = 1;
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_EEH_PE_OP, &pe));
	pe.flags = 0;
	EXPECT_EQ(0, __call(self->fd, VFIO_EEH_PE_OP, &pe));
	pe.op = VFIO_EEH_PE_INJECT_ERR;
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_EEH_PE_OP, &pe));
	EXPECT_EQ(-EINVAL, __eeh(self->fd, VFIO_EEH_PE_INJECT_ERR + 1));
	EXPECT_EQ(-EINVAL, __eeh(self->fd, UINT32_MAX));
}

TEST_F(spapr, states_and_resets)
{
	if (!has_eeh(self->fd))
		SKIP(return, "no EEH");
	EXPECT_EQ(VFIO_EEH_PE_STATE_NORMAL, __eeh(self->fd, VFIO_EEH_PE_GET_STATE));
	EXPECT_EQ(0, __eeh(self->fd, VFIO_EEH_PE_ENABLE));
	EXPECT_EQ(0, __eeh(self->fd, VFIO_EEH_PE_RESET_HOT));
	EXPECT_EQ(0, __eeh(self->fd, VFIO_EEH_PE_RESET_DEACTIVATE));
	EXPECT_EQ(0, __eeh(self->fd, VFIO_EEH_PE_CONFIGURE));
	EXPECT_EQ(VFIO_EEH_PE_STATE_NORMAL, __eeh(self->fd, VFIO_EEH_PE_GET_STATE));
}

TEST_F(spapr, an_error_to_inject)
{
	if (!has_eeh(self->fd))
		SKIP(return, "no EEH");
	/* QEMU's firmware injects none. */
	EXPECT_EQ(-EIO, __eeh(self->fd, VFIO_EEH_PE_INJECT_ERR));
}

TEST_HARNESS_MAIN
