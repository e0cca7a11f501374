/* SPDX-License-Identifier: GPL-2.0-only */
/* The calls that describe DMA windows, of a container and of a group. After kselftest_harness.h. */
#ifndef VFIO_WINDOWS_H
#define VFIO_WINDOWS_H

#include "vfio_feature_list.h"

#define MAX_WINDOWS	8

#define GET_WINDOWS	(VFIO_IOMMU_FEATURE_GET | VFIO_IOMMU_FEATURE_WINDOWS)
#define GET_DMA_WINDOW	(VFIO_GROUP_FEATURE_GET | VFIO_GROUP_FEATURE_DMA_WINDOW)

/* What a container answers. */
struct container_windows {
	struct vfio_iommu_feature head;
	struct vfio_iommu_feature_windows data;
	struct vfio_dma_window windows[MAX_WINDOWS];
};

/* What a group answers. */
struct group_windows {
	struct vfio_group_feature head;
	struct vfio_group_feature_dma_window data;
	struct vfio_dma_window windows[MAX_WINDOWS];
};

static inline int __container_windows(int fd, struct container_windows *answer)
{
	return __feature_list(fd, VFIO_IOMMU_FEATURE, GET_WINDOWS, answer, sizeof(*answer));
}

static inline int __group_windows(int fd, struct group_windows *answer)
{
	return __feature_list(fd, VFIO_GROUP_FEATURE, GET_DMA_WINDOW, answer, sizeof(*answer));
}

#endif
