// SPDX-License-Identifier: GPL-2.0-only
/* Inline functions of the IOMMU core, for rust/kernel/iommu/. */

#include <linux/iommu.h>
#include <linux/scatterlist.h>
#include "helpers.h"

void vfio_helper_iommu_iotlb_gather_init(struct iommu_iotlb_gather *gather)
{
	iommu_iotlb_gather_init(gather);
}

void vfio_helper_iommu_iotlb_sync(struct iommu_domain *domain,
				  struct iommu_iotlb_gather *gather)
{
	iommu_iotlb_sync(domain, gather);
}

int vfio_helper_iommu_get_msi_cookie(struct iommu_domain *domain, dma_addr_t base)
{
	return iommu_get_msi_cookie(domain, base);
}

void vfio_helper_sg_set_page(struct scatterlist *sg, struct page *page,
			     unsigned int len)
{
	sg_set_page(sg, page, len, 0);
}
