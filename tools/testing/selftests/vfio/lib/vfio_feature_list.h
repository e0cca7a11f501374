/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Features that answer with a list. VFIO_IOMMU_FEATURE of a container and
 * VFIO_GROUP_FEATURE of a group have the same header: argsz, then flags, which are the
 * same too, with the index of the feature.
 *
 * After kselftest_harness.h.
 */
#ifndef VFIO_FEATURE_LIST_H
#define VFIO_FEATURE_LIST_H

#include "vfio_test.h"

/* Has a list written to @answer, which holds 0x5a where nothing is written. */
static inline int __feature_list(int fd, unsigned long request, uint32_t flags, void *answer,
				 uint32_t size)
{
	memset(answer, 0x5a, size);
	memcpy(answer, &(uint32_t[]){ size, flags }, 8);
	return __call(fd, request, answer);
}

/* The call with any header, and room behind it. */
static inline int __feature_head(int fd, unsigned long request, uint32_t argsz, uint32_t flags)
{
	uint32_t arg[64] = { argsz, flags };

	return __call(fd, request, arg);
}

/* What the call answers to headers, for a feature that has @fixed bytes before its list. */
static inline void check_feature_head(struct __test_metadata *_metadata, int fd,
				      unsigned long request, uint32_t index, uint32_t fixed)
{
	const uint32_t get = VFIO_IOMMU_FEATURE_GET, set = VFIO_IOMMU_FEATURE_SET;
	const uint32_t probe = VFIO_IOMMU_FEATURE_PROBE, none = 0xff00;
	char *end = memory_end() - 8;
	uint32_t bit, size;

	EXPECT_EQ(0, __feature_head(fd, request, 8, probe | index));
	EXPECT_EQ(0, __feature_head(fd, request, 8, probe | get | index));
	EXPECT_EQ(-EINVAL, __feature_head(fd, request, 8, probe | set | index));
	EXPECT_EQ(-EINVAL, __feature_head(fd, request, 8, probe | get | set | index));
	EXPECT_EQ(-EINVAL, __feature_head(fd, request, 256, index));
	EXPECT_EQ(-EINVAL, __feature_head(fd, request, 256, set | index));
	EXPECT_EQ(-EINVAL, __feature_head(fd, request, 256, get | set | index));
	EXPECT_EQ(-ENOTTY, __feature_head(fd, request, 256, get | none));
	EXPECT_EQ(-ENOTTY, __feature_head(fd, request, 8, probe | none));
	EXPECT_EQ(-ENOTTY, __feature_head(fd, request, 8, probe | 0));
	for (bit = 19; bit < 32; bit++)
		EXPECT_EQ(-EINVAL, __feature_head(fd, request, 256, get | index | 1U << bit));
	for (size = 0; size < 8 + fixed; size++)
		EXPECT_EQ(-EINVAL, __feature_head(fd, request, size, get | index));
	for (size = 0; size < 8; size++)
		EXPECT_EQ(-EINVAL, __feature_head(fd, request, size, probe | index));
	/* Neither the header, nor the data behind it. */
	EXPECT_EQ(-EFAULT, __call(fd, request, NULL));
	memcpy(end, &(uint32_t[]){ 256, get | index }, 8);
	EXPECT_EQ(-EFAULT, __call(fd, request, end));
	memcpy(end, &(uint32_t[]){ 256, probe | index }, 8);
	EXPECT_EQ(0, __call(fd, request, end));
}

#endif
