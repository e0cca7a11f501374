/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Out-of-line copies of kernel macros and inline functions, for Rust.
 *
 * One block per file of this folder.  Every name starts with vfio_helper_ and
 * continues with the name of the C original; a helper does nothing else.
 */
#ifndef VFIO_RUST_HELPERS_H
#define VFIO_RUST_HELPERS_H

#include <linux/types.h>

struct iommu_domain;
struct iommu_iotlb_gather;
struct mm_struct;
struct page;
struct ratelimit_state;

/* ratelimit.c */
void vfio_helper_ratelimit_state_init(struct ratelimit_state *rs, int interval, int burst);

/* mm.c */
unsigned long vfio_helper_page_to_pfn(struct page *page);
struct page *vfio_helper_pfn_to_page(unsigned long pfn);
bool vfio_helper_pfn_valid(unsigned long pfn);
bool vfio_helper_page_reserved(struct page *page);
size_t vfio_helper_num_pages_contiguous(struct page **pages, size_t count);
unsigned long vfio_helper_untagged_addr_remote(struct mm_struct *mm,
					       unsigned long addr);
int vfio_helper_mmap_write_lock_killable(struct mm_struct *mm);
void vfio_helper_mmap_write_lock(struct mm_struct *mm);
void vfio_helper_mmap_write_unlock(struct mm_struct *mm);
unsigned long vfio_helper_rlimit(unsigned int limit);
bool vfio_helper_access_ok(const void __user *ptr, unsigned long size);

/* sched.c */
void vfio_helper_cond_resched(void);
bool vfio_helper_fatal_signal_pending(void);

/* iommu.c */
void vfio_helper_iommu_iotlb_gather_init(struct iommu_iotlb_gather *gather);
void vfio_helper_iommu_iotlb_sync(struct iommu_domain *domain,
				  struct iommu_iotlb_gather *gather);

#endif
