/* SPDX-License-Identifier: GPL-2.0-only */
/* The call that tells which groups share a translation. After kselftest_harness.h. */
#ifndef VFIO_DOMAINS_H
#define VFIO_DOMAINS_H

#include "vfio_feature_list.h"

#define MAX_DOMAINS	8

#define GET_DOMAINS	(VFIO_IOMMU_FEATURE_GET | VFIO_IOMMU_FEATURE_DOMAINS)

/* What a container answers. */
struct container_domains {
	struct vfio_iommu_feature head;
	struct vfio_iommu_feature_domains data;
	struct vfio_iommu_domain domains[MAX_DOMAINS];
};

static inline int __container_domains(int fd, struct container_domains *answer)
{
	return __feature_list(fd, VFIO_IOMMU_FEATURE, GET_DOMAINS, answer, sizeof(*answer));
}

#endif
