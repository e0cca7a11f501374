/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Out-of-line copies of kernel macros and inline functions, for Rust.
 *
 * One block per file of this folder.  Every name starts with vfio_helper_ and
 * continues with the name of the C original; a helper does nothing else.
 */
#ifndef VFIO_RUST_HELPERS_H
#define VFIO_RUST_HELPERS_H

#include <linux/mm_types.h>
#include <linux/types.h>
#include <linux/workqueue_types.h>

struct completion;
struct device;
struct file;
struct ida;
struct iommu_domain;
struct inode;
struct iommu_iotlb_gather;
struct kvm;
struct list_head;
struct scatterlist;
struct mm_struct;
struct mmu_interval_notifier;
struct mmu_notifier_range;
struct page;
struct pci_bus;
struct pci_dev;
struct poll_table_struct;
struct ratelimit_state;
struct resource;

/* completion.c */
void vfio_helper_init_completion(struct completion *x);

/* pci.c */
bool vfio_helper_pci_is_root_bus(struct pci_bus *bus);
int vfio_helper_pci_domain_nr(struct pci_bus *bus);
struct pci_dev *vfio_helper_pci_physfn(struct pci_dev *pdev);
struct pci_dev *vfio_helper_pci_upstream_bridge(struct pci_dev *pdev);
unsigned long vfio_helper_pci_resource_flags(struct pci_dev *pdev, int bar);
struct resource *vfio_helper_pci_resource_n(struct pci_dev *pdev, int bar);
bool vfio_helper_pci_dev_is_virtfn(struct pci_dev *pdev);
bool vfio_helper_pci_dev_is_physfn(struct pci_dev *pdev);
bool vfio_helper_pci_dev_no_command_memory(struct pci_dev *pdev);
bool vfio_helper_pci_dev_non_mappable_bars(struct pci_dev *pdev);
bool vfio_helper_pci_intx_mask_supported(struct pci_dev *pdev);
u64 vfio_helper_ioread64(const void __iomem *addr);
void vfio_helper_iowrite64(u64 value, void __iomem *addr);

/* idr.c */
void vfio_helper_ida_init(struct ida *ida);

/* pm_runtime.c */
int vfio_helper_pm_runtime_resume_and_get(struct device *dev);
void vfio_helper_pm_runtime_put(struct device *dev);
void vfio_helper_pm_runtime_put_noidle(struct device *dev);
void vfio_helper_pm_runtime_get_noresume(struct device *dev);

/* ratelimit.c */
void vfio_helper_ratelimit_state_init(struct ratelimit_state *rs, int interval, int burst);

/* kvm.c */
bool (*vfio_helper_symbol_get_kvm_get_kvm_safe(void))(struct kvm *kvm);
void vfio_helper_symbol_put_kvm_get_kvm_safe(void);
void (*vfio_helper_symbol_get_kvm_put_kvm(void))(struct kvm *kvm);
void vfio_helper_symbol_put_kvm_put_kvm(void);

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
void vfio_helper_mmap_read_lock(struct mm_struct *mm);
void vfio_helper_mmap_read_unlock(struct mm_struct *mm);
int vfio_helper_mm_users(struct mm_struct *mm);
bool vfio_helper_vma_is_attached(struct vm_area_struct *vma);
unsigned long vfio_helper_rlimit(unsigned int limit);
bool vfio_helper_access_ok(const void __user *ptr, unsigned long size);
unsigned long vfio_helper_untagged_addr(unsigned long addr);
struct folio *vfio_helper_page_folio(struct page *page);
unsigned long vfio_helper_page_pgoff(struct folio *folio, struct page *page);
unsigned long vfio_helper_folio_nr_pages(struct folio *folio);
unsigned long vfio_helper_folio_page_idx(struct folio *folio, struct page *page);
bool vfio_helper_folio_test_anon(struct folio *folio);
bool vfio_helper_folio_test_hugetlb(struct folio *folio);
void vfio_helper_folio_lock(struct folio *folio);
void vfio_helper_folio_unlock(struct folio *folio);
unsigned long vfio_helper_linear_page_index(struct vm_area_struct *vma,
					    unsigned long addr);
struct file *vfio_helper_get_file(struct file *file);
void vfio_helper_inode_lock_shared(struct inode *inode);
void vfio_helper_inode_unlock_shared(struct inode *inode);
void vfio_helper_mmu_interval_set_seq(struct mmu_interval_notifier *sub,
				      unsigned long seq);
bool vfio_helper_mmu_notifier_range_blockable(const struct mmu_notifier_range *range);

/* sched.c */
void vfio_helper_cond_resched(void);
bool vfio_helper_fatal_signal_pending(void);
void vfio_helper_init_work(struct work_struct *work, work_func_t func);

/* iommu.c */
void vfio_helper_iommu_iotlb_gather_init(struct iommu_iotlb_gather *gather);
void vfio_helper_iommu_iotlb_sync(struct iommu_domain *domain,
				  struct iommu_iotlb_gather *gather);
int vfio_helper_iommu_get_msi_cookie(struct iommu_domain *domain, dma_addr_t base);
void vfio_helper_sg_set_page(struct scatterlist *sg, struct page *page,
			     unsigned int len);

/* tce.c */
#ifdef CONFIG_SPAPR_TCE_IOMMU
bool vfio_helper_eeh_enabled(void);
bool vfio_helper_has_put_tce_indirect(void);
long vfio_helper_plpar_tce_put(unsigned long liobn, unsigned long ioba, unsigned long tce);
long vfio_helper_plpar_tce_put_indirect(unsigned long liobn, unsigned long ioba,
					unsigned long page, unsigned long count);
u64 vfio_helper_virt_to_phys(const void *address);
void *vfio_helper_phys_to_virt(u64 address);
unsigned int vfio_helper_page_shift_of_pfn(unsigned long pfn);
void vfio_helper_set_page_dirty(struct page *page);
void vfio_helper_get_page(struct page *page);
void vfio_helper_put_page(struct page *page);
#endif

/* vga.c */
int vfio_helper_vga_get_interruptible(struct pci_dev *pdev, unsigned int rsrc);
void vfio_helper_vga_put(struct pci_dev *pdev, unsigned int rsrc);
int vfio_helper_vga_client_register(struct pci_dev *pdev,
				    unsigned int (*set_decode)(struct pci_dev *pdev, bool state));
void vfio_helper_vga_set_legacy_decoding(struct pci_dev *pdev, unsigned int decodes);
int vfio_helper_aperture_remove_conflicting_pci_devices(struct pci_dev *pdev, const char *name);

/* vma.c */
void vfio_helper_vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags);
vm_flags_t vfio_helper_vm_allow_any_uncached(void);
pgprot_t vfio_helper_pgprot_noncached(pgprot_t prot);
pgprot_t vfio_helper_pgprot_decrypted(pgprot_t prot);
unsigned int vfio_helper_pmd_order(void);
unsigned int vfio_helper_pud_order(void);

/* wait.c */
void vfio_helper_list_del_init(struct list_head *entry);
__poll_t vfio_helper_vfs_poll(struct file *file, struct poll_table_struct *pt);

#endif
