/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of descriptors for DMA share: the call that makes them.
 */
#ifndef VFIO_DMA_FD_H
#define VFIO_DMA_FD_H

#include <fcntl.h>

#include "tie.h"

#define GET_DMA_FD	(VFIO_IOMMU_FEATURE_GET | VFIO_IOMMU_FEATURE_DMA_FD)

#define ALL_RIGHTS \
	(VFIO_DMA_FD_MAP | VFIO_DMA_FD_UNMAP | VFIO_DMA_FD_DIRTY | VFIO_DMA_FD_INFO)

/* The addresses of most descriptors. */
#define PAGES		64
#define FIRST		IOVA
#define LAST		(IOVA + PAGES * PAGE - 1)

static inline int __dma_fd(int container, uint32_t rights, uint32_t flags, uint64_t first,
			   uint64_t last, uint64_t entries)
{
	struct vfio_iommu_feature_dma_fd want = { rights, flags, first, last, entries };

	return __iommu_feature(container, GET_DMA_FD, &want, sizeof(want));
}

/* A descriptor with those addresses. */
static inline int dma_fd(int container, uint32_t rights, uint64_t entries)
{
	return must(__dma_fd(container, rights, O_CLOEXEC, FIRST, LAST, entries));
}

static inline int64_t __dma_unmap_all(int fd)
{
	return __dma_unmap_flags(fd, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL);
}

#endif
