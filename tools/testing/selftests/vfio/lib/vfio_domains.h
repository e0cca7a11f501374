/* SPDX-License-Identifier: GPL-2.0-only */
/* The call that tells which groups share a translation. After vfio_test.h. */
#ifndef VFIO_DOMAINS_H
#define VFIO_DOMAINS_H

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
	memset(answer, 0x5a, sizeof(*answer));
	answer->head.argsz = sizeof(*answer);
	answer->head.flags = GET_DOMAINS;
	return __call(fd, VFIO_IOMMU_FEATURE, answer);
}

#endif
